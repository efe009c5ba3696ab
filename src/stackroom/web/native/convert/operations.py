"""Operations, between the native protocol's words and the core's. Pure: whatever must be looked up is handed in."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from stackroom import clock, ids
from stackroom.errors import Invalid
from stackroom.library import tags
from stackroom.library.listing import Filter
from stackroom.library.names import ROOT, clean_path
from stackroom.operations import journal
from stackroom.operations.outcome import FAILED, SUCCEEDED, Outcome
from stackroom.operations.request import (
    Changes,
    Collision,
    FailedOf,
    Ids,
    Matching,
    Request,
    Selection,
    Verb,
    select_ids,
)
from stackroom.web.native.convert.base import moment, moment_in, moment_out
from stackroom.web.native.wire import operations as wire
from stackroom.web.native.wire.base import Named

_TAKERS: Mapping[str, set[str]] = {
    "to": {"move", "copy"},
    "on_collision": {"move", "copy", "restore"},
    "changes": {"update"},
    "copy_annotations": {"copy"},
}
_COMPANY = "ids may go with dataset; filter, which names its dataset inside, with except and expect_count."
_BEFORE_AND_AFTER = ("folder", "name", "status", "display_name", "split", "archived_at")
_TAGS = ("added_tags", "removed_tags")
REPORT_COLUMNS = (
    "position",
    "id",
    "outcome",
    "reason",
    *(f"before_{field}" for field in _BEFORE_AND_AFTER),
    *(f"after_{field}" for field in _BEFORE_AND_AFTER),
    "new_id",
    *_TAGS,
)


class Finder(Protocol):
    """Looks up what a request names. Both raise `NotFound`."""

    def dataset(self, reference: str) -> int: ...

    def failed_of(self, reference: str) -> FailedOf: ...


def chosen_ids(body: wire.NewOperation) -> Ids | None:
    """The ids a request names, if it does; apart, because a million of them are read before the writer is held."""
    asked = body.selection.ids
    if asked is None:
        return None
    if not asked:
        raise Invalid(
            "selection.ids: at least one is needed",
            code="empty_selection",
            hint="An empty list selects nothing; to select a whole dataset, say so with a filter.",
        )
    return select_ids(asked, dataset_id=None, limit=None)


def request(body: wire.NewOperation, chosen: Ids | None, find: Finder) -> Request:
    """What the engine is asked. Raises `Invalid` for parts that do not go together."""
    _check_parts(body)
    selected = _selection(body, chosen, find)
    target = body.to or wire.Target(folder=ROOT)
    return Request(
        verb=Verb(body.verb),
        selection=selected,
        target_folder=clean_path(target.folder) if body.to else None,
        target_dataset_id=find.dataset(target.dataset) if target.dataset else _own_dataset(selected),
        on_collision=Collision(body.on_collision or "rename"),
        changes=_changes(body.changes),
        copy_annotations=bool(body.copy_annotations),
        plan=body.plan,
    )


def _check_parts(body: wire.NewOperation) -> None:
    for part, verbs in _TAKERS.items():
        if getattr(body, part) not in {None, False} and body.verb not in verbs:
            raise Invalid(f"{part}: belongs to {' and '.join(sorted(verbs))}, not to {body.verb}")
    if body.to is None and body.verb in _TAKERS["to"]:
        raise Invalid(
            f"to: {body.verb} needs a target folder",
            code="missing_target",
            hint='Such as {"folder": "/cars"}.',
        )
    if body.verb == "move" and body.to is not None and body.to.dataset is not None:
        raise Invalid(
            "to.dataset: a move stays in its dataset",
            code="move_across_datasets",
            hint="Copy to the other dataset, then archive or purge here.",
        )
    if body.changes is None and body.verb == "update":
        raise Invalid(
            "changes: nothing to change", code="empty_update", hint="Give at least one field to change."
        )
    if body.dry_run and body.plan is not None:
        raise Invalid("plan: a dry run makes a plan, it does not take one", hint="Leave one of the two out.")


def _selection(body: wire.NewOperation, chosen: Ids | None, find: Finder) -> Selection:
    asked = body.selection
    given = [kind for kind in ("ids", "filter", "failed_of") if getattr(asked, kind) is not None]
    if len(given) != 1:
        what = " and ".join(given) if given else "nothing"
        raise Invalid(
            f"selection: exactly one of ids, filter and failed_of is needed, and this has {what}",
            code="bad_selection",
            hint="A selection of everything in a dataset is a filter with that dataset alone.",
        )
    _check_company(asked, given[0])
    if chosen is not None:
        dataset_id = find.dataset(asked.dataset) if asked.dataset else None
        return msgspec.structs.replace(chosen, dataset_id=dataset_id)
    if asked.filter is not None:
        return Matching(
            filter=_filter(asked.filter, find, archived=body.verb == "restore"),
            excepted=_excepted(asked.excepted or ()),
            expect_count=asked.expect_count,
        )
    return find.failed_of(asked.failed_of or "")


def _check_company(asked: wire.Selection, kind: str) -> None:
    allowed = {"ids": {"dataset"}, "filter": {"except", "expect_count"}, "failed_of": set()}[kind]
    values = {"dataset": asked.dataset, "except": asked.excepted, "expect_count": asked.expect_count}
    for name, value in values.items():
        if value is not None and name not in allowed:
            raise Invalid(f"selection.{name}: does not go with {kind}", code="bad_selection", hint=_COMPANY)


def _filter(asked: wire.Filter, find: Finder, *, archived: bool) -> Filter:
    return Filter(
        dataset_id=find.dataset(asked.dataset),
        folder=None if asked.folder is None else clean_path(asked.folder),
        recursive=asked.recursive is not False,
        status=asked.status,
        kind=asked.kind,
        glob=asked.name,
        created_after=moment_in(asked.created_after),
        created_before=moment_in(asked.created_before),
        tags=tags.clean(asked.tags, "selection.filter.tags"),
        archived=archived if asked.archived is msgspec.UNSET else asked.archived,
    )


def _excepted(asked: Sequence[str]) -> tuple[bytes, ...]:
    """A misspelt exception would quietly be no exception, so it is refused."""
    parsed = ids.parse_many(asked) if asked else []
    for raw, spelled in zip(parsed, asked, strict=True):
        if raw is None:
            raise Invalid(
                f"selection.except: {spelled[:80]!a} is not an id",
                code="bad_selection",
                hint="Give ids as they are listed.",
            )
    return tuple(raw for raw in parsed if raw is not None)


def _own_dataset(selected: Selection) -> int | None:
    """Where items go that stay in their dataset; None: wherever they turn out to be."""
    match selected:
        case Ids():
            return selected.dataset_id
        case Matching():
            return selected.filter.dataset_id
        case FailedOf():
            return None


def _changes(asked: wire.Changes | None) -> Changes:
    if asked is None:
        return Changes()
    return Changes(
        status=asked.status,
        display_name=asked.display_name,
        split=asked.split,
        add_tags=asked.add_tags,
        remove_tags=asked.remove_tags,
    )


def outcomes(word: str | None) -> list[Outcome] | None:
    """The outcomes that a filter means; None for all."""
    match word:
        case None:
            return None
        case "failed":
            return sorted(FAILED)
        case "succeeded":
            return sorted(SUCCEEDED)
        case _:
            return [Outcome[word.upper()]]


def operation(
    found: journal.Operation,
    *,
    now: int,
    plan: str | None = None,
    samples: Sequence[journal.Item] | None = None,
) -> wire.Operation:
    """An operation as it stands; one with samples was a dry run."""
    rate = _rate(found, now)
    finishes = now + int(found.pending / rate * clock.SECOND) if rate else None
    named = None
    if found.dataset_uuid is not None:
        named = Named(id=ids.text(found.dataset_uuid), name=found.dataset_name or "")
    return wire.Operation(
        id=ids.text(found.uuid),
        verb=found.verb.value,
        state=found.state,  # type: ignore[arg-type]  # the core's state constants are the wire's words
        dry_run=samples is not None,
        dataset=named,
        total=found.total,
        succeeded=found.succeeded,
        failed=found.failed,
        pending=found.pending,
        outcomes={outcome.word: count for outcome, count in sorted(found.outcomes.items())},
        bytes=found.total_bytes,
        undo_of=ids.text_or_none(found.undo_of),
        undone_by=ids.text_or_none(found.undone_by),
        undoable=found.undoable,
        plan=plan or None,
        samples=None if samples is None else [item(each) for each in samples],
        rate=None if rate is None else round(rate, 1),
        estimated_completion=moment_out(finishes),
        created_at=moment(found.created_at),
        finished_at=moment_out(found.finished_at),
        error=found.error,
    )


def _rate(found: journal.Operation, now: int) -> float | None:
    """Items per second so far; None until there is something to go by, and when nothing is going on."""
    done, elapsed = found.succeeded + found.failed, now - found.created_at
    if found.state != journal.RUNNING or done == 0 or elapsed <= 0:
        return None
    return done * clock.SECOND / elapsed


def item(found: journal.Item) -> wire.Item:
    return wire.Item(
        position=found.position,
        id=found.asked,
        outcome=found.outcome.word,  # type: ignore[arg-type]  # the wire's words are the enum's names
        reason=found.reason,
        before=_fields(found.before),
        after=_fields(found.after),
        new_id=ids.text_or_none(found.new_uuid),
    )


def _fields(values: dict[str, Any] | None) -> dict[str, Any] | None:
    if values is None or values.get("archived_at") is None:
        return values
    return {**values, "archived_at": moment(values["archived_at"])}


def json_lines(items: Iterable[journal.Item]) -> bytes:
    return msgspec.json.Encoder().encode_lines([item(each) for each in items])


def csv_header() -> bytes:
    return _csv([REPORT_COLUMNS])


def csv_lines(items: Iterable[journal.Item]) -> bytes:
    return _csv(_csv_row(item(each)) for each in items)


def _csv_row(each: wire.Item) -> list[object]:
    before, after = each.before or {}, each.after or {}
    return [
        each.position,
        each.id,
        each.outcome,
        each.reason,
        *(before.get(field) for field in _BEFORE_AND_AFTER),
        *(after.get(field) for field in _BEFORE_AND_AFTER),
        each.new_id,
        *(msgspec.json.encode(after[key]).decode() if key in after else None for key in _TAGS),
    ]


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
