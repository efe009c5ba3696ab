"""What goes wrong in the server is said in the envelope, without a word of what it is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stackroom.errors import StackroomError, Unavailable
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia import config
from stackroom.web.mindia.errors import KINDS, code_of

from .house import PREFIX, Face

SETTINGS = {"request_seconds": 0}


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("secret"), "INTERNAL_ERROR", "Internal server error"),
        (Unavailable("secret", code="database_unavailable"), "DATABASE_ERROR", "Failed to access database"),
        (MissingBytes("secret"), "STORAGE_ERROR", "Failed to access storage"),
        (Unavailable("secret", code="storage_unreachable"), "STORAGE_ERROR", "Failed to access storage"),
        (Unavailable("no room", code="storage_full"), "INSUFFICIENT_DISK_SPACE", "no room"),
        (Unavailable("busy"), "RESOURCE_EXCEEDED", "busy"),
        (StackroomError("secret", code="whatever"), "INTERNAL_ERROR", "Internal server error"),
    ],
)
def test_a_failure_is_told_by_its_kind_alone(
    face: Face, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, text: str
) -> None:
    def fails(_: object) -> object:
        raise error

    monkeypatch.setattr(config, "json_reply", fails)
    answer = face.get("/config")
    body = answer.json()
    assert (body["code"], body["error"]) == (code, text)
    assert answer.status_code == KINDS[code].status >= 500
    assert body["recoverable"] is True
    assert "secret" not in answer.text
    assert ("details" in body) is (KINDS[code].fixed is None)
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_body_that_does_not_arrive_is_waited_for_only_so_long(face: Face) -> None:
    async def stalls() -> AsyncIterator[bytes]:
        yield b'{"name":'
        await asyncio.Event().wait()

    headers = {"Authorization": f"Bearer {face.tenant.keys['owner']}", "Content-Type": "application/json"}
    answer = face.raw("POST", f"{PREFIX}/api-keys", content=stalls(), headers=headers)
    said: dict[str, Any] = answer.json()
    assert (answer.status_code, said["code"], said["recoverable"]) == (408, "REQUEST_TIMEOUT", True)


def test_a_code_of_the_protocol_is_the_same_in_small_letters() -> None:
    assert {code_of(StackroomError("", code=code.lower())) for code in KINDS} == set(KINDS)
