"""The organization of a key, its people, and those who are invited."""

from typing import Literal

from msgspec import UNSET, UnsetType

from stackroom.web.pictograph.wire.base import Asked, Given

Role = Literal["viewer", "member", "admin", "owner"]
InviteRole = Literal["viewer", "member", "admin"]
InviteStatus = Literal["pending", "accepted", "expired", "revoked"]


class OrganizationUpdate(Asked, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    is_public: bool | UnsetType = UNSET


class RoleUpdate(Asked, frozen=True, kw_only=True):
    role: Role


class InviteQuery(Asked, frozen=True, kw_only=True):
    """Nobody declines an invite here: who does not want it leaves it."""

    status: InviteStatus | Literal["declined"] | None = None


class NewInvite(Asked, frozen=True, kw_only=True):
    email: str
    role: InviteRole = "member"


class Organization(Given, frozen=True, kw_only=True):
    """Every number must be there. Nothing is rationed here, so the largest are as good as any."""

    id: str
    name: str
    slug: str
    description: str | None
    is_public: bool
    subscription_tier: str = "enterprise"
    credits_remaining: int = 0
    credits_monthly_allowance: int = 0
    credits_reset_at: str | None = None
    max_users: int = 1_000_000
    max_images: int = 1_000_000_000
    max_storage_bytes: int = 2**53 - 1
    member_count: int
    pending_invite_count: int
    created_at: str
    updated_at: str


class OrganizationAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    organization: Organization


class Member(Given, frozen=True, kw_only=True):
    """`user_id` is the member's own id: nobody has an account beyond one organization."""

    id: str
    user_id: str
    email: str
    full_name: str | None
    role: str
    joined_at: str


class MemberList(Given, frozen=True, kw_only=True):
    success: bool = True
    members: list[Member]


class MemberAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    member: Member


class MemberRemoved(Given, frozen=True, kw_only=True):
    success: bool = True
    member_id: str


class Invite(Given, frozen=True, kw_only=True):
    id: str
    organization_id: str
    email: str
    role: str
    status: InviteStatus
    invited_by: str | None
    expires_at: str
    created_at: str


class InviteList(Given, frozen=True, kw_only=True):
    success: bool = True
    invites: list[Invite]


class MadeInvite(Given, frozen=True, kw_only=True):
    """`token` is ours: no mail is sent from here, so whoever invites hands it over."""

    success: bool = True
    invite: Invite
    token: str


class InviteRevoked(Given, frozen=True, kw_only=True):
    success: bool = True
    invite_id: str
