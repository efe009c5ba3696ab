"""Datasets are described, renamed, hidden, and removed with everything in them."""

from typing import Any

import msgspec
import pytest

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import datasets
from stackroom.library.datasets import Dataset, DatasetChanges, merge_classes
from stackroom.operations import engine, journal
from stackroom.operations.outcome import Outcome
from stackroom.operations.remove_dataset import Removed, remove_dataset
from stackroom.operations.request import AT_ONCE, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database


@pytest.fixture
def actor(library: Library) -> Actor:
    return library.an_actor()


def changed(library: Library, actor: Actor, reference: str, **wanted: Any) -> Dataset:
    changes = DatasetChanges(**wanted)
    return library.write(lambda conn: datasets.change(conn, actor, reference, changes, now=library.now))


def removed(library: Library, actor: Actor, place: ADataset) -> Removed:
    return library.write(lambda conn: remove_dataset(conn, actor, place.reference, now=library.now))


def found(library: Library, actor: Actor, reference: str) -> Dataset:
    return library.read(lambda conn: datasets.find(conn, actor, reference))


def test_what_is_not_given_stays_and_none_clears(library: Library, actor: Actor) -> None:
    place = library.a_dataset(actor)
    before = changed(library, actor, place.reference, description="d", readme="r", classes=[{"name": "car"}])
    after = changed(library, actor, place.reference, description=None)
    assert (after.description, after.readme, after.classes) == (None, "r", [{"name": "car"}])
    assert after.updated_at > before.updated_at
    assert found(library, actor, place.reference) == after


def test_a_renamed_dataset_frees_its_name(library: Library, actor: Actor) -> None:
    first, second = library.a_dataset(actor, "first"), library.a_dataset(actor, "second")
    with pytest.raises(Conflict):
        changed(library, actor, second.reference, name="first")
    assert changed(library, actor, first.reference, name=" third ").name == "third"
    assert changed(library, actor, second.reference, name="first").id == second.id


def test_a_change_repeated_leaves_the_same_dataset(library: Library, actor: Actor) -> None:
    place = library.a_dataset(actor)
    states = [changed(library, actor, place.reference, name="again", description="d") for _ in range(2)]
    assert len({msgspec.json.encode(msgspec.structs.replace(each, updated_at=0)) for each in states}) == 1


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"classes_base": []},
        {"name": ""},
        {"name": "a/b"},
        {"annotation_types": ["circle"]},
        {"classes": [{"name": "car"}, {"name": "car"}]},
    ],
)
def test_a_change_to_what_cannot_be_is_refused(
    library: Library, actor: Actor, wanted: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        changed(library, actor, library.a_dataset(actor).reference, **wanted)


def test_who_may_change_hide_and_remove(library: Library, actor: Actor) -> None:
    place = library.a_dataset(actor)
    viewer, member = (library.an_actor(role, of=actor) for role in (Role.VIEWER, Role.MEMBER))
    with pytest.raises(Forbidden):
        changed(library, viewer, place.reference, description="d")
    with pytest.raises(Forbidden):
        library.write(
            lambda conn: datasets.set_archived(conn, member, place.reference, archived=True, now=library.now)
        )
    with pytest.raises(Forbidden):
        removed(library, member, place)
    with pytest.raises(NotFound):
        removed(library, library.an_actor(), place)


def test_a_hidden_dataset_is_listed_only_among_the_hidden(library: Library, actor: Actor) -> None:
    place = library.a_dataset(actor, assets=1)

    def listed(*, archived: bool) -> list[int]:
        page = library.read(lambda conn: datasets.page(conn, actor, limit=10, archived=archived)[0])
        return [each.id for each in page]

    for hidden in (True, True, False, False):
        library.write(
            lambda conn, hidden=hidden: datasets.set_archived(
                conn, actor, place.reference, archived=hidden, now=library.now
            )
        )
        assert (listed(archived=False), listed(archived=True)) == (
            ([], [place.id]) if hidden else ([place.id], [])
        )
    assert library.paths(place) == ["/1.jpg"]


def test_a_removed_dataset_leaves_nothing_but_its_journals(library: Library, actor: Actor) -> None:
    place, other = library.a_dataset(actor, assets=["a.jpg"], folder="/x"), library.a_dataset(actor)
    shared = library.add(actor, place, ["shared.jpg"], content=b"shared")
    kept = library.add(actor, other, ["shared.jpg"], content=b"shared")
    moved = library.submit(actor, Verb.MOVE, place.ids, place, to="/y")
    library.submit(actor, Verb.ARCHIVE, shared, place)
    before = library.blob_keys(actor)
    done = removed(library, actor, place)
    assert (done.assets, done.folders, done.blobs, done.blobs_kept) == (2, 2, 1, 1)
    assert list(library.rows(actor)) == kept
    gone = set(before.values()) - set(library.blob_keys(actor).values())
    assert len(gone) == 1
    assert gone <= library.loose_keys(actor)
    assert library.words(moved) == ["done"]
    assert library.again(actor, moved).dataset_name is None
    undone = library.undo(actor, moved)
    assert undone.outcomes == {Outcome.NOT_FOUND: 1}
    with pytest.raises(NotFound):
        removed(library, actor, place)


def test_a_dataset_is_not_removed_under_a_running_operation(library: Library, actor: Actor) -> None:
    source, target = library.a_dataset(actor), library.a_dataset(actor)
    many = [ids.text(ids.new()) for _ in range(AT_ONCE + 1)]
    request = library.request(Verb.COPY, many, source, to="/x", into=target)
    begun = library.begin(actor, request)
    for place in (source, target):
        with pytest.raises(Conflict) as refused:
            removed(library, actor, place)
        assert refused.value.code == "operation_running"
    library.write(
        lambda conn: engine.set_state(conn, actor, ids.text(begun.uuid), journal.CANCELLED, now=library.now)
    )
    assert removed(library, actor, source).assets == 0


def test_removing_takes_as_many_statements_for_a_thousand_as_for_ten(library: Library, actor: Actor) -> None:
    counts = []
    for size in (10, 1000):
        place = library.a_dataset(actor, assets=size, folder="/a/b")
        with library.statements() as sent:
            removed(library, actor, place)
        counts.append(len(sent))
    assert counts[0] == counts[1] < 32


@pytest.mark.parametrize(
    ("base", "wanted", "merged"),
    [
        ("ab", "abc", "xabc"),
        ("ab", "a", "xa"),
        ("ab", "b", "xb"),
        ("", "c", "xabc"),
        ("abx", "ab", "ab"),
        ("ab", "ab", "xab"),
        ("y", "", "xab"),
    ],
)
def test_classes_are_merged_by_difference(base: str, wanted: str, merged: str) -> None:
    stored, before, after = ([{"name": name} for name in names] for names in ("xab", base, wanted))
    assert [each["name"] for each in merge_classes(stored, before, after)] == list(merged)


def test_a_class_described_anew_takes_its_old_place() -> None:
    stored = [{"name": "a"}, {"name": "b", "color": "red"}]
    merged = merge_classes(stored, [{"name": "a"}], [{"name": "a", "color": "blue"}])
    assert merged == [{"name": "a", "color": "blue"}, {"name": "b", "color": "red"}]
