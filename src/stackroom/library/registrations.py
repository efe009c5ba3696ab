"""Registrations: what was said of assets when they were registered with their origins.

Where they come from and how they are delivered, who may see them, three strings and three numbers to find them by,
their manifests. An asset that came in another way has none, and is described by defaults.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from stackroom.access import Actor
from stackroom.library.channels import Channel, Family

OPEN = -1
"""What `max_unauthorised` is of an asset that everybody may see in full size."""
State = Literal["completed", "failed"]


class Registration(msgspec.Struct, kw_only=True, frozen=True):
    """What to say of an asset. UNSET keeps what is said already, or else the default.

    `tags` are the dataset's tags; they and `manifests` are the whole list, not additions.
    """

    origin: str | UnsetType = UNSET
    media_type: str | UnsetType = UNSET
    family: Family | UnsetType = UNSET
    channels: tuple[Channel, ...] | UnsetType = UNSET
    max_unauthorised: int | UnsetType = UNSET
    roles: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    manifests: tuple[str, ...] | UnsetType = UNSET
    string1: str | UnsetType = UNSET
    string2: str | UnsetType = UNSET
    string3: str | UnsetType = UNSET
    number1: int | UnsetType = UNSET
    number2: int | UnsetType = UNSET
    number3: int | UnsetType = UNSET


class Described(msgspec.Struct, kw_only=True, frozen=True):
    """An asset with all that is said of it. `space` is its dataset's number, `key` what it is called there."""

    id: int
    uuid: bytes
    dataset_id: int
    space: int
    key: str
    name: str
    kind: str
    blob_id: int | None
    size: int
    width: int | None
    height: int | None
    duration: float | None
    """In seconds."""
    ingesting: bool
    error: str
    batch_id: int | None
    created_at: int
    finished_at: int | None
    """When its processing ended, well or badly; None while it is going on."""
    version: int
    registered: bool
    """Whether anything was said of it: False means that all of the following are defaults."""
    origin: str
    media_type: str
    family: Family
    channels: tuple[Channel, ...]
    max_unauthorised: int
    roles: tuple[str, ...]
    tags: tuple[str, ...]
    manifests: tuple[str, ...]
    string1: str
    string2: str
    string3: str
    number1: int
    number2: int
    number3: int


class Where(msgspec.Struct, kw_only=True, frozen=True):
    """Which live assets of an organization: those for which all that is given holds.

    `pointer` is the batch that an asset belongs to now, `member_of` one that it was ever part of; `state` is what
    became of it there. Of `manifests` an asset has at least one.
    """

    space: int | None = None
    pointer: int | None = None
    member_of: int | None = None
    state: State | None = None
    string1: str | None = None
    string2: str | None = None
    string3: str | None = None
    number1: int | None = None
    number2: int | None = None
    number3: int | None = None
    manifests: tuple[str, ...] | None = None


def write(
    conn: Connection,
    organization_id: int,
    rows: Sequence[tuple[int, int, Registration]],
    *,
    now: int,
) -> None:
    """Say this of each of these assets, (asset id, dataset id, what): a constant number of statements.

    What is UNSET stays as it was; for an asset that had no registration, it becomes the default. Repeating it changes
    nothing more.
    """
    raise NotImplementedError


def find(conn: Connection, actor: Actor, space: int, key: str) -> Described:
    """A live asset by its dataset's number and its key. Raises `NotFound`, for another organization's as for none."""
    raise NotImplementedError


def by_keys(
    conn: Connection, actor: Actor, places: Sequence[tuple[int, str]]
) -> Mapping[tuple[int, str], Described]:
    """Those of the assets at these (space, key) that there are. Two statements, for any number."""
    raise NotImplementedError


def by_ids(conn: Connection, organization_id: int, asset_ids: Sequence[int]) -> dict[int, Described]:
    """Those of these assets that there are and that are live, by row id."""
    raise NotImplementedError


def page(
    conn: Connection,
    actor: Actor,
    where: Where,
    *,
    order: str = "created",
    descending: bool = False,
    limit: int,
    offset: int = 0,
) -> tuple[list[Described], int]:
    """A page of assets in the order of one of `ORDERS`, those that are alike in it by their age, and how many there
    are in all. Raises `Invalid` (`unknown_order`)."""
    raise NotImplementedError
