"""How arrivals enter the library: all of them in a constant number of statements, or none.

Each gets an asset that is `ingesting`, and a job that decides what it becomes. An arrival may be about an asset that is
there already, by its key or because the caller says so: that one is taken in anew, whatever it was doing, and lives
again if it was archived, under its name or a free one. Its bytes stay until the new ones have come.
"""

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, Row, select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database import flavour
from stackroom.database.columns import columns, take_numbers
from stackroom.database.flavour import statement
from stackroom.database.schema import dataset
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.ingest.keeping import kind_of
from stackroom.ingest.preparing import KIND, Prepared, as_json, refuse_repeated, task_of
from stackroom.library import folders, numbering, registrations
from stackroom.library.registrations import Registration
from stackroom.queue.submit import submit_many

T = TypeVar("T")
_NOTHING = Registration()
_SHOWN = 10  # of what is refused together


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals that have their assets and jobs, in their order. `new` are the places of the assets that are."""

    asset_ids: Sequence[int]
    asset_uuids: Sequence[bytes]
    dataset_ids: Sequence[int]
    names: Sequence[str]
    job_ids: Sequence[int]
    new: Sequence[int]


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that arrivals are about."""

    id: int
    uuid: bytes
    dataset_id: int
    folder_id: int
    name: str
    key: str | None
    archived: bool


def enter(
    conn: Connection,
    actor: Actor,
    prepared: Prepared,
    *,
    priority: int,
    batch_id: int | None,
    keep_batch: bool = False,
    now: int,
) -> Entered:
    """Take arrivals in, in their order. The number of statements follows that of datasets and of folders that have to
    be made, never that of arrivals.

    Assets belong to the batch from now on, or to none; with `keep_batch` those that are there stay with theirs.
    Raises `Invalid` for a bad name, and for two arrivals about one asset; `NotFound` for a dataset or an asset that
    is not there.
    """
    arrivals = prepared.arrivals
    _check_datasets(conn, actor, {dataset_id for dataset_id, _ in prepared.places})
    known = _find_known(conn, actor, prepared)
    named = _name(conn, prepared, known, now=now)
    entered = _entered(conn, prepared, known, named)
    _record(conn, actor, prepared, entered, batch_id=batch_id, now=now)
    _insert(conn, actor, prepared, entered, named, batch_id=batch_id, now=now)
    _renew(conn, entered, known, named, batch_id=batch_id, keep_batch=keep_batch, now=now)
    _register(conn, actor, prepared, entered, now=now)
    submit_many(
        conn,
        organization_id=actor.organization_id,
        kind=KIND,
        priority=priority,
        tasks=_tasks(prepared, known),
        asset_ids=entered.asset_ids,
        positions=range(len(arrivals)),
        job_ids=entered.job_ids,
        batch_id=batch_id,
        now=now,
    )
    return entered


def _check_datasets(conn: Connection, actor: Actor, wanted: set[int]) -> None:
    mine = select(dataset.c.id).where(dataset.c.organization_id == actor.organization_id)
    missing = wanted - set(conn.scalars(mine.where(dataset.c.id.in_(wanted))))
    if missing:
        raise NotFound(
            "the dataset is not there", hint="It may have been deleted; list the datasets to see them."
        )


def _find_known(conn: Connection, actor: Actor, prepared: Prepared) -> dict[int, _Known]:
    """The assets that arrivals are about, by the arrival's place. Three statements at most."""
    arrivals = prepared.arrivals
    chosen = [n for n, each in enumerate(arrivals) if each.asset_id is not None]
    found: dict[int, _Known] = {}
    if chosen:
        wanted = {"n": chosen, "id": [arrivals[n].asset_id for n in chosen]}
        found = dict(_look(conn, actor, "a.id = s.id", "s.n", len(chosen), numbers=wanted))
    if len(found) < len(chosen):
        raise NotFound("one of the images is not there", hint="It may have been deleted for good.")
    if prepared.keys:
        for it in _look_by_key(conn, actor, list(prepared.keys)):
            found[prepared.keys[it.dataset_id, str(it.key)]] = it
    for n, it in _look_by_uuid(conn, actor, prepared.ids):
        if it.key is None and it.dataset_id == arrivals[n].dataset_id:
            found.setdefault(n, it)
    if len({it.id for it in found.values()}) < len(found):
        refuse_repeated("the same image")
    return found


_KNOWN = "a.id, a.uuid, a.dataset_id, a.folder_id, a.name, a.key, a.archived_at"


def _look(
    conn: Connection, actor: Actor, where: str, place: str, count: int, **wanted: Any
) -> list[tuple[int, _Known]]:
    """The organization's assets for which `where` holds with one of these rows, each with the row's `place`."""
    how = flavour.of(conn)
    said, parameters = columns(how, "wanted", count, **wanted)
    there = how.probe.format(table="asset", alias="a", where=f"{where} AND a.organization_id = :organization")
    rows = conn.execute(
        statement(f"SELECT {place} AS place, {_KNOWN} FROM {said} s {there}"),
        {**parameters, "organization": actor.organization_id},
    )
    return [(row.place, _known(row)) for row in rows]


def _look_by_key(conn: Connection, actor: Actor, wanted: Sequence[tuple[int, str]]) -> list[_Known]:
    numbers, texts = {"dataset_id": [it for it, _ in wanted]}, {"key": [key for _, key in wanted]}
    where = "a.dataset_id = s.dataset_id AND a.key = s.key"
    return [it for _, it in _look(conn, actor, where, "0", len(wanted), numbers=numbers, texts=texts)]


def _look_by_uuid(
    conn: Connection, actor: Actor, wanted: Sequence[tuple[int, bytes]]
) -> list[tuple[int, _Known]]:
    if not wanted:
        return []
    how = flavour.of(conn)
    where = "a.uuid = s.uuid AND a.organization_id = :organization"
    there = how.probe.format(table="asset", alias="a", where=where)
    rows = conn.execute(
        statement(f"SELECT s.n, {_KNOWN} FROM {how.packed} s {there}"),
        {
            "packed": b"".join(raw for _, raw in wanted),
            "count": len(wanted),
            "organization": actor.organization_id,
        },
    )
    return [(wanted[row.n][0], _known(row)) for row in rows]


def _known(row: Row[Any]) -> _Known:
    return _Known(
        id=row.id,
        uuid=bytes(row.uuid),
        dataset_id=row.dataset_id,
        folder_id=row.folder_id,
        name=row.name,
        key=row.key,
        archived=row.archived_at is not None,
    )


def _all_of(refusals: Sequence[Invalid]) -> Invalid:
    """The first of these, saying how many there are: who mends one after the other never comes to an end."""
    first, others = refusals[0], len(refusals) - 1
    if not others:
        return first
    return Invalid(
        f"{first.message}, and {others:,} more cannot be called as they are; nothing was accepted",
        code=first.code,
        hint=first.hint,
        details={"count": len(refusals), "first": [each.message for each in refusals[:_SHOWN]]},
    )


def _name(
    conn: Connection, prepared: Prepared, known: Mapping[int, _Known], *, now: int
) -> dict[int, tuple[int, str]]:
    """The folder and a free name for each that gets one: what is new, and what was archived. By the arrival's place."""
    new = [n for n in range(len(prepared.places)) if n not in known] if known else range(len(prepared.places))
    nameless = [why for n, why in prepared.refused.items() if n not in known]
    if nameless:
        raise _all_of(nameless)
    inside: dict[int, set[str]] = {}
    for dataset_id, path in set(_at(prepared.places, new)):
        inside.setdefault(dataset_id, set()).add(path)
    places: dict[tuple[int, str], int] = {}
    for dataset_id in sorted(inside):
        made = folders.enter_many(conn, dataset_id, inside[dataset_id], now=now)
        places |= {(dataset_id, path): folder_id for path, folder_id in made.items()}
    folder_ids = [places[place] for place in _at(prepared.places, new)]
    wanted = dict(zip(new, zip(folder_ids, _at(prepared.names, new), strict=True), strict=True))
    # In the order of the arrivals: of two that ask for one name the first gets it.
    wanted |= {n: (it.folder_id, it.name) for n, it in known.items() if it.archived}
    return _free(conn, dict(sorted(wanted.items())) if known else wanted)


def _free(conn: Connection, wanted: dict[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    """These (folder, name), with another name where that one is taken, also by an earlier one of these."""
    same = "a.folder_id = s.folder_id AND a.archived_at IS NULL AND a.name = s.name"
    distinct = dict.fromkeys(wanted.values())
    taken = set(_held(conn, same, distinct))
    if not taken and len(distinct) == len(wanted):
        return wanted
    given = dict(wanted)
    colliding = []
    for n, place in wanted.items():
        if place in taken:
            colliding.append((n, *place))
        taken.add(place)
    if colliding:
        for n, name in numbering.free_names(conn, colliding, taken, numbering.FIRST_NUMBER):
            given[n] = wanted[n][0], name
    return given


def _held(conn: Connection, where: str, places: Collection[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if not places:
        return
    how = flavour.of(conn)
    numbers, texts = {"folder_id": [it for it, _ in places]}, {"name": [name for _, name in places]}
    said, parameters = columns(how, "wanted", len(places), numbers=numbers, texts=texts)
    there = how.probe.format(table="asset", alias="a", where=where)
    yield from conn.execute(statement(f"SELECT a.folder_id, a.name FROM {said} s {there}"), parameters)


def _entered(
    conn: Connection,
    prepared: Prepared,
    known: Mapping[int, _Known],
    named: Mapping[int, tuple[int, str]],
) -> Entered:
    """Who is who. Assets and jobs have their numbers from here on, so that each can name the other before it is
    there."""
    count = len(prepared.arrivals)
    new = [n for n in range(count) if n not in known] if known else range(count)
    asset_ids: Sequence[int] = take_numbers(conn, "asset", len(new))
    uuids: Sequence[bytes] = struct.unpack("16s" * count, prepared.uuids)
    names: Sequence[str] = [name for _, name in named.values()]
    if known:
        numbers = dict(zip(new, asset_ids, strict=True))
        asset_ids = [known[n].id if n in known else numbers[n] for n in range(count)]
        uuids = [known[n].uuid if n in known else uuid for n, uuid in enumerate(uuids)]
        names = [named[n][1] if n in named else known[n].name for n in range(count)]
    return Entered(
        asset_ids=asset_ids,
        asset_uuids=uuids,
        dataset_ids=[known[n].dataset_id if n in known else it for n, (it, _) in enumerate(prepared.places)],
        names=names,
        job_ids=take_numbers(conn, "job", count),
        new=new,
    )


def _tasks(prepared: Prepared, known: Mapping[int, _Known]) -> Sequence[str]:
    tasks = list(prepared.tasks)
    for n, it in known.items():
        tasks[n] = as_json(task_of(prepared.arrivals[n], ids.text(it.uuid)))
    return tasks


def _insert(
    conn: Connection,
    actor: Actor,
    prepared: Prepared,
    entered: Entered,
    named: Mapping[int, tuple[int, str]],
    *,
    batch_id: int | None,
    now: int,
) -> None:
    """The assets that are new, with nothing in them yet."""
    new, arrivals = entered.new, prepared.arrivals
    if not new:
        return
    how = flavour.of(conn)
    media_types = _at(prepared.media_types, new)
    kinds = {media_type: kind_of(media_type) for media_type in set(media_types)}
    names = _at(entered.names, new)
    numbers = {
        "id": _at(entered.asset_ids, new),
        "dataset_id": _at(entered.dataset_ids, new),
        "folder_id": [named[n][0] for n in new],
        "job_id": _at(entered.job_ids, new),
    }
    texts: dict[str, Sequence[str | None]] = {
        "name": names,
        "original_name": [
            said or name for said, name in zip(_at(prepared.originals, new), names, strict=True)
        ],
        "key": [arrivals[n].key for n in new],
        "kind": [kinds[media_type] for media_type in media_types],
        "content_type": media_types,
    }
    uuids = {"uuid": b"".join(_at(entered.asset_uuids, new))}
    said, parameters = columns(how, "rows", len(new), numbers=numbers, texts=texts, uuids=uuids)
    given = ", ".join((*numbers, *texts, *uuids))
    conn.execute(
        statement(f"""{how.insert} INTO asset
                ({given}, organization_id, batch_id, state, size, created_at, updated_at, version)
            SELECT {given}, CAST(:organization AS bigint), CAST(:batch AS bigint), 'ingesting', 0,
                CAST(:now AS bigint), CAST(:now AS bigint), 1
            FROM {said} r"""),
        {**parameters, "organization": actor.organization_id, "batch": batch_id, "now": now},
    )


def _renew(
    conn: Connection,
    entered: Entered,
    known: Mapping[int, _Known],
    named: Mapping[int, tuple[int, str]],
    *,
    batch_id: int | None,
    keep_batch: bool,
    now: int,
) -> None:
    """The assets that are there already wait for this arrival now, and for no earlier one."""
    if not known:
        return
    how = flavour.of(conn)
    said, parameters = columns(
        how,
        "rows",
        len(known),
        numbers={"id": [it.id for it in known.values()], "job_id": [entered.job_ids[n] for n in known]},
        texts={"name": [named[n][1] if n in named else None for n in known]},
    )
    belongs = "" if keep_batch else "batch_id = CAST(:batch AS bigint),"
    conn.execute(
        statement(f"""{how.update} asset SET {belongs} state = 'ingesting', error = NULL, ingested_at = NULL,
                job_id = r.job_id, name = COALESCE(r.name, asset.name), archived_at = NULL,
                updated_at = CAST(:now AS bigint), version = version + 1
            FROM {said} r WHERE asset.id = r.id"""),
        {**parameters, "now": now} | ({} if keep_batch else {"batch": batch_id}),
    )


def _register(
    conn: Connection,
    actor: Actor,
    prepared: Prepared,
    entered: Entered,
    *,
    now: int,
) -> None:
    """Note where each comes from, so that it can be taken in again, and what else is said of it."""
    arrivals = prepared.arrivals
    plain = [n for n in entered.new if _has_only_tags(arrivals[n].registration)]
    registrations.write_origins(
        conn,
        actor.organization_id,
        asset_ids=_at(entered.asset_ids, plain),
        dataset_ids=_at(entered.dataset_ids, plain),
        origins=[arrivals[n].origin for n in plain],
        media_types=_at(prepared.media_types, plain),
    )
    written = set(plain)
    said = []
    for n, each in enumerate(arrivals):
        given = each.registration
        if n not in written:
            given = msgspec.structs.replace(given or Registration(), origin=each.origin)
            if each.media_type is not None:
                given = msgspec.structs.replace(given, media_type=each.media_type)
        if given is not None:
            said.append((entered.asset_ids[n], entered.dataset_ids[n], given))
    if said:
        registrations.write(conn, actor.organization_id, said, now=now)


def _has_only_tags(said: Registration | None) -> bool:
    """Whether nothing else is said of an asset."""
    return said is None or msgspec.structs.replace(said, tags=UNSET) == _NOTHING


def _record(
    conn: Connection, actor: Actor, prepared: Prepared, entered: Entered, *, batch_id: int | None, now: int
) -> None:
    kinds = ["asset.resubmitted"] * len(entered.names)
    for n in entered.new:
        kinds[n] = "asset.created"
    log.record_assets(
        conn,
        actor,
        kinds=kinds,
        dataset_ids=entered.dataset_ids,
        asset_uuids=b"".join(entered.asset_uuids),
        data=[
            said if name == usual else as_json({"name": name})
            for said, name, usual in zip(prepared.events, entered.names, prepared.names, strict=True)
        ],
        batch_id=batch_id,
        at=now,
    )


def _at(values: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """The values at these places, which are in their order."""
    return values if len(places) == len(values) else [values[n] for n in places]
