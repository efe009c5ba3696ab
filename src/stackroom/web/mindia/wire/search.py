"""Search, in the words of the protocol."""

from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import Given


class Hit(Given, frozen=True, kw_only=True):
    id: UUID
    entity_type: str
    filename: str
    url: str
    description: str | None
    similarity_score: float
    content_type: str | UnsetType = UNSET
    file_size: int | UnsetType = UNSET


class Found(Given, frozen=True, kw_only=True):
    query: str | None
    results: list[Hit]
    count: int
