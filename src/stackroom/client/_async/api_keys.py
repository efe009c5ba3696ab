"""Keys of the organization."""

import builtins
from datetime import datetime

from msgspec import UNSET, UnsetType

from stackroom.client.models import ApiKey, NewApiKey, Role
from stackroom.client.wire import Call, Shape, changed, given, many, nothing, one, segment

from .connection import AsyncConnection

_KEYS = "/api/v1/api-keys/"
_KEY = one(Shape(ApiKey), "api_key")
_LIST = many(Shape(ApiKey), "api_keys")
_MADE = one(Shape(NewApiKey, {"id": ("key_id",), "token": ("api_key",)}))


class AsyncApiKeys:
    """`client.api_keys`. Changing anything needs the admin role, and nobody makes a key above their own."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self) -> builtins.list[ApiKey]:
        """All keys of the organization, without their secrets."""
        return (await self._connection.call(Call(method="GET", path=_KEYS, reply=_LIST))).rows

    async def get(self, key_id: str) -> ApiKey:
        """The key of this id. Raises NotFoundError."""
        return await self._connection.call(Call(method="GET", path=_path(key_id), reply=_KEY))

    async def create(
        self,
        name: str,
        *,
        role: Role = "member",
        rate_limit: int | None = None,
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """A new key. Keep its `token`: no other answer has it. `rate_limit` is in requests an hour."""
        body = given(name=name, role=role, rate_limit=rate_limit, expires_at=expires_at)
        return await self._connection.call(Call(method="POST", path=_KEYS, json=body, reply=_MADE))

    async def update(
        self,
        key_id: str,
        *,
        name: str | UnsetType = UNSET,
        rate_limit: int | UnsetType | None = UNSET,
        is_active: bool | UnsetType = UNSET,
    ) -> ApiKey:
        """Change what is given; `rate_limit=None` takes the limit away, `is_active=False` switches the key off.

        Raises EmptyUpdate, without a request, if nothing is given.
        """
        body = changed(name=name, rate_limit=rate_limit, is_active=is_active)
        return await self._connection.call(Call(method="PATCH", path=_path(key_id), json=body, reply=_KEY))

    async def delete(self, key_id: str) -> None:
        """Remove a key for good. What it did stays on record."""
        await self._connection.call(Call(method="DELETE", path=_path(key_id), reply=nothing))


def _path(key_id: str) -> str:
    return _KEYS + segment(key_id, "key id")
