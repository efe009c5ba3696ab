"""What clients say of images, checked and put into the library's words.

Checking has two rounds, as in the original: what can be seen from the request alone (`posted`, `single`), all of which
is told in one answer; and what depends on the images that there are (`registration`), where the first fault is told.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, UnsetType

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library import channels
from stackroom.library.channels import Channel
from stackroom.library.registrations import Described, Registration
from stackroom.web.dlcs.convert.legacy import modern
from stackroom.web.dlcs.wire import members as wire
from stackroom.web.dlcs.wire.members import Member

T = TypeVar("T")
MAX_ID: Final = 220
RESTRICTED: Final = re.compile(r"[\\ \x00-\x1f\x7f]")
"""An encoded slash of an address is among them: it comes as a character that no name has."""
STEPS: Final = (".", "..")
"""What clients take out of an address before they ask for it, encoded or not."""
SHOWN: Final = 10
"""How many members a hint names for each thing that is wrong."""
READ_ONLY: Final = ("width", "height", "duration", "batch", "finished", "created")
_IMAGE = re.compile(r"(?:^|/)customers/([0-9]{1,9})/spaces/([0-9]{1,9})/images/([^/?#]+)/?(?:[?#].*)?$")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A member and how its image is called. `position` counts from 1; it is None where there is but one image."""

    customer: int
    space: int
    key: str
    said: Member
    position: int | None = None

    @property
    def label(self) -> str:
        """How a refusal names it."""
        return f"'{self.key}'" if self.position is None else f"member {self.position} ('{self.key}')"

    @property
    def place(self) -> tuple[int, str]:
        return self.space, self.key


# --- the request alone -----------------------------------------------------------------------------------------------


def posted(asked: wire.Posted, *, customer: int, limit: int, legacy: bool) -> list[Named]:
    """The members of a POST to a queue, under their names. Raises `Invalid` with all that is wrong with them.

    Of a `legacy` customer an empty list is taken, a missing media type is guessed, and policies of old are translated.
    """
    listed = asked.member if asked.member is not None else asked.members
    if not listed:
        if legacy and listed is not None:
            return []
        raise bad_request(["Members cannot be empty"])
    said = [modern(each, position) for position, each in enumerate(listed, 1)] if legacy else listed
    found = [_named(each, customer, position) for position, each in enumerate(said, 1)]
    members = [each for each in found if isinstance(each, Named)]
    whole = [
        *_of_the_list(members, len(listed), limit),
        *(each for each in found if isinstance(each, str)),
    ]
    faults = [(each.label, message) for each in members for message in of_a_member(each)]
    if whole or faults:
        raise bad_request(whole, faults)
    return members


def single(said: Member, *, customer: int, space: int, key: str, creating: bool) -> Named:
    """The body of a request about one image, whose address says which. `creating` asks for what a new one needs.

    Raises `Invalid` with all that is wrong with it, also where the body names another image.
    """
    named = Named(customer=customer, space=space, key=key, said=said)
    if problems := [*_of_another(named), *of_a_member(named, creating=creating)]:
        raise bad_request(problems)
    return named


def _of_another(named: Named) -> Iterable[str]:
    """Where the body and the address are not about the same image."""
    said = named.said
    if said.space not in {UNSET, 0, named.space}:
        yield f"'space' is {said.space}, but the address says {named.space}"
    called = said.id or said.model_id
    if called and _short(str(called), named.customer, named.space) != named.key:
        yield f"'id' is '{called}', but the address says '{named.key}'"
    if said.at_id and _from_uri(said.at_id) != (named.customer, named.space, named.key):
        yield _wrong_uri(said.at_id, named.customer, named.space, named.key)


def _named(said: Member, customer: int, position: int) -> Named | str:
    """A member under its name: the one it gives, short or whole, or that of its `@id`, or else a new one.

    A message, where it cannot be one of this customer's.
    """
    space = said.space or 0
    key = str(given(said.id, "")) or given(said.model_id, "")
    if said.at_id:
        uri = _from_uri(said.at_id)
        if uri is None or uri[:2] != (customer, space or uri[1]):
            return _wrong_uri(said.at_id, customer, space or None, key or None)
        space, key = uri[1], key or uri[2]
        if _short(key, customer, space) != uri[2]:
            return _wrong_uri(said.at_id, customer, space, key)
    key = _short(key, customer, space) or ids.text(ids.new())
    return Named(customer=customer, space=space, key=key, said=said, position=position)


def _short(key: str, customer: int, space: int) -> str:
    """An id without the customer and the space, if they are the ones it stands in."""
    return key.removeprefix(f"{customer}/{space}/")


def _from_uri(uri: str) -> tuple[int, int, str] | None:
    """Customer, space and id, whatever the host: clients may know this server under another name."""
    found = _IMAGE.search(uri)
    return None if found is None else (int(found[1]), int(found[2]), unquote(found[3]))


def _wrong_uri(uri: str, customer: int, space: int | None, key: str | None) -> str:
    wanted = f"customers/{customer}/spaces/{space or '{space}'}/images/{key or '{id}'}"
    return f"'@id' is '{uri}', but must end in {wanted}"


def _of_the_list(members: Sequence[Named], count: int, limit: int) -> Iterable[str]:
    places = Counter(each.place for each in members)
    twice = [place for place, times in places.items() if times > 1]
    if twice:
        which = ", ".join(f"Id:{key},Space:{space}" for space, key in twice)
        yield f"Members contains {len(twice)} duplicate Id(s): {which}"
    if count > limit:
        yield f"Maximum assets in single batch is {limit}"


def of_a_member(named: Named, *, creating: bool = True) -> Iterable[str]:
    """All that is wrong with what is said of an image, whatever is known of it already."""
    said = named.said
    if not named.key.strip():
        yield "Asset Id cannot be empty"
    elif "/" in named.key:
        yield f"Asset Id of {named.label} cannot contain a slash"
    elif len(f"{named.customer}/{named.space}/{named.key}") > MAX_ID:
        yield f"Asset Id of {named.label} is too long: with customer and space it has at most {MAX_ID} characters"
    if named.space == 0:
        yield "Space cannot be empty"
    if not given(said.media_type, "").strip() and (creating or said.media_type == ""):
        yield "Media type must be specified"
    for name in READ_ONLY:
        value = getattr(said, name)
        if value is not UNSET and value != 0:
            yield f"Should not include {name}"
    for name in ("image_optimisation_policy", "thumbnail_policy"):
        if getattr(said, name):
            yield f"{_camel(name)} is deprecated. Use 'deliveryChannels' instead."
    yield from _of_channels(named)


def _of_channels(named: Named) -> Iterable[str]:
    """What is wrong with the channels by themselves and, where it is given, for the media type."""
    asked, media_type = named.said.delivery_channels, given(named.said.media_type, "")
    if asked is UNSET:
        return
    try:
        if media_type:
            channels.chosen(_pairs(asked), media_type, ())
        else:  # what they must suit is not known yet
            channels.unmixed(_pairs(asked))
    except Invalid as error:
        if error.code != "unknown_policy":  # that is told later, and of the first member only
            yield f"{error.message} ({named.label})" if asked else error.message


# --- with what there is ----------------------------------------------------------------------------------------------


def is_image(named: Named) -> bool:
    """Whether the priority lane takes it, which is for images."""
    said = named.said
    names = {name for name, _ in _pairs(given(said.delivery_channels, []))}
    return (
        said.family == "I"
        or channels.IIIF_IMAGE in names
        or given(said.media_type, "").lower().startswith("image/")
    )


def registration(
    named: Named,
    known: Described | None,
    usual: Callable[[str], Sequence[Channel]],
    *,
    origin: str | None = None,
    taken_in: bool = True,
) -> Registration:
    """What to say of the image, given what there is and which channels a media type usually has.

    `origin` is where bytes that came with the request itself are kept. An image that is not `taken_in` by this request
    is only changed: it may have come without an origin, and keeps family and channels. Raises `Invalid` for what
    may not be said of an image that there is, or must be said of one that there is not.
    """
    said = named.said
    named_origin = given(said.origin, "")
    origin = origin or (named_origin if named_origin.strip() else None)
    media_type = given(said.media_type, "").strip() or (known.media_type if known else "")
    keeps = known is not None and (known.registered or not taken_in)
    if known is None:
        _check_new(named)
    else:
        _check_known(named, known, keeps=keeps)
    if origin is None and (known is None or (taken_in and not known.origin)):
        raise Invalid(f"Asset Origin must be supplied. ({named.label})", code="origin_missing")
    chosen = _channels(named, media_type, usual, keeps=keeps)
    family: channels.Family | UnsetType = UNSET
    if known is None or not known.registered:
        family = said.family or (UNSET if chosen is None else channels.family_of(chosen, media_type))
    return Registration(
        origin=UNSET if origin is None else origin,
        media_type=media_type if given(said.media_type, "").strip() else UNSET,
        family=family,
        channels=UNSET if chosen is None else chosen,
        max_unauthorised=said.max_unauthorised,
        roles=_listed(said.roles),
        tags=_listed(said.tags),
        manifests=_listed(said.manifests),
        string1=said.string1,
        string2=said.string2,
        string3=said.string3,
        number1=said.number1,
        number2=said.number2,
        number3=said.number3,
    )


def needs_processing(wanted: Registration, known: Described) -> bool:
    """Whether a PATCH changes anything that what is delivered depends on. What was uploaded has no origin to be
    processed from, and is delivered by what is said of it all the same."""
    channels_now = known.channels if wanted.channels is UNSET else wanted.channels
    return bool(known.origin or wanted.origin) and (
        {*channels_now} != {*known.channels}  # in whichever order
        or any(
            value is not UNSET and value != before
            for value, before in (
                (wanted.origin, known.origin),
                (wanted.max_unauthorised, known.max_unauthorised),
            )
        )
    )


def _check_new(named: Named) -> None:
    if RESTRICTED.search(named.key):
        raise Invalid(
            f"Asset Id of {named.label} contains restricted characters: no slash, backslash, space or control "
            "character may be in it",
            code="restricted_characters",
        )
    if named.key in STEPS:
        raise Invalid(
            f"Asset Id of {named.label} would lead elsewhere: in an address '.' and '..' are steps",
            code="restricted_characters",
        )


def _check_known(named: Named, known: Described, *, keeps: bool) -> None:
    if keeps and given(named.said.family, known.family) != known.family:
        raise Invalid(f"Family cannot be edited: {named.label} is '{known.family}'", code="family_fixed")
    if given(named.said.error, ""):
        raise Invalid(f"Should not include error ({named.label})", code="read_only_property")


def _channels(
    named: Named, media_type: str, usual: Callable[[str], Sequence[Channel]], *, keeps: bool
) -> tuple[Channel, ...] | None:
    """The channels to have from now on; None for those that there are, if it `keeps` them."""
    asked = named.said.delivery_channels
    if asked is UNSET:
        return None if keeps else tuple(usual(media_type))
    try:
        return channels.chosen(_pairs(asked), media_type, usual(media_type))
    except Invalid as error:
        raise Invalid(f"{error.message} ({named.label})", code=error.code, hint=error.hint) from error


def _pairs(asked: Sequence[wire.Channel | str]) -> list[tuple[str, str | None]]:
    return [(each, None) if isinstance(each, str) else (each.channel, each.policy) for each in asked]


def _listed(values: wire.Texts) -> tuple[str, ...] | UnsetType:
    """Each once, in the order in which they were given."""
    return UNSET if values is UNSET else tuple(dict.fromkeys(values))


def bad_request(problems: Iterable[str], of_members: Sequence[tuple[str, str]] = ()) -> Invalid:
    """All that is wrong with a request as one refusal, each message once; what is wrong `of_members` comes with who it
    is about, whom the hint names where the protocol's words do not.
    """
    distinct = list(dict.fromkeys([*problems, *(message for _, message in of_members)]))
    shown = [{"loc": ["body"], "msg": each, "type": "validation_error"} for each in distinct]
    return Invalid(". ".join(distinct), hint=_at_fault(of_members), details={"errors": shown})


def _at_fault(of_members: Iterable[tuple[str, str]]) -> str | None:
    found: dict[str, list[str]] = {}
    for label, message in of_members:
        if label not in message:
            found.setdefault(message, []).append(label)
    return " ".join(f"{message.rstrip('.')}: {_some(labels)}." for message, labels in found.items()) or None


def _some(labels: Sequence[str]) -> str:
    more = len(labels) - SHOWN
    return ", ".join(labels[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def given(value: T | UnsetType, otherwise: T) -> T:
    """What a client said, if it said anything."""
    return otherwise if value is UNSET else value
