"""The queue and its batches, as clients are told of them."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Given


class Batch(Given, frozen=True, kw_only=True):
    """Images that were submitted together. What is not known yet, or no longer of interest, is left out."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:Batch")
    submitted: str
    count: int
    completed: int
    finished: str | UnsetType = UNSET
    errors: int
    superseded: bool
    est_completion: str | UnsetType = UNSET
    images: str
    assets: str
    completed_images: str
    error_images: str
    test: str


class CustomerQueue(Given, frozen=True, kw_only=True):
    """A lane of a customer's queue. The links are the same for both."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:CustomerQueue")
    size: int
    batches_waiting: int
    images_waiting: int
    batches: str
    active: str
    recent: str
    priority: str


class QueueSummary(Given, frozen=True, kw_only=True):
    """Everybody's queues. `failed` and `success` are for clients that expect them: nothing is counted there."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:QueueSummary")
    incoming: int
    priority: int
    timebased: int = 0
    transcode_complete: int = 0
    file: int = 0
    failed: int = 0
    success: int = 0


class Tested(Given, frozen=True, kw_only=True):
    """Whether there was anything to put right; False is no failure."""

    success: bool
