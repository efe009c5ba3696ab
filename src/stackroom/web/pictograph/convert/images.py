"""Images, between the library's words and Pictograph's."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Raw

from stackroom import ids
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset
from stackroom.web.pictograph.convert.base import Links, moment, raw
from stackroom.web.pictograph.wire import images as wire


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
