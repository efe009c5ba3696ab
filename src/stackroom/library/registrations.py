"""Registrations: what was said of assets when they were registered with their origins.

Where they come from and how they are delivered, who may see them, three strings and three numbers to find them by,
their manifests. An asset that came in another way has none, and is described by defaults.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.columns import columns
from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.errors import Invalid, NotFound
from stackroom.events import log
from stackroom.library import changes, channels, registered, tags
from stackroom.library.channels import Channel, Family
from stackroom.library.registered import INGESTING, NUMBERS, STRINGS, Where

OPEN = -1
"""What `max_unauthorised` is of an asset that everybody may see in full size."""
MOST_BYTES = 2_000
"""What a string or a manifest may have at most: an index of PostgreSQL takes little more."""


class Registration(msgspec.Struct, kw_only=True, frozen=True):
    """What to say of an asset. UNSET keeps what is said already, or else the default.

    `tags` are the dataset's tags; they and `manifests` are the whole list, not additions.
    """

    origin: str | UnsetType = UNSET
    media_type: str | UnsetType = UNSET
    family: Family | UnsetType = UNSET
    channels: tuple[Channel, ...] | UnsetType = UNSET
    max_unauthorised: int | UnsetType = UNSET
    roles: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    manifests: tuple[str, ...] | UnsetType = UNSET
    string1: str | UnsetType = UNSET
    string2: str | UnsetType = UNSET
    string3: str | UnsetType = UNSET
    number1: int | UnsetType = UNSET
    number2: int | UnsetType = UNSET
    number3: int | UnsetType = UNSET


class Described(msgspec.Struct, kw_only=True, frozen=True):
    """An asset with all that is said of it. `space` is its dataset's number, `key` what it is called there."""

    id: int
    uuid: bytes
    dataset_id: int
    space: int
    key: str
    name: str
    kind: str
    blob_id: int | None
    size: int
    width: int | None
    height: int | None
    duration: float | None
    """In seconds."""
    ingesting: bool
    error: str
    batch_id: int | None
    created_at: int
    expires_at: int | None
    finished_at: int | None
    """When its processing ended, well or badly; None while it is going on."""
    version: int
    registered: bool
    """Whether anything was said of it: False means that all of the following are defaults."""
    origin: str
    media_type: str
    family: Family
    channels: tuple[Channel, ...]
    max_unauthorised: int
    roles: tuple[str, ...]
    tags: tuple[str, ...]
    manifests: tuple[str, ...]
    string1: str
    string2: str
    string3: str
    number1: int
    number2: int
    number3: int


_SAID = (
    "origin, media_type, family, channels, max_unauthorised, roles, "
    "string1, string2, string3, number1, number2, number3"
)
_COLUMNS = ("asset_id", "organization_id", "dataset_id", *_SAID.split(", "))
_UPSERT = f"""INSERT INTO registration ({", ".join(_COLUMNS)}) VALUES ({", ".join(f":{it}" for it in _COLUMNS)})
    ON CONFLICT (asset_id) DO UPDATE SET {", ".join(f"{it} = excluded.{it}" for it in _SAID.split(", "))}"""
_LISTS = ("channels", "roles")
_SEPARATE = {"tags", "manifests"}


def check(said: Registration, what: str = "") -> None:
    """Raise `Invalid` (`text_too_long`, `number_too_large`, `invalid_tag`) for what cannot be kept. `what` names the
    asset in the message."""
    of = f"{what}: " if what else ""
    given = changes.given(said)
    texts = [(name, given[name]) for name in STRINGS if name in given]
    texts += [("manifests", each) for each in given.get("manifests", ())]
    for name, value in texts:
        if len(value.encode()) > MOST_BYTES:
            raise Invalid(f"{of}{name} has more than {MOST_BYTES:,} bytes", code="text_too_long")
    for name, bits in (*((name, 63) for name in NUMBERS), ("max_unauthorised", 31)):
        if not -(2**bits) <= given.get(name, 0) < 2**bits:
            raise Invalid(f"{of}{name} does not fit in {bits + 1} bits", code="number_too_large")
    tags.clean(given.get("tags", ()), f"{of}tags")


def write(
    conn: Connection,
    organization_id: int,
    rows: Sequence[tuple[int, int, Registration]],
    *,
    now: int,  # noqa: ARG001 - for those who call all of the library so; what is said has no moment of its own
) -> None:
    """Say this of each of these assets, (asset id, dataset id, what): a constant number of statements.

    What is UNSET stays as it was; for an asset that had no registration, it becomes the default. Repeating it changes
    nothing more. Raises `Invalid` as `check` does.
    """
    for _, _, said in rows:
        check(said)
    told = [each for each in rows if changes.given(each[2]).keys() - {"tags"}]
    if told:
        known = _hold(conn, [asset_id for asset_id, _, _ in told])
        merged = [_merged(known[each[0]], organization_id, *each) for each in told if each[0] in known]
        conn.execute(statement(_UPSERT), merged)
    _write_tags(conn, rows)
    _write_manifests(conn, rows)


def write_origins(
    conn: Connection,
    organization_id: int,
    *,
    asset_ids: Sequence[int],
    dataset_ids: Sequence[int],
    origins: Sequence[str],
    media_types: Sequence[str],
) -> None:
    """`write` for assets that are new and of which nothing is said but where they come from and what they may be: one
    statement, which takes a tenth of the time where there are very many."""
    if not asset_ids:
        return
    usual = {media_type: _defaults(media_type, 0, {}) for media_type in set(media_types)}
    channels_of = {media_type: _json(said["channels"]) for media_type, said in usual.items()}
    how = flavour_of(conn)
    said, parameters = columns(
        how,
        "rows",
        len(asset_ids),
        numbers={"asset_id": asset_ids, "dataset_id": dataset_ids},
        texts={
            "origin": origins,
            "media_type": media_types,
            "family": [usual[each]["family"] for each in media_types],
            "channels": [channels_of[each] for each in media_types],
        },
    )
    given = "asset_id, dataset_id, origin, media_type, family, channels"
    conn.execute(
        statement(f"""{how.insert} INTO registration ({given}, organization_id)
            SELECT {given}, CAST(:organization AS bigint) FROM {said} r"""),
        {"organization": organization_id, **parameters},
    )


def change(
    conn: Connection, actor: Actor, wanted: Sequence[tuple[Described, Registration]], *, now: int
) -> None:
    """`write`, for assets that are there already: their versions go up, and of each it is recorded what was said.

    Raises `Forbidden`, and `Invalid` as `check` does.
    """
    require(actor, Role.MEMBER, "changing images")
    rows = [(found.id, found.dataset_id, said) for found, said in wanted]
    write(conn, actor.organization_id, rows, now=now)
    how = flavour_of(conn)
    conn.execute(
        statement(f"""{how.update} asset SET updated_at = :now, version = version + 1
            WHERE id IN (SELECT CAST(w.value AS bigint) FROM {how.texts} w)"""),
        {"now": now, "texts": _texts(found.id for found, _ in wanted)},
    )
    happened = [
        log.Happening(
            kind="asset.updated",
            dataset_id=found.dataset_id,
            asset_uuid=found.uuid,
            data={"fields": sorted(changes.given(said))},
        )
        for found, said in wanted
    ]
    log.record_all(conn, actor, happened, at=now)


def find(conn: Connection, actor: Actor, space: int, key: str) -> Described:
    """A live asset by its dataset's number and its key. Raises `NotFound`, for another organization's as for none."""
    found = by_keys(conn, actor, [(space, key)])
    if not found:
        raise NotFound(f"there is no image {key!r} in space {space}")
    return found[space, key]


def by_keys(
    conn: Connection, actor: Actor, places: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Described]:
    """Those of the live assets at these (space, key) that there are: a constant number of statements."""
    found = row_ids(conn, actor.organization_id, places)
    wanted = set(places)
    described = by_ids(conn, actor.organization_id, found).values()
    return {place: each for each in described if (place := (each.space, each.key)) in wanted}


def row_ids(conn: Connection, organization_id: int, places: Sequence[tuple[int, str]]) -> list[int]:
    """The row ids of the live assets at these (space, key), in no order."""
    places = [each for each in places if 0 < each[0] < 2**31]
    if not places:
        return []
    how = flavour_of(conn)
    rows = conn.execute(
        statement(f"""SELECT a.id FROM {how.pairs} w CROSS JOIN dataset d CROSS JOIN asset a
            WHERE d.organization_id = :organization AND d.number = w.position AND a.dataset_id = d.id
            AND a.key = w.value AND a.key IS NOT NULL AND a.archived_at IS NULL"""),
        {"organization": organization_id, "pairs": _json(places)},
    )
    found = [row.id for row in rows]
    # An asset that was given no key has its id for one.
    unnamed = [raw for _, key in places if (raw := ids.parse(key))]
    if unnamed:
        rows = conn.execute(
            statement(f"""SELECT a.id FROM {how.packed} w CROSS JOIN asset a WHERE a.uuid = w.uuid
                AND a.organization_id = :organization AND a.key IS NULL AND a.archived_at IS NULL"""),
            {"organization": organization_id, "packed": b"".join(unnamed), "count": len(unnamed)},
        )
        found += [row.id for row in rows]
    return found


def by_ids(conn: Connection, organization_id: int, asset_ids: Sequence[int]) -> dict[int, Described]:
    """Those of these assets that there are and that are live, by row id, in the order given. Three statements."""
    if not asset_ids:
        return {}
    how = flavour_of(conn)
    wanted = how.probe.format(table="asset", alias="x", where="x.id = CAST(w.value AS bigint)")
    rows = conn.execute(
        statement(f"""SELECT a.*, d.number AS space, r.asset_id IS NOT NULL AS registered, {_PREFIXED}
            FROM (SELECT {_ASSET} FROM {how.texts} w {wanted}) a JOIN dataset d ON d.id = a.dataset_id
            LEFT JOIN registration r ON r.asset_id = a.id
            WHERE a.organization_id = :organization AND a.archived_at IS NULL"""),
        {"organization": organization_id, "texts": _texts(asset_ids)},
    ).all()
    here = [row.id for row in rows]
    tagged, used = tags.of(conn, here), _manifests_of(conn, here)
    found = {row.id: _described(row, tagged.get(row.id, ()), used.get(row.id, ())) for row in rows}
    return {each: found[each] for each in asset_ids if each in found}


def page(
    conn: Connection,
    actor: Actor,
    where: Where,
    *,
    order: str = "created",
    descending: bool = False,
    limit: int,
    offset: int = 0,
    now: int | None = None,
) -> tuple[list[Described], int]:
    """A page of assets in the order of one of `registered.ORDERS`, those that are alike in it by their age, and how
    many there are in all. Raises `Invalid` (`unknown_order`)."""
    found, total = registered.page(
        conn,
        actor.organization_id,
        where,
        order=order,
        descending=descending,
        limit=limit,
        offset=offset,
        now=now,
    )
    return list(by_ids(conn, actor.organization_id, found).values()), total


_PREFIXED = ", ".join(f"r.{it}" for it in _SAID.split(", "))
_OF_ASSET = """id uuid organization_id dataset_id key name kind blob_id size content_type width height duration state
    error batch_id created_at ingested_at archived_at expires_at version"""
_ASSET = ", ".join(f"x.{it}" for it in _OF_ASSET.split())


def _hold(conn: Connection, asset_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """What is said of these assets so far, which nobody else changes until the commit, beside their content type."""
    how = flavour_of(conn)
    wanted = how.probe.format(table="asset", alias="x", where="x.id = CAST(w.value AS bigint)")
    parameters = {"texts": _texts(asset_ids)}
    if how.lock:
        held = f"""SELECT x.id FROM asset x WHERE x.id IN (SELECT CAST(w.value AS bigint) FROM {how.texts} w)
            ORDER BY x.id {how.lock}"""
        conn.execute(statement(f"SELECT count(*) FROM ({held}) held"), parameters)
    rows = conn.execute(
        statement(f"""SELECT a.id, a.content_type, r.asset_id IS NOT NULL AS registered, {_PREFIXED}
            FROM (SELECT x.id, x.content_type FROM {how.texts} w {wanted}) a
            LEFT JOIN registration r ON r.asset_id = a.id"""),
        parameters,
    )
    return {row.id: row for row in rows}


def _merged(
    known: Row[Any], organization_id: int, asset_id: int, dataset_id: int, said: Registration
) -> dict[str, Any]:
    """A whole row: what is said now, or was said before, or is the default."""
    given = {name: value for name, value in changes.given(said).items() if name not in _SEPARATE}
    values = _stored(known) if known.registered else _defaults(known.content_type, dataset_id, given)
    values |= given
    values |= {name: _json(values[name]) for name in _LISTS}
    return {
        **values,
        "asset_id": asset_id,
        "organization_id": organization_id,
        "dataset_id": dataset_id,
    }


def _stored(row: Row[Any]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _SAID.split(", ")}
    values["channels"] = msgspec.json.decode(values["channels"], type=tuple[Channel, ...])
    values["roles"] = tuple(msgspec.json.decode(values["roles"]))
    return values


def _defaults(content_type: str, dataset_id: int, given: dict[str, Any]) -> dict[str, Any]:
    """What is said of an asset of which nothing was said, or only what is `given`."""
    media_type = given.get("media_type", content_type)
    usual = given.get("channels") or channels.defaults(channels.USUAL, dataset_id, media_type)
    return {
        "origin": None,
        "media_type": media_type,
        "family": channels.family_of(usual, media_type),
        "channels": usual,
        "max_unauthorised": OPEN,
        "roles": (),
        **dict.fromkeys(STRINGS, ""),
        **dict.fromkeys(NUMBERS, 0),
    }


def _described(row: Row[Any], tagged: Sequence[str], used: Sequence[str]) -> Described:
    said = _stored(row) if row.registered else _defaults(row.content_type, row.dataset_id, {})
    said["origin"] = said["origin"] or ""
    ingesting = row.state == INGESTING
    return Described(
        id=row.id,
        uuid=row.uuid,
        dataset_id=row.dataset_id,
        space=row.space,
        key=row.key if row.key is not None else ids.text(row.uuid),
        name=row.name,
        kind=row.kind,
        blob_id=row.blob_id,
        size=row.size,
        width=row.width,
        height=row.height,
        duration=row.duration,
        ingesting=ingesting,
        error=row.error or "",
        batch_id=row.batch_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        finished_at=None if ingesting else row.ingested_at or row.created_at,
        version=row.version,
        registered=bool(row.registered),
        tags=tuple(tagged),
        manifests=tuple(used),
        **said,
    )


def _write_tags(conn: Connection, rows: Sequence[tuple[int, int, Registration]]) -> None:
    wanted = [(each, place, tags.clean(said.tags)) for each, place, said in rows if said.tags is not UNSET]
    if not wanted:
        return
    how = flavour_of(conn)
    _drop(conn, "asset_tag", [asset_id for asset_id, _, _ in wanted])
    named = sorted({(place, name) for _, place, names in wanted for name in names})
    if not named:
        return
    conn.execute(
        statement(f"""INSERT INTO tag (dataset_id, name) SELECT w.position, w.value FROM {how.pairs} w WHERE 1 = 1
            ON CONFLICT DO NOTHING"""),
        {"pairs": _json(named)},
    )
    conn.execute(
        statement(f"""INSERT INTO asset_tag (tag_id, asset_id) SELECT t.id, a.id
            FROM {how.pairs} w CROSS JOIN asset a CROSS JOIN tag t
            WHERE a.id = w.position AND t.dataset_id = a.dataset_id AND t.name = w.value ORDER BY t.id, a.id"""),
        {"pairs": _json([(asset_id, name) for asset_id, _, names in wanted for name in names])},
    )


def _write_manifests(conn: Connection, rows: Sequence[tuple[int, int, Registration]]) -> None:
    wanted = [(each, dict.fromkeys(said.manifests)) for each, _, said in rows if said.manifests is not UNSET]
    if not wanted:
        return
    _drop(conn, "asset_manifest", [asset_id for asset_id, _ in wanted])
    pairs = [(asset_id, each) for asset_id, manifests in wanted for each in manifests]
    if pairs:
        how = flavour_of(conn)
        conn.execute(
            statement(f"""INSERT INTO asset_manifest (asset_id, manifest)
                SELECT w.position, w.value FROM {how.pairs} w"""),
            {"pairs": _json(pairs)},
        )


def _drop(conn: Connection, table: str, asset_ids: Sequence[int]) -> None:
    """Strike what a table has of these assets."""
    theirs = f"asset_id IN (SELECT CAST(w.value AS bigint) FROM {flavour_of(conn).texts} w)"
    conn.execute(statement(f"DELETE FROM {table} WHERE {theirs}"), {"texts": _texts(asset_ids)})


def _manifests_of(conn: Connection, asset_ids: Sequence[int]) -> dict[int, list[str]]:
    if not asset_ids:
        return {}
    how = flavour_of(conn)
    theirs = how.probe.format(table="asset_manifest", alias="x", where="x.asset_id = CAST(w.value AS bigint)")
    rows = conn.execute(
        statement(f"SELECT x.asset_id, x.manifest FROM {how.texts} w {theirs}"), {"texts": _texts(asset_ids)}
    )
    found: dict[int, list[str]] = {}
    for asset_id, manifest in sorted(tuple(row) for row in rows):
        found.setdefault(asset_id, []).append(manifest)
    return found


def _texts(numbers: Iterable[int]) -> str:
    return _json([str(each) for each in numbers])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
