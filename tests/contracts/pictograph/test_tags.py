"""Tagging many images at once, and their tags wherever they are shown."""

import uuid
from typing import Any

import pytest

from .house import House


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    return house.a_dataset()


def tag(house: House, dataset: dict[str, Any], ids: Any, tags: Any, **rest: Any) -> Any:
    body = {"dataset_id": dataset["id"], "image_ids": ids, "tags": tags, **rest}
    return house.post("/images/bulk-tag", body)


def test_tags_are_given_shown_everywhere_and_taken(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, "tagged.png")["id"]
    answer = tag(house, dataset, [image], ["night", "rain", " night "])
    assert answer.status_code == 200
    body = answer.json()
    assert uuid.UUID(body.pop("operation_id"))
    assert body == {
        "success": True,
        "processed": 1,
        "tags": ["night", "rain"],
        "added": True,
        "failed": [],
        "failed_count": 0,
        "data": {"processed": 1, "tags": ["night", "rain"], "added": True},
    }
    listed = house.get("/images", params={"dataset": dataset["name"], "filename": "tagged.png"}).json()
    described = house.get(f"/images/{image}/metadata").json()
    [embedded] = [
        each
        for each in house.get(f"/datasets/{dataset['id']}?include_images=true").json()["dataset"]["images"]
        if each["id"] == image
    ]
    for shown in (listed.get("images") or listed["data"])[0], described["image"], embedded:
        assert shown["tags"] == ["night", "rain"]
    taken = tag(house, dataset, [image], ["night"], add=False).json()
    assert (taken["processed"], taken["added"]) == (1, False)
    assert house.get(f"/images/{image}/metadata").json()["image"]["tags"] == ["rain"]


def test_an_id_that_is_unknown_fails_alone(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, "alone.png")["id"]
    body = tag(house, dataset, [image, "nope"], ["night"]).json()
    assert (body["success"], body["processed"], body["failed_count"]) == (False, 1, 1)
    assert [(each["id"], each["code"]) for each in body["failed"]] == [("nope", "not_found")]


def test_tagging_again_succeeds(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, "again.png")["id"]
    assert [tag(house, dataset, [image], ["night"]).json()["processed"] for _ in range(2)] == [1, 1]


def test_tagging_is_undone_by_its_operation(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, "undone.png")["id"]
    done = tag(house, dataset, [image], ["night"]).json()["operation_id"]
    undo = f"{house.url}/library/v1/operations/{done}/undo"
    assert house.ask("POST", undo).json()["outcomes"] == {"done": 1}
    assert house.get(f"/images/{image}/metadata").json()["image"]["tags"] == []


@pytest.mark.parametrize("spelled", ["dataset", "dataset_id", "dataset_name"])
def test_the_dataset_may_be_named_in_any_spelling(
    house: House, dataset: dict[str, Any], spelled: str
) -> None:
    image = house.an_image(dataset, f"{spelled}.png")["id"]
    body = {spelled: dataset["name"], "image_ids": [image], "tags": ["night"]}
    assert house.post("/images/bulk-tag", body).json()["processed"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tags": []}, "empty_update"),
        ({"tags": [""]}, "invalid_tag"),
        ({"tags": ["a\nb"]}, "invalid_tag"),
        ({"tags": ["x" * 101]}, "invalid_tag"),
        ({"tags": [str(n) for n in range(101)]}, "too_many_tags"),
        ({"tags": "night"}, "validation_error"),
        ({"tags": [1]}, "validation_error"),
        ({"tags": None}, "validation_error"),
        ({"add": "yes"}, "validation_error"),
        ({"image_ids": []}, "empty_selection"),
        ({"image_ids": [None]}, "validation_error"),
        ({"dataset_id": None}, "validation_error"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    house: House, dataset: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    body = {"dataset_id": dataset["id"], "image_ids": [image], "tags": ["night"], **change}
    answer = house.post("/images/bulk-tag", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert answer.json()["detail"]
    assert house.get(f"/images/{image}/metadata").json()["image"]["tags"] == []


def test_who_may_tag_what(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, "whose.png")["id"]
    body = {"dataset_id": dataset["id"], "image_ids": [image], "tags": ["night"]}
    statuses = {
        role: house.post("/images/bulk-tag", body, role=role).status_code
        for role in (None, "viewer", "member", "stranger")
    }
    assert statuses == {None: 401, "viewer": 403, "member": 200, "stranger": 404}
    nowhere = house.post("/images/bulk-tag", {**body, "image_ids": ["nope"]})
    assert nowhere.status_code == 404
