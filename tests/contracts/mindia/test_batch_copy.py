"""Copying many in one request. The numbers are those of the protocol's list of cases."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from stackroom import clock, ids
from stackroom.database import schema
from stackroom.testing.processes import wait_until

from .house import NOT_THERE, House, refused, results
from .shelf import Shelf, on_both_databases

SAME = (
    "filename",
    "content_type",
    "file_size",
    "width",
    "height",
    "folder_id",
    "folder_name",
    "store_behavior",
)


def missing(media: str) -> dict[str, Any]:
    return {"source_id": media, "new_id": None, "status": 404, "error": NOT_THERE}


def image(house: House, shelf: Shelf, media: str) -> dict[str, Any]:
    answer = house.get(f"/images/{media}", shelf.a)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def bytes_of(house: House, shelf: Shelf, media: str, kind: str = "images") -> bytes:
    answer = house.get(f"/{kind}/{media}/file", shelf.a)
    assert answer.status_code == 200, answer.text
    return answer.content


@on_both_databases
def test_c42_c43_c44_c45_c49_c50_a_copy_is_the_same_under_a_new_id(house: House, shelf: Shelf) -> None:
    source, deleted, uploaded = shelf.a1, shelf.hd, shelf.hu
    before = image(house, shelf, source)
    touched = select(schema.asset.c.updated_at, schema.asset.c.version).where(
        schema.asset.c.uuid == ids.parse(source)
    )
    row = house.read(lambda conn: tuple(conn.execute(touched).one()))
    (entry,) = results(house.batch_copy([source], shelf.a))
    assert list(entry) == ["source_id", "new_id", "status"]
    assert (entry["source_id"], entry["status"]) == (source, 201)
    new = entry["new_id"]
    assert new != source

    copy = image(house, shelf, new)
    assert {name: copy[name] for name in SAME} == {name: before[name] for name in SAME}
    assert (copy["store_permanently"], copy["expires_at"]) == (True, None)
    assert copy["uploaded_at"] > before["uploaded_at"]
    assert copy["url"] != before["url"]
    assert bytes_of(house, shelf, new) == bytes_of(house, shelf, source)
    ours, theirs = (
        house.get(f"/media/{each}/metadata", shelf.a).json()["metadata"] for each in (new, source)
    )
    assert ours == theirs == {"user": {"k": "v"}, "plugins": {}}

    (told,) = shelf.told(uploaded)
    said = told.json()
    assert (said["hook"]["event"], said["initiator"]["type"]) == ("file.uploaded", "copy")
    assert (said["data"]["id"], said["data"]["entity_type"]) == (new, "image")
    assert (said["data"]["stored_at"], said["data"]["source_id"]) == (said["data"]["uploaded_at"], source)
    assert shelf.told(deleted) == []
    assert image(house, shelf, source) == before
    assert house.read(lambda conn: tuple(conn.execute(touched).one())) == row
    (audited,) = [each for each in house.audit(shelf.a, "file_uploaded") if each["details"]["file_id"] == new]
    assert (audited["details"]["source_id"], audited["details"]["initiator"]) == (source, "copy")


@on_both_databases
def test_c46_what_is_said_of_one_is_not_said_of_the_other(house: House, shelf: Shelf) -> None:
    new = house.copied(shelf.a1, shelf.a)

    def user(media: str) -> Any:
        return house.get(f"/media/{media}/metadata", shelf.a, params={"namespace": "user"}).json()["metadata"]

    assert house.put(f"/media/{new}/metadata/k", "of the copy", shelf.a).status_code == 200
    assert (user(shelf.a1), user(new)) == ({"k": "v"}, {"k": "of the copy"})
    assert house.put(f"/images/{shelf.a1}/metadata", {"metadata": {"n": 1}}, shelf.a).status_code == 200
    assert (user(shelf.a1), user(new)) == ({"n": 1}, {"k": "of the copy"})


@on_both_databases
@pytest.mark.parametrize("which", ["C47 the source", "C48 the copy"])
def test_deleting_one_leaves_the_other_its_bytes(house: House, shelf: Shelf, which: str) -> None:
    new = house.copied(shelf.a1, shelf.a)
    content = bytes_of(house, shelf, new)
    gone, left = (shelf.a1, new) if which.endswith("source") else (new, shelf.a1)
    assert house.delete(f"/media/{gone}", shelf.a).status_code == 204
    house.services.sweep_soon.set()
    assert wait_until(house.services.sweep_soon.is_set, seconds=0.05) in {True, False}
    assert bytes_of(house, shelf, left) == content


@on_both_databases
def test_c51_c52_c72_what_is_not_ours_is_missing(house: House, shelf: Shelf) -> None:
    unknown, hooks = shelf.unknown, [shelf.hu, shelf.hook("file.uploaded", shelf.b)]
    assert shelf.b1
    told = [len(shelf.told(each)) for each in hooks]
    before = house.stored(), house.count(schema.asset)
    answer = house.batch_copy([unknown, shelf.b1], shelf.a)
    assert results(answer) == [missing(unknown), missing(shelf.b1)]
    assert (house.stored(), house.count(schema.asset)) == before
    assert [len(shelf.told(each)) for each in hooks] == told


@on_both_databases
def test_c53_one_that_is_named_twice_is_copied_twice(house: House, shelf: Shelf) -> None:
    entries = results(house.batch_copy([shelf.a1, shelf.unknown, shelf.a1], shelf.a))
    assert [each["status"] for each in entries] == [201, 404, 201]
    new = {entries[0]["new_id"], entries[2]["new_id"]}
    assert len(new) == 2
    assert {image(house, shelf, each)["filename"] for each in new} == {"a1.png"}


def test_c54_more_than_fifty_are_none(house: House, shelf: Shelf) -> None:
    hook = shelf.hu
    refused(house.batch_copy([shelf.a5] * 51, shelf.a), 400, "BATCH_SIZE_EXCEEDED")
    assert len(house.get("/images", shelf.a).json()) == 1
    assert [each.json()["initiator"]["type"] for each in shelf.told(hook)] == ["upload"]


def test_fifty_copies_of_one_are_fifty(house: House, shelf: Shelf) -> None:
    entries = results(house.batch_copy([shelf.a1] * 50, shelf.a))
    assert (len(entries), {each["status"] for each in entries}) == (50, {201})
    assert len({each["new_id"] for each in entries}) == 50
    assert len(house.get("/images", shelf.a, params={"folder_id": shelf.folder, "limit": 100}).json()) == 51


def test_c56_c57_c58_a_copy_is_kept_though_its_source_is_not(house: House, shelf: Shelf) -> None:
    def document(media: str) -> httpx.Response:
        return house.get(f"/documents/{media}", shelf.a)

    source = document(shelf.a4).json()
    assert (source["store_permanently"], source["store_behavior"]) == (False, "0")
    assert source["expires_at"] > source["uploaded_at"]
    new = house.copied(shelf.a4, shelf.a)
    copy = document(new).json()
    assert (copy["store_permanently"], copy["expires_at"], copy["store_behavior"]) == (True, None, "0")
    assert document(shelf.a4).json() == source
    hook, key = shelf.hd, house.row_id(shelf.a4)
    house.put_forward += 25 * clock.HOUR
    assert results(house.batch_copy([shelf.a4], shelf.a)) == [missing(shelf.a4)]
    refused(document(shelf.a4), 404, "NOT_FOUND")
    refused(house.get(f"/media/{shelf.a4}", shelf.a), 404, "NOT_FOUND")
    refused(house.get(f"/documents/{shelf.a4}/file", shelf.a), 404, "NOT_FOUND")
    assert [each["id"] for each in house.get("/documents", shelf.a).json()] == [new]
    assert wait_until(lambda: house.count(schema.asset, schema.asset.c.id == key) == 0, seconds=10)
    refused(document(shelf.a4), 404, "NOT_FOUND")
    assert bytes_of(house, shelf, new, "documents").startswith(b"%PDF")
    (told,) = shelf.told(hook)
    assert (told.json()["data"]["id"], told.json()["initiator"]["type"]) == (shelf.a4, "expiration")
    (row,) = house.audit(shelf.a, "file_deleted")
    assert (row["user_id"], row["details"]["file_id"]) == (None, shelf.a4)


def test_c63_a_copy_of_a_sound_keeps_what_is_known_of_it_and_has_no_vector(
    house: House, shelf: Shelf
) -> None:
    new = house.copied(shelf.a2, shelf.a)
    ours, theirs = (house.get(f"/audios/{each}", shelf.a).json() for each in (new, shelf.a2))
    for name in ("duration", "bitrate", "sample_rate", "channels"):
        assert ours[name] == theirs[name]
    assert (ours["sample_rate"], ours["channels"]) == (8_000, 1)
    assert ours["duration"] == pytest.approx(0.5, abs=0.1)
    assert (shelf.embeddings(shelf.a2), shelf.embeddings(new)) == (1, 0)


@on_both_databases
def test_c64_one_whose_bytes_are_gone_fails_alone(house: House, shelf: Shelf) -> None:
    (house.settings.storage_dir / house.storage_key(shelf.a1)).unlink()
    failed, copied = results(house.batch_copy([shelf.a1, shelf.a5], shelf.a))
    assert (failed["source_id"], failed["new_id"], failed["status"]) == (shelf.a1, None, 500)
    assert failed["error"]
    assert failed["error"] != NOT_THERE
    assert copied["status"] == 201


def test_c65_a_copy_that_the_database_refuses_leaves_nothing_behind(house: House, shelf: Shelf) -> None:
    image, hook = shelf.image(shelf.a, "refused.png"), shelf.hu
    assert shelf.told(hook) == []
    before = house.stored()
    refusing = (
        "CREATE TRIGGER refuse BEFORE INSERT ON asset WHEN NEW.original_name = 'refused.png' "
        "BEGIN SELECT RAISE(ABORT, 'no room for SECRET WORDS'); END"
    )
    house.write(lambda conn: conn.execute(text(refusing)))
    try:
        answer = house.batch_copy([image], shelf.a)
    finally:
        house.write(lambda conn: conn.execute(text("DROP TRIGGER refuse")))
    if answer.status_code == 200:
        (entry,) = answer.json()["results"]
        assert (entry["new_id"], entry["status"]) == (None, 500)
    else:
        assert answer.status_code == 500
    assert "SECRET" not in answer.text
    assert house.stored() == before
    assert len(house.get("/images", shelf.a).json()) == 1
    assert shelf.told(hook) == []
    assert len(results(house.batch_copy([image], shelf.a))) == 1


def test_c66_a_folder_with_items_cannot_go_so_that_a_copy_is_always_somewhere(
    house: House, shelf: Shelf
) -> None:
    assert shelf.a1
    refused(house.delete(f"/folders/{shelf.folder}", shelf.a), 400, "BAD_REQUEST")
    assert image(house, shelf, house.copied(shelf.a1, shelf.a))["folder_id"] == shelf.folder
