"""Long lists are given once where the request tells which envelope its client reads, and everything else in both."""

from typing import Any

import pytest

from stackroom.web.pictograph.generation import Generation

from .house import House

OLDER = ["pictograph-python/1.0.3", "pictograph-python/1.60.0", "pictograph-python-async/1.60.9"]
NEWER = ["pictograph-python/1.61.0", "pictograph-python-async/1.69.146", "pictograph-python/2.0.0"]
NEITHER = [
    "",
    "curl/8.0",
    "pictograph-python",
    "pictograph-python/",
    "python-httpx/1.2.3",
    "x pictograph-python/1.0.3",
]


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    made = house.a_dataset()
    for number in range(5):
        house.an_image(made, f"{number}.png")
    return made


def asked(house: House, path: str, agent: str, **query: Any) -> tuple[dict[str, Any], int]:
    """The body of an answer, and how long it is."""
    answer = house.get(path, params=query or None, headers={"User-Agent": agent})
    assert answer.status_code == 200, answer.text
    return answer.json(), len(answer.content)


@pytest.mark.parametrize("agent", OLDER)
def test_an_older_client_is_known_by_its_name_whatever_words_it_uses(agent: str) -> None:
    assert Generation.of(agent, ["dataset_id", "folder_path"]) is Generation.OLDER
    assert Generation.of(agent, ["dataset", "directory_path"]) is Generation.OLDER


@pytest.mark.parametrize("agent", NEWER)
def test_a_newer_client_is_known_by_its_name_whatever_words_it_uses(agent: str) -> None:
    assert Generation.of(agent, ["dataset_id", "folder_path"]) is Generation.NEWER


@pytest.mark.parametrize("agent", NEITHER)
def test_any_other_is_known_by_the_newer_words_alone(agent: str) -> None:
    """`dataset_id` and `folder_path` were said by clients of both."""
    assert Generation.of(agent, ["dataset_id", "folder_path", "limit"]) is Generation.UNKNOWN
    for word in ("dataset", "dataset_name", "directory_path"):
        assert Generation.of(agent, ["limit", word]) is Generation.NEWER


def test_a_version_without_end_is_nobodys() -> None:
    assert Generation.of("pictograph-python/" + "1" * 100_000 + ".1", []) is Generation.UNKNOWN


LISTS = [
    ("/images?dataset_id={id}", "images", ["data"]),
    ("/datasets/by-name/{name}?include_images=true", "dataset", ["data"]),
    ("/datasets/{id}?include_images=true", "dataset", ["data"]),
    ("/datasets/{name}/download", "items", ["data", "items"]),
    ("/datasets/by-name/{name}/download?mode=images_only", "items", ["data", "items"]),
    ("/datasets", "datasets", ["data"]),
    ("/projects", "projects", ["data"]),
]


@pytest.mark.parametrize(("place", "older", "newer"), LISTS)
def test_a_long_list_is_given_once_where_it_is_known_who_reads_it(
    house: House, dataset: dict[str, Any], place: str, older: str, newer: list[str]
) -> None:
    path = place.format(**dataset)
    both, whole = asked(house, path, "curl/8.0")
    for agent in OLDER:
        body, length = asked(house, path, agent)
        assert "data" not in body
        assert without_signatures(body[older]) == without_signatures(both[older])
        assert length < whole * 0.6
    for agent in NEWER:
        body, length = asked(house, path, agent)
        assert {"projects", "datasets", "project", "dataset", "images", "items"}.isdisjoint(body)
        given, wanted = body, both
        for key in newer:
            given, wanted = given[key], wanted[key]
        assert without_signatures(given) == without_signatures(wanted)
        assert length < whole * 0.6


def without_signatures(body: Any) -> Any:
    """Two answers may be of two days, and their addresses signed for each."""
    match body:
        case dict():
            return {key: without_signatures(value) for key, value in body.items() if not key.endswith("_url")}
        case list():
            return [without_signatures(each) for each in body]
        case _:
            return body


def test_what_a_list_is_about_stays_in_every_answer(house: House, dataset: dict[str, Any]) -> None:
    for agent in ("curl/8.0", *OLDER, *NEWER):
        listed, _ = asked(house, "/images", agent, dataset_id=dataset["id"], limit=2)
        assert listed["pagination"] == {"limit": 2, "offset": 0, "total": 5, "has_more": True}
        items, _ = asked(house, f"/datasets/{dataset['id']}/download", agent)
        assert (items["dataset_id"], items["total_items"]) == (dataset["id"], 5)


@pytest.mark.parametrize("agent", [*OLDER, *NEWER, "curl/8.0"])
def test_what_is_short_is_given_in_every_envelope(house: House, dataset: dict[str, Any], agent: str) -> None:
    """So that nothing depends on what a proxy makes of a client's name."""
    shown, _ = asked(house, f"/datasets/by-name/{dataset['name']}", agent)
    assert shown["project"] == shown["dataset"] == shown["data"]
    image = house.get("/images", params={"dataset_id": dataset["id"]}).json()["data"][0]["id"]
    described, _ = asked(house, f"/images/{image}/metadata", agent)
    assert described["image"] == described["data"]


def test_the_newer_words_are_answered_in_the_newer_envelope(house: House, dataset: dict[str, Any]) -> None:
    for query in (
        {"dataset": dataset["name"]},
        {"dataset_name": dataset["name"]},
        {"dataset_id": dataset["id"], "directory_path": "/"},
    ):
        body, _ = asked(house, "/images", "curl/8.0", **query)
        assert len(body["data"]) == 5
        assert "images" not in body
