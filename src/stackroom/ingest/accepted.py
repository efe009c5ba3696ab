"""Which media are taken, and by what they must be called: pure, and decided before a byte of them is understood."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from stackroom.errors import Invalid
from stackroom.library.names import compose, split_name
from stackroom.media.kinds import Kind

# The first of them is what a type is called by those who have a choice.
_TYPES: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        Kind.IMAGE: {
            "jpg": ("image/jpeg",),
            "jpeg": ("image/jpeg",),
            "png": ("image/png",),
            "gif": ("image/gif",),
            "webp": ("image/webp",),
            "avif": ("image/avif",),
        },
        Kind.VIDEO: {
            "mp4": ("video/mp4",),
            "mov": ("video/quicktime",),
            "avi": ("video/x-msvideo",),
            "webm": ("video/webm",),
            "mkv": ("video/x-matroska",),
        },
        Kind.AUDIO: {
            "mp3": ("audio/mpeg", "audio/mp3"),
            "m4a": ("audio/mp4", "audio/x-m4a"),
            "wav": ("audio/wav", "audio/wave", "audio/x-wav"),
            "flac": ("audio/flac", "audio/x-flac"),
            "ogg": ("audio/ogg", "application/ogg"),
        },
        Kind.DOCUMENT: {"pdf": ("application/pdf",)},
    }
)
# Types of one container, which nobody tells apart who names a file.
_ALIKE: Final = (
    {"video/mp4", "video/quicktime"},
    {"video/webm", "video/x-matroska"},
    *(set(names) for names in _TYPES[Kind.AUDIO].values()),
)
_NOT_IN_A_NAME: Final = re.compile(r"[^\w.-]")
_MAX_NAME: Final = 255
_MIN_NAME: Final = 3
NAMELESS: Final = "file"


class Accepted(msgspec.Struct, frozen=True):
    """What a file is called, and as what it is kept."""

    filename: str
    content_type: str


def extensions(kind: Kind) -> tuple[str, ...]:
    return tuple(_TYPES[kind])


def content_types(kind: Kind) -> tuple[str, ...]:
    """What each is called first."""
    return tuple(dict.fromkeys(names[0] for names in _TYPES[kind].values()))


def taken(kind: Kind) -> str:
    """For who has sent something else."""
    return f"Taken are {', '.join(content_types(kind))}"


def check(kind: Kind, filename: str | None, content_type: str | None) -> Accepted:
    """Raises `Invalid` for a type or an extension that is not taken, for the two that do not agree, and for a name
    that is none."""
    said = (content_type or "application/octet-stream").partition(";")[0].strip().lower()
    name = filename or "unknown"
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    of_kind = _TYPES[kind]
    if not any(said in names for names in of_kind.values()):
        raise _refused(f"Content type {_shown(said)} is not taken", taken(kind))
    if extension not in of_kind:
        raise _refused(
            f"Extension {_shown(extension)} is not taken", f"Taken are {', '.join(extensions(kind))}"
        )
    if said not in of_kind[extension]:
        raise _refused(
            f"A .{extension} file cannot be {said}", f"Send it as {of_kind[extension][0]}, or rename it"
        )
    return Accepted(clean_filename(name), said)


def check_bytes(accepted: Accepted, found: str | None) -> None:
    """Raises `Invalid` where the bytes are of another type than they are said to be."""
    if (
        not any({found, accepted.content_type} <= alike for alike in _ALIKE)
        and found != accepted.content_type
    ):
        raise _refused(
            f"The file is not {accepted.content_type}: its content is {found or 'none of the known kinds'}",
            "Send it as what it is",
        )


def clean_filename(raw: str) -> str:
    """The last part of a path, composed, in letters, digits, `.`, `-` and `_`. One that is too long loses the end of
    its stem, and keeps its extension. Raises `Invalid` for one that has `..` in it."""
    name = compose(re.split(r"[/\\]", raw)[-1])  # an accent by itself is no letter
    name = _NOT_IN_A_NAME.sub("_", name)
    stem, extension = split_name(name)
    name = stem[: _MAX_NAME - len(extension)] + extension
    if ".." in name:
        raise _refused("The filename contains '..'", "Rename the file")
    return name if len(name) >= _MIN_NAME else NAMELESS


def extension_of(filename: str) -> str:
    """What comes after the last dot of a name; empty where there is none."""
    return filename.rpartition(".")[2] if "." in filename else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "...")


def _refused(message: str, hint: str) -> Invalid:
    return Invalid(message, code="not_accepted", hint=hint)
