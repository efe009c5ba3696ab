"""What a client that means no good, or is merely unlucky, finds at the edges of the face."""

from typing import Any

import pytest

from .house import House, a_picture


def assert_both_generations_read_it(answer: Any) -> None:
    body = answer.json()
    assert body["detail"] == body["error"]["message"]
    assert answer.headers["x-request-id"]


def test_a_refused_transfer_says_so_as_the_face_does(house: House) -> None:
    ticket = house.ticket(house.a_dataset())
    assert_both_generations_read_it(house.put(ticket, a_picture(), "image/jpeg"))
    assert_both_generations_read_it(house.http.get(ticket["upload_url"]))
    assert_both_generations_read_it(house.http.get("/nothing/here"))


def test_whoever_loses_the_race_for_an_upload_is_told_that_the_name_is_taken(house: House) -> None:
    dataset, content = house.a_dataset(), a_picture()
    ticket = house.ticket(dataset)
    house.put(ticket, content)
    wanted = house.registration(dataset, ticket, content)
    requests = [house.request("POST", "/images/register", json=wanted) for _ in range(8)]
    answers = house.at_once(*requests)
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert all("already exists" in answer.text for answer in answers if answer.status_code == 409)


@pytest.mark.parametrize(
    "kind", ["Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded; charset=UTF-8"]
)
def test_a_form_is_known_by_its_type_however_that_is_written(house: House, kind: str) -> None:
    dataset, content = house.a_dataset(), a_picture()
    ticket = house.ticket(dataset)
    house.put(ticket, content)
    form = f"dataset_id={dataset['id']}&filename=a.png&folder_path=%2F&file_size={len(content)}&image_width="
    answer = house.ask("POST", "/images/register", content=form, headers={"Content-Type": kind})
    assert answer.status_code == 201


@pytest.mark.parametrize("name", [".", "..", " . "])
def test_a_dataset_that_no_address_could_reach_is_not_made(house: House, name: str) -> None:
    """A client resolves `/projects/..` before it sends anything."""
    answer = house.post("/projects", {"name": name})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_name")
    renamed = house.ask("PATCH", f"/projects/{house.a_dataset()['name']}", json={"name": name})
    assert renamed.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "location"),
    [
        ("/batch/images/move", {"dataset_name": "x", "image_ids": []}, ["body", "image_ids"]),
        ("/batch/images/move", {"dataset_name": "x", "image_ids": ["x"] * 10_001}, ["body", "image_ids"]),
        ("/batch/images/move", {"dataset_name": "x", "image_ids": [1]}, ["body", "image_ids", "0"]),
        ("/projects", {"name": "a/b"}, ["body"]),
        ("/projects", b"{", ["body"]),
    ],
)
def test_every_refused_body_comes_with_field_errors(
    house: House, path: str, body: Any, location: list[str]
) -> None:
    options = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = house.ask("POST", path, **options)
    assert answer.status_code in {400, 422}
    (error,) = answer.json()["error"]["details"]["errors"]
    assert error["loc"] == location
    assert error["msg"]
    assert error["type"]


def test_a_refused_query_comes_with_field_errors(house: House) -> None:
    answer = house.get("/images", params={"dataset_id": house.a_dataset()["id"], "folder_path": "a\x00"})
    (error,) = answer.json()["error"]["details"]["errors"]
    assert error["loc"] == ["query", "folder_path"]
