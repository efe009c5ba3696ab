"""What every format is written with."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from stackroom.exports.archive import Archive
from stackroom.exports.places import Layout
from stackroom.exports.reading import Image
from stackroom.exports.request import Options
from stackroom.library.datasets import Dataset
from stackroom.library.shapes import AnyAnnotation

PIECE = 512 * 1024
LEFT_OUT = "left-out.csv"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is exported, how, and when."""

    dataset: Dataset
    options: Options
    made_at: int


class Spool:
    """A file of the zip that is not finished before all images have been seen, kept aside until then."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._file: BinaryIO = path.open("w+b")

    def write(self, text: bytes) -> None:
        self.size += self._file.write(text)

    def pieces(self) -> Iterator[bytes]:
        """What was written, from its beginning. Nothing is written after this."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        self._file.close()


class JsonList(Spool):
    """The inside of a JSON list."""

    def add(self, *items: object) -> None:
        """All at once, as most of the time goes into calls."""
        if items:
            self.write((b",\n" if self.size else b"") + msgspec.json.encode(items)[1:-1])


class Classes:
    """Numbers for class names, from 0: the dataset's own in their order, then others as they are met.

    So a dataset that lists its classes has the same numbers in every export.
    """

    def __init__(self, about: About) -> None:
        only = about.options.classes
        listed = [each["name"] for each in about.dataset.classes]
        if only is not None:
            listed = [name for name in listed if name in only]
        self._numbers = {name: number for number, name in enumerate(dict.fromkeys(listed))}

    def number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    @property
    def names(self) -> list[str]:
        return list(self._numbers)


class Kit:
    """The zip, what it is about, and files to put aside. Everything that is left out is noted with its reason."""

    def __init__(self, archive: Archive, about: About, workspace: Path) -> None:
        self.archive = archive
        self.about = about
        self.classes = Classes(about)
        self._workspace = workspace
        self._spools: list[Spool] = []
        self._left_out: Spool | None = None

    def spool(self) -> Spool:
        made = Spool(self._new_path())
        self._spools.append(made)
        return made

    def json_list(self) -> JsonList:
        made = JsonList(self._new_path())
        self._spools.append(made)
        return made

    def leave_out(self, image: Image, reason: str, mark: AnyAnnotation | None = None) -> None:
        """Note that a mark, or all of an image, is not in this export."""
        if self._left_out is None:
            self._left_out = self.spool()
            self._left_out.write(csv_rows([("image", "annotation", "class", "reason")]))
        about = ["", ""] if mark is None else [mark.id, mark.name]
        self._left_out.write(csv_rows([(image.path, *about, reason)]))

    def marks(self, image: Image) -> list[AnyAnnotation]:
        """The marks of an image that are asked for."""
        return image.marks(self.about.options.classes)

    def finish(self) -> None:
        if self._left_out is not None:
            self.archive.pack(LEFT_OUT, self._left_out.pieces(), self._left_out.size)

    def close(self) -> None:
        for each in self._spools:
            each.close()

    def _new_path(self) -> Path:
        return self._workspace / f"spool-{len(self._spools)}"


class Writer(Protocol):
    """A format at work on one export."""

    @property
    def layout(self) -> Layout:
        """Where images go in the zip."""
        ...

    def add(self, part: str, image: Image, place: str) -> int:
        """Write an image of a part (`""`, or a split's folder such as `train/`); how many marks were written.

        `place` is where its bytes are, or would be, below `layout.images`.
        """
        ...

    def finish(self) -> None:
        """Write what had to wait for the last image."""
        ...


def csv_rows(rows: Iterable[Iterable[object]]) -> bytes:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue().encode()
