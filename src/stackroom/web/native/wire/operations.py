"""Operations: one change to any number of items."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from stackroom.web.native.wire.base import (
    MAX_COUNT,
    MAX_ITEMS,
    MAX_PAGE,
    Asked,
    Given,
    Glob,
    Id,
    Kind,
    Moment,
    Named,
    Path,
    Reference,
    Split,
    Status,
    When,
)

Collision = Literal["rename", "skip", "overwrite", "fail"]
Verb = Literal["move", "copy", "update", "archive", "restore", "purge"]
AnyVerb = Literal[Verb, "undo"]
State = Literal["running", "paused", "finished", "cancelled", "failed"]
Outcome = Literal[
    "done",
    "unchanged",
    "not_found",
    "name_taken",
    "skipped",
    "itself",
    "changed_since",
    "irreversible",
    "not_ready",
    "cancelled",
]
OutcomeFilter = Literal["failed", "succeeded", Outcome]


class Filter(Asked, frozen=True, kw_only=True):
    """Whatever matches all that is given."""

    dataset: Reference
    folder: Path | None = None
    recursive: bool | None = None
    """With everything below `folder`, unless false."""
    status: Status | None = None
    kind: Kind | None = None
    name: Glob | None = None
    created_after: When | None = None
    created_before: When | None = None
    tags: tuple[str, ...] = ()
    """All of them must be there."""
    archived: bool | UnsetType | None = UNSET
    """false: live ones; true: archived ones; null: both. Left out: archived ones to restore, else live ones."""


class Selection(Asked, frozen=True, kw_only=True):
    """Exactly one of `ids`, perhaps with `dataset`; `filter`, perhaps with `except` and `expect_count`; `failed_of`."""

    ids: list[str] | None = None
    dataset: Reference | None = None
    filter: Filter | None = None
    excepted: list[str] | None = field(default=None, name="except")
    expect_count: Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None = None
    failed_of: Id | None = None


class Target(Asked, frozen=True, kw_only=True):
    folder: Path
    dataset: Reference | None = None


class Changes(Asked, frozen=True, kw_only=True):
    """Only what is given changes; null clears."""

    status: Status | UnsetType = UNSET
    display_name: str | UnsetType | None = UNSET
    split: Split | UnsetType | None = UNSET
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


class NewOperation(Asked, frozen=True, kw_only=True):
    verb: Verb
    selection: Selection
    to: Target | None = None
    on_collision: Collision | None = None
    changes: Changes | None = None
    copy_annotations: bool | None = None
    dry_run: bool = False
    plan: str | None = None


class NewUndo(Asked, frozen=True, kw_only=True):
    dry_run: bool = False


class OperationsQuery(Asked, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    before: Id | None = None


class ItemsQuery(Asked, frozen=True, kw_only=True):
    outcome: OutcomeFilter | None = None
    after: Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ITEMS)] = 1000


class ReportQuery(Asked, frozen=True, kw_only=True):
    format: Literal["jsonl", "csv"] = "jsonl"
    outcome: OutcomeFilter | None = None


class Item(Given, frozen=True, kw_only=True):
    """What happened to one item. `before` and `after` hold what it was and what was set."""

    position: int
    id: str
    """As it was asked for."""
    outcome: Outcome
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    new_id: Id | None


class Operation(Given, frozen=True, kw_only=True):
    """One change over many items. `succeeded`, `failed` and `pending` add up to `total`.

    `rate` and `estimated_completion` are of a running operation, once some of its items are done.
    """

    id: Id
    verb: AnyVerb
    state: State
    dry_run: bool
    dataset: Named | None
    total: int
    succeeded: int
    failed: int
    pending: int
    outcomes: dict[str, int]
    bytes: int
    undo_of: Id | None
    undone_by: Id | None
    undoable: bool
    plan: str | None
    samples: list[Item] | None
    rate: float | None
    estimated_completion: Moment | None
    created_at: Moment
    finished_at: Moment | None
    error: str | None


class Operations(Given, frozen=True, kw_only=True):
    operations: list[Operation]
    next: Id | None


class Items(Given, frozen=True, kw_only=True):
    items: list[Item]
    next: int | None
