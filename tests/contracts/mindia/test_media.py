"""Lists, single media and what their owners say of them. The numbers are those of the protocol's list of cases."""

import json
from typing import Any

import pytest

from .house import House, refused
from .material import an_image
from .shelf import Shelf, on_both_databases


def user(house: House, shelf: Shelf, media: str) -> Any:
    answer = house.get(f"/media/{media}/metadata", shelf.a)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == media
    return answer.json()["metadata"]["user"]


@on_both_databases
def test_c87_what_a_page_cannot_be_is_brought_into_range(house: House, shelf: Shelf) -> None:
    made = shelf.images(103)

    def page(**query: Any) -> list[str]:
        answer = house.get("/images", shelf.a, params=query)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()]

    everything = page(limit=1000) + page(offset=100)
    assert sorted(everything) == sorted(made)
    assert len(everything) == len(set(everything)) == 103
    assert page(limit=0) == page(limit=-3) == everything[:1]
    assert page(limit=1000, offset=-5) == everything[:100]
    assert page() == everything[:50]
    assert page(limit=2, offset=101) == everything[101:]
    assert page(offset=10_000) == []
    times = [each["uploaded_at"] for each in house.get("/media", shelf.a, params={"limit": 100}).json()]
    assert times == sorted(times, reverse=True)
    for wrong in ({"limit": "x"}, {"offset": "1.5"}, {"folder_id": "nope"}, {"limit": ""}):
        refused(house.get("/images", shelf.a, params=wrong), 400, "INVALID_INPUT")


def test_a_list_is_of_everything_or_of_a_folder(house: House, shelf: Shelf) -> None:
    both = {shelf.a1, shelf.a5}

    def page(**query: Any) -> set[str]:
        return {each["id"] for each in house.get("/images", shelf.a, params=query).json()}

    assert page() == both
    assert page(folder_id=shelf.folder) == {shelf.a1}
    assert page(folder_id="none") == {shelf.a5}
    assert page(folder_id=shelf.unknown) == set()
    shown = house.get(f"/images/{shelf.a1}", shelf.a).json()
    assert (shown["folder_id"], shown["folder_name"]) == (shelf.folder, "F")


def test_one_is_found_under_its_kind_alone(house: House, shelf: Shelf) -> None:
    assert house.get(f"/media/{shelf.a5}", shelf.a).json() == house.get(f"/images/{shelf.a5}", shelf.a).json()
    for path, words in (
        (f"/videos/{shelf.a5}", "Video not found"),
        (f"/audios/{shelf.a5}", "Audio not found"),
        (f"/documents/{shelf.a5}", "Document not found"),
        (f"/images/{shelf.b1}", "Image not found"),
        (f"/media/{shelf.b1}", "Media not found"),
    ):
        assert refused(house.get(path, shelf.a), 404, "NOT_FOUND")["error"] == words
    for path in ("/images/xyz", "/media/1", "/videos/0x0"):
        refused(house.get(path, shelf.a), 400, "INVALID_INPUT")


def test_bytes_come_whole_in_parts_or_not_at_all(house: House, shelf: Shelf) -> None:
    path = f"/images/{shelf.a5}/file"
    whole = house.get(path, shelf.a)
    etag = whole.headers["etag"]
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    assert whole.headers["content-type"] == "image/png"
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert whole.headers["content-disposition"].startswith("attachment")
    assert "a5.png" in whole.headers["content-disposition"]
    assert not etag.startswith("W/")
    part = house.get(path, shelf.a, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert house.get(path, shelf.a, headers={"Range": "bytes=999999-"}).status_code == 416
    assert house.get(path, shelf.a, headers={"If-None-Match": etag}).status_code == 304
    head = house.ask("HEAD", path, of=shelf.a)
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        whole.headers["content-length"],
    )
    (house.settings.storage_dir / house.storage_key(shelf.a5)).unlink()
    refused(house.get(path, shelf.a), 500, "STORAGE_ERROR")


@on_both_databases
def test_c88_c89_a_new_one_takes_metadata_either_way(house: House, shelf: Shelf) -> None:
    set_whole = house.put(f"/images/{shelf.a5}/metadata", {"metadata": {"a": 1}}, shelf.a)
    whole = {"user": {"a": 1}, "plugins": {}}
    assert (set_whole.status_code, set_whole.json()) == (200, {"id": shelf.a5, "metadata": whole})
    fresh = shelf.image(shelf.a)
    set_one = house.put(f"/media/{fresh}/metadata/b", "x", shelf.a)
    whole = {"user": {"b": "x"}, "plugins": {}}
    assert (set_one.status_code, set_one.json()) == (200, {"id": fresh, "metadata": whole})
    for value in (None, 0, False, 0.0, [], {"deep": {"er": [1]}}, "", 1, True, 1.5):
        assert house.put(f"/media/{fresh}/metadata/b", value, shelf.a).status_code == 200
        assert house.get(f"/media/{fresh}/metadata/b", shelf.a).text == json.dumps(
            value, separators=(",", ":")
        )
    assert (
        house.get(f"/media/{fresh}/metadata", shelf.a, params={"namespace": "plugins"}).json()["metadata"]
        == {}
    )
    refused(house.get(f"/media/{fresh}/metadata", shelf.a, params={"namespace": "x"}), 400, "INVALID_INPUT")
    assert house.delete(f"/media/{fresh}/metadata/b", shelf.a).status_code == 204
    assert user(house, shelf, fresh) == {}
    refused(house.put(f"/videos/{fresh}/metadata", {"metadata": {}}, shelf.a), 404, "NOT_FOUND")


KEYS = [
    "plugin_x",
    "_plugin_x",
    "_system_y",
    "_internal_z",
    "plugins",
    "k" * 65,
    "with space",
    "ü",
    "a,b",
    "%00",
]


@pytest.mark.parametrize("key", KEYS)
def test_c90_a_key_that_cannot_be_is_named_as_such(house: House, shelf: Shelf, key: str) -> None:
    answer = house.put(f"/media/{shelf.a5}/metadata/{key}", 1, shelf.a)
    said = refused(answer, 400, answer.json()["code"])
    assert said["code"] in (
        {"INVALID_METADATA_KEY", "INVALID_INPUT"} if key == "%00" else {"INVALID_METADATA_KEY"}
    )
    if key != "%00":
        whole = house.put(f"/images/{shelf.a5}/metadata", {"metadata": {key: 1}}, shelf.a)
        refused(whole, 400, "INVALID_METADATA_KEY")
    assert user(house, shelf, shelf.a5) == {}


def test_c90_so_is_a_value_and_one_key_too_many(house: House, shelf: Shelf) -> None:
    media = f"/media/{shelf.a5}/metadata"
    most = "v" * 510  # with its quotes 512 bytes
    assert house.put(f"{media}/a-key", most, shelf.a).status_code == 200
    refused(house.put(f"{media}/a-key", most + "v", shelf.a), 400, "INVALID_METADATA_VALUE")
    refused(house.put(f"{media}/a-key", "ü" * 256, shelf.a), 400, "INVALID_METADATA_VALUE")  # bytes count
    fifty = {f"key.{n}": n for n in range(50)}
    whole = f"/images/{shelf.a5}/metadata"
    assert house.put(whole, {"metadata": fifty}, shelf.a).status_code == 200
    refused(house.put(f"{media}/one-more", 1, shelf.a), 400, "METADATA_KEY_LIMIT_EXCEEDED")
    assert house.put(f"{media}/key.7", "another", shelf.a).status_code == 200
    refused(house.put(whole, {"metadata": {**fifty, "x": 1}}, shelf.a), 400, "METADATA_KEY_LIMIT_EXCEEDED")
    refused(house.put(whole, {"metadata": {"a": "v" * 513}}, shelf.a), 400, "INVALID_METADATA_VALUE")
    assert user(house, shelf, shelf.a5) == {**fifty, "key.7": "another"}
    for body in ({}, {"metadata": []}, {"metadata": None}, [], "x"):
        refused(house.put(whole, body, shelf.a), 400, "INVALID_INPUT")


def test_c91_a_key_that_is_not_there_is_missing(house: House, shelf: Shelf) -> None:
    for method in ("GET", "DELETE"):
        path = f"/media/{shelf.a5}/metadata/none"
        refused(house.ask(method, path, of=shelf.a), 404, "METADATA_KEY_NOT_FOUND")
        refused(house.ask(method, f"/media/{shelf.b1}/metadata/k", of=shelf.a), 404, "NOT_FOUND")


@on_both_databases
def test_c105_who_has_deleted_everything_has_nothing(house: House, shelf: Shelf) -> None:
    assert shelf.b1

    def storage() -> dict[str, Any]:
        answer = house.get("/analytics/storage", shelf.a)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    sizes = [house.get(f"/media/{each}", shelf.a).json()["file_size"] for each in (shelf.a5, shelf.a4)]
    before = storage()
    assert (before["total_files"], before["total_storage_bytes"]) == (2, sum(sizes))
    assert (before["image_count"], before["image_bytes"]) == (1, sizes[0])
    assert (before["document_count"], before["document_bytes"]) == (1, sizes[1])
    assert before["by_content_type"]["image/png"] == {"count": 1, "bytes": sizes[0]}
    assert house.batch_delete([shelf.a5, shelf.a4], shelf.a).status_code == 200
    after = storage()
    assert (after["total_files"], after["total_storage_bytes"], after["by_content_type"]) == (0, 0, {})


def test_what_search_finds_is_ours_and_as_was_asked(house: House, shelf: Shelf) -> None:
    ours = shelf.image(shelf.a, "harbour.png")
    for value in (3, 7):
        media = shelf.image(shelf.a, f"n{value}.png")
        house.put(f"/images/{media}/metadata", {"metadata": {"n": value, "place": "Old Harbour"}}, shelf.a)
    assert house.upload(shelf.b, "image", "harbour.png", an_image(), "image/png").status_code == 200

    def search(**query: Any) -> Any:
        return house.get(
            "/search", shelf.a, params={name.replace("__", "."): value for name, value in query.items()}
        )

    assert [each["filename"] for each in search(metadata_min__n=5).json()["results"]] == ["n7.png"]
    assert [each["filename"] for each in search(metadata__n=3).json()["results"]] == ["n3.png"]
    assert search(metadata_contains__place="old HARB").json()["count"] == 2
    assert search(metadata_contains__place="%").json()["count"] == 0
    (hit, *_) = search(q="harbour", min_similarity=0.0).json()["results"]
    assert (hit["id"], hit["entity_type"]) == (ours, "image")
    assert search(q="x", type="audio").json()["results"] == []
    for wrong in (
        {},
        {"q": "x", "limit": 0},
        {"q": "x", "limit": 101},
        {"q": "x", "offset": -1},
        {"q": "x", "search_mode": "psychic"},
        {"q": "x", "type": "cake"},
        {"q": "x", "min_similarity": 1.5},
        {"q": "x", "min_similarity": "nan"},
        {"q": "x" * 16_385},
        {f"metadata__k{n}": n for n in range(11)},
    ):
        answer = search(**wrong)  # type: ignore[arg-type]  # names and values of a query
        assert answer.status_code == 400, (wrong, answer.text)
        refused(answer, 400, answer.json()["code"])
