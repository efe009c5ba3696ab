"""Rounds: how every asset of an organization gets its vector, whichever way it came.

A round goes through an organization's assets, by kinds and row ids, and makes the vectors that are lacking; one that
is made `again` makes all. It is one row and one job of the queue, however many assets there are: the job takes the
round some seconds further, notes in the transaction that settles it how far that is, and waits for its next turn. So
whoever dies, another goes on; what has its vector by then is not made twice.

    lookout    has a round begun where one is needed
    making     takes it further
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from stackroom.database.flavour import statement
from stackroom.database.schema import embedding_round
from stackroom.errors import Conflict
from stackroom.library import vectors
from stackroom.media.kinds import Kind
from stackroom.queue import waiting
from stackroom.queue.jobs import DEFAULT, NewJob
from stackroom.queue.submit import submit_one

KIND: Final = "embed-missing"
RUNNING: Final = "running"
FINISHED: Final = "finished"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
KINDS: Final = tuple(kind.value for kind in Kind)
"""In this order a round goes through them."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """How far an organization's last round has come. `number` says that it has not begun anew meanwhile."""

    organization_id: int
    number: int
    state: str
    again: bool
    kind: str
    after_id: int
    done: int
    failed: int
    job_id: int | None
    error: str | None
    began_at: int
    changed_at: int


def find(conn: Connection, organization_id: int) -> Round | None:
    """The last round of an organization; None if there has been none."""
    return next(iter(of(conn, [organization_id])), None)


def of(conn: Connection, organization_ids: Sequence[int] | None = None) -> list[Round]:
    """The last rounds of these organizations, or of all."""
    query = select(*(embedding_round.c[name] for name in Round.__struct_fields__))
    if organization_ids is not None:
        query = query.where(embedding_round.c.organization_id.in_(organization_ids))
    return [Round(**row._mapping) for row in conn.execute(query.order_by(embedding_round.c.organization_id))]


def under_way(conn: Connection) -> dict[int, bool]:
    """The organizations whose round is running, and whether there is a job that makes it."""
    rows = conn.execute(
        statement(
            """SELECT r.organization_id, EXISTS (SELECT 1 FROM job j WHERE j.id = r.job_id AND j.state IN (0, 1, 5))
                FROM embedding_round r WHERE r.state = 'running'"""
        )
    )
    return {row[0]: bool(row[1]) for row in rows}


def begin(conn: Connection, organization_id: int, *, kind: str = KINDS[0], after: int = 0, now: int) -> bool:
    """Begin a round where something is lacking, and nothing before. False if one is running: then nothing happens."""
    begun = conn.execute(
        statement(
            f"""INSERT INTO embedding_round (organization_id, state, again, kind, after_id, began_at, changed_at)
                VALUES (:organization, '{RUNNING}', false, :kind, :after, :now, :now)
                ON CONFLICT (organization_id) DO UPDATE SET {_ANEW} WHERE embedding_round.state <> '{RUNNING}'"""
        ),
        {"organization": organization_id, "kind": kind, "after": after, "now": now},
    ).rowcount
    if begun:
        _submit(conn, organization_id, now=now)
    return bool(begun)


def resume(conn: Connection, organization_id: int, *, now: int) -> None:
    """Have a round go on that is running and whose job is over or gone. Of others nothing happens."""
    if under_way(conn).get(organization_id) is False:
        _submit(conn, organization_id, now=now)


def rebuild(conn: Connection, organization_id: int | None, *, now: int) -> list[int]:
    """Have all vectors of an organization, or of all that search by meaning, made again; whose. A round that is running
    begins anew. The lookout has it made. Two statements, whatever the number of organizations or assets.

    Raises `Conflict` (`nothing_embedded`) where there is no embedder.
    """
    if vectors.chosen(conn) is None:
        raise Conflict(
            "nothing is embedded in this library",
            code="nothing_embedded",
            hint="Start its server with an embedder first; `--embedder builtin` needs nothing else.",
        )
    mine = vectors.SEARCHED if organization_id is None else "o.id = :organization"
    found = conn.scalars(
        statement(
            f"""INSERT INTO embedding_round (organization_id, state, again, kind, after_id, began_at, changed_at)
                SELECT o.id, '{RUNNING}', true, '{KINDS[0]}', 0, CAST(:now AS bigint), CAST(:now AS bigint)
                FROM organization o WHERE EXISTS (SELECT 1 FROM asset a WHERE a.organization_id = o.id
                    AND a.archived_at IS NULL) AND {mine}
                ON CONFLICT (organization_id) DO UPDATE SET {_ANEW} RETURNING organization_id"""
        ),
        {"now": now} | ({} if organization_id is None else {"organization": organization_id}),
    )
    return sorted(found)


def cancel(conn: Connection, organization_id: int | None, *, now: int) -> list[int]:
    """End the rounds of an organization, or of all, that are running; whose there were. What is made stays, and what
    lacks a vector after all is found by the next look."""
    ended = update(embedding_round).where(embedding_round.c.state == RUNNING)
    if organization_id is not None:
        ended = ended.where(embedding_round.c.organization_id == organization_id)
    rows = conn.execute(
        ended.values(state=CANCELLED, changed_at=now).returning(
            embedding_round.c.organization_id, embedding_round.c.job_id
        )
    ).all()
    waiting.cancel_all(conn, [row.job_id for row in rows if row.job_id is not None], now=now)
    return sorted(row.organization_id for row in rows)


def choose(conn: Connection, name: str | None, dim: int, *, now: int) -> bool:
    """Have this model make the vectors from now on, or nothing; whether that is a change.

    Rounds that are running begin anew. Vectors of the same model that have another length are all made again: nobody
    could tell which of them are meant.
    """
    before = vectors.chosen(conn)
    if (name, dim) == (None, 0) if before is None else (before.name, before.dim) == (name, dim):
        return False
    vectors.choose(conn, name, dim, now=now)
    if name is None:
        cancel(conn, None, now=now)
    elif before is not None and before.name == name:
        rebuild(conn, None, now=now)
    else:
        _begin_anew(conn, now=now)
    return True


def advance(
    conn: Connection, now: int, *, seen: Round, kind: str, after: int, done: int, failed: int
) -> None:
    """A round has come so far, unless it has begun anew or ended meanwhile."""
    _change(
        conn,
        seen,
        kind=kind,
        after_id=after,
        done=seen.done + done,
        failed=seen.failed + failed,
        changed_at=now,
    )


def finish(conn: Connection, now: int, *, seen: Round, done: int, failed: int) -> None:
    """A round has come to its end, unless it has begun anew meanwhile: then the lookout has it go on, for its job is
    over."""
    _change(conn, seen, state=FINISHED, done=seen.done + done, failed=seen.failed + failed, changed_at=now)


def give_up(conn: Connection, organization_id: int, why: str, *, now: int) -> None:
    """A round cannot go on. What lacks a vector is found by the next look."""
    mine = embedding_round.c.organization_id == organization_id
    running = embedding_round.c.state == RUNNING
    conn.execute(update(embedding_round).where(mine, running).values(state=FAILED, error=why, changed_at=now))


def _begin_anew(conn: Connection, *, now: int) -> None:
    """Have all rounds that are running go from the beginning. Their jobs find out by themselves."""
    fresh = {"kind": KINDS[0], "after_id": 0, "done": 0, "failed": 0, "began_at": now, "changed_at": now}
    number = embedding_round.c.number + 1
    running = embedding_round.c.state == RUNNING
    conn.execute(update(embedding_round).where(running).values(again=False, number=number, **fresh))


def _submit(conn: Connection, organization_id: int, *, now: int) -> None:
    job_id = submit_one(
        conn, organization_id=organization_id, kind=KIND, priority=DEFAULT, job=NewJob("{}"), now=now
    )
    mine = embedding_round.c.organization_id == organization_id
    conn.execute(update(embedding_round).where(mine).values(job_id=job_id))


def _change(conn: Connection, seen: Round, **values: object) -> None:
    same = embedding_round.c.organization_id == seen.organization_id, embedding_round.c.number == seen.number
    conn.execute(update(embedding_round).where(*same, embedding_round.c.state == RUNNING).values(**values))


_ANEW: Final = f"""done = 0, failed = 0, error = NULL, number = embedding_round.number + 1,
    {", ".join(f"{it} = excluded.{it}" for it in ("state", "again", "kind", "after_id", "began_at", "changed_at"))}"""
"""What a round is set to that takes the place of another. What makes that one goes on with this one."""
