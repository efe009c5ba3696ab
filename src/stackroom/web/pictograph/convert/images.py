"""Images, between the library's words and Pictograph's."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Raw

from stackroom import ids
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset
from stackroom.library.names import numbered
from stackroom.web.pictograph.convert.base import Links, moment, raw
from stackroom.web.pictograph.wire import images as wire
from stackroom.web.pictograph.wire.annotations import AnnotationFile


def image(found: Asset, dataset_id: str, links: Links, tags: Sequence[str] = ()) -> wire.Image:
    return wire.Image(
        id=ids.text(found.uuid),
        dataset_id=dataset_id,
        filename=found.name,
        display_name=found.display_name,
        status=found.status,
        split=found.split,
        annotation_count=found.annotation_count,
        min_confidence=found.min_confidence,
        file_size=found.size,
        width=found.width,
        height=found.height,
        image_width=found.width,
        image_height=found.height,
        content_type=found.content_type,
        mime_type=found.content_type,
        directory_path=found.folder_path,
        folder_path=found.folder_path,
        virtual_folder_path=found.folder_path,
        virtual_directory_path=found.folder_path,
        tags=tags,
        review_note=found.review_note,
        is_archived=found.archived_at is not None,
        image_url=links.image(found),
        thumbnail_url=links.thumbnail(found),
        annotation_url=links.annotations(found),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def images(found: Iterable[Asset], dataset: Dataset, links: Links, tags: Mapping[int, Sequence[str]]) -> Raw:
    """With the `tags` of each by its row id. Thousands of signatures take their time: not for the event loop."""
    identity = ids.text(dataset.uuid)
    return raw([image(each, identity, links, tags.get(each.id, ())) for each in found])


class Documents(msgspec.Struct, frozen=True):
    """What a bundle holds beside the image itself, which is called `image_name` in it."""

    image_name: str
    files: dict[str, bytes]


ANNOTATIONS, MANIFEST = "annotations.json", "manifest.json"
NO_DEPTH = wire.Omitted(kind="depth_map", reason="this server makes no depth maps")


def documents(
    found: Asset, dataset: Dataset, sha256: bytes, annotations: bytes, tags: Sequence[str], *, now: int
) -> Documents:
    """`annotations` as they are stored. An image that is called like one of the documents gets a number."""
    image_name = numbered(found.name, 2) if found.name in {ANNOTATIONS, MANIFEST} else found.name
    annotated = msgspec.json.encode(AnnotationFile(image=found.name, annotations=Raw(annotations)))
    manifest = wire.Manifest(
        created_at=moment(now),
        image=_bundled(found, dataset, tags),
        files=[
            wire.BundledFile(path=image_name, kind="image", size=found.size, sha256=sha256.hex()),
            wire.BundledFile(
                path=ANNOTATIONS,
                kind="annotations",
                size=len(annotated),
                sha256=hashlib.sha256(annotated).hexdigest(),
            ),
        ],
        omitted=[NO_DEPTH],
    )
    return Documents(image_name, {ANNOTATIONS: annotated, MANIFEST: msgspec.json.encode(manifest)})


def _bundled(found: Asset, dataset: Dataset, tags: Sequence[str]) -> wire.BundledImage:
    return wire.BundledImage(
        id=ids.text(found.uuid),
        dataset_id=ids.text(dataset.uuid),
        dataset_name=dataset.name,
        filename=found.name,
        display_name=found.display_name,
        directory_path=found.folder_path,
        folder_path=found.folder_path,
        content_type=found.content_type,
        file_size=found.size,
        width=found.width,
        height=found.height,
        status=found.status,
        split=found.split,
        tags=tags,
        review_note=found.review_note,
        annotation_count=found.annotation_count,
        is_archived=found.archived_at is not None,
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )
