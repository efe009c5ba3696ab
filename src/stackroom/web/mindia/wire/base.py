"""What every part of the Mindia protocol shares: moments, ids, pages."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from stackroom import clock, ids

_UUID = re.compile(
    r"(?:urn:uuid:)?(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})"
    r"|\{[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}",
    re.IGNORECASE,
)


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
AN_ID = "0f6a3c1e-52d7-4b7e-9a65-3b1f0f4d9c11"
"""What ids look like, in examples."""


def like(example: Any) -> msgspec.Meta:
    """What a value looks like: `name: Annotated[str, like("Spring")]`."""
    return msgspec.Meta(examples=[example])


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client sends. Keys that are not known are ignored."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client is sent."""


class Page(msgspec.Struct, frozen=True):
    """Which part of a list. Lists are newest first, and bare arrays."""

    limit: int
    offset: int


def moment(at: int) -> datetime:
    """In JSON: UTC with `Z`, and microseconds unless there are none."""
    return clock.to_datetime(at)


def moment_or_none(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def uuid(raw: bytes) -> UUID:
    """In JSON: lower case, with hyphens."""
    return ids.uuid(raw)


def parse_uuid(text: str) -> bytes | None:
    """An id in any case: with hyphens, as 32 digits, as `urn:uuid:…` or in braces. None for anything else."""
    if _UUID.fullmatch(text) is None:
        return None
    return bytes.fromhex(text.lower().removeprefix("urn:uuid:").strip("{}").replace("-", ""))
