"""Tags, given to many images at once."""

from collections.abc import Sequence

from msgspec import Raw

from stackroom.web.pictograph.wire.base import Given
from stackroom.web.pictograph.wire.batch import Batch


class BulkTag(Batch, frozen=True, kw_only=True):
    tags: list[str]
    add: bool = True


class TaggedData(Given, frozen=True, kw_only=True):
    processed: int
    tags: Sequence[str]
    added: bool


class Tagged(TaggedData, frozen=True, kw_only=True):
    success: bool
    failed: Raw
    failed_count: int
    operation_id: str
    data: TaggedData
