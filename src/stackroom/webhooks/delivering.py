"""Brings deliveries to their endpoints: the queue's jobs of kind `delivery`.

An attempt is one POST, without redirects, of which only the beginning of the answer is read. What fails is tried again
later and later, until its budget is spent. A receiver is told one thing at a time, in order, as far as first attempts
go; one that takes its time is waited for only so long, so that others get their turn (`lines`).
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
import msgspec
import structlog
from sqlalchemy import Connection

from stackroom import __version__, faults, ids
from stackroom.clock import SECOND, Clock
from stackroom.database.transaction import Database
from stackroom.events import reading
from stackroom.events.reading import Event
from stackroom.library import endpoints
from stackroom.library.endpoints import Endpoint
from stackroom.network.addresses import AllowList, Refused, Unresolved
from stackroom.network.outbound import Outbound
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.webhooks import deliveries
from stackroom.webhooks.deliveries import Attempt, Delivery
from stackroom.webhooks.dialects import Dialect, Sending, standard_headers
from stackroom.webhooks.lines import BusyError, Lines
from stackroom.webhooks.targets import Targets
from stackroom.webhooks.telling import Task

log = structlog.get_logger(__name__)

SECONDS: Final = 30.0
"""How long an attempt takes at most, all in all."""
MAX_RESPONSE: Final = 65_536
"""How much of an answer is read, and kept."""
DELAYS: Final = (1, 5, 10, 30, 60)
"""After how many minutes an attempt is followed by the next; at last always as many as the last."""
AT_ONCE: Final = 256
PER_ORGANIZATION: Final = 64
"""How many deliveries are under way at once in one process; and of one organization, in all of them together."""
TEST: Final = "webhook.test"
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": f"Stackroom-Webhooks/{__version__}"}


class Parcel(msgspec.Struct, frozen=True):
    """What there is to know for an attempt."""

    delivery: Delivery
    endpoint: Endpoint
    event: Event | None


class Deliverer:
    """The queue's handler. Close it at the end.

    `attempts` is how often a delivery is tried at most; `minute` how many seconds the minutes of `DELAYS` have.
    """

    def __init__(
        self,
        database: Database,
        dialects: Mapping[str, Dialect],
        allowed: AllowList,
        now: Clock,
        *,
        attempts: int,
        minute: float = 60.0,
    ) -> None:
        self.max_attempts = attempts
        self.targets = Targets(allowed, at_once=AT_ONCE)
        self._database = database
        self._dialects = dialects
        self._now = now
        self._minute = minute
        self._transport = Outbound(self.targets.addresses)
        self._lines = Lines()

    async def close(self) -> None:
        await self._transport.aclose()

    async def run(self, job: Claimed) -> Result:
        task = msgspec.json.decode(job.task, type=Task)
        try:
            async with self._lines.turn(task.endpoint, first=job.attempt == 1):
                return await self._attempt(job, task)
        except BusyError as busy:  # others have their turn meanwhile
            return Result(
                job=job,
                state=State.WAITING,
                run_at=self._now() + int(busy.seconds * SECOND),
                code="webhook_busy",
                reason="the receiver is still at other deliveries",
                uncounted=True,
            )

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        found = deliveries.by_id(conn, msgspec.json.decode(job.task, type=Task).delivery)
        if found is not None:
            deliveries.drop(conn, found, f"{reason} ({code})", now=now)

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
        for job in jobs:
            self.given_up(conn, job, "cancelled", "nobody wants it any more", now)

    async def test(self, endpoint: Endpoint, organization_uuid: bytes) -> Attempt:
        """Send an event that has not happened, once, now, and leave no trace of it; what came of it."""
        event = Event(
            id=0,
            uuid=ids.new(),
            organization_id=0,
            organization_uuid=organization_uuid,
            type=TEST,
            at=self._now(),
            data={"webhook": ids.text(endpoint.uuid)},
        )
        return await self._send(event, endpoint, Sending(delivery_uuid=ids.new(), attempt=1, at=self._now()))

    async def _attempt(self, job: Claimed, task: Task) -> Result:
        parcel = await self._database.read(lambda conn: _load(conn, task.delivery))
        if parcel is None or parcel.delivery.finished_at is not None:
            return Result(job=job, state=State.DONE)  # its endpoint is gone, or somebody else was here
        delivery, endpoint, event = parcel.delivery, parcel.endpoint, parcel.event
        if not endpoint.enabled or event is None:
            return _dropped(job, delivery, deliveries.FORGOTTEN if endpoint.enabled else deliveries.OFF)
        sending = Sending(delivery_uuid=delivery.uuid, attempt=job.attempt, at=self._now())
        faults.reach("deliver:before-send")
        attempt = await self._send(event, endpoint, sending)
        faults.reach("deliver:after-send")
        return self._result(job, delivery, attempt)

    def _result(self, job: Claimed, delivery: Delivery, attempt: Attempt) -> Result:
        if attempt.error is None:
            return Result(
                job=job,
                state=State.DONE,
                effect=lambda conn, now: deliveries.note_success(conn, delivery, attempt, now=now),
            )
        log.info("webhook.failed", delivery=ids.text(delivery.uuid), attempt=job.attempt, error=attempt.error)
        if job.attempt >= self.max_attempts:
            return Result(
                job=job,
                state=State.FAILED,
                code="webhook_failed",
                reason=attempt.error,
                effect=lambda conn, now: deliveries.give_up(conn, delivery, attempt, now=now),
            )
        run_at = self._now() + self.delay(job.attempt)
        return Result(
            job=job,
            state=State.WAITING,
            run_at=run_at,
            code="webhook_failed",
            reason=attempt.error,
            effect=lambda conn, _now: deliveries.note_failure(conn, delivery, attempt, next_at=run_at),
        )

    def delay(self, attempt: int) -> int:
        """How long to wait after this attempt: a tenth more or less, so that not all come back at once."""
        minutes = DELAYS[min(attempt, len(DELAYS)) - 1]
        return int(minutes * self._minute * SECOND * random.uniform(0.9, 1.1))  # noqa: S311 - spreads out

    async def _send(self, event: Event, endpoint: Endpoint, sending: Sending) -> Attempt:
        message = self._dialects[endpoint.dialect](event, endpoint, sending)
        headers = {
            **_HEADERS,
            **message.headers,
            **standard_headers(event, endpoint.secrets(sending.at), sending, message.body),
            **endpoint.auth_headers,
        }
        try:
            self.targets.refuse_name(endpoint.url)
            async with asyncio.timeout(SECONDS):
                status, answer = await self._post(endpoint.url, headers, message.body)
        except Refused as error:
            return Attempt(sent_at=sending.at, error=f"not sent: the address leads to {error}")
        except Unresolved as error:
            return Attempt(sent_at=sending.at, error=f"not sent: {error}")
        except TimeoutError:
            return Attempt(sent_at=sending.at, error=f"no whole answer within {SECONDS:.0f} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Attempt(sent_at=sending.at, error=f"the connection failed: {_words(error)}")
        return Attempt(sent_at=sending.at, status_code=status, response=answer, error=_why_refused(status))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        timeout = httpx.Timeout(SECONDS, pool=None).as_dict()
        request = httpx.Request(
            "POST", url, headers=dict(headers), content=body, extensions={"timeout": timeout}
        )
        response = await self._transport.handle_async_request(request)
        try:
            answer = b""
            async for piece in response.aiter_raw():
                answer += piece[: MAX_RESPONSE - len(answer)]
                if len(answer) >= MAX_RESPONSE:
                    break
        finally:
            await response.aclose()
        return response.status_code, answer.decode(errors="replace").replace("\0", "\ufffd")


def _load(conn: Connection, delivery_id: int) -> Parcel | None:
    delivery = deliveries.by_id(conn, delivery_id)
    endpoint = None if delivery is None else endpoints.deliver_to(conn, delivery.endpoint_id)
    if delivery is None or endpoint is None:
        return None
    return Parcel(delivery, endpoint, reading.by_id(conn, delivery.event_id))


def _dropped(job: Claimed, delivery: Delivery, reason: str) -> Result:
    return Result(
        job=job,
        state=State.FAILED,
        code="webhook_dropped",
        reason=reason,
        effect=lambda conn, now: deliveries.drop(conn, delivery, reason, now=now),
    )


def _why_refused(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"the receiver answered {status}: redirects are not followed"
    return f"the receiver answered {status}"


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:500]
