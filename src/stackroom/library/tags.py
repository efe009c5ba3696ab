"""Tags: words that assets of a dataset are found by. A tag belongs to its dataset, and exists once it was given.

Names are trimmed and composed (Unicode NFC), as names of files are; case counts. Giving and taking tags is an
update of the engine's: this is how they are spelled and read.
"""

import unicodedata
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from stackroom.database.flavour import of as flavour_of
from stackroom.database.flavour import statement
from stackroom.errors import Invalid

MAX_NAME = 100
AT_ONCE = 100
"""So many tags may be given, taken or asked for in one request."""


def clean(raw: Sequence[str], what: str = "tags") -> tuple[str, ...]:
    """Tags as they are kept, each once, in the order given.

    Raises `Invalid`: `too_many_tags`, or `invalid_tag` for one that is empty, too long or has control characters.
    """
    if len(raw) > AT_ONCE:
        raise Invalid(
            f"{what}: at most {AT_ONCE} at once, and these are {len(raw)}",
            code="too_many_tags",
            hint=f"Send {AT_ONCE} at a time.",
            details={"limit": AT_ONCE, "count": len(raw)},
        )
    return tuple(dict.fromkeys(clean_name(each, what) for each in raw))


def clean_name(raw: str, what: str = "tags") -> str:
    """One tag as it is kept. Raises `Invalid` (`invalid_tag`)."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in raw):
        raise _refused(what, raw, "contains control characters")
    name = unicodedata.normalize("NFC", raw).strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise _refused(what, raw, f"has not between 1 and {MAX_NAME} characters")
    return name


def of(conn: Connection, asset_ids: Sequence[int]) -> dict[int, list[str]]:
    """The tags of assets by their row id, in order; those without any are left out. One statement for any number."""
    if not asset_ids:
        return {}
    how = flavour_of(conn)
    theirs = how.probe.format(table="asset_tag", alias="x", where="x.asset_id = CAST(s.value AS bigint)")
    rows = conn.execute(
        statement(f"""SELECT x.asset_id, (SELECT t.name FROM tag t WHERE t.id = x.tag_id)
            FROM {how.texts} s {theirs}"""),
        {"texts": msgspec.json.encode([str(each) for each in asset_ids]).decode()},
    )
    found: dict[int, list[str]] = {}
    for asset_id, name in sorted(tuple(row) for row in rows):
        found.setdefault(asset_id, []).append(name)
    return found


def _refused(what: str, raw: str, why: str) -> Invalid:
    shown = raw if len(raw) <= 80 else raw[:77] + "..."
    return Invalid(f"{what}: {shown!a} {why}", code="invalid_tag", hint="Give a word such as night.")
