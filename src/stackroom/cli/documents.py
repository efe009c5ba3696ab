"""Files of annotations: which shapes are read, and what is said about the others."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stackroom.cli.exits import ExitCode, Refused

Annotations = Sequence[Mapping[str, Any]]
Saves = Mapping[str, Annotations]
# What decoding raises, also for text in no encoding, and for brackets without end.
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read(name: str) -> bytes:
    """What is in a file, or with - in a pipe. Raises `Refused` for a pipe of bytes that are no text."""
    if name == "-":
        try:
            return sys.stdin.read().encode()
        except UnicodeError as error:
            raise _unreadable(name, str(error)) from error
    return Path(name).expanduser().read_bytes()


def written(path: Path, document: object) -> None:
    """Write JSON as people read it, so that the file is there only when it is whole."""
    from stackroom.client.files import Arrival

    with Arrival(path) as arrival:
        arrival.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def annotations_in(body: bytes, where: str) -> Annotations:
    """The annotations of one image: a list of them, or an object that has one. Raises `Refused`."""
    try:
        document = msgspec.json.decode(body)
    except _NO_JSON as error:
        raise _unreadable(where, str(error)) from error
    return _annotations(document.get("annotations") if isinstance(document, dict) else document, where)


def saves_in(body: bytes, where: str) -> Saves:
    """The annotations of many images. Raises `Refused` for none, and for an image that stands there twice."""
    saves: dict[str, Annotations] = {}
    for number, (image_id, annotations) in enumerate(_pairs(body, where), start=1):
        if not isinstance(image_id, str) or not image_id:
            raise _unreadable(where, f"image {number} has no image_id")
        if image_id in saves:
            raise _unreadable(where, f"image {image_id} stands there twice, and only one of both can be kept")
        saves[image_id] = _annotations(annotations, f"{where}, image {image_id}")
    if not saves:
        raise _unreadable(where, "there are no images in it")
    return saves


def _pairs(body: bytes, where: str) -> Iterator[tuple[Any, Any]]:
    """Image ids and annotations. An object that is one image's own is a file with a single line."""
    document = _decoded(body, where)
    if isinstance(document, dict) and "image_id" not in document:
        yield from document.items()
        return
    for each in [document] if isinstance(document, dict) else document:
        if not isinstance(each, dict):
            raise _unreadable(where, "it is no list of objects with image_id and annotations")
        yield each.get("image_id"), each.get("annotations")


def _decoded(body: bytes, where: str) -> Any:
    """One JSON document, or a list of those in the lines."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any] | list[Any])
    except _NO_JSON as whole:
        try:
            return msgspec.json.Decoder(dict[str, Any]).decode_lines(body)
        except _NO_JSON as of_a_line:
            meant = of_a_line if "trailing" in str(whole) else whole
            raise _unreadable(where, str(meant)) from meant


def _annotations(value: Any, where: str) -> Annotations:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _unreadable(where, "there is no list of annotations in it")
    return value


def _unreadable(where: str, why: str) -> Refused:
    name = "standard input" if where == "-" else where
    return Refused(f"{name} cannot be read as annotations: {why}", exit_code=ExitCode.INVALID)
