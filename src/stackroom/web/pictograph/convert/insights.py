"""Insights and near duplicates, from the library's words to Pictograph's."""

from itertools import pairwise

from stackroom import ids
from stackroom.library.assets import Asset
from stackroom.library.insights import DENSITIES, Confidence, Dimensions, Insights
from stackroom.library.similarity import Bounds, Group, NearDuplicates
from stackroom.web.pictograph.wire import insights as wire

MOST_COMPARED = 2000


def insights(found: Insights) -> wire.Insights:
    annotated = found.images - found.unannotated
    mean = found.annotations / found.images if found.images else 0.0
    return wire.Insights(
        total_images=found.images,
        total_annotations=found.annotations,
        annotated_images=annotated,
        unannotated_images=found.unannotated,
        avg_annotations_per_image=round(mean, 4),
        total_bytes=found.bytes,
        status_counts=wire.StatusCounts(**found.statuses),
        class_annotation_counts=found.classes.annotations,
        class_image_counts=found.classes.images,
        type_counts=found.classes.types,
        annotation_density=dict(zip(_density_names(), found.densities, strict=True)),
        dimensions=_dimensions(found.dimensions),
        model_confidence=None if found.confidence is None else _confidence(found.confidence),
    )


def bounds(asked: wire.DuplicatesQuery) -> Bounds:
    return Bounds(
        threshold=asked.threshold,
        sample=min(asked.sample, MOST_COMPARED),
        neighbours=asked.neighbors,
        max_pairs=asked.max_pairs,
    )


def duplicates(found: NearDuplicates, within: Bounds, folder: str | None) -> wire.Duplicates:
    sizes = [len(group.members) for group in found.groups]
    return wire.Duplicates(
        groups=[_group(group) for group in found.groups],
        group_count=len(sizes),
        duplicate_image_count=sum(sizes),
        redundant_count=sum(sizes) - len(sizes),
        analyzed=found.analyzed,
        total_images=found.total,
        sample_limit=within.sample,
        sample_capped=found.sample_capped,
        pairs_capped=found.pairs_capped,
        threshold=within.threshold,
        folder_path=folder,
        directory_path=folder,
    )


def _group(group: Group) -> wire.DuplicateGroup:
    return wire.DuplicateGroup(
        members=[_member(each) for each in group.members],
        size=len(group.members),
        max_similarity=group.max_similarity,
    )


def _member(found: Asset) -> wire.DuplicateMember:
    return wire.DuplicateMember(
        id=ids.text(found.uuid),
        filename=found.name,
        virtual_folder_path=found.folder_path,
        virtual_directory_path=found.folder_path,
        status=found.status,
        annotation_count=found.annotation_count,
    )


def _dimensions(found: Dimensions) -> wire.Dimensions:
    return wire.Dimensions(
        min_width=found.width.least,
        max_width=found.width.most,
        avg_width=found.width.mean,
        min_height=found.height.least,
        max_height=found.height.most,
        avg_height=found.height.mean,
        orientation=wire.Orientation(landscape=found.landscape, portrait=found.portrait, square=found.square),
        sizes=[wire.Size(w=each.width, h=each.height, count=each.images) for each in found.sizes],
        distinct_size_count=found.distinct,
        images_with_dimensions=found.known,
        images_missing_dimensions=found.unknown,
    )


def _confidence(found: Confidence) -> wire.ModelConfidence:
    return wire.ModelConfidence(
        flagged=found.flagged,
        lowest=found.lowest,
        avg_flagged=round(found.mean, 4),
        buckets=wire.ConfidenceBuckets(
            **dict(zip(("lt50", "b50_70", "b70_90", "b90_100"), found.buckets, strict=True))
        ),
    )


def _density_names() -> list[str]:
    """`0`, `1-2`, `3-5` … `51+`."""
    closed = [f"{low}-{high - 1}" if high - low > 1 else f"{low}" for low, high in pairwise(DENSITIES)]
    return [*closed, f"{DENSITIES[-1]}+"]
