"""What runs beside a server, as long as it does."""

import asyncio
from typing import Any

from stackroom.app import _doing


async def _stumble() -> None:
    raise RuntimeError("this was not foreseen")


def test_of_a_duty_that_dies_it_is_said_at_once_and_the_others_go_on(logged: list[Any]) -> None:
    turns = []

    async def work() -> None:
        while True:
            turns.append(len(logged))
            await asyncio.sleep(0)

    async def run() -> None:
        async with _doing([_stumble(), work()]):
            for _ in range(5):
                await asyncio.sleep(0)
            assert [(each["event"], each["duty"]) for each in logged] == [("duty.died", "_stumble")]

    asyncio.run(run())
    assert turns.count(1) > 1
