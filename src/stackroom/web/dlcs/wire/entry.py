"""The entry point, and what the whole server has."""

from msgspec import field

from stackroom.web.dlcs.wire.base import Given


class EntryPoint(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:EntryPoint")
    customers: str
    origin_strategies: str
    storage_policies: str
    queue: str
