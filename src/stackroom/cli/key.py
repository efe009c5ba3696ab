"""`stackroom key`: API keys, made and revoked by who owns the data directory."""

import enum
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.exits import Refused
from stackroom.cli.options import Json, Library

if TYPE_CHECKING:
    from stackroom.cli.steward import MadeKey
    from stackroom.database.transaction import Connection
    from stackroom.library.keys import Key

EXAMPLES = {
    "create": "stackroom key create --org 'City Museum' --role member --name scanner --expires-in-days 90",
    "update": """stackroom key update 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 --rate-limit 5000

stackroom key update 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 --off""",
    "delete": "stackroom key delete 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
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
    rate_limit: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's id (not the key itself).")]
Org = Annotated[str, typer.Option("--org", help="The organization: its id, customer number, slug or name.")]


def create(
    org: Org,
    role: Annotated[RoleName, typer.Option("--role", help="What the key may do.")],
    *,
    name: Annotated[str, typer.Option("--name", help="Who or what uses it.")] = "key",
    expires_in_days: Annotated[
        float | None,
        typer.Option("--expires-in-days", min=0, max=36_500, help="The key stops working after this time."),
    ] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option("--rate-limit", min=1, help="Requests an hour, at most. Default: no limit"),
    ] = None,
    member: Annotated[
        str | None,
        typer.Option("--member", metavar="EMAIL", help="The member it belongs to; it is removed with them."),
    ] = None,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make a key. It is shown once.

    Works whether or not a server runs on the library.
    """
    settings = library.settings()
    from stackroom.cli import steward

    wanted = steward.WantedKey(
        organization=org,
        role=role.value,
        name=name,
        expires_in_days=expires_in_days,
        rate_limit=rate_limit,
        member=member,
    )
    made = steward.create_key(settings, wanted)
    if as_json:
        print_json(made)
        return
    say(f"Made a key for {org!r} (customer {made.customer}).")
    show_key(made)


def list_all(org: Org, *, as_json: Json = False, library: Library) -> None:
    """List the keys of an organization. Keys themselves are never stored, only how each begins."""
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
        [
            each.name,
            each.role,
            each.prefix + "…",
            _state(each),
            "" if each.rate_limit is None else f"{each.rate_limit:,}",
            _day(each.last_used_at),
            each.key_id,
        ]
        for each in found
    )
    columns = ["name", "role", "key", "state", "an hour", "last used", "id"]
    console().print(table(columns, rows, right=["an hour"]))


def update(
    key_id: KeyId,
    *,
    name: Annotated[str | None, typer.Option("--name", help="Who or what uses it.")] = None,
    rate_limit: Annotated[
        int | None, typer.Option("--rate-limit", min=1, help="Requests an hour, at most.")
    ] = None,
    no_rate_limit: Annotated[bool, typer.Option("--no-rate-limit", help="Lift the limit.")] = False,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Switch it on or off, from the next request on.")
    ] = None,
    as_json: Json = False,
    library: Library,
) -> None:
    """Rename a key, limit it, or switch it off and on. Its role stays: make another key for another role."""
    settings = library.settings()
    from stackroom.cli import steward

    if no_rate_limit and rate_limit is not None:
        raise Refused("give --rate-limit or --no-rate-limit, not both")
    limit = msgspec.UNSET if rate_limit is None and not no_rate_limit else rate_limit
    wanted = steward.KeyChanges(
        name=msgspec.UNSET if name is None else name,
        rate_limit=limit,
        active=msgspec.UNSET if on is None else on,
    )
    changed = steward.change_key(settings, key_id, wanted)
    if as_json:
        print_json(changed)
        return
    limited = "no limit" if changed.rate_limit is None else f"{changed.rate_limit:,} requests an hour"
    say(f"Key {changed.name!r} ({changed.role}): {'on' if changed.active else 'off'}, {limited}.")


def delete(key_id: KeyId, *, as_json: Json = False, library: Library) -> None:
    """Delete a key: it stops working for good, and is no longer listed. What it did stays on record."""
    settings = library.settings()
    from stackroom.cli import steward

    steward.delete_key(settings, key_id)
    if as_json:
        print_json({"key_id": key_id, "deleted": True})
    else:
        say(f"Key {key_id} is deleted.")


def revoke(
    key_id: KeyId,
    *,
    as_json: Json = False,
    library: Library,
) -> None:
    """Stop a key from working, from the next request on: any key, even the last owner's.

    Repeating it changes nothing.
    """
    settings = library.settings()
    from stackroom.cli import steward

    steward.revoke_key(settings, key_id)
    if as_json:
        print_json({"key_id": key_id, "active": False})
    else:
        say(f"Key {key_id} is revoked.")


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
        rate_limit=key.rate_limit,
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
