"""Images one by one, uploads of many, and finding them."""

import builtins
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from stackroom.client.errors import ApiError, StackroomError, ValidationError, malformed
from stackroom.client.exchange import checked_key, new_key, read_answer
from stackroom.client.files import LocalImage, Progress, look_at
from stackroom.client.models import (
    BulkUploadReport,
    Image,
    ImageSplit,
    Review,
    ReviewAction,
    SimilarImage,
    SplitsAssigned,
    TaggedImage,
    TagResult,
    UploadFailure,
)
from stackroom.client.selection import wanted_tags
from stackroom.client.uploads import (
    MOST_FILES_AT_ONCE,
    FileProgress,
    counting,
    derived_key,
    failures_of,
    in_chunks,
    once_each,
    reason_of,
    register_body,
    target_body,
)
from stackroom.client.wire import (
    BULK_REGISTERED,
    BULK_TARGETS,
    DEVELOPER,
    IMAGE,
    SIMILAR_IMAGE,
    TAG_RESULT,
    TAGGED_IMAGE,
    UPLOAD_TARGET,
    BulkRegistered,
    Call,
    Page,
    QueryValue,
    Shape,
    UploadTarget,
    flat,
    found,
    given,
    id_list,
    many,
    nothing,
    one,
    segment,
)

from .connection import AsyncConnection
from .paging import by_offset
from .seam import each, in_thread

# How a signed address says that its one upload has been made, or its time is over.
_USED_UP = frozenset({403, 404, 409, 410})

_IMAGES = f"{DEVELOPER}/images/"
_IMAGE = one(IMAGE, "image", "data")
_PAGE = many(IMAGE, "images", "data")
_TARGET = flat(UPLOAD_TARGET, "upload_url")
_BULK_TARGETS = flat(BULK_TARGETS, "upload_urls")
_REVIEW = one(Shape(Review), "data")
_SPLIT = one(Shape(ImageSplit), "data")
_SPLITS = one(Shape(SplitsAssigned), "data")
_TAGGED = flat(TAG_RESULT, "processed")
_SIMILAR = found(SIMILAR_IMAGE)
_FOUND = found(TAGGED_IMAGE)
_BULK_REGISTERED = one(BULK_REGISTERED, "data")


class AsyncImages:
    """`client.images`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(
        self,
        dataset_id: str,
        *,
        folder_path: str | None = None,
        status: str | None = None,
        split: str | None = None,
        filename: str | None = None,
        tags: Iterable[str] | None = None,
        min_confidence_lt: float | None = None,
        include_archived: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Image]:
        """One page of a dataset's images (by name or id), newest first.

        `folder_path` is exactly that folder, `filename` exactly that name; of `tags`, an image has all.
        `min_confidence_lt` finds images with an annotation that somebody, mostly a model, was less sure of.
        """
        fetch = self._lister(
            dataset_id,
            folder_path=folder_path,
            status=status,
            split=split,
            filename=filename,
            tags=None if tags is None else wanted_tags(tags),
            min_confidence_lt=min_confidence_lt,
            include_archived=include_archived or None,
        )
        return (await fetch(limit, offset)).rows

    def iter(
        self,
        dataset_id: str,
        *,
        folder_path: str | None = None,
        status: str | None = None,
        split: str | None = None,
        filename: str | None = None,
        tags: Iterable[str] | None = None,
        min_confidence_lt: float | None = None,
        include_archived: bool = False,
        page_size: int = 100,
        max_total: int | None = None,
    ) -> AsyncIterator[Image]:
        """All of a dataset's images that `list` would find, page by page.

        Read it to its end before you change what it finds: what is found no longer moves the rest past a page.
        """
        fetch = self._lister(
            dataset_id,
            folder_path=folder_path,
            status=status,
            split=split,
            filename=filename,
            tags=None if tags is None else wanted_tags(tags),
            min_confidence_lt=min_confidence_lt,
            include_archived=include_archived or None,
        )
        return by_offset(fetch, page_size=page_size, max_total=max_total)

    async def get(self, image_id: str) -> Image:
        """The image of this id, archived or not. Raises NotFoundError."""
        return await self._connection.call(
            Call(method="GET", path=f"{_path(image_id)}/metadata", reply=_IMAGE)
        )

    async def upload(
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
        key = checked_key(idempotency_key) or new_key()
        image = await in_thread(look_at, file_path, filename, content_type)
        place = {"dataset_id": dataset_id, **target_body(image, folder_path)}
        registering = Call(
            method="POST",
            path=f"{_IMAGES}register",
            json={"dataset_id": dataset_id, **register_body(image, folder_path)},
            idempotency_key=key,
            reply=_IMAGE,
        )
        address, is_known = await self._address(place, derived_key(key, "upload-url"))
        try:
            await self._connection.put_file(address, image, progress)
        except ApiError as refused:
            # An address that an earlier call with this key has used up is no failure if that call had come
            # as far as an image: registering with the same key tells.
            if idempotency_key is None or not is_known or refused.status_code not in _USED_UP:
                raise
            try:
                return await self._connection.call(registering)
            except ValidationError as nothing_came:
                if nothing_came.code != "upload_missing":
                    raise
            # It had not. The address is kept for a day, and good for a quarter of an hour.
            address, _ = await self._address(place, new_key())
            await self._connection.put_file(address, image, progress)
        return await self._connection.call(registering)

    async def bulk_upload(
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
        in the report's `failures`, and of several of one name all but the first. `progress(done, total, filename)`
        follows each file.

        Raises InvalidArgument, without a request, for a single string: its letters are no files.
        """
        paths = [Path(file) for file in id_list(files, "files")]
        finished = counting(progress, len(paths))
        looked = once_each([await in_thread(_looked_at, path) for path in paths])
        failures = [found for found in looked if isinstance(found, UploadFailure)]
        for failure in failures:
            finished(failure.path.name)
        images: builtins.list[Image] = []
        sound = [found for found in looked if isinstance(found, LocalImage)]
        for chunk in in_chunks(sound, MOST_FILES_AT_ONCE):
            report = await self._upload_chunk(dataset_id, folder_path, chunk, max_workers, finished)
            images += report.images
            failures += report.failures
        return BulkUploadReport(images=images, failures=failures)

    async def download(
        self, image_id: str, output_path: str | Path, *, progress: Progress | None = None
    ) -> Path:
        """Stream an image's bytes into a local file, making the folders above it.

        The file appears when it is whole; on any error nothing is left behind. A broken connection is taken
        up where it broke, if the server vouches that the bytes are the same. `progress(received, total)`.
        """
        return await self._connection.download(_path(image_id), output_path, progress=progress)

    async def download_bundle(
        self, image_id: str, output_path: str | Path, *, progress: Progress | None = None
    ) -> Path:
        """Stream a ZIP of an image, its annotations and a manifest into a local file; see `download`."""
        path = f"{_path(image_id)}/data-bundle"
        return await self._connection.download(path, output_path, progress=progress)

    async def delete(self, image_id: str, *, permanent: bool = False) -> None:
        """Archive an image, or remove it and its bytes for good. Raises NotFoundError."""
        await self._connection.call(
            Call(
                method="DELETE",
                path=_path(image_id),
                query={"permanent": permanent or None},
                reply=nothing,
            )
        )

    async def tag(self, dataset: str, image_ids: Iterable[str], tags: Iterable[str]) -> TagResult:
        """Give tags to up to 10,000 images. A partial success does not raise; `operations.undo` takes it back."""
        return await self._tag(dataset, image_ids, tags, add=True)

    async def untag(self, dataset: str, image_ids: Iterable[str], tags: Iterable[str]) -> TagResult:
        """Take tags away from up to 10,000 images."""
        return await self._tag(dataset, image_ids, tags, add=False)

    async def review(self, image_id: str, action: ReviewAction, *, note: str | None = None) -> Review:
        """Approve an image, which completes it, or have it annotated again, with a note."""
        body = given(action=action, note=note)
        path = f"{_path(image_id)}/review"
        return await self._connection.call(Call(method="POST", path=path, json=body, reply=_REVIEW))

    async def set_split(self, image_id: str, split: str | None) -> ImageSplit:
        """Put an image into `train`, `val` or `test`, or with None into none of them."""
        path = f"{_path(image_id)}/split"
        return await self._connection.call(
            Call(method="POST", path=path, json={"split": split}, reply=_SPLIT)
        )

    async def assign_splits(
        self, dataset: str, *, train: int = 70, val: int = 20, test: int = 10, seed: int = 42
    ) -> SplitsAssigned:
        """Divide all live images of a dataset by these percentages; the same seed divides them alike."""
        body = {"dataset": dataset, "train": train, "val": val, "test": test, "seed": seed}
        path = f"{_IMAGES}assign-splits"
        return await self._connection.call(Call(method="POST", path=path, json=body, reply=_SPLITS))

    async def similar(
        self, image_id: str, *, threshold: float = 0.6, limit: int = 50, folder_path: str | None = None
    ) -> builtins.list[SimilarImage]:
        """Images that look like this one, the most alike first: in its own folder, or in another of its dataset."""
        query: dict[str, QueryValue] = {
            "image_id": image_id,
            "threshold": threshold,
            "limit": limit,
            "folder_path": folder_path,
        }
        path = f"{DEVELOPER}/search/similar"
        return (await self._connection.call(Call(method="GET", path=path, query=query, reply=_SIMILAR))).rows

    async def search_by_tags(
        self, tags: Iterable[str], *, dataset: str | None = None, limit: int = 50, offset: int = 0
    ) -> builtins.list[TaggedImage]:
        """One page of the images that have all these tags, newest first, of one dataset or of all."""
        return (await self._tagged(tags, dataset)(limit, offset)).rows

    def iter_by_tags(
        self,
        tags: Iterable[str],
        *,
        dataset: str | None = None,
        page_size: int = 100,
        max_total: int | None = None,
    ) -> AsyncIterator[TaggedImage]:
        """All images that have all these tags, page by page."""
        return by_offset(self._tagged(tags, dataset), page_size=page_size, max_total=max_total)

    async def _tag(
        self, dataset: str, image_ids: Iterable[str], tags: Iterable[str], *, add: bool
    ) -> TagResult:
        body = {
            "dataset": dataset,
            "image_ids": id_list(image_ids),
            "tags": id_list(tags, "tags"),
            "add": add,
        }
        path = f"{_IMAGES}bulk-tag"
        return await self._connection.call(Call(method="POST", path=path, json=body, reply=_TAGGED))

    def _tagged(
        self, tags: Iterable[str], dataset: str | None
    ) -> Callable[[int, int], Awaitable[Page[TaggedImage]]]:
        wanted = wanted_tags(tags)

        async def fetch(limit: int, offset: int) -> Page[TaggedImage]:
            query = {"objects": wanted, "dataset_name": dataset, "limit": limit, "offset": offset}
            path = f"{DEVELOPER}/search/by-tags"
            return await self._connection.call(Call(method="GET", path=path, query=query, reply=_FOUND))

        return fetch

    def _lister(self, dataset_id: str, **filters: QueryValue) -> Callable[[int, int], Awaitable[Page[Image]]]:
        query: dict[str, QueryValue] = {"dataset_id": dataset_id, **filters}

        async def fetch(limit: int, offset: int) -> Page[Image]:
            paged = {**query, "limit": limit, "offset": offset}
            return await self._connection.call(Call(method="GET", path=_IMAGES, query=paged, reply=_PAGE))

        return fetch

    async def _address(self, place: Mapping[str, str], key: str) -> tuple[str, bool]:
        """Where the bytes of a file go, and whether an earlier call with this key was told the same."""
        asking = Call(
            method="POST", path=f"{_IMAGES}upload-url", json=place, idempotency_key=key, reply=_TARGET
        )
        answer = await self._connection.send(asking)
        is_known = answer.headers.get("Idempotent-Replayed") == "true"
        return read_answer(asking, answer).upload_url, is_known

    async def _upload_chunk(
        self,
        dataset_id: str,
        folder_path: str,
        chunk: Sequence[LocalImage],
        max_workers: int,
        finished: Callable[[str], None],
    ) -> BulkUploadReport:
        targets = await self._bulk_targets(dataset_id, folder_path, chunk)
        lost = await each(
            zip(chunk, targets, strict=True),
            self._put,
            workers=max_workers,
            after=lambda pair: finished(pair[0].path.name),
        )
        arrived = [image for image, failure in zip(chunk, lost, strict=True) if failure is None]
        registered = await self._bulk_register(dataset_id, folder_path, arrived)
        failures = [failure for failure in lost if failure is not None]
        return BulkUploadReport(
            images=registered.succeeded, failures=failures + failures_of(registered, arrived)
        )

    async def _bulk_targets(
        self, dataset_id: str, folder_path: str, chunk: Sequence[LocalImage]
    ) -> Sequence[UploadTarget]:
        body = {
            "dataset_id": dataset_id,
            "images": [target_body(image, folder_path) for image in chunk],
        }
        answer = await self._connection.call(
            Call(method="POST", path=f"{_IMAGES}bulk-upload-url", json=body, reply=_BULK_TARGETS)
        )
        if len(answer.upload_urls) != len(chunk):
            raise malformed(f"{len(answer.upload_urls)} addresses for {len(chunk)} files")
        return answer.upload_urls

    async def _put(self, pair: tuple[LocalImage, UploadTarget]) -> UploadFailure | None:
        image, target = pair
        try:
            await self._connection.put_file(target.upload_url, image, None)
        except (StackroomError, OSError) as error:
            return UploadFailure(path=image.path, reason=reason_of(error))
        return None

    async def _bulk_register(
        self, dataset_id: str, folder_path: str, arrived: Sequence[LocalImage]
    ) -> BulkRegistered:
        if not arrived:
            return BulkRegistered()
        body = {
            "dataset_id": dataset_id,
            "images": [register_body(image, folder_path) for image in arrived],
        }
        return await self._connection.call(
            Call(method="POST", path=f"{_IMAGES}bulk-register", json=body, reply=_BULK_REGISTERED)
        )


def _path(image_id: str) -> str:
    return _IMAGES + segment(image_id, "image id")


def _looked_at(path: Path) -> LocalImage | UploadFailure:
    try:
        return look_at(path)
    except (StackroomError, OSError) as error:
        return UploadFailure(path=path, reason=reason_of(error))
