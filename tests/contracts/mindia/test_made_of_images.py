"""Images as an address asks for them, and the presets that an address can name."""

import io
import uuid
from typing import Any

import httpx
import pytest
from PIL import Image

from .house import House, refused
from .material import a_sound
from .shelf import Shelf, on_both_databases

WORDS = "-/resize/20x/-/format/webp/"


def made(house: House, shelf: Shelf, image: str, words: str, **options: Any) -> httpx.Response:
    return house.get(f"/images/{image}/{words}", shelf.a, **options)


def picture(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as opened:
        opened.load()
    assert Image.MIME[opened.format or ""] == answer.headers["content-type"]
    return opened


def test_an_image_is_made_as_its_address_says_and_kept(house: House, shelf: Shelf) -> None:
    first = made(house, shelf, shelf.a5, WORDS)
    assert (picture(first).size, first.headers["content-type"]) == ((20, 15), "image/webp")
    assert int(first.headers["content-length"]) == len(first.content)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    kept = house.stored("renditions/")
    again = made(house, shelf, shelf.a5, "-/format/webp/resize/20x")
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert house.stored("renditions/") == kept
    known = made(house, shelf, shelf.a5, WORDS, headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    some = made(house, shelf, shelf.a5, WORDS, headers={"Range": "bytes=0-3"})
    assert (some.status_code, some.content) == (206, first.content[:4])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("image/avif,image/webp,*/*;q=0.8", "image/avif"), ("image/webp", "image/webp"), ("*/*", "image/jpeg")],
)
def test_auto_is_what_the_client_says_it_can_read(
    house: House, shelf: Shelf, accept: str, content_type: str
) -> None:
    answer = made(house, shelf, shelf.a5, "-/format/auto", headers={"Accept": accept})
    assert answer.headers["content-type"] == content_type
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize(
    "words", ["resize/20x", "-/enlarge/9x", "-/rotate/45", "-/resize/0x", "-", "x", "-/resize/9999x", "-/%2F"]
)
def test_what_an_address_cannot_ask_for_is_refused(house: House, shelf: Shelf, words: str) -> None:
    said = refused(made(house, shelf, shelf.a5, words), 400, "BAD_REQUEST")
    assert said["error"].startswith("Invalid transformation")


def test_nothing_is_made_of_what_is_no_image_of_ones_own(house: House, shelf: Shelf) -> None:
    sound = str(shelf.sent("audio", "x.wav", a_sound(), "audio/wav")["id"])
    for other in (shelf.unknown, shelf.b1, sound):
        refused(made(house, shelf, other, WORDS), 404, "NOT_FOUND")
    refused(made(house, shelf, "no-id", WORDS), 400, "INVALID_INPUT")
    refused(house.get(f"/images/{shelf.a5}/{WORDS}"), 401, "UNAUTHORIZED")


def test_a_watermark_is_an_image_of_the_same_tenant(house: House, shelf: Shelf) -> None:
    mark = shelf.image(shelf.a, "mark.png")
    plain = picture(made(house, shelf, shelf.a5, "-/quality/best")).convert("RGB")
    marked = picture(made(house, shelf, shelf.a5, f"-/watermark/{mark}/size/100%/opacity/1")).convert("RGB")
    assert plain.tobytes() != marked.tobytes()
    for other in (shelf.unknown, shelf.b1):
        refused(made(house, shelf, shelf.a5, f"-/watermark/{other}"), 404, "NOT_FOUND")
    assert house.delete(f"/media/{mark}", shelf.a).status_code == 204
    refused(made(house, shelf, shelf.a5, f"-/watermark/{mark}/size/100%/opacity/1"), 404, "NOT_FOUND")


def test_what_was_made_of_an_image_goes_with_it(house: House, shelf: Shelf) -> None:
    image = shelf.image(shelf.a, "gone.png")
    before = house.stored("renditions/")
    assert made(house, shelf, image, WORDS).status_code == 200
    new = house.stored("renditions/") - before
    assert new
    assert house.delete(f"/media/{image}", shelf.a).status_code == 204
    refused(made(house, shelf, image, WORDS), 404, "NOT_FOUND")
    assert house.gone(*new)


@on_both_databases
def test_a_preset_is_a_name_for_operations(house: House, shelf: Shelf) -> None:
    body = {"name": "small", "operations": "-/resize/20x/-/grayscale", "description": "for lists"}
    answer = house.post("/presets", body, shelf.a)
    assert answer.status_code == 201
    assert list(answer.json()) == ["id", "name", "operations", "description", "created_at", "updated_at"]
    assert uuid.UUID(answer.json()["id"])
    refused(house.post("/presets", body, shelf.a), 409, "CONFLICT")
    assert [each["name"] for each in house.get("/presets", shelf.a).json()] == ["small"]
    assert house.get("/presets", shelf.b).json() == []
    first = made(house, shelf, shelf.a5, "-/preset/small/-/format/png")
    asked = picture(first)
    assert (asked.size, asked.format) == ((20, 15), "PNG")
    assert first.headers["cache-control"] == "private, no-cache"  # it may be another tomorrow
    known = {"If-None-Match": first.headers["etag"]}
    again = made(house, shelf, shelf.a5, "-/preset/small/-/format/png", headers=known)
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")
    changed = house.put("/presets/small", {"operations": "resize/10x"}, shelf.a)
    assert (changed.status_code, changed.json()["description"]) == (200, "for lists")
    assert picture(made(house, shelf, shelf.a5, "-/preset/small")).size[0] == 10
    assert house.delete("/presets/small", shelf.a).status_code == 204
    for method in ("GET", "DELETE"):
        refused(house.ask(method, "/presets/small", of=shelf.a), 404, "NOT_FOUND")
    refused(house.put("/presets/small", {"operations": "flip"}, shelf.a), 404, "NOT_FOUND")
    refused(made(house, shelf, shelf.a5, "-/preset/small"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "9small", "operations": "flip"}, "BAD_REQUEST"),
        ({"name": "n" * 101, "operations": "flip"}, "BAD_REQUEST"),
        ({"name": "small", "operations": "wobble"}, "BAD_REQUEST"),
        ({"name": "small", "operations": "preset/other"}, "BAD_REQUEST"),
        ({"name": "small"}, "INVALID_INPUT"),
        ({"name": 5, "operations": "flip"}, "INVALID_INPUT"),
        ([], "INVALID_INPUT"),
    ],
)
def test_what_no_preset_can_be_is_refused(house: House, shelf: Shelf, body: Any, code: str) -> None:
    refused(house.post("/presets", body, shelf.a), 400, code)
    assert house.get("/presets", shelf.a).json() == []
