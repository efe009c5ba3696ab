"""Which images a query asks for, and in which order."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from stackroom.errors import Invalid
from stackroom.library.registered import NUMBERS, STRINGS, Where
from stackroom.web.dlcs.convert.base import body
from stackroom.web.dlcs.wire.lists import Query

NOWHERE = 0
"""A space that nobody has."""
_CARRIED = ("orderBy", "orderByDescending", "q", *STRINGS, *NUMBERS, "manifests")


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a query asks for. `carried` is what links to other pages must say as well."""

    where: Where
    order: str
    descending: bool
    carried: dict[str, str]


def listing(query: Mapping[str, str], within: Where) -> Listing:
    """What the query asks for, of what is `within`. Raises `Invalid` (`bad_query`) for one that makes no sense.

    Of what is asked for twice, the parameter beside `q` counts.
    """
    up = query.get("orderBy", "")
    down = query.get("orderByDescending", "")
    return Listing(
        where=_narrowed(within, _asked(query)),
        order=up or down or "created",
        descending=bool(down and not up),
        carried={name: query[name] for name in _CARRIED if name in query},  # "" is a filter as well
    )


def _asked(query: Mapping[str, str]) -> Query:
    try:
        asked = body(query.get("q", "").encode(), Query)
    except Invalid as error:
        raise _unreadable(error.message) from error
    strings = {name: query[name] for name in STRINGS if name in query}
    numbers = {name: _number(name, query[name]) for name in NUMBERS if name in query}
    listed = {"manifests": query["manifests"].split(",")} if "manifests" in query else {}
    return msgspec.structs.replace(asked, **strings, **numbers, **listed)


def _narrowed(within: Where, asked: Query) -> Where:
    given = {name: value for name in (*STRINGS, *NUMBERS) if (value := getattr(asked, name)) is not UNSET}
    for name in NUMBERS:
        if not -(2**63) <= given.get(name, 0) < 2**63:
            raise _unreadable(f"{name}: does not fit in 64 bits")
    if asked.manifests is not UNSET:
        given["manifests"] = tuple(dict.fromkeys(each for each in asked.manifests if each))
    if asked.space is not UNSET:
        given["space"] = asked.space if within.space in {None, asked.space} else NOWHERE
    return msgspec.structs.replace(within, **given)


def _number(name: str, raw: str) -> int:
    digits = raw.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 19:
        raise _unreadable(f"{name}: expected a number, got {raw[:40]!r}")
    return int(raw)


def _unreadable(why: str) -> Invalid:
    return Invalid(
        f"Could not parse query: {why}",
        code="bad_query",
        hint='q is a JSON object such as {"string1":"x","number1":3}.',
    )
