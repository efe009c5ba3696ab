# Made from ../_async/images.py by tools/generate_sync_client.py: change it there.

"""Images one by one, and uploads of many."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stackroom.client.errors import ApiError, StackroomError, malformed
from stackroom.client.exchange import new_key, read_answer
from stackroom.client.files import LocalImage, Progress, look_at
from stackroom.client.models import BulkUploadReport, Image, UploadFailure
from stackroom.client.uploads import (
    MOST_FILES_AT_ONCE,
    FileProgress,
    counting,
    derived_key,
    failures_of,
    in_chunks,
    reason_of,
    register_body,
    target_body,
)
from stackroom.client.wire import (
    BULK_REGISTERED,
    BULK_TARGETS,
    DEVELOPER,
    IMAGE,
    UPLOAD_TARGET,
    BulkRegistered,
    Call,
    Page,
    QueryValue,
    UploadTarget,
    flat,
    many,
    nothing,
    one,
    segment,
)

from .connection import Connection
from .paging import by_offset
from .seam import each, in_thread

# How a signed address says that its one upload has been made, or its time is over.
_USED_UP = frozenset({403, 404, 409, 410})

_IMAGES = f"{DEVELOPER}/images/"
_IMAGE = one(IMAGE, "image", "data")
_PAGE = many(IMAGE, "images", "data")
_TARGET = flat(UPLOAD_TARGET, "upload_url")
_BULK_TARGETS = flat(BULK_TARGETS, "upload_urls")
_BULK_REGISTERED = one(BULK_REGISTERED, "data")


class Images:
    """`client.images`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        dataset_id: str,
        *,
        folder_path: str | None = None,
        status: str | None = None,
        split: str | None = None,
        include_archived: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Image]:
        """One page of a dataset's images, newest first; `folder_path` is exactly that folder."""
        fetch = self._lister(dataset_id, folder_path, status, split, include_archived=include_archived)
        return (fetch(limit, offset)).rows

    def iter(
        self,
        dataset_id: str,
        *,
        folder_path: str | None = None,
        status: str | None = None,
        split: str | None = None,
        include_archived: bool = False,
        page_size: int = 100,
        max_total: int | None = None,
    ) -> Iterator[Image]:
        """All of a dataset's images, page by page."""
        fetch = self._lister(dataset_id, folder_path, status, split, include_archived=include_archived)
        return by_offset(fetch, page_size=page_size, max_total=max_total)

    def get(self, image_id: str) -> Image:
        """The image of this id, archived or not. Raises NotFoundError."""
        return self._connection.call(Call(method="GET", path=f"{_path(image_id)}/metadata", reply=_IMAGE))

    def upload(
        self,
        dataset_id: str,
        file_path: str | Path,
        *,
        folder_path: str = "/",
        idempotency_key: str | None = None,
        filename: str | None = None,
        content_type: str | None = None,
        progress: Progress | None = None,
    ) -> Image:
        """Upload a local file: ask for an address, send the bytes there, register the image.

        Raises FileNotFoundError or InvalidArgument before any request, ConflictError if the folder has an
        image of that name, ValidationError if the server does not take such files, ApiError (413) if it is
        too big. With an `idempotency_key` of your own, doing it again gives the same image instead of a
        conflict. `progress(sent, total)` follows the bytes.
        """
        image = in_thread(look_at, file_path, filename, content_type)
        key = idempotency_key or new_key()
        asking = Call(
            method="POST",
            path=f"{_IMAGES}upload-url",
            json={"dataset_id": dataset_id, **target_body(image, folder_path)},
            idempotency_key=derived_key(key, "upload-url"),
            reply=_TARGET,
        )
        answer = self._connection.send(asking)
        try:
            self._connection.put_file(read_answer(asking, answer).upload_url, image, progress)
        except ApiError as refused:
            # An address that an earlier call with this key has used up is no failure if that call had come
            # as far as an image: registering with the same key tells.
            if idempotency_key is None or not _is_used_up(refused, answer.headers):
                raise
        return self._connection.call(
            Call(
                method="POST",
                path=f"{_IMAGES}register",
                json={"dataset_id": dataset_id, **register_body(image, folder_path)},
                idempotency_key=key,
                reply=_IMAGE,
            )
        )

    def bulk_upload(
        self,
        dataset_id: str,
        files: Iterable[str | Path],
        *,
        folder_path: str = "/",
        max_workers: int = 8,
        progress: FileProgress | None = None,
    ) -> BulkUploadReport:
        """Upload any number of local files into one folder, 500 to a request.

        What happens to one file does not stop the others: files that cannot be read, sent or registered are
        in the report's `failures`. `progress(done, total, filename)` follows each file.
        """
        paths = [Path(file) for file in files]
        finished = counting(progress, len(paths))
        looked = [in_thread(_looked_at, path) for path in paths]
        failures = [found for found in looked if isinstance(found, UploadFailure)]
        for failure in failures:
            finished(failure.path.name)
        images: builtins.list[Image] = []
        sound = [found for found in looked if isinstance(found, LocalImage)]
        for chunk in in_chunks(sound, MOST_FILES_AT_ONCE):
            report = self._upload_chunk(dataset_id, folder_path, chunk, max_workers, finished)
            images += report.images
            failures += report.failures
        return BulkUploadReport(images=images, failures=failures)

    def download(self, image_id: str, output_path: str | Path, *, progress: Progress | None = None) -> Path:
        """Stream an image's bytes into a local file, making the folders above it.

        The file appears when it is whole; on any error nothing is left behind. A broken connection is taken
        up where it broke, if the server vouches that the bytes are the same. `progress(received, total)`.
        """
        return self._connection.download(_path(image_id), output_path, progress=progress)

    def delete(self, image_id: str, *, permanent: bool = False) -> None:
        """Archive an image, or remove it and its bytes for good. Raises NotFoundError."""
        self._connection.call(
            Call(
                method="DELETE",
                path=_path(image_id),
                query={"permanent": permanent or None},
                reply=nothing,
            )
        )

    def _lister(
        self,
        dataset_id: str,
        folder_path: str | None,
        status: str | None,
        split: str | None,
        *,
        include_archived: bool,
    ) -> Callable[[int, int], Page[Image]]:
        query: dict[str, QueryValue] = {
            "dataset_id": dataset_id,
            "folder_path": folder_path,
            "status": status,
            "split": split,
            "include_archived": include_archived or None,
        }

        def fetch(limit: int, offset: int) -> Page[Image]:
            paged = {**query, "limit": limit, "offset": offset}
            return self._connection.call(Call(method="GET", path=_IMAGES, query=paged, reply=_PAGE))

        return fetch

    def _upload_chunk(
        self,
        dataset_id: str,
        folder_path: str,
        chunk: Sequence[LocalImage],
        max_workers: int,
        finished: Callable[[str], None],
    ) -> BulkUploadReport:
        targets = self._bulk_targets(dataset_id, folder_path, chunk)
        lost = each(
            zip(chunk, targets, strict=True),
            self._put,
            workers=max_workers,
            after=lambda pair: finished(pair[0].path.name),
        )
        arrived = [image for image, failure in zip(chunk, lost, strict=True) if failure is None]
        registered = self._bulk_register(dataset_id, folder_path, arrived)
        failures = [failure for failure in lost if failure is not None]
        return BulkUploadReport(
            images=registered.succeeded, failures=failures + failures_of(registered, arrived)
        )

    def _bulk_targets(
        self, dataset_id: str, folder_path: str, chunk: Sequence[LocalImage]
    ) -> Sequence[UploadTarget]:
        body = {
            "dataset_id": dataset_id,
            "images": [target_body(image, folder_path) for image in chunk],
        }
        answer = self._connection.call(
            Call(method="POST", path=f"{_IMAGES}bulk-upload-url", json=body, reply=_BULK_TARGETS)
        )
        if len(answer.upload_urls) != len(chunk):
            raise malformed(f"{len(answer.upload_urls)} addresses for {len(chunk)} files")
        return answer.upload_urls

    def _put(self, pair: tuple[LocalImage, UploadTarget]) -> UploadFailure | None:
        image, target = pair
        try:
            self._connection.put_file(target.upload_url, image, None)
        except (StackroomError, OSError) as error:
            return UploadFailure(path=image.path, reason=reason_of(error))
        return None

    def _bulk_register(
        self, dataset_id: str, folder_path: str, arrived: Sequence[LocalImage]
    ) -> BulkRegistered:
        if not arrived:
            return BulkRegistered()
        body = {
            "dataset_id": dataset_id,
            "images": [register_body(image, folder_path) for image in arrived],
        }
        return self._connection.call(
            Call(method="POST", path=f"{_IMAGES}bulk-register", json=body, reply=_BULK_REGISTERED)
        )


def _path(image_id: str) -> str:
    return _IMAGES + segment(image_id, "image id")


def _looked_at(path: Path) -> LocalImage | UploadFailure:
    try:
        return look_at(path)
    except (StackroomError, OSError) as error:
        return UploadFailure(path=path, reason=reason_of(error))


def _is_used_up(refused: ApiError, headers: Mapping[str, str]) -> bool:
    return refused.status_code in _USED_UP and headers.get("Idempotent-Replayed") == "true"
