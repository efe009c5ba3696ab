"""The record of requests is written in groups, and outlives a database that is away for a while."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from stackroom.errors import Unavailable
from stackroom.events import requests
from stackroom.events.requests import RequestLog, Seen

from .house import Face


def seen(face: Face, path: str) -> Seen:
    return Seen(
        actor=msgspec.structs.replace(face.tenant.actor, method="GET", path=path),
        at=face.moment,
        query=None,
        status=200,
        request_bytes=0,
        response_bytes=0,
        duration_us=1,
    )


def recorded(face: Face, part: str) -> list[str]:
    told = face.get("/audit-logs", params={"path_filter": part}).json()
    return [each["path"] for each in told["logs"]][::-1]


class Away:
    """A database that cannot be written for a while."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.times = 2
        self.writes = 0
        self.written = asyncio.Event()

    async def write(self, work: Any) -> Any:
        self.writes += 1
        if self.times:
            self.times -= 1
            raise Unavailable("away", code="database_unavailable")
        done = await self._real.write(work)
        self.written.set()
        return done


def test_a_group_is_one_transaction(face: Face) -> None:
    database = Away(face.services.database)
    database.times = 0
    log = RequestLog(database)  # type: ignore[arg-type]  # it is only written to
    for n in range(500):
        log.note(seen(face, f"/group/{n}"))
    face.do(log.flush())
    assert database.writes == 1
    assert len(recorded(face, "/group/")) == 50


def test_what_could_not_be_written_is_written_later_in_order(face: Face) -> None:
    log = RequestLog(Away(face.services.database))  # type: ignore[arg-type]  # it is only written to
    log.note(seen(face, "/late/1"))
    for n in (2, 3):
        with pytest.raises(Unavailable):
            face.do(log.flush())
        log.note(seen(face, f"/late/{n}"))
    face.do(log.flush())
    assert recorded(face, "/late/") == ["/late/1", "/late/2", "/late/3"]


def test_what_is_left_at_the_end_is_written_before_the_end(face: Face) -> None:
    log = RequestLog(face.services.database)

    async def run() -> None:
        task = asyncio.create_task(log.run())
        await asyncio.sleep(0)
        log.note(seen(face, "/last/1"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    face.do(run())
    assert recorded(face, "/last/") == ["/last/1"]


class Slow:
    """A database whose writer is busy: a write that is called off before its turn is not done."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.asked = asyncio.Event()
        self.free = asyncio.Event()

    async def write(self, work: Any) -> Any:
        self.asked.set()
        await self.free.wait()
        return await self._real.write(work)


def test_what_is_being_written_at_the_end_is_written_before_the_end(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "EVERY", 0.01)
    database = Slow(face.services.database)
    log = RequestLog(database)  # type: ignore[arg-type]  # it is only written to

    async def run() -> None:
        task = asyncio.create_task(log.run())
        log.note(seen(face, "/busy/1"))
        await asyncio.wait_for(database.asked.wait(), 30)
        log.note(seen(face, "/busy/2"))
        task.cancel()
        await asyncio.sleep(0)
        database.free.set()
        with suppress(asyncio.CancelledError):
            await task

    face.do(run())
    assert recorded(face, "/busy/") == ["/busy/1", "/busy/2"]


def test_many_are_written_without_waiting(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "EVERY", 3600.0)
    monkeypatch.setattr(requests, "ENOUGH", 3)
    database = Away(face.services.database)
    database.times = 0
    log = RequestLog(database)  # type: ignore[arg-type]  # it is only written to

    async def run() -> None:
        task = asyncio.create_task(log.run())
        for n in range(3):
            log.note(seen(face, f"/soon/{n}"))
        await asyncio.wait_for(database.written.wait(), 30)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    face.do(run())
    assert recorded(face, "/soon/") == ["/soon/0", "/soon/1", "/soon/2"]


def test_memory_is_bounded_while_the_database_is_away(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST", 2)
    log = RequestLog(face.services.database)
    for n in range(5):
        log.note(seen(face, f"/most/{n}"))
    face.do(log.flush())
    assert recorded(face, "/most/") == ["/most/0", "/most/1"]
