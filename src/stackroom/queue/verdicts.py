"""What is said of a job that its handler has said nothing of, or nothing that can stand."""

from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from stackroom.clock import SECOND, Clock
from stackroom.database.transaction import Connection
from stackroom.errors import StackroomError
from stackroom.queue.jobs import INTERNAL_ERROR, Claimed, Handler, Result, State, backoff
from stackroom.queue.patience import is_away

log = structlog.get_logger(__name__)

AGAIN: Final = 30 * SECOND
"""When a job is tried again that failed through no fault of its own."""
UNFORESEEN: Final = "something went wrong here; the operator finds the cause in the server's log"


class Verdicts:
    """Results in the name of handlers."""

    def __init__(self, handlers: Mapping[str, Handler], now: Clock) -> None:
        self._handlers = handlers
        self._now = now

    def failed(self, job: Claimed, error: Exception | None) -> Result:
        """An attempt that failed in a way that its handler has not foreseen."""
        if is_away(error):
            log.warning("queue.job_put_off", job=job.id, kind=job.kind, error=str(error))
        else:
            log.error("queue.job_failed", job=job.id, kind=job.kind, attempt=job.attempt, exc_info=error)
        return self._again(job, error)

    def without_effect(self, result: Result, error: Exception) -> Result | None:
        """What to settle instead of a result whose effect failed; None if it had none, and cannot be settled."""
        log.error("queue.effect_failed", job=result.job.id, state=result.state.name, exc_info=error)
        if result.effect is None:
            return None
        if result.state in (State.DONE, State.WAITING):
            return self.bounded(self._again(result.job, error))
        return msgspec.structs.replace(result, effect=None)

    def bounded(self, result: Result) -> Result:
        """A result WAITING is the end of a job that has been begun often enough."""
        job = result.job
        often = job.attempt >= self._handlers[job.kind].max_attempts
        if result.state is not State.WAITING or result.uncounted or not often:
            return result
        given_up = self.given_up(job, result.code or INTERNAL_ERROR, result.reason or UNFORESEEN)
        return msgspec.structs.replace(given_up, busy=result.busy)

    def given_up(self, job: Claimed, code: str, reason: str) -> Result:
        def effect(conn: Connection, now: int) -> None:
            self._handlers[job.kind].given_up(conn, job, code, reason, now)

        return Result(job=job, state=State.FAILED, code=code, reason=reason, effect=effect)

    def cancelled(self, job: Claimed) -> Result:
        def effect(conn: Connection, now: int) -> None:
            self._handlers[job.kind].cancelled(conn, [job], now)

        return Result(job=job, state=State.CANCELLED, effect=effect)

    def _again(self, job: Claimed, error: Exception | None) -> Result:
        code, reason = INTERNAL_ERROR, UNFORESEEN
        if isinstance(error, StackroomError):
            code, reason = error.code, error.message
        elif is_away(error):
            code, reason = "database_unavailable", "the database could not be reached"
        nobodys_fault = is_away(error)
        return Result(
            job=job,
            state=State.WAITING,
            run_at=self._now() + (AGAIN if nobodys_fault else backoff(job.attempt)),
            code=code,
            reason=reason,
            uncounted=nobodys_fault,
        )
