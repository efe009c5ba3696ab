"""What can be made of a stored image by the words of an address: pure values, and the words they are read from.

    -/resize/400x/-/quality/better/-/format/webp
    -/crop/smart/300x300/grayscale

Words are separated by slashes. A `-` stands before an operation, and need not. Of an operation that is named twice the
last counts; in which order they are named makes no difference, for what is done is done in the order of the fields of
`Transformation`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal
from uuid import UUID

import msgspec

from stackroom.errors import Invalid

MAX_SIDE = 8192
MAX_AREA = 50_000_000
MAX_WORDS = 200
MAX_PRESET = 4000
"""Characters."""
PRESET = "preset"

Stretch = Literal["on", "off", "fill"]
Quality = Literal["lightest", "lighter", "normal", "better", "best"]
Encoding = Literal["jpeg", "png", "webp", "avif"]
Place = Literal["tl", "tr", "bl", "br", "center"] | tuple[int, int]

_STRETCHES: tuple[Stretch, ...] = ("on", "off", "fill")
_QUALITIES: tuple[Quality, ...] = ("lightest", "lighter", "normal", "better", "best")
_ENCODINGS: dict[str, "Encoding | Literal['auto']"] = {
    "jpeg": "jpeg",
    "jpg": "jpeg",
    "png": "png",
    "webp": "webp",
    "avif": "avif",
    "auto": "auto",
}
_PLACES: tuple[Literal["tl", "tr", "bl", "br", "center"], ...] = ("tl", "tr", "bl", "br", "center")
_SIZE = re.compile(r"(\d{0,5})x(\d{0,5})", re.ASCII)
_SPOT = re.compile(r"(\d{1,5}),(\d{1,5})", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,6}", re.ASCII)


class Size(msgspec.Struct, frozen=True):
    """What a picture is resized to. A side that is None follows from the other."""

    width: int | None
    height: int | None


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """Another image laid over this one. `size` is so many percent of this one's width, or pixels."""

    image: bytes
    place: Place = "br"
    size: float | tuple[int, int] = 10.0
    opacity: float = 0.5


class Transformation(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of an image, in the order of the fields. Equal ones make equal pictures of equal bytes."""

    autorotate: bool = True
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees, clockwise."""
    flip: bool = False
    """Upside down."""
    mirror: bool = False
    crop: tuple[int, int] | None = None
    """The part of this size that draws the eye; never more than there is."""
    resize: Size | None = None
    stretch: Stretch = "on"
    """What becomes of a picture that is smaller than it is resized to: it is enlarged, stays as it is, or gets a white
    margin. With a margin the proportions are kept."""
    watermark: Watermark | None = None
    blur: float = 0.0
    sharpen: float = 0.0
    brightness: int = 0
    contrast: float = 0.0
    saturation: float = 0.0
    grayscale: bool = False
    sepia: bool = False
    invert: bool = False
    format: Encoding | Literal["auto"] | None = None
    """None: as the image is encoded, or as PNG where that cannot be written."""
    quality: Quality = "normal"


class Acceptable(msgspec.Struct, frozen=True):
    """What the receiver of a picture in the format `auto` can read, beside JPEG and PNG."""

    avif: bool = False
    webp: bool = False


def parse(text: str) -> Transformation:
    """What these words ask for. Presets must have been put in their places by `expand`.

    Raises `Invalid` (`invalid_transformation`), whose message begins with `Invalid transformation`.
    """
    words = _Words(text)
    named, asked = False, dict[str, object]()
    for operation in words:
        reader = _READERS.get(operation)
        if reader is None:
            raise _refused(f"there is no operation {operation[:50]!r}")
        asked.update(reader(words))
        named = True  # though it may ask for nothing: a format that there is not is passed over
    if not named:
        raise _refused("it names no operation")
    return Transformation(**asked)  # type: ignore[arg-type]  # each by its reader


def presets_of(text: str) -> list[str]:
    """The names of the presets that these words ask for. Raises as `parse` does."""
    words = text.split("/")
    found = [words[n + 1] if n + 1 < len(words) else "" for n, word in enumerate(words) if word == PRESET]
    if "" in found:
        raise _refused("preset needs a name")
    return found


def expand(text: str, presets: Mapping[str, str]) -> str:
    """These words, with the operations of each preset where its name stood."""
    words = iter(text.split("/"))
    return "/".join(presets[next(words)] if word == PRESET else word for word in words)


def checked_preset(operations: str) -> str:
    """The operations of a preset, as they are kept. Raises as `parse` does, and for a preset inside of it."""
    text = operations.strip()
    if PRESET in text.split("/"):
        raise _refused("a preset cannot stand inside of another")
    if len(text) > MAX_PRESET:
        raise _refused(f"a preset has at most {MAX_PRESET} characters")
    parse(text)
    return text


class _Words:
    """The words that are left to be read. Iterating gives operations; what follows each is taken by its reader."""

    def __init__(self, text: str) -> None:
        self._left = [word for word in text.split("/") if word not in {"", "-"}][::-1]
        if len(self._left) > MAX_WORDS:
            raise _refused(f"it has more than {MAX_WORDS} parts")

    def __iter__(self) -> Iterator[str]:
        while self._left:
            yield self._left.pop()

    def take(self, what: str) -> str:
        if not self._left:
            raise _refused(f"{what} needs a value")
        return self._left.pop()

    def take_if(self, *names: str) -> str | None:
        return self._left.pop() if self._left and self._left[-1] in names else None


Read = Callable[[_Words], dict[str, object]]


def _sets(field: str) -> Read:
    return lambda _: {field: True}


def _among(field: str, known: Mapping[str, object], default: object) -> Read:
    """A word of a few. Any other means `default`, or, where that is `...`, nothing at all."""

    def read(words: _Words) -> dict[str, object]:
        value = known.get(words.take(field), default)
        return {} if value is ... else {field: value}

    return read


def _exactly(field: str, known: Mapping[str, object]) -> Read:
    def read(words: _Words) -> dict[str, object]:
        word = words.take(field)
        if word not in known:
            raise _refused(f"{field} is one of {', '.join(known)}, not {word[:50]!r}")
        return {field: known[word]}

    return read


def _number(field: str, least: float, most: float, *, whole: bool = False) -> Read:
    return lambda words: {field: _between(field, words.take(field), least, most, whole=whole)}


def _between(what: str, word: str, least: float, most: float, *, whole: bool = False) -> float:
    if (_WHOLE if whole else _NUMBER).fullmatch(word):
        value = int(word) if whole else float(word)
        if least <= value <= most:
            return value
    kind = "a whole number" if whole else "a number"
    raise _refused(f"{what} is {kind} from {least:g} to {most:g}, not {word[:50]!r}")


def _resize(words: _Words) -> dict[str, object]:
    width, height = _size("resize", words.take("resize"))
    if width is None and height is None:
        raise _refused("resize needs a width or a height, such as 400x or 400x300")
    return {"resize": Size(width, height)}


def _crop(words: _Words) -> dict[str, object]:
    mode = words.take("crop")
    if mode != "smart":
        raise _refused(f"there is no crop {mode[:50]!r}, only smart")
    width, height = _size("crop", words.take("crop/smart"))
    if width is None or height is None:
        raise _refused("crop/smart needs a width and a height, such as 300x300")
    return {"crop": (width, height)}


def _size(what: str, word: str) -> tuple[int | None, int | None]:
    match = _SIZE.fullmatch(word)
    if match is None:
        raise _refused(f"{what} is given as a size such as 400x300, not {word[:50]!r}")
    width, height = (int(side) if side else None for side in match.groups())
    if 0 in {width, height}:
        raise _refused(f"{what}: no side can be 0")
    if max(width or 0, height or 0) > MAX_SIDE or (width or 0) * (height or 0) > MAX_AREA:
        raise _refused(f"{what}: at most {MAX_SIDE} pixels a side, and {MAX_AREA:,} in all")
    return width, height


def _watermark(words: _Words) -> dict[str, object]:
    image = _id(words.take("watermark"))
    about: dict[str, object] = {}
    while (part := words.take_if("position", "size", "opacity")) is not None:
        about.update(_OF_A_WATERMARK[part](words.take(f"watermark {part}")))
    return {} if image is None else {"watermark": Watermark(image=image, **about)}  # type: ignore[arg-type]  # each by its reader


def _id(word: str) -> bytes | None:
    """None for what is no id: then there is no watermark, as the protocol has it."""
    try:
        return UUID(word).bytes
    except ValueError:
        return None


def _position(word: str) -> dict[str, object]:
    if word in _PLACES:
        return {"place": word}
    match = _SPOT.fullmatch(word)
    if match is None:
        raise _refused(f"the position of a watermark is {', '.join(_PLACES)} or x,y, not {word[:50]!r}")
    return {"place": (int(match[1]), int(match[2]))}


def _watermark_size(word: str) -> dict[str, object]:
    if percent := _PERCENT.fullmatch(word):
        return {"size": _between("the size of a watermark", percent[1], 1, 100)}
    width, height = _size("the size of a watermark", word)
    if width is None or height is None:
        raise _refused("the size of a watermark is given as 20% or as 200x100")
    return {"size": (width, height)}


_OF_A_WATERMARK: dict[str, Callable[[str], dict[str, object]]] = {
    "position": _position,
    "size": _watermark_size,
    "opacity": lambda word: {"opacity": _between("opacity", word, 0, 1)},
}
_READERS: dict[str, Read] = {
    "resize": _resize,
    "stretch": _among("stretch", dict(zip(_STRETCHES, _STRETCHES, strict=True)), "on"),
    "format": _among("format", _ENCODINGS, ...),
    "quality": _among("quality", dict(zip(_QUALITIES, _QUALITIES, strict=True)), "normal"),
    "rotate": _exactly("rotate", {"90": 90, "180": 180, "270": 270}),
    "flip": _sets("flip"),
    "mirror": _sets("mirror"),
    "autorotate": _exactly("autorotate", {"yes": True, "no": False}),
    "crop": _crop,
    "blur": _number("blur", 0, 100),
    "sharpen": _number("sharpen", 0, 1),
    "brightness": _number("brightness", -100, 100, whole=True),
    "contrast": _number("contrast", -100, 100),
    "saturation": _number("saturation", -100, 100),
    "grayscale": _sets("grayscale"),
    "sepia": _sets("sepia"),
    "invert": _sets("invert"),
    "watermark": _watermark,
}


def _refused(why: str) -> Invalid:
    return Invalid(f"Invalid transformation: {why}", code="invalid_transformation")
