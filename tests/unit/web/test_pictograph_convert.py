"""Between the library's words and Pictograph's."""

import json

import msgspec
import pytest

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library.names import MAX_DEPTH
from stackroom.operations.journal import Created, Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Collision, Ids, Request, Verb
from stackroom.web.pictograph.convert import batch as convert
from stackroom.web.pictograph.convert.base import dataset_ref, pagination, raw
from stackroom.web.pictograph.convert.folders import FolderRow, folder_tree, nested_counts
from stackroom.web.pictograph.wire import batch as wire
from stackroom.web.pictograph.wire.base import AboutDataset

A, B = (ids.text(ids.new()) for _ in range(2))


def rows(**counts: int) -> list[FolderRow]:
    """Folders with so many images each; `a__b` is /a/b."""
    paths = {"/": 0} | {"/" + name.replace("__", "/"): count for name, count in counts.items()}
    return [(n, n.to_bytes(16), path, 0, count) for n, (path, count) in enumerate(sorted(paths.items()))]


def finished(verb: Verb, **outcomes: int) -> Operation:
    return Operation(
        id=1,
        uuid=bytes(16),
        verb=verb,
        state="finished",
        request=Request(verb=verb, selection=Ids(b"", ())),
        dataset_uuid=None,
        dataset_name=None,
        total=sum(outcomes.values()),
        outcomes={Outcome[name.upper()]: count for name, count in outcomes.items()},
        total_bytes=0,
        undo_of=None,
        undone_by=None,
        error=None,
        created_at=0,
        finished_at=0,
    )


def test_a_count_holds_what_is_below() -> None:
    nested = nested_counts(rows(a=1, a__b=2, a__b__c=4, d=8))
    assert nested == {"/": 15, "/a": 7, "/a/b": 6, "/a/b/c": 4, "/d": 8}


def test_a_tree_is_built_from_the_deepest_up() -> None:
    tree = folder_tree(rows(a=0, a__b=1, a__b__c=0, d=0))

    def drawn(nodes: object) -> object:
        return {node.name: drawn(node.children) for node in nodes}  # type: ignore[attr-defined]

    assert drawn(tree) == {"a": {"b": {"c": {}}}, "d": {}}


def test_a_tree_as_deep_as_a_path_can_be_is_encoded() -> None:
    names = {"__".join("x" * depth): 0 for depth in range(1, MAX_DEPTH + 1)}
    shown = msgspec.json.encode(folder_tree(rows(**names)))
    assert shown.count(b"children") == MAX_DEPTH
    assert json.loads(shown)


def test_a_dataset_is_named_in_any_of_three_ways() -> None:
    for key in ("dataset", "dataset_id", "dataset_name"):
        assert dataset_ref(AboutDataset(**{key: "D"})) == "D"
    with pytest.raises(Invalid):
        dataset_ref(AboutDataset())


@pytest.mark.parametrize("key", ["target_folder_path", "target_directory_path"])
def test_a_target_is_named_in_either_way(key: str) -> None:
    wanted = convert.move(wire.IntoFolder(image_ids=[A], **{key: "cars/"}))
    assert (wanted.target_folder, wanted.first_number, wanted.require_match) == ("/cars", 1, True)


def test_a_copy_begins_with_two() -> None:
    wanted = convert.copy(wire.BatchCopy(image_ids=[A], duplicate_handling="overwrite"))
    assert (wanted.target_folder, wanted.first_number) == ("/", 2)
    assert wanted.on_collision is Collision.OVERWRITE


def test_what_comes_back_onto_a_taken_name_is_skipped() -> None:
    wanted = convert.update(wire.BatchUpdate(image_ids=[A], updates=wire.Updates(is_archived=False)))
    assert wanted.on_collision is Collision.SKIP


def test_when_nothing_failed_the_list_asked_for_is_the_answer_itself() -> None:
    asked = [A, B]
    kept = convert.batch_result(finished(Verb.MOVE, done=1, unchanged=1), raw([]), folders=["/"])
    result = convert.with_items(kept, asked, None)
    assert result.succeeded is asked
    assert (result.success, result.processed, result.failed_count) == (True, 2, 0)
    assert result.created is msgspec.UNSET


def test_what_failed_is_named_as_it_was_asked_for() -> None:
    asked = [A, "no id", B.upper()]
    failures = [(1, Outcome.NOT_FOUND, None), (2, Outcome.SKIPPED, "b.png")]
    done = finished(Verb.COPY, done=1, not_found=1, skipped=1)
    made = Created("[0]", bytes(16), '["a-2.png"]')
    kept = convert.batch_result(done, convert.failures_shown(asked, failures), folders=["/x"])
    shown = msgspec.json.decode(msgspec.json.encode(convert.with_items(kept, asked, made)))
    assert (shown["succeeded"], shown["processed"], shown["success"]) == ([A], 1, False)
    assert [each["id"] for each in shown["failed"]] == ["no id", B.upper()]
    assert shown["failures"][1]["reason"] == "Filename 'b.png' already exists (skipped)"
    assert shown["created"] == [{"source_id": A, "id": ids.text(bytes(16)), "filename": "a-2.png"}]


def test_a_whole_answer_is_made_whole_of_itself() -> None:
    """Those that an older version kept are."""
    asked = [A, "no id"]
    failed = convert.failures_shown(asked, [(1, Outcome.NOT_FOUND, None)])
    made = Created("[0]", bytes(16), '["a-2.png"]')
    kept = convert.batch_result(finished(Verb.COPY, done=1, not_found=1), failed, folders=["/x"])
    whole = msgspec.json.encode(convert.with_items(kept, asked, made))
    again = convert.with_items(msgspec.json.decode(whole, type=wire.BatchResult), asked, made)
    assert msgspec.json.encode(again) == whole


def test_a_page_says_whether_there_is_more() -> None:
    assert pagination(10, 0, 10, 11).has_more
    assert not pagination(10, 1, 10, 11).has_more
    assert not pagination(10, 50, 0, 11).has_more
