"""Tags: given and taken in bulk, looked for, and put back by an undo."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, select

from stackroom import ids
from stackroom.access import Role
from stackroom.database.schema import tag
from stackroom.errors import Forbidden, Invalid
from stackroom.library import listing, tags
from stackroom.library.listing import Filter
from stackroom.operations import engine
from stackroom.operations.journal import Operation
from stackroom.operations.request import Changes, Matching, Verb, clean_changes
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database


class Scene:
    """A dataset with three assets."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg", "c.jpg"])
        self.a, self.b, self.c = self.dataset.ids

    def give(self, asked: Sequence[str], *names: str) -> Operation:
        return self.update(asked, Changes(add_tags=names))

    def take(self, asked: Sequence[str], *names: str) -> Operation:
        return self.update(asked, Changes(remove_tags=names))

    def update(self, asked: Sequence[str], changes: Changes) -> Operation:
        return self.library.submit(self.actor, Verb.UPDATE, asked, self.dataset, changes=changes)

    def words(self, done: Operation) -> list[str]:
        return self.library.words(done)

    def undo(self, done: Operation) -> list[str]:
        return self.words(self.library.undo(self.actor, done))

    def tags(self) -> list[list[str]]:
        tagged = self.library.tags(self.actor)
        return [tagged[each] for each in self.dataset.ids]

    def versions(self) -> list[int]:
        rows = self.library.rows(self.actor)
        return [rows[each]["version"] for each in self.dataset.ids]

    def found(self, *names: str, dataset: ADataset | None = None, **more: object) -> list[str]:
        wanted = Filter(dataset_id=(dataset or self.dataset).id, tags=names, **more)  # type: ignore[arg-type]  # as given

        def read(conn: Connection) -> list[str]:
            page = listing.page(conn, wanted, limit=100)
            assert listing.count(conn, wanted) == len(page)
            return [each.name for each in page]

        return self.library.read(read)


@pytest.fixture
def scene(library: Library) -> Scene:
    return Scene(library)


def test_a_tag_is_given_to_many_and_taken_from_some(scene: Scene) -> None:
    assert scene.words(scene.give(scene.dataset.ids, "night", "rain")) == ["done"] * 3
    assert scene.words(scene.take([scene.a], "night")) == ["done"]
    assert scene.tags() == [["rain"], ["night", "rain"], ["night", "rain"]]


def test_who_has_it_already_stays_unchanged(scene: Scene) -> None:
    scene.give([scene.a], "night")
    before = scene.versions()
    assert scene.words(scene.give([scene.a, scene.b], "night")) == ["unchanged", "done"]
    assert scene.words(scene.take([scene.a, scene.c], "night")) == ["done", "unchanged"]
    assert [now - then for now, then in zip(scene.versions(), before, strict=True)] == [1, 1, 0]
    assert scene.words(scene.take([scene.c], "never heard of")) == ["unchanged"]


def test_one_of_several_that_is_missing_is_a_change(scene: Scene) -> None:
    scene.give([scene.a], "night")
    done = scene.give([scene.a], "night", "rain")
    assert scene.words(done) == ["done"]
    assert [item.after for item in scene.library.items(done)] == [{"added_tags": ["rain"]}]


def test_an_undo_takes_back_only_what_was_given(scene: Scene) -> None:
    scene.give([scene.a], "night")
    done = scene.give([scene.a, scene.b, scene.c], "night", "rain")
    assert scene.words(done) == ["done"] * 3
    undone = scene.library.undo(scene.actor, done)
    assert scene.tags() == [["night"], [], []]
    assert [item.after for item in scene.library.items(undone)] == [
        {"removed_tags": ["rain"]},
        {"removed_tags": ["night", "rain"]},
        {"removed_tags": ["night", "rain"]},
    ]
    assert scene.undo(undone) == ["done"] * 3
    assert scene.tags() == [["night", "rain"]] * 3


def test_an_undo_gives_back_only_what_was_taken(scene: Scene) -> None:
    scene.give([scene.a], "night")
    done = scene.take([scene.a, scene.b], "night")
    assert scene.undo(done) == ["done"]
    assert scene.tags() == [["night"], [], []]


def test_what_somebody_else_tagged_since_is_left_alone(scene: Scene) -> None:
    done = scene.give([scene.a, scene.b], "night")
    scene.take([scene.a], "night")
    scene.give([scene.b], "mine")
    assert scene.undo(done) == ["changed_since", "done"]
    assert scene.tags() == [[], ["mine"], []]


def test_fields_and_tags_change_and_go_back_together(scene: Scene) -> None:
    scene.give([scene.a], "day")
    done = scene.update(
        scene.dataset.ids, Changes(status="review", add_tags=("night",), remove_tags=("day",))
    )
    assert scene.tags() == [["night"]] * 3
    assert {row["status"] for row in scene.library.rows(scene.actor).values()} == {"review"}
    scene.update([scene.b], Changes(status="complete"))
    assert scene.undo(done) == ["done", "changed_since", "done"]
    assert scene.tags() == [["day"], ["night"], []]


def test_a_large_operation_tags_chunk_by_chunk(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 2)
    done = scene.give([scene.a, "no id", scene.b, scene.c], "night")
    assert scene.words(done) == ["done", "not_found", "done", "done"]
    assert scene.undo(done) == ["done"] * 3
    assert scene.tags() == [[], [], []]


def test_items_of_several_datasets_get_the_tags_of_their_own(scene: Scene) -> None:
    other = scene.library.a_dataset(scene.actor, assets=1)
    scene.library.submit(
        scene.actor, Verb.UPDATE, [scene.a, *other.ids], changes=Changes(add_tags=("night",))
    )
    assert scene.found("night") == ["a.jpg"]
    assert scene.found("night", dataset=other) == ["1.jpg"]


def test_assets_are_found_by_all_of_their_tags(scene: Scene) -> None:
    scene.give(scene.dataset.ids, "night")
    scene.give([scene.a, scene.c], "rain")
    assert scene.found("night") == ["c.jpg", "b.jpg", "a.jpg"]
    assert scene.found("rain", "night") == ["c.jpg", "a.jpg"]
    assert scene.found("Night") == []
    scene.library.submit(scene.actor, Verb.ARCHIVE, [scene.c], scene.dataset)
    assert scene.found("rain") == ["a.jpg"]
    assert scene.found("rain", archived=True) == ["c.jpg"]
    assert scene.found("rain", archived=None) == ["c.jpg", "a.jpg"]
    assert scene.found("night", name="b.jpg") == ["b.jpg"]
    assert scene.found("night", folder="/", recursive=True) == ["b.jpg", "a.jpg"]
    assert scene.found("night", folder="/elsewhere") == []


def test_a_page_by_tag_goes_on_where_it_ended(scene: Scene) -> None:
    scene.give(scene.dataset.ids, "night")
    wanted = Filter(dataset_id=scene.dataset.id, tags=("night",))
    [first] = scene.library.read(lambda conn: listing.page(conn, wanted, limit=1))
    rest = scene.library.read(lambda conn: listing.page(conn, wanted, limit=9, before=first.id))
    assert [first.name, *(each.name for each in rest)] == ["c.jpg", "b.jpg", "a.jpg"]


def test_an_operation_selects_by_tag(scene: Scene) -> None:
    scene.give([scene.a, scene.b], "night")
    selected = Matching(Filter(dataset_id=scene.dataset.id, tags=("night",)), expect_count=2)
    done = scene.library.submit(scene.actor, Verb.UPDATE, selected, changes=Changes(remove_tags=("night",)))
    assert scene.words(done) == ["done", "done"]
    assert scene.found("night") == []


def test_another_organizations_assets_cannot_be_tagged(scene: Scene) -> None:
    stranger = scene.library.an_actor()
    done = scene.library.submit(stranger, Verb.UPDATE, [scene.a], changes=Changes(add_tags=("mine",)))
    assert scene.words(done) == ["not_found"]
    assert scene.tags()[0] == []


def test_tagging_needs_a_member(scene: Scene) -> None:
    viewer = scene.library.an_actor(Role.VIEWER, of=scene.actor)
    with pytest.raises(Forbidden):
        scene.library.submit(viewer, Verb.UPDATE, [scene.a], changes=Changes(add_tags=("night",)))


def test_tags_are_kept_trimmed_and_composed_and_each_once() -> None:
    given = clean_changes(Changes(add_tags=(" night ", "night", "e\u0301", "Night", "a b, c")))
    assert given.add_tags == ("night", "\u00e9", "Night", "a b, c")


@pytest.mark.parametrize("bad", ["", "  ", "a\nb", "a\0", "x" * 101, "\ud800"])
def test_a_tag_that_is_no_word_is_refused(bad: str) -> None:
    for changes in (Changes(add_tags=("night", bad)), Changes(remove_tags=(bad,))):
        with pytest.raises(Invalid) as refused:
            clean_changes(changes)
        assert refused.value.code == "invalid_tag"


def test_a_tag_cannot_be_given_and_taken_at_once() -> None:
    with pytest.raises(Invalid):
        clean_changes(Changes(add_tags=("night",), remove_tags=("night ",)))


def test_too_many_tags_at_once_are_refused() -> None:
    clean_changes(Changes(add_tags=tuple(map(str, range(100)))))
    with pytest.raises(Invalid) as refused:
        clean_changes(Changes(add_tags=tuple(map(str, range(101)))))
    assert refused.value.details == {"limit": 100, "count": 101}


def test_tags_of_a_page_take_one_statement(scene: Scene) -> None:
    scene.give(scene.dataset.ids, "night")
    rows = [row["id"] for row in scene.library.rows(scene.actor).values()]
    with scene.library.statements() as sent:
        found = scene.library.write(lambda conn: tags.of(conn, [*rows, 10**9]))
    assert found == {each: ["night"] for each in rows}
    assert len([sql for sql in sent if sql.startswith("SELECT")]) == 1
    assert scene.library.read(lambda conn: tags.of(conn, [])) == {}


def test_an_unknown_tag_is_made_only_where_it_is_given(scene: Scene) -> None:
    scene.give([ids.text(ids.new())], "nobody has it")
    scene.take(scene.dataset.ids, "nor this")
    known = select(tag.c.name).where(tag.c.dataset_id == scene.dataset.id)
    assert scene.library.read(lambda conn: conn.scalars(known).all()) == []
