"""Organizations, their keys and their members."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from stackroom.web.native.wire.base import Asked, Given, Id, Moment, Named


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
