"""Batches: arrivals that were submitted together, and what has become of them.

A batch's counters move in the transactions that settle its jobs, so reading one costs the same whether it has ten
items or a million. `accept` takes a batch in, whole or not at all; everything
else here looks at batches or steers them.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection

from stackroom.access import Actor
from stackroom.ingest.arriving import Arriving

__all__ = [
    "Arriving",
    "Batch",
    "Item",
    "QueueState",
    "accept",
    "cancel",
    "estimate",
    "find",
    "items",
    "page",
    "queue_state",
    "retry",
    "test",
]

Which = Literal["all", "active", "recent"]
OrderBy = Literal["id", "submitted", "finished"]
ItemState = Literal["waiting", "running", "completed", "failed", "cancelled"]
BatchState = Literal["loading", "waiting", "running", "cancelling", "cancelled", "finished"]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`completed`, `errors` and `cancelled` are exclusive of one another; together they are `count` at the end."""

    id: int
    uuid: bytes
    organization_id: int
    dataset_id: int | None
    name: str | None
    priority: int
    count: int
    completed: int
    errors: int
    cancelled: int
    superseded: bool
    loading: bool
    cancel_requested: bool
    retry_of: int | None
    created_at: int
    started_at: int | None
    finished_at: int | None

    @property
    def settled(self) -> int:
        return self.completed + self.errors + self.cancelled

    @property
    def state(self) -> BatchState:
        if self.finished_at is not None:
            return "cancelled" if self.cancelled else "finished"
        if self.cancel_requested:
            return "cancelling"
        if self.loading:
            return "loading"
        return "waiting" if self.started_at is None else "running"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One arrival of a batch. `name`, `key` and `archived` are the asset's as it is now, None once it is gone."""

    position: int
    state: ItemState
    attempt: int
    asset_uuid: bytes
    name: str | None
    key: str | None
    origin: str
    code: str | None
    reason: str | None
    started_at: int | None
    finished_at: int | None


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to do: `size` items of which `running` are being worked on, in `batches` open batches."""

    size: int
    running: int
    batches: int

    @property
    def waiting(self) -> int:
        return self.size - self.running


def accept(
    conn: Connection,
    actor: Actor,
    arrivals: Sequence[Arriving],
    *,
    priority: int,
    dataset_id: int | None,
    name: str | None,
    now: int,
) -> Batch:
    """Take a batch in: it, its assets and its jobs, or nothing."""
    raise NotImplementedError


def find(conn: Connection, actor: Actor, reference: int | str) -> Batch:
    """By number or by id. Raises `NotFound`, for another organization's batch as for none."""
    raise NotImplementedError


def page(
    conn: Connection,
    actor: Actor,
    which: Which,
    *,
    order_by: OrderBy | None = None,
    descending: bool | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Batch], int]:
    """Batches and how many there are in all.

    `all` is by number, `active` (neither finished nor superseded) by when it was submitted, `recent` (finished, not
    superseded) by when it finished, the last first; unless another order is asked for.
    """
    raise NotImplementedError


def items(
    conn: Connection, found: Batch, state: ItemState | None = None, *, after: int = -1, limit: int
) -> list[Item]:
    """A batch's items in their order, from after this position on."""
    raise NotImplementedError


def test(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> bool:
    """Put right what a batch says of itself; whether there was anything to put right."""
    raise NotImplementedError


def cancel(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> Batch:
    """Give up what has not begun; what runs is finished. Repeating it changes nothing more."""
    raise NotImplementedError


def retry(conn: Connection, actor: Actor, reference: int | str, *, now: int) -> Batch:
    """A new batch of the failed items. Raises `Conflict` (`nothing_to_retry`) where there are none."""
    raise NotImplementedError


def estimate(conn: Connection, found: Batch, *, now: int) -> int | None:
    """When the batch will probably be finished; None when that is known, or cannot be."""
    raise NotImplementedError


def queue_state(
    conn: Connection, organization_id: int | None = None, priority: int | None = None
) -> QueueState:
    """What waits in an organization's lanes, or in everybody's; in one lane, or in both."""
    raise NotImplementedError
