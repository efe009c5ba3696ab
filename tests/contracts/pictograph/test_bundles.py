"""A data bundle: an image, its annotations and a manifest as one ZIP, made while it is sent."""

import hashlib
import io
import json
import warnings
from zipfile import ZipFile

import pytest

from .house import House, a_picture

BOX = {
    "id": "a-1",
    "name": "lorry",
    "type": "bbox",
    "bounding_box": {"x": 12.0, "y": 8.5, "w": 60.0, "h": 40.0},
    "confidence": 0.5,
    "attributes": [],
}


def opened(content: bytes) -> ZipFile:
    archive = ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def files(content: bytes) -> dict[str, bytes]:
    archive = opened(content)
    return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("by", ["id", "path"])
def test_a_bundle_holds_the_image_its_annotations_and_a_manifest(house: House, by: str) -> None:
    dataset, content = house.a_dataset(), a_picture()
    image = house.an_image(dataset, content=content, folder="/x")
    house.post(f"/annotations/{image['id']}", {"annotations": [BOX]})
    place = f"/images/{image['id']}" if by == "id" else f"/images/{dataset['name']}/x/a.png"
    answer = house.get(f"{place}/data-bundle", role="viewer")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a.png.zip"
    held = files(answer.content)
    assert list(held) == ["a.png", "annotations.json", "manifest.json"]
    assert held["a.png"] == content
    assert json.loads(held["annotations.json"]) == {"image": "a.png", "annotations": [BOX]}
    manifest = json.loads(held["manifest.json"])
    for file in manifest["files"]:
        stored = held[file["path"]]
        assert (file["size"], file["sha256"]) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert [file["kind"] for file in manifest["files"]] == ["image", "annotations"]
    assert [each["kind"] for each in manifest["omitted"]] == ["depth_map"]
    described = house.get(f"/images/{image['id']}/metadata").json()["data"]
    shown = manifest["image"]
    assert shown.pop("dataset_name") == dataset["name"]
    assert shown == {key: described[key] for key in shown}


def test_a_bundle_has_no_address_in_it_that_is_a_credential(house: House) -> None:
    image = house.an_image(house.a_dataset())
    held = files(house.get(f"/images/{image['id']}/data-bundle").content)
    assert b"signature=" not in held["manifest.json"]


@pytest.mark.parametrize("name", ["manifest.json", "annotations.json"])
def test_an_image_may_be_called_like_a_document_of_its_bundle(house: House, name: str) -> None:
    dataset, content = house.a_dataset(), a_picture()
    image = house.an_image(dataset, name, content=content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held = files(house.get(f"/images/{image['id']}/data-bundle").content)
    numbered = name.replace(".", "-2.")
    assert sorted(held) == sorted(["annotations.json", "manifest.json", numbered])
    assert held[numbered] == content
    assert json.loads(held["manifest.json"])["image"]["filename"] == name


def test_an_archived_image_has_its_bundle_and_a_purged_one_none(house: House) -> None:
    image = house.an_image(house.a_dataset())
    house.ask("DELETE", f"/images/{image['id']}")
    held = files(house.get(f"/images/{image['id']}/data-bundle").content)
    assert json.loads(held["manifest.json"])["image"]["is_archived"]
    house.ask("DELETE", f"/images/{image['id']}?permanent=true")
    assert house.get(f"/images/{image['id']}/data-bundle").status_code == 404


def test_head_says_what_get_would_and_sends_nothing(house: House) -> None:
    image = house.an_image(house.a_dataset())
    answer = house.ask("HEAD", f"/images/{image['id']}/data-bundle")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/zip"


def test_bytes_that_are_lost_are_an_error_and_no_broken_archive(house: House) -> None:
    image = house.an_image(house.a_dataset())
    stored = [each.key for each in house.services.store.objects()]
    sha256 = hashlib.sha256(house.get(f"/images/{image['id']}").content).hexdigest()
    house.services.store.delete([key for key in stored if sha256 in key])
    answer = house.get(f"/images/{image['id']}/data-bundle")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "missing_bytes")


def test_what_is_unknown_has_no_bundle(house: House) -> None:
    dataset = house.a_dataset()
    for place in ("/images/none", f"/images/{dataset['id']}", f"/images/{dataset['name']}/none.png"):
        answer = house.get(f"{place}/data-bundle")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
