"""Taking out of a picture what its camera wrote into it: where it was, who made it, and which way up it is held.

Which way up is done first, in the pixels. A picture that is held as it is seen keeps its pixels to the last bit: then
only what is written beside them is left out. Colour profiles stay. For a studio's workers: it decodes.
"""

import hashlib
import struct
from pathlib import Path
from typing import Any, Final

import pyvips

from stackroom.media.beside import copy_without, cuts, is_animated_png, is_lossless
from stackroom.media.examined import Converted
from stackroom.media.formats import HEAD_SIZE, Format, format_of, sniff
from stackroom.media.probe import damage_explained
from stackroom.media.room import room_explained

_UPRIGHT: Final = 1
_WRITTEN: Final[dict[Format, dict[str, object]]] = {
    Format.JPEG: {"Q": 92},
    Format.PNG: {"filter": "up"},
    Format.WEBP: {"Q": 92, "effort": 2},
    Format.GIF: {},
    Format.AVIF: {"Q": 92, "effort": 2},
}
"""How each format is written that can say anything, and is taken."""
_ANIMATED: Final = frozenset({Format.GIF, Format.WEBP})


def upright(path: Path, out_dir: Path) -> Converted | None:
    """Write the picture, which is whole, as it is seen and without what was written beside it; None if it is so.

    An animation is not turned: nobody does that who shows one. Raises what decoders raise, in our words.
    """
    with path.open("rb") as file:
        kind = format_of(sniff(file.read(HEAD_SIZE)))
    if kind not in _WRITTEN:
        return None
    out = out_dir / f"upright.{kind.value}"
    if _is_turned(path) and not (kind is Format.PNG and is_animated_png(path)):
        _write_anew(path, out, kind)
    else:
        try:
            left_out = cuts(path, kind)
            if not left_out:
                return None
            with room_explained():
                copy_without(path, out, left_out)
        except (ValueError, EOFError, IndexError, struct.error):
            # It decodes, though its parts are not where they must be.
            _write_anew(path, out, kind)
    with damage_explained():
        made = pyvips.Image.new_from_file(str(out))
    with out.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
    return Converted(out, kind.content_type, made.width, made.height, out.stat().st_size, sha256)


def _is_turned(path: Path) -> bool:
    """Whether a picture is held otherwise than it is seen."""
    with damage_explained():
        header = pyvips.Image.new_from_file(str(path))
    return _field(header, "n-pages") in {None, 1} and _field(header, "orientation") not in {None, _UPRIGHT}


def _write_anew(path: Path, out: Path, kind: Format) -> None:
    every: dict[str, Any] = {"n": -1} if kind in _ANIMATED else {}
    with damage_explained():
        picture = pyvips.Image.new_from_file(str(path), fail_on="error", **every)
        if _field(picture, "n-pages") in {None, 1}:
            picture = picture.autorot()
        picture = picture.copy_memory()
    how = _WRITTEN[kind]
    if kind is Format.WEBP:
        how = {**how, "lossless": is_lossless(path)}
    with room_explained():
        picture.write_to_file(str(out), keep="icc", **how)


def _field(picture: pyvips.Image, name: str) -> int | None:
    return int(picture.get(name)) if picture.get_typeof(name) else None
