"""Folders, under every generation's addresses: the same answers, whichever way they are asked for."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from stackroom import ids
from stackroom.operations import engine

from .house import House, a_picture

UNKNOWN = "0c9d8e7f-1111-4222-8333-444455556666"
FOLDER = {
    "id",
    "project_id",
    "dataset_id",
    "organization_id",
    "name",
    "parent_folder_id",
    "parent_directory_id",
    "full_path",
    "directory_path",
    "image_count",
    "nested_image_count",
    "created_by",
    "created_at",
    "updated_at",
}


def made(house: House, dataset: dict[str, Any], *paths: str) -> list[dict[str, Any]]:
    answers = [house.post("/folders/", {"dataset_id": dataset["id"], "folder_path": path}) for path in paths]
    return [answer.json()["data"] for answer in answers]


def listed(house: House, dataset: dict[str, Any], **query: str) -> list[str]:
    return [each["full_path"] for each in house.get(f"/directories/{dataset['id']}", params=query).json()]


@pytest.fixture(scope="module")
def pictures(house: House) -> tuple[dict[str, Any], list[str]]:
    """A dataset with `1.png` and `2.png`, and their ids."""
    somewhere = house.a_dataset()
    return somewhere, [house.an_image(somewhere, name)["id"] for name in ("1.png", "2.png")]


@pytest.fixture
def dataset(house: House, pictures: tuple[dict[str, Any], list[str]]) -> dict[str, Any]:
    """`/a` with two images, `/a/b` with one, and `/c` with none."""
    here, (there, known) = house.a_dataset(), pictures
    for folder, images in (("/a", known), ("/a/b", known[:1])):
        wanted = {
            "dataset_name": there["name"],
            "image_ids": images,
            "target_dataset_name": here["name"],
            "target_directory_path": folder,
        }
        copied = house.post("/batch/images/copy-to-dataset", wanted)
        assert copied.status_code == 200, copied.text
    made(house, here, "/c")
    return here


def of_old(word: str, dataset: dict[str, Any], folder: dict[str, Any]) -> dict[str, str]:
    return {
        "list": f"/{word}/list/{dataset['id']}",
        "tree": f"/{word}/tree/{dataset['id']}",
        "folder": f"/{word}/{folder['id']}",
    }


def of_now(reference: str, dataset: dict[str, Any], folder: dict[str, Any]) -> dict[str, str]:
    base = f"/directories/{dataset[reference]}"
    return {"list": base, "tree": f"{base}/tree", "folder": base + folder["full_path"]}


STYLES: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, str]]] = {
    "folders": lambda dataset, folder: of_old("folders", dataset, folder),
    "1.69.43": lambda dataset, folder: of_old("directories", dataset, folder),
    "by name": lambda dataset, folder: of_now("name", dataset, folder),
    "by id": lambda dataset, folder: of_now("id", dataset, folder),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_address_reads_the_same(house: House, dataset: dict[str, Any], style: str) -> None:
    folder = house.get(f"/folders/list/{dataset['id']}").json()[0]
    place = STYLES[style](dataset, folder)
    every = house.get(place["list"]).json()
    assert [(it["full_path"], it["image_count"], it["nested_image_count"]) for it in every] == [
        ("/a", 2, 3),
        ("/a/b", 1, 1),
        ("/c", 0, 0),
    ]
    assert set(every[0]) == FOLDER
    assert every[0]["parent_folder_id"] is None
    assert every[1]["parent_folder_id"] == every[1]["parent_directory_id"] == folder["id"]
    assert every[0]["project_id"] == every[0]["dataset_id"] == dataset["id"]
    tree = house.get(place["tree"]).json()
    assert [(node["name"], [child["name"] for child in node["children"]]) for node in tree] == [
        ("a", ["b"]),
        ("c", []),
    ]
    stats = house.get(place["folder"] + "/stats", params={"include_subfolders": "true"}).json()
    assert stats["total_size_bytes"] > 0
    del stats["total_size_bytes"]
    assert stats == {
        "total_folders": 2,
        "total_directories": 2,
        "total_images": 3,
        "folders_by_status": {"new": 3},
        "directories_by_status": {"new": 3},
    }
    for word in ("include_subfolders", "include_subdirectories"):
        alone = house.get(place["folder"] + "/stats", params={word: "false"}).json()
        assert (alone["total_folders"], alone["total_images"]) == (1, 2)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_address_changes_the_same(house: House, dataset: dict[str, Any], style: str) -> None:
    folder = house.get(f"/folders/list/{dataset['id']}").json()[0]
    place = STYLES[style](dataset, folder)
    renamed = house.ask("PATCH", place["folder"] + "/rename", json={"new_name": "z"})
    assert renamed.status_code == 200, renamed.text
    body = renamed.json()["data"]
    assert set(body) == FOLDER
    assert (body["id"], body["full_path"], body["name"]) == (folder["id"], "/z", "z")
    assert (body["image_count"], body["nested_image_count"]) == (2, 3)
    assert listed(house, dataset) == ["/c", "/z", "/z/b"]
    place = STYLES[style](dataset, body)
    refused = house.ask("DELETE", place["folder"], params={"cascade": "true"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "directory_not_empty")
    [below] = [each for each in house.get(place["list"]).json() if each["full_path"] == "/z/b"]
    inner = STYLES[style](dataset, below)["folder"]
    refused = house.ask("DELETE", inner, params={"cascade": "false"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "directory_not_empty")
    gone = house.ask("DELETE", inner, params={"cascade": "true"}).json()
    assert (gone["success"], gone["images_moved"]) == (True, 1)
    assert gone["folder_id"] == gone["directory_id"] == below["id"]
    assert house.names(dataset, folder_path="/z") == ["1-1.png", "1.png", "2.png"]
    undone = house.post(f"{house.url}/library/v1/operations/{gone['operation_id']}/undo", {})
    assert undone.status_code == 200, undone.text
    assert house.names(dataset, folder_path="/z/b") == ["1.png"]
    assert house.ask("DELETE", inner).status_code in {400, 404}  # it came back, under another id


def test_an_empty_folder_goes_without_an_operation(house: House, dataset: dict[str, Any]) -> None:
    gone = house.ask("DELETE", f"/directories/{dataset['name']}/c").json()
    assert (gone["success"], gone["images_moved"], gone["operation_id"]) == (True, 0, None)
    again = house.ask("DELETE", f"/directories/{dataset['name']}/c")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"dataset_id": "ID", "folder_path": "/n/m"},
        {"dataset": "NAME", "directory_path": "n/m/"},
        {"dataset_name": "NAME", "folder_path": "//n/m"},
    ],
)
@pytest.mark.parametrize("word", ["folders", "directories"])
def test_a_folder_is_made_once_with_its_parents(house: House, word: str, body: dict[str, str]) -> None:
    here = house.a_dataset()
    asked = {key: {"ID": here["id"], "NAME": here["name"]}.get(value, value) for key, value in body.items()}
    first, again = (house.post(f"/{word}/", asked) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["data"]["full_path"] == "/n/m"
    assert listed(house, here) == ["/n", "/n/m"]


def test_what_lies_below_one_folder_is_listed_alone(house: House, dataset: dict[str, Any]) -> None:
    assert listed(house, dataset, parent_path="") == listed(house, dataset, parent_path="/") == ["/a", "/c"]
    assert listed(house, dataset, parent_path="/a") == listed(house, dataset, parent_path="a/") == ["/a/b"]
    assert listed(house, dataset, parent_path="/none") == []
    [below] = house.get(f"/folders/list/{dataset['id']}", params={"parent_path": "/a"}).json()
    assert below["parent_folder_id"] is not None


def test_datasets_may_be_called_like_words_of_the_addresses(house: House) -> None:
    called = {name: house.post("/projects", {"name": name}).json()["project"] for name in ("list", "tree")}
    for name, here in called.items():
        house.post("/folders", {"dataset": name, "folder_path": f"/in-{name}"})
        assert listed(house, here) == [f"/in-{name}"]
    for name in called:
        assert house.get(f"/directories/{name}").json()[0]["full_path"] == f"/in-{name}"
        assert house.get(f"/directories/{name}/tree").json()[0]["full_path"] == f"/in-{name}"
        assert house.get(f"/directories/{name}/stats").json()["total_folders"] == 2
        assert house.get(f"/directories/{name}/in-{name}/stats").json()["total_folders"] == 1
        assert house.get(f"/folders/list/{called[name]['id']}").json()[0]["full_path"] == f"/in-{name}"
        assert house.get(f"/folders/tree/{called[name]['id']}").json()[0]["full_path"] == f"/in-{name}"
    house.ask("DELETE", "/projects/list")
    assert house.get("/folders/list/tree").json()[0]["full_path"] == "/in-tree"
    assert house.ask("DELETE", "/directories/tree/in-tree").status_code == 200
    house.ask("DELETE", "/projects/tree")
    assert house.get("/directories/list/tree").status_code == 404


@pytest.mark.parametrize("name", ["stats", "rename", "tree", "list", "a b%2", "é", "#?&", "..."])
def test_folders_may_be_called_anything(house: House, name: str) -> None:
    here = house.a_dataset()
    [outer, inner] = made(house, here, f"/{name}", f"/{name}/{name}")
    place = f"/directories/{here['name']}/{quote(name, safe='')}"
    assert house.get(f"{place}/stats").json()["total_folders"] == 2
    assert house.get(f"{place}/{quote(name, safe='')}/stats").json()["total_folders"] == 1
    moved = house.ask("PATCH", f"{place}/{quote(name, safe='')}/rename", json={"new_name": "z"}).json()[
        "data"
    ]
    assert (moved["id"], moved["parent_folder_id"]) == (inner["id"], outer["id"])
    assert house.ask("DELETE", f"{place}/z").status_code == 200
    assert house.ask("DELETE", place).status_code == 200
    assert listed(house, here) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\\b", "a\x01b", "x" * 256, None, 1])
def test_a_name_that_no_folder_can_have(house: House, dataset: dict[str, Any], name: object) -> None:
    answer = house.ask("PATCH", f"/directories/{dataset['name']}/a/rename", json={"new_name": name})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["errors"]
    assert listed(house, dataset) == ["/a", "/a/b", "/c"]


@pytest.mark.parametrize("path", ["/", "", "//", "/..", "/a/../b", "a\\b", "x" * 256, "/a" * 101, None, 1])
def test_a_path_that_no_folder_can_have(house: House, dataset: dict[str, Any], path: object) -> None:
    answer = house.post("/folders", {"dataset_id": dataset["id"], "folder_path": path})
    assert answer.status_code == 422
    assert listed(house, dataset) == ["/a", "/a/b", "/c"]


def test_a_folder_is_never_renamed_onto_another(house: House, dataset: dict[str, Any]) -> None:
    place = f"/directories/{dataset['name']}"
    answer = house.ask("PATCH", f"{place}/a/rename", json={"new_name": "c"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    same = house.ask("PATCH", f"{place}/a/rename", json={"new_name": "a"})
    assert same.status_code == 200
    assert listed(house, dataset) == ["/a", "/a/b", "/c"]


def test_two_spellings_of_one_name_are_one(house: House) -> None:
    here = house.a_dataset()
    composed, apart = "/caf\u00e9", "/cafe\u0301"
    [one, same] = made(house, here, composed, apart)
    assert one == same
    made(house, here, "/x")
    answer = house.ask("PATCH", f"/directories/{here['name']}/x/rename", json={"new_name": apart[1:]})
    assert answer.status_code == 409
    assert house.ask("DELETE", f"/directories/{here['name']}{apart}").status_code == 200


def test_the_root_stays_as_it_is(house: House, dataset: dict[str, Any]) -> None:
    for reference in (dataset["id"], dataset["name"]):
        for method, path, body in (
            ("DELETE", f"/directories/{reference}", None),
            ("PATCH", f"/directories/{reference}/rename", {"new_name": "z"}),
        ):
            answer = house.ask(method, path, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "root_folder")
        assert house.get(f"/directories/{reference}/stats").json()["total_folders"] == 4
    assert len(house.names(dataset)) == 3


def test_what_is_not_there(house: House, dataset: dict[str, Any]) -> None:
    for place in (UNKNOWN, "none", f"{dataset['name']}/none", f"{UNKNOWN}/a", f"{dataset['name']}/A"):
        for method, end, body in (
            ("GET", "/stats", None),
            ("DELETE", "", None),
            ("PATCH", "/rename", {"new_name": "z"}),
        ):
            answer = house.ask(method, f"/directories/{place}{end}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), (method, place)
    assert house.post("/folders", {"dataset": UNKNOWN, "folder_path": "/x"}).status_code == 404


def test_somebody_elses_folder_is_not_there(house: House, dataset: dict[str, Any]) -> None:
    folder = house.get(f"/folders/list/{dataset['id']}").json()[-1]
    for place in (folder["id"], f"{dataset['id']}/c"):
        for method, end, body in (
            ("GET", "/stats", None),
            ("DELETE", "", None),
            ("PATCH", "/rename", {"new_name": "z"}),
        ):
            answer = house.ask(method, f"/folders/{place}{end}", json=body, role="stranger")
            assert answer.status_code == 404
    assert listed(house, dataset) == ["/a", "/a/b", "/c"]


@pytest.mark.parametrize("query", [{"cascade": "maybe"}, {"cascade": ""}])
def test_a_query_that_makes_no_sense_deletes_nothing(
    house: House, dataset: dict[str, Any], query: dict[str, str]
) -> None:
    answer = house.ask("DELETE", f"/directories/{dataset['name']}/c", params=query)
    assert answer.status_code == 422
    assert "/c" in listed(house, dataset)


def test_a_folder_of_too_many_images_says_what_to_do(
    house: House, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stackroom.operations.change_folder.AT_ONCE", 0)
    answer = house.ask("DELETE", f"/directories/{dataset['name']}/a/b", params={"cascade": "true"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "folder_too_large")
    assert len(house.names(dataset, folder_path="/a/b")) == 1


def test_archived_images_go_along_and_can_be_brought_back(house: House, dataset: dict[str, Any]) -> None:
    place = f"/directories/{dataset['name']}/a/b"
    [image] = house.get("/images", params={"dataset_id": dataset["id"], "folder_path": "/a/b"}).json()[
        "images"
    ]
    house.ask("DELETE", f"/images/{image['id']}")
    refused = house.ask("DELETE", place)
    assert refused.status_code == 400
    assert "archived" in refused.json()["detail"]
    assert house.ask("DELETE", place, params={"cascade": "true"}).json()["images_moved"] == 1
    back = {"dataset_name": dataset["name"], "image_ids": [image["id"]], "updates": {"is_archived": False}}
    assert house.ask("PATCH", "/batch/images/update", json=back).json()["failed"][0]["code"] == "skipped"
    moved = house.get(f"/images/{image['id']}/metadata").json()["image"]
    assert (moved["folder_path"], moved["is_archived"]) == ("/a", True)


@pytest.mark.parametrize("change", ["rename", "delete"])
def test_an_upload_goes_where_it_was_to_go(house: House, change: str) -> None:
    here = house.a_dataset()
    made(house, here, "/a")
    ticket, content = house.ticket(here, "1.png", folder="/a"), a_picture()
    house.put(ticket, content)
    if change == "rename":
        house.ask("PATCH", f"/directories/{here['name']}/a/rename", json={"new_name": "z"})
    else:
        house.ask("DELETE", f"/directories/{here['name']}/a")
    registered = house.post("/images/register", house.registration(here, ticket, content))
    assert registered.status_code == 201, registered.text
    assert registered.json()["image"]["folder_path"] == "/a"


def test_a_large_operation_on_its_way_keeps_its_folder(
    house: House, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 1)
    asked = {
        "verb": "copy",
        "selection": {"filter": {"dataset": dataset["id"], "folder": "/a"}},
        "to": {"folder": "/c"},
    }
    monkeypatch.setattr("stackroom.operations.runner.Runner.wake", lambda _: None)
    begun = house.ask("POST", f"{house.url}/library/v1/operations", json=asked)
    assert begun.status_code == 202, begun.text
    place = f"/directories/{dataset['name']}/c"
    for method, path, body in (("DELETE", place, None), ("PATCH", f"{place}/rename", {"new_name": "z"})):
        answer = house.ask(method, path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "operation_running")


def test_a_repeat_of_a_rename_is_given_its_answer(house: House, dataset: dict[str, Any]) -> None:
    key = {"Idempotency-Key": ids.new().hex()}
    path = f"/directories/{dataset['name']}/c/rename"
    first = house.ask("PATCH", path, json={"new_name": "z"}, headers=key)
    again = house.ask("PATCH", path, json={"new_name": "z"}, headers=key)
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
