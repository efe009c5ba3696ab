"""Search over all that an organization has: by what an asset is about, by what its users have said of it, or both.

By meaning, the vectors of the organization are compared with the question's, some at a time; by metadata, the assets
that have any are looked at, newest first. What is archived, expired or not yet here is never found.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from heapq import nlargest
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, select

from stackroom.access import Actor
from stackroom.database.schema import asset, dataset, embedding, folder
from stackroom.database.transaction import Database
from stackroom.errors import Invalid
from stackroom.library import embeddings, listing, media
from stackroom.library.embeddings import Embedder
from stackroom.library.media import Media
from stackroom.media.kinds import Kind

MOST_CLUES: Final = 10
MOST_QUERY: Final = 16 * 1024
AT_ONCE: Final = 2_000
"""So many vectors are read in one go: with PostgreSQL, in milliseconds of the server's own thread."""


class Mode(StrEnum):
    """What to search by. BOTH: by whatever was asked; what it says must all be so."""

    SEMANTIC = "semantic"
    METADATA = "metadata"
    BOTH = "both"


class Comparison(StrEnum):
    """How a value of an asset's metadata is held against one that was asked for."""

    EQUALS = "equals"
    LEAST = "least"
    MOST = "most"
    CONTAINS = "contains"


class Clue(msgspec.Struct, frozen=True):
    """That an asset's user metadata have this key, and what its value is, held against `value`.

    Numbers are held against numbers, everything else as it is spelled; CONTAINS does not mind capitals.
    """

    key: str
    how: Comparison
    value: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for. `folder` is a folder's id, and means what is below it as well; None is everywhere."""

    query: str | None = None
    mode: Mode = Mode.BOTH
    clues: tuple[Clue, ...] = ()
    kind: Kind | None = None
    folder: bytes | None = None
    min_similarity: float = 0.3
    limit: int = 20
    offset: int = 0


class Hit(msgspec.Struct, frozen=True):
    """What was found. By its metadata alone it is wholly similar; `description` is what was said of it when it was
    embedded."""

    media: Media
    similarity: float
    description: str | None


async def search(
    database: Database, actor: Actor, wanted: Wanted, *, embedder: Embedder | None, now: int
) -> list[Hit]:
    """What matches: by meaning the most similar first, else the newest; the newest also among equals.

    Raises `Invalid`: `empty_search` if there is neither a query nor a clue that the mode could use, `search_too_long`,
    `too_many_metadata_filters`, `semantic_search_off` if meaning was asked for and there is no embedder.
    """
    by_meaning = _check(wanted, embedder)
    place = await database.read(partial(_place, actor=actor, wanted=wanted, now=now))
    if place is None:
        return []
    if by_meaning and embedder is not None:
        found = await _by_meaning(database, place, wanted, embedder)
    else:
        found = await _by_metadata(database, place, wanted)
    return await database.read(partial(_hits, actor=actor, found=found, now=now))


def _check(wanted: Wanted, embedder: Embedder | None) -> bool:
    """Whether it is to be searched by meaning."""
    if len((wanted.query or "").encode()) > MOST_QUERY:
        raise Invalid(
            f"query: at most {MOST_QUERY} bytes", code="search_too_long", hint="Ask for less at once."
        )
    if len(wanted.clues) > MOST_CLUES:
        raise Invalid(
            f"metadata filters: at most {MOST_CLUES}, and these are {len(wanted.clues)}",
            code="too_many_metadata_filters",
        )
    asked = bool(wanted.query and wanted.query.strip())
    by_meaning = asked and wanted.mode is not Mode.METADATA
    if not (asked if wanted.mode is Mode.SEMANTIC else by_meaning or wanted.clues):
        raise Invalid(
            "nothing was asked for",
            code="empty_search",
            hint="Give a query, or a metadata filter where it is searched by those.",
        )
    if by_meaning and embedder is None:
        raise Invalid(
            "Semantic search is not enabled",
            code="semantic_search_off",
            hint="Search by metadata, or ask the operator for an embedder.",
        )
    return by_meaning


class _Place(msgspec.Struct, frozen=True):
    """Where to look: the organization, and what all assets there must be."""

    organization_id: int
    conditions: tuple[ColumnElement[bool], ...]


def _place(conn: Connection, actor: Actor, wanted: Wanted, now: int) -> _Place | None:
    """None for a folder that nobody here has."""
    conditions = [media.visible(actor, now)]
    if wanted.folder is not None:
        found = (
            select(folder.c.dataset_id, folder.c.path)
            .join_from(folder, dataset, dataset.c.id == folder.c.dataset_id)
            .where(
                folder.c.uuid == wanted.folder,
                folder.c.removed_from.is_(None),
                dataset.c.organization_id == actor.organization_id,
            )
        )
        row = conn.execute(found).first()
        if row is None:
            return None
        conditions.append(asset.c.folder_id.in_(listing.folder_ids(row.dataset_id, row.path, recursive=True)))
    return _Place(actor.organization_id, tuple(conditions))


# By meaning

Found = tuple[float, int]
"""How similar an asset is, and its row id: of equals the newest comes first."""


async def _by_meaning(database: Database, place: _Place, wanted: Wanted, embedder: Embedder) -> list[Found]:
    made = await asyncio.to_thread(embedder.of_query, wanted.query or "")
    question = embeddings.packed(made, embedder.dim)
    if not any(question):  # there is no word in it
        return []
    room = wanted.offset + wanted.limit
    compare = partial(_nearest, question=question, passes=_all_pass(wanted.clues), room=room)
    best: list[Found] = []
    for kind in [wanted.kind] if wanted.kind else list(Kind):
        after = 0
        while True:
            query = _vectors(place, wanted, embedder, kind, after)
            rows = await database.read(partial(_all, query=query))
            best = await asyncio.to_thread(compare, best, rows)
            if len(rows) < AT_ONCE:
                break
            after = rows[-1].asset_id
    scored = [(embedder.likeness(cosine), key) for cosine, key in best[wanted.offset :]]
    return [each for each in scored if each[0] >= wanted.min_similarity]


def _vectors(place: _Place, wanted: Wanted, embedder: Embedder, kind: Kind, after: int) -> Select[Any]:
    """Some assets of one kind with their vectors, from after this row id on: the index has that order."""
    columns: list[Any] = [embedding.c.asset_id, embedding.c.vector]
    if wanted.clues:
        columns.append(asset.c.metadata)
    return (
        select(*columns)
        .join_from(embedding, asset, asset.c.id == embedding.c.asset_id)
        .where(
            embedding.c.organization_id == place.organization_id,
            embedding.c.model == embedder.model,
            embedding.c.kind == kind,
            embedding.c.asset_id > after,
            embedding.c.dim == embedder.dim,
            *place.conditions,
        )
        .order_by(embedding.c.asset_id)
        .limit(AT_ONCE)
    )


def _nearest(
    known: Sequence[Found],
    rows: Sequence[Row[Any]],
    *,
    question: bytes,
    passes: Callable[[str | None], bool] | None,
    room: int,
) -> list[Found]:
    """The best of those known and of `rows`, best first."""
    if passes is not None:
        rows = [row for row in rows if passes(row.metadata)]
    if not rows:
        return list(known)
    near = embeddings.cosines(question, [row.vector for row in rows]).tolist()
    return nlargest(room, [*known, *zip(near, (row.asset_id for row in rows), strict=True)])


# By metadata


async def _by_metadata(database: Database, place: _Place, wanted: Wanted) -> list[Found]:
    room = wanted.offset + wanted.limit
    passes, named = _all_pass(wanted.clues), (wanted.query or "").strip().casefold()
    assert passes is not None  # `_check` saw a clue
    found: list[int] = []
    before: int | None = None
    while len(found) < room:
        rows = await database.read(partial(_all, query=_said(place, wanted, before)))
        found += [row.id for row in rows if passes(row.metadata) and named in row.original_name.casefold()]
        if len(rows) < AT_ONCE:
            break
        before = rows[-1].id
    return [(1.0, key) for key in found[wanted.offset : room]]


def _said(place: _Place, wanted: Wanted, before: int | None) -> Select[Any]:
    """Some assets whose metadata mention the keys, older than this row id: the index has that order."""
    query = select(asset.c.id, asset.c.original_name, asset.c.metadata).where(
        asset.c.organization_id == place.organization_id, asset.c.metadata.is_not(None), *place.conditions
    )
    for key in {clue.key for clue in wanted.clues}:
        spelled = msgspec.json.encode(key).decode()
        query = query.where(asset.c.metadata.contains(spelled, autoescape=True))
    if wanted.kind is not None:
        query = query.where(asset.c.kind == wanted.kind)
    if before is not None:
        query = query.where(asset.c.id < before)
    return query.order_by(asset.c.id.desc()).limit(AT_ONCE)


def _all_pass(clues: Sequence[Clue]) -> Callable[[str | None], bool] | None:
    """Whether metadata, as they are kept, pass every test; None where there is none."""
    return partial(_pass, clues) if clues else None


def _pass(clues: Sequence[Clue], metadata: str | None) -> bool:
    if metadata is None:
        return False
    said: Mapping[str, Any] = msgspec.json.decode(metadata)
    return all(clue.key in said and _passes(said[clue.key], clue) for clue in clues)


def _passes(value: Any, clue: Clue) -> bool:
    spelled = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if clue.how is Comparison.CONTAINS:
        return clue.value.casefold() in spelled.casefold()
    if spelled == clue.value:
        return True
    one, other = _number(spelled), _number(clue.value)
    if clue.how is Comparison.EQUALS:
        return one is not None and one == other and not isinstance(value, str)
    if one is not None and other is not None:
        return one >= other if clue.how is Comparison.LEAST else one <= other
    # What is no number is in the order of its letters, as dates are; and nothing else has an order.
    above = spelled >= clue.value if clue.how is Comparison.LEAST else spelled <= clue.value
    return isinstance(value, str) and above


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# Both


def _all(conn: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
    return conn.execute(query).all()


def _hits(conn: Connection, actor: Actor, found: Sequence[Found], now: int) -> list[Hit]:
    """What was found, as far as it is still there."""
    if not found:
        return []
    about = select(asset.c.id, asset.c.uuid, embedding.c.description).outerjoin(
        embedding, embedding.c.asset_id == asset.c.id
    )
    rows = {row.id: row for row in conn.execute(about.where(asset.c.id.in_([key for _, key in found])))}
    known = media.by_uuids(conn, actor, (row.uuid for row in rows.values()), now=now)
    chosen = [(rows[key], similarity) for similarity, key in found if key in rows]
    return [
        Hit(known[row.uuid], similarity, row.description) for row, similarity in chosen if row.uuid in known
    ]
