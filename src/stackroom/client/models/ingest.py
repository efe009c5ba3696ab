"""Arrivals: what is to be taken in, the batches that carry it, and what became of each item."""

from typing import Literal, Required, TypedDict

from msgspec import Struct

from .base import Moment, OpenEnum
from .operations import DatasetRef

BatchesOf = Literal["all", "active", "recent"]


class Arrival(TypedDict, total=False):
    """One thing to take in: where its bytes are, and what it will be called where.

    `origin` is an `https://…`, `s3://…` or `file:///…` address that the server may read. Without a `name` it is
    called as its origin is, without a `folder` it goes where its batch does. `key` names it for good: what arrives
    under a key that the dataset knows takes the place of what was there.
    """

    origin: Required[str]
    name: str
    folder: str
    key: str
    media_type: str
    tags: list[str]


class BatchState(OpenEnum):
    """Where a batch stands."""

    LOADING = "loading"
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class ItemState(OpenEnum):
    """Where one item of a batch stands. A waiting one may be between two attempts."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Batch(Struct, frozen=True, kw_only=True):
    """Arrivals that were submitted together. `completed`, `errors`, `cancelled` and `pending` add up to `count`."""

    id: str
    number: int
    state: BatchState
    created_at: Moment
    name: str | None = None
    dataset: DatasetRef | None = None
    priority: str = "default"
    count: int = 0
    completed: int = 0
    errors: int = 0
    cancelled: int = 0
    pending: int = 0
    rate: float | None = None
    estimated_completion: Moment | None = None
    retry_of: int | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None

    @property
    def is_over(self) -> bool:
        """Whether every item has come to its end."""
        return self.finished_at is not None

    @property
    def success(self) -> bool:
        """Whether it is over and every item was taken in."""
        return self.is_over and self.completed == self.count


class BatchItem(Struct, frozen=True, kw_only=True):
    """One arrival of a batch, and what became of it."""

    position: int
    state: ItemState
    origin: str
    attempts: int = 0
    asset_id: str | None = None
    name: str | None = None
    key: str | None = None
    code: str | None = None
    reason: str | None = None
    started_at: Moment | None = None
    finished_at: Moment | None = None
