"""What an organization may store, where that is limited; and a server that counts as its clients expect."""

import base64
from typing import Any

import pytest

from stackroom.testing.pictures import picture

from .house import Customer, House

SMALL, LARGE = picture("png", 40, 30, seed=1), picture("jpeg", 900, 900, seed=2)
SETTINGS = {
    "workers": 1,
    "storage_policy_images": 3,
    "storage_policy_bytes": 2 * len(SMALL) + 100,
    "completed_includes_errors": True,
    "max_upload_mb": 1,
}


@pytest.fixture
def customer(house: House) -> Customer:
    return house.a_customer()


def put(house: House, customer: Customer, space: int, key: str, content: bytes) -> Any:
    body = {"origin": house.an_original(content=content), "mediaType": "image/png"}
    return house.ask("PUT", f"spaces/{space}/images/{key}", json=body, of=customer)


def test_a12_more_images_than_may_be_are_refused_by_either_way(house: House, customer: Customer) -> None:
    space = house.a_space(customer)
    broken = [house.a_member(space, str(n), origin="https://files.example/none.png") for n in range(3)]
    house.finished(house.submit(*broken, of=customer).json(), customer)
    stored = house.counts()
    for answer, operation in (
        (put(house, customer, space, "new", SMALL), "Create or update asset"),
        (house.submit(house.a_member(space, "new"), of=customer), "Create batch"),
        (
            house.submit(house.a_member(space, "new"), of=customer, lane="queue/priority"),
            "Create priority batch",
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_limit_exceeded")
        assert answer.json()["title"] == f"{operation} failed: Storage limit exceeded"
        assert "3 images" in answer.json()["detail"]
    assert house.counts() == stored
    assert put(house, customer, space, "0", SMALL).status_code == 200  # one that there is


def test_i5_i6_an_image_that_is_too_large_stays_without_its_bytes(house: House, customer: Customer) -> None:
    space = house.a_space(customer)
    assert put(house, customer, space, "kept", SMALL).status_code == 201
    for key in ("new", "kept"):
        answer = put(house, customer, space, key, LARGE)
        assert (answer.status_code, answer.json()["@type"]) == (507, "Error")
        found = house.get(f"spaces/{space}/images/{key}", of=customer).json()
        assert (found["error"], found["ingesting"]) == ("StoragePolicy size limit exceeded", False)
        assert "finished" in found
    assert found["width"] == 40
    assert house.get(f"spaces/{space}/images/kept/storage", of=customer).json()["size"] == len(SMALL)
    assert house.get(f"spaces/{space}/images/new/storage", of=customer).status_code == 404
    assert put(house, customer, space, "kept", SMALL).json()["error"] == ""


def test_a_file_that_is_larger_than_files_may_be_is_refused(house: House, customer: Customer) -> None:
    space = house.a_space(customer)
    before = house.counts()
    body = {"file": base64.b64encode(bytes(2**20 + 1)).decode(), "mediaType": "image/png"}
    answer = house.ask("PUT", f"spaces/{space}/images/huge", json=body, of=customer)
    assert (answer.status_code, answer.json()["@type"]) == (413, "Error")
    assert house.counts() == before


def test_completed_counts_errors_where_the_operator_wants_it(house: House, customer: Customer) -> None:
    number = house.a_batch(customer, count=9, completed=2, errors=3, cancelled=4, finished_at=house.now())
    found = house.get(f"queue/batches/{number}", of=customer).json()
    assert (found["count"], found["completed"], found["errors"]) == (9, 9, 7)
