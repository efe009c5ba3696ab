"""How arrivals enter the library: all of them in a constant number of statements, or none.

Each gets an asset that is `ingesting`, and a job that decides what it becomes. An arrival may be about an asset that is
there already, by its key or because the caller says so: that one is taken in anew, whatever it was doing, and lives
again if it was archived, under its name or a free one. Its bytes stay until the new ones have come.
"""

import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, Row, select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import dataset, job
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.events.log import Happening
from stackroom.ingest.keeping import final_name, kind_of
from stackroom.library import folders, registrations
from stackroom.library.names import (
    LAST_CHARACTER,
    MAX_NAME,
    ROOT,
    beginning,
    clean_name,
    clean_path,
    plan_names,
    split_name,
)
from stackroom.library.registrations import Registration
from stackroom.media.media_types import by_extension
from stackroom.queue.jobs import NewJob
from stackroom.queue.submit import submit, submit_one

KIND = "ingest"
UNKNOWN = "image/unknown"
"""What is thought of an origin that does not say, in any way."""
_NO_NAMES = {"": "untitled", ".": "_", "..": "__"}
FIRST_NUMBER = 2
"""The second `photo.jpg` of a folder becomes `photo-2.jpg`."""


class Arriving(msgspec.Struct, frozen=True, kw_only=True):
    """Something to take in. `asset_id` names an asset that is there already; so does `key`, where the dataset has it.

    `folder` and `name` are for a new one, and need not be free: what is taken gets a number. Without a name it is
    called after its key, or else after its origin.
    """

    dataset_id: int
    origin: str
    key: str | None = None
    folder: str = ROOT
    name: str | None = None
    media_type: str | None = None
    registration: Registration | None = None
    asset_id: int | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a job says of its arrival. A worker takes the tasks of earlier versions as well, and leaves those of later
    ones to later workers."""

    v: int = 1
    asset: str
    origin: str
    media_type: str | None = None


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """An arrival that has an asset."""

    asset_id: int
    asset_uuid: bytes
    dataset_id: int
    name: str
    new: bool
    job_id: int = 0


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
    arrivals: Sequence[Arriving],
    *,
    priority: int,
    batch_id: int | None,
    keep_batch: bool = False,
    now: int,
) -> list[Entered]:
    """Take arrivals in, in their order. The number of statements follows that of datasets and of folders that have to
    be made, never that of arrivals.

    Assets belong to the batch from now on, or to none; with `keep_batch` those that are there stay with theirs.
    Raises `Invalid` for a bad name, path or key, and for two arrivals about one asset; `NotFound` for a dataset or
    an asset that is not there.
    """
    _check_datasets(conn, actor, {each.dataset_id for each in arrivals})
    known = _find_known(conn, actor, arrivals)
    _refuse_repeats(arrivals, known)
    named = _name(conn, arrivals, known, now=now)
    entered = _entered(conn, arrivals, known, named)
    _record(conn, actor, entered, batch_id=batch_id, now=now)
    jobs = _submit(conn, actor, arrivals, entered, batch_id=batch_id, priority=priority, now=now)
    _insert(conn, actor, arrivals, entered, named, jobs, batch_id=batch_id, now=now)
    _renew(conn, entered, named, jobs, batch_id=batch_id, keep_batch=keep_batch, now=now)
    _register(conn, actor, arrivals, entered, now=now)
    return [msgspec.structs.replace(each, job_id=jobs[each.asset_id]) for each in entered]


def read_task(task: str) -> Task:
    """What a job of this kind says. What a later version has added is passed over."""
    return msgspec.json.decode(task, type=Task)


def called(each: Arriving) -> str:
    """What a new asset is called if nobody minds: as asked for, or after its key, or else after its origin."""
    if each.name is not None:
        return final_name(clean_name(each.name))
    name = _file_name(each.origin)
    if each.key is not None:
        extension = split_name(name)[1]
        name = each.key if split_name(each.key)[1] else each.key[: MAX_NAME - len(extension)] + extension
    return final_name(clean_name(_as_a_name(name)))


def _file_name(origin: str) -> str:
    """The last part of an origin, as a browser would call the download."""
    path = origin.partition("?")[0].partition("#")[0]
    last = path.rstrip("/").rpartition("/")[2]
    return unquote(last) if "%" in last else last


def media_type_of(each: Arriving) -> str:
    """What is thought of a new asset until its bytes are there."""
    said = each.media_type
    if said is None and each.registration is not None and each.registration.media_type is not UNSET:
        said = each.registration.media_type
    return said or by_extension(_file_name(each.origin)) or by_extension(each.name or "") or UNKNOWN


def _as_a_name(text: str) -> str:
    """Nobody chose this text as a name, so that nobody need be told that it is none."""
    if not text.isprintable() or "/" in text or "\\" in text:
        text = "".join("_" if it in "/\\" or not it.isprintable() else it for it in text)
    return _NO_NAMES.get(text, text[:MAX_NAME])


def _check_datasets(conn: Connection, actor: Actor, wanted: set[int]) -> None:
    mine = select(dataset.c.id).where(dataset.c.organization_id == actor.organization_id)
    missing = wanted - set(conn.scalars(mine.where(dataset.c.id.in_(wanted))))
    if missing:
        raise NotFound(
            "the dataset is not there", hint="It may have been deleted; list the datasets to see them."
        )


def _find_known(conn: Connection, actor: Actor, arrivals: Sequence[Arriving]) -> dict[int, _Known]:
    """The assets that arrivals are about, by the arrival's place. Three statements at most."""
    chosen = [(n, str(each.asset_id)) for n, each in enumerate(arrivals) if each.asset_id is not None]
    found = dict(_look(conn, actor, "a.id = CAST(s.value AS bigint)", chosen))
    if len(found) < len(chosen):
        raise NotFound("one of the images is not there", hint="It may have been deleted for good.")
    wanted = {
        (each.dataset_id, each.key): n
        for n, each in enumerate(arrivals)
        if each.key is not None and each.asset_id is None
    }
    by_key = _look(conn, actor, "a.dataset_id = s.position AND a.key = s.value", list(wanted))
    found |= {wanted[it.dataset_id, str(it.key)]: it for _, it in by_key}
    # What has no key goes by its id.
    unkeyed = [(n, raw) for (_, key), n in wanted.items() if (raw := ids.parse(key)) is not None]
    for n, it in _look_by_uuid(conn, actor, unkeyed):
        if it.key is None and it.dataset_id == arrivals[n].dataset_id:
            found.setdefault(n, it)
    return found


def _refuse_repeats(arrivals: Sequence[Arriving], known: Mapping[int, _Known]) -> None:
    assets = Counter(it.id for it in known.values())
    keys = Counter((it.dataset_id, it.key) for it in arrivals if it.key is not None)
    if any(count > 1 for counted in (assets, keys) for count in counted.values()):
        key = next((key for (_, key), count in keys.items() if count > 1), None)
        what = "the same image" if key is None else f"key {key!r}"
        raise Invalid(
            f"{what} is there more than once; nothing was accepted",
            code="duplicate_key",
            hint="Submit each image once; to take one in twice, submit it again later.",
        )


_KNOWN = "a.id, a.uuid, a.dataset_id, a.folder_id, a.name, a.key, a.archived_at"


def _look(
    conn: Connection, actor: Actor, where: str, pairs: Sequence[tuple[int, str]]
) -> list[tuple[int, _Known]]:
    """The organization's assets for which `where` holds with one of these pairs, each with the pair's number."""
    if not pairs:
        return []
    how = flavour.of(conn)
    there = how.probe.format(table="asset", alias="a", where=f"{where} AND a.organization_id = :organization")
    rows = conn.execute(
        statement(f"SELECT s.position, {_KNOWN} FROM {how.pairs} s {there}"),
        {"pairs": _json(pairs), "organization": actor.organization_id},
    )
    return [(row.position, _known(row)) for row in rows]


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


def _name(
    conn: Connection, arrivals: Sequence[Arriving], known: Mapping[int, _Known], *, now: int
) -> dict[int, tuple[int, str]]:
    """The folder and a free name for each that gets one: what is new, and what was archived. By the arrival's place."""
    cleaned = {folder: clean_path(folder) for folder in {each.folder for each in arrivals}}
    paths = {n: cleaned[each.folder] for n, each in enumerate(arrivals) if n not in known}
    places: dict[tuple[int, str], int] = {}
    for dataset_id in sorted({arrivals[n].dataset_id for n in paths}):
        inside = {path for n, path in paths.items() if arrivals[n].dataset_id == dataset_id}
        made = folders.enter_many(conn, dataset_id, inside, now=now)
        places |= {(dataset_id, path): folder_id for path, folder_id in made.items()}
    wanted = {
        n: (places[each.dataset_id, paths[n]], called(each))
        if n in paths
        else (known[n].folder_id, known[n].name)
        for n, each in enumerate(arrivals)
        if n in paths or known[n].archived
    }
    return _free(conn, wanted)


def _free(conn: Connection, wanted: Mapping[int, tuple[int, str]]) -> dict[int, tuple[int, str]]:
    """These (folder, name), with another name where that one is taken, also by an earlier one of these."""
    same = "a.folder_id = s.position AND a.archived_at IS NULL AND a.name = s.value"
    taken = set(_held(conn, same, set(wanted.values())))
    given = dict(wanted)
    colliding = []
    for n, place in wanted.items():
        if place in taken:
            colliding.append((n, *place))
        taken.add(place)
    if colliding:
        # Of a name that begins like others, all that any of them could be given.
        begins = f"""a.folder_id = s.position AND a.archived_at IS NULL
            AND a.name >= s.value AND a.name < s.value || '{LAST_CHARACTER}'"""
        taken.update(_held(conn, begins, {(folder_id, beginning(name)) for _, folder_id, name in colliding}))
        for n, name in plan_names(colliding, taken, FIRST_NUMBER):
            given[n] = wanted[n][0], name
    return given


def _held(conn: Connection, where: str, pairs: Collection[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if not pairs:
        return
    how = flavour.of(conn)
    there = how.probe.format(table="asset", alias="a", where=where)
    query = f"SELECT a.folder_id, a.name FROM {how.pairs} s {there}"
    yield from conn.execute(statement(query), {"pairs": _json(list(pairs))})


def _entered(
    conn: Connection,
    arrivals: Sequence[Arriving],
    known: Mapping[int, _Known],
    named: Mapping[int, tuple[int, str]],
) -> list[Entered]:
    """Who is who. New assets have their numbers from here on, so that jobs can name them before they are there."""
    count = len(arrivals) - len(known)
    uuids = iter(struct.unpack("16s" * count, ids.new_block(count)))
    numbered = flavour.of(conn).numbers.format(table="asset")
    numbers = iter(conn.scalars(statement(numbered), {"count": count}).all())
    return [
        Entered(
            asset_id=known[n].id if n in known else next(numbers),
            asset_uuid=known[n].uuid if n in known else next(uuids),
            dataset_id=each.dataset_id if n not in known else known[n].dataset_id,
            name=named[n][1] if n in named else known[n].name,
            new=n not in known,
        )
        for n, each in enumerate(arrivals)
    ]


def _submit(
    conn: Connection,
    actor: Actor,
    arrivals: Sequence[Arriving],
    entered: Sequence[Entered],
    *,
    batch_id: int | None,
    priority: int,
    now: int,
) -> dict[int, int]:
    """Put a job for each in the queue; which job is whose, by the asset's number."""
    jobs = [
        NewJob(task=_task(each, to), asset_id=to.asset_id, position=n)
        for n, (each, to) in enumerate(zip(arrivals, entered, strict=True))
    ]
    if batch_id is None:
        return {
            to.asset_id: submit_one(
                conn,
                organization_id=actor.organization_id,
                kind=KIND,
                priority=priority,
                job=each,
                now=now,
            )
            for each, to in zip(jobs, entered, strict=True)
        }
    submit(
        conn,
        organization_id=actor.organization_id,
        kind=KIND,
        priority=priority,
        jobs=jobs,
        batch_id=batch_id,
        now=now,
    )
    rows = conn.execute(select(job.c.asset_id, job.c.id).where(job.c.batch_id == batch_id))
    return dict(rows.all())


def _task(each: Arriving, to: Entered) -> str:
    return _json(Task(asset=ids.text(to.asset_uuid), origin=each.origin, media_type=each.media_type))


def _insert(  # noqa: PLR0917 - what each of these is, is said nowhere better than here
    conn: Connection,
    actor: Actor,
    arrivals: Sequence[Arriving],
    entered: Sequence[Entered],
    named: Mapping[int, tuple[int, str]],
    jobs: Mapping[int, int],
    *,
    batch_id: int | None,
    now: int,
) -> None:
    """The assets that are new, with nothing in them yet."""
    new = [n for n, each in enumerate(entered) if each.new]
    if not new:
        return
    how = flavour.of(conn)
    rows = []
    for at, n in enumerate(new):
        each, to, (folder_id, name) = arrivals[n], entered[n], named[n]
        original, media_type = each.name or _file_name(each.origin) or name, media_type_of(each)
        about = original, each.key, kind_of(media_type), media_type, jobs[to.asset_id]
        rows.append((at, to.asset_id, to.dataset_id, folder_id, name, *about))
    columns = "dataset_id, folder_id, name, original_name, key, kind, content_type, job_id"
    uuid = how.slice.format(name="uuids", n="CAST(r.n AS integer)")
    said = flavour.rows(
        how,
        "rows",
        n=int,
        id=int,
        dataset_id=int,
        folder_id=int,
        name=str,
        original_name=str,
        key=str,
        kind=str,
        content_type=str,
        job_id=int,
    )
    conn.execute(
        statement(f"""{how.insert} INTO asset
                (id, uuid, {columns}, organization_id, batch_id, state, size, created_at, updated_at, version)
            SELECT r.id, {uuid}, {", ".join(f"r.{each}" for each in columns.split(", "))},
                CAST(:organization AS bigint), CAST(:batch AS bigint), 'ingesting', 0,
                CAST(:now AS bigint), CAST(:now AS bigint), 1
            FROM {said} r"""),
        {
            "rows": _json(rows),
            "uuids": b"".join(entered[n].asset_uuid for n in new),
            "organization": actor.organization_id,
            "batch": batch_id,
            "now": now,
        },
    )


def _renew(
    conn: Connection,
    entered: Sequence[Entered],
    named: Mapping[int, tuple[int, str]],
    jobs: Mapping[int, int],
    *,
    batch_id: int | None,
    keep_batch: bool,
    now: int,
) -> None:
    """The assets that are there already wait for this arrival now, and for no earlier one."""
    rows = [
        (each.asset_id, jobs[each.asset_id], named[n][1] if n in named else None)
        for n, each in enumerate(entered)
        if not each.new
    ]
    if not rows:
        return
    how = flavour.of(conn)
    said = flavour.rows(how, "rows", id=int, job_id=int, name=str)
    belongs = "" if keep_batch else "batch_id = CAST(:batch AS bigint),"
    conn.execute(
        statement(f"""{how.update} asset SET {belongs} state = 'ingesting', error = NULL, ingested_at = NULL,
                job_id = r.job_id, name = COALESCE(r.name, asset.name), archived_at = NULL,
                updated_at = CAST(:now AS bigint), version = version + 1
            FROM {said} r WHERE asset.id = r.id"""),
        {"rows": _json(rows), "now": now} | ({} if keep_batch else {"batch": batch_id}),
    )


def _register(
    conn: Connection, actor: Actor, arrivals: Sequence[Arriving], entered: Sequence[Entered], *, now: int
) -> None:
    """Note where each comes from, so that it can be taken in again, and what else is said of it."""
    plain = []
    said = []
    for each, to in zip(arrivals, entered, strict=True):
        if to.new and each.registration is None:
            plain.append((to.asset_id, to.dataset_id, each.origin, media_type_of(each)))
        else:
            given = msgspec.structs.replace(each.registration or Registration(), origin=each.origin)
            if each.media_type is not None:
                given = msgspec.structs.replace(given, media_type=each.media_type)
            said.append((to.asset_id, to.dataset_id, given))
    registrations.write_origins(conn, actor.organization_id, plain)
    if said:
        registrations.write(conn, actor.organization_id, said, now=now)


def _record(
    conn: Connection, actor: Actor, entered: Sequence[Entered], *, batch_id: int | None, now: int
) -> None:
    happened = [
        Happening(
            kind="asset.created" if each.new else "asset.resubmitted",
            dataset_id=each.dataset_id,
            asset_uuid=each.asset_uuid,
            batch_id=batch_id,
            data={"name": each.name},
        )
        for each in entered
    ]
    log.record_all(conn, actor, happened, at=now)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
