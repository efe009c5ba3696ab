"""What a search has found, from the library's words to Pictograph's."""

from collections.abc import Mapping, Sequence

from stackroom import ids
from stackroom.library.assets import Asset
from stackroom.library.similarity import Resembling
from stackroom.web.pictograph.wire import search as wire

Tags = Mapping[int, Sequence[str]]
"""By the row ids of assets."""


def similar(asked: wire.SimilarQuery, found: Resembling, tags: Tags) -> wire.SimilarImages:
    return wire.SimilarImages(
        results=[_similar(each, similarity, tags) for each, similarity in found.found],
        count=len(found.found),
        threshold=asked.threshold,
        query_image_id=asked.image_id,
        analyzed=found.analyzed,
    )


def tagged(asked: wire.TagQuery, found: Sequence[tuple[Asset, bytes]], tags: Tags) -> wire.TaggedImages:
    """`found` has one more than was asked for where there are more."""
    page = found[: asked.limit]
    return wire.TaggedImages(
        results=[_tagged(each, ids.text(dataset), tags) for each, dataset in page],
        count=len(page),
        limit=asked.limit,
        offset=asked.offset,
        has_more=len(found) > len(page),
    )


def _similar(found: Asset, similarity: float, tags: Tags) -> wire.SimilarImage:
    return wire.SimilarImage(
        id=ids.text(found.uuid),
        filename=found.name,
        virtual_folder_path=found.folder_path,
        virtual_directory_path=found.folder_path,
        status=found.status,
        annotation_count=found.annotation_count,
        image_auto_tags=wire.AutoTags(objects=tags.get(found.id, ())),
        similarity=similarity,
    )


def _tagged(found: Asset, dataset_id: str, tags: Tags) -> wire.TaggedImage:
    return wire.TaggedImage(
        id=ids.text(found.uuid),
        project_id=dataset_id,
        dataset_id=dataset_id,
        filename=found.name,
        virtual_folder_path=found.folder_path,
        virtual_directory_path=found.folder_path,
        status=found.status,
        annotation_count=found.annotation_count,
        image_auto_tags=wire.AutoTags(objects=tags.get(found.id, ())),
    )
