"""Under which key bytes are kept.

    blobs/<owner>/<ab>/<sha256>-<generation>
    renditions/<owner>/<ab>/<sha256>-<generation>.<profile>
    exports/<owner>/<export>-<generation>
    pieces/<owner>/<session>/<position>-<generation>
    hls/<owner>/<asset>/<attempt>/…

`generation` is drawn anew for every arrival. A sweeper that has decided to remove a blob nobody refers to can
then never hit the same content that arrived again in between: that lives under another key.
"""

import re
import secrets

from stackroom.errors import Invalid

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,199}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{0,15}}")


def new_generation() -> str:
    """Draw the token that tells two arrivals of the same content apart: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def blob_key(owner: str, sha256: bytes, generation: str) -> str:
    """Build the key of a blob. `owner` is the organization's number or UUID, as text."""
    digest = sha256.hex()
    return checked(f"blobs/{owner}/{digest[:2]}/{digest}-{generation}")


def export_key(owner: str, export: str, generation: str) -> str:
    """Build the key of an export's file. Each time that it is made it gets another."""
    return checked(f"exports/{owner}/{export}-{generation}")


def pieces_prefix(owner: str, session: str) -> str:
    """Build what the keys of all pieces of one upload begin with, and no other key does."""
    return f"pieces/{owner}/{session}/"


def piece_key(prefix: str, position: int, generation: str) -> str:
    """Build the key of one piece of an upload. Each time that it is sent it gets another."""
    return checked(f"{prefix}{position}-{generation}")


def rendition_prefix(blob: str) -> str:
    """Build what the keys of all renditions of this blob begin with, and no other key does."""
    return f"renditions/{blob.removeprefix('blobs/')}."


def rendition_key(blob: str, profile: str) -> str:
    """Build the key of one rendition of a blob, such as profile `thumb-200`."""
    return checked(rendition_prefix(blob) + profile)


def hls_prefix(owner: str, asset: str, attempt: str) -> str:
    """Build what the keys of all begin with that one attempt makes of a video for players, and no other key does."""
    return checked_prefix(f"hls/{owner}/{asset}/{attempt}/")


def renditions_of(owner: str) -> str:
    """Build what the keys of all renditions of an owner's blobs begin with."""
    return f"renditions/{owner}/"


def blob_of(rendition: str) -> str:
    """The key of the blob from which a rendition was made."""
    return "blobs/" + rendition.removeprefix("renditions/").partition(".")[0]


def checked(key: str) -> str:
    """Return the key, or raise Invalid `invalid_key` if it could mean another place (`..`, `//`).

    Every store calls this first, so that a key which works on one store works on all. No key may be the
    folder of another: with `a/b` in use there is no `a`.
    """
    if _KEY.fullmatch(key) is None:
        raise Invalid(f"{key[:80]!r} cannot be a storage key.", code="invalid_key")
    return key


def checked_prefix(prefix: str) -> str:
    """Return the beginning of a key (also half a name, or nothing), or raise Invalid `invalid_key`."""
    checked(f"{prefix}x")
    return prefix


def checked_folder(prefix: str) -> str:
    """Return the beginning of a key that ends with a whole segment, or raise Invalid `invalid_key`."""
    checked(f"{prefix.removesuffix('/')}/x" if prefix.endswith("/") else "")
    return prefix
