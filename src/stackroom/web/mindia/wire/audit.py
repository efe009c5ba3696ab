"""The audit log, in the words of the protocol."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from stackroom.web.mindia.wire.base import Given, Moment

Number = Annotated[int, Meta(ge=1)]


class Row(Given, frozen=True, kw_only=True):
    id: int
    event_type: str
    request_id: str | None
    tenant_id: UUID
    method: str | None
    path: str | None
    normalized_path: str | None
    query_string: str | None
    status_code: int
    request_size_bytes: int
    response_size_bytes: int
    duration_ms: int
    user_agent: str | None
    ip_address: str | None
    created_at: Moment
    user_id: UUID | None
    api_key_id: UUID | None
    success: bool
    error_message: str | None
    details: dict[str, Any] | None


class Rows(Given, frozen=True, kw_only=True):
    """`limit` is what was asked for, though no more than 500 come at once."""

    logs: list[Row]
    total: int
    limit: int
    offset: int
