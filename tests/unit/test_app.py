"""What runs beside a server, as long as it does."""

import asyncio
from typing import Any

import pytest

from stackroom import app
from stackroom.app import _doing


async def _stumble() -> None:
    raise RuntimeError("this was not foreseen")


def test_of_a_duty_that_fails_it_is_said_at_once_and_the_others_go_on(logged: list[Any]) -> None:
    turns = []

    async def work() -> None:
        while True:
            turns.append(len(logged))
            await asyncio.sleep(0)

    async def run() -> None:
        async with _doing({"stumbling": _stumble, "working": work}, {}):
            for _ in range(5):
                await asyncio.sleep(0)
            assert [(each["event"], each["duty"]) for each in logged] == [("duty.failed", "stumbling")]

    asyncio.run(run())
    assert turns.count(1) > 1


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ANEW", 0.0)


@pytest.mark.usefixtures("soon")
def test_a_duty_that_fails_begins_anew_and_it_is_known_that_it_failed() -> None:
    failed: dict[str, float] = {}
    begun = 0

    async def live() -> None:
        at_it = asyncio.Event()

        async def duty() -> None:
            nonlocal begun
            begun += 1
            if begun < 3:
                raise RuntimeError("unforeseen")
            at_it.set()
            await asyncio.Event().wait()

        async with _doing({"exports": duty}, failed), asyncio.timeout(20):
            await at_it.wait()

    asyncio.run(live())
    assert begun == 3
    assert [*failed] == ["exports"]


def test_a_duty_that_is_over_is_not_begun_again() -> None:
    begun = []

    async def live() -> None:
        async def duty() -> None:
            begun.append(1)

        async with _doing({"fingerprints": duty}, {}):
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(live())
    assert begun == [1]


def test_a_server_ends_though_a_duty_fails_at_its_end() -> None:
    ended = []

    async def live() -> None:
        async def stubborn() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise RuntimeError("unforeseen")

        async def other() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                ended.append("other")

        async with asyncio.timeout(20):
            async with _doing({"first": stubborn, "second": other}, {}):
                await asyncio.sleep(0)
            assert ended == ["other"]

    asyncio.run(live())
