"""Refusals: one envelope, whatever was wrong."""

from typing import TYPE_CHECKING

import pytest

from stackroom.errors import Unavailable
from stackroom.web.native import library, operations
from stackroom.web.shared import requests

if TYPE_CHECKING:
    import httpx

    from .conftest import Face


def check(answer: "httpx.Response", status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert list(error) == ["code", "message", "hint", "details"]
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["details"], dict)
    assert answer.headers["x-request-id"]


def test_unknown_addresses_and_wrong_methods_answer_in_the_envelope(face: "Face") -> None:
    check(face.raw("GET", "/library/v1"), 404, "unknown_path")
    check(face.raw("GET", "/library/v1/nothing"), 404, "unknown_path")
    check(face.get("/datasets/a%2Fb"), 404, "not_found")
    answer = face.raw("DELETE", "/library/v1/operations")
    check(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("key", [None, "", "pk_live_unknown"])
def test_without_a_key_that_counts_nothing_is_answered(face: "Face", key: str | None) -> None:
    headers = {} if key is None else {"X-API-Key": key}
    for path in ("/whoami", "/operations", "/datasets", "/assets?dataset=x"):
        check(face.raw("GET", "/library/v1" + path, headers=headers), 401, "unauthorized")
    check(face.raw("POST", "/library/v1/operations", headers=headers, content=b"{"), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/operations", "/datasets", "/operations/x/undo"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"'])
def test_what_is_no_json_is_refused(face: "Face", path: str, body: bytes) -> None:
    check(face.ask("POST", path, content=body), 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b"7"])
def test_what_is_no_object_is_refused(face: "Face", body: bytes) -> None:
    check(face.ask("POST", "/operations", content=body), 422, "validation_error")


def test_a_body_past_the_limit_is_refused_and_the_limit_named(
    face: "Face", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MAX_OPERATION_BODY", 2**20)
    answer = face.ask("POST", "/operations", content=b" " * (2**20 + 1))
    check(answer, 413, "payload_too_large")
    assert answer.json()["error"]["details"] == {"limit_bytes": 2**20}


def test_many_more_ids_than_an_ordinary_body_holds_are_taken(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    ids = [*photos.ids, *(f"{number:08x}-0000-7000-8000-000000000000" for number in range(9_999))]
    padded = {"verb": "archive", "selection": {"ids": ids}}
    answer = face.post("/operations", padded)
    assert answer.json()["outcomes"] == {"done": 1, "not_found": 9_999}
    assert operations.MAX_OPERATION_BODY > requests.MAX_BODY


def test_a_bad_idempotency_key_is_refused(face: "Face") -> None:
    check(face.post("/datasets", {"name": "x"}, once="k" * 300), 422, "bad_idempotency_key")


def test_a_full_disk_is_told_as_such(face: "Face", monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object, **_named: object) -> None:
        raise Unavailable("there is no room left", code="storage_full", hint="Free some space.")

    monkeypatch.setattr(library.datasets, "create", full)
    check(face.post("/datasets", {"name": "x"}), 507, "storage_full")


def test_a_failure_of_our_own_says_nothing_of_its_inside(
    face: "Face", monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_words: object, **_named: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(library.datasets, "find", broken)
    answer = face.get("/datasets/photos")
    check(answer, 500, "internal_error")
    assert "secret" not in answer.text
