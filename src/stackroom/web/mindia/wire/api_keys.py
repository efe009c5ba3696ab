"""API keys, in the words of the protocol."""

from typing import Annotated
from uuid import UUID

from stackroom.web.mindia.wire.base import Asked, Given, Moment, like


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
    expires_at: Moment | None
    created_at: Moment


class Key(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    description: str | None
    key_prefix: str
    last_used_at: Moment | None
    expires_at: Moment | None
    is_active: bool
    created_at: Moment


class Revoked(Given, frozen=True, kw_only=True):
    message: str
    id: UUID
