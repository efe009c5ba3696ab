"""Saved annotations, in Pictograph's words."""

from stackroom import ids
from stackroom.library.annotations import Saved
from stackroom.web.pictograph.wire import annotations as wire


def annotations_saved(saved: Saved) -> wire.AnnotationsSaved:
    return wire.AnnotationsSaved(
        image_id=ids.text(saved.uuid),
        previous_count=saved.previous_count,
        new_count=saved.new_count,
        status=saved.status,
    )
