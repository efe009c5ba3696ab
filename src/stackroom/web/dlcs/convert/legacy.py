"""What clients of old leave out or say in words that have gone: the media type, and policies instead of channels."""

import re
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import UNSET

from stackroom.errors import Invalid
from stackroom.library import channels
from stackroom.media.media_types import by_extension
from stackroom.web.dlcs.wire.members import Channel, Member

TITLE: Final = "Failed to convert legacy asset"
UNKNOWN_IMAGE: Final = "image/unknown"
# What nothing but the family is known of; an image then takes the type that its origin names.
_OF_FAMILY: Final = MappingProxyType(
    {"I": UNKNOWN_IMAGE, "T": "video/unknown", "F": "application/octet-stream"}
)
_SUITED: Final = MappingProxyType({"I": ("image/",), "T": ("video/", "audio/"), "F": ("",)})

_IMAGE_DEFAULT: Final = [
    Channel(channel=channels.IIIF_IMAGE, policy="default"),
    Channel(channel=channels.THUMBS, policy="default"),
]
_OPTIMISATIONS: Final = MappingProxyType(
    {
        "I": {
            "fast-higher": _IMAGE_DEFAULT,
            "fast-lossless": _IMAGE_DEFAULT,
            "use-original": [Channel(channel=channels.IIIF_IMAGE, policy="use-original"), _IMAGE_DEFAULT[1]],
        },
        "T": {
            "video-max": [Channel(channel=channels.IIIF_AV, policy="default-video")],
            "audio-max": [Channel(channel=channels.IIIF_AV, policy="default-audio")],
        },
        "F": {"none": [Channel(channel=channels.AS_FILE, policy="none")]},
    }
)


def modern(said: Member, position: int | None = None) -> Member:
    """The member as a client of today would say it. What says all of it is given back as it is.

    Raises `Invalid` (`legacy_policy`) for a policy that means nothing for this kind of asset.
    """
    media_type = said.media_type or inferred(said)
    said = msgspec.structs.replace(said, media_type=media_type)
    if said.delivery_channels is not UNSET:
        return said  # whoever knows of channels means them; a policy beside them is refused as anybody's
    wanted = _channels(said, media_type, position)
    if wanted is None:
        return said
    return msgspec.structs.replace(
        said, delivery_channels=wanted, image_optimisation_policy=UNSET, thumbnail_policy=UNSET
    )


def inferred(said: Member) -> str:
    """The media type of a member that names none: by the extension of its origin, unless it is of another family."""
    family = said.family or None
    path = re.split("[?#]", said.origin or "", maxsplit=1)[0]
    found = by_extension(path)
    if found is not None and (family is None or found.startswith(_SUITED[family])):
        return found
    return _OF_FAMILY[family or "I"]


def _channels(said: Member, media_type: str, position: int | None) -> list[Channel | str] | None:
    """The channels that the policies of old stand for, if there are any."""
    optimisation, thumbnails = (
        (each or "").rstrip("/").rpartition("/")[2]
        for each in (said.image_optimisation_policy, said.thumbnail_policy)
    )
    if not optimisation and not thumbnails:
        return None
    family = said.family or channels.family_of_media_type(media_type)
    known = _OPTIMISATIONS[family]
    if optimisation and optimisation not in known:
        raise _refused("imageOptimisationPolicy", optimisation, family, position)
    if thumbnails not in {"", "default"}:
        raise _refused("thumbnailPolicy", thumbnails, family, position)
    if optimisation:
        return list(known[optimisation])
    return list(_IMAGE_DEFAULT) if family == "I" else None


def _refused(name: str, policy: str, family: str, position: int | None) -> Invalid:
    of = "" if position is None else f" of member {position}"
    return Invalid(
        f"{name} '{policy}'{of} is not known for family {family}",
        code="legacy_policy",
        hint="Say deliveryChannels instead.",
        details={"title": TITLE},
    )
