"""The queue and its batches in the words of the protocol."""

from msgspec import UNSET

from stackroom.ingest.batches import Batch, QueueState
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.links import Links, context
from stackroom.web.dlcs.wire import queue as wire


def batch(found: Batch, links: Links, *, estimated: int | None, errors_complete: bool) -> wire.Batch:
    """`estimated` is when it will probably be finished. With `errors_complete`, what failed counts as completed too.

    The protocol has no word for an image that was given up before it was looked at: that is an error to its clients.
    """
    errors = found.errors + found.cancelled
    return wire.Batch(
        context=links.context("Batch"),
        at_id=links.batch(found.id),
        submitted=moment(found.created_at),
        count=found.count,
        completed=found.completed + errors if errors_complete else found.completed,
        finished=UNSET if found.finished_at is None else moment(found.finished_at),
        errors=errors,
        superseded=found.superseded,
        est_completion=UNSET if estimated is None else moment(estimated),
        images=links.batch(found.id, "images"),
        assets=links.batch(found.id, "assets"),
        completed_images=links.batch(found.id, "completedImages"),
        error_images=links.batch(found.id, "errorImages"),
        test=links.batch(found.id, "test"),
    )


def lane(state: QueueState, links: Links, *parts: str) -> wire.CustomerQueue:
    """A customer's queue, or the lane of it at this address below the queue's."""
    return wire.CustomerQueue(
        context=links.context("CustomerQueue"),
        at_id=links.of("queue", *parts),
        size=state.size,
        batches_waiting=state.batches,
        images_waiting=state.waiting,
        batches=links.of("queue", "batches"),
        active=links.of("queue", "active"),
        recent=links.of("queue", "recent"),
        priority=links.of("queue", "priority"),
    )


def summary(default: QueueState, priority: QueueState, base: str) -> wire.QueueSummary:
    return wire.QueueSummary(
        context=context(base, "QueueSummary"),
        at_id=f"{base}/queue",
        incoming=default.size,
        priority=priority.size,
    )
