"""What uploading says to the server, and what became of the files; the sending is in `images.py`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar
from unicodedata import normalize

from .errors import ApiError, ConflictError, StackroomError
from .files import LocalImage
from .models import UploadFailure, UploadReport
from .wire import BulkRegistered

T = TypeVar("T")

MOST_FILES_AT_ONCE = 500
FEW = 100
"""Files of which each is asked for by itself: a list of what a dataset holds is not worth it."""
ROWS_PER_FILE = 100
"""A row of that list costs so much less than a question of its own."""
Place = tuple[str, str]
"""A folder of a dataset, and a name in it."""
FileProgress = Callable[[int, int, str], None]
Fate = Literal["uploaded", "skipped"] | UploadFailure


def derived_key(key: str, step: str) -> str:
    """A second idempotency key that follows from the first."""
    return sha256(f"{step}:{key}".encode()).hexdigest()[:32]


def target_body(image: LocalImage, folder_path: str) -> dict[str, Any]:
    """What the server needs to know before the bytes come."""
    return {"filename": image.filename, "folder_path": folder_path, "content_type": image.content_type}


def place_of(folder_path: str, filename: str) -> Place:
    """Where an image is, as the server spells it."""
    parts = normalize("NFC", folder_path).split("/")
    return "/" + "/".join(part for part in parts if part), normalize("NFC", filename)


def register_body(image: LocalImage, folder_path: str) -> dict[str, Any]:
    """What makes an image of the bytes that have come."""
    return target_body(image, folder_path) | {
        "file_size": image.size,
        "width": image.width,
        "height": image.height,
    }


def in_chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in groups of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def once_each(looked: Iterable[LocalImage | UploadFailure]) -> list[LocalImage | UploadFailure]:
    """Of several files of one name the first, the others as failures: a folder has room for one, and the server, which
    knows them by their names, could not tell whose bytes are whose."""
    names: set[str] = set()
    kept: list[LocalImage | UploadFailure] = []
    for each in looked:
        name = normalize("NFC", each.filename) if isinstance(each, LocalImage) else None
        if name in names:
            kept.append(
                UploadFailure(path=each.path, reason=f"another of these files is named {name!r}, too")
            )
        else:
            kept.append(each)
        if name is not None:
            names.add(name)
    return kept


def failures_of(registered: BulkRegistered, sent: Sequence[LocalImage]) -> list[UploadFailure]:
    """The files that the server did not register. It names them by file name only."""
    paths = {image.filename: image.path for image in sent}
    return [
        UploadFailure(path=paths.get(each.filename, Path(each.filename)), reason=each.error)
        for each in registered.failed
    ]


def fate_of(path: Path, error: StackroomError | OSError, *, skip_existing: bool) -> Fate:
    """What an upload's error means for one file of a folder."""
    if isinstance(error, ConflictError):
        return "skipped" if skip_existing else UploadFailure(path=path, reason=f"conflict: {error.message}")
    # Servers of an earlier time answer 400 for a taken name.
    if skip_existing and isinstance(error, ApiError) and "already exists" in str(error).lower():
        return "skipped"
    return UploadFailure(path=path, reason=reason_of(error))


def reason_of(error: StackroomError | OSError) -> str:
    """One line that says what went wrong."""
    return error.message if isinstance(error, StackroomError) else str(error)


def upload_report(dataset_name: str, fates: Sequence[Fate]) -> UploadReport:
    """The fates of all files, added up."""
    counted = Counter(fate for fate in fates if not isinstance(fate, UploadFailure))
    return UploadReport(
        dataset_name=dataset_name,
        images_attempted=len(fates),
        images_uploaded=counted["uploaded"],
        images_skipped=counted["skipped"],
        failures=[fate for fate in fates if isinstance(fate, UploadFailure)],
    )


def counting(progress: FileProgress | None, total: int) -> Callable[[str], None]:
    """A function to call with each finished file's name."""
    done = count(1)

    def finished(name: str) -> None:
        if progress is not None:
            progress(next(done), total, name)

    return finished
