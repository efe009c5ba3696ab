"""What a job is, who does it, and what came of it."""

import random
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, Literal, Protocol

import msgspec

from stackroom.clock import SECOND
from stackroom.database.transaction import Connection

MINUTE: Final = 60 * SECOND


class State(IntEnum):
    """Where a job is. The numbers are in the database, and in the conditions of its partial indexes."""

    READY = 0
    RUNNING = 1
    DONE = 2
    FAILED = 3
    CANCELLED = 4
    WAITING = 5


PRIORITY: Final = 0
DEFAULT: Final = 1
"""The lanes: what somebody waits for, and everything else."""

CRASHED: Final = "crashed"
INTERNAL_ERROR: Final = "internal_error"
"""Codes of failures that no handler has reported."""

Ended = Literal[State.DONE, State.FAILED, State.CANCELLED, State.WAITING]
"""What a handler may say of a job: that it has ended, or that it is to be tried again at `run_at`."""


class NewJob(msgspec.Struct, frozen=True):
    """Something to do. `task` is JSON that only its handler reads; `position` is its place in its batch."""

    task: str
    asset_id: int | None = None
    position: int = 0


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a worker has. `(worker, attempt)` is what a result must know to count; `attempt` is 1 at first."""

    id: int
    attempt: int
    lane_id: int
    kind: str
    priority: int
    organization_id: int
    batch_id: int | None
    position: int
    asset_id: int | None
    task: str


Effect = Callable[[Connection, int], None]
"""What a result does to the library, given the present moment. It may run again after a lost race, so it must do
nothing but talk to its connection."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a claimed job.

    `effect` runs in the transaction that settles the job, and only if the job is still the worker's to settle: so it
    happens exactly once. `code` and `reason` say why a job FAILED, or why it must wait until `run_at`.
    `busy` is how many microseconds were spent on it. An attempt that is `uncounted` failed through no fault of the
    job's; only one that is WAITING may say so.
    """

    job: Claimed
    state: Ended
    run_at: int | None = None
    code: str | None = None
    reason: str | None = None
    busy: int = 0
    uncounted: bool = False
    effect: Effect | None = None


def backoff(attempt: int, *, first: int = 5 * SECOND, most: int = 15 * MINUTE) -> int:
    """How long to wait after an attempt that failed: twice as long each time, up to `most`, and never quite as long
    as others wait that failed at the same time."""
    return int(min(most, first * 2 ** min(attempt - 1, 30)) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads out


class Handler(Protocol):
    """Does the jobs of one kind.

    `max_attempts` is how often a job is begun at most, crashes of its worker included. A result WAITING of the last
    attempt ends the job as FAILED, with the code and reason it waits for: then `given_up` is its effect.
    """

    max_attempts: int

    async def run(self, job: Claimed) -> Result:
        """Do it. May run more than once, even at the same time in two places, so whatever it does outside of its
        result's effect must bear repetition. An exception is an attempt that failed in a way nobody foresaw, and
        `Unavailable` one that does not count. When the task is cancelled, whatever it has started must end."""
        ...

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        """The effect of a job that ends FAILED without the handler having said so."""
        ...

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
        """The effect of jobs that end CANCELLED without the handler having said so. Up to thousands at once."""
        ...
