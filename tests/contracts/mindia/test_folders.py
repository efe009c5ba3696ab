"""Folders. The numbers are those of the protocol's list of cases."""

from typing import Any

import pytest
from sqlalchemy import Connection

from stackroom.library import folders
from stackroom.operations import change_folder

from .house import House, refused
from .shelf import Shelf, on_both_databases


def a_folder(house: House, shelf: Shelf, name: str, parent: str | None = None, of: Any = None) -> str:
    made = house.post("/folders", {"name": name, "parent_id": parent}, of or shelf.a)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@on_both_databases
def test_c92_a_name_is_taken_once_in_a_place(house: House, shelf: Shelf) -> None:
    spring = a_folder(house, shelf, "Spring")
    refused(house.post("/folders", {"name": "Spring"}, shelf.a), 409, "CONFLICT")
    refused(house.post("/folders", {"name": "  Spring "}, shelf.a), 409, "CONFLICT")
    within = a_folder(house, shelf, "Spring", spring)
    refused(house.post("/folders", {"name": "Spring", "parent_id": spring}, shelf.a), 409, "CONFLICT")
    other = a_folder(house, shelf, "Autumn")
    refused(house.put(f"/folders/{other}", {"name": "Spring"}, shelf.a), 409, "CONFLICT")
    refused(house.put(f"/folders/{within}", {"parent_id": None}, shelf.a), 409, "CONFLICT")
    assert a_folder(house, shelf, "Spring", of=shelf.b)


@on_both_databases
def test_c93_a_folder_does_not_go_under_itself(house: House, shelf: Shelf) -> None:
    top = a_folder(house, shelf, "top")
    middle = a_folder(house, shelf, "middle", top)
    low = a_folder(house, shelf, "low", middle)
    for under in (top, middle, low):
        refused(house.put(f"/folders/{top}", {"parent_id": under}, shelf.a), 400, "BAD_REQUEST")
    moved = house.put(f"/folders/{low}", {"parent_id": top}, shelf.a)  # to an ancestor it may
    assert (moved.status_code, moved.json()["parent_id"]) == (200, top)
    assert house.put(f"/folders/{low}", {"parent_id": None}, shelf.a).json()["parent_id"] is None
    renamed = house.put(f"/folders/{low}", {"name": "lowest"}, shelf.a).json()
    assert (renamed["name"], renamed["parent_id"], renamed["id"]) == ("lowest", None, low)


@on_both_databases
def test_c94_a_folder_with_anything_in_it_stays(house: House, shelf: Shelf) -> None:
    assert shelf.a1
    refused(house.delete(f"/folders/{shelf.folder}", shelf.a), 400, "BAD_REQUEST")
    top = a_folder(house, shelf, "top")
    within = a_folder(house, shelf, "within", top)
    refused(house.delete(f"/folders/{top}", shelf.a), 400, "BAD_REQUEST")
    for each in (within, top):
        assert house.delete(f"/folders/{each}", shelf.a).status_code == 204
        refused(house.get(f"/folders/{each}", shelf.a), 404, "NOT_FOUND")


@on_both_databases
def test_c95_a_tree_is_shown_as_deep_as_it_is(house: House, shelf: Shelf) -> None:
    top = a_folder(house, shelf, "top")
    second, first = a_folder(house, shelf, "second", top), a_folder(house, shelf, "first", top)
    low = a_folder(house, shelf, "low", first)
    assert house.put(f"/media/{shelf.a5}/folder", {"folder_id": low}, shelf.a).status_code == 200

    def shape(nodes: list[dict[str, Any]]) -> list[Any]:
        return [(each["id"], each["media_count"], shape(each["children"])) for each in nodes]

    tree = house.get("/folders/tree", shelf.a).json()
    assert shape(tree) == [(top, 0, [(first, 0, [(low, 1, [])]), (second, 0, [])])]
    assert {each["id"] for each in house.get("/folders", shelf.a).json()} == {top, first, second, low}
    assert [each["id"] for each in house.get("/folders", shelf.a, params={"parent_id": top}).json()] == [
        first,
        second,
    ]
    assert [each["id"] for each in house.get("/folders", shelf.a, params={"parent_id": "null"}).json()] == [
        top
    ]
    shown = house.get(f"/folders/{top}", shelf.a).json()
    assert (shown["media_count"], shown["subfolder_count"]) == (0, 2)
    assert house.get("/folders/tree", shelf.b).json() == []


@on_both_databases
def test_c96_c97_one_is_put_into_a_folder_and_out_again(house: House, shelf: Shelf) -> None:
    path = f"/media/{shelf.a5}/folder"
    put = house.put(path, {"folder_id": shelf.folder}, shelf.a)
    assert put.status_code == 200, put.text
    assert house.get(f"/images/{shelf.a5}", shelf.a).json()["folder_id"] == shelf.folder
    theirs = a_folder(house, shelf, "theirs", of=shelf.b)
    for wrong in (theirs, shelf.unknown):
        refused(house.put(path, {"folder_id": wrong}, shelf.a), 400, "BAD_REQUEST")
    assert house.get(f"/images/{shelf.a5}", shelf.a).json()["folder_id"] == shelf.folder
    assert house.put(path, {"folder_id": None}, shelf.a).status_code == 200
    assert not {"folder_id", "folder_name"} & house.get(f"/images/{shelf.a5}", shelf.a).json().keys()
    refused(house.put(f"/media/{shelf.b1}/folder", {"folder_id": shelf.folder}, shelf.a), 404, "NOT_FOUND")
    same_name = [shelf.image(shelf.a, "twice.png") for _ in range(2)]
    for each in same_name:
        assert house.put(f"/media/{each}/folder", {"folder_id": shelf.folder}, shelf.a).status_code == 200
    assert {house.get(f"/images/{each}", shelf.a).json()["filename"] for each in same_name} == {"twice.png"}


def test_what_is_no_folder_is_refused(house: House, shelf: Shelf) -> None:
    for name in ("", "   ", "n" * 256, "ü" * 128, None, 7):
        answer = house.post("/folders", {"name": name}, shelf.a)
        refused(answer, 400, answer.json()["code"])
    refused(house.post("/folders", {"name": "x", "parent_id": shelf.unknown}, shelf.a), 400, "BAD_REQUEST")
    refused(house.post("/folders", {"name": "x", "parent_id": "x"}, shelf.a), 400, "INVALID_INPUT")
    theirs = a_folder(house, shelf, "theirs", of=shelf.b)
    refused(house.post("/folders", {"name": "x", "parent_id": theirs}, shelf.a), 400, "BAD_REQUEST")
    for method in ("GET", "PUT", "DELETE"):
        for folder in (theirs, shelf.unknown):
            options: dict[str, Any] = {"json": {"name": "mine"}} if method == "PUT" else {}
            refused(house.ask(method, f"/folders/{folder}", of=shelf.a, **options), 404, "NOT_FOUND")
    for name in ("a/b", "..", ".", "a\\b"):
        answer = house.post("/folders", {"name": name}, shelf.a)
        assert answer.status_code in {201, 400}, answer.text
    assert house.get("/folders/tree", shelf.b).json()[0]["name"] == "theirs"


@on_both_databases
def test_nothing_is_put_into_a_folder_that_is_removed_meanwhile(
    house: House, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its name there would be another, which nobody has asked for."""
    find, wanted = folders.by_uuid, shelf.folder

    def find_and_remove(conn: Connection, dataset_id: int, uuid: bytes) -> Any:
        found = find(conn, dataset_id, uuid)
        assert found is not None
        change_folder.remove_folder(conn, shelf.a.actor, found, cascade=False, now=house.now())
        return found

    monkeypatch.setattr(folders, "by_uuid", find_and_remove)
    refused(house.put(f"/media/{shelf.a5}/folder", {"folder_id": wanted}, shelf.a), 400, "BAD_REQUEST")
    assert "folder_id" not in house.get(f"/media/{shelf.a5}", shelf.a).json()
