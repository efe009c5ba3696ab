"""`stackroom key`: API keys, made and revoked by who owns the data directory."""

import enum
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.options import Json, Library

if TYPE_CHECKING:
    from stackroom.cli.steward import MadeKey
    from stackroom.database.transaction import Connection
    from stackroom.library.keys import Key

EXAMPLES = {
    "create": "stackroom key create --org 'City Museum' --role member --name scanner --expires-in-days 90",
    "list": "stackroom key list --org 'City Museum'",
    "revoke": "stackroom key revoke 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RoleName(enum.StrEnum):
    """Each may do all that those before it may."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class SeenKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it can be seen again, in the words of `--json`."""

    key_id: str
    name: str
    role: str
    prefix: str
    active: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


Org = Annotated[str, typer.Option("--org", help="The organization: its id, customer number, slug or name.")]


def create(
    org: Org,
    role: Annotated[RoleName, typer.Option("--role", help="What the key may do.")],
    *,
    name: Annotated[str, typer.Option("--name", help="Who or what uses it.")] = "key",
    expires_in_days: Annotated[
        float | None, typer.Option("--expires-in-days", min=0, help="It counts no longer after this time.")
    ] = None,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make a key. It is shown once.

    Works whether or not a server runs on the library.
    """
    settings = library.settings()
    from stackroom.cli import steward

    wanted = steward.WantedKey(organization=org, role=role.value, name=name, expires_in_days=expires_in_days)
    made = steward.create_key(settings, wanted)
    if as_json:
        print_json(made)
    else:
        show_key(made)


def list_all(org: Org, *, as_json: Json = False, library: Library) -> None:
    """List the keys of an organization. The keys themselves are kept nowhere: only how each begins."""
    settings = library.settings()
    from stackroom.cli import steward
    from stackroom.library.keys import list_keys
    from stackroom.library.organizations import find_organization

    def work(conn: "Connection") -> list["Key"]:
        return list_keys(conn, find_organization(conn, org))

    found = [_seen(each) for each in steward.read(settings, work)]
    if as_json:
        print_json({"keys": found})
        return
    rows = (
        [each.name, each.role, each.prefix + "…", _state(each), _day(each.last_used_at), each.key_id]
        for each in found
    )
    console().print(table(["name", "role", "key", "state", "last used", "id"], rows))


def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id (not the key itself).")],
    *,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make a key count no longer, from the next request on. Repeating it changes nothing."""
    settings = library.settings()
    from stackroom.cli import steward

    steward.revoke_key(settings, key_id)
    if as_json:
        print_json({"key_id": key_id, "active": False})
    else:
        say(f"Key {key_id} counts no longer.")


def show_key(made: "MadeKey") -> None:
    """Print a key in a way that can be copied."""
    say(f"This is its {made.role} key {made.name!r} ({made.key_id}), shown now and never again:")
    say(f"\n  export STACKROOM_API_KEY={made.api_key}\n")


def _seen(key: "Key") -> SeenKey:
    from stackroom import ids

    return SeenKey(
        key_id=ids.text(key.uuid),
        name=key.name,
        role=key.role.word,
        prefix=key.prefix,
        active=key.active,
        created_at=_EPOCH + timedelta(microseconds=key.created_at),
        expires_at=_moment(key.expires_at),
        last_used_at=_moment(key.last_used_at),
    )


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _state(key: SeenKey) -> str:
    if not key.active:
        return "revoked"
    if key.expires_at is None:
        return "active"
    expired = key.expires_at <= datetime.now(UTC)
    return f"{'expired' if expired else 'active until'} {_day(key.expires_at)}"


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"
