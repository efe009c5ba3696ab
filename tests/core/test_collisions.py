"""Names that are taken where an item goes, under each policy."""

import time
from typing import Any

import pytest

from stackroom.errors import Conflict
from stackroom.operations import journal
from stackroom.operations.request import Collision, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database

UNKNOWN = "0190a000-0000-7000-8000-000000000000"


class Clash:
    """`/a.jpg` and `/sub/a.jpg` (twins) and `/b.jpg`; and `a.jpg`, whose name is wanted, in `/new`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg"])
        self.first, self.other = self.dataset.ids
        [self.twin] = library.add(self.actor, self.dataset, ["a.jpg"], folder="/sub")
        [self.holder] = library.add(self.actor, self.dataset, ["a.jpg"], folder="/new")

    def run(self, verb: Verb, policy: Collision, asked: list[str], **rest: Any) -> list[str]:
        done = self.library.submit(
            self.actor, verb, asked, self.dataset, to="/new", on_collision=policy, **rest
        )
        return self.library.words(done)

    def there(self) -> dict[str, str]:
        """What is in `/new`, by name."""
        live = self.library.live(self.dataset)
        return {path.removeprefix("/new/"): it for path, it in live.items() if path.startswith("/new/")}


@pytest.fixture
def clash(library: Library) -> Clash:
    return Clash(library)


def test_a_moved_item_gets_the_first_free_number_from_one(clash: Clash) -> None:
    asked = [clash.first, UNKNOWN, clash.other, clash.twin]
    assert clash.run(Verb.MOVE, Collision.RENAME, asked) == ["done", "not_found", "done", "done"]
    assert clash.there() == {
        "a.jpg": clash.holder,
        "a-1.jpg": clash.first,
        "b.jpg": clash.other,
        "a-2.jpg": clash.twin,
    }


def test_a_copied_item_gets_the_first_free_number_from_two(clash: Clash) -> None:
    assert clash.run(Verb.COPY, Collision.RENAME, [clash.first, clash.twin]) == ["done", "done"]
    assert sorted(clash.there()) == ["a-2.jpg", "a-3.jpg", "a.jpg"]


def test_the_caller_may_say_what_the_numbers_begin_with(clash: Clash) -> None:
    clash.run(Verb.COPY, Collision.RENAME, [clash.first], first_number=1)
    assert sorted(clash.there()) == ["a-1.jpg", "a.jpg"]


def test_of_two_that_want_a_free_name_the_first_keeps_it(clash: Clash) -> None:
    clash.library.submit(clash.actor, Verb.ARCHIVE, [clash.holder], clash.dataset)
    assert clash.run(Verb.MOVE, Collision.RENAME, [clash.twin, clash.first]) == ["done", "done"]
    assert clash.there() == {"a.jpg": clash.twin, "a-1.jpg": clash.first}


def test_a_number_that_another_item_of_the_request_brings_along_is_taken(clash: Clash) -> None:
    [numbered] = clash.library.add(clash.actor, clash.dataset, ["a-1.jpg"])
    assert clash.run(Verb.MOVE, Collision.RENAME, [clash.first, numbered]) == ["done", "done"]
    assert clash.there() == {"a.jpg": clash.holder, "a-2.jpg": clash.first, "a-1.jpg": numbered}


def test_a_number_that_is_there_already_is_part_of_the_name(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a-2.jpg"])
    library.add(actor, dataset, ["a-2.jpg"], folder="/new")
    library.submit(actor, Verb.COPY, dataset.ids, dataset, to="/new")
    library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new")
    assert library.paths(dataset) == ["/new/a-2-1.jpg", "/new/a-2-2.jpg", "/new/a-2.jpg"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("README", "README-1"),
        (".bashrc", ".bashrc-1"),
        ("a.tar.gz", "a.tar-1.gz"),
        ("a.", "a-1."),
        ("100%_+.jpg", "100%_+-1.jpg"),
        ("é ü.jpg", "é ü-1.jpg"),
        ("\U0010fffd.jpg", "\U0010fffd-1.jpg"),
        ("n" * 251 + ".jpg", "n" * 249 + "-1.jpg"),
        ("n" * 255, "n" * 253 + "-1"),
        ("a." + "x" * 253, ("a." + "x" * 253)[:253] + "-1"),
    ],
)
def test_a_number_goes_before_the_extension_and_the_name_stays_within_its_limit(
    library: Library, name: str, expected: str
) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=[name])
    library.add(actor, dataset, [name], folder="/new")
    library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new")
    assert library.paths(dataset) == sorted([f"/new/{name}", f"/new/{expected}"])


def test_long_names_that_differ_only_at_their_end_all_find_a_place(library: Library) -> None:
    actor = library.an_actor()
    names = ["n" * 250 + f"{number:05}" for number in range(12)]
    dataset = library.a_dataset(actor, assets=names)
    library.add(actor, dataset, names, folder="/new")
    done = library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new")
    assert set(library.words(done)) == {"done"}
    assert {len(path) for path in library.paths(dataset)} == {len("/new/") + 255}


def test_a_thousand_files_of_one_name_are_numbered_in_their_order(library: Library) -> None:
    """In linear time: each counting from one again would take half a million looks."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    made = library.add_everywhere(actor, dataset, "a.jpg", [f"/{number}" for number in range(1_000)])
    begun = time.perf_counter()
    done = library.submit(actor, Verb.MOVE, made, dataset, to="/all")
    assert time.perf_counter() - begun < 5
    assert set(library.words(done)) == {"done"}
    there = library.live(dataset)
    assert [there["/all/a.jpg" if n == 0 else f"/all/a-{n}.jpg"] for n in range(1_000)] == made


def test_skipping_leaves_the_item_where_it_is_and_says_why(clash: Clash) -> None:
    done = clash.library.submit(
        clash.actor,
        Verb.MOVE,
        [clash.first, clash.other],
        clash.dataset,
        to="/new",
        on_collision=Collision.SKIP,
    )
    assert [(item.outcome.word, item.reason) for item in clash.library.items(done)] == [
        ("skipped", "Filename 'a.jpg' already exists (skipped)"),
        ("done", None),
    ]
    assert clash.there() == {"a.jpg": clash.holder, "b.jpg": clash.other}


def test_of_two_twins_the_second_is_skipped(clash: Clash) -> None:
    clash.library.submit(clash.actor, Verb.ARCHIVE, [clash.holder], clash.dataset)
    assert clash.run(Verb.COPY, Collision.SKIP, [clash.first, clash.twin]) == ["done", "skipped"]


def test_failing_changes_nothing_at_all(clash: Clash) -> None:
    before = clash.library.rows(clash.actor)
    with pytest.raises(Conflict) as refused:
        clash.run(Verb.MOVE, Collision.FAIL, [clash.other, clash.first])
    assert (refused.value.code, refused.value.details) == ("name_taken", {"count": 1, "names": ["a.jpg"]})
    assert clash.library.rows(clash.actor) == before
    assert clash.library.read(lambda conn: journal.page(conn, clash.actor, limit=1)) == []


def test_failing_is_about_names_only(clash: Clash) -> None:
    assert clash.run(Verb.MOVE, Collision.FAIL, [clash.other, UNKNOWN]) == ["done", "not_found"]


def test_overwriting_purges_what_has_the_name(clash: Clash) -> None:
    keys = clash.library.blob_keys(clash.actor)
    old = clash.library.rows(clash.actor)[clash.holder]
    assert clash.run(Verb.MOVE, Collision.OVERWRITE, [clash.first, clash.other]) == ["done", "done"]
    assert clash.there() == {"a.jpg": clash.first, "b.jpg": clash.other}
    assert clash.holder not in clash.library.rows(clash.actor)
    assert clash.library.loose_keys(clash.actor) == {keys[old["sha256"]]}


def test_overwriting_by_a_copy_leaves_the_source(clash: Clash) -> None:
    assert clash.run(Verb.COPY, Collision.OVERWRITE, [clash.first]) == ["done"]
    there = clash.there()
    assert sorted(there) == ["a.jpg"]
    assert there["a.jpg"] not in {clash.holder, clash.first}
    assert clash.first in clash.library.rows(clash.actor)


def test_an_item_never_overwrites_itself(clash: Clash) -> None:
    done = clash.library.submit(
        clash.actor,
        Verb.COPY,
        [clash.first, clash.twin],
        clash.dataset,
        to="/",
        on_collision=Collision.OVERWRITE,
    )
    assert clash.library.words(done) == ["itself", "name_taken"]
    assert clash.library.live(clash.dataset)["/a.jpg"] == clash.first


def test_of_two_that_want_to_overwrite_the_same_the_first_does(clash: Clash) -> None:
    asked = [clash.first, clash.twin]
    assert clash.run(Verb.COPY, Collision.OVERWRITE, asked) == ["done", "name_taken"]
    assert clash.run(Verb.MOVE, Collision.OVERWRITE, asked) == ["done", "name_taken"]
    assert clash.there() == {"a.jpg": clash.first}


@pytest.mark.parametrize("verb", [Verb.MOVE, Verb.COPY])
def test_what_the_request_is_about_is_not_overwritten_by_it(clash: Clash, verb: Verb) -> None:
    """The holder of the name is listed too: purging it would lose what was to be moved or copied."""
    before = clash.library.rows(clash.actor)
    first, *_ = clash.run(verb, Collision.OVERWRITE, [clash.first, clash.holder])
    assert first == "name_taken"
    assert set(before) <= set(clash.library.rows(clash.actor))


def test_an_item_listed_by_mistake_is_not_overwritten_either(clash: Clash) -> None:
    """The holder is in another dataset than the request looks in, so it is unknown to it; and spared."""
    elsewhere = clash.library.a_dataset(clash.actor, assets=["a.jpg"])
    asked = [clash.first, *elsewhere.ids]
    done = clash.library.submit(
        clash.actor,
        Verb.COPY,
        asked,
        clash.dataset,
        into=elsewhere,
        to="/",
        on_collision=Collision.OVERWRITE,
    )
    assert clash.library.words(done) == ["name_taken", "not_found"]
    assert clash.library.live(elsewhere) == {"/a.jpg": elsewhere.ids[0]}


@pytest.mark.parametrize(
    ("policy", "word", "there"),
    [
        (Collision.RENAME, "done", ["/a-1.jpg", "/a.jpg"]),
        (Collision.SKIP, "skipped", ["/a.jpg"]),
        (Collision.OVERWRITE, "done", ["/a.jpg"]),
    ],
)
def test_restoring_onto_a_taken_name(
    library: Library, policy: Collision, word: str, there: list[str]
) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
    [newer] = library.add(actor, dataset, ["a.jpg"])
    done = library.submit(actor, Verb.RESTORE, dataset.ids, dataset, on_collision=policy)
    assert library.words(done) == [word]
    assert library.paths(dataset) == there
    assert (newer in library.rows(actor)) == (policy is not Collision.OVERWRITE)


def test_restoring_onto_a_taken_name_may_refuse(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
    library.add(actor, dataset, ["a.jpg"])
    with pytest.raises(Conflict):
        library.submit(actor, Verb.RESTORE, dataset.ids, dataset, on_collision=Collision.FAIL)
    assert list(library.archived(dataset)) == dataset.ids


def test_names_that_differ_in_case_do_not_collide(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["A.jpg"])
    library.add(actor, dataset, ["a.jpg"], folder="/new")
    library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new")
    assert library.paths(dataset) == ["/new/A.jpg", "/new/a.jpg"]


def test_renamed_items_are_counted(clash: Clash) -> None:
    done = clash.library.submit(
        clash.actor, Verb.MOVE, [clash.first, clash.other, clash.twin], clash.dataset, to="/new"
    )
    assert clash.library.read(lambda conn: journal.count_renamed(conn, done)) == 2
    assert [item.after for item in clash.library.items(done)] == [
        {"folder": "/new", "name": "a-1.jpg"},
        {"folder": "/new"},
        {"folder": "/new", "name": "a-2.jpg"},
    ]
