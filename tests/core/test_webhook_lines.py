"""Receivers that take their time: they are told in order, and nobody else waits for them."""

import asyncio
from collections.abc import Iterator

import pytest

from stackroom import clock, ids
from stackroom.events import log
from stackroom.library import endpoints
from stackroom.library.endpoints import EndpointChanges
from stackroom.network.addresses import AllowList
from stackroom.queue.dispatcher import Dispatcher
from stackroom.testing.builders import Library, a_library
from stackroom.testing.receiver import Receiver
from stackroom.web.native import hooks
from stackroom.webhooks import lines, telling
from stackroom.webhooks.delivering import Deliverer
from stackroom.webhooks.lines import BusyError, Lines

SLOTS = 4
MANY = 40


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """Each its own: whoever delivers takes whatever there is."""
    with a_library(database_url) as opened:
        yield opened


async def tell_all(library: Library, receiver: Receiver, wanted: str) -> None:
    """Deliver what there is until this address has been called."""
    allowed = AllowList.parse(receiver.host)
    deliverer = Deliverer(library.database, {"native": hooks.tell}, allowed, clock.now, attempts=3)
    dispatcher = Dispatcher(
        library.database,
        {telling.KIND: deliverer},
        slots=SLOTS,
        per_organization=SLOTS,
        now=clock.now,
        on_finished=None,
        drain=0,
    )
    task = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(20):
            while not receiver.seen[wanted]:
                await library.database.read(lambda _conn: None)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await deliverer.close()


@pytest.mark.every_database
def test_nobody_waits_for_a_receiver_that_hangs_however_much_there_is_for_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0.2)
    actor = library.an_actor()
    with Receiver() as receiver:
        for path, kind in (("hang", "asset.reviewed"), ("ok", "comment.created")):
            wanted = EndpointChanges(url=receiver.url(path), event_types=[kind])
            library.write(lambda conn, wanted=wanted: endpoints.create(conn, actor, wanted, now=library.now))
        about = [(ids.new(), {"n": n}) for n in range(MANY)]
        library.write(lambda conn: log.record_each(conn, actor, "asset.reviewed", about, at=library.now))
        library.write(lambda conn: log.record(conn, actor, "comment.created", at=library.now))
        library.write(lambda conn: telling.tell(conn, now=library.now))
        library.do(tell_all(library, receiver, "ok"))
        assert receiver.seen["hang"] == 1


def test_a_line_is_left_when_it_does_not_move_and_the_longer_it_is_the_later_one_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0.01)
    monkeypatch.setattr(lines, "TOGETHER", 2)
    monkeypatch.setattr(lines, "LATEST", 0.025)
    waited = []

    async def scenario() -> None:
        line = Lines()
        async with line.turn(1, first=True):
            for _ in range(6):
                try:
                    async with line.turn(1, first=True):
                        raise AssertionError("two at once")
                except BusyError as busy:
                    waited.append(busy.seconds)
            async with line.turn(2, first=True), line.turn(1, first=False):
                pass  # others have a line of their own, and what is tried again has its own time

    asyncio.run(scenario())
    assert waited == [0.01, 0.01, 0.02, 0.02, 0.025, 0.025]


def test_first_attempts_come_one_at_a_time_in_their_order() -> None:
    begun: list[int] = []
    under_way: list[int] = []

    async def attempt(line: Lines, n: int) -> None:
        async with line.turn(1, first=True):
            under_way.append(n)
            assert under_way == [n]
            await asyncio.sleep(0)
            under_way.remove(n)
            begun.append(n)

    async def scenario() -> None:
        line = Lines()
        await asyncio.gather(*(attempt(line, n) for n in range(50)))

    asyncio.run(scenario())
    assert begun == list(range(50))


def test_what_is_tried_again_takes_not_more_than_its_share() -> None:
    async def scenario() -> None:
        line, over = Lines(), asyncio.Event()

        async def again() -> None:
            async with line.turn(1, first=False):
                await over.wait()

        tasks = [asyncio.create_task(again()) for _ in range(lines.AGAIN_AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await again()
        over.set()
        await asyncio.gather(*tasks)
        await again()

    asyncio.run(scenario())
