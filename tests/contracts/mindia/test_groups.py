"""Files that are fetched together."""

import io
import tarfile
import uuid
import zipfile
from typing import Any

import pytest

from .house import House, refused
from .shelf import Shelf, on_both_databases


def a_group(house: House, shelf: Shelf, *files: str) -> str:
    answer = house.post("/groups", {"files": list(files)}, shelf.a)
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == ["id", "created_at", "file_count"]
    assert answer.json()["file_count"] == len(files)
    return str(answer.json()["id"])


def content(house: House, shelf: Shelf, image: str) -> bytes:
    return house.get(f"/images/{image}/file", shelf.a).content


@on_both_databases
def test_a_group_keeps_the_places_of_its_files(house: House, shelf: Shelf) -> None:
    files = [shelf.image(shelf.a, f"{n}.png") for n in range(3)]
    group = a_group(house, shelf, *files)
    assert house.delete(f"/media/{files[1]}", shelf.a).status_code == 204
    shown = house.get(f"/groups/{group}", shelf.a).json()
    assert [each["id"] for each in shown["files"]] == [files[0], files[2]]
    assert list(shown["files"][0]) == ["id", "url", "filename", "content_type", "file_size", "media_type"]
    assert house.get(f"/groups/{group}/info", shelf.a).json()["file_count"] == 2
    led = house.get(f"/groups/{group}/nth/2", shelf.a)
    assert (led.status_code, led.headers["location"]) == (302, shown["files"][1]["url"])
    assert house.get(led.headers["location"], shelf.a).content == content(house, shelf, files[2])
    for index in (1, 3, 10**12):
        refused(house.get(f"/groups/{group}/nth/{index}", shelf.a), 404, "NOT_FOUND")
    refused(house.get(f"/groups/{group}/nth/-1", shelf.a), 400, "BAD_REQUEST")
    refused(house.get(f"/groups/{group}/nth/x", shelf.a), 400, "INVALID_INPUT")


def test_a_group_is_fetched_as_one_archive(house: House, shelf: Shelf) -> None:
    files = [shelf.image(shelf.a, name) for name in ("same.png", "same.png", "other.png")]
    group = a_group(house, shelf, *files)
    expected = dict(zip(("same.png", "same-2.png", "other.png"), files, strict=True))
    zipped = house.get(f"/groups/{group}/archive/zip", shelf.a)
    assert zipped.headers["content-type"] == "application/zip"
    assert zipped.headers["content-disposition"] == 'attachment; filename="group.zip"'
    with zipfile.ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {name: content(house, shelf, each) for name, each in expected.items()}
    tarred = house.get(f"/groups/{group}/archive/tar", shelf.a)
    assert tarred.headers["content-type"] == "application/x-tar"
    assert int(tarred.headers["content-length"]) == len(tarred.content)
    with tarfile.open(fileobj=io.BytesIO(tarred.content)) as archive:
        assert {each.name: archive.extractfile(each).read() for each in archive} == found  # type: ignore[union-attr]  # all are files


def test_what_cannot_be_fetched_as_an_archive_is_refused(house: House, shelf: Shelf) -> None:
    group = a_group(house, shelf, shelf.a5)
    refused(house.get(f"/groups/{group}/archive/rar", shelf.a), 400, "BAD_REQUEST")
    key = house.storage_key(shelf.a5)
    (house.settings.storage_dir / key).unlink()
    refused(house.get(f"/groups/{group}/archive/zip", shelf.a), 500, "STORAGE_ERROR")
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    refused(house.get(f"/groups/{group}/archive/tar", shelf.a), 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "BAD_REQUEST"),
        (["no-id"], "INVALID_INPUT"),
        ("all", "INVALID_INPUT"),
        (None, "INVALID_INPUT"),
        ([str(uuid.uuid4())], "BAD_REQUEST"),
        ([str(uuid.uuid4()) for _ in range(1001)], "BAD_REQUEST"),
    ],
    ids=["none", "no id", "no list", "null", "unknown", "too many"],
)
def test_no_group_is_made_of_this(house: House, shelf: Shelf, files: Any, code: str) -> None:
    refused(house.post("/groups", {"files": files}, shelf.a), 400, code)


def test_a_group_is_of_one_tenant_and_names_each_file_once(house: House, shelf: Shelf) -> None:
    for files in ([shelf.a5, shelf.a5.upper()], [shelf.a5, shelf.b1]):
        refused(house.post("/groups", {"files": files}, shelf.a), 400, "BAD_REQUEST")
    group = a_group(house, shelf, shelf.a5)
    for method, rest in (
        ("GET", ""),
        ("GET", "/info"),
        ("GET", "/nth/0"),
        ("GET", "/archive/zip"),
        ("DELETE", ""),
    ):
        refused(house.ask(method, f"/groups/{group}{rest}", of=shelf.b), 404, "NOT_FOUND")
    assert house.delete(f"/groups/{group}", shelf.a).status_code == 204
    refused(house.get(f"/groups/{group}", shelf.a), 404, "NOT_FOUND")
    assert house.get(f"/images/{shelf.a5}", shelf.a).status_code == 200
