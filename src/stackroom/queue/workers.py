"""Who is alive, and what the dead were doing.

A worker that has not said for `LEASE` that it lives is dead, and stays so: its number is never given again. Whose
watch decides matters where several machines share a library. There, on PostgreSQL, it is the database's own; on
SQLite it is that of the one process there is.
"""

import os
import platform
import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row

from stackroom.clock import DAY, SECOND
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Connection
from stackroom.queue import moves
from stackroom.queue.jobs import CRASHED, State
from stackroom.queue.moves import Move

LEASE = 15 * SECOND
APART = SECOND
"""How far from each other jobs are begun that were lost more than once."""
REMEMBERED = DAY
"""How long a dead worker is remembered, for those who look for what happened."""


class Beat(msgspec.Struct, frozen=True):
    """What a worker learns when it says that it lives: whether others still think so, and which of the jobs it has
    are of batches that were cancelled."""

    alive: bool
    cancelled: frozenset[int] = frozenset()


def register(conn: Connection, *, name: str, version: str, slots: int, now: int) -> int:
    """The number of a new worker. `slots` is how many jobs of batches it does at once."""
    clock = flavour.of(conn).clock
    made = conn.execute(
        statement(
            f"""INSERT INTO worker (name, version, slots, started_at, heartbeat_at)
                VALUES (:name, :version, :slots, {clock}, {clock}) RETURNING id"""
        ),
        {"name": name, "version": version, "slots": slots, "now": now},
    )
    return int(made.scalar_one())


def beat(conn: Connection, worker_id: int, *, now: int) -> Beat:
    """Say that a worker lives. One that was taken for dead must drop all it has, and register anew."""
    how = flavour.of(conn)
    said = conn.execute(
        statement(
            f"{how.update} worker SET heartbeat_at = {how.clock} WHERE id = :worker AND NOT dead RETURNING id"
        ),
        {"worker": worker_id, "now": now},
    )
    if said.first() is None:
        return Beat(alive=False)
    of_cancelled = conn.scalars(
        statement(
            """SELECT j.id FROM job j JOIN batch b ON b.id = j.batch_id
                WHERE j.state = 1 AND j.worker_id = :worker AND b.cancel_requested"""
        ),
        {"worker": worker_id},
    )
    return Beat(alive=True, cancelled=frozenset(of_cancelled))


def lives(conn: Connection, worker_id: int) -> bool:
    """Whether a worker is not taken for dead."""
    query = statement("SELECT 1 FROM worker WHERE id = :worker AND NOT dead")
    return conn.execute(query, {"worker": worker_id}).first() is not None


def reap(
    conn: Connection, *, all_but: Collection[int] | None = None, spare: Collection[int] = (), now: int
) -> int:
    """Take from dead workers what they were doing: it is ready again, its attempts counted. How many jobs that were.

    Dead is who has not said for `LEASE` that he lives, unless he is one of `spare`: those of this very process, which
    need not say so while they have nothing in hand. With `all_but`, at once everybody else: for the start of a process
    that has the library to itself. Jobs that were lost more than once wait a while, each for itself: it may
    be one of them that kills its workers, and the others must not be there when it does it again. A job that was
    begun too often is not refused here: whoever claims it sees that by its attempt, and ends it.
    """
    how = flavour.of(conn)
    spared = f"NOT (id {how.among.format(name='spared')})"
    whom = spared if all_but is not None else f"heartbeat_at < {how.clock} - {LEASE} AND {spared}"
    living = sorted(spare if all_but is None else all_but)
    conn.execute(
        statement(f"{how.update} worker SET dead = true WHERE NOT dead AND {whom}"),
        {"spared": msgspec.json.encode(living).decode(), **({"now": now} if all_but is None else {})},
    )
    # Of all who are dead, not only of those who died just now: one that was paused may have claimed since.
    left = _running(conn, "j.worker_id IN (SELECT id FROM worker WHERE dead)", {})
    again = [row for row in left if row.attempt > 1]
    gone = [_ready(row) for row in left if row.attempt <= 1]
    for place, row in enumerate(again, 1):
        reason = "the worker that had it died more than once"
        run_at = now + place * APART
        gone.append(
            msgspec.structs.replace(_ready(row), to=State.WAITING, run_at=run_at, code=CRASHED, reason=reason)
        )
    return _move(conn, gone, now=now)


def bury(conn: Connection, ours: Collection[int]) -> int:
    """Note that workers of this very machine are dead whose processes are no longer there, so that nobody needs to
    wait until they have said nothing for long; how many. `ours` are those of this process, and live: as they are when
    the others have been looked for, for one of ours may begin meanwhile."""
    mine = name_here().rpartition(":")[0] + ":"
    rows = conn.execute(
        statement("SELECT id, name FROM worker WHERE NOT dead AND substr(name, 1, :length) = :mine"),
        {"mine": mine, "length": len(mine)},
    )
    gone = [row.id for row in rows if row.id not in ours and not _runs(row.name.removeprefix(mine))]
    how = flavour.of(conn)
    if gone:
        wanted = f"SELECT id FROM {flavour.rows(how, 'gone', id=int)} gone"
        conn.execute(
            statement(f"{how.update} worker SET dead = true WHERE id IN ({wanted})"),
            {"gone": msgspec.json.encode([(each,) for each in gone]).decode()},
        )
    return len(gone)


def any_live(conn: Connection, *, now: int) -> bool:
    """Whether anybody has said within `LEASE` that he lives, of those who are not known to be dead."""
    clock = flavour.of(conn).clock
    heard = f"SELECT EXISTS (SELECT 1 FROM worker WHERE NOT dead AND heartbeat_at >= {clock} - {LEASE})"
    return bool(conn.scalar(statement(heard), {"now": now}))


@cache
def name_here() -> str:
    """What this process is called: by its machine, since when that runs, where its number counts, and its number."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        numbers = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:  # then nobody is buried early
        boot = numbers = secrets.token_hex(4)
    return f"{platform.node()}:{boot}:{numbers}:{os.getpid()}"


def _runs(number: str) -> bool:
    """Whether there is a process of this number other than ours, which did not exist when that was noted."""
    return number.isdecimal() and int(number) != os.getpid() and Path(f"/proc/{number}").exists()


def give_back_lost(conn: Connection, worker_id: int, held: Collection[int], *, now: int) -> int:
    """Have jobs done that the worker has without knowing it, for the answer to its claim was lost: all that are its,
    but for those it holds. How many there were. Nothing else of the worker may claim meanwhile."""
    left = _running(conn, "j.worker_id = :worker", {"worker": worker_id})
    gone = [msgspec.structs.replace(_ready(row), uncounted=True) for row in left if row.id not in held]
    return _move(conn, gone, now=now)


def retire(conn: Connection, worker_id: int, *, now: int) -> int:
    """A worker ends, and gives back what it has; how many jobs that were. Repeating it changes nothing."""
    given_back = give_back_lost(conn, worker_id, (), now=now)
    conn.execute(
        statement(f"{flavour.of(conn).update} worker SET dead = true WHERE id = :worker AND NOT dead"),
        {"worker": worker_id},
    )
    return given_back


def prune(conn: Connection, *, now: int) -> None:
    """Forget workers that have been dead for long and have left nothing."""
    how = flavour.of(conn)
    conn.execute(
        statement(
            f"""DELETE FROM worker WHERE dead AND heartbeat_at < {how.clock} - {REMEMBERED}
                AND NOT EXISTS (SELECT 1 FROM job WHERE job.state = 1 AND job.worker_id = worker.id)"""
        ),
        {"now": now},
    )


def _running(conn: Connection, whose: str, bound: Mapping[str, object]) -> Sequence[Row[Any]]:
    lock = "FOR NO KEY UPDATE OF j" if flavour.of(conn) is flavour.POSTGRESQL else ""
    query = f"{moves.CLAIMED} WHERE j.state = 1 AND {whose} ORDER BY j.id {lock}"
    return conn.execute(statement(query), bound).all()


def _ready(row: Row[Any]) -> Move:
    return Move(job=moves.claimed(row), worker_id=row.worker_id, to=State.READY)


def _move(conn: Connection, gone: Sequence[Move], *, now: int) -> int:
    left = moves.leave(conn, gone, now=now)
    moves.count(conn, [(move.job, move.to) for move in gone if move.job.id in left], now=now)
    return len(left)
