"""Reviews and splits, as clients of both generations ask for them."""

from typing import Any

import pytest

from .house import House


@pytest.fixture
def image(house: House) -> dict[str, Any]:
    return house.an_image(house.a_dataset())


def described(house: House, image: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/images/{image['id']}/metadata").json()["data"]
    return found


def test_an_image_is_sent_back_with_a_note_and_approved_without(house: House, image: dict[str, Any]) -> None:
    place = f"/images/{image['id']}/review"
    back = house.post(place, {"action": "request_changes", "note": "box too loose"}, role="member").json()
    shown = {"id": image["id"], "status": "annotate", "review_note": "box too loose", "processed": 1}
    assert back == {**shown, "success": True, "data": shown}
    assert described(house, image)["review_note"] == "box too loose"
    good = house.post(place, {"action": "approve", "note": "ignored"}).json()
    assert (good["status"], good["review_note"]) == ("complete", None)
    now = described(house, image)
    assert (now["status"], now["review_note"]) == ("complete", None)


def test_a_list_of_images_shows_their_notes(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    house.post(f"/images/{image}/review", {"action": "request_changes", "note": "dark"})
    (listed,) = house.get("/images", params={"dataset": dataset["id"]}).json()["data"]
    assert (listed["status"], listed["review_note"]) == ("annotate", "dark")


@pytest.mark.parametrize(
    "body",
    [{}, {"action": "reject"}, {"action": None}, {"action": "approve", "note": 1}, {"note": "x"}],
    ids=str,
)
def test_a_review_of_the_wrong_shape_is_refused(house: House, image: dict[str, Any], body: Any) -> None:
    answer = house.post(f"/images/{image['id']}/review", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")
    assert answer.json()["error"]["details"]["errors"]
    assert described(house, image)["status"] == "new"


def test_a_note_has_an_end(house: House, image: dict[str, Any]) -> None:
    body = {"action": "request_changes", "note": "x" * 10_001}
    answer = house.post(f"/images/{image['id']}/review", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "note_too_long")


def test_a_split_is_set_and_cleared_and_can_be_undone(house: House, image: dict[str, Any]) -> None:
    place = f"/images/{image['id']}/split"
    for split in ("train", "val", "test", "test", None):
        answer = house.post(place, {"split": split}, role="member").json()
        assert answer["data"] == {key: answer[key] for key in ("id", "split", "operation_id")}
        assert (answer["id"], answer["split"], described(house, image)["split"]) == (
            image["id"],
            split,
            split,
        )
    undone = house.post(f"{house.url}/library/v1/operations/{answer['operation_id']}/undo", {})
    assert undone.json()["succeeded"] == 1, undone.text
    assert described(house, image)["split"] == "test"


@pytest.mark.parametrize("body", [{}, {"split": "training"}, {"split": ""}, {"split": 1}], ids=str)
def test_a_split_that_is_none_is_refused(house: House, image: dict[str, Any], body: Any) -> None:
    answer = house.post(f"/images/{image['id']}/split", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")


def test_a_bad_request_is_said_before_a_missing_image(house: House) -> None:
    for what in ("review", "split"):
        for place in ("/images/none", "/images/none/a.png"):
            assert house.post(f"{place}/{what}", {}).status_code == 422


@pytest.mark.parametrize("word", ["dataset", "dataset_id", "dataset_name"])
def test_a_whole_dataset_is_divided(house: House, word: str) -> None:
    dataset = house.a_dataset()
    for number in range(10):
        house.an_image(dataset, f"{number}.png")
    house.ask("DELETE", f"/images/{house.an_image(dataset, 'archived.png')['id']}")
    about = {word: dataset["name"], "train": 70, "val": 20, "test": 10, "seed": 42}
    done = house.post("/images/assign-splits", about, role="member").json()
    counts = {"processed": 10, "train": 7, "val": 2, "test": 1}
    assert done == {**counts, "success": True, "data": counts}
    for split, count in (("train", 7), ("val", 2), ("test", 1)):
        assert len(house.names(dataset, split=split)) == count
    before = house.get("/images", params={"dataset": dataset["id"]}).json()["data"]
    assert house.post("/images/assign-splits", about).json() == done
    assert house.get("/images", params={"dataset": dataset["id"]}).json()["data"] == before


def test_an_empty_dataset_is_divided_into_nothing(house: House) -> None:
    done = house.post("/images/assign-splits", {"dataset": house.a_dataset()["id"]}).json()
    assert done["data"] == {"processed": 0, "train": 0, "val": 0, "test": 0}


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ({"train": 70, "val": 20, "test": 11}, "invalid_shares"),
        ({"train": 0, "val": 0, "test": 0}, "invalid_shares"),
        ({"train": 101}, "validation_error"),
        ({"train": 110, "val": -10, "test": 0}, "validation_error"),
        ({"train": "most"}, "validation_error"),
        ({"train": 0.7, "val": 0.2, "test": 0.1}, "validation_error"),
        ({"seed": None}, "validation_error"),
        ({"split_mode": "clusters"}, "validation_error"),
    ],
    ids=str,
)
def test_shares_that_make_no_sense_are_refused(house: House, shares: dict[str, Any], code: str) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)
    for about in (dataset["id"], "no such dataset"):
        answer = house.post("/images/assign-splits", {"dataset": about, **shares})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert described(house, image)["split"] is None


@pytest.mark.parametrize("seed", [0, -1, 2**63, 10**30])
def test_a_seed_is_any_number(house: House, seed: int) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset)
    answer = house.post("/images/assign-splits", {"dataset": dataset["id"], "seed": seed})
    assert (answer.status_code, answer.json()["train"]) == (200, 1)


def test_there_is_no_embedding_map_to_divide_by(house: House) -> None:
    """Rather than silently at random."""
    dataset = house.a_dataset()
    image = house.an_image(dataset)
    answer = house.post("/images/assign-splits", {"dataset": dataset["id"], "split_mode": "embedding"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_embedding_map")
    assert described(house, image)["split"] is None
