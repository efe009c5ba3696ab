"""Who is asking, and how far their key reaches."""

import enum
import hashlib
import secrets

import msgspec

from stackroom.errors import Forbidden, Unauthenticated

TOKEN_PREFIX = "pk_live_"  # noqa: S105 - what every token starts with, not a token
MEDIA_TOKEN_PREFIX = "mk_live_"  # noqa: S105 - the same, of keys that are made by the Mindia protocol
TOKEN_PREFIXES = (TOKEN_PREFIX, MEDIA_TOKEN_PREFIX)
PREFIX_LENGTH = 12
MEDIA_PREFIX_LENGTH = 16


class Role(enum.IntEnum):
    """What a key may do; each role may do all that those before it may."""

    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    @classmethod
    def named(cls, name: str) -> "Role":
        return cls[name.upper()]

    @property
    def word(self) -> str:
        return self.name.lower()


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The key behind a request, its organization, and what the audit log keeps of the request itself."""

    organization_id: int
    organization_uuid: bytes
    key_id: int | None
    role: Role
    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    method: str | None = None
    path: str | None = None


def nobody(organization_id: int, key_id: int | None = None) -> Actor:
    """Who does what nobody asked for just now, in the record of an organization; or what this key asked for once."""
    return Actor(organization_id=organization_id, organization_uuid=b"", key_id=key_id, role=Role.OWNER)


def require(actor: Actor, role: Role, action: str) -> None:
    """Refuse unless the actor's role reaches `role`. `action` begins "… needs the role X": "a permanent delete"."""
    if actor.role < role:
        above = " or ".join(", ".join(r.word for r in Role if r >= role).rsplit(", ", 1))
        raise Forbidden(
            f"{action} needs the role {above}; this key has the role {actor.role.word}",
            hint=f"Use a key with the role {role.word}, or ask an admin to make one.",
            details={"required_role": role.word, "role": actor.role.word},
        )


def new_token() -> str:
    """A fresh secret. Shown once; only its hash is kept."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_media_token() -> str:
    """The same, as clients of the Mindia protocol know it: forty hexadecimal digits. All of them are random."""
    return MEDIA_TOKEN_PREFIX + secrets.token_hex(20)


def prefix_of(token: str) -> str:
    """How a secret begins: what is kept of it, to be told from others."""
    return token[: MEDIA_PREFIX_LENGTH if token.startswith(MEDIA_TOKEN_PREFIX) else PREFIX_LENGTH]


def token_hash(token: str) -> bytes:
    """What the database keeps. The token is 160 random bits or more, so one fast hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).digest()


def unauthenticated(message: str = "unknown or inactive API key") -> Unauthenticated:
    return Unauthenticated(
        message, hint="Send a valid key in the X-API-Key header; `stackroom key create` makes one."
    )
