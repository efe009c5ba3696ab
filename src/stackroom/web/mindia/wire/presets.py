"""Presets of transformations, in the words of the protocol."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom.web.mindia.wire.base import Asked, Given


class NewPreset(Asked, frozen=True, kw_only=True):
    name: str
    operations: str
    description: str | None = None


class PresetChanges(Asked, frozen=True, kw_only=True):
    operations: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


class Preset(Given, frozen=True, kw_only=True):
    id: UUID
    name: str
    operations: str
    description: str | None
    created_at: datetime
    updated_at: datetime
