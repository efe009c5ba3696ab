"""Many images named, and changed, at once: checked, and put into the library's words."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import UNSET

from stackroom.errors import Invalid
from stackroom.library.registered import NUMBERS, STRINGS
from stackroom.library.registrations import Described, Registration, check
from stackroom.web.dlcs.convert import members
from stackroom.web.dlcs.convert.members import bad_request
from stackroom.web.dlcs.wire import lists as wire
from stackroom.web.dlcs.wire.members import Member

AT_ONCE = 500
OPERATIONS = ("add", "remove", "replace")
_WHOLE_ID = re.compile(r"([0-9]{1,9})/([0-9]{1,9})/([^/]+)")
_ELSEWHERE = (
    "origin",
    "max_unauthorised",
    "delivery_channels",
    "delivery_channel",
    "image_optimisation_policy",
    "thumbnail_policy",
)
_SPELLED = dict(zip(Member.__struct_fields__, Member.__struct_encode_fields__, strict=True))
Place = tuple[int, str]


class Partial(msgspec.Struct, frozen=True):
    """An image of a space by its key, and what to say of it."""

    key: str
    said: Registration
    family: str | None


def places(asked: wire.Names | wire.Field, customer: int) -> list[Place]:
    """The images that are named, as (space, key), each once.

    Raises `Invalid` for none, for more than may be, for an id that is none or another customer's, and for one twice.
    """
    named = asked.member if asked.member is not None else asked.members
    if not named:
        raise bad_request(["Members cannot be empty"])
    if len(named) > AT_ONCE:
        raise bad_request([f"Maximum assets in a single request is {AT_ONCE}"])
    found = [_place(each.id, customer) for each in named]
    problems = [each for each in found if isinstance(each, str)]
    twice = _twice(f"{customer}/{each[0]}/{each[1]}" for each in found if isinstance(each, tuple))
    if problems or twice:
        raise bad_request([*problems, *twice])
    return [each for each in found if isinstance(each, tuple)]


def partials(asked: wire.Partial, customer: int, space: int, limit: int) -> list[Partial]:
    """What is to be said of each of the images of a space. Raises `Invalid` with all that is wrong with them."""
    listed = asked.member if asked.member is not None else asked.members
    if not listed:
        raise bad_request(["Members cannot be empty"])
    problems = [f"Maximum assets in single batch is {limit}"] if len(listed) > limit else []
    keys = [_key(each, customer, space) for each in listed]
    if not all(keys):
        problems.append("All assets require a ModelId")
    problems += _twice(key for key in keys if key)
    faults = [
        (f"'{key}'", message)
        for key, each in zip(keys, listed, strict=True)
        if key
        for message in _of_a_partial(each, customer=customer, space=space, key=key)
    ]
    if problems or faults:
        raise bad_request(problems, faults)
    return [Partial(key, said_of(each), each.family or None) for key, each in zip(keys, listed, strict=True)]


def said_of(member: Member) -> Registration:
    """What can be said of an image without having it processed again."""
    given: dict[str, Any] = {name: getattr(member, name) for name in ("media_type", *STRINGS, *NUMBERS)}
    for name in ("tags", "roles", "manifests"):
        value = getattr(member, name)
        given[name] = UNSET if value is UNSET else tuple(dict.fromkeys(value))
    return Registration(**given)


def check_family(found: Described, wanted: Partial) -> None:
    """Raise `Invalid` for an image that is to become something else."""
    if wanted.family not in {None, found.family}:
        raise Invalid(f"Family cannot be edited: '{found.key}' is '{found.family}'", code="family_fixed")


def manifests(asked: wire.Field) -> tuple[str, list[str]]:
    """What to do with the manifests of the images. Raises `Invalid`."""
    if asked.field != "manifests":
        raise bad_request([f"Unsupported field '{asked.field}'"])
    operation = asked.operation.lower() if isinstance(asked.operation, str) else _numbered(asked.operation)
    if operation not in OPERATIONS:
        raise bad_request([f"Unsupported operation '{asked.operation}': it is add, remove or replace"])
    if asked.value is UNSET:
        raise bad_request(["'value' must be a list of strings"])
    check(Registration(manifests=tuple(asked.value)))
    return operation, asked.value


def _numbered(operation: int) -> str:
    """What clients that are built with the original's own classes mean, counted from 1."""
    return OPERATIONS[operation - 1] if 1 <= operation <= len(OPERATIONS) else ""


def becoming(held: Sequence[str], operation: str, value: Sequence[str]) -> tuple[str, ...]:
    """What a list of manifests becomes."""
    match operation:
        case "add":
            return tuple(dict.fromkeys((*held, *value)))
        case "remove":
            return tuple(each for each in held if each not in value)
        case _:
            return tuple(dict.fromkeys(value))


def _place(whole: str, customer: int) -> Place | str:
    found = _WHOLE_ID.fullmatch(whole)
    if found is None:
        return f"'{whole}' is not the id of an image: that is customer/space/id"
    if int(found[1]) != customer:
        return f"'{whole}' is not of this customer"
    return int(found[2]), found[3]


def _key(member: Member, customer: int, space: int) -> str:
    """A member's short id, however it is given; empty if it is not."""
    called = str(member.id or member.model_id or "")
    if not called and member.at_id:
        called = unquote(member.at_id.rstrip("/").rpartition("/")[2])
    return called.removeprefix(f"{customer}/{space}/").strip()


def _of_a_partial(member: Member, *, customer: int, space: int, key: str) -> Iterable[str]:
    """All that is wrong with what is said of one of many images."""
    for name in _ELSEWHERE:
        if getattr(member, name) is not UNSET:
            yield f"'{_SPELLED[name]}' of '{key}' cannot be changed here: change the images one by one"
    if member.error not in {UNSET, ""}:
        yield f"Should not include error ('{key}')"
    rest = msgspec.structs.replace(member, **dict.fromkeys(_ELSEWHERE, UNSET))
    try:
        members.single(rest, customer=customer, space=space, key=key, creating=False)
        check(said_of(rest), f"'{key}'")
    except Invalid as error:
        yield error.message


def _twice(names: Iterable[str]) -> list[str]:
    twice = [name for name, times in Counter(names).items() if times > 1]
    return [f"Members contains {len(twice)} duplicate Id(s): {', '.join(twice)}"] if twice else []
