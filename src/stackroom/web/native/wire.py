"""What the native protocol says, word for word. The OpenAPI document is generated from these structs."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

MAX_PAGE = 1000
MAX_ITEMS = 10_000
MAX_ARRIVALS = 100_000
MAX_COUNT = 2**31 - 1
MAX_NUMBER = 2**63 - 1

Id = Annotated[str, Meta(description="A UUID, as text.")]
Moment = Annotated[
    str, Meta(description="UTC, to the microsecond, ending in Z.", extra_json_schema={"format": "date-time"})
]
When = Annotated[datetime, Meta(tz=True, description="ISO 8601, with a time zone.")]
Reference = Annotated[str, Meta(min_length=1, description="A dataset's name or id.")]
Glob = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1024,
        description="A pattern of * and ? over the whole name; case counts.",
    ),
]
Path = Annotated[str, Meta(description="A folder's path, such as /cars/red; the root is /.")]
Status = Literal["new", "annotate", "review", "complete"]
Split = Literal["train", "val", "test"]
Kind = Literal["image", "video", "audio", "document"]
Collision = Literal["rename", "skip", "overwrite", "fail"]
Verb = Literal["move", "copy", "update", "archive", "restore", "purge"]
AnyVerb = Literal["move", "copy", "update", "archive", "restore", "purge", "undo"]
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
OutcomeFilter = Literal[
    "failed",
    "succeeded",
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


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request may say. A key that is not known is refused: misspelt, it would quietly widen a selection."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says."""


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


Tag = Annotated[str, Meta(min_length=1)]
BatchPriority = Literal["default", "priority"]
BatchState = Literal["loading", "waiting", "running", "cancelling", "cancelled", "finished"]
BatchItemState = Literal["waiting", "running", "completed", "failed", "cancelled"]


class NewArrival(Asked, frozen=True, kw_only=True):
    """Where something is that is to be taken in, and what it will be called where."""

    origin: Annotated[str, Meta(min_length=1, max_length=8192)]
    name: str | None = None
    folder: Path | None = None
    key: str | None = None
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


class NewDataset(Asked, frozen=True, kw_only=True):
    name: str
    description: Annotated[str, Meta(max_length=10_000)] | None = None


class NewOrganization(Asked, frozen=True, kw_only=True):
    name: str
    email: str | None = None
    """Of its first member, an owner."""
    full_name: str | None = None
    administrator: bool = False
    legacy: bool = False


class Standing(Asked, frozen=True, kw_only=True):
    """What only who owns the data directory changes of an organization."""

    administrator: bool | UnsetType = UNSET
    """Whether its keys may act for every customer of the DLCS protocol."""
    legacy: bool | UnsetType = UNSET
    """Whether its DLCS clients may leave out what older servers guessed."""
    suspended: bool | UnsetType = UNSET
    """Whether its keys count for nothing, in every protocol, until this is taken back."""


class WhoseRounds(Asked, frozen=True, kw_only=True):
    """In which organizations vectors are made again, or no longer."""

    organization: str | None = None
    """Its id, number, slug or name; without one, all."""


class NewKey(Asked, frozen=True, kw_only=True):
    organization: str
    """Its id, number, slug or name."""
    role: Literal["viewer", "member", "admin", "owner"]
    name: str = "key"
    expires_in_days: Annotated[float, Meta(gt=0, le=36_500)] | None = None
    rate_limit: int | None = None
    """Requests an hour."""
    member: str | None = None
    """The address of the member that it belongs to."""


class KeyChanges(Asked, frozen=True, kw_only=True):
    """Only what is given changes; a `rate_limit` of null is no limit."""

    name: str | UnsetType = UNSET
    rate_limit: int | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


class KeyRemoval(Asked, frozen=True, kw_only=True):
    """With `for_good` the key is not shown any more, and cannot be switched on again."""

    for_good: bool = False


class NewInvite(Asked, frozen=True, kw_only=True):
    email: str
    role: Literal["viewer", "member", "admin"] = "member"


class Joining(Asked, frozen=True, kw_only=True):
    token: str
    full_name: str | None = None


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


class BatchesQuery(Asked, frozen=True, kw_only=True):
    which: Literal["all", "active", "recent"] = "all"
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: str | None = None


class BatchItemsQuery(Asked, frozen=True, kw_only=True):
    state: BatchItemState | None = None
    after: Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ITEMS)] = 1000


class PageQuery(Asked, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100
    cursor: str | None = None


class FoldersQuery(Asked, frozen=True, kw_only=True):
    parent: Path | None = None


class AssetsQuery(PageQuery, frozen=True, kw_only=True):
    dataset: Reference
    folder: Path | None = None
    recursive: bool = False
    status: Status | None = None
    kind: Kind | None = None
    name: Glob | None = None
    tags: tuple[str, ...] = ()
    archived: Literal["false", "true", "all"] = "false"


class EventsQuery(Asked, frozen=True, kw_only=True):
    """All that is given must apply. Without `type`, what was changed and not what was asked for."""

    type: tuple[str, ...] = ()
    """May be given again for more."""
    requests: bool = False
    """Requests as well."""
    since: When | None = None
    until: When | None = None
    asset: Id | None = None
    operation: Id | None = None
    batch: Id | None = None
    request_id: str | None = None
    method: str | None = None
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    path: str | None = None
    """A part of it, in whatever case."""


class EventsPageQuery(EventsQuery, frozen=True, kw_only=True):
    """Newest first, from `before` on; or, with `after`, oldest first those that followed it."""

    before: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None = None
    after: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50


AssetKind = Literal["image", "video", "audio", "document"]
DeliveryState = Literal["pending", "retrying", "delivered", "failed"]


class NewWebhook(Asked, frozen=True, kw_only=True):
    url: str
    description: str | None = None
    event_types: list[str] = []
    """None means all."""
    per_item: bool = False
    """Whether to be told of each item of an operation instead of the operation."""
    asset_kind: AssetKind | None = None
    """Of assets, only of these."""
    auth_headers: dict[str, str] = {}
    """Sent with every delivery."""
    secret: str | UnsetType | None = UNSET
    """One that the receiver has chosen; null for no signature. Left out, one is made."""


class WebhookUpdate(Asked, frozen=True, kw_only=True):
    """Only what is given changes; null clears."""

    url: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    event_types: list[str] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    per_item: bool | UnsetType = UNSET
    asset_kind: AssetKind | UnsetType | None = UNSET
    auth_headers: dict[str, str] | UnsetType | None = UNSET


class SecretRotation(Asked, frozen=True, kw_only=True):
    overlap_hours: Annotated[float, Meta(ge=0, le=720)] = 24
    """For how long the secret that there is signs as well."""


class DeliveriesQuery(Asked, frozen=True, kw_only=True):
    webhook: Id | None = None
    state: DeliveryState | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50
    cursor: str | None = None


class Event(Given, frozen=True, kw_only=True):
    """What happened, and by whose request. `number` is its place in the record."""

    number: int
    id: Id
    type: str
    at: Moment
    dataset_id: Id | None
    asset_id: Id | None
    operation_id: Id | None
    batch_id: Id | None
    key_id: Id | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    method: str | None
    path: str | None
    query: str | None
    status: int | None
    request_bytes: int | None
    response_bytes: int | None
    duration_us: int | None
    data: dict[str, Any]


class Events(Given, frozen=True, kw_only=True):
    """A page; `next` is the `before`, or the `after`, of the one that follows."""

    events: list[Event]
    next: int | None


class Webhook(Given, frozen=True, kw_only=True):
    """An address that events are sent to. Of `auth_headers` only the names are shown, of the secret the beginning."""

    id: Id
    url: str
    description: str | None
    dialect: Literal["native", "pictograph", "mindia"]
    """In whose words."""
    event_types: list[str]
    per_item: bool
    asset_kind: str | None
    enabled: bool
    secret_prefix: str
    secret_version: int
    previous_secret_until: Moment | None
    auth_header_names: list[str]
    failures: int
    """Since the last success."""
    deactivated_at: Moment | None
    deactivation_reason: str | None
    created_at: Moment
    updated_at: Moment


class MadeWebhook(Given, frozen=True, kw_only=True):
    """With its secret, which no other answer has."""

    webhook: Webhook
    secret: str


class Webhooks(Given, frozen=True, kw_only=True):
    webhooks: list[Webhook]


class EventTypes(Given, frozen=True, kw_only=True):
    event_types: list[str]


class RemovedWebhook(Given, frozen=True, kw_only=True):
    id: Id


class Delivery(Given, frozen=True, kw_only=True):
    """One event on its way to one webhook. What was answered and what went wrong are of the last attempt."""

    id: Id
    webhook_id: Id
    event_id: Id | None
    event_type: str | None
    """Null for what has been forgotten."""
    state: DeliveryState
    attempts: int
    status_code: int | None
    response: str | None
    error: str | None
    created_at: Moment
    sent_at: Moment | None
    next_at: Moment | None
    finished_at: Moment | None


class Deliveries(Given, frozen=True, kw_only=True):
    deliveries: list[Delivery]
    next: str | None


class TestedWebhook(Given, frozen=True, kw_only=True):
    delivered: bool
    status_code: int | None
    response: str | None
    error: str | None


class Named(Given, frozen=True, kw_only=True):
    id: Id
    name: str


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


class Dataset(Given, frozen=True, kw_only=True):
    id: Id
    name: str
    description: str | None
    asset_count: int
    archived_count: int
    bytes: int
    created_at: Moment
    updated_at: Moment


class Datasets(Given, frozen=True, kw_only=True):
    datasets: list[Dataset]
    next: str | None


class Folder(Given, frozen=True, kw_only=True):
    """`asset_count` counts live assets in exactly this folder, `tree_asset_count` those below it as well."""

    id: Id
    path: Path
    name: str
    asset_count: int
    tree_asset_count: int


class Folders(Given, frozen=True, kw_only=True):
    folders: list[Folder]


class Asset(Given, frozen=True, kw_only=True):
    id: Id
    dataset_id: Id
    folder: Path
    name: str
    original_name: str
    display_name: str | None
    kind: Kind
    status: Status
    split: Split | None
    content_type: str
    size: int
    width: int | None
    height: int | None
    annotation_count: int
    tags: list[str]
    archived_at: Moment | None
    created_at: Moment
    updated_at: Moment
    version: int
    url: str
    thumbnail_url: str | None


class Assets(Given, frozen=True, kw_only=True):
    assets: list[Asset]
    next: str | None


class OrganizationSeen(Named, frozen=True, kw_only=True):
    number: int


class KeySeen(Named, frozen=True, kw_only=True):
    role: str


class WhoAmI(Given, frozen=True, kw_only=True):
    organization: OrganizationSeen
    key: KeySeen


class Organization(OrganizationSeen, frozen=True, kw_only=True):
    slug: str
    created_at: Moment
    administrator: bool
    legacy: bool
    suspended: bool


class Organizations(Given, frozen=True, kw_only=True):
    organizations: list[Organization]


class Rounds(Given, frozen=True, kw_only=True):
    """The organizations whose vectors are made again, or no longer."""

    organizations: list[Id]


class MadeKey(Given, frozen=True, kw_only=True):
    """A key just made. `api_key` is the secret: here and never again."""

    api_key: str
    key_id: Id
    organization_id: Id
    customer: int
    role: str
    name: str


class MadeInvite(Given, frozen=True, kw_only=True):
    """An invite just made. `token` is what it is redeemed with: here and never again."""

    invite_id: Id
    email: str
    role: str
    expires_at: Moment
    token: str


class Member(Given, frozen=True, kw_only=True):
    id: Id
    email: str
    full_name: str | None
    role: str


class Joined(Given, frozen=True, kw_only=True):
    organization: OrganizationSeen
    member: Member
    key: MadeKey


class ChangedKey(Given, frozen=True, kw_only=True):
    key_id: Id
    name: str
    role: str
    rate_limit: int | None
    active: bool


class RevokedKey(Given, frozen=True, kw_only=True):
    key_id: Id
    active: bool


class ErrorBody(Given, frozen=True, kw_only=True):
    """`code` is stable and for programs, `message` says what is wrong, `hint` what to do next."""

    code: str
    message: str
    hint: str | None
    details: dict[str, Any]


class Error(Given, frozen=True, kw_only=True):
    error: ErrorBody
