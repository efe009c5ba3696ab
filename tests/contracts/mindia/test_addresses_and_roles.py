"""What the list of cases does not name: the address of an item's bytes, roles, and how a batch is recorded."""

from typing import Any

import pytest

from stackroom.access import Role
from stackroom.library import organizations

from .house import NOT_THERE, House, Tenant, refused, results, statuses
from .material import an_image
from .shelf import Shelf


def somebody(house: House, of: Tenant, role: Role) -> Tenant:
    """Another key of the same organization."""
    made = house.write(
        lambda conn: organizations.create_key(conn, of.organization, role=role, now=house.now())
    )
    return Tenant(of.organization, made.uuid, made.token)


def test_the_bytes_of_an_item_are_at_its_url_for_who_has_a_key(house: House, shelf: Shelf) -> None:
    media = shelf.image(shelf.a, "harbour.png")
    url = house.get(f"/images/{media}", shelf.a).json()["url"]
    assert url == f"{house.url}/media/{shelf.a.id}/{media}.png"
    found = house.get(url, shelf.a)
    assert (found.status_code, found.content) == (200, house.get(f"/images/{media}/file", shelf.a).content)
    assert house.get(url, shelf.a, headers={"If-None-Match": found.headers["ETag"]}).status_code == 304
    part = house.get(url, shelf.a, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, found.content[1:4])
    refused(house.get(url), 401, "UNAUTHORIZED")
    for wrong in (
        url.replace(shelf.a.id, shelf.b.id),
        url.replace(media, shelf.unknown),
        f"{url[:-40]}x.png",
    ):
        assert refused(house.get(wrong, shelf.a), 404, "NOT_FOUND")["error"] == NOT_THERE
    refused(house.get(url, shelf.b), 404, "NOT_FOUND")
    refused(house.delete(url, shelf.a), 405, "METHOD_NOT_ALLOWED")


def test_a_key_may_as_much_as_its_role(house: House, shelf: Shelf) -> None:
    viewer, member = (somebody(house, shelf.a, role) for role in (Role.VIEWER, Role.MEMBER))
    media, other = shelf.a5, shelf.a1
    assert house.get(f"/media/{media}", viewer).status_code == 200
    refused(house.upload(viewer, "image", "x.png", an_image(), "image/png"), 403, "FORBIDDEN")
    refused(house.delete(f"/media/{media}", viewer), 403, "FORBIDDEN")
    refused(house.batch_copy([media], viewer), 403, "FORBIDDEN")
    refused(house.put(f"/media/{media}/metadata/a", 1, viewer), 403, "FORBIDDEN")
    assert statuses(house.batch_copy([media], member)) == [201]
    refused(house.batch_delete([media], member), 403, "FORBIDDEN")
    refused(house.batch_delete(["no id"], member), 403, "FORBIDDEN")
    assert house.delete(f"/media/{media}", member).status_code == 204
    assert statuses(house.batch_delete([media, other], somebody(house, shelf.a, Role.ADMIN))) == [404, 204]


def test_a_batch_is_recorded_by_the_places_of_its_request(house: House, shelf: Shelf) -> None:
    one, other = shelf.a5, shelf.a1
    assert statuses(house.batch_delete([shelf.unknown, one, one, other], shelf.a)) == [404, 204, 404, 204]
    rows = house.audit(shelf.a, "file_deleted")
    assert {each["details"]["file_id"]: each["details"]["batch_index"] for each in rows} == {one: 1, other: 3}


def test_one_item_that_is_copied_twice_gets_two_ids_and_keeps_its_name(house: House, shelf: Shelf) -> None:
    entries = results(house.batch_copy([shelf.a5, shelf.b1, shelf.a5], shelf.a))
    assert [each["status"] for each in entries] == [201, 404, 201]
    made = {entries[0]["new_id"], entries[2]["new_id"]}
    assert len(made) == 2
    names = {house.get(f"/media/{each}", shelf.a).json()["filename"] for each in (shelf.a5, *made)}
    assert len(names) == 1


def test_who_asks_whether_a_piece_is_there_is_told(house: House, shelf: Shelf) -> None:
    content = an_image()
    said: dict[str, Any] = {"filename": "x.png", "content_type": "image/png", "media_type": "image"}
    begun = house.post(
        "/uploads/chunked/start", {**said, "file_size": len(content), "chunk_size": len(content)}, shelf.a
    ).json()
    base = f"/uploads/chunked/{begun['session_id']}"
    refused(house.put(f"{base}/chunk/0", {"chunk_index": 0}, shelf.a), 404, "NOT_FOUND")
    refused(house.put(f"{base}/chunk/0", {"chunk_index": 1}, shelf.a), 400, "INVALID_INPUT")
    (where,) = begun["chunk_urls"]
    assert where["index"] == 0
    assert house.ask("PUT", where["url"], of=shelf.a, content=content).status_code == 200
    assert house.put(f"{base}/chunk/0", {"chunk_index": 0}, shelf.a).status_code == 200
    done = [house.post(f"{base}/complete", {"upload_id": begun["session_id"]}, shelf.a) for _ in range(2)]
    assert [each.status_code for each in done] == [200, 200]
    assert done[0].json() == done[1].json()
    refused(house.ask("PUT", where["url"], of=shelf.a, content=content), 409, "CONFLICT")


@pytest.mark.parametrize(
    "path", ["/images/from-url", "/images/from-url?url=", "/images/from-url?url=file:///etc/passwd"]
)
def test_what_is_no_address_is_not_fetched(house: House, shelf: Shelf, path: str) -> None:
    refused(house.post(path, None, shelf.a), 400, "INVALID_INPUT")
