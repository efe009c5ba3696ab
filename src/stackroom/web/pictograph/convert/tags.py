"""Tagging many images, between the engine's words and Pictograph's."""

from collections.abc import Sequence

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library import tags
from stackroom.operations.journal import Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Changes, Ids, Request, Verb, select_ids
from stackroom.web.pictograph.convert.batch import failures_shown
from stackroom.web.pictograph.wire import tags as wire


def request(asked: wire.BulkTag) -> Request:
    names = tags.clean(asked.tags)
    if not names:
        raise Invalid(
            "tags: at least one is needed", code="empty_update", hint="Name the tags to add or to remove."
        )
    changes = Changes(add_tags=names) if asked.add else Changes(remove_tags=names)
    return Request(
        verb=Verb.UPDATE,
        selection=select_ids(asked.image_ids, dataset_id=None),
        changes=changes,
        require_match=True,
    )


def tagged(
    done: Operation, wanted: Request, failures: Sequence[tuple[int, Outcome, str | None]]
) -> wire.Tagged:
    assert isinstance(wanted.selection, Ids)
    changes = wanted.changes
    names, added = changes.add_tags or changes.remove_tags, bool(changes.add_tags)
    return wire.Tagged(
        success=not failures,
        processed=done.succeeded,
        tags=names,
        added=added,
        failed=failures_shown(wanted.selection.asked, failures),
        failed_count=len(failures),
        operation_id=ids.text(done.uuid),
        data=wire.TaggedData(processed=done.succeeded, tags=names, added=added),
    )
