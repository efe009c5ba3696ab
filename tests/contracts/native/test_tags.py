"""Tags over the native face: given and taken by operations, shown with assets, and looked for."""

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Face, Place


def tag(face: "Face", ids: list[str], *names: str) -> Any:
    return face.operate("update", selection={"ids": ids}, changes={"add_tags": list(names)}).json()


@pytest.fixture
def photos(face: "Face") -> "Place":
    made = face.a_dataset("photos", ["a.jpg", "b.jpg", "c.jpg"])
    tag(face, made.ids[:2], "night")
    tag(face, made.ids[:1], "rain")
    return made


def test_assets_are_shown_with_their_tags(face: "Face", photos: "Place") -> None:
    listed = face.get("/assets", dataset="photos").json()["assets"]
    assert [each["tags"] for each in listed] == [[], ["night"], ["night", "rain"]]
    assert face.get(f"/assets/{photos.ids[0]}").json()["tags"] == ["night", "rain"]


def test_assets_are_listed_by_their_tags(face: "Face", photos: "Place") -> None:
    def names(*tags: str) -> list[str]:
        listed = face.get("/assets", dataset="photos", tags=list(tags)).json()["assets"]
        return [each["name"] for each in listed]

    assert names("night") == ["b.jpg", "a.jpg"]
    assert names("night", " rain") == ["a.jpg"]
    assert names("snow") == []
    assert len(names()) == len(photos.ids)


def test_an_empty_tag_beside_others_widens_nothing(face: "Face", photos: "Place") -> None:
    listed = face.get("/assets", dataset="photos", tags=["rain", ""]).json()["assets"]
    assert [each["id"] for each in listed] == [photos.ids[0]]


def test_a_filter_may_name_tags(face: "Face", photos: "Place") -> None:
    selection = {"filter": {"dataset": "photos", "tags": ["night"]}, "expect_count": 2}
    done = face.operate("update", selection=selection, changes={"remove_tags": ["night"], "split": "val"})
    assert done.json()["outcomes"] == {"done": 2}
    assert face.get("/assets", dataset="photos", tags=["night"]).json()["assets"] == []


def test_the_items_tell_what_was_given_and_taken(face: "Face", photos: "Place") -> None:
    changes = {"add_tags": ["night", "snow"], "remove_tags": ["rain"]}
    asked = {"selection": {"ids": photos.ids[:2]}, "changes": changes}
    seen = face.operate("update", **asked, dry_run=True).json()
    expected = [
        {"added_tags": ["snow"], "removed_tags": ["rain"]},
        {"added_tags": ["snow"]},
    ]
    assert [each["after"] for each in seen["samples"]] == expected
    done = face.operate("update", **asked, plan=seen["plan"]).json()
    items = face.get(f"/operations/{done['id']}/items").json()["items"]
    assert [each["after"] for each in items] == expected
    report = face.get(f"/operations/{done['id']}/report", format="csv").text
    rows = list(csv.DictReader(io.StringIO(report)))
    assert [(each["added_tags"], each["removed_tags"]) for each in rows] == [
        ('["snow"]', '["rain"]'),
        ('["snow"]', ""),
    ]
    undone = face.post(f"/operations/{done['id']}/undo").json()
    assert undone["outcomes"] == {"done": 2}
    assert face.get(f"/assets/{photos.ids[0]}").json()["tags"] == ["night", "rain"]


def test_a_copy_to_another_dataset_may_take_everything_along(face: "Face", photos: "Place") -> None:
    face.a_dataset("gold")
    to = {"folder": "/", "dataset": "gold"}
    for with_annotations, expected in ((False, []), (True, ["night", "rain"])):
        done = face.operate(
            "copy", selection={"ids": photos.ids[:1]}, to=to, copy_annotations=with_annotations
        ).json()
        [item] = face.get(f"/operations/{done['id']}/items").json()["items"]
        assert face.get(f"/assets/{item['new_id']}").json()["tags"] == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"add_tags": []}, "empty_update"),
        ({"add_tags": [""]}, "invalid_tag"),
        ({"add_tags": ["a"], "remove_tags": ["a"]}, "invalid_tag"),
        ({"add_tags": [str(n) for n in range(101)]}, "too_many_tags"),
        ({"add_tags": "night"}, "validation_error"),
        ({"add_tags": [None]}, "validation_error"),
        ({"tags": ["night"]}, "validation_error"),
    ],
    ids=str,
)
def test_a_change_of_tags_that_makes_no_sense_is_refused(
    face: "Face", photos: "Place", changes: dict[str, Any], code: str
) -> None:
    answer = face.operate("update", selection={"ids": photos.ids}, changes=changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert face.get(f"/assets/{photos.ids[2]}").json()["tags"] == []


def test_a_filter_by_a_tag_that_is_none_is_refused(face: "Face", photos: "Place") -> None:
    selection = {"filter": {"dataset": "photos", "tags": ["a\nb"]}}
    assert face.operate("archive", selection=selection).status_code == 422
    assert face.get("/assets", dataset="photos", tags=["x" * 101]).status_code == 422
    assert len(face.get("/assets", dataset="photos").json()["assets"]) == len(photos.ids)
