"""Bytes on their way: uploads that break off, and downloads of a part, on a condition, or not at all."""

import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from stackroom import clock
from stackroom.database.schema import asset, blob, loose_bytes, upload
from stackroom.library.sweep import sweep
from stackroom.testing.processes import wait_until

from .house import House, a_picture


def staged(house: House) -> list[Path]:
    """What is arriving right now."""
    place = house.settings.staging_dir
    return list(place.iterdir()) if place.exists() else []


def stored(house: House) -> set[Path]:
    return {path for path in house.settings.storage_dir.rglob("*") if path.is_file()}


def swept(house: House) -> None:
    house.do(sweep(house.services.database, house.services.store, house.now))


def count(house: House, table: Any, *where: Any) -> int:
    return house.read(lambda conn: conn.scalar(select(func.count()).select_from(table).where(*where)) or 0)


def send_half(house: House, ticket: dict[str, Any], content: bytes, *, announced: int) -> None:
    """Begin a PUT, and go away in the middle of it."""
    url = urlsplit(ticket["upload_url"])
    lines = [f"PUT {url.path}?{url.query} HTTP/1.1", "Host: x", "Content-Type: image/png"]
    head = "\r\n".join([*lines, f"Content-Length: {announced}", "", ""])
    with socket.create_connection(("127.0.0.1", house.port)) as raw:
        raw.sendall(head.encode() + content)
        assert wait_until(lambda: bool(staged(house)), seconds=5)
        time.sleep(0.05)  # some of it has arrived now


def test_an_upload_that_breaks_off_leaves_nothing_behind(house: House) -> None:
    dataset = house.a_dataset()
    before = stored(house)
    ticket = house.ticket(dataset)
    send_half(house, ticket, bytes(3 * 2**20), announced=10 * 2**20)
    assert wait_until(lambda: not staged(house), seconds=5)
    swept(house)
    assert stored(house) == before
    assert count(house, loose_bytes) == 0
    # The URL is good still: the client sends it again.
    content = a_picture()
    assert house.put(ticket, content).status_code == 200
    assert house.post("/images/register", house.registration(dataset, ticket, content)).status_code == 201


def test_an_upload_nobody_registers_is_forgotten_with_its_bytes(house: House) -> None:
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    before = stored(house)
    assert house.put(ticket, content).status_code == 200
    assert len(stored(house) - before) == 1
    house.put_forward += 2 * clock.HOUR
    swept(house)
    assert stored(house) == before
    assert (count(house, loose_bytes), count(house, upload)) == (0, 0)


def test_bytes_sent_again_replace_those_before(house: House) -> None:
    dataset = house.a_dataset()
    ticket, first, second = house.ticket(dataset), a_picture(), a_picture()
    house.put(ticket, first)
    house.put(ticket, second)
    made = house.post("/images/register", house.registration(dataset, ticket, second)).json()
    swept(house)
    assert house.get(f"/images/{made['image_id']}").content == second
    unused = blob.c.id.not_in(select(asset.c.blob_id).where(asset.c.blob_id.is_not(None)))
    assert count(house, blob, unused) == 0
    assert count(house, loose_bytes) == 0


def test_the_same_bytes_are_stored_once(house: House) -> None:
    dataset, content = house.a_dataset(), a_picture()
    house.an_image(dataset, "a.png", content=content)
    before = stored(house)
    house.an_image(dataset, "b.png", content=content)
    swept(house)
    assert stored(house) == before


def test_two_puts_to_one_url_leave_one_file(house: House) -> None:
    dataset = house.a_dataset()
    ticket, contents = house.ticket(dataset), [a_picture() for _ in range(4)]
    puts = [
        house.http.build_request(
            "PUT", ticket["upload_url"], content=each, headers={"Content-Type": "image/png"}
        )
        for each in contents
    ]
    assert {answer.status_code for answer in house.at_once(*puts)} == {200}
    wanted = house.registration(dataset, ticket, b"")
    del wanted["file_size"]
    made = house.post("/images/register", wanted).json()
    assert house.get(f"/images/{made['image_id']}").content in contents
    swept(house)
    unused = blob.c.id.not_in(select(asset.c.blob_id).where(asset.c.blob_id.is_not(None)))
    assert count(house, blob, unused) == 0


def test_purged_bytes_go_and_shared_ones_stay(house: House) -> None:
    dataset = house.a_dataset()
    before = stored(house)
    image = house.an_image(dataset)
    body = {"dataset_name": dataset["name"], "image_ids": [image["id"]]}
    copy = house.post("/batch/images/copy", body).json()["created"][0]["id"]
    kept = stored(house)
    house.ask("DELETE", f"/images/{image['id']}?permanent=true")
    swept(house)
    assert stored(house) == kept
    house.ask("DELETE", f"/images/{copy}?permanent=true")
    # The deletion itself wakes the sweeper; nobody waits a minute for the disk to be freed.
    assert wait_until(lambda: stored(house) == before, seconds=5)


def test_a_removed_dataset_takes_its_bytes_along_and_no_others(house: House) -> None:
    content = a_picture()
    kept, gone = house.a_dataset(), house.a_dataset()
    shared = house.an_image(kept, content=content)
    before = stored(house)
    house.an_image(gone, content=content)
    house.an_image(gone, "own.png", folder="/a/b")
    archived = house.an_image(gone, "archived.png")
    house.ask("DELETE", f"/images/{archived['id']}")
    house.put(house.ticket(gone, "waiting.png"), a_picture())
    done = house.ask("DELETE", f"/datasets/{gone['name']}").json()
    assert done["deleted"] == {"project_id": gone["id"], "images": 3, "folders": 2, "gcs_blobs": 3}
    assert done["data"]["gcs_blobs_retained_for_forks"] == 1
    assert wait_until(lambda: stored(house) == before, seconds=5)
    assert house.get(f"/images/{shared['id']}").content == content
    assert count(house, upload) == 0
    assert house.get(f"/datasets/{gone['id']}").status_code == 404


# Downloads


@pytest.fixture(scope="module")
def content() -> bytes:
    return a_picture(width=600, height=400)


@pytest.fixture(scope="module")
def image(house: House, content: bytes) -> dict[str, Any]:
    return house.an_image(house.a_dataset(), "für dich.png", content=content)


@pytest.fixture(params=["key", "signature"])
def fetch(house: House, image: dict[str, Any], request: pytest.FixtureRequest) -> Any:
    """Asks for the image's bytes: with a key at its address, or with none at its signed one."""

    def ask(method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if request.param == "key":
            return house.ask(method, f"/images/{image['id']}", headers=named)
        return house.http.request(method, image["image_url"], headers=named)

    return ask


def test_the_whole_file(fetch: Any, content: bytes) -> None:
    answer = fetch()
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''f%C3%BCr%20dich.png"
    assert answer.headers["etag"].startswith('"')


def test_an_answer_to_a_key_is_asked_for_again_and_a_signed_one_is_kept(
    house: House, image: dict[str, Any]
) -> None:
    assert house.get(f"/images/{image['id']}").headers["cache-control"] == "private, no-cache"
    assert "max-age=2592000" in house.http.get(image["image_url"]).headers["cache-control"]


def test_head_says_what_get_would_and_sends_nothing(fetch: Any) -> None:
    whole, head = fetch(), fetch("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    kept = {"content-length", "content-type", "etag", "accept-ranges", "last-modified", "cache-control"}
    assert {name: head.headers[name] for name in kept} == {name: whole.headers[name] for name in kept}


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=5-", 5, None), ("bytes=-7", -7, None), ("bytes=10-99999999999", 10, None)],
)
def test_a_range(fetch: Any, content: bytes, wanted: str, start: int, stop: int | None) -> None:
    answer = fetch(range=wanted)
    expected = content[start:stop]
    assert (answer.status_code, answer.content) == (206, expected)
    first = start % len(content)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end(fetch: Any, content: bytes, wanted: str) -> None:
    answer = fetch(range=wanted)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,5-6",
        "bytes=9-1",
        "lines=1-2",
        "bytes=",
        "bytes=-",
        "bytes=x-y",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_a_range_that_is_none_is_ignored(fetch: Any, content: bytes, wanted: str) -> None:
    answer = fetch(range=wanted)
    assert (answer.status_code, answer.content) == (200, content)


def test_a_download_goes_on_only_if_it_is_the_same_file(fetch: Any, content: bytes) -> None:
    etag = fetch().headers["etag"]
    assert fetch(range="bytes=5-", if_range=etag).status_code == 206
    assert fetch(range="bytes=5-", if_range='"other"').content == content
    assert fetch(range="bytes=5-", if_range=f"W/{etag}").content == content


def test_what_is_known_is_not_sent_again(fetch: Any) -> None:
    whole = fetch()
    etag, modified = whole.headers["etag"], whole.headers["last-modified"]
    for condition in (
        {"if_none_match": etag},
        {"if_none_match": f'"other", W/{etag}'},
        {"if_none_match": "*"},
        {"if_modified_since": modified},
    ):
        answer = fetch(**condition)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert fetch(if_none_match='"other"').status_code == 200
    assert fetch(if_none_match='"other"', if_modified_since=modified).status_code == 200
    assert fetch(if_match='"other"').status_code == 412
    assert fetch(if_match=etag).status_code == 200


def test_equal_bytes_have_equal_etags_wherever_they_are(house: House, content: bytes) -> None:
    other = house.an_image(house.a_dataset(), content=content)
    again = house.an_image(house.a_dataset(), content=content)
    tags = {house.get(f"/images/{each['id']}").headers["etag"] for each in (other, again)}
    assert len(tags) == 1


def test_archived_images_are_served_and_purged_ones_are_not(house: House) -> None:
    image = house.an_image(house.a_dataset())
    house.ask("DELETE", f"/images/{image['id']}")
    assert house.get(f"/images/{image['id']}").status_code == 200
    assert house.http.get(image["image_url"]).status_code == 200
    house.ask("DELETE", f"/images/{image['id']}?permanent=true")
    assert house.get(f"/images/{image['id']}").status_code == 404
    assert house.http.get(image["image_url"]).status_code == 404
    assert house.http.get(image["thumbnail_url"]).status_code == 404


def test_a_thumbnail_is_saved_as_what_it_is(house: House) -> None:
    """A PNG's is a JPEG, and no program opens a file that ends in `.200`."""
    image = house.an_image(house.a_dataset(), "für.v2.png")
    answer = house.http.get(image["thumbnail_url"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''f%C3%BCr.v2-200.jpg"


def test_a_signed_url_is_the_same_all_day(house: House, image: dict[str, Any]) -> None:
    """So that whatever caches in between sees one address for one image."""
    urls = {house.get(f"/images/{image['id']}/metadata").json()["image"]["image_url"] for _ in range(2)}
    assert len(urls) == 1
