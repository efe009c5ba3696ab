"""API keys. Their secret is in the answer that makes them, and in no other."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given

Role = Literal["viewer", "member", "admin", "owner"]


class KeyQuery(Asked, frozen=True, kw_only=True):
    organization_id: str | None = None


class NewKey(Asked, frozen=True, kw_only=True):
    """`expires_at` without a time zone is UTC."""

    organization_id: str | None = None
    name: str
    role: Role = "member"
    rate_limit: int | None = None
    expires_at: datetime | None = None


class KeyUpdate(Asked, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    rate_limit: int | UnsetType | None = UNSET
    is_active: bool | UnsetType = UNSET


class Key(Given, frozen=True, kw_only=True):
    """`rate_limit` is in requests an hour, and a number also where there is no limit: no model takes null."""

    id: str
    organization_id: str
    name: str
    key_prefix: str
    role: str
    rate_limit: int
    is_active: bool
    last_used_at: str | None
    expires_at: str | None
    created_at: str


class MadeKey(Given, frozen=True, kw_only=True):
    success: bool = True
    api_key: str
    key_id: str
    key_prefix: str
    name: str
    role: str
    rate_limit: int
    expires_at: str | None
    created_at: str


class KeyAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    api_key: Key


class KeyList(Given, frozen=True, kw_only=True):
    success: bool = True
    api_keys: list[Key]


class KeyDeleted(Given, frozen=True, kw_only=True):
    success: bool = True
    key_id: str
