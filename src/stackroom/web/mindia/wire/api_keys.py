"""API keys, in the words of the protocol."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from stackroom.web.mindia.wire.base import Asked, Given, like


class NewKey(Asked, frozen=True, kw_only=True):
    name: Annotated[str, like("camera")]
    description: str | None = None
    expires_in_days: int | None = None


class MadeKey(Given, frozen=True, kw_only=True):
    """`api_key` is the secret, here and never again."""

    id: UUID
    api_key: str
    name: str
    description: str | None
    key_prefix: str
    expires_at: datetime | None
    created_at: datetime


class Key(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    description: str | None
    key_prefix: str
    last_used_at: datetime | None
    expires_at: datetime | None
    is_active: bool
    created_at: datetime


class Revoked(Given, frozen=True, kw_only=True):
    message: str
    id: UUID
