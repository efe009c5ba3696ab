"""What is asked of the engine. Plain values: a long operation keeps its request as JSON and goes on from there."""

import enum
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library import tags
from stackroom.library.assets import SPLITS, STATUSES
from stackroom.library.listing import Filter

AT_ONCE = 10_000
"""An operation of up to so many items is one transaction; a larger one runs in chunks of this size."""

MALFORMED = bytes(16)  # no asset has this id


class Verb(enum.StrEnum):
    MOVE = "move"
    COPY = "copy"
    UPDATE = "update"
    ARCHIVE = "archive"
    RESTORE = "restore"
    PURGE = "purge"
    UNDO = "undo"


class Collision(enum.StrEnum):
    """What becomes of an item whose name is taken where it goes."""

    RENAME = "rename"  # it gets the first free number
    SKIP = "skip"  # it stays, and is reported
    OVERWRITE = "overwrite"  # what has the name is purged
    FAIL = "fail"  # the whole operation is refused and nothing changes


class Ids(msgspec.Struct, frozen=True, tag="ids"):
    """Items named one by one, each once; ids end to end, sixteen bytes each.

    `asked` is how the caller spelled them. What is no id at all stands as `MALFORMED` and is found to be unknown.
    With a dataset, assets elsewhere are unknown too.
    """

    packed: bytes
    asked: tuple[str, ...]
    dataset_id: int | None = None
    misspelt: tuple[tuple[int, str], ...] = ()
    """What is no id, as (its number in `packed`, how it was spelled)."""
    positions: tuple[int, ...] = ()
    """Of each in `packed`, where it stands in `asked`; empty where that is the same."""

    def ascending(self) -> "Ids":
        """The same ids, the oldest first: so are the assets, which are then found sooner, and changed sooner."""
        packed, positions = ids.ascending(self.packed)
        number = {position: n for n, position in enumerate(positions)} if self.misspelt else {}
        misspelt = tuple((number[position], spelled) for position, spelled in self.misspelt)
        return msgspec.structs.replace(self, packed=packed, positions=tuple(positions), misspelt=misspelt)

    def without_ids(self) -> "Ids":
        """What a long operation has to remember: the ids themselves stand in its snapshot."""
        return Ids(b"", (), dataset_id=self.dataset_id, misspelt=self.misspelt)


class Matching(msgspec.Struct, frozen=True, tag="matching"):
    """Whatever matches a filter, but for the exceptions, as it is when the operation begins."""

    filter: Filter
    excepted: tuple[bytes, ...] = ()
    expect_count: int | None = None


class FailedOf(msgspec.Struct, frozen=True, tag="failed_of"):
    """The items of an earlier operation that did not succeed; with a dataset, assets elsewhere are unknown."""

    operation_id: int
    dataset_id: int | None = None
    misspelt: tuple[tuple[int, str], ...] = ()
    """As of `Ids`; for a long operation, whose snapshot has no room for it."""


Selection = Ids | Matching | FailedOf


class Changes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an update sets. UNSET leaves alone; None clears."""

    status: str | UnsetType = UNSET
    display_name: str | UnsetType | None = UNSET
    split: str | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    verb: Verb
    selection: Selection
    target_dataset_id: int | None = None
    target_folder: str | None = None
    on_collision: Collision = Collision.RENAME
    first_number: int | None = None
    """The number a renamed item begins with; None means the verb's own: 2 for a copy, 1 for anything else."""
    changes: Changes = Changes()
    copy_annotations: bool = False
    in_place: bool = False
    """A copy that goes where its original is, of whichever dataset and folder: the items need have none in common.
    Annotations stay with the originals."""
    single: bool = False
    """One item, named in the address: a member may purge that, while purging many needs an admin."""
    require_match: bool = False
    """Refuse with `NotFound` when no item at all is found."""
    undoes: Verb | None = None
    undone_fields: tuple[str, ...] = ()
    """For an undo: the verb of what it undoes, and which fields that had set."""
    item_events: bool = False
    """Record an event for each item as well. Without it that is done where a webhook wants to be told of items."""
    initiator: str | None = None
    """What brought this about, as those events say; None means the verb."""
    plan: str | None = None
    """The token of a dry run: refuse if the selection is not what it was then."""


def select_ids(asked: Sequence[str], *, dataset_id: int | None, limit: int | None = AT_ONCE) -> Ids:
    """A selection of these ids, repeated ones once. Raises `Invalid` for none, or for more than `limit`."""
    if not asked:
        raise Invalid(
            "image_ids: at least one is needed", code="empty_selection", hint="An empty list selects nothing."
        )
    if limit is not None and len(asked) > limit:
        raise Invalid(
            f"image_ids: at most {limit} per request, and these are {len(asked)}",
            code="too_many_ids",
            hint=f"Send {limit} at a time, or use an operation of /library/v1, which takes any number.",
            details={"limit": limit, "count": len(asked)},
        )
    packed = ids.pack(asked)
    if packed is not None and ids.all_differ(packed):  # as good as always, and ten thousand are soon ready
        return Ids(packed=packed, asked=tuple(asked), dataset_id=dataset_id)
    chosen: dict[bytes | str, str] = {}
    for raw, each in zip(ids.parse_many(asked), asked, strict=True):
        chosen.setdefault(each if raw is None else raw, each)
    return Ids(
        packed=b"".join(key if isinstance(key, bytes) else MALFORMED for key in chosen),
        asked=tuple(chosen.values()),
        dataset_id=dataset_id,
        misspelt=tuple(
            (n, key.replace("\0", "\ufffd")) for n, key in enumerate(chosen) if isinstance(key, str)
        ),
    )


def clean_changes(changes: Changes) -> Changes:
    """The changes with their tags as they are kept.

    Raises `Invalid` for an update that changes nothing, or to a value no asset can have.
    """
    if changes == Changes():
        raise Invalid(
            "updates: nothing to change", code="empty_update", hint="Give at least one field to change."
        )
    if changes.status is not UNSET and changes.status not in STATUSES:
        raise Invalid(
            f"status: {changes.status!r} is not one of {', '.join(STATUSES)}", code="invalid_status"
        )
    if changes.split not in {UNSET, None, *SPLITS}:
        raise Invalid(f"split: {changes.split!r} is not one of {', '.join(SPLITS)}", code="invalid_split")
    name = changes.display_name
    if isinstance(name, str) and (len(name) > 500 or not name.isprintable()):
        raise Invalid("display_name: at most 500 printable characters", code="invalid_name")
    given, taken = tags.clean(changes.add_tags, "add_tags"), tags.clean(changes.remove_tags, "remove_tags")
    both = set(given) & set(taken)
    if both:
        raise Invalid(
            f"tags: {min(both)!r} is to be added and removed at once",
            code="invalid_tag",
            hint="Name it in one of the two.",
        )
    return msgspec.structs.replace(changes, add_tags=given, remove_tags=taken)
