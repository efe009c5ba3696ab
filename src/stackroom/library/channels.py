"""Delivery channels: in which ways an asset is handed out. A closed set, and a policy for each.

iiif-img  as an image that can be zoomed      thumbs  in a few small sizes      iiif-av  as sound or video
file      as the bytes that came in           none    not at all
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from stackroom.errors import Invalid

Family = Literal["I", "T", "F"]
"""Image, timebased (sound and video), file."""
IMAGE, TIMEBASED, FILE = "I", "T", "F"

IIIF_IMAGE = "iiif-img"
THUMBS = "thumbs"
IIIF_AV = "iiif-av"
AS_FILE = "file"
NONE = "none"
DEFAULT = "default"
"""What may be asked for beside the channels: whatever is the default for the media type."""

POLICIES = MappingProxyType(
    {
        IIIF_IMAGE: ("default", "use-original"),
        THUMBS: ("default",),
        IIIF_AV: ("default-video", "default-audio"),
        AS_FILE: ("none",),
        NONE: ("none",),
    }
)
"""The policies of each channel; all of them are the system's."""
_SUITED = {IIIF_IMAGE: ("image/",), THUMBS: ("image/",), IIIF_AV: ("audio/", "video/")}


class Channel(msgspec.Struct, frozen=True):
    """One way of delivery, under one of the policies of that channel."""

    channel: str
    policy: str


class DefaultChannel(msgspec.Struct, frozen=True, kw_only=True):
    """What assets of a media type (`image/*`, `video/mp4`) get; without a dataset, anywhere in the organization."""

    channel: Channel
    media_type: str
    dataset_id: int | None = None


USUAL = (
    DefaultChannel(channel=Channel(IIIF_IMAGE, "default"), media_type="image/*"),
    DefaultChannel(channel=Channel(THUMBS, "default"), media_type="image/*"),
    DefaultChannel(channel=Channel(IIIF_AV, "default-video"), media_type="video/*"),
    DefaultChannel(channel=Channel(IIIF_AV, "default-audio"), media_type="audio/*"),
)
"""What an organization begins with, and what is told of assets of which nobody has said anything."""
OTHERWISE = (Channel(AS_FILE, "none"),)


def defaults(known: Iterable[DefaultChannel], dataset_id: int, media_type: str) -> tuple[Channel, ...]:
    """The channels of a new asset of `media_type` in a dataset, where `known` are the organization's, oldest first.

    For each channel a dataset's own default beats the organization's; of several the longest pattern, and of those the
    newest. What no pattern fits is handed out as a file. `none` stands alone: it is for what nothing nearer or longer
    says.
    """
    best: dict[str, tuple[tuple[int, int], Channel]] = {}
    for each in known:
        if each.dataset_id not in {None, dataset_id} or not fits(each.media_type, media_type):
            continue
        weight = int(each.dataset_id is not None), len(each.media_type.rstrip("*"))
        held = best.get(each.channel.channel)
        if held is None or held[0] <= weight:
            best[each.channel.channel] = weight, each.channel
    if (not_at_all := best.pop(NONE, None)) is not None:
        return tuple(channel for weight, channel in best.values() if weight > not_at_all[0]) or (
            not_at_all[1],
        )
    return tuple(channel for _, channel in best.values()) or OTHERWISE


def fits(pattern: str, media_type: str) -> bool:
    """Whether `image/*` or `image/png` means this media type."""
    media_type = media_type.lower()
    if pattern.endswith("/*"):
        return media_type.startswith(pattern[:-1].lower())
    return pattern.lower() == media_type


def family_of(channels: Sequence[Channel], media_type: str) -> Family:
    """What an asset is: by its channels, and where they leave it open by its media type."""
    names = {each.channel for each in channels}
    if names == {AS_FILE}:
        return "F"
    if IIIF_IMAGE in names:
        return "I"
    if IIIF_AV in names:
        return "T"
    return family_of_media_type(media_type)


def family_of_media_type(media_type: str) -> Family:
    kind = media_type.partition("/")[0].lower()
    return "I" if kind == "image" else "T" if kind in {"audio", "video"} else "F"


def named(channel: str, policy: str) -> Channel:
    """A channel under a policy of it, which may be given as an address, whose end is its name.

    Raises `Invalid`: `unknown_channel`, `unknown_policy`.
    """
    if channel not in POLICIES:
        raise _unknown(channel)
    name = policy.rstrip("/").rpartition("/")[2]
    if name not in POLICIES[channel]:
        raise Invalid(
            f"Failed to match delivery channel policy '{policy}' of channel '{channel}'",
            code="unknown_policy",
            hint=f"Policies of {channel} are {', '.join(POLICIES[channel])}.",
        )
    return Channel(channel, name)


def check(channel: str, policy: str | None, media_type: str) -> Channel:
    """`named`, for an asset of this media type; without a policy, under that which it usually gets.

    Raises `Invalid` (`unsuitable_channel`) for what the channel cannot deliver.
    """
    if channel not in POLICIES:
        raise _unknown(channel)
    suited = _SUITED.get(channel)
    if suited is not None and not media_type.lower().startswith(suited):
        raise Invalid(
            f"'{channel}' is not a valid delivery channel for asset of type '{media_type}'",
            code="unsuitable_channel",
        )
    if policy is None or not policy.strip():
        return Channel(channel, _usual(channel, media_type))
    return named(channel, policy)


def chosen(
    asked: Sequence[tuple[str, str | None]], media_type: str, usual: Sequence[Channel]
) -> tuple[Channel, ...]:
    """The channels that somebody asks for, as (channel, policy); `usual` is what `default` stands for.

    Raises `Invalid` as `unmixed` and `check` do.
    """
    unmixed(asked)
    if asked[0][0] == DEFAULT:
        return tuple(usual)
    return tuple(check(name, policy, media_type) for name, policy in asked)


def unmixed(asked: Sequence[tuple[str, str | None]]) -> None:
    """Raise `Invalid` (`bad_channels`) for none at all, for one that is named twice, and for `none` or `default` beside
    others; `unknown_channel` for what is no channel."""
    names = [name for name, _ in asked]
    if not names:
        raise Invalid("'deliveryChannels' cannot be an empty array", code="bad_channels")
    for name in names:
        if name not in {*POLICIES, DEFAULT}:
            raise _unknown(name)
    if len(set(names)) < len(names):
        raise Invalid("'deliveryChannels' cannot contain duplicate channels", code="bad_channels")
    for alone in (NONE, DEFAULT):
        if alone in names and len(names) > 1:
            raise Invalid(f"'deliveryChannels': '{alone}' stands alone or not at all", code="bad_channels")


def _unknown(channel: str) -> Invalid:
    return Invalid(
        f"'{channel}' is not a valid delivery channel",
        code="unknown_channel",
        hint=f"Channels are {', '.join(POLICIES)}.",
    )


def _usual(channel: str, media_type: str) -> str:
    if channel == IIIF_AV:
        return "default-audio" if media_type.lower().startswith("audio/") else "default-video"
    return POLICIES[channel][0]
