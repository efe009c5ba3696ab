"""What is marked on an image."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackroom.client.errors import ApiError
from stackroom.client.models import (
    Annotation,
    AnnotationsDeleted,
    AnnotationsNotSaved,
    AnnotationsSaved,
    BulkSaved,
    ImportReport,
)
from stackroom.client.models.annotations import annotation_on_wire
from stackroom.client.saves import Save, portions
from stackroom.client.wire import DEVELOPER, Call, Shape, one, segment

from .coco import ImportProgress, import_coco
from .connection import AsyncConnection

_ANNOTATIONS = f"{DEVELOPER}/annotations/"
TOO_LARGE = 413


class _Answer(Struct, frozen=True):
    annotations: list[Annotation]


_ALL = one(Shape(_Answer))
_SAVED = one(Shape(AnnotationsSaved))
_BULK = one(Shape(BulkSaved))
_DELETED = one(Shape(AnnotationsDeleted))


class AsyncAnnotations:
    """`client.annotations`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, image_id: str) -> list[Annotation]:
        """All annotations of an image. Raises NotFoundError."""
        answer = await self._connection.call(Call(method="GET", path=_path(image_id), reply=_ALL))
        return answer.annotations

    async def save(
        self, image_id: str, annotations: Iterable[Annotation | Mapping[str, Any]]
    ) -> AnnotationsSaved:
        """Replace all annotations of an image by these; its status stays.

        Raises ValidationError for a shape that cannot be or a class that the dataset does not have.
        """
        body = {"image_id": image_id, "annotations": [annotation_on_wire(each) for each in annotations]}
        return await self._connection.call(Call(method="POST", path=_path(image_id), json=body, reply=_SAVED))

    async def bulk_save(self, saves: Mapping[str, Iterable[Annotation | Mapping[str, Any]]]) -> BulkSaved:
        """Replace all annotations of many images: `{image_id: annotations}`, up to 200 images to a request.

        An image whose annotations are refused is in the result's `failed` and does not stop the others.
        """
        saved: list[AnnotationsSaved] = []
        failed: list[AnnotationsNotSaved] = []
        for portion in list(portions(saves)):
            answer = await self._save_portion(portion)
            saved += answer.saved
            failed += answer.failed
        return BulkSaved(saved, failed)

    async def _save_portion(self, portion: Sequence[Save]) -> BulkSaved:
        body = {"saves": [each.body for each in portion]}
        try:
            return await self._connection.call(
                Call(method="POST", path=f"{_ANNOTATIONS}bulk", json=body, reply=_BULK)
            )
        except ApiError as error:
            if error.status_code != TOO_LARGE or len(portion) > 1:
                raise
            return BulkSaved([], [AnnotationsNotSaved(portion[0].image_id, error.message)])

    async def import_coco(
        self,
        dataset: str,
        path: str | Path,
        *,
        create_classes: bool = False,
        progress: ImportProgress | None = None,
    ) -> ImportReport:
        """Give a dataset's images the annotations of a local COCO file: boxes, polygons and keypoints.

        They replace those that an image had; images without annotations in the file stay as they are. The
        report says what was saved, refused, not found and skipped; none of these stops the rest. With
        `create_classes`, classes that the dataset does not list are added to it first. `progress(done, total)`
        follows the images. Raises InvalidArgument if the file is not COCO, NotFoundError for the dataset.
        """
        return await import_coco(
            self._connection,
            self.bulk_save,
            dataset,
            path,
            create_classes=create_classes,
            progress=progress,
        )

    async def delete(self, image_id: str) -> AnnotationsDeleted:
        """Remove all annotations of an image. Needs the admin role."""
        return await self._connection.call(Call(method="DELETE", path=_path(image_id), reply=_DELETED))


def _path(image_id: str) -> str:
    return _ANNOTATIONS + segment(image_id, "image id")
