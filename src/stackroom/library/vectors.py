"""Vectors of many assets at once: who lacks one, by a model that is chosen for the whole library.

An asset lacks its vector if it is to be seen and has none of the chosen model. That is found out of two indexes which
stand in the same order, at about two microseconds for each asset: so nothing has to be noted of assets that come in.
What takes part of an asset's words away or gives it others removes its vector, and then it lacks one as well.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from stackroom.database import flavour
from stackroom.database.columns import columns
from stackroom.database.flavour import statement
from stackroom.database.schema import embedder
from stackroom.library import embeddings
from stackroom.library.embeddings import COLUMNS, INSTEAD, Embedder, Subject

WINDOW: Final = 20_000
"""How many assets one statement looks at: some hundredths of a second."""
SEEN: Final = "b.blob_id IS NOT NULL AND b.state = 'finished' AND b.archived_at IS NULL"
"""That an asset `b` is here and is to be seen."""
_SAID: Final = "b.blob_id, b.original_name, COALESCE(b.display_name, ''), COALESCE(b.metadata, '')"
COPIES: Final = f"""SELECT q.id, q.organization_id FROM (SELECT b.id, b.organization_id,
        min(b.id) OVER (PARTITION BY b.organization_id, {_SAID}) AS first_id FROM asset b WHERE {SEEN}) q
    WHERE q.id > q.first_id"""
"""The assets that are copies of one that is here, of which nothing else is said: who finds that one has found them."""
SEARCHED: Final = """(EXISTS (SELECT 1 FROM embedding s WHERE s.organization_id = o.id)
    OR EXISTS (SELECT 1 FROM embedding_round s WHERE s.organization_id = o.id))"""
"""That an organization `o` searches by meaning, or has what is embedded as it comes. Nobody else's assets get vectors,
which would be most of what a library keeps of them."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What makes the vectors of a library, and since when."""

    name: str
    dim: int
    since: int

    def is_of(self, embedder: Embedder) -> bool:
        """Whether this embedder makes such vectors."""
        return (embedder.model, embedder.dim) == (self.name, self.dim)


class Window(msgspec.Struct, frozen=True):
    """Some assets of one kind that lack their vectors, by row id in order. All up to `up_to` have been looked at; None
    if there are no more of this kind."""

    asset_ids: list[int]
    up_to: int | None


class Made(msgspec.Struct, frozen=True):
    """What was made of what is said of an asset: its vector, or the row id of an asset that has the same. Neither: no
    vector can be made of it."""

    about: Subject
    vector: bytes | None = None
    same_as: int | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How many assets an organization has that are not archived, how many of these lack a vector, how many of those
    are to get one by now, how many are copies, which need none, and of how many none could be made."""

    assets: int
    lacking: int
    waiting: int
    copies: int
    failed: int

    @property
    def embedded(self) -> int:
        return self.assets - self.lacking - self.failed


def chosen(conn: Connection) -> Model | None:
    """The model of this library; None if nothing is embedded."""
    row = conn.execute(select(embedder.c.model, embedder.c.dim, embedder.c.since)).first()
    return None if row is None else Model(name=row.model, dim=row.dim, since=row.since)


def choose(conn: Connection, name: str | None, dim: int, *, now: int) -> None:
    """Have this model make the vectors from now on; None: nothing. Repeating it changes nothing."""
    if name is None:
        conn.execute(delete(embedder))
        return
    values = {"model": name, "dim": dim, "since": now}
    if not conn.execute(update(embedder).values(values)).rowcount:
        conn.execute(insert(embedder).values(id=1, **values))


def searched(conn: Connection) -> set[int]:
    """The organizations whose assets get vectors, whichever way they come."""
    return set(conn.scalars(statement(f"SELECT o.id FROM organization o WHERE {SEARCHED}")))


def is_searched(conn: Connection, organization_id: int) -> bool:
    """Whether an organization is one of those."""
    asked = statement(f"SELECT 1 FROM organization o WHERE o.id = :organization AND {SEARCHED}")
    return conn.execute(asked, {"organization": organization_id}).first() is not None


def lacking(
    conn: Connection, organization_id: int, model: str, *, kind: str, after: int, limit: int, unless: str = ""
) -> Window:
    """Assets of a kind without a vector of this model, whose row ids are greater than `after`; no copies, which are not
    found beside what they are of (case 63 of the Mindia protocol). Two statements, which look at a window of them.
    `unless` is a condition on the asset `b` that makes it somebody else's to care for."""
    how = flavour.of(conn)
    bound = {"organization": organization_id, "model": model, "kind": kind, "after": after}
    mine = "a.organization_id = :organization AND a.kind = :kind AND a.archived_at IS NULL AND a.id > :after"
    end: int | None = conn.scalar(
        statement(f"SELECT a.id FROM asset a WHERE {mine} ORDER BY a.id LIMIT 1 OFFSET {WINDOW - 1}"),
        {name: value for name, value in bound.items() if name != "model"},
    )
    # The inner query is answered by two indexes alone, and not by the rows of vectors, of which SQLite would read all
    # bytes. Only of what lacks one the row is read.
    up_to = "" if end is None else "AND {} <= :end"
    theirs = f"""SELECT e.asset_id FROM embedding e WHERE e.organization_id = :organization AND e.model = :model
        AND e.kind = :kind AND e.asset_id > :after {up_to.format("e.asset_id")}"""
    where = f"b.id = s.id AND {SEEN} {f'AND NOT ({unless})' if unless else ''}"
    there = how.probe.format(table="asset", alias="b", where=where)
    # All that has the bytes of one of them, once for each bytes and not for each copy.
    like = how.probe.format(table="asset", alias="b", where=f"b.blob_id = k.blob_id AND {SEEN}")
    originals = f"""SELECT min(b.id) FROM (SELECT DISTINCT blob_id FROM lacks) k {like} GROUP BY {_SAID}"""
    found = conn.scalars(
        statement(
            f"""WITH lacks AS MATERIALIZED (SELECT b.id, b.blob_id
                    FROM (SELECT a.id FROM asset a WHERE {mine} {up_to.format("a.id")}
                        AND a.id NOT IN ({theirs}) ORDER BY a.id {how.fence}) s
                    {there})
                SELECT l.id FROM lacks l WHERE l.id IN ({originals}) ORDER BY l.id LIMIT :limit"""
        ),
        bound | {"limit": limit} | ({} if end is None else {"end": end}),
    ).all()
    return Window(list(found), found[-1] if len(found) == limit else end)


def following(conn: Connection, organization_id: int, *, kind: str, after: int, limit: int) -> Window:
    """All assets of a kind that are to be seen, whether or not they have vectors."""
    found = conn.scalars(
        statement(
            f"""SELECT b.id FROM asset b WHERE b.organization_id = :organization AND b.kind = :kind
                AND b.id > :after AND {SEEN} ORDER BY b.id LIMIT :limit"""
        ),
        {"organization": organization_id, "kind": kind, "after": after, "limit": limit},
    ).all()
    return Window(list(found), found[-1] if len(found) == limit else None)


def standing(conn: Connection, model: Model, organization_id: int | None = None) -> dict[int, Standing]:
    """How organizations with assets stand, or one of them, by their row ids. Four statements, which look at each
    asset once or twice."""
    mine = "" if organization_id is None else "AND b.organization_id = :organization"
    bound: dict[str, object] = {} if organization_id is None else {"organization": organization_id}
    counted = f"b.organization_id, count(*), sum(CASE WHEN {SEEN} THEN 1 ELSE 0 END)"
    live = f"WHERE b.archived_at IS NULL {mine} {{}} GROUP BY b.organization_id"
    vectored = "FROM embedding e JOIN asset b ON b.id = e.asset_id"
    there = conn.execute(statement(f"SELECT {counted} FROM asset b {live.format('')}"), bound).all()
    bound["model"] = model.name
    have = conn.execute(
        statement(f"SELECT {counted} {vectored} {live.format('AND e.model = :model')}"), bound
    )
    failing = live.format("AND e.model = :model AND e.dim = 0")
    none = conn.execute(statement(f"SELECT b.organization_id, count(*) {vectored} {failing}"), bound)
    lacking = "LEFT JOIN embedding e ON e.asset_id = b.id AND e.model = :model"
    counting = f"""SELECT b.organization_id, count(*) FROM ({COPIES}) b {lacking}
        WHERE e.asset_id IS NULL {mine} GROUP BY b.organization_id"""
    copies = {row[0]: row[1] for row in conn.execute(statement(counting), bound)}
    having = {row[0]: (row[1], row[2]) for row in have}
    failed = {row[0]: row[1] for row in none}
    found = {}
    for whose, assets, seen in there:
        all_, of_seen = having.get(whose, (0, 0))
        of_copies = copies.get(whose, 0)
        found[whose] = Standing(
            assets=assets,
            lacking=assets - all_,
            waiting=seen - of_seen - of_copies,
            copies=of_copies,
            failed=failed.get(whose, 0),
        )
    return found


def alike(
    conn: Connection, organization_id: int, model: Model, digests: Sequence[bytes], *, since: int = 0
) -> dict[bytes, int]:
    """For these digests, each once, an asset of which the same is said and that has its vector, made after `since`.
    One statement; of nothing, none."""
    if not digests:
        return {}
    how = flavour.of(conn)
    rows = conn.execute(
        statement(
            f"""SELECT p.uuid AS said, (SELECT e.asset_id FROM embedding e WHERE e.organization_id = :organization
                    AND e.model = :model AND e.said = p.uuid AND e.dim = :dim AND e.made_at >= :since LIMIT 1) AS id
                FROM {how.packed} p"""
        ),
        {
            "organization": organization_id,
            "model": model.name,
            "dim": model.dim,
            "since": since,
            "packed": b"".join(digests),
            "count": len(digests),
        },
    )
    return {bytes(row.said): row.id for row in rows if row.id is not None}


def put_all(conn: Connection, model: Model, made: Sequence[Made], *, now: int) -> int:
    """Keep the vectors of many assets, each in place of the one that it has; how many.

    An asset that is gone or has been changed meanwhile gets none: it is found again by who looks next. Of what nothing
    could be made, that is kept, and it lacks nothing until it is given other words. At most two statements.
    """
    own = [each for each in made if each.same_as is None]
    others = [each for each in made if each.same_as is not None]
    return _put(conn, model, own, now=now) + _put_alike(conn, model, others, now=now)


def _put(conn: Connection, model: Model, made: Sequence[Made], *, now: int) -> int:
    if not made:
        return 0
    size = 4 * model.dim
    vectors: dict[bytes, int] = {}
    for each in made:
        if each.vector is not None:
            vectors.setdefault(each.vector, len(vectors) * size)
    # Where each vector begins among those laid end to end; what has none takes nothing from behind the last.
    begins = [vectors.get(it.vector or b"", len(vectors) * size) for it in made]
    dims = [0 if it.vector is None else model.dim for it in made]
    rows, parameters = _rows(conn, made, begins=begins, dim=dims, described=True)
    vectored = flavour.of(conn).part.format(name="vectors", start="s.begins", length="4 * s.dim")
    given = f"""s.id, s.organization_id, s.kind, CAST(:model AS text), CAST(s.dim AS integer), s.description,
        {vectored}, CAST(:now AS bigint), CASE WHEN s.dim > 0 THEN s.said END"""
    kept = conn.execute(
        statement(f"INSERT INTO embedding ({COLUMNS}) SELECT {given} FROM {rows} s WHERE true {INSTEAD}"),
        # Of no bytes at all SQLite can take none.
        {**parameters, "vectors": b"".join(vectors) or b"\0", "model": model.name, "now": now},
    )
    return kept.rowcount


def _put_alike(conn: Connection, model: Model, made: Sequence[Made], *, now: int) -> int:
    if not made:
        return 0
    rows, parameters = _rows(conn, made, same_as=[it.same_as for it in made])
    same = """t.asset_id = s.same_as AND t.organization_id = s.organization_id AND t.model = :model
        AND t.said = s.said"""
    there = flavour.of(conn).probe.format(table="embedding", alias="t", where=same)
    given = "s.id, s.organization_id, s.kind, t.model, t.dim, t.description, t.vector, CAST(:now AS bigint), t.said"
    kept = conn.execute(
        statement(f"INSERT INTO embedding ({COLUMNS}) SELECT {given} FROM {rows} s {there} {INSTEAD}"),
        {**parameters, "model": model.name, "now": now},
    )
    return kept.rowcount


def _rows(
    conn: Connection, made: Sequence[Made], *, described: bool = False, **numbers: Sequence[int | None]
) -> tuple[str, dict[str, Any]]:
    """A table source: those of the assets that are still as they were, with what is to be kept of them."""
    how = flavour.of(conn)
    about = [each.about for each in made]
    texts = {"description": [embeddings.described(each.said) for each in about]} if described else {}
    said, parameters = columns(
        how,
        "rows",
        len(made),
        numbers={"id": [it.id for it in about], "version": [it.version for it in about], **numbers},
        texts=texts,
        uuids={"uuid": b"".join(it.uuid for it in about), "said": b"".join(map(_digest, about))},
    )
    there = how.probe.format(
        table="asset", alias="a", where="a.id = r.id AND a.uuid = r.uuid AND a.version = r.version"
    )
    given = ", ".join(
        ["r.id", "a.organization_id", "a.kind", "r.said", *(f"r.{it}" for it in (*numbers, *texts))]
    )
    return f"(SELECT {given} FROM {said} r {there})", parameters


def _digest(about: Subject) -> bytes:
    return embeddings.digest(about.said)
