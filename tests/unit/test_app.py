"""What runs beside a server, as long as it does."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from stackroom.app import _doing


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    before = structlog.get_config()  # a server that other tests have in this process may have made it quiet
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    with capture_logs() as entries:
        yield entries
    structlog.configure(**before)


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
