"""Presets of transformations, in the words of the protocol."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import Asked, Given, Moment, like


class NewPreset(Asked, frozen=True, kw_only=True):
    name: Annotated[str, like("thumbnail")]
    operations: Annotated[str, like("resize/400x")]
    description: str | None = None


class PresetChanges(Asked, frozen=True, kw_only=True):
    operations: Annotated[str | UnsetType, like("resize/400x")] = UNSET
    description: str | UnsetType | None = UNSET


class Preset(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    operations: str
    description: str | None
    created_at: Moment
    updated_at: Moment
