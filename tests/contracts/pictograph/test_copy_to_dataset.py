"""Copies in another dataset: everything comes along, and what the other dataset lacks is added."""

import uuid
from typing import Any

import pytest

from .house import House

BOX = {
    "id": "1",
    "name": "lorry",
    "type": "bbox",
    "confidence": 0.5,
    "bounding_box": {"x": 1, "y": 1, "w": 2, "h": 2},
    "attributes": [],
}
LORRY = {"name": "lorry", "type": "bbox", "color": "#112233"}


class Pair:
    """A dataset with an image `a.png` that has everything, and an empty one."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.here = house.a_dataset(classes=[LORRY])
        self.there = house.a_dataset()
        self.image = house.an_image(self.here, "a.png")["id"]
        assert house.post(f"/annotations/{self.image}", {"annotations": [BOX]}).status_code == 200
        tags = {"dataset": self.here["name"], "image_ids": [self.image], "tags": ["night"]}
        assert house.post("/images/bulk-tag", tags).status_code == 200
        updates = {"dataset_name": self.here["name"], "image_ids": [self.image]}
        answer = house.ask("PATCH", "/batch/images/update", json={**updates, "updates": {"status": "review"}})
        assert answer.status_code == 200

    def body(self, **rest: Any) -> dict[str, Any]:
        return {
            "dataset_name": self.here["name"],
            "image_ids": [self.image],
            "target_dataset_name": self.there["name"],
            "target_directory_path": "/gold",
            **rest,
        }

    def copy(self, **rest: Any) -> Any:
        return self.house.post("/batch/images/copy-to-dataset", self.body(**rest))

    def images(self, of: dict[str, Any]) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self.house.get("/images", params={"dataset_id": of["id"]}).json()[
            "images"
        ]
        return shown

    def classes(self) -> list[dict[str, Any]]:
        described = self.house.get(f"/datasets/{self.there['id']}").json()["dataset"]
        shown: list[dict[str, Any]] = described["classes"]
        return shown


@pytest.fixture(scope="module")
def pair(house: House) -> Pair:
    return Pair(house)


def test_everything_comes_along(house: House) -> None:
    pair = Pair(house)
    answer = pair.copy(image_ids=[pair.image, "nope"])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["processed"], body["renamed"]) == (False, 1, 0)
    assert [each["id"] for each in body["failed"]] == ["nope"]
    assert (body["target_dataset"], body["classes_added"]) == (pair.there["name"], ["lorry"])
    assert body["affected_directories"] == ["/gold"]
    [made] = body["created"]
    [copy] = pair.images(pair.there)
    assert (made["source_id"], made["id"], made["filename"]) == (pair.image, copy["id"], "a.png")
    assert (copy["status"], copy["tags"], copy["directory_path"]) == ("review", ["night"], "/gold")
    assert (copy["annotation_count"], copy["min_confidence"]) == (1, 0.5)
    assert house.get(f"/annotations/{copy['id']}").json()["annotations"] == [BOX]
    [lorry] = pair.classes()
    assert (lorry["name"], lorry["type"], lorry["color"]) == ("lorry", "bbox", "#112233")


def test_a_name_that_is_taken_gets_a_number_from_one_on(house: House) -> None:
    pair = Pair(house)
    answers = [pair.copy().json() for _ in range(3)]
    assert [each["renamed"] for each in answers] == [0, 1, 1]
    assert [each["classes_added"] for each in answers] == [["lorry"], [], []]
    assert sorted(each["filename"] for each in pair.images(pair.there)) == ["a-1.png", "a-2.png", "a.png"]


def test_it_may_be_the_same_dataset(house: House) -> None:
    pair = Pair(house)
    body = pair.copy(target_dataset_name=pair.here["name"], target_directory_path="/").json()
    assert (body["processed"], body["renamed"], body["classes_added"]) == (1, 1, [])
    assert sorted(each["filename"] for each in pair.images(pair.here)) == ["a-1.png", "a.png"]


def test_an_undo_removes_the_copies_and_leaves_the_classes(house: House) -> None:
    pair = Pair(house)
    done = pair.copy().json()["operation_id"]
    undone = house.ask("POST", f"{house.url}/library/v1/operations/{done}/undo").json()
    assert undone["outcomes"] == {"done": 1}
    assert pair.images(pair.there) == []
    assert [each["name"] for each in pair.classes()] == ["lorry"]


def test_older_words_are_understood(pair: Pair) -> None:
    body = pair.body(target_folder_path="/old words", target_dataset_id=pair.there["id"])
    del body["target_directory_path"], body["target_dataset_name"]
    answer = pair.house.post("/batch/images/copy-to-dataset", body)
    assert answer.json()["affected_folders"] == ["/old words"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"duplicate_handling": "skip"}, 422, "duplicate_handling"),
        ({"copy_annotations": False}, 422, "copy_annotations"),
        ({"target_dataset_name": None}, 422, "target_dataset_name"),
        ({"target_dataset_name": ""}, 422, "target_dataset_name"),
        ({"target_dataset_name": 7}, 422, "target_dataset_name"),
        ({"dataset_name": None}, 422, "dataset"),
        ({"target_directory_path": "/a/../b"}, 422, "target"),
        ({"image_ids": []}, 422, "image_ids"),
        ({"image_ids": ["nope"]}, 404, "none of these images"),
        ({"target_dataset_name": "no such dataset"}, 404, "no such dataset"),
        ({"dataset_name": "no such dataset"}, 404, "no such dataset"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_nothing_is_copied(
    pair: Pair, change: dict[str, Any], status: int, field: str
) -> None:
    before = pair.images(pair.there)
    answer = pair.copy(**change)
    assert answer.status_code == status, answer.text
    assert field in answer.json()["error"]["message"]
    assert pair.images(pair.there) == before


def test_who_may_copy_what(pair: Pair) -> None:
    house = pair.house
    statuses = {
        role: house.post("/batch/images/copy-to-dataset", pair.body(), role=role).status_code
        for role in (None, "viewer", "member", "stranger")
    }
    assert statuses == {None: 401, "viewer": 403, "member": 200, "stranger": 404}


def test_a_dataset_of_somebody_else_is_no_target(pair: Pair) -> None:
    made = pair.house.post("/projects", {"name": f"set {uuid.uuid4().hex}"}, role="stranger").json()
    theirs = made["project"]["id"]
    assert pair.copy(target_dataset_name=theirs).status_code == 404
