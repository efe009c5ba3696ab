"""What the owner of a data directory does by hand: organizations and keys, without a key of their own.

Reading goes past a running server, changing goes through it: a SQLite library has one writing process, so
where a server has it, that server is asked over the way that its control file opens.
"""

import asyncio
import http.client
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from stackroom.cli.exits import ExitCode, Refused
from stackroom.control import Control, read_control_file
from stackroom.errors import Conflict

if TYPE_CHECKING:
    from stackroom.database.transaction import Connection, Work
    from stackroom.library.organizations import NewKey
    from stackroom.settings import Settings

T = TypeVar("T")
_PATIENCE = 10.0
_ADMIN = "/library/v1/admin"


class MadeKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made, in the words of `--json`. `customer` is the organization's number."""

    api_key: str
    key_id: str
    organization_id: str
    customer: int
    role: str
    name: str


class WantedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made. `organization` is an id, number, slug or name."""

    organization: str
    role: str
    name: str = "key"
    expires_in_days: float | None = None
    rate_limit: int | None = None
    member: str | None = None
    """Whose it is, by address."""


class KeyChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change of a key. UNSET leaves alone; a `rate_limit` of None lifts the limit."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    rate_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class ChangedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is after a change, in the words of `--json`."""

    key_id: str
    name: str
    role: str
    rate_limit: int | None
    active: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What only who owns the data directory changes of an organization. UNSET leaves alone."""

    administrator: bool | msgspec.UnsetType = msgspec.UNSET
    legacy: bool | msgspec.UnsetType = msgspec.UNSET
    suspended: bool | msgspec.UnsetType = msgspec.UNSET


class ChangedStanding(msgspec.Struct, frozen=True, kw_only=True):
    """An organization after that, in the words of `--json`."""

    name: str
    number: int
    administrator: bool
    legacy: bool
    suspended: bool


class FirstMember(msgspec.Struct, frozen=True, kw_only=True):
    """Who an organization begins with: an owner."""

    email: str
    full_name: str | None = None


def read(settings: "Settings", work: "Work[T]") -> T:
    """What `work` finds. A SQLite library is opened for reading only, so a server may have it meanwhile."""
    from stackroom.doctor import opened_to_read

    async def run() -> T:
        async with opened_to_read(settings) as database:
            return await database.read(work)

    return asyncio.run(run())


def create_organization(
    settings: "Settings", name: str, first: FirstMember | None = None, standing: Standing | None = None
) -> MadeKey:
    """Make an organization and its first key, an owner's, which belongs to its first member if there is one."""
    person: dict[str, Any] = {} if first is None else msgspec.structs.asdict(first)
    flags: dict[str, Any] = {} if standing is None else msgspec.to_builtins(standing)
    wanted = WantedKey(organization="", role="owner", name="first key", member=person.get("email"))

    def directly(conn: "Connection", now: int) -> MadeKey:
        from stackroom.library import stewardship

        made = stewardship.found(conn, name, **person, **flags, now=now)
        return _create_key(conn, msgspec.structs.replace(wanted, organization=str(made.number)), now)

    def through(server: Control) -> MadeKey:
        made = _ask(server, "POST", "/organizations", {"name": name, **person, **flags})
        return _ask_for_key(server, msgspec.structs.replace(wanted, organization=made["id"]))

    return _change(settings, directly, through)


def set_standing(settings: "Settings", organization: str, wanted: Standing) -> ChangedStanding:
    """Change what an organization is to this server. Raises `NotFound`; repeating changes nothing more."""

    def directly(conn: "Connection", now: int) -> ChangedStanding:
        from stackroom.library import organizations, stewardship

        changes = organizations.Standing(**msgspec.structs.asdict(wanted))
        changed = stewardship.set_standing(conn, organization, changes, now=now)
        return ChangedStanding(
            name=changed.name,
            number=changed.number,
            administrator=changed.administrator,
            legacy=changed.legacy,
            suspended=changed.suspended,
        )

    def through(server: Control) -> ChangedStanding:
        path = f"/organizations/{quote(organization, safe='')}"
        return msgspec.convert(_ask(server, "PATCH", path, msgspec.to_builtins(wanted)), ChangedStanding)

    return _change(settings, directly, through)


def create_key(settings: "Settings", wanted: WantedKey) -> MadeKey:
    """Make a key with a fresh secret. Called twice, it makes two."""
    return _change(
        settings,
        lambda conn, now: _create_key(conn, wanted, now),
        lambda server: _ask_for_key(server, wanted),
    )


def key_of(settings: "Settings", name: str) -> MadeKey:
    """A new owner key of the organization of this name, which is made if there is none."""
    from stackroom.library.organizations import list_organizations

    if any(each.name == name for each in read(settings, list_organizations)):
        return create_key(settings, WantedKey(organization=name, role="owner"))
    return create_organization(settings, name)


def revoke_key(settings: "Settings", reference: str) -> None:
    """Make a key count no longer. Raises `NotFound`; repeating changes nothing."""
    raw = _parsed(reference)

    def directly(conn: "Connection", now: int) -> None:
        from stackroom.library import organizations

        organizations.revoke_key(conn, raw, now=now)

    def through(server: Control) -> None:
        _ask(server, "DELETE", f"/keys/{quote(reference)}", None)

    _change(settings, directly, through)


def change_key(settings: "Settings", reference: str, wanted: KeyChanges) -> ChangedKey:
    """Rename a key, limit it, or switch it off and on. Raises `NotFound`, `Invalid` and `Conflict`."""
    _parsed(reference)

    def directly(conn: "Connection", now: int) -> ChangedKey:
        from stackroom.library import keys, stewardship

        changes = keys.KeyChanges(**msgspec.structs.asdict(wanted))
        changed = stewardship.change_key(conn, reference, changes, now=now)
        return ChangedKey(
            key_id=reference.lower(),
            name=changed.name,
            role=changed.role.word,
            rate_limit=changed.rate_limit,
            active=changed.active,
        )

    def through(server: Control) -> ChangedKey:
        answer = _ask(server, "PATCH", f"/keys/{quote(reference)}", msgspec.to_builtins(wanted))
        return msgspec.convert(answer, ChangedKey)

    return _change(settings, directly, through)


def delete_key(settings: "Settings", reference: str) -> None:
    """Make a key count no longer, for good, and show it no more. Raises `NotFound`, also the second time."""
    _parsed(reference)

    def directly(conn: "Connection", now: int) -> None:
        from stackroom.library import stewardship

        stewardship.delete_key(conn, reference, now=now)

    def through(server: Control) -> None:
        _ask(server, "DELETE", f"/keys/{quote(reference)}?for_good=true", None)

    _change(settings, directly, through)


def rebuild_embeddings(settings: "Settings", organization: str | None) -> list[str]:
    """Have all vectors of an organization made again, or of all; the ids of those that have assets. Raises `NotFound`
    and `Conflict`."""
    return _change_rounds(settings, organization, "rebuild")


def cancel_embeddings(settings: "Settings", organization: str | None) -> list[str]:
    """Have no more vectors made for now; the ids of the organizations where any were. Raises `NotFound`."""
    return _change_rounds(settings, organization, "cancel")


def _change_rounds(settings: "Settings", organization: str | None, doing: str) -> list[str]:
    def directly(conn: "Connection", now: int) -> list[str]:
        from stackroom import ids
        from stackroom.processing import stewarding

        change = stewarding.rebuild if doing == "rebuild" else stewarding.cancel
        return [ids.text(each) for each in change(conn, organization, now=now)]

    def through(server: Control) -> list[str]:
        answer = _ask(server, "POST", f"/embeddings/{doing}", {"organization": organization})
        return msgspec.convert(answer["organizations"], list[str])

    return _change(settings, directly, through)


def _parsed(reference: str) -> bytes:
    from stackroom import ids

    raw = ids.parse(reference)
    if raw is None:
        fix = "Give a key's id, not the key itself; `stackroom key list` names the ids."
        raise Refused(f"{reference!r} is not the id of a key", fix=fix, exit_code=ExitCode.NOT_FOUND)
    return raw


def _change(
    settings: "Settings", directly: "Callable[[Connection, int], T]", through: Callable[[Control], T]
) -> T:
    """Let the server make a change that has the library open, or make it where none has.

    A server that is starting has the library before it answers, and another command has it for a moment:
    either is waited for.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        server = read_control_file(settings.data_dir)
        # Whoever names a database means that one, which need not be that of the data directory's server.
        if server is not None and not settings.database_url:
            with suppress(ConnectionError):
                return through(server)
        try:
            return asyncio.run(_write(settings, directly))
        except Conflict as error:
            if error.code != "library_in_use" or time.monotonic() > deadline:
                raise
        if server is not None:
            with suppress(ConnectionError):
                return through(server)
        time.sleep(0.1)


async def _write(settings: "Settings", work: "Callable[[Connection, int], T]") -> T:
    from stackroom import clock
    from stackroom.database.connect import connect

    database = await connect(settings.database)
    try:
        return await database.write(lambda conn: work(conn, clock.now()))
    finally:
        await database.close()


def _create_key(conn: "Connection", wanted: WantedKey, now: int) -> MadeKey:
    from stackroom.access import Role
    from stackroom.library import stewardship

    made = stewardship.issue_key(
        conn,
        wanted.organization,
        role=Role.named(wanted.role),
        name=wanted.name,
        expires_in_days=wanted.expires_in_days,
        rate_limit=wanted.rate_limit,
        email=wanted.member,
        now=now,
    )
    return _in_words(made)


def _in_words(made: "NewKey") -> MadeKey:
    from stackroom import ids

    return MadeKey(
        api_key=made.token,
        key_id=ids.text(made.uuid),
        organization_id=ids.text(made.organization.uuid),
        customer=made.organization.number,
        role=made.role.word,
        name=made.name,
    )


def _ask_for_key(server: Control, wanted: WantedKey) -> MadeKey:
    return msgspec.convert(_ask(server, "POST", "/keys", msgspec.to_builtins(wanted)), MadeKey)


def _ask(server: Control, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """Send one request to a server on this machine.

    Raises the SDK's errors for a refusal, and ConnectionError where no server answers that takes the token.
    """
    from stackroom.client.errors import refusal

    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=_PATIENCE)
    try:
        connection.request(method, _ADMIN + path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        answer = response.read()
    except (http.client.HTTPException, TimeoutError) as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    if response.status == http.HTTPStatus.UNAUTHORIZED:  # another server has come in its place
        raise ConnectionError("the control token is not this server's")
    if response.status >= http.HTTPStatus.BAD_REQUEST:
        raise refusal(response.status, answer)
    decoded: dict[str, Any] = json.loads(answer)
    return decoded
