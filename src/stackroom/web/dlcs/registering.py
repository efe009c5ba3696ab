"""What clients register becomes arrivals: in a queue and one by one, by the same rules."""

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec import UNSET

from stackroom.access import Actor
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, TooLarge
from stackroom.ingest.preparing import Arriving
from stackroom.library import channels, datasets, defaults, registrations, usage
from stackroom.library.channels import DefaultChannel, Family
from stackroom.library.datasets import Dataset
from stackroom.library.registrations import Described, Registration
from stackroom.settings import Settings
from stackroom.web.dlcs.convert import members as convert
from stackroom.web.dlcs.convert.members import Named


class Registering(msgspec.Struct, frozen=True, kw_only=True):
    """An image that somebody registers: what it is called, what there is of it, and what shall be said of it."""

    named: Named
    space: Dataset
    known: Described | None
    wanted: Registration

    @property
    def family(self) -> Family:
        if self.wanted.family is not UNSET:
            return self.wanted.family
        assert self.known is not None
        return self.known.family

    def arriving(self) -> Arriving:
        origin, media_type = self.wanted.origin, self.wanted.media_type
        if self.known is not None:
            origin = self.known.origin if origin is UNSET else origin
            media_type = self.known.media_type if media_type is UNSET else media_type
        assert origin is not UNSET
        assert media_type is not UNSET
        return Arriving(
            dataset_id=self.space.id,
            origin=origin,
            key=self.named.key,
            media_type=media_type,
            registration=self.wanted,
            asset_id=None if self.known is None else self.known.id,
        )


def registering(
    conn: Connection,
    actor: Actor,
    members: Sequence[Named],
    *,
    origin: str | None = None,
    taken_in: bool = True,
) -> list[Registering]:
    """The members with what there is of them, all of them or none: a constant number of statements.

    `origin` is where the bytes are kept that came with the request; what is not `taken_in` by it in any case need not
    have one. Raises `Invalid` for spaces that there are not, and for the first member that says what cannot be.
    """
    spaces = _spaces(conn, actor, members)
    known = registrations.by_keys(conn, actor, [each.place for each in members])
    usual = defaults.of(conn, actor)
    return [
        Registering(
            named=each,
            space=spaces[each.space],
            known=known.get(each.place),
            wanted=_wanted(
                each, known.get(each.place), spaces[each.space], usual, origin=origin, taken_in=taken_in
            ),
        )
        for each in members
    ]


def check_room(conn: Connection, actor: Actor, settings: Settings, asked: Sequence[Registering]) -> None:
    """Raise `TooLarge` (`storage_limit_exceeded`) where the organization may not store as much as it would have."""
    images, most_bytes = settings.storage_policy_images, settings.storage_policy_bytes
    if not images and not most_bytes:
        return
    stored = usage.of_organization(conn, actor.organization_id)
    new = sum(each.known is None for each in asked)
    if images and stored.assets + new > images:
        raise TooLarge(
            f"The storage policy allows {images:,} images; there are {stored.assets:,}, and these are {new:,} more",
            code="storage_limit_exceeded",
            details={"limit": images, "stored": stored.assets},
        )
    if most_bytes and stored.bytes >= most_bytes:
        raise TooLarge(
            f"The storage policy allows {most_bytes:,} bytes, and there are {stored.bytes:,}",
            code="storage_limit_exceeded",
            details={"limit": most_bytes, "stored": stored.bytes},
        )


def _spaces(conn: Connection, actor: Actor, members: Sequence[Named]) -> dict[int, Dataset]:
    wanted = sorted({each.space for each in members})
    found = datasets.by_numbers(conn, actor, wanted)
    missing = [str(each) for each in wanted if each not in found]
    if missing and members[0].position is None:
        message = f"Target space for asset does not exist: {members[0].customer}/{missing[0]}"
        raise Invalid(message, code="space_not_found")
    if missing:
        message = f"The following space(s) could not be found: {', '.join(missing)}"
        raise Invalid(message, code="space_not_found")
    return found


def _wanted(
    each: Named,
    known: Described | None,
    space: Dataset,
    usual: Sequence[DefaultChannel],
    *,
    origin: str | None,
    taken_in: bool,
) -> Registration:
    fitting = partial(channels.defaults, usual, space.id)
    said = convert.registration(each, known, fitting, origin=origin, taken_in=taken_in)
    registrations.check(said, each.label)
    return said
