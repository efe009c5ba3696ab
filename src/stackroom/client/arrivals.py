"""What a batch takes in, read from a folder or from a manifest. Blocks; sends nothing."""

import csv
import os
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any, cast

import msgspec

from .errors import InvalidArgument
from .models import Arrival

FIELDS = ("origin", "name", "folder", "key", "media_type", "tags")
MAX_ARRIVALS = 100_000
"""How many a batch takes."""


def arrivals_body(
    dataset: str, arrivals: Iterable[str | Arrival], *, folder: str, name: str | None, priority: bool
) -> dict[str, Any]:
    """The request that submits a batch. Raises InvalidArgument for none, or for a single string."""
    if isinstance(arrivals, str):
        raise InvalidArgument("arrivals is one string; pass a list of origins.")
    items = [{"origin": each} if isinstance(each, str) else each for each in arrivals]
    if not items:
        raise InvalidArgument("There is nothing to take in.")
    body: dict[str, Any] = {"dataset": dataset, "items": items, "folder": folder}
    if name is not None:
        body["name"] = name
    if priority:
        body["priority"] = "priority"
    return body


def from_folder(folder: str | Path, *, into: str = "/", preserve_structure: bool = True) -> list[Arrival]:
    """Every file below a folder that the server can read at the same path, in the order of their paths.

    Hidden files and folders are left out. Raises FileNotFoundError if `folder` is no folder, and PermissionError if one
    below it may not be read: what is in there would be missed in silence.
    """
    top = Path(folder).expanduser().resolve()
    if not top.is_dir():
        raise FileNotFoundError(f"{folder} is no folder")
    found = []
    for path in sorted(_files_below(top)):
        place = path.relative_to(top).parent.as_posix() if preserve_structure else "."
        found.append(Arrival(origin=path.as_uri(), name=path.name, folder=_below(into, place)))
    return found


def _files_below(top: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for at, folders, names in os.walk(top, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(at)
        yield from (here / name for name in names if not name.startswith(".") and (here / name).is_file())


def from_manifest(path: str | Path) -> list[Arrival]:
    """The rows of a manifest: CSV with a header, or one JSON object a line (`.jsonl`), with the fields of `Arrival`.

    Only `origin` must be there; tags stand in one CSV cell, separated by semicolons. An origin that is no address is
    a path, relative to the manifest. Raises InvalidArgument, naming the line, for what cannot be read.
    """
    source = Path(path).expanduser()
    rows = _json_rows(source) if source.suffix.lower() in {".jsonl", ".ndjson"} else _csv_rows(source)
    return [_arrival(source, line, row) for line, row in rows]


def _json_rows(source: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in enumerate(_text(source), start=1):
        if text.strip():
            try:
                yield line, msgspec.json.decode(text, type=dict[str, Any])
            except (msgspec.DecodeError, RecursionError) as error:
                raise InvalidArgument(f"{source}, line {line}: {error}") from error


def _csv_rows(source: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(_text(source))
    try:
        for row in reader:
            if None in row:
                raise InvalidArgument(f"{source}, line {reader.line_num}: there are more cells than columns")
            values: dict[str, Any] = {key: value for key, value in row.items() if value}
            if "tags" in values:
                values["tags"] = [tag.strip() for tag in values["tags"].split(";") if tag.strip()]
            yield reader.line_num, values
    except csv.Error as error:
        raise InvalidArgument(f"{source}, line {reader.reader.line_num}: {error}") from error


def _text(source: Path) -> StringIO:
    content = source.read_bytes()
    try:
        return StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidArgument(f"{source}, line {line}: it is not UTF-8", fix="Save it as UTF-8.") from error


def _arrival(source: Path, line: int, row: dict[str, Any]) -> Arrival:
    unknown = sorted(str(key) for key in row if key not in FIELDS)
    if unknown:
        raise InvalidArgument(
            f"{source}, line {line}: {', '.join(unknown)} is not known",
            fix=f"Columns are {', '.join(FIELDS)}.",
        )
    origin = row.get("origin")
    if not isinstance(origin, str) or not origin:
        raise InvalidArgument(f"{source}, line {line}: there is no origin")
    if "\0" in origin:
        raise InvalidArgument(f"{source}, line {line}: {origin!r} is no origin")
    if "://" not in origin:
        row["origin"] = (source.parent / origin).resolve().as_uri()
    return cast("Arrival", row)


def _below(top: str, inner: str) -> str:
    return "/" + "/".join(part for part in f"{top}/{inner}".split("/") if part not in {"", "."})
