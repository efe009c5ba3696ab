"""Insights, near duplicates, storage, and search, as clients of either generation see them."""

import io
import random
import uuid
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from stackroom.app import _take_fingerprints
from stackroom.database.schema import blob
from stackroom.database.transaction import Connection

from .house import House

UNKNOWN = "0c9d8e7f-1111-4222-8333-444455556666"
SQUARE = {"x": 1, "y": 1, "w": 2, "h": 2}
STATES = ("storage_class", "storage_state", "cold_since", "cold_bytes", "cold_image_count", "storage_job_id")


def a_scene(seed: int, kind: str = "png", size: tuple[int, int] = (160, 120)) -> bytes:
    """A picture whose likes are told apart from others: large blots of grey, blown up from a few pixels."""
    chance = random.Random(seed)
    few = Image.frombytes("L", (6, 6), bytes(chance.randrange(256) for _ in range(36)))
    file = io.BytesIO()
    few.resize(size, Image.Resampling.BICUBIC).convert("RGB").save(file, kind)
    return file.getvalue()


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code, error
    return error


@pytest.fixture(scope="module")
def gallery(house: House) -> dict[str, Any]:
    """A dataset with a picture, the same as a smaller JPEG, another picture, and the first one in a folder."""
    dataset = house.a_dataset()
    images = {
        "a.png": house.an_image(dataset, "a.png", content=a_scene(1)),
        "a.jpg": house.an_image(dataset, "a.jpg", content=a_scene(1, "jpeg", (80, 60)), kind="image/jpeg"),
        "b.png": house.an_image(dataset, "b.png", content=a_scene(2)),
        "far.png": house.an_image(dataset, "far.png", content=a_scene(1), folder="/far"),
    }
    return {**dataset, "images": {name: image["id"] for name, image in images.items()}}


def addresses(dataset: dict[str, Any], what: str) -> list[str]:
    name = dataset["name"]
    return [
        f"/datasets/{name}/{what}",
        f"/datasets/{dataset['id']}/{what}",
        f"/datasets/by-name/{name}/{what}",
    ]


# Insights


def test_insights_are_given_bare_and_as_data(house: House, gallery: dict[str, Any]) -> None:
    for address in addresses(gallery, "insights"):
        shown = house.get(address).json()
        data = shown.pop("data")
        assert shown == data
    assert (data["total_images"], data["annotated_images"], data["unannotated_images"]) == (4, 0, 4)
    assert data["status_counts"] == {"new": 4, "annotate": 0, "review": 0, "complete": 0}
    assert list(data["annotation_density"]) == ["0", "1-2", "3-5", "6-10", "11-20", "21-50", "51+"]
    assert data["dimensions"]["sizes"] == [{"w": 160, "h": 120, "count": 3}, {"w": 80, "h": 60, "count": 1}]
    assert data["dimensions"]["orientation"] == {"landscape": 4, "portrait": 0, "square": 0}
    assert (data["dimensions"]["min_width"], data["dimensions"]["avg_height"]) == (80, 105)
    assert data["model_confidence"] is None


def test_annotations_count_by_class_and_type(house: House) -> None:
    dataset = house.a_dataset()
    image, other = (house.an_image(dataset, name)["id"] for name in ("a.png", "b.png"))
    boxes = [{"id": str(n), "type": "bbox", "name": "crane", "bounding_box": SQUARE} for n in range(3)]
    boxes[0]["confidence"] = 0.4
    house.post(f"/annotations/{image}", {"annotations": boxes})
    shown = house.get(f"/datasets/{dataset['id']}/insights").json()
    assert (shown["class_annotation_counts"], shown["class_image_counts"]) == ({"crane": 3}, {"crane": 1})
    assert shown["type_counts"] == {"bbox": 3}
    assert (shown["total_annotations"], shown["avg_annotations_per_image"]) == (3, 1.5)
    assert shown["annotation_density"] == {
        "0": 1, "1-2": 0, "3-5": 1, "6-10": 0, "11-20": 0, "21-50": 0, "51+": 0,
    }  # fmt: skip  # one row reads better
    assert shown["model_confidence"] == {
        "flagged": 1,
        "lowest": 0.4,
        "avg_flagged": 0.4,
        "buckets": {"lt50": 1, "b50_70": 0, "b70_90": 0, "b90_100": 0},
    }
    house.ask("DELETE", f"/images/{image}")
    assert house.get(f"/datasets/{dataset['id']}/insights").json()["class_annotation_counts"] == {}
    house.ask("DELETE", f"/images/{other}")
    assert house.get(f"/datasets/{dataset['id']}/insights").json()["avg_annotations_per_image"] == 0.0


@pytest.mark.parametrize("name", ["insights", "duplicates", "storage"])
def test_a_dataset_may_be_named_like_an_address(house: House, name: str) -> None:
    house.post("/projects", {"name": name})
    assert house.get(f"/datasets/by-name/{name}").json()["dataset"]["name"] == name
    assert house.get(f"/datasets/by-name/{name}/insights").json()["total_images"] == 0


# Near duplicates


def test_near_duplicates_are_grouped_oldest_first(house: House, gallery: dict[str, Any]) -> None:
    for address in addresses(gallery, "duplicates"):
        shown = house.get(address).json()
        data = shown.pop("data")
        assert shown == data
    [group] = shown["groups"]
    assert [each["filename"] for each in group["members"]] == ["a.png", "a.jpg", "far.png"]
    assert {each["virtual_folder_path"] for each in group["members"]} == {"/", "/far"}
    assert all(each["virtual_folder_path"] == each["virtual_directory_path"] for each in group["members"])
    assert (group["size"], group["max_similarity"]) == (3, 1.0)
    assert (shown["group_count"], shown["duplicate_image_count"], shown["redundant_count"]) == (1, 3, 2)
    assert (shown["analyzed"], shown["total_images"], shown["sample_limit"]) == (4, 4, 1000)
    assert (shown["sample_capped"], shown["pairs_capped"], shown["threshold"]) == (False, False, 0.92)
    assert shown["folder_path"] is shown["directory_path"] is None


@pytest.mark.parametrize("word", ["folder_path", "directory_path"])
def test_near_duplicates_of_a_folder(house: House, gallery: dict[str, Any], word: str) -> None:
    address = f"/datasets/{gallery['id']}/duplicates"
    shown = house.get(address, params={word: "far/"}).json()
    assert (shown["groups"], shown["total_images"]) == ([], 1)
    assert shown["folder_path"] == shown["directory_path"] == "/far"
    assert house.get(address, params={word: "/"}).json()["duplicate_image_count"] == 2


def test_a_sample_beyond_the_limit_is_the_limit_and_the_answer_says_so(
    house: House, gallery: dict[str, Any]
) -> None:
    address = f"/datasets/{gallery['id']}/duplicates"
    assert house.get(address, params={"sample": 5000}).json()["sample_limit"] == 2000
    shown = house.get(address, params={"sample": 2}).json()
    assert (shown["analyzed"], shown["sample_capped"], shown["groups"]) == (2, True, [])
    assert house.get(address, params={"max_pairs": 1}).json()["pairs_capped"]


@pytest.mark.parametrize(
    "query",
    [
        {"threshold": "0.49"},
        {"threshold": "1"},
        {"threshold": "nan"},
        {"threshold": "high"},
        {"sample": "0"},
        {"sample": "-1"},
        {"sample": "9" * 30},
        {"sample": "1.5"},
        {"neighbors": "0"},
        {"neighbors": "101"},
        {"max_pairs": "0"},
        {"max_pairs": "10001"},
        {"folder_path": "/a/../b"},
        {"folder_path": "a\x00b"},
    ],
    ids=str,
)
def test_near_duplicates_of_a_bad_query_are_refused(
    house: House, gallery: dict[str, Any], query: dict[str, str]
) -> None:
    answer = house.get(f"/datasets/{gallery['id']}/duplicates", params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["details"]["errors"]


# Storage


def test_everything_is_in_standard_storage(house: House, gallery: dict[str, Any]) -> None:
    for address in addresses(gallery, "storage"):
        shown = house.get(address).json()
        data = shown.pop("data")
        assert shown == data
    assert [shown[name] for name in STATES] == ["standard", "idle", None, 0, 0, None]
    assert shown["restore_estimate"] is None


def test_freezing_is_refused_and_restoring_is_done_at_once(house: House, gallery: dict[str, Any]) -> None:
    for address in addresses(gallery, "storage"):
        refused(house.post(f"{address}/freeze"), 409, "storage_fixed")
        shown = house.post(f"{address}/restore").json()
        data = shown.pop("data")
        assert shown == data
        assert (shown["storage_state"], shown["job_id"], shown["success"]) == ("idle", gallery["id"], True)
        assert (shown["quoted_micro_usd"], shown["charged_micro_usd"]) == (0, 0)


@pytest.mark.parametrize("verb", ["freeze", "restore"])
def test_only_an_admin_asks_for_other_storage(house: House, gallery: dict[str, Any], verb: str) -> None:
    address = f"/datasets/{gallery['id']}/storage/{verb}"
    refused(house.post(address, role="member"), 403, "forbidden")
    refused(house.post(f"/datasets/{UNKNOWN}/storage/{verb}", role="admin"), 404, "not_found")
    assert house.get(address).status_code == 405


# Likeness


def similar(house: House, image: str, **query: Any) -> dict[str, Any]:
    shown = house.get("/search/similar", params={"image_id": image, **query})
    assert shown.status_code == 200, shown.text
    body: dict[str, Any] = shown.json()
    return body


def test_what_looks_like_an_image_is_found_in_its_folder(house: House, gallery: dict[str, Any]) -> None:
    ids = gallery["images"]
    shown = similar(house, ids["a.png"], threshold=0.9)
    [found] = shown["results"]
    assert set(found) == {
        "id", "filename", "virtual_folder_path", "virtual_directory_path", "status", "annotation_count",
        "image_auto_tags", "similarity",
    }  # fmt: skip  # a list of words
    assert (found["id"], found["filename"], found["virtual_directory_path"]) == (ids["a.jpg"], "a.jpg", "/")
    assert 0.92 <= found["similarity"] <= 1
    assert (shown["count"], shown["threshold"], shown["query_image_id"]) == (1, 0.9, ids["a.png"])
    assert shown["analyzed"] == 2


def test_what_looks_like_an_image_is_found_in_another_folder(house: House, gallery: dict[str, Any]) -> None:
    ids = gallery["images"]
    for word in ("folder_path", "directory_path"):
        assert [it["id"] for it in similar(house, ids["a.jpg"], **{word: "/far"})["results"]] == [
            ids["far.png"]
        ]
    everything = similar(house, ids["far.png"], folder_path="/", threshold=0)["results"]
    assert [it["filename"] for it in everything] == ["a.png", "a.jpg", "b.png"]
    assert everything[0]["similarity"] == 1.0
    assert len(similar(house, ids["far.png"], folder_path="/", threshold=0, limit=1)["results"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"threshold": "-0.1"},
        {"threshold": "1.1"},
        {"threshold": "nan"},
        {"limit": "0"},
        {"limit": "501"},
        {"folder_path": "../x"},
        {"folder_path": "a\nb"},
    ],
    ids=str,
)
def test_a_bad_query_for_likeness_is_refused(
    house: House, gallery: dict[str, Any], query: dict[str, str]
) -> None:
    about = {"image_id": gallery["images"]["a.png"]} if query else {}
    answer = house.get("/search/similar", params={**about, **query})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["details"]["errors"]


@pytest.mark.parametrize("image", [UNKNOWN, "nope", ""])
def test_nothing_looks_like_an_image_that_is_not_there(house: House, image: str) -> None:
    refused(house.get("/search/similar", params={"image_id": image}), 404, "not_found")


# Tags


@pytest.fixture(scope="module")
def tagged(house: House) -> dict[str, Any]:
    """Three images: night; night and rain; and in another dataset night."""
    dataset, other = house.a_dataset(), house.a_dataset()
    names = [house.an_image(dataset, name)["id"] for name in ("a.png", "b.png")]
    far = house.an_image(other, "c.png")["id"]
    word = f"night {uuid.uuid4().hex}"
    for owner, ids, tags in (
        (dataset, names, [word]),
        (dataset, names[1:], ["rain"]),
        (other, [far], [word]),
    ):
        body = {"dataset_id": owner["id"], "image_ids": ids, "tags": tags, "add": True}
        assert house.post("/images/bulk-tag", body).status_code == 200
    return {**dataset, "other": other, "night": word}


def by_tags(house: House, **query: Any) -> dict[str, Any]:
    shown = house.get("/search/by-tags", params=query)
    assert shown.status_code == 200, shown.text
    body: dict[str, Any] = shown.json()
    return body


def test_images_are_found_by_their_tags_in_all_datasets_or_in_one(
    house: House, tagged: dict[str, Any]
) -> None:
    shown = by_tags(house, objects=tagged["night"])
    assert [it["filename"] for it in shown["results"]] == ["c.png", "b.png", "a.png"]
    assert [it["dataset_id"] for it in shown["results"]] == [it["project_id"] for it in shown["results"]]
    assert [it["dataset_id"] for it in shown["results"]] == [
        tagged["other"]["id"],
        tagged["id"],
        tagged["id"],
    ]
    assert shown["results"][1]["image_auto_tags"] == {"objects": [tagged["night"], "rain"]}
    assert (shown["count"], shown["limit"], shown["offset"], shown["has_more"]) == (3, 50, 0, False)
    for word in ("dataset_name", "dataset_id", "dataset"):
        for value in (tagged["name"], tagged["id"]):
            found = by_tags(house, scenes=tagged["night"], **{word: value})
            assert [it["filename"] for it in found["results"]] == ["b.png", "a.png"]


def test_all_tags_of_all_kinds_must_be_there(house: House, tagged: dict[str, Any]) -> None:
    night = tagged["night"]
    both = [
        {"objects": [night, "rain"]},
        {"objects": night, "scenes": "rain"},
        {"attributes": ["rain", night]},
    ]
    for query in both:
        assert [it["filename"] for it in by_tags(house, **query)["results"]] == ["b.png"]
    assert by_tags(house, objects=[night, "snow"])["results"] == []


def test_pages_of_tagged_images_follow_one_another(house: House, tagged: dict[str, Any]) -> None:
    pages = [by_tags(house, objects=tagged["night"], limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[it["filename"] for it in page["results"]] for page in pages] == [
        ["c.png", "b.png"],
        ["a.png"],
        [],
    ]
    assert [page["has_more"] for page in pages] == [True, False, False]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "validation_error"),
        ({"dataset_name": "x"}, "validation_error"),
        ({"objects": ""}, "invalid_tag"),
        ({"objects": "x" * 101}, "invalid_tag"),
        ({"objects": ["a\x00b", "ok"]}, "invalid_tag"),
        ({"objects": ["ok", "a\x00b"]}, "control_character"),
        ({"objects": [f"tag {n}" for n in range(101)]}, "too_many_tags"),
        ({"objects": "x", "limit": "501"}, "validation_error"),
        ({"objects": "x", "limit": "0"}, "validation_error"),
        ({"objects": "x", "offset": "-1"}, "validation_error"),
    ],
    ids=str,
)
def test_a_bad_query_for_tags_is_refused(house: House, query: dict[str, Any], code: str) -> None:
    error = refused(house.get("/search/by-tags", params=query), 422, code)
    assert error["details"]["errors"]


@pytest.mark.parametrize("name", ["nope", UNKNOWN, ""])
def test_tags_of_an_unknown_dataset_are_not_found(house: House, name: str) -> None:
    refused(house.get("/search/by-tags", params={"objects": "x", "dataset_name": name}), 404, "not_found")


# Whose it is


def test_nobody_sees_what_is_anothers(house: House, gallery: dict[str, Any], tagged: dict[str, Any]) -> None:
    for what in ("insights", "duplicates", "storage"):
        for address in addresses(gallery, what):
            refused(house.get(address, role="stranger"), 404, "not_found")
            refused(house.get(address, role=None), 401, "unauthorized")
            assert house.get(address, role="viewer").status_code == 200
    about = {"image_id": gallery["images"]["a.png"]}
    refused(house.get("/search/similar", params=about, role="stranger"), 404, "not_found")
    assert house.get("/search/similar", params=about, role="viewer").status_code == 200
    shown = house.get("/search/by-tags", params={"objects": tagged["night"]}, role="stranger")
    assert shown.json()["results"] == []


# Images from before there were fingerprints


def test_what_came_in_earlier_gets_its_fingerprint_beside_the_server(house: House) -> None:
    dataset = house.a_dataset()
    images = [house.an_image(dataset, f"{n}.png", content=a_scene(n + 20))["id"] for n in range(3)]
    lost = house.an_image(dataset, "lost.png", content=a_scene(30))["id"]
    broken = house.an_image(dataset, "broken.png", content=a_scene(31))["id"]

    def prints(conn: Connection) -> dict[int, bytes | None]:
        return {it.id: it.fingerprint for it in conn.execute(select(blob.c.id, blob.c.fingerprint))}

    before = house.read(prints)
    assert None not in before.values()
    keys = house.read(
        lambda conn: {it.id: it.storage_key for it in conn.execute(select(blob.c.id, blob.c.storage_key))}
    )
    of_lost, of_broken = sorted(keys)[-2:]
    store = house.services.store
    store.delete([keys[of_lost]])
    with store.open_local(keys[of_broken]) as path:
        path.chmod(0o600)
        path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    house.write(lambda conn: conn.execute(update(blob).values(fingerprint=None)))
    assert similar(house, images[0])["analyzed"] == 0
    house.do(_take_fingerprints(house.services))
    assert house.read(prints) == {**before, of_lost: None, of_broken: b""}
    assert similar(house, images[0])["analyzed"] == 2
    for image in (lost, broken):
        assert similar(house, image)["results"] == []
        house.ask("DELETE", f"/images/{image}?permanent=true")
