"""How a call looks on the wire, and how its answer is read. Pure; sending is `connection.py`.

Answers of this protocol name some things twice (`data` and `image`, `folder_path` and `directory_path`), so
that clients of all generations find their word. A `Shape` knows the other names of a model's fields, a reply
knows the envelopes it may come in; the rest of the client sees one word for each thing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from .errors import EmptyUpdate, InvalidArgument
from .models import (
    BatchFailure,
    BatchResult,
    Dataset,
    DatasetClass,
    DuplicateGroup,
    DuplicateMember,
    Folder,
    FolderDeleted,
    FolderNode,
    FolderStats,
    Image,
    NearDuplicates,
    SimilarImage,
    TaggedImage,
    TagResult,
)

T = TypeVar("T")
C = TypeVar("C", str, int)
Reply = Callable[[bytes], T]
QueryValue = str | int | float | bool | Iterable[str] | None

DEVELOPER = "/api/v1/developer"
LIBRARY = "/library/v1"


class Call(Struct, Generic[T], frozen=True, kw_only=True):
    """One request: `path` is below the base URL and already quoted, `json` is the body before encoding."""

    method: str
    path: str
    reply: Reply[T]
    query: Mapping[str, QueryValue] = {}
    json: Any = msgspec.UNSET
    idempotency_key: str | None = None


class Page(Struct, Generic[T], frozen=True):
    """Some rows of a listing; `has_more` is None where the server does not say."""

    rows: list[T]
    has_more: bool | None = None

    def is_last(self, limit: int) -> bool:
        """Whether nothing follows; where the server does not say, a short page is the last."""
        if not self.rows or self.has_more is not None:
            return not self.rows or not self.has_more
        return len(self.rows) < limit


class CursorPage(Struct, Generic[T, C], frozen=True):
    """Some rows of a listing, and where it goes on; None at its end."""

    rows: list[T]
    next: C | None = None


def segment(value: str, what: str) -> str:
    """A name or id as one piece of a path, nothing of it left to be read as structure.

    Raises InvalidArgument for what would name another resource: an empty value, `.` or `..`.
    """
    if value in {"", ".", ".."}:
        raise InvalidArgument(f"{value!r} is no {what}.")
    return quote(value, safe="")


def segments(path: str) -> str:
    """A folder's path as the end of an address, each name of it one piece: `/cars/red` gives `/cars/red`.

    Raises InvalidArgument for `.` and `..`. The root has no pieces, and so the address ends before it.
    """
    return "".join("/" + segment(part, "folder name") for part in path.split("/") if part)


def with_query(path: str, query: Mapping[str, QueryValue]) -> str:
    """The path with its query: None stays out, truth is `true` or `false`, several values repeat the key."""
    pairs = _pairs(query)
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _pairs(query: Mapping[str, QueryValue]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        if isinstance(value, bool):
            pairs.append((key, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            pairs.append((key, str(value)))
        elif value is not None:
            pairs.extend((key, each) for each in value)
    return pairs


def id_list(ids: Iterable[T], what: str = "image_ids") -> list[T]:
    """These, be they ids or something else, as a list. Raises InvalidArgument for a single string, whose letters are
    none."""
    if isinstance(ids, str):
        raise InvalidArgument(f"{what} is one string; pass a list of them.")
    return list(ids)


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def changed(**values: Any) -> dict[str, Any]:
    """The values that were passed; None among them clears. Raises EmptyUpdate if there are none."""
    passed = {key: value for key, value in values.items() if value is not msgspec.UNSET}
    if not passed:
        raise EmptyUpdate("There is nothing to change.")
    return passed


def classes_on_wire(classes: Iterable[DatasetClass | Mapping[str, Any]] | None) -> list[Any] | None:
    """Classes as a request carries them: only the keys that say something."""
    if classes is None:
        return None
    return [dict(each) if isinstance(each, Mapping) else msgspec.to_builtins(each) for each in classes]


class Shape(Generic[T]):
    """How a model reads off the wire: the other names of its fields, and the shapes inside it."""

    def __init__(
        self,
        model: type[T],
        aliases: Mapping[str, tuple[str, ...]] | None = None,
        parts: Mapping[str, "Shape[Any]"] | None = None,
    ) -> None:
        self._model = model
        self._aliases = aliases or {}
        self._parts = parts or {}

    def read(self, raw: Any) -> T:
        """Raises msgspec.ValidationError when the value does not fit."""
        return msgspec.convert(self._renamed(raw), self._model)

    def _renamed(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        renamed = dict(raw)
        for name, others in self._aliases.items():
            known = [raw[key] for key in (name, *others) if raw.get(key) is not None]
            if known:
                renamed[name] = known[0]
        for name, shape in self._parts.items():
            if isinstance(renamed.get(name), list):
                renamed[name] = [shape._renamed(each) for each in renamed[name]]  # noqa: SLF001 - its own kind
        return renamed


def one(shape: Shape[T], *envelopes: str) -> Reply[T]:
    """A reply with one value: under the first of these keys that is there, or the whole body."""

    def read(body: bytes) -> T:
        decoded = msgspec.json.decode(body)
        return shape.read(_unwrapped(decoded, envelopes) if envelopes else decoded)

    return read


def flat(shape: Shape[T], key: str) -> Reply[T]:
    """A reply whose fields stand at the top of the body, as `key` shows, or under `data`."""

    def read(body: bytes) -> T:
        decoded = msgspec.json.decode(body, type=dict[str, Any])
        return shape.read(decoded if key in decoded else decoded.get("data"))

    return read


def many(shape: Shape[T], *envelopes: str) -> Reply[Page[T]]:
    """A reply with rows: under the first of these keys that is there, or the whole body."""

    def read(body: bytes) -> Page[T]:
        decoded = msgspec.json.decode(body)
        rows = _unwrapped(decoded, envelopes) if envelopes else decoded
        if not isinstance(rows, list):
            raise msgspec.ValidationError("a list was expected")
        return Page([shape.read(row) for row in rows], _has_more(decoded))

    return read


def cursored(shape: Shape[T], kind: type[C], rows: str) -> Reply[CursorPage[T, C]]:
    """A reply with rows under one key and the next cursor under `next`."""

    def read(body: bytes) -> CursorPage[T, C]:
        decoded = msgspec.json.decode(body, type=dict[str, Any])
        listed = msgspec.convert(decoded.get(rows), list[Any])
        following = decoded.get("next")
        return CursorPage(
            [shape.read(row) for row in listed],
            None if following is None else msgspec.convert(following, kind),
        )

    return read


def found(shape: Shape[T]) -> Reply[Page[T]]:
    """A reply with the images that a search has found, each with its tags, which stand deeper on the wire."""

    def read(body: bytes) -> Page[T]:
        decoded = msgspec.json.decode(body, type=_Found)
        return Page([shape.read(row | {"tags": _tags(row)}) for row in decoded.results], decoded.has_more)

    return read


class _Found(Struct, frozen=True):
    results: list[dict[str, Any]]
    has_more: bool | None = None


def _tags(row: Mapping[str, Any]) -> Any:
    kinds = row.get("image_auto_tags")
    return kinds.get("objects", []) if isinstance(kinds, dict) else []


def nothing(_body: bytes) -> None:
    """A reply whose body does not matter."""


def _unwrapped(decoded: Any, envelopes: tuple[str, ...]) -> Any:
    if isinstance(decoded, dict):
        for key in envelopes:
            if decoded.get(key) is not None:
                return decoded[key]
    raise msgspec.ValidationError(f"none of the keys {', '.join(envelopes)} is there")


def _has_more(decoded: Any) -> bool | None:
    pagination = decoded.get("pagination") if isinstance(decoded, dict) else None
    has_more = pagination.get("has_more") if isinstance(pagination, dict) else None
    return has_more if isinstance(has_more, bool) else None


_FOLDER_NAMES = ("virtual_folder_path", "directory_path", "virtual_directory_path")

IMAGE = Shape(
    Image,
    {
        "folder_path": _FOLDER_NAMES,
        "content_type": ("mime_type",),
        "width": ("image_width",),
        "height": ("image_height",),
    },
)
DATASET = Shape(Dataset, {"archived_image_count": ("archived_images",)}, {"images": IMAGE})
FOLDER = Shape(
    Folder,
    {
        "full_path": ("directory_path",),
        "parent_folder_id": ("parent_directory_id",),
        "dataset_id": ("project_id",),
    },
)
FOLDER_NODE = Shape(FolderNode, {"full_path": ("directory_path",)})
FOLDER_STATS = Shape(
    FolderStats,
    {
        "total_folders": ("total_directories",),
        "images_by_status": ("folders_by_status", "directories_by_status"),
    },
)
FOLDER_DELETED = Shape(FolderDeleted, {"folder_id": ("directory_id",)})
_IN_FOLDER = {"folder_path": _FOLDER_NAMES}
NEAR_DUPLICATES = Shape(
    NearDuplicates,
    {"folder_path": ("directory_path",)},
    {"groups": Shape(DuplicateGroup, parts={"members": Shape(DuplicateMember, _IN_FOLDER)})},
)
SIMILAR_IMAGE = Shape(SimilarImage, _IN_FOLDER)
TAGGED_IMAGE = Shape(TaggedImage, {**_IN_FOLDER, "dataset_id": ("project_id",)})
_BATCH_FAILURE = Shape(BatchFailure, {"image_id": ("id",)})
TAG_RESULT = Shape(TagResult, {"failures": ("failed",)}, {"failures": _BATCH_FAILURE})
_BATCH_RESULT = Shape(
    BatchResult,
    {"failures": ("failed",), "affected_folders": ("affected_directories",)},
    {"failures": _BATCH_FAILURE},
)


def batch_result(asked: Iterable[str]) -> Reply[BatchResult]:
    """The reply to a batch call over these ids.

    A server that reports only failures is met too: what was asked for and did not fail has succeeded.
    """

    def read(body: bytes) -> BatchResult:
        decoded = msgspec.json.decode(body)
        result = _BATCH_RESULT.read(decoded)
        if not {"succeeded", "processed"} & decoded.keys():
            raise msgspec.ValidationError("neither succeeded nor processed is there")
        if "succeeded" not in decoded:
            failed = {failure.image_id for failure in result.failures}
            succeeded = [each for each in dict.fromkeys(asked) if each not in failed]
            result = msgspec.structs.replace(result, succeeded=succeeded)
        return msgspec.structs.replace(result, failed_count=len(result.failures))

    return read


class UploadTarget(Struct, frozen=True):
    """Where the bytes of one file go."""

    upload_url: str


class BulkTargets(Struct, frozen=True):
    """Where the bytes of several files go, in the order asked for."""

    upload_urls: list[UploadTarget]


class BulkFailure(Struct, frozen=True):
    """A file that the server did not register."""

    filename: str
    error: str = "not registered"


class BulkRegistered(Struct, frozen=True):
    """What became of the files of one bulk registration."""

    succeeded: list[Image] = []
    failed: list[BulkFailure] = []


class DownloadItem(Struct, frozen=True):
    """One line of a dataset's download listing."""

    id: str
    filename: str
    folder_path: str = "/"
    image_url: str | None = None
    annotation_url: str | None = None


class DownloadListing(Struct, frozen=True):
    """Everything that a dataset download has to bring."""

    items: list[DownloadItem]
    total_items: int | None = None


UPLOAD_TARGET = Shape(UploadTarget)
BULK_TARGETS = Shape(BulkTargets)
BULK_REGISTERED = Shape(BulkRegistered, parts={"succeeded": IMAGE})
DOWNLOAD_LISTING = Shape(
    DownloadListing, parts={"items": Shape(DownloadItem, {"folder_path": _FOLDER_NAMES})}
)
