"""Batches: what is to be taken in, and what became of it."""

from typing import Annotated, Literal

from msgspec import Meta

from stackroom.web.native.wire.base import (
    MAX_COUNT,
    MAX_ITEMS,
    MAX_PAGE,
    Asked,
    Given,
    Id,
    Moment,
    Named,
    Path,
    Reference,
)

MAX_ARRIVALS = 100_000
Tag = Annotated[str, Meta(min_length=1)]
AssetKey = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=r"^[^/\s][^/\x00-\x1f]*$",
        description="It begins with no space, and has no slash.",
    ),
]
BatchPriority = Literal["default", "priority"]
BatchState = Literal["loading", "waiting", "running", "cancelling", "cancelled", "finished"]
BatchItemState = Literal["waiting", "running", "completed", "failed", "cancelled"]


class NewArrival(Asked, frozen=True, kw_only=True):
    """Where something is that is to be taken in, and what it will be called where."""

    origin: Annotated[str, Meta(min_length=1, max_length=8192)]
    name: str | None = None
    folder: Path | None = None
    key: AssetKey | None = None
    """Names it for good: what arrives under a key that the dataset knows takes the place of what was there."""
    media_type: Annotated[str, Meta(max_length=255)] | None = None
    tags: tuple[Tag, ...] = ()


class NewBatch(Asked, frozen=True, kw_only=True):
    dataset: Reference
    items: Annotated[list[NewArrival], Meta(max_length=MAX_ARRIVALS)]
    folder: Path = "/"
    """Where those go that do not say."""
    name: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    priority: BatchPriority = "default"


class BatchesQuery(Asked, frozen=True, kw_only=True):
    which: Literal["all", "active", "recent"] = "all"
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: str | None = None


class BatchItemsQuery(Asked, frozen=True, kw_only=True):
    state: BatchItemState | None = None
    after: Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ITEMS)] = 1000


class Batch(Given, frozen=True, kw_only=True):
    """Arrivals submitted together. `completed`, `errors`, `cancelled` and `pending` add up to `count`.

    `rate`, in items a second, and `estimated_completion` are of one that is at work, once there is something to go by.
    """

    id: Id
    number: int
    """The same batch in the words of digital libraries; it may stand in an address in place of the id."""
    name: str | None
    dataset: Named | None
    priority: BatchPriority
    state: BatchState
    count: int
    completed: int
    errors: int
    cancelled: int
    pending: int
    rate: float | None
    estimated_completion: Moment | None
    retry_of: int | None
    """The number of the batch whose failed items these are."""
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class Batches(Given, frozen=True, kw_only=True):
    batches: list[Batch]
    next: str | None


class BatchItem(Given, frozen=True, kw_only=True):
    """One arrival of a batch. A waiting one may be between two attempts; `code` and `reason` say why one failed."""

    position: int
    state: BatchItemState
    origin: str
    attempts: int
    asset_id: Id
    name: str | None
    key: str | None
    code: str | None
    reason: str | None
    started_at: Moment | None
    finished_at: Moment | None


class BatchItems(Given, frozen=True, kw_only=True):
    items: list[BatchItem]
    next: int | None
