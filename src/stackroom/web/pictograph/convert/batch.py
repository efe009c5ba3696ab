"""Batch requests and their results, between the engine's words and Pictograph's."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library.datasets import Dataset
from stackroom.library.names import ROOT, clean_path
from stackroom.operations.journal import Created, Operation
from stackroom.operations.outcome import Outcome, reason
from stackroom.operations.request import Changes, Collision, Ids, Request, Verb, clean_changes, select_ids
from stackroom.web.pictograph.convert.base import raw
from stackroom.web.pictograph.wire import batch as wire


def move(asked: wire.IntoFolder) -> Request:
    return Request(
        verb=Verb.MOVE,
        selection=select_ids(asked.image_ids, dataset_id=None),
        target_folder=_target(asked),
        first_number=1,
        require_match=True,
    )


def copy(asked: wire.BatchCopy) -> Request:
    return Request(
        verb=Verb.COPY,
        selection=select_ids(asked.image_ids, dataset_id=None),
        target_folder=_target(asked),
        on_collision=Collision(asked.duplicate_handling),
        first_number=2,
        copy_annotations=asked.copy_annotations,
        require_match=True,
    )


def copy_to_dataset(asked: wire.CopyToDataset) -> Request:
    return Request(
        verb=Verb.COPY,
        selection=select_ids(asked.image_ids, dataset_id=None),
        target_folder=_target(asked),
        first_number=1,
        copy_annotations=True,
        require_match=True,
    )


def target_dataset(asked: wire.CopyToDataset) -> str:
    """Which dataset to copy to, by name or id."""
    given = asked.target_dataset_name or asked.target_dataset_id or asked.target_dataset
    if not given:
        raise Invalid("target_dataset_name: missing", hint="Name the dataset to copy to.")
    return given


def delete(asked: wire.BatchDelete) -> Request:
    verb = Verb.PURGE if asked.permanent else Verb.ARCHIVE
    return Request(verb=verb, selection=select_ids(asked.image_ids, dataset_id=None), require_match=True)


def update(asked: wire.BatchUpdate) -> Request:
    wanted = asked.updates
    given = Changes(status=wanted.status, display_name=wanted.display_name, archived=wanted.is_archived)
    changes = clean_changes(given)
    return Request(
        verb=Verb.UPDATE,
        selection=select_ids(asked.image_ids, dataset_id=None),
        on_collision=Collision.SKIP,
        changes=changes,
        require_match=True,
    )


def delete_one(reference: str, *, permanent: bool) -> Request:
    verb = Verb.PURGE if permanent else Verb.ARCHIVE
    return Request(verb=verb, selection=select_ids([reference], dataset_id=None), single=True)


def within(request: Request, dataset_id: int, into: int | None = None) -> Request:
    """The request, on the images of one dataset; what is put somewhere stays in it, or goes `into` another."""
    assert isinstance(request.selection, Ids)
    return msgspec.structs.replace(
        request,
        selection=msgspec.structs.replace(request.selection, dataset_id=dataset_id),
        target_dataset_id=None if request.target_folder is None else into or dataset_id,
    )


def _target(asked: wire.IntoFolder) -> str:
    given = asked.target_folder_path
    if given is None:
        given = asked.target_directory_path
    return clean_path(ROOT if given is None else given, "target_folder_path")


def batch_result(
    done: Operation,
    failed: Raw,
    *,
    folders: Sequence[str],
    renamed: int = 0,
) -> wire.BatchResult:
    """All that is to be said but what succeeded item by item, and what a copy made of each: see `with_items`."""
    return wire.BatchResult(
        success=not done.failed,
        processed=done.total - done.failed,
        succeeded=[],
        failed=failed,
        failed_count=done.failed,
        failures=failed,
        affected_folders=folders,
        affected_directories=folders,
        renamed=renamed,
        operation=_DELETED.get(done.verb),
        operation_id=ids.text(done.uuid),
    )


def with_items(result: wire.BatchResult, asked: Sequence[str], created: Created | None) -> wire.BatchResult:
    """The whole of a result. When nothing failed, `succeeded` is the list that was asked for, and no item is looked
    at. `created` is what a copy made."""
    failing = {each.id for each in msgspec.json.decode(result.failures, type=list[wire.BatchFailure])}
    return msgspec.structs.replace(
        result,
        succeeded=[each for each in asked if each not in failing] if failing else asked,
        created=UNSET if created is None else _created(asked, created.each()),
    )


def in_dataset(result: wire.BatchResult, before: Dataset, after: Dataset) -> wire.BatchResult:
    """The result of a copy to another dataset, given that as it was and as it is."""
    known = {each["name"] for each in before.classes}
    added = [each["name"] for each in after.classes if each["name"] not in known]
    return msgspec.structs.replace(result, target_dataset=after.name, classes_added=added)


def failures_shown(asked: Sequence[str], failures: Sequence[tuple[int, Outcome, str | None]]) -> Raw:
    """Each item that failed, named as it was asked for."""
    return raw([_failure(asked[at], outcome, name) for at, outcome, name in failures])


_DELETED = {Verb.ARCHIVE: "archived", Verb.PURGE: "deleted"}


def _failure(asked: str, outcome: Outcome, name: str | None) -> wire.BatchFailure:
    why = reason(outcome, name) or outcome.word
    return wire.BatchFailure(id=asked, image_id=asked, reason=why, code=outcome.word)


def _created(asked: Sequence[str], created: Sequence[tuple[int, str, str]]) -> list[wire.Created]:
    return [
        wire.Created(source_id=asked[position], id=identity, filename=name)
        for position, identity, name in created
    ]
