"""Exports over the wire: what both generations of the client find, what is refused, and what is in the zip."""

import csv
import io
import json
import uuid
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from sqlalchemy import select

from stackroom import Client, clock
from stackroom.database.schema import event
from stackroom.testing.processes import wait_until

from .house import House, a_picture

BOX = {
    "id": "a",
    "name": "big car",
    "type": "bbox",
    "bounding_box": {"x": 20.0, "y": 2.0, "w": 40.0, "h": 4.0},
}
RING = [{"x": 0.0, "y": 0.0}, {"x": 100.0, "y": 0.0}, {"x": 100.0, "y": 8.0}, {"x": 0.0, "y": 8.0}]
HOLE = [{"x": 10.0, "y": 2.0}, {"x": 20.0, "y": 2.0}, {"x": 20.0, "y": 6.0}]
POLYGON = {"id": "b", "name": "dog", "type": "polygon", "polygon": {"paths": [RING, HOLE]}}
POINT = {"id": "c", "name": "dog", "type": "keypoint", "keypoint": {"x": 3.0, "y": 4.0}, "instance_id": 2}
LINE = {
    "id": "d",
    "name": "dog",
    "type": "polyline",
    "polyline": {"path": [{"x": 0.0, "y": 0.0}, {"x": 5.0, "y": 5.0}]},
}
RICH = {**BOX, "id": "e", "confidence": 0.5, "attributes": {"wet": True}, "created_by": "ada"}


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    """Two folders with images of one name, one of them annotated with everything, and an image of each split."""
    made = house.a_dataset(classes=[{"name": "dog"}, {"name": "big car"}])
    for name, folder in (("1.png", "/"), ("1.png", "/cars/red"), ("2.png", "/cars/red")):
        house.an_image(made, name, folder=folder)
    ids = {each["folder_path"] + each["filename"]: each["id"] for each in images(house, made)}
    saved = house.post(
        f"/annotations/{ids['/cars/red1.png']}", {"annotations": [BOX, POLYGON, POINT, LINE, RICH]}
    )
    assert saved.status_code == 200, saved.text
    house.post(f"/annotations/{ids['/1.png']}", {"annotations": [BOX]})
    for place, split in (("/1.png", "train"), ("/cars/red1.png", "val")):
        assert house.post(f"/images/{ids[place]}/split", {"split": split}).status_code == 200
    return made


def images(house: House, dataset: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.get("/images", params={"dataset_id": dataset["id"]}).json()["images"]
    return found


def create(house: House, dataset: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    body = {"dataset_name": dataset["name"], "name": uuid.uuid4().hex[:12], **wanted}
    made = house.post("/exports/", body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()["export"]
    return found


def over(house: House, made: dict[str, Any]) -> dict[str, Any]:
    """The export when nothing will change any more."""

    def seen() -> dict[str, Any]:
        found: dict[str, Any] = house.get(f"/exports/{made['id']}").json()["data"]
        return found

    assert wait_until(lambda: seen()["status"] in {"completed", "failed"}, seconds=20)
    return seen()


def zipped(house: House, dataset: dict[str, Any], **wanted: Any) -> dict[str, bytes]:
    """The files of an export of this kind."""
    made = over(house, create(house, dataset, **wanted))
    assert made["status"] == "completed", made
    with zipfile.ZipFile(io.BytesIO(house.http.get(made["download_url"]).content)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


# The resource


def test_both_generations_find_the_export_where_they_look(house: House, dataset: dict[str, Any]) -> None:
    made = create(house, dataset, include_images=True, class_filter=["dog", "dog"], status_filter="new")
    assert (made["status"], made["image_count"], made["download_url"]) == ("pending", None, None)
    done = over(house, made)
    name, of = made["name"], dataset["name"]
    for address in (f"/exports/{of}/{name}", f"/exports/{name}?dataset={of}", f"/exports/{made['id']}"):
        answer = house.get(address).json()
        assert answer["export"] == answer["data"] == done, address
    assert (done["project_id"], done["dataset_id"], done["dataset_name"]) == (
        dataset["id"],
        dataset["id"],
        of,
    )
    assert (done["class_filter"], done["status_filter"], done["format"]) == (["dog"], "new", "pictograph")
    assert (done["status"], done["image_count"], done["annotation_count"]) == ("completed", 3, 3)
    for address in (
        f"/exports/{of}/{name}/download",
        f"/exports/{name}/download?dataset={of}",
        f"/exports/{made['id']}/download",
    ):
        answer = house.get(address).json()
        assert answer["download_url"] == answer["data"]["download_url"] == done["download_url"]


def test_a_list_is_of_all_or_of_one_newest_first(house: House) -> None:
    one, other = house.a_dataset(), house.a_dataset()
    first, second = create(house, one), create(house, one)
    create(house, other)
    over(house, second)
    listed = house.get("/exports/", params={"dataset_name": one["name"]}).json()
    assert [each["id"] for each in listed["exports"]] == [second["id"], first["id"]]
    assert listed["data"] == listed["exports"]
    page = house.get("/exports", params={"dataset_name": one["name"], "limit": 1, "offset": 1}).json()
    assert [each["id"] for each in page["data"]] == [first["id"]]
    assert page["pagination"] == {"limit": 1, "offset": 1, "total": 2, "has_more": False}
    none = house.get("/exports", params={"dataset_name": one["name"], "status": "failed"}).json()
    assert none["pagination"]["total"] == 0


def test_the_file_needs_no_key_and_has_ranges(house: House, dataset: dict[str, Any]) -> None:
    made = over(house, create(house, dataset, name=f"für dich {uuid.uuid4().hex[:6]}", include_images=True))
    whole = house.http.get(made["download_url"])
    assert whole.status_code == 200
    assert int(whole.headers["content-length"]) == made["file_size"] == len(whole.content)
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"].startswith("attachment; filename*=UTF-8''f%C3%BCr%20dich")
    rest = house.http.get(
        made["download_url"], headers={"Range": "bytes=10-", "If-Range": whole.headers["etag"]}
    )
    assert (rest.status_code, rest.content) == (206, whole.content[10:])
    changed = house.http.get(made["download_url"].replace("signature=", "signature=x"))
    assert changed.json()["error"]["code"] == "invalid_signature"


def test_a_deleted_export_is_gone_with_its_file(house: House, dataset: dict[str, Any]) -> None:
    for address in ("/exports/{dataset}/{name}", "/exports/{name}?dataset={dataset}", "/exports/{id}"):
        made = over(house, create(house, dataset))
        where = address.format(dataset=dataset["name"], name=made["name"], id=made["id"])
        assert house.ask("DELETE", where, role="member").status_code == 403
        assert house.ask("DELETE", where).status_code == 200
        assert house.get(f"/exports/{made['id']}").status_code == 404
        assert house.http.get(made["download_url"]).status_code == 404
    assert wait_until(lambda: stored(house, "exports") == kept_keys(house), seconds=5)


def test_many_are_deleted_and_what_is_not_there_is_named(house: House, dataset: dict[str, Any]) -> None:
    made = [create(house, dataset)["id"] for _ in range(3)]
    nobodys = str(uuid.uuid4())
    answer = house.post("/exports/bulk-delete", {"export_ids": [*made, made[0], nobodys, "nope"]}).json()
    assert answer["succeeded"] == answer["deleted"] == answer["data"]["succeeded"] == made
    assert (answer["not_found"], answer["count"]) == ([nobodys, "nope"], 3)


def test_an_expired_export_is_removed_with_its_file(house: House) -> None:
    made = over(house, create(house, house.a_dataset()))
    house.put_forward += 31 * clock.DAY
    try:
        house.services.exporter.wake()
        assert house.http.get(made["download_url"]).json()["error"]["code"] in {"url_expired", "not_found"}
        assert wait_until(lambda: house.get(f"/exports/{made['id']}").status_code == 404, seconds=10)
        assert wait_until(lambda: stored(house, "exports") == kept_keys(house), seconds=10)
    finally:
        house.put_forward = 0


def test_a_removed_dataset_takes_its_exports_and_their_files_along(house: House) -> None:
    made = house.a_dataset()
    house.an_image(made)
    done = over(house, create(house, made, include_images=True))
    assert house.ask("DELETE", f"/datasets/{made['name']}").status_code == 200
    assert house.get(f"/exports/{done['id']}").status_code == 404
    assert house.http.get(done["download_url"]).status_code == 404
    assert wait_until(lambda: stored(house, "exports") == kept_keys(house), seconds=5)


def test_a_repeated_request_makes_one_export(house: House, dataset: dict[str, Any]) -> None:
    body = {"dataset_name": dataset["name"], "name": uuid.uuid4().hex[:12]}
    first, again = (
        house.post("/exports/", body, headers={"Idempotency-Key": body["name"]}) for _ in range(2)
    )
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_every_change_is_an_event(house: House) -> None:
    made = over(house, create(house, house.a_dataset()))
    house.ask("DELETE", f"/exports/{made['id']}")
    query = select(event.c.type, event.c.data).where(event.c.type.like("export.%")).order_by(event.c.id)
    rows = house.read(lambda conn: conn.execute(query).all())
    mine = [row.type for row in rows if json.loads(row.data)["export_id"] == made["id"]]
    assert mine == ["export.created", "export.finished", "export.deleted"]


def test_an_export_called_download_is_found_by_older_clients(house: House) -> None:
    made = create(house, house.a_dataset(), name="download")
    of = made["dataset_name"]
    assert house.get(f"/exports/{of}/download").json()["export"]["id"] == made["id"]
    over(house, made)
    for address in (f"/exports/{of}/download/download", f"/exports/download/download?dataset={of}"):
        assert "download_url" in house.get(address).json()
    assert house.ask("DELETE", f"/exports/{of}/download").status_code == 200


def stored(house: House, kind: str) -> set[str]:
    return {each.key for each in house.services.store.objects(kind + "/")}


def kept_keys(house: House) -> set[str]:
    from stackroom.database.schema import dataset_export

    key = dataset_export.c.storage_key
    return house.read(lambda conn: set(conn.scalars(select(key).where(key.is_not(None)))))


# What is refused


def refused(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert code in {None, error["code"]}, error
    assert answer.json()["detail"] == error["message"]
    return error


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"name": None}, 422, "validation_error"),
        ({"name": ""}, 422, "invalid_name"),
        ({"name": "a/b"}, 422, "invalid_name"),
        ({"name": "x" * 101}, 422, "invalid_name"),
        ({"name": "a\u0001b"}, 422, "invalid_name"),
        ({"name": "a\u0000b"}, 422, "control_character"),
        ({"name": str(uuid.uuid4())}, 422, "invalid_name"),
        ({"format": "bogus"}, 422, "validation_error"),
        ({"format": 5}, 422, "validation_error"),
        ({"include_images": "yes"}, 422, "validation_error"),
        ({"class_filter": []}, 422, "empty_selection"),
        ({"class_filter": "dog"}, 422, "validation_error"),
        ({"class_filter": [1]}, 422, "validation_error"),
        ({"status_filter": "done"}, 422, "validation_error"),
        ({"organize_by_split": 1}, 422, "validation_error"),
        ({"dataset_name": None}, 422, "validation_error"),
        ({"dataset_name": "nowhere"}, 404, "not_found"),
    ],
)
def test_a_request_that_cannot_be_is_refused_and_makes_nothing(
    house: House, dataset: dict[str, Any], wrong: dict[str, Any], status: int, code: str
) -> None:
    before = house.get("/exports").json()["pagination"]["total"]
    refused(house.post("/exports/", {"dataset_name": dataset["name"], "name": "x", **wrong}), status, code)
    assert house.get("/exports").json()["pagination"]["total"] == before


@pytest.mark.parametrize("wanted", ["darwin", "cvat", "datumaro", "labelme", "yolo_obb", "yolo_pose", "dota"])
def test_a_format_that_others_write_says_which_are_offered(
    house: House, dataset: dict[str, Any], wanted: str
) -> None:
    body = {"dataset_name": dataset["name"], "name": "x", "format": wanted}
    error = refused(house.post("/exports/", body), 501, "not_offered")
    assert "pascal_voc" in error["message"]


def test_a_taken_name_is_a_conflict(house: House, dataset: dict[str, Any]) -> None:
    made = create(house, dataset)
    again = {"dataset_name": dataset["name"], "name": made["name"], "format": "coco"}
    refused(house.post("/exports/", again), 409, "conflict")


def test_there_is_no_file_before_there_is_one(
    house: House, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.services.exporter, "wake", lambda: None)
    monkeypatch.setattr("stackroom.exports.claims.claim", lambda *_, **__: None)
    made = create(house, dataset)
    refused(house.get(f"/exports/{made['id']}/download"), 409, "export_not_ready")
    assert house.get(f"/exports/{made['id']}").json()["data"]["download_url"] is None
    assert house.ask("DELETE", f"/exports/{made['id']}").status_code == 200


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/exports/{id}"),
        ("GET", "/exports/{id}/download"),
        ("DELETE", "/exports/{id}"),
        ("GET", "/exports/{dataset}/{name}"),
        ("GET", "/exports/{name}?dataset={dataset}"),
        ("GET", "/exports?dataset_name={dataset}"),
        ("GET", "/exports/{dataset}/nope"),
        ("GET", "/exports/nope?dataset={dataset}"),
        ("DELETE", "/exports/nope?dataset={dataset}"),
        ("GET", "/exports/{dataset}/{name}/download"),
        ("DELETE", "/exports/{dataset}/{name}"),
    ],
)
def test_a_strangers_and_an_unknown_export_are_not_there(
    house: House, dataset: dict[str, Any], method: str, address: str
) -> None:
    made = create(house, dataset)
    where = address.format(id=made["id"], dataset=dataset["name"], name=made["name"])
    refused(house.ask(method, where, role="stranger"), 404, "not_found")
    assert house.get(f"/exports/{made['id']}").status_code == 200


def test_roles_come_before_everything_else(house: House) -> None:
    refused(house.post("/exports/", {"nonsense": 1}, role="viewer"), 403)
    refused(house.post("/exports/bulk-delete", {}, role="member"), 403)
    refused(house.ask("DELETE", "/exports/nowhere/nothing", role="member"), 403)
    refused(house.post("/exports/", {}, role=None), 401)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"export_ids": []}, "empty_selection"),
        ({"export_ids": ["x"] * 1001}, "too_many_ids"),
        ({"export_ids": "x"}, "validation_error"),
        ({"export_ids": [None]}, "validation_error"),
        ({}, "validation_error"),
    ],
)
def test_a_bulk_deletion_of_nothing_or_too_much_is_refused(
    house: House, body: dict[str, Any], code: str
) -> None:
    refused(house.post("/exports/bulk-delete", body), 422, code)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "status=done", "limit=x"])
def test_a_listing_that_cannot_be_is_refused(house: House, query: str) -> None:
    refused(house.get(f"/exports?{query}"), 422, "validation_error")


def test_a_name_without_its_dataset_is_not_enough(house: House) -> None:
    refused(house.get("/exports/nightly"), 422)


# What is in the zip


def test_the_native_format_holds_everything(house: House, dataset: dict[str, Any]) -> None:
    files = zipped(house, dataset, include_images=True)
    document = json.loads(files["dataset.json"])
    assert (document["format"], document["version"]) == ("pictograph", 1)
    assert document["dataset"]["id"] == dataset["id"]
    assert [each["name"] for each in document["dataset"]["classes"]] == ["dog", "big car"]
    by_id = {each["id"]: each for each in images(house, dataset)}
    for each in document["images"]:
        wire = by_id[each["id"]]
        assert (each["filename"], each["folder"], each["status"]) == (
            wire["filename"],
            wire["folder_path"],
            wire["status"],
        )
        assert (each["split"], each["tags"], each["width"]) == (wire["split"], wire["tags"], wire["width"])
        assert files[each["file"]] == house.get(f"/images/{each['id']}").content
        stored_marks = house.get(f"/annotations/{each['id']}").json()["annotations"]
        assert each["annotations"] == stored_marks
    assert len(document["images"]) == 3


def test_a_coco_file_keeps_to_the_format(house: House, dataset: dict[str, Any]) -> None:
    document = json.loads(zipped(house, dataset, format="coco")["annotations/instances.json"])
    check_coco(document)
    assert [(each["id"], each["name"]) for each in document["categories"]] == [(1, "dog"), (2, "big car")]
    assert [each["file_name"] for each in document["images"]] == ["1.png", "cars/red/1.png", "cars/red/2.png"]
    found = {each["uuid"]: each for each in document["annotations"] if each["image_id"] == 2}
    assert found["a"]["bbox"] == [20.0, 2.0, 40.0, 4.0]
    assert (found["a"]["area"], found["a"]["segmentation"]) == (160.0, [])
    assert [len(ring) for ring in found["b"]["segmentation"]] == [8, 6]
    assert found["b"]["area"] == 800.0 - 20.0
    assert (found["c"]["keypoints"], found["c"]["num_keypoints"]) == ([3.0, 4.0, 2], 1)
    assert (found["e"]["score"], found["e"]["attributes"]) == (0.5, {"wet": True})
    assert "d" not in found


def check_coco(document: dict[str, Any]) -> None:
    """What the format's own page demands of an instances file."""
    assert document.keys() == {"info", "licenses", "categories", "images", "annotations"}
    for kind in ("categories", "images", "annotations"):
        ids = [each["id"] for each in document[kind]]
        assert len(set(ids)) == len(ids)
        assert all(isinstance(each, int) for each in ids)
    images_, categories = ({each["id"] for each in document[kind]} for kind in ("images", "categories"))
    for image in document["images"]:
        assert isinstance(image["width"], int)
        assert isinstance(image["height"], int)
        assert not image["file_name"].startswith("/")
    for each in document["annotations"]:
        assert each["image_id"] in images_
        assert each["category_id"] in categories
        assert each["iscrowd"] == 0
        assert len(each["bbox"]) == 4
        assert each["area"] >= 0
        assert all(len(ring) >= 6 and len(ring) % 2 == 0 for ring in each["segmentation"])
        assert len(each.get("keypoints", [])) == 3 * each.get("num_keypoints", 0)


def test_what_a_format_cannot_hold_is_listed_with_its_reason(house: House, dataset: dict[str, Any]) -> None:
    for wanted, left in (("coco", ["d"]), ("yolo", ["c", "d"]), ("pascal_voc", ["c", "d"])):
        rows = csv.DictReader(io.StringIO(zipped(house, dataset, format=wanted)["left-out.csv"].decode()))
        assert [(row["image"], row["annotation"]) for row in rows] == [
            ("/cars/red/1.png", id_) for id_ in left
        ]
    assert "left-out.csv" not in zipped(house, dataset)


def test_yolo_labels_are_shares_of_the_image(house: House, dataset: dict[str, Any]) -> None:
    files = zipped(house, dataset, format="yolo", include_images=True)
    assert {name for name in files if name.startswith("labels/")} == {
        "labels/1.txt",
        "labels/cars/red/1.txt",
        "labels/cars/red/2.txt",
    }
    assert {name for name in files if name.startswith("images/")} == {
        name.replace("labels/", "images/").replace(".txt", ".png")
        for name in files
        if name.startswith("labels/")
    }
    assert files["labels/1.txt"] == b"1 0.200000 0.500000 0.200000 0.500000\n"
    assert files["labels/cars/red/2.txt"] == b""
    lines = [line.split() for line in files["labels/cars/red/1.txt"].decode().splitlines()]
    assert [(line[0], len(line)) for line in lines] == [("1", 9), ("0", 9), ("1", 9)]
    assert all(0 <= float(share) <= 1 for line in lines for share in line[1:])
    assert files["classes.txt"] == b"dog\nbig car\n"
    data = files["data.yaml"].decode()
    assert "nc: 2\n" in data
    assert '  1: "big car"\n' in data
    assert "train: images\n" in data


def test_pascal_voc_counts_pixels_from_one(house: House, dataset: dict[str, Any]) -> None:
    files = zipped(house, dataset, format="pascal_voc", include_images=True)
    root = fromstring(files["Annotations/1.xml"])
    assert root.findtext("filename") == "1.png"
    assert [root.findtext(f"size/{it}") for it in ("width", "height", "depth")] == ["200", "8", "3"]
    (found,) = root.findall("object")
    assert found.findtext("name") == "big car"
    edges = [int(found.findtext(f"bndbox/{it}") or "") for it in ("xmin", "ymin", "xmax", "ymax")]
    assert edges == [21, 3, 60, 6]
    assert edges[2] - edges[0] + 1 == 40
    assert "JPEGImages/cars/red/2.png" in files
    assert len(fromstring(files["Annotations/cars/red/1.xml"]).findall("object")) == 3


def test_csv_has_a_row_for_each_annotation_and_each_image_without(
    house: House, dataset: dict[str, Any]
) -> None:
    rows = list(csv.DictReader(io.StringIO(zipped(house, dataset, format="csv")["annotations.csv"].decode())))
    assert [(row["image"], row["annotation_id"]) for row in rows] == [
        ("/1.png", "a"),
        *[("/cars/red/1.png", id_) for id_ in "abcde"],
        ("/cars/red/2.png", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "files"),
    [
        ("pictograph", ["train/dataset.json", "valid/dataset.json"]),
        ("coco", ["train/annotations/instances.json", "valid/annotations/instances.json"]),
        ("yolo", ["train/labels/1.txt", "valid/labels/cars/red/1.txt", "train/labels/cars/red/2.txt"]),
        ("pascal_voc", ["train/Annotations/1.xml", "valid/Annotations/cars/red/1.xml"]),
        ("csv", ["train/annotations.csv", "valid/annotations.csv"]),
    ],
)
def test_each_split_is_complete_in_itself(
    house: House, dataset: dict[str, Any], wanted: str, files: list[str]
) -> None:
    found = zipped(house, dataset, format=wanted, organize_by_split=True, include_images=True)
    assert set(files) <= set(found)
    folder = "JPEGImages" if wanted == "pascal_voc" else "images"
    assert {f"valid/{folder}/cars/red/1.png", f"train/{folder}/cars/red/2.png"} <= set(found)
    if wanted == "coco":
        parts = [json.loads(found[name]) for name in files]
        assert parts[0]["categories"] == parts[1]["categories"]
        for part in parts:
            check_coco(part)
    if wanted == "yolo":
        assert "train: train/images\nval: valid/images\n" in found["data.yaml"].decode()


def test_filters_keep_what_they_name(house: House, dataset: dict[str, Any]) -> None:
    document = json.loads(
        zipped(house, dataset, format="coco", class_filter=["big car"])["annotations/instances.json"]
    )
    assert [each["name"] for each in document["categories"]] == ["big car"]
    assert len(document["images"]) == 3
    assert {each["uuid"] for each in document["annotations"]} == {"a", "e"}
    empty = zipped(house, dataset, status_filter="complete")
    assert json.loads(empty["dataset.json"])["images"] == []


def test_what_is_exported_as_coco_and_imported_is_the_same(
    house: House, dataset: dict[str, Any], tmp_path: Path
) -> None:
    """Into a dataset with the same images, of which one has annotations that the file knows nothing of."""
    (tmp_path / "x.json").write_bytes(zipped(house, dataset, format="coco")["annotations/instances.json"])
    target = house.a_dataset()
    for each in images(house, dataset):
        house.an_image(target, each["filename"], folder=each["folder_path"], content=a_picture())
    with Client(house.keys["member"], base_url=house.url) as client:
        report = client.annotations.import_coco(target["name"], tmp_path / "x.json", create_classes=True)
        assert report.success, report
        assert (report.images_saved, report.annotations_saved) == (2, 5)
        assert report.classes_created == ["big car", "dog"]
        again = client.annotations.import_coco(target["id"], tmp_path / "x.json")
        assert (again.images_saved, again.classes_created) == (2, [])
    assert marks(house, target) == {
        place: [mark for mark in found if mark["type"] != "polyline"]
        for place, found in marks(house, dataset).items()
    }


def marks(house: House, dataset: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for each in images(house, dataset):
        found[f"{each['folder_path']}/{each['filename']}"] = house.get(f"/annotations/{each['id']}").json()[
            "annotations"
        ]
    return found
