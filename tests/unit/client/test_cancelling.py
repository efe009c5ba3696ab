"""What the asynchronous client does at once ends as a whole."""

import asyncio

import pytest

from stackroom.client._async.seam import each


def test_all_that_is_cancelled_may_clean_up_to_its_end() -> None:
    """A connection whose task is cancelled again while it gives it back is lost to the pool; with the last one, the
    client waits for ever."""
    given_back: list[int] = []

    async def act(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(number):
                await asyncio.sleep(0)
            given_back.append(number)

    async def cancelled() -> None:
        many = asyncio.create_task(each([1, 5, 9], act, workers=3))
        for _ in range(3):
            await asyncio.sleep(0)
        many.cancel()
        with pytest.raises(asyncio.CancelledError):
            await many

    asyncio.run(cancelled())
    assert given_back == [1, 5, 9]
