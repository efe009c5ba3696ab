"""Operations of the native API and their items, and the assets they work on."""

from typing import Any, Literal

from msgspec import Struct

from .base import Moment, OpenEnum

ReportFormat = Literal["jsonl", "csv"]
# What happens when the name is taken at the destination; "fail" refuses the whole operation.
OnCollision = Literal["rename", "skip", "overwrite", "fail"]


class Verb(OpenEnum):
    """What an operation does to its items."""

    MOVE = "move"
    COPY = "copy"
    UPDATE = "update"
    ARCHIVE = "archive"
    RESTORE = "restore"
    PURGE = "purge"
    UNDO = "undo"


class OperationState(OpenEnum):
    """Where an operation stands."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Outcome(OpenEnum):
    """What happened to one item."""

    DONE = "done"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not_found"
    NAME_TAKEN = "name_taken"
    SKIPPED = "skipped"
    ITSELF = "itself"
    CHANGED_SINCE = "changed_since"
    IRREVERSIBLE = "irreversible"
    NOT_READY = "not_ready"
    CANCELLED = "cancelled"


_OVER = frozenset({OperationState.FINISHED, OperationState.CANCELLED, OperationState.FAILED})


class DatasetRef(Struct, frozen=True, kw_only=True):
    """A dataset by id and name."""

    id: str
    name: str


class OperationItem(Struct, frozen=True, kw_only=True):
    """One item of an operation: what was asked for, what became of it, and how it looked before and after."""

    position: int
    id: str
    outcome: Outcome
    reason: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    new_id: str | None = None


class Operation(Struct, frozen=True, kw_only=True):
    """One change over many assets. `succeeded`, `failed` and `pending` add up to `total`."""

    id: str
    verb: Verb
    state: OperationState
    created_at: Moment
    dry_run: bool = False
    dataset: DatasetRef | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    pending: int = 0
    outcomes: dict[str, int] = {}
    bytes: int = 0
    undo_of: str | None = None
    undone_by: str | None = None
    undoable: bool = False
    plan: str | None = None
    samples: list[OperationItem] | None = None
    rate: float | None = None
    estimated_completion: Moment | None = None
    finished_at: Moment | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more by itself."""
        return self.state in _OVER

    @property
    def success(self) -> bool:
        """Whether it finished and nothing failed."""
        return self.state == OperationState.FINISHED and self.failed == 0


class Asset(Struct, frozen=True, kw_only=True):
    """One item of a dataset, in the words of the native API."""

    id: str
    dataset_id: str
    folder: str
    name: str
    kind: str
    created_at: Moment
    original_name: str | None = None
    display_name: str | None = None
    status: str | None = None
    split: str | None = None
    content_type: str | None = None
    size: int = 0
    width: int | None = None
    height: int | None = None
    annotation_count: int = 0
    tags: list[str] = []
    archived_at: Moment | None = None
    updated_at: Moment | None = None
    version: int | None = None
    url: str | None = None
    thumbnail_url: str | None = None
