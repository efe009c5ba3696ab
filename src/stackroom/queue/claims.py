"""Workers take jobs and settle them.

    claim    look for the lane whose turn it is; hold its organization's lanes; take what is ready in it
    settle   jobs leave their worker if it still has them, effects run, counters move: one transaction

Why each job counts once, whatever dies: a counter moves only in the transaction that takes the job out of `RUNNING`,
and that needs the worker and the attempt which claimed it. A worker that was thought dead has lost both.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, TextClause

from stackroom import faults
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue import moves, rates
from stackroom.queue.jobs import PRIORITY, Claimed, Result, State
from stackroom.queue.moves import Move

LANES_AT_ONCE: Final = 4
"""From how many lanes one claim takes at most."""
NO_LIMIT: Final = 2**31 - 1


class Landed(msgspec.Struct, frozen=True):
    """What a settling has changed: the jobs whose results counted, and the batches that finished by it."""

    accepted: frozenset[int]
    finished: list[int]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs a worker looks for: see `claim`."""

    worker_id: int
    kinds: tuple[str, ...]
    per_organization: int | None = None
    by_turn: bool = False
    only_priority: bool = False


def claim(
    conn: Connection,
    worker_id: int,
    *,
    kinds: Collection[str],
    limit: int,
    per_organization: int | None = None,
    by_turn: bool = False,
    only_priority: bool = False,
    now: int,
) -> list[Claimed]:
    """Take up to `limit` ready jobs of these kinds, oldest first in each lane; none for a worker that is dead.

    The lane of the lowest (priority, turn) comes first; with `by_turn`, whatever its priority, so that nothing waits
    for ever behind what is urgent. `per_organization` is how many jobs of a kind may run for one organization at once,
    on all workers together, unless the organization has a limit of its own; it is never passed, not even by claims
    at the same instant. There may be more where this came from even when less than `limit` was taken.
    """
    wanted = Wanted(
        worker_id=worker_id,
        kinds=tuple(kinds),
        per_organization=per_organization,
        by_turn=by_turn,
        only_priority=only_priority,
    )
    return claim_wanted(conn, wanted, limit=limit, now=now)


def claim_wanted(conn: Connection, wanted: Wanted, *, limit: int, now: int) -> list[Claimed]:
    """`claim`, for who has asked `any_ready` with the same words before."""
    taken: list[Claimed] = []
    passed: list[int] = []
    while len(taken) < limit and len(passed) < LANES_AT_ONCE:
        picked = _pick(conn, wanted, passed)
        if picked is None:
            break
        passed.append(picked.id)
        room = min(limit - len(taken), _room(conn, picked, alone=len(passed) == 1))
        if room > 0:
            taken += _take(conn, picked, wanted.worker_id, room, now=now)
    _begin_batches(conn, {job.batch_id for job in taken if job.batch_id is not None}, now=now)
    faults.reach("queue:after-claim")
    return taken


def any_ready(conn: Connection, wanted: Wanted) -> bool:
    """Whether a claim would find something: to be asked where a claim that finds nothing would cost a write."""
    return conn.execute(_picking(conn, wanted, ""), _parameters(wanted, [])).first() is not None


def settle(conn: Connection, worker_id: int, results: Sequence[Result], *, now: int) -> Landed:
    """Bring results to their jobs, run their effects and move all counters, in one transaction with whatever the
    caller adds to it. Results of jobs that are the worker's no longer change nothing, so settling again is safe. Of
    several results of one job the last counts."""
    last = {it.job.id: it for it in results}
    gone = [
        Move(
            job=it.job,
            worker_id=worker_id,
            to=State(it.state),
            run_at=it.run_at if it.state is State.WAITING else None,
            code=it.code,
            reason=it.reason,
            uncounted=it.uncounted and it.state is State.WAITING,
        )
        for it in last.values()
    ]
    accepted = moves.leave(conn, gone, now=now)
    counted = [last[id_] for id_ in last if id_ in accepted]
    for it in counted:
        if it.effect is not None:
            it.effect(conn, now)
    finished = moves.count(conn, [(it.job, State(it.state)) for it in counted], now=now)
    rates.note(conn, worker_id, counted, now=now)
    return Landed(accepted, finished)


def give_back(conn: Connection, worker_id: int, jobs: Sequence[Claimed], *, now: int) -> frozenset[int]:
    """Jobs that were not done after all are ready again, as if they had not been claimed; which they were. Those
    that are the worker's no longer stay as they are, and one that is named twice counts once."""
    named = {job.id: job for job in jobs}
    gone = [Move(job=job, worker_id=worker_id, to=State.READY, uncounted=True) for job in named.values()]
    accepted = moves.leave(conn, gone, now=now)
    moves.count(conn, [(named[id_], State.READY) for id_ in accepted], now=now)
    return accepted


def _pick(conn: Connection, wanted: Wanted, passed: Sequence[int]) -> Row[Any] | None:
    """The lane whose turn it is, with the first lane of its organization held: all who claim for an organization
    meet there. Where somebody else is claiming is passed over. If that is everywhere it is waited for, which is safe
    as long as nothing else is held."""
    bound = _parameters(wanted, passed)
    locks = ("",)
    if flavour.of(conn) is flavour.POSTGRESQL:
        locks = ("FOR NO KEY UPDATE OF f SKIP LOCKED", *(() if passed else ("FOR NO KEY UPDATE OF f",)))
    for lock in locks:
        found = conn.execute(_picking(conn, wanted, lock), bound).first()
        if found is not None:
            return found
    return None


def _picking(conn: Connection, wanted: Wanted, lock: str) -> TextClause:
    texts = flavour.of(conn).texts
    passed = flavour.of(conn).among.format(name="passed")
    return statement(
        f"""SELECT l.id, l.kind, l.organization_id, l.priority, COALESCE(o.max_running, :most) AS most, s.lanes
            FROM (SELECT m.kind, m.organization_id, min(m.id) AS first, count(*) AS lanes, sum(m.running) AS running
                FROM lane m WHERE m.kind IN (SELECT value FROM {texts} kinds)
                GROUP BY m.kind, m.organization_id) s
            JOIN lane l ON l.kind = s.kind AND l.priority IN (0, 1) AND l.organization_id = s.organization_id
            JOIN lane f ON f.id = s.first JOIN organization o ON o.id = l.organization_id
            WHERE l.ready {f"AND l.priority = {PRIORITY}" if wanted.only_priority else ""}
                AND NOT (l.id {passed}) AND s.running < COALESCE(o.max_running, :most)
                AND EXISTS (SELECT 1 FROM worker w WHERE w.id = :worker AND NOT w.dead)
            ORDER BY {"" if wanted.by_turn else "l.priority, "}l.turn, l.id LIMIT 1 {lock}"""
    )


def _parameters(wanted: Wanted, passed: Sequence[int]) -> dict[str, object]:
    return {
        "worker": wanted.worker_id,
        "most": NO_LIMIT if wanted.per_organization is None else wanted.per_organization,
        "texts": msgspec.json.encode(wanted.kinds).decode(),
        "passed": msgspec.json.encode(passed).decode(),
    }


def _room(conn: Connection, picked: Row[Any], *, alone: bool) -> int:
    """How many more of its organization's jobs may run, with its lanes held so that this stays true. Who already
    holds another organization's lanes waits for nobody: then there is no room this time."""
    how = flavour.of(conn)
    held = conn.execute(
        statement(
            f"""SELECT id, running, ready FROM lane WHERE kind = :kind AND priority IN (0, 1)
                AND organization_id = :organization ORDER BY id {how.lock if alone else how.skip}"""
        ),
        {"kind": picked.kind, "organization": picked.organization_id},
    ).all()
    if len(held) < picked.lanes or not any(lane.id == picked.id and lane.ready for lane in held):
        return 0
    running: int = sum(lane.running for lane in held)
    most: int = picked.most
    return most - running


def _take(conn: Connection, picked: Row[Any], worker_id: int, room: int, *, now: int) -> list[Claimed]:
    """What is ready in a lane that is held. A statement of its own: it must see what was submitted before we held the
    lane, and what is submitted later will find that the lane says nothing of ready jobs, and say it."""
    how = flavour.of(conn)
    rows = conn.execute(
        statement(
            f"""WITH taken AS MATERIALIZED
                (SELECT id FROM job WHERE lane_id = :lane AND state = 0 ORDER BY id LIMIT :room {how.skip})
                UPDATE job SET state = 1, worker_id = :worker, attempt = job.attempt + 1, started_at = :now
                FROM taken WHERE job.id = taken.id
                RETURNING job.id, job.attempt, job.batch_id, job.position, job.asset_id, job.task"""
        ),
        {"lane": picked.id, "room": room, "worker": worker_id, "now": now},
    ).all()
    conn.execute(
        statement(
            f"""{how.update} lane SET running = running + :taken, turn = turn + :taken, ready = :more
                WHERE id = :lane"""
        ),
        {"taken": len(rows), "more": len(rows) == room, "lane": picked.id},
    )
    return [
        Claimed(
            id=row.id,
            attempt=row.attempt,
            lane_id=picked.id,
            kind=picked.kind,
            priority=picked.priority,
            organization_id=picked.organization_id,
            batch_id=row.batch_id,
            position=row.position,
            asset_id=row.asset_id,
            task=row.task,
        )
        for row in sorted(rows)
    ]


def _begin_batches(conn: Connection, batch_ids: Collection[int], *, now: int) -> None:
    """Note when the first job of a batch was begun. A batch that somebody holds is passed over, for we hold lanes and
    must not wait; it is noted at the next claim, or when a job of it ends."""
    if not batch_ids:
        return
    how = flavour.of(conn)
    among = how.among.format(name="batches")
    conn.execute(
        statement(
            f"""{how.update} batch SET started_at = :now WHERE id IN
                (SELECT id FROM batch WHERE id {among} AND started_at IS NULL {how.skip})"""
        ),
        {"now": now, "batches": msgspec.json.encode(sorted(batch_ids)).decode()},
    )
