"""An image can be shown to whoever has a link, for as long as the link says."""

import base64

import pytest

from stackroom.clock import SECOND
from stackroom.testing.pictures import picture

from .house import PREFIX, Face, envelope

FETCH = f"{PREFIX}/public/file"


@pytest.fixture(scope="module")
def image(face: Face) -> tuple[str, bytes]:
    content = picture("png", 4, 3)
    answer = face.ask("POST", "/images", files={"file": ("bay.png", content, "image/png")})
    assert answer.status_code == 200, answer.text
    kept: str = answer.json()["id"]
    return kept, face.get(f"/images/{kept}/file").content


def link(face: Face, image: str, **body: int) -> dict[str, str]:
    answer = face.post(f"/images/{image}/public-link", body or None)
    assert answer.status_code == 201
    made: dict[str, str] = answer.json()
    return made


def test_a_link_shows_the_image_to_anybody_until_it_ends(face: Face, image: tuple[str, bytes]) -> None:
    made = link(face, image[0], expires_in_seconds=60)
    assert made["url"] == f"http://library.example{FETCH}?token={made['token']}"
    answer = face.raw("GET", made["url"])
    assert (answer.status_code, answer.content) == (200, image[1])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, max-age=3600"
    part = face.raw("GET", made["url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, image[1][:4])
    face.wait(60)
    assert envelope(face.raw("GET", made["url"]), 400, "INVALID_INPUT")["error"] == "Token has expired"


def test_what_a_link_says_is_72_bytes_that_nobody_else_can_make(face: Face, image: tuple[str, bytes]) -> None:
    token = link(face, image[0])["token"]
    raw = base64.urlsafe_b64decode(token)
    assert len(raw) == 72
    assert int.from_bytes(raw[:8]) == face.moment // SECOND + 3600
    assert raw[8:24] == face.tenant.actor.organization_uuid
    longer = (int.from_bytes(raw[:8]) + 1).to_bytes(8) + raw[8:]
    theirs = raw[:8] + face.stranger.actor.organization_uuid + raw[24:]
    for forged in (longer, theirs, raw[:-1], raw + b"x", raw[:40], b""):
        changed = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        said = envelope(face.raw("GET", FETCH, params={"token": changed}), 400, "INVALID_INPUT")
        assert said["error"] == "Invalid token"


@pytest.mark.parametrize("token", ["x", "é" * 96, "%00", "=" * 96, "a b", "A" * 96 + "\n"])
def test_what_is_no_token_is_refused(face: Face, token: str) -> None:
    envelope(face.raw("GET", FETCH, params={"token": token}), 400, "INVALID_INPUT")
    envelope(face.raw("GET", FETCH), 400, "INVALID_INPUT")


def test_a_link_is_made_by_members_for_their_own_images(face: Face, image: tuple[str, bytes]) -> None:
    path = f"/images/{image[0]}/public-link"
    envelope(face.post(path, role="viewer"), 403, "FORBIDDEN")
    assert envelope(face.post(path, of=face.stranger), 404, "NOT_FOUND")["error"] == "Image not found"
    for seconds in (0, -1, 10**12, "soon"):
        envelope(face.post(path, {"expires_in_seconds": seconds}), 400, "INVALID_INPUT")


def test_a_visit_is_in_the_record_without_its_token_and_without_anybody(
    face: Face, image: tuple[str, bytes]
) -> None:
    made = link(face, image[0])
    face.raw("GET", made["url"])
    [row] = face.get("/audit-logs", params={"path_filter": "public/file", "limit": 1}).json()["logs"]
    assert (row["query_string"], row["user_id"], row["status_code"]) == ("token=***MASKED***", None, 200)
    assert row["response_size_bytes"] == len(image[1])


def test_a_link_to_what_is_gone_shows_nothing(face: Face) -> None:
    content = picture("png", 5, 5)
    kept = face.ask("POST", "/images", files={"file": ("gone.png", content, "image/png")}).json()["id"]
    made = link(face, kept)
    assert face.delete(f"/media/{kept}").status_code == 204
    envelope(face.raw("GET", made["url"]), 404, "NOT_FOUND")
