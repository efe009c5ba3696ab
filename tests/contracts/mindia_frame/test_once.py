"""A repeat with its Idempotency-Key gets the first answer, and only the repeat does."""

import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from stackroom.clock import DAY, SECOND
from stackroom.database.schema import answer

from .house import PREFIX, Face, envelope, on_both_databases

pytestmark = on_both_databases
KEY, REPLAYED = "x-idempotent-key", "x-idempotent-replayed"


def a_key(face: Face, once: str, name: str = "made", **rest: str) -> httpx.Response:
    return face.post("/api-keys", {"name": name}, once=once, **rest)


def names(face: Face) -> list[str]:
    return [each["name"] for each in face.get("/api-keys").json()]


def test_a_repeat_changes_nothing_and_gets_the_same_answer(face: Face) -> None:
    first, second = a_key(face, "one", "only one"), a_key(face, "one", "only one")
    assert (first.status_code, first.headers[KEY]) == (201, "one")
    assert REPLAYED not in first.headers
    assert (second.status_code, second.content) == (201, first.content)
    assert (second.headers[KEY], second.headers[REPLAYED]) == ("one", "true")
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert names(face).count("only one") == 1


def test_a_key_that_came_with_another_body_is_refused(face: Face) -> None:
    a_key(face, "two", "a")
    envelope(a_key(face, "two", "b"), 422, "IDEMPOTENCY_KEY_REUSED")
    assert "b" not in names(face)
    assert a_key(face, "two", "a").headers[REPLAYED] == "true"


def test_a_key_counts_for_its_tenant_and_its_address_alone(face: Face) -> None:
    made = a_key(face, "three")
    theirs = face.post("/api-keys", {"name": "made"}, once="three", of=face.stranger)
    assert theirs.status_code == 201
    assert REPLAYED not in theirs.headers
    elsewhere = face.delete(f"/api-keys/{made.json()['id']}", once="three")
    assert elsewhere.status_code == 200
    assert REPLAYED not in elsewhere.headers


def test_a_repeat_needs_a_valid_key_and_a_role_as_the_first_did(face: Face) -> None:
    a_key(face, "four")
    headers = {"Idempotency-Key": "four"}
    envelope(
        face.raw("POST", f"{PREFIX}/api-keys", json={"name": "made"}, headers=headers), 401, "UNAUTHORIZED"
    )
    envelope(a_key(face, "four", role="viewer"), 403, "FORBIDDEN")


def test_another_key_of_the_tenant_gets_the_answer_too_unless_it_holds_a_secret(face: Face) -> None:
    made = a_key(face, "five").json()
    other = a_key(face, "five", role="admin")
    assert other.json()["api_key"] != made["api_key"]
    revoke = f"/api-keys/{made['id']}"
    first, second = face.delete(revoke, once="six"), face.delete(revoke, once="six", role="admin")
    assert second.content == first.content
    assert second.headers[REPLAYED] == "true"


def test_a_refusal_is_kept_as_well_but_not_one_that_is_about_the_caller(face: Face) -> None:
    nothing = "/api-keys/00000000-0000-4000-8000-000000000000"
    first = face.delete(nothing, once="seven")
    envelope(first, 404, "NOT_FOUND")
    assert first.headers[KEY] == "seven"
    again = face.delete(nothing, once="seven")
    envelope(again, 404, "NOT_FOUND")
    assert again.content == first.content
    assert again.headers[REPLAYED] == "true"
    kept = select(func.count()).select_from(answer)
    before = face.read(lambda conn: conn.scalar(kept))
    a_key(face, "eight", role="viewer")
    face.raw("POST", f"{PREFIX}/api-keys", headers={"Idempotency-Key": "eight"})
    assert face.read(lambda conn: conn.scalar(kept)) == before


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"name": " "}', "application/json", (400, "BAD_REQUEST")),
        (b'{"name": 5}', "application/json", (400, "INVALID_INPUT")),
        (b"{", "application/json", (400, "INVALID_INPUT")),
        (b'{"name": "x"}', "text/plain", (415, "UNSUPPORTED_MEDIA_TYPE")),
    ],
)
def test_what_is_refused_before_there_is_anything_to_write_is_kept_as_well(
    face: Face, body: bytes, kind: str, code: tuple[int, str]
) -> None:
    once = f"refused {body!r} {kind}"
    headers = {"Content-Type": kind, "Idempotency-Key": once}
    first, second = (face.ask("POST", "/folders", content=body, headers=headers) for _ in range(2))
    envelope(first, *code)
    assert (first.headers[KEY], REPLAYED in first.headers) == (once, False)
    assert (second.content, second.headers[KEY], second.headers[REPLAYED]) == (first.content, once, "true")
    envelope(face.post("/folders", {"name": "mended"}, once=once), 422, "IDEMPOTENCY_KEY_REUSED")
    assert "mended" not in [each["name"] for each in face.get("/folders").json()]


def test_of_two_at_once_one_is_done_and_both_get_its_answer(face: Face) -> None:
    async def both() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {face.tenant.keys['owner']}", "Idempotency-Key": "nine"}
        call = {"json": {"name": "twice"}, "headers": headers}
        return await asyncio.gather(*(face.http.post(f"{PREFIX}/api-keys", **call) for _ in range(4)))

    answers = face.do(both())
    assert {each.status_code for each in answers} == {201}
    assert len({each.content for each in answers}) == 1
    assert sum(REPLAYED not in each.headers for each in answers) == 1
    assert names(face).count("twice") == 1


def test_after_a_day_a_key_is_fresh_again(face: Face) -> None:
    a_key(face, "ten", "daily")
    face.wait(DAY / SECOND)
    assert REPLAYED not in a_key(face, "ten", "daily").headers
    assert names(face).count("daily") == 2


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "INVALID_KEY_LENGTH"),
        ("k" * 257, "INVALID_KEY_LENGTH"),
        ("caf\xe9", "INVALID_HEADER"),
        ("a\x7fb", "INVALID_HEADER"),
    ],
)
def test_a_key_that_is_none_is_refused(face: Face, key: str, code: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    envelope(face.ask("POST", "/api-keys", json={"name": "never"}, headers=headers), 400, code)
    assert "never" not in names(face)
    assert a_key(face, "k" * 256).status_code == 201
