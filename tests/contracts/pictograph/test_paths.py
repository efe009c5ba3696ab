"""An image by its path in a dataset: whatever it is called, and whatever else an address could mean."""

import json
import unicodedata
import uuid
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from stackroom import clock
from stackroom.access import Actor, Role
from stackroom.database.transaction import Connection
from stackroom.library import datasets, organizations

from .house import PREFIX, House, a_picture

NAMED_LIKE_AN_ADDRESS = ["metadata", "review", "split", "data-bundle", "upload-url", "register", "bulk-tag"]


def at(dataset: dict[str, Any], path: str, suffix: str = "", *, by: str = "name") -> str:
    """As the newer clients spell it: slashes of the path stay, everything else is encoded."""
    return f"/images/{quote(dataset[by], safe='')}/{quote(path, safe='/')}{suffix}"


def described(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["image"] == body["data"]
    identity: str = body["image"]["id"]
    return identity


@pytest.mark.parametrize("by", ["name", "id"])
def test_all_that_is_done_to_an_image_is_done_by_its_path(house: House, by: str) -> None:
    dataset, content = house.a_dataset(), a_picture()
    image = house.an_image(dataset, "a b%.png", content=content, folder="/x y/ü")
    place = at(dataset, "x y/ü/a b%.png", by=by)
    assert house.get(place).content == content
    assert described(house.get(place + "/metadata")) == image["id"]
    assert house.post(place + "/review", {"action": "approve"}).json()["status"] == "complete"
    assert house.post(place + "/split", {"split": "val"}).json()["split"] == "val"
    assert house.ask("DELETE", place).json()["message"] == "Image archived"
    assert house.get(place + "/metadata").json()["data"]["is_archived"]
    assert house.ask("DELETE", place, params={"permanent": "true"}).json()["id"] == image["id"]
    assert house.get(place).status_code == 404
    assert house.get(f"/images/{image['id']}/metadata").status_code == 404


def test_head_says_what_get_would(house: House) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset, folder="/x")
    for suffix in ("", "/metadata"):
        whole, head = (house.ask(method, at(dataset, "x/a.png", suffix)) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
    assert house.ask("HEAD", at(dataset, "x/b.png")).status_code == 404


@pytest.mark.parametrize("name", NAMED_LIKE_AN_ADDRESS)
def test_a_file_may_be_called_like_a_part_of_an_address(house: House, name: str) -> None:
    dataset = house.a_dataset()
    for folder in ("/", "/a.png"):  # the folder is called like an image, too
        content = a_picture()
        image = house.an_image(dataset, name, content=content, folder=folder)
        path = f"{folder}/{name}".strip("/")
        for by in ("name", "id"):
            assert house.get(at(dataset, path, by=by)).content == content
            assert described(house.get(at(dataset, path, "/metadata", by=by))) == image["id"]
        assert house.post(at(dataset, path, "/review"), {"action": "approve"}).json()["id"] == image["id"]
        assert house.post(at(dataset, path, "/split"), {"split": "test"}).json()["id"] == image["id"]
        assert house.get(at(dataset, path, "/data-bundle")).headers["content-type"] == "application/zip"
    # Now that there is an image as well that is called like the folder, the file is still itself.
    house.an_image(dataset, "a.png")
    assert house.get(at(dataset, f"a.png/{name}")).content == content
    gone = house.ask("DELETE", at(dataset, f"a.png/{name}"), params={"permanent": "true"})
    assert gone.json()["id"] == image["id"]
    assert described(house.get(at(dataset, "a.png", "/metadata"))) != image["id"]


def test_an_id_is_an_images_before_it_is_a_datasets(house: House) -> None:
    """Names cannot look like ids, so only a dataset's id could be taken for an image's; and no id is both."""
    dataset, content = house.a_dataset(), a_picture()
    image = house.an_image(dataset)
    house.an_image(dataset, "metadata", content=content)
    assert described(house.get(f"/images/{image['id']}/metadata")) == image["id"]
    assert house.get(f"/images/{dataset['id']}/metadata").content == content
    assert house.get(f"/images/{image['id']}/a.png").status_code == 404
    assert house.get(f"/images/{dataset['id']}").status_code == 404


def test_a_path_means_the_live_image_then_the_one_archived_last(house: House) -> None:
    dataset = house.a_dataset()
    first = house.an_image(dataset)["id"]
    house.ask("DELETE", at(dataset, "a.png"))
    second = house.an_image(dataset)["id"]
    assert described(house.get(at(dataset, "a.png", "/metadata"))) == second
    house.ask("DELETE", at(dataset, "a.png"))
    assert described(house.get(at(dataset, "a.png", "/metadata"))) == second
    house.ask("DELETE", at(dataset, "a.png"), params={"permanent": "true"})
    assert described(house.get(at(dataset, "a.png", "/metadata"))) == first


def test_an_encoded_slash_is_no_slash(house: House) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset, folder="/x")
    name = quote(dataset["name"], safe="")
    for wrong in ("x%2Fa.png", "x%2fa.png", "x%252Fa.png", "%2Fx/a.png", "x/a.png%2Fmetadata", "x/a.png%00"):
        for suffix in ("", "/metadata", "/data-bundle"):
            answer = house.get(f"/images/{name}/{wrong}{suffix}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "../a.png",
        "x/../a.png",
        "./a.png",
        "%2e%2e/a.png",
        "..%2f..%2fetc/passwd",
        "x//y",
        "/",
        "\\a.png",
        "%20",
    ],
)
def test_a_path_that_leads_elsewhere_finds_nothing(house: House, path: str) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset)
    place = f"{PREFIX}/images/{quote(dataset['name'])}/{path}"
    for method in ("GET", "DELETE"):
        connection = HTTPConnection("127.0.0.1", house.port)  # sends an address as it is
        connection.request(method, place, headers={"X-API-Key": house.keys["owner"]})
        answer = connection.getresponse()
        code = json.loads(answer.read())["error"]["code"]
        connection.close()
        assert (answer.status, code) in {(404, "not_found"), (405, "method_not_allowed")}
    assert house.names(dataset) == ["a.png"]


def test_a_long_path_finds_nothing(house: House) -> None:
    dataset = house.a_dataset()
    for path in ("x/" * 500 + "a.png", "x" * 5_000):
        assert house.get(at(dataset, path)).status_code == 404


def test_case_counts_and_the_way_an_accent_is_written_does_not(house: House) -> None:
    name = f"séries {uuid.uuid4().hex}"
    dataset = house.a_dataset(name=name)
    image = house.an_image(dataset, "café.png", folder="/été")["id"]
    for form in ("NFC", "NFD"):
        spelled = {"name": unicodedata.normalize(form, name)}
        place = at(spelled, unicodedata.normalize(form, "été/café.png"), "/metadata")
        assert described(house.get(place)) == image
        listed = house.get(
            "/images",
            params={"dataset": spelled["name"], "filename": unicodedata.normalize(form, "café.png")},
        ).json()["data"]
        assert [each["id"] for each in listed] == [image]
    for wrong in ("été/Café.png", "Été/café.png"):
        assert house.get(at(dataset, wrong)).status_code == 404
    assert house.get(at({"name": name.upper()}, "été/café.png")).status_code == 404


def test_somebody_elses_path_is_no_path(house: House) -> None:
    """Also where both have a dataset of one name, and an image of one path in it."""
    dataset = house.a_dataset()
    mine = house.an_image(dataset)["id"]

    def same_name(conn: Connection) -> None:
        found = organizations.admit(
            organizations.by_token(conn, house.keys["stranger"]), now=clock.now()
        ).organization
        stranger = Actor(organization_id=found.id, organization_uuid=found.uuid, key_id=None, role=Role.OWNER)
        datasets.create(conn, stranger, dataset["name"], now=clock.now())

    house.write(same_name)
    for method in ("GET", "DELETE"):
        answer = house.ask(method, at(dataset, "a.png"), role="stranger")
        assert answer.status_code == 404
    assert described(house.get(at(dataset, "a.png", "/metadata"))) == mine


def test_deleting_by_path_twice_with_one_key_happens_once(house: House) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset)
    once = {"Idempotency-Key": uuid.uuid4().hex}
    place = at(dataset, "a.png") + "?permanent=true"
    first, second = (house.ask("DELETE", place, headers=once) for _ in range(2))
    assert (second.status_code, second.content) == (first.status_code, first.content) == (200, first.content)


def test_a_viewer_downloads_by_path_and_changes_nothing(house: House) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset)
    assert house.get(at(dataset, "a.png"), role="viewer").status_code == 200
    assert house.ask("DELETE", at(dataset, "a.png"), role="viewer").status_code == 403
    assert house.ask("DELETE", at(dataset, "none.png"), role="viewer").status_code == 403
