"""Splits: dividing the live assets of a dataset into those to train with, to validate with and to test with.

Each asset has its place in an order that its id and the seed decide, nothing else. So the same seed divides the same
assets alike in every database; and when some come or go, nearly all that stay are where they were: what a model has
been trained with does not turn up among what it is tested with.

This is no operation of the engine's: those take a dataset of a million in chunks, and half of a division is none. It
is undone by dividing again; the event says how it was done.
"""

import msgspec
from sqlalchemy import Connection, func, select

from stackroom.access import Actor, Role, require
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import LIVE, asset
from stackroom.errors import Invalid
from stackroom.events import log
from stackroom.library import datasets

BEYOND_ALL = b"\xff" * 17  # more than any sixteen bytes
INSIDE = "dataset_id = :dataset AND archived_at IS NULL AND id <= :last"


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a dataset each split gets, in whole percent."""

    train: int = 70
    val: int = 20
    test: int = 10


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """How many assets each split has, and how many of all had another one before."""

    train: int
    val: int
    test: int
    changed: int

    @property
    def total(self) -> int:
        return self.train + self.val + self.test


def assign(
    conn: Connection, actor: Actor, reference: str, shares: Shares, *, seed: int, now: int
) -> Division:
    """Give every live asset of a dataset a split: `val` and `test` get their share rounded down, `train` the rest.

    As many statements for a million assets as for ten. Repeating it changes nothing. Raises `Invalid`
    (`invalid_shares`) for shares that are not a hundred percent together.
    """
    require(actor, Role.MEMBER, "assigning splits")
    check(shares)
    found = datasets.find(conn, actor, reference)
    counted = select(func.count(), func.max(asset.c.id)).where(asset.c.dataset_id == found.id, LIVE)
    total, last = conn.execute(counted).one()
    val, test = total * shares.val // 100, total * shares.test // 100
    # Who arrives from now on is not among those counted.
    bound = {"dataset": found.id, "last": last or 0, "salt": b"%d" % seed}
    changed = _write(conn, bound, val, val + test, now=now) if total else 0
    done = Division(train=total - val - test, val=val, test=test, changed=changed)
    said = {"shares": msgspec.structs.asdict(shares), "seed": seed, **msgspec.structs.asdict(done)}
    log.record(conn, actor, "splits.assigned", at=now, dataset_id=found.id, data=said)
    return done


def check(shares: Shares) -> None:
    """Raise `Invalid` unless the shares are a hundred percent together, and none is less than nothing."""
    given = shares.train, shares.val, shares.test
    if min(given) < 0 or sum(given) != 100:
        raise Invalid(
            f"train, val and test are percentages: together 100, and these are {sum(given)}",
            code="invalid_shares",
            hint="Such as 70, 20 and 10.",
        )


def _write(conn: Connection, bound: dict[str, object], val: int, val_and_test: int, *, now: int) -> int:
    """The first `val` in the shuffled order are to validate with, those up to `val_and_test` to test with."""
    how = flavour.of(conn)
    place = how.shuffle.format(uuid="uuid")
    ends = {"val_end": _place_of(conn, bound, val), "test_end": _place_of(conn, bound, val_and_test)}
    split = f"CASE WHEN {place} < :val_end THEN 'val' WHEN {place} < :test_end THEN 'test' ELSE 'train' END"
    return conn.execute(
        statement(f"""{how.update} asset SET split = {split}, version = version + 1, updated_at = :now
            WHERE {INSIDE} AND COALESCE(split, '') <> {split}"""),
        {**bound, **ends, "now": now},
    ).rowcount


def _place_of(conn: Connection, bound: dict[str, object], number: int) -> bytes:
    """Where in the shuffled order the asset is that has `number` others before it."""
    place = flavour.of(conn).shuffle.format(uuid="uuid")
    found: bytes | None = conn.scalar(
        statement(f"""SELECT place FROM (SELECT {place} AS place FROM asset WHERE {INSIDE}) shuffled
            ORDER BY place LIMIT 1 OFFSET :number"""),
        {**bound, "number": number},
    )
    return BEYOND_ALL if found is None else found
