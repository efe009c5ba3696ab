"""Annotations by id and by path, classes changed throughout a dataset, and comments: what comes back."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from .house import House

COUNTS = {"images_updated": 1, "annotations_updated": 2, "config_updated": True}


def box(**changed: Any) -> dict[str, Any]:
    good = {"name": "lorry", "type": "bbox", "bounding_box": {"x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0}}
    return {**good, **changed}


def kept(annotation: dict[str, Any]) -> dict[str, Any]:
    return {"confidence": 1.0, "attributes": [], **annotation}


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    return house.a_dataset()


@pytest.fixture
def image(house: House, dataset: dict[str, Any]) -> dict[str, Any]:
    return house.an_image(dataset, f"{uuid.uuid4().hex}.png", folder="/red cars/old")


def paths(dataset: dict[str, Any], image: dict[str, Any]) -> list[str]:
    """The addresses under which an image's annotations are."""
    place = quote(f"{image['folder_path'].strip('/')}/{image['filename']}".lstrip("/"))
    return [
        f"/annotations/{image['id']}",
        f"/annotations/{quote(dataset['name'])}/{place}",
        f"/annotations/{dataset['id']}/{place}",
    ]


def test_an_image_is_named_by_its_id_or_its_path(
    house: House, dataset: dict[str, Any], image: dict[str, Any]
) -> None:
    for count, place in enumerate(paths(dataset, image)):
        document = [box(id=f"{count}-{number}") for number in range(count + 1)]
        saved = house.post(place, {"annotations": document})
        assert saved.status_code == 200, saved.text
        assert saved.json() == {
            "success": True,
            "image_id": image["id"],
            "previous_count": count,
            "new_count": count + 1,
            "status": "new",
            "annotation_ids": [each["id"] for each in document],
        }
        for other in paths(dataset, image):
            assert house.get(other).json() == {
                "success": True,
                "image_id": image["id"],
                "filename": image["filename"],
                "annotations": [kept(each) for each in document],
                "annotation_count": count + 1,
            }
            assert house.get(f"{other}/file").json() == {
                "image": image["filename"],
                "annotations": [kept(each) for each in document],
            }
    for place, count in zip(paths(dataset, image), (3, 0, 0), strict=True):
        gone = house.ask("DELETE", place).json()
        assert gone == {"success": True, "image_id": image["id"], "deleted_count": count}


def test_a_file_may_be_called_file(house: House, dataset: dict[str, Any]) -> None:
    """What is asked for is the image of that path, if there is one."""
    name = uuid.uuid4().hex
    house.an_image(dataset, f"{name}.png")
    place = f"/annotations/{dataset['id']}/{name}.png/file"
    assert house.get(place).json() == {"image": f"{name}.png", "annotations": []}
    inside = house.an_image(dataset, "file", folder=f"/{name}.png")
    answer = house.get(place).json()
    assert (answer["image_id"], answer["filename"]) == (inside["id"], "file")
    assert house.get(f"{place}/file").json() == {"image": "file", "annotations": []}


def test_the_body_may_name_the_image_but_no_other(
    house: House, dataset: dict[str, Any], image: dict[str, Any]
) -> None:
    for place in paths(dataset, image):
        for named, status in ((image["id"], 200), (image["id"].upper(), 200), (str(uuid.uuid4()), 422)):
            answer = house.post(place, {"image_id": named, "annotations": []})
            assert answer.status_code == status, answer.text


def test_an_annotation_without_an_id_is_given_one(house: House, image: dict[str, Any]) -> None:
    place = f"/annotations/{image['id']}"
    given = house.post(place, {"annotations": [box(), box()]}).json()["annotation_ids"]
    there = house.get(place).json()["annotations"]
    assert [each["id"] for each in there] == given
    assert len(set(given)) == 2


def test_only_what_was_stored_comes_back(house: House, image: dict[str, Any]) -> None:
    """Older clients fail at keys that they do not know."""
    turned = {"cx": 1.0, "cy": 2.0, "w": 3.0, "h": 4.0, "angle": 30.0}
    document = [
        box(id="plain", created_by=None),
        box(id="turned", oriented_box=turned),
        {"id": "point", "name": "a", "type": "keypoint", "keypoint": {"x": 1.0, "y": 1.0}},
        {"id": "joint", "name": "a", "type": "keypoint", "keypoint": {"x": 1.0, "y": 1.0}, "instance_id": 2},
    ]
    house.post(f"/annotations/{image['id']}", {"annotations": document})
    document[0].pop("created_by")
    found = house.get(f"/annotations/{image['id']}").json()["annotations"]
    assert found == [kept(each) for each in document]


def test_of_many_each_has_its_own_answer(
    house: House, dataset: dict[str, Any], image: dict[str, Any]
) -> None:
    other, large = (house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"] for _ in range(2))
    saves = [
        (image["id"], [box(id="1")]),
        (other, [box(id="1"), box(id="1")]),
        ("zz", []),
        (large, [box(created_by="x" * (10 * 2**20))]),
        (other.upper(), {"not": "a list"}),
    ]
    body = {"saves": [{"image_id": which, "annotations": document} for which, document in saves]}
    answer = house.post("/annotations/bulk", body).json()
    assert answer["saved"] == [
        {"success": True, "image_id": image["id"], "previous_count": 0, "new_count": 1, "status": "new"}
    ]
    assert [(each["image_id"], each["code"]) for each in answer["failed"]] == [
        (other, "validation_error"),
        ("zz", "not_found"),
        (large, "payload_too_large"),
        (other.upper(), "validation_error"),
    ]
    assert "`$[1].id`" in answer["failed"][0]["error"]
    assert answer["success"] is False
    assert all(house.get(f"/annotations/{each}").json()["annotations"] == [] for each in (other, large))


@pytest.mark.parametrize(("megabytes", "status"), [(9, 200), (11, 413), (17, 413)])
def test_a_document_has_a_size_it_may_have(
    house: House, image: dict[str, Any], megabytes: int, status: int
) -> None:
    place = f"/annotations/{image['id']}"
    answer = house.post(place, {"annotations": [box(id="a", created_by="x" * (megabytes * 2**20))]})
    assert answer.status_code == status, answer.text[:300]
    if status == 413:
        error = answer.json()["error"]
        assert error["code"] == "payload_too_large"
        assert error["details"]["limit_bytes"] in {10 * 2**20, 16 * 2**20}
        assert "MB" in error["message"]
    assert len(house.get(place).json()["annotations"]) == (status == 200)


def test_more_than_two_hundred_are_refused(house: House) -> None:
    saves = [{"image_id": str(uuid.uuid4()), "annotations": []} for _ in range(201)]
    for body in ({"saves": saves}, {"saves": []}):
        assert house.post("/annotations/bulk", body).status_code == 422


# Classes


def test_classes_are_renamed_merged_and_deleted(house: House) -> None:
    made = house.a_dataset(classes=[{"name": "crane", "type": "bbox"}, {"name": "ship"}])
    image = house.an_image(made)["id"]
    document = [box(id="1", name="crane"), box(id="2", name="crane"), box(id="3", name="ship")]
    house.post(f"/annotations/{image}", {"annotations": document})

    def changed(verb: str, **asked: Any) -> dict[str, Any]:
        answer = house.post(f"/annotations/{verb}-class", asked)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        data = body.pop("data")
        assert body == {"success": True, **data}
        assert data.pop("dataset_id") == made["id"]
        return data

    names = {"old_name": "crane", "new_name": "gantry"}
    assert changed("rename", dataset=made["name"], **names) == {**names, **COUNTS}
    merge = {"source_name": "gantry", "target_name": "ship"}
    assert changed("merge", dataset=made["id"], **merge) == {**merge, **COUNTS}
    assert changed("delete", dataset_name=made["name"], name="ship", class_type=None) == {
        "name": "ship",
        "images_updated": 0,
        "annotations_removed": 0,
        "config_updated": True,
    }
    assert changed(
        "delete", dataset_id=made["id"], name="ship", class_type="bbox", delete_annotations=True
    ) == {"name": "ship", "images_updated": 1, "annotations_removed": 3, "config_updated": False}
    assert house.get(f"/annotations/{image}").json()["annotations"] == []
    assert house.get(f"/datasets/{made['id']}").json()["data"]["classes"] == []


@pytest.mark.parametrize(
    ("verb", "asked", "status"),
    [
        ("rename", {"old_name": "crane", "new_name": "ship"}, 409),
        ("rename", {"old_name": "crane", "new_name": "crane"}, 422),
        ("rename", {"old_name": "crane", "new_name": " "}, 422),
        ("rename", {"old_name": "crane", "new_name": "x" * 121}, 422),
        ("rename", {"old_name": "crane"}, 422),
        ("rename", {"old_name": "boat", "new_name": "tug"}, 404),
        ("merge", {"source_name": "crane", "target_name": "crane"}, 422),
        ("merge", {"source_name": "crane", "target_name": "boat"}, 404),
        ("merge", {"source_name": "boat", "target_name": "crane"}, 404),
        ("delete", {"name": "boat"}, 404),
        ("delete", {"name": "crane", "class_type": "circle"}, 422),
        ("delete", {"name": "crane", "class_type": "polygon"}, 404),
        ("delete", {"name": ""}, 422),
        ("delete", {"name": "crane", "delete_annotations": "yes"}, 422),
    ],
)
def test_a_change_of_classes_that_makes_no_sense_is_refused(
    house: House, verb: str, asked: dict[str, Any], status: int
) -> None:
    listed = [{"name": "crane", "type": "bbox"}, {"name": "ship", "type": "bbox"}]
    made = house.a_dataset(classes=listed)
    answer = house.post(f"/annotations/{verb}-class", {"dataset": made["name"], **asked})
    assert answer.status_code == status, answer.text
    assert [each["name"] for each in house.get(f"/datasets/{made['id']}").json()["data"]["classes"]] == [
        "crane",
        "ship",
    ]


# Comments


def test_comments_and_reactions(house: House, image: dict[str, Any]) -> None:
    house.post(f"/annotations/{image['id']}", {"annotations": [box(id="a")]})
    asked = {"image_id": image["id"], "annotation_id": "a", "body": "tighten"}
    made = house.post("/annotation-comments", asked, role="member")
    assert made.status_code == 201, made.text
    comment = made.json()["comment"]
    known = {key: comment.pop(key) for key in ("id", "created_at", "updated_at", "user_id")}
    assert known["created_at"] == known["updated_at"]
    assert comment == {
        "image_id": image["id"],
        "annotation_id": "a",
        "parent_comment_id": None,
        "body": "tighten",
        "is_edited": False,
        "is_deleted": False,
        "resolved": False,
        "resolved_at": None,
        "resolved_by_name": None,
        "author_name": "key",
        "is_mine": True,
        "reactions": [],
    }
    place = f"/annotation-comments/{known['id']}"
    reply = house.post("/annotation-comments", {**asked, "parent_comment_id": known["id"]}).json()["comment"]
    assert reply["parent_comment_id"] == known["id"]
    for _ in range(2):
        reacted = house.ask("PUT", f"{place}/reactions/like").json()["comment"]
        assert reacted["reactions"] == [{"reaction": "like", "count": 1, "reacted": True}]
    resolved = house.ask("PATCH", place, json={"resolved": True, "body": "wider"}).json()["comment"]
    assert (resolved["resolved"], resolved["body"], resolved["is_edited"]) == (True, "wider", True)
    listed = house.get("/annotation-comments", params={"image_id": image["id"]}, role="member").json()
    assert [each["id"] for each in listed["comments"]] == [known["id"], reply["id"]]
    assert listed["comments"][0]["reactions"] == [{"reaction": "like", "count": 1, "reacted": False}]
    assert [each["is_mine"] for each in listed["comments"]] == [True, False]
    assert house.ask("DELETE", f"{place}/reactions/like").json()["comment"]["reactions"] == []
    assert house.ask("DELETE", place).json() == {"success": True, "id": known["id"]}
    listed = house.get("/annotation-comments", params={"image_id": image["id"]}).json()["comments"]
    assert [(each["is_deleted"], each["body"]) for each in listed] == [(True, ""), (False, "tighten")]
    assert house.ask("DELETE", f"/annotation-comments/{reply['id']}").status_code == 200
    assert house.get("/annotation-comments", params={"image_id": image["id"]}).json()["comments"] == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"body": " "}, 422),
        ({"body": "x" * 10_001}, 422),
        ({"body": None}, 422),
        ({"annotation_id": ""}, 422),
        ({"annotation_id": "b"}, 404),
        ({"image_id": "zz"}, 404),
        ({"parent_comment_id": str(uuid.uuid4())}, 404),
    ],
)
def test_a_comment_that_is_none_is_refused(
    house: House, image: dict[str, Any], changed: dict[str, Any], status: int
) -> None:
    house.post(f"/annotations/{image['id']}", {"annotations": [box(id="a")]})
    asked = {"image_id": image["id"], "annotation_id": "a", "body": "tighten", **changed}
    answer = house.post("/annotation-comments", asked)
    assert answer.status_code == status, answer.text
    assert house.get("/annotation-comments", params={"image_id": image["id"]}).json()["comments"] == []
    assert house.get("/annotation-comments").status_code == 422
    nowhere = f"/annotation-comments/{uuid.uuid4()}"
    assert house.ask("PATCH", nowhere, json={}).status_code == 422
    assert house.ask("PUT", f"{nowhere}/reactions/sad").status_code == 422
    assert house.ask("PUT", f"{nowhere}/reactions/like").status_code == 404
