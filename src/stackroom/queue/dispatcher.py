"""The task that has jobs done while a server runs: as many at once as it has slots, as long as it is alive.

    claims   looks for ready jobs, and keeps some more in hand than there are slots
    slots    run jobs; a tenth of them take nothing but what is urgent
    settles  brings what came of them to the database, several at a time
    beats    says that we live, hears of cancelled batches, and takes from the dead what they had
    keeps    what time brings: retries, cancelled batches, lanes that were passed over

None of them ends because the database is away: they wait until it is back, and nothing is lost meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import structlog

from stackroom import __version__, faults
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.transaction import Connection, Database, T
from stackroom.queue import claims, lanes, rates, waiting, workers
from stackroom.queue.claims import Landed, Wanted
from stackroom.queue.jobs import (
    CRASHED,
    PRIORITY,
    Claimed,
    Handler,
    Result,
)
from stackroom.queue.patience import is_away, patiently
from stackroom.queue.verdicts import Verdicts

log = structlog.get_logger(__name__)

IDLE: Final = 1.0
"""Seconds between looks for jobs that nobody announced, such as another server's, and for what time brings."""
BEAT: Final = 5.0
MEND: Final = 30.0
PRUNE: Final = 600.0
PACE: Final = 60.0
LINGER: Final = 0.02
"""How long a result waits for others that could be settled with it."""
GROUP: Final = 64
"""How many results are settled at once, at most; and how many jobs are claimed."""
AHEAD: Final = 2
"""How many jobs are in hand at most for each slot."""
BY_TURN: Final = 8
"""Every so many claims one goes by turn alone, so that nothing waits for ever behind what is urgent."""
DRAIN: Final = 10.0
LAST_WORDS: Final = 5.0
"""Seconds for settling and giving back at the end."""

OnFinished = Callable[[Connection, Sequence[int], int], None]
"""Is told of the batches that finish, in the transaction in which they do."""


_OURS: Final[WeakKeyDictionary[Database, set[int]]] = WeakKeyDictionary()
"""The numbers of the dispatchers that are at work in this process, for each library: elsewhere they are others'."""


class Held(msgspec.Struct, eq=False):
    """A job in hand. `cancelled`: nobody wants it done any more; `landed`: it has a result, which is to be settled;
    `over`: it is ours no more, and what comes of it is nothing."""

    job: Claimed
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    landed: bool = False
    over: bool = False


class Dispatcher:
    """One for each sort of work, with slots of its own, so that no sort has to wait for another: what is decoded, what
    players get, what is told to receivers. `run` works until it is cancelled; `wake` tells it of submitted jobs.

    `handlers` do the jobs of their kind; jobs of other kinds are left to others. `per_organization` is how many jobs
    of a kind run at once for one organization, on all workers together, unless the organization says otherwise.
    Without `on_finished` none of its kinds comes in batches, and what becomes of cancelled batches is left to others:
    cancelling a job of theirs without its handler would leave what it is about as if it were still to come.
    `ahead` is how many jobs are in hand at most for each slot: 1 for what takes long, for what is in hand here nobody
    else can begin. Stopping lets what runs end for `drain` seconds; what does not is given back, as if it had not
    been begun.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        slots: int,
        now: Clock,
        per_organization: int | None = None,
        on_finished: OnFinished | None,
        ahead: int = AHEAD,
        drain: float = DRAIN,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._slots = slots
        self._reserved = slots // 10
        self._now = now
        self._per_organization = per_organization
        self._on_finished = on_finished
        self._ahead = ahead
        self._drain_for = drain
        self._say = Verdicts(handlers, now)
        self._ours = _OURS.setdefault(database, set())
        self._awake = asyncio.Event()
        self._settling = asyncio.Event()
        self._held: dict[int, Held] = {}
        self._urgent: deque[Held] = deque()
        self._others: deque[Held] = deque()
        self._tasks: dict[asyncio.Task[None], Held] = {}
        self._results: list[Result] = []
        self._worker_id = 0
        self._claims = 0
        self._ended = 0
        self._unsure = False
        self._alone = False
        self._stopping = False

    def does(self, kind: str) -> bool:
        """Whether jobs of a kind are done here."""
        return kind in self._handlers

    def handler_of(self, kind: str) -> Handler:
        """Who does the jobs of a kind that is done here."""
        return self._handlers[kind]

    def wake(self) -> None:
        """Look for jobs now, and not only when it is time to."""
        self._awake.set()

    @property
    def in_hand(self) -> int:
        """How many jobs are claimed and not settled."""
        return len(self._held)

    async def run(self) -> None:
        """Work until cancelled, then end gracefully: see `Dispatcher`."""
        await self._register()
        duties = {
            name: asyncio.create_task(self._forever(name, duty))
            for name, duty in (
                ("claims", self._keep_claiming),
                ("settles", self._keep_settling),
                ("beats", self._keep_beating),
                ("keeps", self._keep_house),
            )
        }
        try:
            await asyncio.wait(duties.values())  # which, cancelled, leaves them at work
        except asyncio.CancelledError:
            await self._drain(duties)
            raise
        finally:
            await _end([*duties.values(), *self._tasks])
            self._ours.discard(self._worker_id)

    # Who we are

    async def _register(self) -> None:
        """Have a number, and take from the dead what they had. Waits for the database as long as it takes."""
        name = workers.name_here()

        def work(conn: Connection) -> tuple[int, bool, int]:
            now = self._now()
            # What estimates count are slots for what comes in batches.
            slots = self._slots if self._on_finished is not None else 0
            me = workers.register(conn, name=name, version=__version__, slots=slots, now=now)
            self._ours.add(me)  # before the commit: the next of our own to register must not take us for dead
            # Nobody else has an SQLite library open, so whoever has not ended is dead.
            alone = flavour.of(conn) is flavour.SQLITE
            workers.bury(conn, self._ours)
            return me, alone, workers.reap(conn, all_but={*self._ours} if alone else None, now=now)

        registered = await patiently("registering", lambda: self._database.write(work))
        assert registered is not None
        self._worker_id, self._alone, taken = registered
        log.info("queue.started", worker=self._worker_id, slots=self._slots, taken_over=taken)

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            # Who has the library to himself, and nothing in hand, need not write that he lives.
            idle = self._alone and not self._held
            await self._guarded("beating", self._feel_the_pulse if idle else self._beat)

    async def _feel_the_pulse(self) -> None:
        me = self._worker_id
        if not await self._database.read(lambda conn: workers.lives(conn, me)):
            await self._begin_anew()

    async def _beat(self) -> None:
        def work(conn: Connection) -> tuple[workers.Beat, int]:
            now = self._now()
            said = workers.beat(conn, me, now=now)
            workers.bury(conn, self._ours)
            return said, workers.reap(conn, spare={me, *self._ours}, now=now) if said.alive else 0

        me = self._worker_id
        said, taken = await self._database.write(work)
        if taken:
            log.warning("queue.reaped", jobs=taken)
            self.wake()
        if not said.alive:
            await self._begin_anew()
        if said.cancelled:
            await self._do_what_is_due()  # or slots that become free would begin what nobody wants any more
        for job_id in said.cancelled:
            self._cancel(job_id)

    async def _begin_anew(self) -> None:
        """We were taken for dead. Nothing that we have is ours any more: others do it again."""
        if self._stopping:  # we have said so ourselves, or what we still settle will not be accepted
            return
        log.error("queue.taken_for_dead", worker=self._worker_id, dropped=len(self._held))
        self._ours.discard(self._worker_id)
        for held in self._held.values():
            held.over = True
            if held.task is not None:
                held.task.cancel()
        self._held.clear()
        self._urgent.clear()
        self._others.clear()
        self._results.clear()
        await self._register()
        self.wake()

    def _cancel(self, job_id: int) -> None:
        held = self._held.get(job_id)
        if held is None or held.cancelled or held.over:
            return
        held.cancelled = True
        if held.task is not None:
            held.task.cancel()
        elif held in self._queue_of(held.job):
            self._queue_of(held.job).remove(held)
            self._landed(self._say.cancelled(held.job))

    # Claims

    async def _keep_claiming(self) -> None:
        looked_in_vain = True
        while not self._stopping:
            self._awake.clear()
            limit, only_priority = self._room()
            taken = 0
            if limit > 0:
                claim = partial(self._claim, limit, only_priority=only_priority, look_first=looked_in_vain)
                taken = await self._guarded("claiming", claim) or 0
                looked_in_vain = taken < limit
            if taken == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), IDLE)

    def _room(self) -> tuple[int, bool]:
        """How many jobs to claim, and whether only urgent ones."""
        urgent = sum(held.job.priority == PRIORITY for held in self._held.values())
        room = self._ahead * self._slots - len(self._held)
        for_others = self._ahead * (self._slots - self._reserved) - (len(self._held) - urgent)
        return (min(room, for_others, GROUP), False) if for_others > 0 else (min(room, GROUP), True)

    async def _claim(self, limit: int, *, only_priority: bool, look_first: bool) -> int:
        me = self._worker_id
        wanted = Wanted(
            worker_id=me,
            kinds=tuple(self._handlers),
            per_organization=self._per_organization,
            by_turn=self._claims % BY_TURN == BY_TURN - 1,
            only_priority=only_priority,
        )
        if self._unsure:
            await self._give_back_lost()
        # A write goes to the disk even if it changes nothing, so looking comes first where there may be nothing.
        if look_first and not await self._database.read(lambda conn: claims.any_ready(conn, wanted)):
            return 0
        self._unsure = True
        taken = await self._database.write(
            lambda conn: claims.claim_wanted(conn, wanted, limit=limit, now=self._now())
        )
        self._unsure = False
        self._claims += 1
        if me != self._worker_id:  # we were taken for dead meanwhile
            return 0
        if taken:
            faults.reach("queue:after-take")
        for job in taken:
            self._take(job)
        self._start_more()
        return len(taken)

    async def _give_back_lost(self) -> None:
        """The answer to a claim was lost on its way: whatever is ours and not in hand, we do not have."""
        me, held = self._worker_id, frozenset(self._held)
        lost = await self._database.write(
            lambda conn: workers.give_back_lost(conn, me, held, now=self._now())
        )
        self._unsure = False
        if lost:
            log.warning("queue.claims_lost", jobs=lost)

    def _take(self, job: Claimed) -> None:
        held = self._held[job.id] = Held(job)
        if job.attempt > self._handlers[job.kind].max_attempts:
            log.error("queue.crashed", job=job.id, kind=job.kind, attempts=job.attempt - 1)
            reason = f"it crashed the worker, or was lost with it, {job.attempt - 1} times"
            self._landed(self._say.given_up(job, CRASHED, reason))
        else:
            self._queue_of(job).append(held)

    def _queue_of(self, job: Claimed) -> deque[Held]:
        return self._urgent if job.priority == PRIORITY else self._others

    # Slots

    def _start_more(self) -> None:
        while not self._stopping and len(self._tasks) < self._slots:
            busy = sum(held.job.priority != PRIORITY for held in self._tasks.values())
            if self._urgent:
                held = self._urgent.popleft()
            elif self._others and busy < self._slots - self._reserved:
                held = self._others.popleft()
            else:
                return
            held.task = asyncio.create_task(self._do(held))
            self._tasks[held.task] = held
            held.task.add_done_callback(self._slot_is_free)

    def _slot_is_free(self, task: asyncio.Task[None]) -> None:
        held = self._tasks.pop(task)
        if held.cancelled and not held.landed and not held.over:  # it may not even have begun
            self._landed(self._say.cancelled(held.job))
        self._start_more()
        self._settling.set()  # there may be nothing left to linger for
        self._awake.set()

    async def _do(self, held: Held) -> None:
        """Run a job in its task. Only the end of the job, or of the dispatcher, ends it."""
        job, began = held.job, time.monotonic_ns()
        handler = self._handlers[job.kind]
        try:
            result = await handler.run(job)
        except asyncio.CancelledError:
            if held.cancelled or held.over or self._stopping:
                return  # nobody wants it, it is another's by now, or it is given back
            result = self._say.failed(job, None)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and becomes the job's result
            result = self._say.failed(job, error)
        if not held.over:
            busy = result.busy or (time.monotonic_ns() - began) // 1000
            self._landed(self._say.bounded(msgspec.structs.replace(result, busy=busy)))

    # Settling

    def _landed(self, result: Result) -> None:
        self._held[result.job.id].landed = True
        self._results.append(result)
        self._settling.set()

    async def _keep_settling(self) -> None:
        while True:
            await self._settling.wait()
            await self._linger()
            self._settling.clear()
            while self._results:
                group, self._results = self._results[:GROUP], self._results[GROUP:]
                await self._settle(group)

    async def _linger(self) -> None:
        """Wait a moment for results that could be settled together with these, if there is anything to wait for."""
        until = time.monotonic() + LINGER
        while self._tasks and 0 < len(self._results) < GROUP:
            self._settling.clear()
            try:
                await asyncio.wait_for(self._settling.wait(), until - time.monotonic())
            except TimeoutError:
                return

    async def _settle(self, group: list[Result]) -> None:
        """Settle these together; if that fails through one of them, each alone, and what fails alone without what
        made it fail. Waits for a database that is away."""
        me = self._worker_id
        landing = partial(self._database.write, lambda conn: self._land(conn, me, group))
        try:
            await patiently("settling", landing, unless=lambda: me != self._worker_id)
        except Exception as error:  # noqa: BLE001 - an effect's, which is logged where it is known whose
            if len(group) > 1:
                for each in group:
                    await self._settle([each])
            elif (instead := self._say.without_effect(group[0], error)) is not None:
                await self._settle([instead])
            else:
                self._let_go(group, me)
            return
        faults.reach("queue:after-settle")
        self._ended += len(group)
        self._let_go(group, me)

    def _land(self, conn: Connection, me: int, group: Sequence[Result]) -> Landed:
        now = self._now()
        landed = claims.settle(conn, me, group, now=now)
        if landed.finished and self._on_finished is not None:
            self._on_finished(conn, landed.finished, now)
        faults.reach("queue:before-commit")
        return landed

    def _let_go(self, group: Sequence[Result], me: int) -> None:
        if me == self._worker_id:  # what we have under a new number is not what we had under the old one
            for result in group:
                self._held.pop(result.job.id, None)
        self._awake.set()

    # What time brings

    async def _keep_house(self) -> None:
        mend = prune = pace = time.monotonic()
        while True:
            await asyncio.sleep(IDLE)
            await self._guarded("keeping", self._do_what_is_due)
            at = time.monotonic()
            if at - mend >= MEND:
                mend = at
                await self._guarded("mending", self._mend)
            if at - prune >= PRUNE:
                prune = at
                await self._guarded("pruning", self._prune)
            if at - pace >= PACE and self._ended:
                log.info("queue.pace", settled=self._ended, in_hand=len(self._held), seconds=round(at - pace))
                pace, self._ended = at, 0

    async def _do_what_is_due(self) -> None:
        due = await self._database.read(lambda conn: waiting.due(conn, now=self._now()))
        if due.retries:
            await self._database.write(lambda conn: waiting.promote(conn, now=self._now()))
            self.wake()
        for batch_id in due.cancelled if self._on_finished is not None else ():
            await self._cancel_batch(batch_id)

    async def _cancel_batch(self, batch_id: int) -> None:
        """Cancel what is not begun, portion by portion: smaller ones where an effect fails, until the one job is found
        that must be cancelled without it."""
        limit, more = waiting.PORTION, True
        while more:
            portion = partial(self._cancel_portion, batch_id=batch_id, limit=limit, effects=True)
            try:
                more = await self._database.write(portion)
                limit = min(8 * limit, waiting.PORTION)
            except Exception as error:
                if is_away(error):
                    raise
                if limit == 1:
                    log.exception("queue.effect_failed", batch=batch_id, state="CANCELLED")
                    more = await self._database.write(partial(portion, effects=False))
                limit = max(limit // 8, 1)

    def _cancel_portion(self, conn: Connection, *, batch_id: int, limit: int, effects: bool) -> bool:
        now = self._now()

        def effect(jobs: Sequence[Claimed]) -> None:
            for kind in {job.kind for job in jobs} & set(self._handlers):
                self._handlers[kind].cancelled(conn, [job for job in jobs if job.kind == kind], now)

        done = waiting.cancel(conn, batch_id, limit=limit, effect=effect if effects else None, now=now)
        if done.finished and self._on_finished is not None:
            self._on_finished(conn, done.finished, now)
        return done.more

    async def _mend(self) -> None:
        if await self._database.read(lanes.asleep):
            woken = await self._database.write(lanes.mend)
            log.warning("queue.mended", lanes=woken)
            self.wake()

    async def _prune(self) -> None:
        def work(conn: Connection) -> None:
            rates.prune(conn, now=self._now())
            workers.prune(conn, now=self._now())

        await self._database.write(work)

    # The end

    async def _drain(self, duties: Mapping[str, asyncio.Task[None]]) -> None:
        """Claim no more, let what runs end for a while, settle it, and give back the rest."""
        self._stopping = True
        self._awake.set()
        try:
            async with asyncio.timeout(self._drain_for):
                await asyncio.wait([duties["claims"]])
                while self._tasks:
                    await asyncio.wait([*self._tasks])
        except TimeoutError:
            log.warning("queue.cut_short", jobs=len(self._tasks))
        await _end([*self._tasks])
        try:
            async with asyncio.timeout(LAST_WORDS):
                while any(held.landed for held in self._held.values()):
                    self._awake.clear()
                    await self._awake.wait()
                given_back = await self._database.write(
                    lambda conn: workers.retire(conn, self._worker_id, now=self._now())
                )
            log.info("queue.stopped", worker=self._worker_id, given_back=given_back)
        except Exception as error:  # noqa: BLE001 - the database is away: whoever reaps takes what we had
            log.warning("queue.not_retired", worker=self._worker_id, error=str(error))

    # Patience

    async def _forever(self, name: str, duty: Callable[[], Awaitable[None]]) -> None:
        """A duty begins anew if it fails: it should not, and the others go on."""
        while True:
            try:
                await duty()
            except Exception:
                log.exception("queue.stuck", duty=name)
                await asyncio.sleep(IDLE)
            else:
                return

    async def _guarded(self, doing: str, work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` answers; None, after a pause, if it failed. It is tried again when it is time to."""
        try:
            return await work()
        except Exception as error:
            if is_away(error):
                log.warning("queue.waits", doing=doing, error=str(error))
            else:
                log.exception("queue.stuck", duty=doing)
            await asyncio.sleep(IDLE)
            return None


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
