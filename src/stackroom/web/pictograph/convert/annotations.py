"""Annotations as they are shown and saved, in Pictograph's words."""

from collections.abc import Sequence

from msgspec import Raw

from stackroom import ids
from stackroom.errors import StackroomError
from stackroom.library.annotations import Document, Saved
from stackroom.library.assets import Asset
from stackroom.web.pictograph.wire import annotations as wire


def shown(found: Asset, document: bytes) -> wire.Annotations:
    return wire.Annotations(
        image_id=ids.text(found.uuid),
        filename=found.name,
        annotations=Raw(document),
        annotation_count=found.annotation_count,
    )


def saved(done: Saved) -> wire.AnnotationsSaved:
    return wire.AnnotationsSaved(
        image_id=ids.text(done.uuid),
        previous_count=done.previous_count,
        new_count=done.new_count,
        status=done.status,
    )


def saved_alone(done: Saved, document: Document) -> wire.ImageSaved:
    """With the ids, because those of annotations that came without are new to the client."""
    return wire.ImageSaved(
        image_id=ids.text(done.uuid),
        previous_count=done.previous_count,
        new_count=done.new_count,
        status=done.status,
        annotation_ids=document.ids,
    )


def saved_many(asked: Sequence[str], outcomes: Sequence[Saved | StackroomError]) -> wire.BulkSaved:
    """What became of each image, those that failed under the ids that were asked for."""
    failed = [
        wire.AnnotationsNotSaved(image_id=image, error=outcome.message, code=outcome.code)
        for image, outcome in zip(asked, outcomes, strict=True)
        if isinstance(outcome, StackroomError)
    ]
    return wire.BulkSaved(
        success=not failed,
        saved=[saved(outcome) for outcome in outcomes if isinstance(outcome, Saved)],
        failed=failed,
    )
