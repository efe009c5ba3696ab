"""Reading the queue and its batches. Numbers are those of the protocol's test list."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stackroom.clock import DAY

from .house import Customer, House

PAGE = Path(__file__).parents[3] / "docs" / "faces" / "dlcs.md"


@pytest.fixture(scope="module")
def seven(house: House) -> list[int]:
    """The batches 4000 to 4006 of the list, by their numbers here."""
    now = house.now()
    kinds: list[dict[str, Any]] = [
        {"count": 5, "completed": 5, "finished_at": now},
        {"count": 5, "superseded": True},
        {"count": 10, "completed": 10},
        {"count": 10, "completed": 5},
        {"count": 8, "completed": 2, "errors": 2},
        {"finished_at": now - 7 * DAY},
        {"finished_at": now - DAY},
    ]
    return [house.a_batch(created_at=now - 30 * DAY + n, **kind) for n, kind in enumerate(kinds)]


@pytest.fixture
def nobody(house: House) -> Customer:
    return house.a_customer()


def test_q4_q7_q10_there_are_no_batches_at_first(house: House, nobody: Customer) -> None:
    for which in ("active", "recent", "batches"):
        found = house.get(f"queue/{which}", of=nobody).json()
        assert (found["@type"], found["totalItems"], found["member"]) == ("Collection", 0, [])
        assert found["@id"] == f"{house.url}/customers/{nobody.number}/queue/{which}"


def test_q5_q6_active_is_what_is_neither_finished_nor_superseded(house: House, seven: list[int]) -> None:
    assert house.numbers("queue/active") == [seven[2], seven[3], seven[4]]
    assert house.numbers("queue/active", pageSize=2) == seven[2:4]


def test_q8_q9_recent_is_what_finished_the_last_first(house: House, seven: list[int]) -> None:
    assert house.numbers("queue/recent") == [seven[0], seven[6], seven[5]]
    assert house.numbers("queue/recent", pageSize=2, page=2) == [seven[5]]


def test_recent_leaves_out_what_is_superseded(house: House, nobody: Customer) -> None:
    house.a_batch(nobody, superseded=True, finished_at=house.now())
    assert house.get("queue/recent", of=nobody).json()["totalItems"] == 0
    assert house.get("queue/batches", of=nobody).json()["totalItems"] == 1


def test_q11_q12_batches_are_listed_by_number(house: House, seven: list[int]) -> None:
    assert house.numbers("queue/batches") == seven
    assert house.numbers("queue/batches", pageSize=2, page=2) == seven[2:4]


def test_batches_may_be_listed_in_another_order(house: House, seven: list[int]) -> None:
    assert house.numbers("queue/batches", orderByDescending="id") == seven[::-1]
    assert house.numbers("queue/batches", orderBy="submitted", orderByDescending="id") == seven
    assert house.numbers("queue/batches", orderBy="finished")[:3] == [seven[5], seven[6], seven[0]]
    assert house.numbers("queue/batches", orderByDescending="Finished", pageSize=2) == [seven[0], seven[6]]
    refused = house.get("queue/batches?orderBy=colour")
    assert refused.status_code == 400
    assert "id, submitted, finished" in refused.json()["hint"]


def test_pages_of_batches_lead_to_one_another_in_the_order_asked_for(house: House, seven: list[int]) -> None:
    page = house.get("queue/batches", params={"pageSize": 3, "orderByDescending": "id"}).json()
    seen = [each["@id"] for each in page["member"]]
    while "next" in page["view"]:
        page = house.get(page["view"]["next"]).json()
        seen += [each["@id"] for each in page["member"]]
    assert [int(each.rpartition("/")[2]) for each in seen] == seven[::-1]
    assert (page["view"]["page"], page["view"]["totalPages"], page["totalItems"]) == (3, 3, 7)
    assert house.get(page["view"]["previous"]).json()["view"]["page"] == 2
    beyond = house.get("queue/batches?page=9&pageSize=3")
    assert (beyond.status_code, beyond.json()["member"]) == (200, [])


@pytest.mark.parametrize("number", ["-2", "0", "999999", "1e3", "9" * 30, "%00"])
@pytest.mark.parametrize(
    "rest", ["", "/images", "/assets", "/completedImages", "/errorImages"], ids=["Q13", "Q19", "Q23", "", ""]
)
def test_a_batch_that_is_not_there_is_not_found(house: House, number: str, rest: str) -> None:
    answer = house.get(f"queue/batches/{number}{rest}")
    assert (answer.status_code, answer.json()["@type"]) == (404, "Error")


def test_q14_a_batch_says_how_far_it_is(house: House, seven: list[int]) -> None:
    found = house.get(f"queue/batches/{seven[4]}").json()
    assert (found["count"], found["completed"], found["errors"]) == (8, 2, 2)


def test_a_batch_has_the_properties_of_the_protocol_in_their_order(house: House, seven: list[int]) -> None:
    at = f"{house.url}/customers/{house.customer.number}/queue/batches/{seven[0]}"
    found = house.get(at).json()
    assert list(found) == [
        "@context", "@id", "@type", "submitted", "count", "completed", "finished", "errors", "superseded",
        "images", "assets", "completedImages", "errorImages", "test",
    ]  # fmt: skip
    assert (found["@id"], found["@type"]) == (at, "vocab:Batch")
    links = {name: found[name] for name in ("images", "assets", "completedImages", "errorImages", "test")}
    assert links == {name: f"{at}/{name}" for name in links}
    assert found["submitted"].endswith("0Z")
    assert len(found["submitted"]) == len("2026-03-02T09:14:07.1010000Z")


def test_the_page_shows_a_batch_as_it_is(house: House, seven: list[int]) -> None:
    shown = house.get(f"queue/batches/{seven[3]}").json()
    examples = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL))
    (example,) = (each for each in examples if each["@type"] == "vocab:Batch")
    assert list(example) == list(shown)
    assert example["completed"] + example["errors"] < example["count"]


def test_only_what_is_under_way_has_an_estimated_completion(house: House, seven: list[int]) -> None:
    def estimated(number: int) -> bool:
        return "estCompletion" in house.get(f"queue/batches/{number}").json()

    assert [estimated(each) for each in seven] == [False, False, False, True, True, False, False]


def test_what_was_cancelled_is_an_error_to_these_clients(house: House, nobody: Customer) -> None:
    number = house.a_batch(nobody, count=9, completed=2, errors=3, cancelled=4, finished_at=house.now())
    found = house.get(f"queue/batches/{number}", of=nobody).json()
    assert (found["count"], found["completed"], found["errors"]) == (9, 2, 7)


def test_q24_a_batch_of_another_customer_is_not_there(house: House) -> None:
    theirs = house.a_batch(house.stranger)
    for rest in ("", "/images", "/assets", "/completedImages", "/errorImages"):
        assert house.get(f"queue/batches/{theirs}{rest}").status_code == 404
        assert house.get(f"queue/batches/{theirs}{rest}", of=house.stranger).status_code == 200


def test_q2_q3_q16_q17_a_lane_says_what_waits_in_it(house: House, nobody: Customer) -> None:
    """Counted from the queue, and for each lane what is its own."""
    at = f"{house.url}/customers/{nobody.number}/queue"
    for path, identity in (("queue", at), ("queue/priority", f"{at}/priority")):
        found = house.get(path, of=nobody).json()
        assert found == {
            "@context": f"{house.url}/contexts/CustomerQueue.jsonld",
            "@id": identity,
            "@type": "vocab:CustomerQueue",
            "size": 0,
            "batchesWaiting": 0,
            "imagesWaiting": 0,
            **{name: f"{at}/{name}" for name in ("batches", "active", "recent", "priority")},
        }
    house.a_batch(nobody, count=5, completed=5)
    house.a_batch(nobody, count=5)
    house.a_batch(nobody, count=100, superseded=True)
    house.a_batch(nobody, count=3, priority=0)
    assert house.get("queue", of=nobody).json()["batchesWaiting"] == 2
    assert house.get("queue/priority", of=nobody).json()["batchesWaiting"] == 1


def test_q18_everybodys_queue_is_open_to_everybody(house: House) -> None:
    answer = house.get("/queue", auth=None)
    assert (answer.status_code, answer.json()["@type"]) == (200, "vocab:QueueSummary")
    numbers = {name: value for name, value in answer.json().items() if not name.startswith("@")}
    assert set(numbers) == {
        "incoming",
        "priority",
        "timebased",
        "transcodeComplete",
        "file",
        "failed",
        "success",
    }
    assert all(isinstance(each, int) for each in numbers.values())


@pytest.mark.parametrize("path", ["queue", "queue/priority", "queue/batches", "queue/active", "queue/recent"])
def test_a_queue_is_for_its_customer(house: House, path: str) -> None:
    for options in ({"auth": None}, {"auth": house.stranger.auth}, {"auth": ("key", "secret")}):
        answer = house.get(path, **options)
        assert (answer.status_code, answer.json()["@type"]) == (401, "Error")


def test_an_address_says_what_can_be_done_there(house: House, seven: list[int]) -> None:
    answer = house.get(f"queue/batches/{seven[0]}/test")
    assert (answer.status_code, answer.headers["allow"], answer.json()["@type"]) == (405, "POST", "Error")
    for method in ("PUT", "PATCH", "DELETE"):
        assert house.ask(method, f"queue/batches/{seven[0]}").status_code == 405


def test_a_list_asks_the_same_questions_however_long_it_is(house: House, nobody: Customer) -> None:
    asked = []
    for count in (2, 30):
        for _ in range(count):
            house.a_batch(nobody, count=9)
        house.get("queue/active", of=nobody)
        with house.transactions() as ran:
            found = house.get("queue/active", of=nobody).json()
        assert all("estCompletion" in each for each in found["member"])
        [listing] = [sent for sent in ran if any("batch.organization_id" in sql for sql in sent)]
        asked.append((found["totalItems"], len(listing)))
    assert [total for total, _ in asked] == [2, 32]
    assert asked[0][1] == asked[1][1] > 0
