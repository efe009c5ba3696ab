"""The list of images: every filter, in every spelling, alone and together."""

from typing import Any

import pytest

from .house import House

CONFIDENT, DOUBTFUL = 0.9, 0.2


def box(confidence: float) -> dict[str, Any]:
    return {
        "id": "1",
        "name": "lorry",
        "type": "bbox",
        "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4},
        "confidence": confidence,
    }


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    """Six images: one of each kind that a filter tells apart, oldest first."""
    made = house.a_dataset()
    ids = {
        name: house.an_image(made, f"{name}.png", folder=folder)["id"]
        for name, folder in (
            ("plain", "/"),
            ("deep", "/a/b"),
            ("done", "/a"),
            ("val", "/a"),
            ("sure", "/"),
            ("unsure", "/a"),
            ("hidden", "/a"),
        )
    }
    house.post(f"/images/{ids['done']}/review", {"action": "approve"})
    house.post(f"/images/{ids['val']}/split", {"split": "val"})
    for name, confidence in (("sure", CONFIDENT), ("unsure", DOUBTFUL)):
        house.post(f"/annotations/{ids[name]}", {"annotations": [box(confidence)]})
    for names, tags in ((("plain", "val", "hidden"), ["night"]), (("val", "sure"), ["rain"])):
        wanted = {"dataset": made["id"], "image_ids": [ids[name] for name in names], "tags": tags}
        assert house.post("/images/bulk-tag", wanted).status_code == 200
    house.ask("DELETE", f"/images/{ids['hidden']}")
    return made


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["unsure", "sure", "val", "done", "deep", "plain"]),
    ({"folder_path": "/a"}, ["unsure", "val", "done"]),
    ({"directory_path": "/a"}, ["unsure", "val", "done"]),
    ({"directory_path": "a//"}, ["unsure", "val", "done"]),
    ({"folder_path": "/"}, ["sure", "plain"]),
    ({"folder_path": "/none"}, []),
    ({"filename": "deep.png"}, ["deep"]),
    ({"filename": "deep"}, []),
    ({"filename": "DEEP.png"}, []),
    ({"status": "complete"}, ["done"]),
    ({"split": "val"}, ["val"]),
    ({"min_confidence_lt": 0.5}, ["unsure"]),
    ({"min_confidence_lt": 1}, ["unsure", "sure"]),
    ({"min_confidence_lt": 0.2}, []),
    ({"include_archived": "true"}, ["hidden", "unsure", "sure", "val", "done", "deep", "plain"]),
    ({"include_archived": "false"}, ["unsure", "sure", "val", "done", "deep", "plain"]),
    ({"include_archived": "true", "folder_path": "/a"}, ["hidden", "unsure", "val", "done"]),
    ({"include_archived": "true", "filename": "hidden.png"}, ["hidden"]),
    ({"filename": "hidden.png"}, []),
    ({"tags": "night"}, ["val", "plain"]),
    ({"tags": ["night", "rain"]}, ["val"]),
    ({"tags": ["night", " night "]}, ["val", "plain"]),
    ({"tags": ["night", "snow"]}, []),
    ({"tags": "night", "include_archived": "true"}, ["hidden", "val", "plain"]),
    ({"tags": "rain", "directory_path": "/a", "split": "val", "status": "new"}, ["val"]),
    ({"tags": "night", "filename": "plain.png"}, ["plain"]),
    ({"status": "new", "folder_path": "/a", "min_confidence_lt": 0.5}, ["unsure"]),
    ({"something": "else", "cursor": "x"}, ["unsure", "sure", "val", "done", "deep", "plain"]),
]


@pytest.mark.parametrize(("query", "names"), CASES, ids=str)
def test_a_filter_finds_what_it_says_newest_first(
    house: House, dataset: dict[str, Any], query: dict[str, Any], names: list[str]
) -> None:
    for word, reference in (
        ("dataset_id", dataset["id"]),
        ("dataset_name", dataset["name"]),
        ("dataset", dataset["name"]),
        ("dataset", dataset["id"]),
    ):
        answer = house.get("/images", params={word: reference, **query})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert [each["filename"] for each in body["data"]] == [f"{name}.png" for name in names]
        assert body["pagination"] == {"limit": 100, "offset": 0, "total": len(names), "has_more": False}


@pytest.mark.parametrize(
    "query", [{}, {"tags": "night"}, {"folder_path": "/a"}, {"include_archived": "true"}]
)
def test_pages_follow_on_each_other(house: House, dataset: dict[str, Any], query: dict[str, Any]) -> None:
    about = {"dataset": dataset["id"], **query}
    whole = [each["id"] for each in house.get("/images", params=about).json()["data"]]
    seen: list[str] = []
    while True:
        page = house.get("/images", params={**about, "limit": 2, "offset": len(seen)}).json()
        seen += [each["id"] for each in page["data"]]
        assert len(page["data"]) == 2 or not page["pagination"]["has_more"]
        if not page["pagination"]["has_more"]:
            break
    assert seen == whole


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "all"},
        {"offset": -1},
        {"offset": 2**60},
        {"status": "done"},
        {"split": "validation"},
        {"include_archived": "maybe"},
        {"min_confidence_lt": "low"},
        {"min_confidence_lt": 1.5},
        {"min_confidence_lt": "nan"},
        {"folder_path": "/a/../b"},
        {"directory_path": "\\a"},
        {"filename": "a\0"},
        {"tags": ""},
        {"tags": ["night", "a\nb"]},
        {"tags": ["a\0", "night"]},
        {"tags": [str(number) for number in range(101)]},
    ],
    ids=lambda it: str(it)[:40],
)
def test_a_filter_that_makes_no_sense_is_refused(
    house: House, dataset: dict[str, Any], query: dict[str, Any]
) -> None:
    """Nothing is cut short, and nothing is taken for something else."""
    for reference in (dataset["id"], "no such dataset"):
        answer = house.get("/images", params={"dataset": reference, **query})
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["details"]["errors"]


def test_a_list_is_of_one_dataset(house: House, dataset: dict[str, Any]) -> None:
    assert house.get("/images").status_code == 422
    for reference in ("no such dataset", dataset["name"].upper()):
        assert house.get("/images", params={"dataset": reference}).status_code == 404
    assert house.get("/images", params={"dataset": dataset["name"]}, role="stranger").status_code == 404
