"""What clients should not send, and what becomes of it: a clear refusal, and nothing changed."""

import http.client
import re
import socket
import uuid
import zlib
from typing import Any

import pytest
from sqlalchemy import select, update

from stackroom import clock
from stackroom.access import Role
from stackroom.database.schema import api_key
from stackroom.database.transaction import Connection
from stackroom.library import organizations

from .house import House, a_picture

MINUTE = 60 * clock.SECOND


def refused(answer: Any, status: int, code: str | None = None, text: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert code in {None, error["code"]}, error
    assert text in error["message"], error
    return error


@pytest.fixture(scope="module")
def dataset(house: House) -> dict[str, Any]:
    return house.a_dataset()


# Batch


def batch(dataset: dict[str, Any], ids: Any, **rest: Any) -> dict[str, Any]:
    return {"dataset_name": dataset["name"], "image_ids": ids, **rest}


@pytest.mark.parametrize("verb", ["move", "copy", "delete"])
def test_no_ids_select_nothing_and_not_everything(house: House, dataset: dict[str, Any], verb: str) -> None:
    refused(house.post(f"/batch/images/{verb}", batch(dataset, [])), 422, "empty_selection")


def test_ten_thousand_and_one_ids_are_refused_naming_the_limit(house: House, dataset: dict[str, Any]) -> None:
    many = [str(uuid.uuid4()) for _ in range(10_001)]
    error = refused(house.post("/batch/images/delete", batch(dataset, many)), 422, "too_many_ids", "10000")
    assert (error["details"]["limit"], error["details"]["count"]) == (10_000, 10_001)


@pytest.mark.parametrize(
    ("ids", "where"),
    [([1], "image_ids[0]"), (["a", None], "image_ids[1]"), ("a", "image_ids"), (None, "image_ids")],
)
def test_ids_of_the_wrong_type_are_pointed_at(
    house: House, dataset: dict[str, Any], ids: Any, where: str
) -> None:
    error = refused(house.post("/batch/images/move", batch(dataset, ids)), 422, "validation_error", where)
    assert error["details"]["errors"][0]["loc"] == ["body", *re.split(r"[\[\]]+", where.rstrip("]"))]


def test_an_id_given_twice_counts_once(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    result = house.post("/batch/images/move", batch(dataset, [image, image.upper(), image])).json()
    assert (result["processed"], result["succeeded"]) == (1, [image])


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nope",
        "img-1",
        "../../x",
        "a" * 5000,
        "0" * 32,
        "💥",
        "' OR 1=1 --",
        "a\x01b",
        "urn:uuid:0199d3f0-7a5b-7c1e-8d2f-3a4b5c6d7e8f",
    ],
)
def test_what_is_no_id_fails_alone_as_it_was_sent(house: House, dataset: dict[str, Any], bad: str) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    result = house.post("/batch/images/move", batch(dataset, [bad, image])).json()
    assert result["succeeded"] == [image]
    assert [(each["id"], each["image_id"], each["code"]) for each in result["failures"]] == [
        (bad, bad, "not_found")
    ]


@pytest.mark.parametrize(
    "path",
    ["..", "/a/../b", "./a", "a\\b", "/a\x00b", "/a\nb", "/a\x7f", "/" + "x" * 256, "/x" * 600, "/x" * 101],
)
def test_a_path_that_leads_elsewhere_is_refused(house: House, dataset: dict[str, Any], path: str) -> None:
    for key in ("target_folder_path", "target_directory_path"):
        refused(house.post("/batch/images/move", batch(dataset, ["x"], **{key: path})), 422)


@pytest.mark.parametrize("path", ["cars/", "//cars", "/cars", "cars", "/cars//"])
def test_a_path_has_one_spelling(house: House, dataset: dict[str, Any], path: str) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    house.post("/batch/images/move", batch(dataset, [image], target_folder_path=path))
    assert house.get(f"/images/{image}/metadata").json()["image"]["folder_path"] == "/cars"


@pytest.mark.parametrize(
    ("updates", "where"),
    [
        ({}, "nothing to change"),
        ({"colour": "red"}, "colour"),
        ({"status": "done"}, "updates.status"),
        ({"status": None}, "updates.status"),
        ({"is_archived": "yes"}, "updates.is_archived"),
        ({"display_name": 5}, "updates.display_name"),
        ({"display_name": "x" * 501}, "display_name"),
        ({"display_name": "a\nb"}, "display_name"),
    ],
)
def test_an_update_that_cannot_be_made_is_named(
    house: House, dataset: dict[str, Any], updates: dict[str, Any], where: str
) -> None:
    answer = house.ask("PATCH", "/batch/images/update", json=batch(dataset, ["x"], updates=updates))
    refused(answer, 422, text=where)


def test_a_bad_request_is_said_before_a_missing_dataset(house: House) -> None:
    """401, 403, 422, 404: in this order."""
    nowhere = {"dataset_name": "nowhere", "image_ids": []}
    purge = {**nowhere, "permanent": True}
    refused(house.post("/batch/images/delete", purge, role="viewer"), 403)
    refused(house.post("/batch/images/delete", purge, role="member"), 403)
    refused(house.post("/batch/images/delete", purge), 422)
    refused(house.post("/batch/images/delete", {**purge, "image_ids": ["x"]}), 404)
    refused(house.post("/batch/images/copy", {**nowhere, "image_ids": ["x"], "duplicate_handling": "?"}), 422)
    refused(house.post("/images/upload-url", {"dataset_id": "nowhere", "filename": "/"}), 422)


def test_a_dataset_must_be_named(house: House) -> None:
    for body in ({"image_ids": ["x"]}, {"image_ids": ["x"], "dataset_name": ""}):
        error = refused(house.post("/batch/images/move", body), 422, text="dataset_id")
        assert error["details"]["errors"][0]["loc"] == ["body", "dataset_id"]


# Queries


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "x"},
        {"limit": "1.5"},
        {"offset": "-1"},
        {"offset": str(2**70)},
        {"status": "done"},
        {"split": "half"},
        {"include_archived": "maybe"},
        {"min_confidence_lt": "2"},
        {"folder_path": "/.."},
        {"filename": "a\0b"},
        {"dataset_id": "\0"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    house: House, dataset: dict[str, Any], query: dict[str, str]
) -> None:
    refused(house.get("/images", params={"dataset_id": dataset["id"], **query}), 422)


def test_a_list_is_never_cut_short_in_silence(house: House, dataset: dict[str, Any]) -> None:
    error = refused(house.get("/images", params={"dataset_id": dataset["id"], "limit": 5000}), 422)
    assert "1000" in error["message"]
    assert error["details"]["errors"][0]["loc"] == ["query", "limit"]


def test_a_query_key_that_is_not_known_is_ignored(house: House, dataset: dict[str, Any]) -> None:
    assert house.get("/images", params={"dataset_id": dataset["id"], "colour": "red"}).status_code == 200


def test_what_is_not_found_is_named_as_it_was_asked_for(house: House) -> None:
    """Older clients, which know images by their ids alone, encode the slashes of whatever they are given."""
    missing = refused(house.get("/images/cars%2Fa.png/metadata"), 404, "not_found")
    assert missing["message"] == "image 'cars%2Fa.png' not found"


def test_bytes_that_are_no_text_in_an_address_find_nothing(house: House) -> None:
    for path in ("/projects/%FF", "/projects/%00", "/projects/a%2Fb", "/images/%00", "/images/%FF/metadata"):
        refused(house.get(path), 404)


# Names


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b.png", "a\\b.png", "../a.png", "a\0.png", "a\n.png", "\x7f.png", "x" * 252 + ".png"],
)
def test_a_name_that_no_folder_can_hold_is_refused(house: House, dataset: dict[str, Any], name: str) -> None:
    asked = {"dataset_id": dataset["id"], "filename": name, "content_type": "image/png"}
    refused(house.post("/images/upload-url", asked), 422)


@pytest.mark.parametrize(
    "name", ["ö ü.png", "日本.png", "a.b.c.png", "no-extension", "%41.png", "a;b,c'd\".png", "😀.png"]
)
def test_any_other_name_is_kept_as_it_is(house: House, dataset: dict[str, Any], name: str) -> None:
    image = house.an_image(dataset, name)
    assert image["filename"] == name
    assert house.http.get(image["image_url"]).status_code == 200
    assert house.names(dataset, filename=name) == [name]


def test_two_spellings_of_one_name_are_one_name(house: House) -> None:
    """é in one character or in two: nobody can tell them apart."""
    dataset = house.a_dataset()
    house.an_image(dataset, "caf\u00e9.png")
    asked = {"dataset_id": dataset["id"], "filename": "cafe\u0301.png", "content_type": "image/png"}
    refused(house.post("/images/upload-url", asked), 409, text="already exists")


def test_case_makes_two_names(house: House) -> None:
    dataset = house.a_dataset()
    for name in ("a.png", "A.png"):
        house.an_image(dataset, name)
    assert house.names(dataset) == ["A.png", "a.png"]


# What is uploaded


def test_an_empty_file_is_refused(house: House) -> None:
    dataset = house.a_dataset()
    refused(house.upload(dataset, content=b""), 422, "empty_file")
    assert house.names(dataset) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"just text", "not_an_image"),
        (b"%PDF-1.7 nothing", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_image"),
        (b"GIF89a", "damaged_image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged_image"),
    ],
)
def test_what_is_no_whole_image_is_refused_by_its_content(house: House, content: bytes, code: str) -> None:
    dataset = house.a_dataset()
    refused(house.upload(dataset, content=content), 415, code)
    assert house.names(dataset) == []


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "tiff", "bmp"])
def test_an_image_cut_in_half_is_refused(house: House, kind: str) -> None:
    dataset = house.a_dataset()
    whole = a_picture(kind, 400, 300)
    answer = house.upload(dataset, f"a.{kind}", whole[: len(whole) // 2], kind=f"image/{kind}")
    refused(answer, 415)


def test_a_refused_upload_must_be_sent_again(house: House) -> None:
    dataset = house.a_dataset()
    ticket = house.ticket(dataset)
    house.put(ticket, b"no image")
    refused(house.post("/images/register", house.registration(dataset, ticket, b"no image")), 415)
    refused(
        house.post("/images/register", house.registration(dataset, ticket, b"no image")),
        400,
        "upload_missing",
    )


def test_an_image_is_what_its_content_is_whatever_it_is_called(house: House) -> None:
    image = house.an_image(house.a_dataset(), "a.png", content=a_picture("jpeg"))
    assert (image["filename"], image["content_type"]) == ("a.png", "image/jpeg")
    served = house.get(f"/images/{image['id']}")
    assert served.headers["content-type"] == "image/jpeg"
    assert served.headers["x-content-type-options"] == "nosniff"


def a_bomb() -> bytes:
    """A PNG of a few bytes that says it is 30,000 by 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    side = (30_000).to_bytes(4)
    header = chunk(b"IHDR", side + side + b"\x08\x02\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_from_its_header(house: House) -> None:
    dataset = house.a_dataset()
    refused(house.upload(dataset, content=a_bomb()), 413, "image_too_many_pixels")
    assert house.names(dataset) == []


def test_heic_becomes_png_and_its_name_is_taken_from_then_on(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset, "a.heic", content=a_picture("heic", 40, 20), kind="image/heic")
    shown = (image["filename"], image["content_type"], image["width"], image["height"])
    assert shown == ("a.png", "image/png", 40, 20)
    assert house.get(f"/images/{image['id']}").content.startswith(b"\x89PNG")
    assert house.get(f"/images/{image['id']}").headers["content-length"] == str(image["file_size"])
    asked = {"dataset_id": dataset["id"], "filename": "a.heic", "content_type": "image/heic"}
    refused(house.post("/images/upload-url", asked), 409, text="already exists")


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/octet-stream", "", None])
def test_a_type_that_is_not_kept_is_refused_before_any_byte(
    house: House, dataset: dict[str, Any], kind: str | None
) -> None:
    asked = {"dataset_id": dataset["id"], "filename": "x.bin", "content_type": kind}
    refused(house.post("/images/upload-url", asked), 415, "unsupported_media_type")


def test_a_registration_must_be_of_what_was_uploaded(house: House) -> None:
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    wanted = house.registration(dataset, ticket, content)
    refused(house.post("/images/register", wanted), 400, "upload_missing")
    house.put(ticket, content)
    refused(house.post("/images/register", {**wanted, "file_size": 1}), 400, "size_mismatch")
    refused(house.post("/images/register", {**wanted, "filename": "b.png"}), 400, "upload_missing")
    refused(house.post("/images/register", {**wanted, "gcs_path": "elsewhere"}), 400, "upload_missing")
    refused(house.post("/images/register", wanted, role="stranger"), 404)
    assert house.post("/images/register", wanted).status_code == 201
    refused(house.post("/images/register", wanted), 409, text="already exists")


# Signed URLs


def test_an_upload_url_lives_fifteen_minutes(house: House) -> None:
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    house.put_forward += 14 * MINUTE
    assert house.put(ticket, content).status_code == 200
    house.put_forward += 2 * MINUTE
    refused(house.put(ticket, content), 403, "url_expired")
    # The bytes came in time; there is an hour to register them.
    assert house.post("/images/register", house.registration(dataset, ticket, content)).status_code == 201


def test_a_registered_upload_takes_no_more_bytes(house: House) -> None:
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    house.put(ticket, content)
    house.post("/images/register", house.registration(dataset, ticket, content))
    refused(house.put(ticket, content), 404)


def test_a_download_url_lives_a_month(house: House) -> None:
    image = house.an_image(house.a_dataset())
    house.put_forward += 30 * clock.DAY - MINUTE
    assert house.http.get(image["image_url"]).status_code == 200
    assert house.http.get(image["thumbnail_url"]).headers["content-type"] == "image/jpeg"
    house.put_forward += 2 * clock.DAY
    refused(house.http.get(image["image_url"]), 403, "url_expired")


def test_a_changed_url_is_worth_nothing(house: House) -> None:
    dataset = house.a_dataset()
    image, other = house.an_image(dataset), house.an_image(dataset, "b.png")
    good = image["image_url"]
    signature = good.rpartition("=")[2]
    changed = [
        good.replace(image["id"], other["id"]),
        good.replace("/a.png", "/b.png"),
        good.replace("/a.png", "/../a.png"),
        re.sub(r"expires=\d+", "expires=9999999999", good),
        re.sub(r"expires=\d+", "expires=", good),
        good.replace(signature, signature[:-1] + ("A" if signature[-1] != "A" else "B")),
        good.replace(signature, ""),
        good.replace(signature, "é"),
        good.partition("?")[0],
    ]
    assert {house.http.get(url).status_code for url in changed} <= {403, 404}
    ticket = house.ticket(dataset, "c.png")
    refused(house.http.get(ticket["upload_url"]), 405)
    put = house.http.put(good, content=b"x", headers={"Content-Type": "image/png"})
    refused(put, 405)


@pytest.mark.parametrize("kind", ["image/jpeg", "text/html", "", "image/pngx"])
def test_an_upload_is_of_the_type_that_was_announced(house: House, kind: str) -> None:
    ticket = house.ticket(house.a_dataset())
    refused(house.put(ticket, a_picture(), kind), 403, "content_type_mismatch")


def test_a_file_past_the_limit_is_refused_with_and_without_its_length(house: House) -> None:
    ticket = house.ticket(house.a_dataset())
    limit = house.settings.max_upload_bytes
    connection = http.client.HTTPConnection("127.0.0.1", house.port)
    connection.request(
        "PUT",
        ticket["upload_url"].removeprefix(house.url),
        headers={"Content-Type": "image/png", "Content-Length": str(limit + 1)},
    )
    assert connection.getresponse().status == 413  # before a byte of it was sent
    connection.close()
    pieces = (bytes(2**20) for _ in range(limit // 2**20 + 1))
    answer = house.http.put(ticket["upload_url"], content=pieces, headers={"Content-Type": "image/png"})
    refused(answer, 413)


def test_an_upload_is_whole(house: House) -> None:
    ticket = house.ticket(house.a_dataset())
    headers = {"Content-Type": "image/png", "Content-Range": "bytes 0-9/100"}
    refused(house.http.put(ticket["upload_url"], content=b"x" * 10, headers=headers), 422, "partial_upload")


def test_half_a_request_head_harms_nobody(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port)) as raw:
        raw.sendall(b"PUT /storage/uploads/x HTTP/1.1\r\nHost:")
    assert house.get("/projects").status_code == 200


# Keys


def test_a_key_counts_until_it_is_revoked_or_expires(house: House) -> None:
    def make(conn: Connection) -> organizations.NewKey:
        owner = organizations.find_organization(conn, "Here")
        until = house.now() + clock.HOUR
        return organizations.create_key(conn, owner, role=Role.VIEWER, expires_at=until, now=house.now())

    made = house.write(make)
    house.keys["passing"] = made.token
    assert house.get("/projects", role="passing").status_code == 200
    house.put_forward += 2 * clock.HOUR
    refused(house.get("/projects", role="passing"), 401)
    never = update(api_key).where(api_key.c.uuid == made.uuid).values(expires_at=None)
    house.write(lambda conn: conn.execute(never).rowcount)
    assert house.get("/projects", role="passing").status_code == 200
    house.write(lambda conn: organizations.revoke_key(conn, made.uuid, now=clock.now()))
    refused(house.get("/projects", role="passing"), 401)
    assert house.read(
        lambda conn: conn.scalar(select(api_key.c.last_used_at).where(api_key.c.uuid == made.uuid))
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ""},
        {"X-API-Key": "pk_live_" + "x" * 5000},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic YQ=="},
        {"Authorization": "Digest x"},
    ],
)
def test_what_is_no_key_is_refused(house: House, headers: dict[str, str]) -> None:
    refused(house.get("/projects", role=None, headers=headers), 401)


def test_a_key_may_be_sent_in_three_ways(house: House) -> None:
    token = house.keys["viewer"]
    for headers in ({"X-API-Key": token}, {"Authorization": f"Bearer {token}"}):
        assert house.get("/projects", role=None, headers=headers).status_code == 200
    assert house.http.get("/api/v1/developer/projects", auth=("any id", token)).status_code == 200


# Datasets and annotations


@pytest.mark.parametrize(
    "described",
    [
        {"annotation_types": ["circle"]},
        {"classes": [{"name": ""}]},
        {"classes": [{"name": "x" * 121}]},
        {"classes": [{"name": "a"}, {"name": "a"}]},
        {"classes": [{"name": "a", "attributes": [{"name": "b", "type": "colour"}]}]},
        {"classes": [{"name": "a", "skeleton": {"nodes": []}}]},
        {"classes": [{"name": "a", "skeleton": {"nodes": [{"name": ""}]}}]},
        {"classes": [{"name": "a", "skeleton": {"nodes": [{"name": "x" * 121}]}}]},
        {"classes": [{"name": "a", "skeleton": {"nodes": [{"name": "b"}], "edges": [[0, 1]]}}]},
        {"description": 5},
    ],
)
def test_a_dataset_that_no_client_could_read_is_not_made(house: House, described: dict[str, Any]) -> None:
    name = f"set {uuid.uuid4().hex}"
    refused(house.post("/projects", {"name": name, **described}), 422)
    refused(house.get(f"/projects/{name}"), 404)


def box(**changed: Any) -> dict[str, Any]:
    good = {"id": "a", "name": "lorry", "type": "bbox", "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4}}
    return {**good, **changed}


@pytest.mark.parametrize(
    "annotation",
    [
        box(type="circle"),
        box(type="box"),
        box(bounding_box={"x": 1, "y": 2, "w": 0, "h": 4}),
        box(bounding_box={"x": 1, "y": 2, "w": 3, "h": 4, "z": 5}),
        box(colour="red"),
        box(name="  "),
        box(confidence=1.5),
        {"id": "a", "name": "x", "type": "polygon", "polygon": {"paths": [[{"x": 0, "y": 0}]]}},
        "not even an object",
    ],
)
def test_an_annotation_that_no_client_could_read_is_not_kept(
    house: House, dataset: dict[str, Any], annotation: Any
) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    refused(house.post(f"/annotations/{image}", {"annotations": [annotation]}), 422)
    refused(house.post(f"/annotations/{image}", {}), 422)
    refused(house.post(f"/annotations/{image}", {"image_id": "other", "annotations": []}), 422)
    assert house.get(f"/annotations/{image}").json()["annotations"] == []


@pytest.mark.parametrize("depth", [1_000, 200_000])
def test_what_is_nested_without_end_is_refused(house: House, dataset: dict[str, Any], depth: int) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    nest = b"[" * depth + b"]" * depth
    for body in (b'{"annotations": %s}' % nest, b'{"annotations": [%s]}' % with_attributes(nest)):
        answer = house.ask("POST", f"/annotations/{image}", content=body)
        assert answer.status_code in {400, 422}, answer.text
    # What nobody reads is passed over as far as Python can follow it, which depends on the room that its thread has.
    body = b'{"annotations": [], "unknown": %s}' % nest
    assert house.ask("POST", f"/annotations/{image}", content=body).status_code in {200, 400}
    assert house.get(f"/annotations/{image}").json()["annotations"] == []


def test_attributes_may_be_nested_as_deep_as_anybody_can_read(house: House, dataset: dict[str, Any]) -> None:
    image = house.an_image(dataset, f"{uuid.uuid4().hex}.png")["id"]
    for depth, status in ((200, 200), (201, 422)):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            nest = opening * (depth - 1) + b"[]" + closing * (depth - 1)
            body = b'{"annotations": [%s]}' % with_attributes(nest)
            answer = house.ask("POST", f"/annotations/{image}", content=body)
            assert answer.status_code == status, answer.text
            if status == 200:
                assert nest in house.get(f"/annotations/{image}").content
    assert "200 deep" in answer.json()["error"]["message"]


def with_attributes(given: bytes) -> bytes:
    return (
        b'{"id": "a", "name": "b", "type": "keypoint", "keypoint": {"x": 1, "y": 1}, "attributes": %s}'
        % given
    )
