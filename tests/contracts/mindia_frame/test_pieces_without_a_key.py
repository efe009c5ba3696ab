"""The addresses that an upload in pieces gives take bytes from whoever has them, as presigned ones do."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from stackroom.clock import DAY, SECOND
from stackroom.database.schema import organization
from stackroom.testing.pictures import picture

from .house import PREFIX, Face, Tenant, envelope

CONTENT = picture("png", 30, 20)
HALF = len(CONTENT) // 2 + 1
PIECES = CONTENT[:HALF], CONTENT[HALF:]


def start(face: Face, of: Tenant | None = None) -> dict[str, Any]:
    said = {"filename": "bay.png", "content_type": "image/png", "media_type": "image"}
    sizes = {"file_size": len(CONTENT), "chunk_size": HALF}
    answer = face.post("/uploads/chunked/start", {**said, **sizes}, of=of)
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


def put(face: Face, url: str, piece: bytes, **headers: str) -> httpx.Response:
    return face.raw("PUT", url, content=piece, headers=headers)


def test_pieces_come_without_a_key_and_are_confirmed_and_completed_with_it(face: Face) -> None:
    begun = start(face)
    kinds = {"Content-Type": "image/png"}, {"Content-Type": "application/json"}
    for where, piece, kind in zip(begun["chunk_urls"], PIECES, kinds, strict=True):
        sent = put(face, where["url"], piece, **kind)
        assert (sent.status_code, sent.content) == (200, b"")
    base = f"/uploads/chunked/{begun['session_id']}"
    for index in range(2):
        said = {"chunk_index": index}
        assert face.ask("PUT", f"{base}/chunk/{index}", json=said).status_code == 200
    done = face.post(f"{base}/complete", {"upload_id": begun["session_id"]})
    assert done.status_code == 200, done.text
    assert face.get(f"/images/{done.json()['id']}/file").status_code == 200
    late = put(face, begun["chunk_urls"][0]["url"], PIECES[0])
    envelope(late, 409, "CONFLICT")


def test_who_has_a_key_sends_it_and_needs_no_token(face: Face) -> None:
    begun = start(face)
    where = begun["chunk_urls"][0]["url"]
    envelope(put(face, where, PIECES[0], Authorization="Bearer nonsense"), 401, "UNAUTHORIZED")
    envelope(put(face, where.partition("?")[0], PIECES[0]), 401, "UNAUTHORIZED")
    bearer = f"Bearer {face.tenant.keys['member']}"
    assert put(face, where.partition("?")[0], PIECES[0], Authorization=bearer).status_code == 200


def test_a_token_is_for_the_pieces_of_one_upload_and_for_nothing_else(face: Face) -> None:
    begun, other = start(face), start(face)
    url, token = begun["chunk_urls"][0]["url"].split("?token=")
    theirs = other["chunk_urls"][0]["url"].split("?token=")[1]
    image = face.ask("POST", "/images", files={"file": ("x.png", CONTENT, "image/png")}).json()["id"]
    shown = face.post(f"/images/{image}/public-link").json()["token"]
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (theirs, shown, changed, token[:-4], "", "é"):
        sent = face.raw("PUT", url, params={"token": wrong}, content=PIECES[0])
        assert envelope(sent, 400, "INVALID_INPUT")["error"] == "Invalid token"
    envelope(face.raw("GET", f"{PREFIX}/public/file", params={"token": token}), 400, "INVALID_INPUT")
    for part in ("progress", "complete"):
        path = f"{PREFIX}/uploads/chunked/{begun['session_id']}/{part}"
        method = "GET" if part == "progress" else "POST"
        envelope(face.raw(method, path, params={"token": token}), 401, "UNAUTHORIZED")
    assert face.get(f"/uploads/chunked/{begun['session_id']}/progress").json()["chunks_uploaded"] == 0


@pytest.mark.parametrize(("index", "piece"), [(0, PIECES[0] + b"!"), (2, b"x"), (1, b"")])
def test_what_is_no_piece_of_the_file_is_refused(face: Face, index: int, piece: bytes) -> None:
    url = start(face)["chunk_urls"][0]["url"].replace("/chunk/0?", f"/chunk/{index}?")
    envelope(put(face, url, piece), 400, "INVALID_INPUT")


def test_a_token_ends_with_its_upload_and_with_its_organization(face: Face) -> None:
    tenant = face.a_tenant()
    where = start(face, tenant)["chunk_urls"][0]["url"]
    mine = update(organization).where(organization.c.uuid == tenant.actor.organization_uuid)
    face.write(lambda conn: conn.execute(mine.values(status="suspended")))
    envelope(put(face, where, PIECES[0]), 404, "NOT_FOUND")
    face.write(lambda conn: conn.execute(mine.values(status="active")))
    assert put(face, where, PIECES[0]).status_code == 200
    face.wait(DAY / SECOND)
    assert envelope(put(face, where, PIECES[0]), 400, "INVALID_INPUT")["error"] == "Token has expired"


def test_a_piece_is_in_the_record_without_its_token(face: Face) -> None:
    put(face, start(face)["chunk_urls"][0]["url"], PIECES[0])
    [row] = face.get("/audit-logs", params={"path_filter": "/chunk/0", "limit": 1}).json()["logs"]
    assert (row["query_string"], row["user_id"], row["status_code"]) == ("token=***MASKED***", None, 200)
