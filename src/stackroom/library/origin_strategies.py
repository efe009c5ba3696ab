"""How an organization's origins are reached: an ordered list of patterns, of which the first that is found in an
origin, whatever the case of its letters, says the strategy.

The patterns are RE2's, and not Python's: these would look back and forth for as long as a pattern makes them, with
all of the server waiting. What RE2 does not have (to look ahead or behind, or back at a group) is refused when it is
written down. Passwords are kept as they are, for they must be sent as they are; faces show `HIDDEN` in their place.
"""

import enum
from functools import lru_cache
from typing import Any, Literal

import msgspec
import re2
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.schema import origin_strategy
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.library import changes

MAX_REGEX = 1000
MAX_CREDENTIAL = 1000
MAX_ORDER = 2**31 - 1
MAX_STRATEGIES = 200
"""For each organization: every origin may have to be held against all of them."""
HIDDEN: Literal["xxx"] = "xxx"
"""What faces show instead of credentials, and what stands for those that are kept when it comes back."""
_MATCHER_MEMORY = 2**20


class Strategy(enum.StrEnum):
    """How bytes are fetched from an origin."""

    DEFAULT = "default"
    BASIC = "basic-http-authentication"
    S3 = "s3-ambient"
    SFTP = "sftp"
    """Known, and not offered: a rule that says so is refused."""

    @property
    def needs_credentials(self) -> bool:
        return self in {Strategy.BASIC, Strategy.SFTP}


class Credentials(msgspec.Struct, frozen=True):
    """A name and a password. They stay out of logs: `repr` has neither."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({HIDDEN})"


class Approach(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen for one origin. Credentials are there if and only if the strategy needs them."""

    strategy: Strategy = Strategy.DEFAULT
    credentials: Credentials | None = None
    optimised: bool = False


class OriginStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. The lowest `order` is tried first; of equal ones, the older."""

    uuid: bytes
    regex: str
    strategy: Strategy
    credentials: Credentials | None
    optimised: bool
    order: int
    created_at: int
    updated_at: int


class StrategyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule is to be. UNSET leaves alone, or takes the default.

    `credentials` are as `credentials_from` gives them, and `HIDDEN` are those that the rule has.
    """

    regex: str | UnsetType = UNSET
    strategy: str | UnsetType = UNSET
    credentials: Credentials | Literal["xxx"] | UnsetType | None = UNSET
    optimised: bool | UnsetType = UNSET
    order: int | UnsetType = UNSET


def credentials_from(given: object) -> Credentials | Literal["xxx"] | None:
    """From what a request has: `{"user": …, "password": …}`, the same as a text, `"xxx"`, or nothing.

    Raises `Invalid`, which quotes nothing of it.
    """
    if given is None or given == "":
        return None
    if given == HIDDEN:
        return HIDDEN
    try:
        document = msgspec.json.decode(given) if isinstance(given, str) else given
        found = msgspec.convert(document, Credentials)
    except (msgspec.MsgspecError, UnicodeError):
        raise Invalid('credentials: must be {"user": …, "password": …}') from None
    for field in (found.user, found.password):
        if len(field) > MAX_CREDENTIAL or not field.isprintable():
            raise Invalid(f"credentials: at most {MAX_CREDENTIAL:,} printable characters each")
    if not found.user or ":" in found.user:
        raise Invalid("credentials: the user must be given, and cannot contain a colon")
    return found


def list_strategies(conn: Connection, actor: Actor) -> list[OriginStrategy]:
    """All of them, in the order in which they are tried."""
    require(actor, Role.ADMIN, "seeing the origin strategies")
    return _all(conn, actor.organization_id)


def find(conn: Connection, actor: Actor, reference: str) -> OriginStrategy:
    """By id. Raises `NotFound`, for another organization's as for none."""
    require(actor, Role.ADMIN, "seeing an origin strategy")
    raw = ids.parse(reference)
    query = _IN_ORDER.where(origin_strategy.c.uuid == raw)
    found = _all(conn, actor.organization_id, query) if raw else []
    if not found:
        raise NotFound(f"origin strategy {reference!r} not found", hint="List them to see their ids.")
    return found[0]


def choose(conn: Connection, organization_id: int, origin: str) -> Approach:
    """How this origin is to be reached; by `default` if no rule has anything to say."""
    for rule in _all(conn, organization_id):
        if _matcher(rule.regex).search(origin) is not None:
            return Approach(strategy=rule.strategy, credentials=rule.credentials, optimised=rule.optimised)
    return Approach()


def create(conn: Connection, actor: Actor, wanted: StrategyChanges, *, now: int) -> OriginStrategy:
    """A new rule, tried after all others unless `order` says otherwise. `regex` and `strategy` must be given.

    Raises `Invalid` for what no rule can be, `Conflict` for a pattern that another rule has, or past the limit.
    """
    require(actor, Role.ADMIN, "making an origin strategy")
    values = _whole(wanted, None)
    _refuse_taken(conn, actor, values["regex"])
    mine = origin_strategy.c.organization_id == actor.organization_id
    counted = select(func.count(), func.max(origin_strategy.c.position)).where(mine)
    count, last = conn.execute(counted).one()
    if count >= MAX_STRATEGIES:
        raise Conflict(
            f"an organization has at most {MAX_STRATEGIES} origin strategies",
            hint="Delete one, or write one pattern for several origins.",
        )
    if values["position"] is None:
        values["position"] = 0 if last is None else min(last + 1, MAX_ORDER)
    uuid = ids.new()
    about = {"uuid": uuid, "organization_id": actor.organization_id, "created_at": now, "updated_at": now}
    conn.execute(insert(origin_strategy).values(**about, **values))
    made = find(conn, actor, ids.text(uuid))
    _record(conn, actor, "origin_strategy.created", made, now)
    return made


def replace(
    conn: Connection, actor: Actor, reference: str, wanted: StrategyChanges, *, now: int
) -> OriginStrategy:
    """Make a rule what is given and nothing else; only its `order`, and credentials that come as `HIDDEN`, stay as
    they were. Raises `NotFound`, and what `create` raises. Repeating it changes nothing more."""
    require(actor, Role.ADMIN, "changing an origin strategy")
    found = find(conn, actor, reference)
    return _write(conn, actor, found, _whole(wanted, found), now)


def change(
    conn: Connection, actor: Actor, reference: str, wanted: StrategyChanges, *, now: int
) -> OriginStrategy:
    """Change what is given. Credentials that another strategy has no use for are forgotten.

    Raises `NotFound`, and what `create` raises. Repeating it changes nothing more.
    """
    require(actor, Role.ADMIN, "changing an origin strategy")
    given = changes.some(wanted)
    found = find(conn, actor, reference)
    kept: dict[str, Any] = {field: getattr(found, field) for field in StrategyChanges.__struct_fields__}
    if "strategy" in given:  # what goes with the strategy alone does not outlive it
        kept |= {"credentials": HIDDEN} if found.strategy == given["strategy"] else {"credentials": None}
        kept |= {} if given["strategy"] == Strategy.S3 else {"optimised": False}
    return _write(conn, actor, found, _whole(StrategyChanges(**{**kept, **given}), found), now)


def remove(conn: Connection, actor: Actor, reference: str, *, now: int) -> None:
    """Try it no more. Raises `NotFound`, also the second time."""
    require(actor, Role.ADMIN, "deleting an origin strategy")
    found = find(conn, actor, reference)
    conn.execute(delete(origin_strategy).where(origin_strategy.c.uuid == found.uuid))
    _record(conn, actor, "origin_strategy.deleted", found, now)


def _whole(wanted: StrategyChanges, before: OriginStrategy | None) -> dict[str, Any]:
    """The columns of a rule of which nothing is missing, in place of `before`."""
    if wanted.regex is UNSET or wanted.strategy is UNSET:
        raise Invalid(f"{'regex' if wanted.regex is UNSET else 'strategy'}: missing")
    strategy = _offered(wanted.strategy)
    given = before.credentials if wanted.credentials == HIDDEN and before else wanted.credentials
    credentials = given if isinstance(given, Credentials) else None
    if strategy.needs_credentials and credentials is None:
        raise Invalid(f"credentials: must be given for {strategy.value}")
    if credentials is not None and not strategy.needs_credentials:
        raise Invalid(f"credentials: {strategy.value} has no use for them", hint="Leave them out.")
    if wanted.optimised is True and strategy is not Strategy.S3:
        raise Invalid(f"optimised: goes with {Strategy.S3.value} only", hint="Leave it out.")
    position = before.order if before else None
    if wanted.order is not UNSET:
        position = wanted.order
    if position is not None and not 0 <= position <= MAX_ORDER:
        raise Invalid(f"order: a number from 0 to {MAX_ORDER:,}")
    return {
        "regex": _checked(wanted.regex),
        "strategy": strategy.value,
        "credentials": None if credentials is None else msgspec.json.encode(credentials).decode(),
        "optimised": wanted.optimised is True,
        "position": position,
    }


def _offered(name: str) -> Strategy:
    offered = [each.value for each in Strategy if each is not Strategy.SFTP]
    if name == Strategy.SFTP:
        raise Invalid("strategy: sftp is not offered", hint=f"Offered are {', '.join(offered)}.")
    if name not in offered:
        raise Invalid(f"strategy: {name[:50]!r} is none of {', '.join(offered)}")
    return Strategy(name)


def _checked(regex: str) -> str:
    if not regex or len(regex) > MAX_REGEX or not regex.isprintable():
        raise Invalid(f"regex: one to {MAX_REGEX:,} printable characters")
    try:
        _matcher(regex)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if error.args else "unknown"
        raise Invalid(
            f"regex: not a pattern that can be used: {why}",
            hint="Patterns are RE2's: without looking ahead or behind, and without back-references.",
        ) from error
    return regex


@lru_cache(maxsize=MAX_STRATEGIES)
def _matcher(regex: str) -> Any:
    """Its time follows the length of the text, whatever the pattern, and its memory has a limit."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MATCHER_MEMORY
    return re2.compile(regex, options)


def _refuse_taken(conn: Connection, actor: Actor, regex: str, but: bytes = b"") -> None:
    mine = origin_strategy.c.organization_id == actor.organization_id
    same = select(origin_strategy.c.id).where(
        mine, origin_strategy.c.regex == regex, origin_strategy.c.uuid != but
    )
    if conn.scalar(same) is not None:
        raise Conflict("there is an origin strategy with this regex already", hint="Change that one instead.")


def _write(
    conn: Connection, actor: Actor, found: OriginStrategy, values: dict[str, Any], now: int
) -> OriginStrategy:
    _refuse_taken(conn, actor, values["regex"], found.uuid)
    mine = origin_strategy.c.uuid == found.uuid
    conn.execute(update(origin_strategy).where(mine).values(**values, updated_at=now))
    changed = find(conn, actor, ids.text(found.uuid))
    _record(conn, actor, "origin_strategy.updated", changed, now)
    return changed


def _record(conn: Connection, actor: Actor, kind: str, about: OriginStrategy, at: int) -> None:
    data = {"origin_strategy": ids.text(about.uuid), "regex": about.regex, "strategy": about.strategy.value}
    log.record(conn, actor, kind, at=at, data=data)


# Run for each arrival, and built once for all: building a statement takes longer than running it.
_IN_ORDER: Select[Any] = (
    select(origin_strategy)
    .where(origin_strategy.c.organization_id == bindparam("organization"))
    .order_by(origin_strategy.c.position, origin_strategy.c.id)
)


def _all(conn: Connection, organization_id: int, query: Select[Any] = _IN_ORDER) -> list[OriginStrategy]:
    return [_from_row(row) for row in conn.execute(query, {"organization": organization_id})]


def _from_row(row: Row[Any]) -> OriginStrategy:
    return OriginStrategy(
        uuid=row.uuid,
        regex=row.regex,
        strategy=Strategy(row.strategy),
        credentials=msgspec.json.decode(row.credentials, type=Credentials) if row.credentials else None,
        optimised=row.optimised,
        order=row.position,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
