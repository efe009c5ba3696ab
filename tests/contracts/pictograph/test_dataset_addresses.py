"""A dataset is a project, a dataset by its name and a dataset by its id: all that is done to it is done at each."""

import unicodedata
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from .house import House

ADDRESSES = ["/projects/{name}", "/datasets/by-name/{name}", "/datasets/{name}", "/datasets/{id}"]


def place(address: str, dataset: dict[str, Any], name: str | None = None) -> str:
    return address.format(name=quote(name or dataset["name"], safe=""), id=dataset["id"])


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("word", ["name", "new_name"])
def test_a_dataset_lives_its_life_at_any_of_its_addresses(house: House, address: str, word: str) -> None:
    dataset = house.a_dataset(classes=[{"name": "ship"}])
    house.an_image(dataset, folder="/a/b")
    here = place(address, dataset)
    assert house.get(here).json()["data"]["id"] == dataset["id"]
    shown = house.get(here, params={"include_images": "true", "images_limit": 1}).json()["data"]
    assert [each["filename"] for each in shown["images"]] == ["a.png"]
    new = f"ünïcode & co {uuid.uuid4().hex}"
    said = {word: new, "readme": "# R", "classes": [{"name": "crane"}], "classes_base": []}
    changed = house.ask("PATCH", here, json=said, role="member").json()
    assert changed["project"] == changed["dataset"] == changed["data"]
    assert (changed["data"]["name"], changed["data"]["readme"]) == (new, "# R")
    assert [each["name"] for each in changed["data"]["classes"]] == ["ship", "crane"]
    for form in ("NFC", "NFD"):
        here = place(address, dataset, unicodedata.normalize(form, new))
        assert house.get(here).json()["data"]["id"] == dataset["id"]
    for verb, archived in (("archive", True), ("archive", True), ("unarchive", False), ("restore", False)):
        state = house.post(f"{here}/{verb}", role="admin").json()
        assert (state["is_archived"], state["data"]["is_archived"]) == (archived, archived)
        assert state["project_id"] == dataset["id"]
    gone = house.ask("DELETE", here, role="admin").json()
    assert gone["deleted"] == {"project_id": dataset["id"], "images": 1, "folders": 2, "gcs_blobs": 1}
    assert gone["data"] == {
        "id": dataset["id"],
        "name": new,
        "deleted": True,
        "images_deleted": 1,
        "directories_deleted": 2,
        "gcs_blobs_deleted": 1,
        "gcs_blobs_retained_for_forks": 0,
    }
    assert house.get(here).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_hiding_and_deleting_a_dataset_is_for_admins(house: House, address: str) -> None:
    dataset = house.a_dataset()
    here = place(address, dataset)
    for method, suffix in (("POST", "/archive"), ("POST", "/unarchive"), ("DELETE", "")):
        assert house.ask(method, here + suffix, role="member").status_code == 403
    assert house.ask("PATCH", here, json={"readme": "x"}, role="viewer").status_code == 403
    assert house.get(here, role="viewer").json()["data"] == dataset


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "..", "x" * 256, "a\tb", str(uuid.UUID(int=7)), None, 1], ids=repr
)
def test_a_name_that_no_address_could_reach_is_not_given(house: House, address: str, name: Any) -> None:
    dataset = house.a_dataset()
    for word in ("name", "new_name"):
        answer = house.ask("PATCH", place(address, dataset), json={word: name, "readme": "lost"})
        assert answer.status_code == 422, answer.text
    assert house.get(place(address, dataset)).json()["data"] == dataset


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "query",
    [
        {"images_limit": 10_001},
        {"images_limit": 0},
        {"images_offset": -1},
        {"include_images": "perhaps"},
    ],
    ids=str,
)
def test_a_page_of_images_that_makes_no_sense_is_refused(
    house: House, address: str, query: dict[str, Any]
) -> None:
    dataset = house.a_dataset()
    assert house.get(place(address, dataset), params=query).status_code == 422


def test_a_dataset_may_be_called_like_a_part_of_an_address(house: House) -> None:
    for name in ("by-name", "archive", "download", "projects"):
        made = house.post("/datasets", {"name": name}).json()["data"]
        image = house.an_image(made)
        for address in ADDRESSES:
            assert house.get(place(address, made)).json()["data"]["id"] == made["id"]
        assert house.get(f"/images/{name}/a.png/metadata").json()["data"]["id"] == image["id"]
        assert house.ask("DELETE", f"/datasets/{name}").status_code == 200


@pytest.mark.parametrize(
    "query", [{"limit": 1001}, {"limit": 0}, {"offset": -1}, {"archived": "some"}], ids=str
)
def test_a_list_of_datasets_is_not_cut_short_in_silence(house: House, query: dict[str, Any]) -> None:
    for path in ("/projects", "/datasets", "/projects/", "/datasets/"):
        assert house.get(path, params=query).status_code == 422
