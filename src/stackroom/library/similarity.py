"""Images that look alike, by their fingerprints: near duplicates within a dataset, and what resembles one image.

A fingerprint belongs to a blob, so copies have it for free. Two of them are as similar as the share of their bits that
agree; pictures that have nothing to do with each other agree in about half of them.

Reading is a transaction, comparing is arithmetic in a thread of its own: in PostgreSQL's case a transaction runs where
the server listens. Nothing here holds more than a few thousand fingerprints at a time.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from heapq import nsmallest
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, select, update

from stackroom.access import Actor
from stackroom.database.schema import LIVE, asset, blob
from stackroom.database.transaction import Database
from stackroom.library import assets, datasets, folders, listing
from stackroom.library.assets import Asset
from stackroom.library.listing import Filter

BITS = 256
NONE = b""
"""Stands where a fingerprint was looked for and cannot be had: the bytes do not decode."""
AT_ONCE = 2_000
"""So many fingerprints of a folder are read in one go: with PostgreSQL, in milliseconds of the server's own thread."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How far to look for near duplicates."""

    threshold: float
    sample: int
    """How many images to compare with one another: the newest ones."""
    neighbours: int
    """How many of the later images that are similar enough count for each."""
    max_pairs: int


class Group(msgspec.Struct, frozen=True):
    """Assets of which each is nearly the same as another of them, the oldest first."""

    members: list[Asset]
    max_similarity: float


class NearDuplicates(msgspec.Struct, frozen=True, kw_only=True):
    """The largest groups first, and how much they tell."""

    groups: list[Group]
    analyzed: int
    """How many images were compared: those of the sample that have a fingerprint."""
    total: int
    """How many live images there are where was looked."""
    sample_capped: bool
    """There are more images than the sample has."""
    pairs_capped: bool
    """There were more pairs than the bounds allow, so that a group may be larger, or two may be one."""


class Resembling(msgspec.Struct, frozen=True):
    """Live assets that look like another one, the most similar first; among equals the newest."""

    found: list[tuple[Asset, float]]
    analyzed: int
    """How many it was compared with: none, where it has no fingerprint."""


class Printed(msgspec.Struct, frozen=True):
    """An asset by its row id, and what it looks like."""

    id: int
    fingerprint: int


class Pair(msgspec.Struct, frozen=True, order=True):
    """In how many bits two assets differ; and the assets, by row id."""

    distance: int
    one: int
    other: int


def note(conn: Connection, fingerprints: Mapping[int, bytes]) -> None:
    """Keep the fingerprints of blobs that have none yet, by row id. Repeating it changes nothing."""
    if fingerprints:
        conn.execute(_NOTE, [{"id_": each, "seen": seen} for each, seen in sorted(fingerprints.items())])


def note_later(conn: Connection, fingerprints: Mapping[str, bytes]) -> None:
    """The same by storage key: a blob that was looked at a while ago may be gone, and its row id another's."""
    if fingerprints:
        conn.execute(
            _NOTE_LATER, [{"key": each, "seen": seen} for each, seen in sorted(fingerprints.items())]
        )


def missing(conn: Connection, *, after: int, limit: int) -> list[tuple[int, str]]:
    """Blobs of images that have no fingerprint, as (row id, storage key), in order, from after this row id on."""
    used = select(asset.c.id).where(asset.c.blob_id == blob.c.id, asset.c.kind == "image").exists()
    query = select(blob.c.id, blob.c.storage_key).where(blob.c.fingerprint.is_(None), blob.c.id > after, used)
    return [(row.id, row.storage_key) for row in conn.execute(query.order_by(blob.c.id).limit(limit))]


async def near_duplicates(
    database: Database,
    actor: Actor,
    dataset_ref: str,
    folder: str | None,
    bounds: Bounds,
    *,
    now: int | None = None,
) -> NearDuplicates:
    """Groups of live images of a dataset, or of exactly this folder of it, that are nearly the same.

    Raises `NotFound` for an unknown dataset. Takes time that grows with the square of the sample: half a second for
    two thousand.
    """

    def choose(conn: Connection) -> tuple[Sequence[Row[Any]], int]:
        wanted = Filter(dataset_id=datasets.find(conn, actor, dataset_ref).id, folder=folder)
        return _newest(conn, wanted, bounds.sample), listing.count(conn, wanted)

    rows, total = await database.read(choose)
    images = _printed(rows)
    pairs, pairs_capped = await asyncio.to_thread(near_pairs, images, bounds)
    together = grouped(pairs)
    known = await database.read(
        lambda conn: _by_ids(conn, actor, [it for ids, _ in together for it in ids], now)
    )
    groups = [Group([known[it] for it in ids if it in known], similarity(least)) for ids, least in together]
    return NearDuplicates(
        groups=[each for each in groups if len(each.members) > 1],  # some may have been archived since
        analyzed=len(images),
        total=total,
        sample_capped=total > len(rows),
        pairs_capped=pairs_capped,
    )


async def resembling(
    database: Database,
    actor: Actor,
    reference: str,
    folder: str | None,
    *,
    threshold: float,
    limit: int,
    now: int | None = None,
) -> Resembling:
    """Live images of a folder that look like this one: of its own folder, or of another one of its dataset.

    Raises `NotFound` for an unknown image. However many the folder has, they are read some at a time.
    """

    def begin(conn: Connection) -> tuple[Asset, int | None, int | None]:
        source = assets.find(conn, actor, reference)
        place = source.folder_id if folder is None else folders.find(conn, source.dataset_id, folder)
        seen = conn.scalar(select(blob.c.fingerprint).where(blob.c.id == source.blob_id))
        return source, place, int.from_bytes(seen) if seen else None

    source, place, wanted = await database.read(begin)
    if place is None or wanted is None:
        return Resembling([], 0)
    compare = partial(_nearest, source=source.id, wanted=wanted, at_most=bits_apart(threshold), limit=limit)
    best: list[tuple[int, int]] = []
    analyzed, after = 0, ""
    while True:
        rows = await database.read(partial(_some_of_folder, folder_id=place, after=after))
        best, compared = await asyncio.to_thread(compare, best, rows)
        analyzed += compared
        if len(rows) < AT_ONCE:
            break
        after = rows[-1].name
    known = await database.read(lambda conn: _by_ids(conn, actor, [-key for _, key in best], now))
    found = [(known[-key], similarity(distance)) for distance, key in best if -key in known]
    return Resembling(found, analyzed)


def similarity(distance: int) -> float:
    return 1 - distance / BITS


def bits_apart(threshold: float) -> int:
    """In how many bits two fingerprints may differ to be similar enough."""
    return int((1 - threshold) * BITS + 1e-9)


def near_pairs(images: Sequence[Printed], bounds: Bounds) -> tuple[list[Pair], bool]:
    """Compare each of `images` with every one after it. The nearest pairs first, and whether any were left out."""
    at_most, prints = bits_apart(bounds.threshold), [each.fingerprint for each in images]
    kept: list[Pair] = []
    left_out = False
    for here, mine in enumerate(prints):
        near = [
            (distance, there)
            for there, other in enumerate(prints[here + 1 :], here + 1)
            if (distance := (mine ^ other).bit_count()) <= at_most
        ]
        left_out = left_out or len(near) > bounds.neighbours
        kept += [
            Pair(distance, images[here].id, images[there].id)
            for distance, there in nsmallest(bounds.neighbours, near)
        ]
    kept.sort()
    return kept[: bounds.max_pairs], left_out or len(kept) > bounds.max_pairs


def grouped(pairs: Sequence[Pair]) -> list[tuple[list[int], int]]:
    """What hangs together by pairs, in ascending order, with the least distance in it; the largest first."""
    above: dict[int, int] = {}

    def head(member: int) -> int:
        while (other := above.setdefault(member, member)) != member:
            above[member] = above[other]
            member = other
        return member

    for pair in pairs:
        above[head(pair.other)] = head(pair.one)
    members: dict[int, list[int]] = {}
    for member in sorted(above):
        members.setdefault(head(member), []).append(member)
    least: dict[int, int] = {}
    for pair in pairs:
        least[head(pair.one)] = min(pair.distance, least.get(head(pair.one), BITS))
    found = [(together, least[of]) for of, together in members.items()]
    return sorted(found, key=lambda it: (-len(it[0]), it[1], it[0]))


def _nearest(
    known: Sequence[tuple[int, int]],
    rows: Sequence[Row[Any]],
    *,
    source: int,
    wanted: int,
    at_most: int,
    limit: int,
) -> tuple[list[tuple[int, int]], int]:
    """The best of those known and of `rows`, as (distance, negative row id): the newest of equals come first. And how
    many rows there were to compare."""
    others = [each for each in _printed(rows) if each.id != source]
    near = [
        (distance, -each.id)
        for each in others
        if (distance := (each.fingerprint ^ wanted).bit_count()) <= at_most
    ]
    return nsmallest(limit, [*known, *near]), len(others)


def _newest(conn: Connection, wanted: Filter, limit: int) -> Sequence[Row[Any]]:
    """Row ids and fingerprints, oldest first. Which they are is found in an index, as for a listing."""
    ids = select(asset.c.id).where(*listing.conditions(conn, wanted))
    newest = ids.order_by(asset.c.id.desc()).limit(limit).subquery()
    query: Select[Any] = select(asset.c.id, blob.c.fingerprint).join_from(
        newest, asset, asset.c.id == newest.c.id
    )
    return conn.execute(query.outerjoin(blob, blob.c.id == asset.c.blob_id).order_by(asset.c.id)).all()


def _some_of_folder(conn: Connection, *, folder_id: int, after: str) -> Sequence[Row[Any]]:
    """Live assets of a folder with their fingerprints, from after this name on: the folder's index has that order."""
    return conn.execute(_SOME_OF_FOLDER, {"folder": folder_id, "after": after, "limit": AT_ONCE}).all()


def _by_ids(conn: Connection, actor: Actor, wanted: Sequence[int], now: int | None) -> dict[int, Asset]:
    """Those that are still there and live, by row id."""
    if not wanted:
        return {}
    here = assets.belongs_to(actor.organization_id), LIVE, *listing.unexpired(conn, now)
    where = asset.c.id.in_(wanted), *here
    return {row.id: assets.from_row(row) for row in conn.execute(assets.query().where(*where))}


def _printed(rows: Iterable[Row[Any]]) -> list[Printed]:
    return [Printed(row.id, int.from_bytes(row.fingerprint)) for row in rows if row.fingerprint]


# Run many times over, and built once: building a statement takes longer than running it.
_UNSEEN = update(blob).where(blob.c.fingerprint.is_(None)).values(fingerprint=bindparam("seen"))
_NOTE = _UNSEEN.where(blob.c.id == bindparam("id_"))
_NOTE_LATER = _UNSEEN.where(blob.c.storage_key == bindparam("key"))
_PORTION = (
    select(asset.c.id, asset.c.name, asset.c.blob_id)
    .where(asset.c.folder_id == bindparam("folder"), asset.c.name > bindparam("after"), LIVE)
    .order_by(asset.c.name)
    .limit(bindparam("limit"))
    .subquery()
)
_SOME_OF_FOLDER: Select[Any] = (
    select(_PORTION.c.id, _PORTION.c.name, blob.c.fingerprint)
    .join_from(_PORTION, blob, blob.c.id == _PORTION.c.blob_id, isouter=True)
    .order_by(_PORTION.c.name)
)
