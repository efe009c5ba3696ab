"""Who may do what: keys, the organization they belong to, and its people."""

from typing import Literal

from msgspec import Struct

from .base import Moment, OpenEnum

Role = Literal["viewer", "member", "admin", "owner"]


class InviteStatus(OpenEnum):
    """What has become of an invite."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key, without its secret. `rate_limit` is in requests an hour; without a limit it is a very large number."""

    id: str
    name: str
    role: str
    key_prefix: str
    rate_limit: int
    is_active: bool
    created_at: Moment
    organization_id: str | None = None
    last_used_at: Moment | None = None
    expires_at: Moment | None = None


class NewApiKey(Struct, frozen=True, kw_only=True):
    """A key that was just made: the only time that its `token`, the secret, is to be seen."""

    id: str
    token: str
    name: str
    role: str
    key_prefix: str
    rate_limit: int
    created_at: Moment
    expires_at: Moment | None = None

    def __repr__(self) -> str:
        return (
            f"NewApiKey(id={self.id!r}, name={self.name!r}, role={self.role!r}, token='{self.key_prefix}…')"
        )


class Organization(Struct, frozen=True, kw_only=True):
    """Whose key this is. A Stackroom server rations nothing: its tier and limits are the largest there are."""

    id: str
    name: str
    slug: str
    description: str | None = None
    is_public: bool = False
    subscription_tier: str | None = None
    credits_remaining: int = 0
    credits_monthly_allowance: int = 0
    credits_reset_at: Moment | None = None
    max_users: int | None = None
    max_images: int | None = None
    max_storage_bytes: int | None = None
    member_count: int = 0
    pending_invite_count: int = 0
    created_at: Moment
    updated_at: Moment | None = None


class Member(Struct, frozen=True, kw_only=True):
    """Somebody of an organization."""

    id: str
    user_id: str | None = None
    email: str | None = None
    full_name: str | None = None
    role: str
    joined_at: Moment


class Invite(Struct, frozen=True, kw_only=True):
    """Somebody who was asked to join. No mail is sent: the `token` is there once, for whoever invites to hand over."""

    id: str
    organization_id: str | None = None
    email: str
    role: str
    status: InviteStatus
    invited_by: str | None = None
    expires_at: Moment
    created_at: Moment
    token: str | None = None

    def __repr__(self) -> str:
        return (
            f"Invite(id={self.id!r}, email={self.email!r}, role={self.role!r}, status={self.status.value!r})"
        )
