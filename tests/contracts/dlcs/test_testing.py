"""Putting right what a batch says of itself, and what comes of its images. Numbers are those of the protocol's list."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, update

from stackroom.clock import DAY, HOUR
from stackroom.database.schema import asset, batch, event, job
from stackroom.testing.processes import wait_until

from .house import House

SETTINGS = {"workers": 0}


@pytest.fixture(scope="module")
def space(house: House) -> int:
    return house.a_space()


def test_batch(house: House, number: int) -> bool:
    answer = house.post(f"queue/batches/{number}/test")
    assert (answer.status_code, list(answer.json())) == (200, ["success"])
    return bool(answer.json()["success"])


test_batch.__test__ = False  # type: ignore[attr-defined]  # says what it does to a batch, and is no test


def images_of(house: House, space: int, number: int, *states: dict[str, Any], name: str) -> None:
    """As many images as there are states, which belong to the batch and have these columns."""
    keys = [f"{name}-{n}" for n in range(len(states))]
    assert house.submit(*(house.a_member(space, each) for each in keys)).status_code == 201

    def settle(conn: Any) -> None:
        for key, state in zip(keys, states, strict=True):
            conn.execute(update(asset).where(asset.c.key == key).values(batch_id=number, **state))

    house.write(settle)


def finished(house: House, ago: int = 0, **more: Any) -> dict[str, Any]:
    return {"state": "finished", "ingested_at": house.now() - ago, **more}


def completions(house: House, number: int) -> int:
    """How often it was told that the batch is finished."""
    told = select(event.c.id).where(event.c.batch_id == number, event.c.type == "batch.finished")
    return len(house.read(lambda conn: conn.execute(told).all()))


def test_t1_a_batch_that_is_not_there_cannot_be_put_right(house: House) -> None:
    for number in ("-1200", "999999"):
        assert house.post(f"queue/batches/{number}/test").status_code == 404
    theirs = house.a_batch(house.stranger)
    assert house.post(f"queue/batches/{theirs}/test").status_code == 404


def test_t2_a_batch_without_images_is_superseded_and_finished(house: House) -> None:
    number = house.a_batch(count=4)
    assert test_batch(house, number)
    row = house.batch_row(number)
    assert (row.superseded, row.finished_at is not None, completions(house, number)) == (True, True, 1)
    shown = house.get(f"queue/batches/{number}").json()
    assert (shown["superseded"], shown["count"], shown["completed"], shown["errors"]) == (True, 0, 0, 0)
    assert not test_batch(house, number)
    assert completions(house, number) == 1


def test_t3_one_that_is_finished_is_only_superseded(house: House) -> None:
    then = house.now() - DAY
    number = house.a_batch(finished_at=then)
    assert test_batch(house, number)
    row = house.batch_row(number)
    assert (row.superseded, row.finished_at, completions(house, number)) == (True, then, 0)


def test_t4_a_batch_whose_images_are_done_counts_them_and_is_finished(house: House, space: int) -> None:
    number = house.a_batch(count=100, completed=90, errors=4, created_at=house.now() - HOUR)
    states = [finished(house)] * 3 + [finished(house, state="error", error="no picture")]
    images_of(house, space, number, *states, name="t4")
    assert test_batch(house, number)
    shown = house.get(f"queue/batches/{number}").json()
    assert (shown["count"], shown["completed"], shown["errors"], shown["superseded"]) == (4, 3, 1, False)
    assert "finished" in shown
    assert completions(house, number) == 1
    assert not test_batch(house, number)


def test_t5_a_batch_that_waits_for_an_image_stays_as_it_is(house: House, space: int) -> None:
    number = house.a_batch(count=100, created_at=house.now() - HOUR)
    images_of(house, space, number, finished(house), finished(house), {}, name="t5")
    before = house.batch_row(number)
    assert not test_batch(house, number)
    assert house.batch_row(number) == before
    assert completions(house, number) == 0


def test_t6_when_it_finished_is_never_changed(house: House, space: int) -> None:
    then = house.now() - 3 * DAY
    number = house.a_batch(count=13, finished_at=then, created_at=then - HOUR)
    images_of(house, space, number, *[finished(house)] * 3, name="t6")
    assert test_batch(house, number)
    row = house.batch_row(number)
    assert (row.finished_at, row._mapping["count"], completions(house, number)) == (then, 3, 0)


def test_t7_images_that_were_done_before_it_was_submitted_are_not_done_for_it(
    house: House, space: int
) -> None:
    number = house.a_batch(count=3)
    images_of(house, space, number, *[finished(house, ago=HOUR)] * 3, name="t7")
    assert not test_batch(house, number)
    row = house.batch_row(number)
    assert (row.finished_at, row._mapping["count"], completions(house, number)) == (None, 3, 0)


def test_what_was_split_wrong_is_put_right_as_well(house: House, space: int) -> None:
    """The original looks at the count alone, and its page says that all three are compared."""
    then = house.now() - HOUR
    number = house.a_batch(count=2, completed=0, errors=2, finished_at=then, created_at=then)
    images_of(house, space, number, finished(house), finished(house), name="split")
    assert test_batch(house, number)
    shown = house.get(f"queue/batches/{number}").json()
    assert (shown["count"], shown["completed"], shown["errors"]) == (2, 2, 0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"Content-Type": "application/json"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        {"content": b"{}"},
    ],
)
def test_a_body_says_nothing_here(house: House, options: dict[str, Any]) -> None:
    answer = house.ask("POST", f"queue/batches/{house.a_batch()}/test", **options)
    assert (answer.status_code, answer.json()) == (200, {"success": True})


def test_only_who_may_write_may_put_right(house: House) -> None:
    number = house.a_batch()
    viewer = {"X-API-Key": house.customer.keys["viewer"]}
    assert house.post(f"queue/batches/{number}/test", auth=None, headers=viewer).status_code == 403
    assert (
        house.read(lambda conn: conn.scalar(select(batch.c.superseded).where(batch.c.id == number))) is False
    )


def test_nobody_is_kept_waiting_for_what_is_tried_again_only_later(house: House, space: int) -> None:
    """The image is registered, and still on its way."""
    before = house.count(job)
    body = {"origin": house.an_original(), "mediaType": "image/png"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(house.ask, "PUT", f"spaces/{space}/images/later", json=body)
        assert wait_until(lambda: house.count(job) > before, seconds=10)
        assert not waiting.done()
        later = {"state": 5, "run_at": house.now() + DAY}
        newest = select(func.max(job.c.id)).scalar_subquery()
        house.write(lambda conn: conn.execute(update(job).where(job.c.id == newest).values(later)))
        answer = waiting.result(timeout=10)
    found = answer.json()
    assert (answer.status_code, found["ingesting"], found["error"]) == (201, True, "")
    assert "finished" not in found
