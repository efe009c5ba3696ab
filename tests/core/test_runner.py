"""The task that takes large operations forward while a server runs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import Connection

from stackroom.operations import engine, runner
from stackroom.operations.journal import Operation
from stackroom.operations.request import Verb
from stackroom.operations.runner import Runner
from stackroom.testing.builders import Library, a_library


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """A library of this test's own: a runner takes up whatever is unfinished in it."""
    with a_library(database_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def ten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 10)


def while_running(library: Library, meanwhile: Callable[[Runner], Awaitable[None]]) -> None:
    async def both() -> None:
        running = Runner(library.database, lambda: library.now)
        task = asyncio.ensure_future(running.run())
        await meanwhile(running)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    library._runner.run(both())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1_000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def finished(library: Library, begun: Operation) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return begun.id not in await library.database.read(engine.unfinished)

    return look


@pytest.mark.every_database
def test_what_a_former_process_left_is_finished(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=25)
    begun = library.begin(actor, library.request(Verb.ARCHIVE, dataset.ids, dataset))
    library.advance(begun)
    while_running(library, lambda _: until(finished(library, begun)))
    assert library.again(actor, begun).succeeded == 25
    assert library.paths(dataset) == []


@pytest.mark.every_database
def test_a_wake_up_is_heard_at_once(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=25)
    request = library.request(Verb.ARCHIVE, dataset.ids, dataset)

    async def meanwhile(running: Runner) -> None:
        await asyncio.sleep(0.1)  # it has found nothing to do
        begun = await library.database.write(
            lambda conn: engine.submit(conn, actor, request, now=library.now)
        )
        running.wake()
        await until(finished(library, begun))

    while_running(library, meanwhile)
    assert library.paths(dataset) == []


def test_an_operation_that_cannot_go_on_holds_up_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = library.an_actor()
    stuck, other = (
        library.begin(actor, library.request(Verb.ARCHIVE, dataset.ids, dataset))
        for dataset in (library.a_dataset(actor, assets=25), library.a_dataset(actor, assets=25))
    )
    advance = engine.advance

    def failing(conn: object, operation_id: int, *, now: int) -> bool:
        if operation_id == stuck.id:
            raise RuntimeError("a disk that cannot be read")
        return advance(conn, operation_id, now=now)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "advance", failing)
    monkeypatch.setattr(runner, "IDLE", 0.01)
    while_running(library, lambda _: until(finished(library, other)))
    assert list(library.read(engine.unfinished)) == [stuck.id]
    assert "tried again" in (library.again(actor, stuck).error or "")
    monkeypatch.setattr(engine, "advance", advance)
    while_running(library, lambda _: until(finished(library, stuck)))
    assert library.again(actor, stuck).error is None
    assert library.again(actor, stuck).succeeded == 25


@pytest.fixture
def chunks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which operation each chunk was of, one after the other."""
    taken: list[int] = []
    advance = engine.advance

    def noted(conn: Connection, operation_id: int, *, now: int) -> bool:
        taken.append(operation_id)
        return advance(conn, operation_id, now=now)

    monkeypatch.setattr(engine, "advance", noted)
    return taken


@pytest.mark.every_database
def test_organizations_take_turns_and_each_has_its_own_operations_in_their_order(
    library: Library, chunks: list[int]
) -> None:
    large, small = library.an_actor(), library.an_actor()
    there = library.a_dataset(large, assets=35)
    first, second = (
        library.begin(large, library.request(verb, there.ids, there)) for verb in (Verb.ARCHIVE, Verb.RESTORE)
    )
    here = library.a_dataset(small, assets=15)
    other = library.begin(small, library.request(Verb.ARCHIVE, here.ids, here))
    while_running(library, lambda _: until(finished(library, second)))
    assert chunks == [first.id, other.id, first.id, other.id, *[first.id] * 2, *[second.id] * 4]
    assert len(library.paths(there)) == 35
    assert library.paths(here) == []


@pytest.mark.every_database
def test_an_operation_that_another_server_is_at_keeps_its_organizations_turn(
    library: Library, chunks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, somebody = library.an_actor(), library.an_actor()
    begun = []
    for owner in (actor, actor, somebody):
        dataset = library.a_dataset(owner, assets=15)
        begun.append(library.begin(owner, library.request(Verb.ARCHIVE, dataset.ids, dataset)))
    held, behind, other = begun
    advance = engine.advance
    monkeypatch.setattr(
        engine, "advance", lambda conn, each, *, now: each != held.id and advance(conn, each, now=now)
    )
    while_running(library, lambda _: until(finished(library, other)))
    assert behind.id not in chunks
    assert list(library.read(engine.unfinished)) == [held.id, behind.id]


def test_an_operation_that_was_paused_goes_on_as_soon_as_it_may(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the pause came between the look for work and the work."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=25)
    begun = library.begin(actor, library.request(Verb.ARCHIVE, dataset.ids, dataset))
    advance = engine.advance
    refused: list[int] = []

    def refusing(_: Connection, operation_id: int, *, now: int) -> bool:
        refused.append(now)
        return operation_id == 0

    monkeypatch.setattr(engine, "advance", refusing)
    monkeypatch.setattr(runner, "IDLE", 1_000.0)

    async def meanwhile(running: Runner) -> None:
        await until(lambda: asyncio.sleep(0, bool(refused)))
        monkeypatch.setattr(engine, "advance", advance)
        running.wake()
        await until(finished(library, begun))

    while_running(library, meanwhile)
    assert library.paths(dataset) == []
