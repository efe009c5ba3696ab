"""What an upload of media says to the server, and how its body looks; the sending is in `_async/media.py`."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from uuid import uuid4

from msgspec import Struct

from .errors import InvalidArgument
from .files import LocalImage
from .models import MediaKind

MOST_IN_A_BATCH = 50
_NOT_IN_A_FORM = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
TYPES = {
    ".jpg": (MediaKind.IMAGE, "image/jpeg"),
    ".jpeg": (MediaKind.IMAGE, "image/jpeg"),
    ".png": (MediaKind.IMAGE, "image/png"),
    ".gif": (MediaKind.IMAGE, "image/gif"),
    ".webp": (MediaKind.IMAGE, "image/webp"),
    ".avif": (MediaKind.IMAGE, "image/avif"),
    ".mp4": (MediaKind.VIDEO, "video/mp4"),
    ".mov": (MediaKind.VIDEO, "video/quicktime"),
    ".avi": (MediaKind.VIDEO, "video/x-msvideo"),
    ".webm": (MediaKind.VIDEO, "video/webm"),
    ".mkv": (MediaKind.VIDEO, "video/x-matroska"),
    ".mp3": (MediaKind.AUDIO, "audio/mpeg"),
    ".m4a": (MediaKind.AUDIO, "audio/x-m4a"),
    ".wav": (MediaKind.AUDIO, "audio/wav"),
    ".flac": (MediaKind.AUDIO, "audio/flac"),
    ".ogg": (MediaKind.AUDIO, "audio/ogg"),
    ".pdf": (MediaKind.DOCUMENT, "application/pdf"),
}


class LocalMedia(Struct, frozen=True, kw_only=True):
    """A file about to be uploaded, and as what."""

    kind: MediaKind
    file: LocalImage


class Form(Struct, frozen=True, kw_only=True):
    """What stands before and after the bytes of the one file of a form."""

    head: bytes
    tail: bytes
    content_type: str


def look_at_media(path: str | Path, kind: MediaKind | str | None, filename: str | None) -> LocalMedia:
    """What the server needs to know about a file.

    Raises FileNotFoundError if it is no file, InvalidArgument if its extension names no type of that kind.
    """
    local = Path(path).expanduser()
    if not local.is_file():
        raise FileNotFoundError(f"{local} is no file")
    name = filename or local.name
    suffix = PurePosixPath(name).suffix.lower()
    known = TYPES.get(suffix)
    if known is None or kind not in {None, known[0]}:
        wanted = f"of a {kind}" if kind else "supported"
        fitting = " ".join(each for each, (of, _) in TYPES.items() if kind in {None, of})
        raise InvalidArgument(
            f"{name}: files ending in {suffix or 'nothing'} are not {wanted}.", fix=f"Use one of {fitting}."
        )
    about = LocalImage(path=local, filename=name, content_type=known[1], size=local.stat().st_size)
    return LocalMedia(kind=known[0], file=about)


def form_around(file: LocalImage) -> Form:
    """The form that carries a file."""
    boundary = uuid4().hex
    # The server would make these an underscore as well. A name that is no text has no other way to be sent.
    name = _NOT_IN_A_FORM.sub("_", file.filename)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {file.content_type}\r\n\r\n"
    )
    return Form(
        head=head.encode(),
        tail=f"\r\n--{boundary}--\r\n".encode(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )


def key_of_part(key: str | None, number: int) -> str | None:
    """The idempotency key of one request of several that belong together."""
    return None if key is None else f"{key}:{number}"


def ids_in_parts(ids: Sequence[str]) -> list[Sequence[str]]:
    """The ids as the server takes them in one request. Raises InvalidArgument for none: that is hardly meant."""
    if not ids:
        raise InvalidArgument("media_ids is empty.", fix="Name at least one.")
    return [ids[start : start + MOST_IN_A_BATCH] for start in range(0, len(ids), MOST_IN_A_BATCH)]
