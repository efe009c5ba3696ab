"""What is there: the key, datasets, folders and assets."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from stackroom import clock, ids

if TYPE_CHECKING:
    from .conftest import Face

pytestmark = pytest.mark.every_database


@pytest.fixture
def face(shared_face: "Face") -> "Face":
    return shared_face


def test_a_key_learns_who_it_is(face: "Face") -> None:
    answer = face.ask("GET", "/whoami", role="member")
    body = answer.json()
    assert answer.status_code == 200
    assert body["organization"] == {
        "id": ids.text(face.tenant.actor.organization_uuid),
        "name": face.tenant.name,
        "number": body["organization"]["number"],
    }
    assert (body["key"]["name"], body["key"]["role"]) == ("member", "member")
    assert ids.looks_like_id(body["key"]["id"])


def test_a_key_may_come_as_a_bearer_token(face: "Face") -> None:
    bearer = {"Authorization": f"Bearer {face.tenant.keys['viewer']}"}
    assert face.raw("GET", "/library/v1/whoami", headers=bearer).json()["key"]["role"] == "viewer"


def test_a_dataset_is_made_and_found_by_name_and_id(face: "Face") -> None:
    answer = face.post("/datasets", {"name": " Holiday 2026 ", "description": "Sun"})
    made = answer.json()
    assert answer.status_code == 201
    assert (made["name"], made["description"]) == ("Holiday 2026", "Sun")
    assert (made["asset_count"], made["archived_count"], made["bytes"]) == (0, 0, 0)
    assert made["created_at"].endswith("Z")
    assert face.get("/datasets/Holiday%202026").json() == made
    assert face.get(f"/datasets/{made['id']}").json() == made


def test_a_dataset_is_made_once_however_often_it_is_asked_for(face: "Face") -> None:
    first = face.post("/datasets", {"name": "one"}, once="make it")
    again = face.post("/datasets", {"name": "one"}, once="make it")
    assert again.json() == first.json()
    taken = face.post("/datasets", {"name": "one"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": 1}, {"name": "x", "colour": "red"}, {"name": str(uuid4())}]
)
def test_a_dataset_that_cannot_be_is_refused(face: "Face", body: dict[str, object]) -> None:
    answer = face.post("/datasets", body)
    assert answer.status_code == 422
    assert answer.json()["error"]["hint"]
    assert face.get("/datasets").json() == {"datasets": [], "next": None}


def test_a_viewer_makes_no_datasets(face: "Face") -> None:
    assert face.ask("POST", "/datasets", role="viewer", json={"name": "x"}).status_code == 403


def test_datasets_count_what_they_hold_and_come_page_by_page(face: "Face") -> None:
    photos = face.a_dataset("photos", ["a.jpg", "b.jpg", "c.jpg"])
    face.a_dataset("two")
    face.a_dataset("three")
    face.operate("archive", selection={"ids": photos.ids[:1]})
    first = face.get("/datasets", limit=2).json()
    assert [each["name"] for each in first["datasets"]] == ["photos", "two"]
    assert [first["datasets"][0][key] for key in ("asset_count", "archived_count", "bytes")] == [2, 1, 20]
    rest = face.get("/datasets", limit=2, cursor=first["next"]).json()
    assert [each["name"] for each in rest["datasets"]] == ["three"]
    assert rest["next"] is None


def test_folders_are_listed_whole_or_below_one(face: "Face") -> None:
    photos = face.add(face.a_dataset(names=["a.jpg"]), ["b.jpg"], folder="/cars/red")
    face.add(photos, ["c.jpg", "d.jpg"], folder="/cars")
    face.add(photos, ["e.jpg"], folder="/carsick")
    listed = face.get("/datasets/photos/folders").json()["folders"]
    assert [
        (each["path"], each["name"], each["asset_count"], each["tree_asset_count"]) for each in listed
    ] == [
        ("/", "", 1, 5),
        ("/cars", "cars", 2, 3),
        ("/cars/red", "red", 1, 1),
        ("/carsick", "carsick", 1, 1),
    ]
    below = face.get("/datasets/photos/folders", parent="/").json()["folders"]
    assert [each["path"] for each in below] == ["/cars", "/carsick"]
    below = face.get("/datasets/photos/folders", parent="cars/").json()["folders"]
    assert [each["path"] for each in below] == ["/cars/red"]
    assert face.get("/datasets/photos/folders", parent="/nowhere").status_code == 404
    assert face.get("/datasets/photos/folders", parent="/..").status_code == 422


def test_assets_come_newest_first_and_each_once_while_others_arrive(face: "Face") -> None:
    photos = face.a_dataset(names=[f"{number}.jpg" for number in range(5)])
    first = face.get("/assets", dataset="photos", limit=2).json()
    assert [each["name"] for each in first["assets"]] == ["4.jpg", "3.jpg"]
    face.add(photos, ["new.jpg"])
    second = face.get("/assets", dataset="photos", limit=2, cursor=first["next"]).json()
    assert [each["name"] for each in second["assets"]] == ["2.jpg", "1.jpg"]
    last = face.get("/assets", dataset="photos", limit=2, cursor=second["next"]).json()
    assert [each["name"] for each in last["assets"]] == ["0.jpg"]
    assert last["next"] is None


def test_assets_are_filtered(face: "Face") -> None:
    photos = face.add(face.a_dataset(names=["a.jpg", "b.png"]), ["c.jpg"], folder="/sub")
    face.operate("update", selection={"ids": photos.ids[:1]}, changes={"status": "review"})
    face.operate("archive", selection={"ids": photos.ids[1:2]})

    def names(**query: object) -> list[str]:
        return sorted(
            each["name"] for each in face.get("/assets", dataset="photos", **query).json()["assets"]
        )

    assert names() == ["a.jpg", "c.jpg"]
    assert names(folder="/") == ["a.jpg"]
    assert names(folder="/", recursive="true") == ["a.jpg", "c.jpg"]
    assert names(folder="sub/") == ["c.jpg"]
    assert names(status="review") == ["a.jpg"]
    assert names(status="", kind="image") == ["a.jpg", "c.jpg"]
    assert names(name="a*") == ["a.jpg"]
    assert names(archived="true") == ["b.png"]
    assert names(archived="all") == ["a.jpg", "b.png", "c.jpg"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "dataset"),
        ({"dataset": "photos", "limit": 0}, "limit"),
        ({"dataset": "photos", "limit": 1001}, "limit"),
        ({"dataset": "photos", "limit": "x"}, "limit"),
        ({"dataset": "photos", "cursor": "!"}, "cursor"),
        ({"dataset": "photos", "cursor": "YWJj"}, "cursor"),
        ({"dataset": "photos", "archived": "maybe"}, "archived"),
        ({"dataset": "photos", "stauts": "new"}, "stauts"),
        ({"dataset": "photos", "folder": "/../x"}, "/../x"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(face: "Face", query: dict[str, object], named: str) -> None:
    face.a_dataset()
    answer = face.get("/assets", **query)
    assert answer.status_code == 422
    assert named in answer.json()["error"]["message"]


def test_an_asset_tells_what_it_is_and_where_its_bytes_are(face: "Face") -> None:
    photos = face.add(face.a_dataset(), ["é und ü.jpg"], folder="/cars", content=b"these bytes")
    asset = face.get(f"/assets/{photos.ids[0]}").json()
    told = {key: value for key, value in asset.items() if not key.endswith(("_at", "url"))}
    assert told == {
        "id": photos.ids[0],
        "dataset_id": photos.id,
        "folder": "/cars",
        "name": "é und ü.jpg",
        "original_name": "é und ü.jpg",
        "display_name": None,
        "kind": "image",
        "status": "new",
        "split": None,
        "content_type": "image/jpeg",
        "size": 11,
        "width": 4,
        "height": 3,
        "annotation_count": 0,
        "tags": [],
        "version": 1,
    }
    assert asset["archived_at"] is None
    assert abs(_moment(asset["created_at"]) - face.services.now()) < clock.HOUR
    assert face.raw("GET", asset["url"]).content == b"these bytes"
    assert urlsplit(asset["url"]).netloc == urlsplit(asset["thumbnail_url"]).netloc == "library.example"
    assert face.raw("GET", asset["url"].replace("signature=", "signature=x")).status_code == 403
    assert asset in face.get("/assets", dataset=photos.id, recursive=True).json()["assets"]


def _moment(text: str) -> int:
    from datetime import datetime

    return clock.from_datetime(datetime.fromisoformat(text))


def test_what_is_another_organizations_does_not_exist(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    stranger = face.a_tenant()
    for path in (
        "/datasets/photos",
        f"/datasets/{photos.id}",
        f"/datasets/{photos.id}/folders",
        f"/assets?dataset={photos.id}",
        f"/assets/{photos.ids[0]}",
        "/assets/nonsense",
    ):
        answer = face.ask("GET", path, of=stranger)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert face.ask("GET", "/datasets", of=stranger).json()["datasets"] == []
    assert face.ask("POST", "/datasets", of=stranger, json={"name": "photos"}).status_code == 201


def test_a_cursor_of_another_organization_shows_nothing_of_it(face: "Face") -> None:
    face.a_dataset(names=["a.jpg", "b.jpg"])
    cursor = face.get("/assets", dataset="photos", limit=1).json()["next"]
    stranger = face.a_tenant()
    face.a_dataset("theirs", ["x.jpg"], of=stranger)
    seen = face.ask("GET", f"/assets?dataset=theirs&cursor={cursor}", of=stranger).json()["assets"]
    assert "a.jpg" not in [each["name"] for each in seen]
