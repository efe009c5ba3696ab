"""Everything there is to know, as one JSON document: what a dataset could be made again from."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from stackroom import clock, ids
from stackroom.exports.formats.kit import JsonList, Kit
from stackroom.exports.places import Layout
from stackroom.exports.reading import Image

VERSION = 1
DOCUMENT = "dataset.json"


class _Dataset(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    description: str | None
    readme: str | None
    annotation_types: list[str]
    classes: list[dict[str, Any]]


class _Image(msgspec.Struct, frozen=True, kw_only=True):
    """`file` is where its bytes are in the zip, if they are; `folder` and `filename` where it is in the dataset."""

    id: str
    filename: str
    folder: str
    file: str | None
    display_name: str | None
    status: str
    split: str | None
    tags: Sequence[str]
    review_note: str | None
    metadata: Raw | None
    content_type: str
    size: int
    sha256: str | None
    width: int | None
    height: int | None
    created_at: str
    updated_at: str
    annotations: Raw


class Native:
    """`dataset.json`, in each part."""

    layout = Layout()

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._parts: dict[str, JsonList] = {}

    def add(self, part: str, image: Image, place: str) -> int:
        if part not in self._parts:
            self._parts[part] = self._kit.json_list()
        options = self._kit.about.options
        document, count = image.document.encode(), image.annotation_count
        if options.classes is not None:
            marks = self._kit.marks(image)
            document, count = msgspec.json.encode(marks), len(marks)
        file = f"{part}{self.layout.images}/{place}" if options.include_images else None
        self._parts[part].add(_described(image, file, document))
        return count

    def finish(self) -> None:
        for part, images in (self._parts or {"": self._kit.json_list()}).items():
            head = msgspec.json.encode(self._head())[:-1] + b',"images":[\n'
            self._kit.archive.pack(part + DOCUMENT, _joined(head, images), images.size)

    def _head(self) -> dict[str, object]:
        about = self._kit.about
        described = {
            name: getattr(about.dataset, name) for name in _Dataset.__struct_fields__ if name != "id"
        }
        return {
            "format": "pictograph",
            "version": VERSION,
            "exported_at": clock.to_datetime(about.made_at),
            "dataset": _Dataset(id=ids.text(about.dataset.uuid), **described),
            "class_filter": about.options.classes,
            "status_filter": about.options.status,
        }


def _described(image: Image, file: str | None, document: bytes) -> _Image:
    return _Image(
        id=ids.text(image.uuid),
        filename=image.name,
        folder=image.folder,
        file=file,
        display_name=image.display_name,
        status=image.status,
        split=image.split,
        tags=image.tags,
        review_note=image.review_note,
        metadata=None if image.metadata is None else Raw(image.metadata.encode()),
        content_type=image.content_type,
        size=image.size,
        sha256=None if image.sha256 is None else image.sha256.hex(),
        width=image.width,
        height=image.height,
        created_at=clock.to_datetime(image.created_at).isoformat(),
        updated_at=clock.to_datetime(image.updated_at).isoformat(),
        annotations=Raw(document),
    )


def _joined(head: bytes, images: JsonList) -> Iterator[bytes]:
    yield head
    yield from images.pieces()
    yield b"\n]}\n"
