"""Health, in the words of the protocol."""

from typing import Literal

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import Given

Condition = Literal["healthy", "unhealthy", "degraded", "timeout"]


class Alive(Given, frozen=True, kw_only=True):
    status: Literal["alive"] = "alive"


class Health(Given, frozen=True, kw_only=True):
    status: Condition
    database: Condition
    storage: Condition
    semantic_search: Condition | UnsetType = UNSET
    task_queue: Condition
    webhooks: Condition | UnsetType = UNSET
    background: Condition | UnsetType = UNSET
    """There only where something is the matter with it."""


class Ready(Given, frozen=True, kw_only=True):
    status: Literal["ready", "not_ready"]
    database: Literal["ready", "not_ready", "timeout"]
