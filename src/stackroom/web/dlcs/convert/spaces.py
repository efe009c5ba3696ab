"""Spaces in the words of the protocol, and back."""

from collections.abc import Mapping

from msgspec import UNSET

from stackroom.errors import Invalid
from stackroom.library.datasets import Dataset, DatasetChanges, Defaults, Totals
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.links import Links
from stackroom.web.dlcs.wire import spaces as wire

_LARGEST = 2**31 - 1


def space(found: Dataset, links: Links, totals: Totals | None = None) -> wire.Space:
    number = found.number
    return wire.Space(
        context=links.context("Space"),
        at_id=links.space(number),
        id=number,
        name=found.name,
        created=moment(found.created_at),
        default_tags=list(found.defaults.tags),
        default_roles=list(found.defaults.roles),
        max_unauthorised=found.defaults.max_unauthorised,
        approximate_number_of_images=UNSET if totals is None else totals.assets,
        images=links.space(number, "images"),
        storage=links.space(number, "storage"),
        metadata=links.space(number, "metadata"),
        default_delivery_channels=links.space(number, "defaultDeliveryChannels"),
    )


def name_of(said: wire.SpaceBody) -> str:
    """What a new space is called. Raises `Invalid`."""
    if said.name is UNSET or not said.name.strip():
        raise Invalid("A space must have a name.", code="name_missing")
    return said.name


def defaults(said: wire.SpaceBody, before: Defaults = Defaults()) -> Defaults:  # noqa: B008 - it cannot be changed
    """What is said, in place of what was before. Raises `Invalid`."""
    most = before.max_unauthorised if said.max_unauthorised is UNSET else said.max_unauthorised
    if not -1 <= most <= _LARGEST:
        raise Invalid(f"maxUnauthorised: from -1, which is no limit, to {_LARGEST}")
    return Defaults(
        tags=before.tags if said.default_tags is UNSET else _each_once(said.default_tags),
        roles=before.roles if said.default_roles is UNSET else _each_once(said.default_roles),
        max_unauthorised=most,
    )


def changes(said: wire.SpaceBody, found: Dataset) -> DatasetChanges:
    """What of it is different from what there is. Raises `Invalid`."""
    wanted = defaults(said, found.defaults)
    if said.name is not UNSET:
        name_of(said)
    return DatasetChanges(
        name=UNSET if said.name == found.name else said.name,
        defaults=UNSET if wanted == found.defaults else wanted,
    )


def order(query: Mapping[str, str]) -> tuple[str, bool, dict[str, str]]:
    """By what to sort, whether downwards, and what links to other pages must say of it. Unknown words are ignored."""
    for parameter, descending in (("orderBy", False), ("orderByDescending", True)):
        wanted = query.get(parameter, "")
        if wanted.lower() in {"name", "created"}:
            return wanted.lower(), descending, {parameter: wanted}
    return "created", False, {}


def _each_once(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
