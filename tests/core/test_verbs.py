"""What each verb does to a mixed batch, and what it leaves alone."""

from contextlib import suppress
from typing import Any

import pytest

from stackroom.access import Role
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.operations import journal
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Changes, Collision, Verb, select_ids
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database

UNKNOWN = "0190a000-0000-7000-8000-000000000000"
ASKED: dict[Verb, dict[str, Any]] = {
    Verb.MOVE: {"to": "/new"},
    Verb.COPY: {"to": "/new"},
    Verb.UPDATE: {"changes": Changes(status="complete")},
    Verb.ARCHIVE: {},
    Verb.RESTORE: {},
    Verb.PURGE: {},
}


class Place:
    """Two organizations; ours has a dataset with `a.jpg` and `b.jpg`, and another with `c.jpg`."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor, self.stranger = library.an_actor(), library.an_actor()
        self.dataset = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg"])
        self.elsewhere = library.a_dataset(self.actor, assets=["c.jpg"])
        self.foreign = library.a_dataset(self.stranger, assets=["a.jpg"])
        self.good, self.clashing = self.dataset.ids

    def mixed(self) -> list[str]:
        """One good, one unknown, one of a stranger, one of another dataset, one malformed, one twice."""
        return [self.good, UNKNOWN, self.foreign.ids[0], self.elsewhere.ids[0], "no id", self.good]


@pytest.fixture
def place(library: Library) -> Place:
    return Place(library)


@pytest.mark.parametrize("verb", ASKED)
def test_one_bad_item_never_stops_the_rest(place: Place, verb: Verb) -> None:
    if verb is Verb.RESTORE:
        place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    theirs = place.library.rows(place.stranger)
    done = place.library.submit(place.actor, verb, place.mixed(), place.dataset, **ASKED[verb])
    assert place.library.words(done) == ["done", *["not_found"] * 4]
    assert done.outcomes == {Outcome.DONE: 1, Outcome.NOT_FOUND: 4}
    assert (done.total, done.succeeded, done.failed, done.pending) == (5, 1, 4, 0)
    assert place.library.rows(place.stranger) == theirs
    assert place.library.paths(place.elsewhere) == ["/c.jpg"]


@pytest.mark.parametrize("verb", ASKED)
def test_each_item_is_reported_as_it_was_asked_for(place: Place, verb: Verb) -> None:
    done = place.library.submit(place.actor, verb, place.mixed(), place.dataset, **ASKED[verb])
    assert [item.asked for item in place.library.items(done)] == place.mixed()[:5]
    assert {item.reason for item in place.library.items(done)[1:]} == {"Image not found in this dataset"}


@pytest.mark.parametrize("verb", ASKED)
def test_a_request_may_refuse_to_match_nothing(place: Place, verb: Verb) -> None:
    with pytest.raises(NotFound):
        place.library.submit(
            place.actor, verb, [UNKNOWN, "x"], place.dataset, require_match=True, **ASKED[verb]
        )
    assert place.library.read(lambda conn: journal.page(conn, place.actor, limit=10)) == []


@pytest.mark.parametrize(
    ("verb", "least"),
    [(verb, Role.ADMIN if verb is Verb.PURGE else Role.MEMBER) for verb in ASKED],
)
def test_a_verb_needs_its_role(place: Place, verb: Verb, least: Role) -> None:
    below = place.library.an_actor(Role(least - 1), of=place.actor)
    with pytest.raises(Forbidden) as refused:
        place.library.submit(below, verb, [place.good], place.dataset, **ASKED[verb])
    assert refused.value.details == {"required_role": least.word, "role": below.role.word}
    enough = place.library.an_actor(least, of=place.actor)
    assert place.library.submit(enough, verb, [place.good], place.dataset, **ASKED[verb]).succeeded == 1


def test_a_member_may_purge_a_single_item_that_the_address_names(place: Place) -> None:
    member = place.library.an_actor(Role.MEMBER, of=place.actor)
    done = place.library.submit(member, Verb.PURGE, [place.good], place.dataset, single=True)
    assert place.library.words(done) == ["done"]
    with pytest.raises(Invalid):
        place.library.submit(member, Verb.PURGE, [place.good, place.clashing], place.dataset, single=True)


@pytest.mark.parametrize("verb", [Verb.MOVE, Verb.COPY])
def test_a_target_is_needed(place: Place, verb: Verb) -> None:
    with pytest.raises(Invalid) as refused:
        place.library.submit(place.actor, verb, [place.good], place.dataset)
    assert refused.value.code == "missing_target"


def test_a_move_changes_folder_version_and_time_and_nothing_else(place: Place) -> None:
    before = place.library.rows(place.actor)[place.good]
    place.library.submit(place.actor, Verb.MOVE, [place.good], place.dataset, to="/new/deep")
    after = place.library.rows(place.actor)[place.good]
    assert {key for key in before if before[key] != after[key]} == {
        "folder_id",
        "path",
        "version",
        "updated_at",
    }
    assert (after["path"], after["version"], after["updated_at"]) == ("/new/deep", 2, place.library.now)


def test_moving_an_item_where_it_is_changes_nothing(place: Place) -> None:
    before = place.library.rows(place.actor)
    done = place.library.submit(place.actor, Verb.MOVE, place.dataset.ids, place.dataset, to="/")
    assert place.library.words(done) == ["unchanged", "unchanged"]
    assert (done.succeeded, done.failed) == (2, 0)
    assert place.library.rows(place.actor) == before


def test_a_move_never_leaves_its_dataset(place: Place) -> None:
    asked = [place.good, place.elsewhere.ids[0]]
    done = place.library.submit(place.actor, Verb.MOVE, asked, into=place.dataset, to="/new")
    assert place.library.words(done) == ["done", "not_found"]


def test_an_archived_item_moves_without_needing_its_name(place: Place) -> None:
    [taken] = place.library.add(place.actor, place.dataset, ["a.jpg"], folder="/new")
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    done = place.library.submit(place.actor, Verb.MOVE, [place.good], place.dataset, to="/new")
    assert place.library.words(done) == ["done"]
    assert place.library.archived(place.dataset) == {place.good: "/new/a.jpg"}
    assert place.library.live(place.dataset)["/new/a.jpg"] == taken


def test_a_copy_is_a_new_asset_that_shares_the_bytes(place: Place) -> None:
    place.library.submit(
        place.actor, Verb.UPDATE, [place.good], changes=Changes(status="complete", split="val")
    )
    done = place.library.submit(place.actor, Verb.COPY, [place.good], place.dataset, to="/new")
    [(position, identity, name)] = place.library.read(lambda conn: journal.created(conn, done.uuid).each())
    rows = place.library.rows(place.actor)
    source, made = rows[place.good], rows[identity]
    assert (position, name, made["path"]) == (0, "a.jpg", "/new")
    assert made["blob_id"] == source["blob_id"]
    assert (made["status"], made["split"], made["annotation_count"], made["version"]) == ("new", None, 0, 1)


def test_a_copy_into_another_dataset_is_of_that_dataset(place: Place) -> None:
    place.library.submit(place.actor, Verb.COPY, [place.good], place.dataset, into=place.elsewhere, to="/new")
    assert place.library.paths(place.elsewhere) == ["/c.jpg", "/new/a.jpg"]
    assert place.library.paths(place.dataset) == ["/a.jpg", "/b.jpg"]


def test_a_copy_of_an_archived_item_is_live(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    done = place.library.submit(place.actor, Verb.COPY, [place.good], place.dataset, to="/")
    assert place.library.words(done) == ["done"]
    assert place.library.paths(place.dataset) == ["/a.jpg", "/b.jpg"]


def test_an_update_touches_only_what_it_names_and_only_where_it_differs(place: Place) -> None:
    place.library.submit(place.actor, Verb.UPDATE, [place.good], changes=Changes(display_name="A"))
    changes = Changes(display_name="A", split="test")
    done = place.library.submit(place.actor, Verb.UPDATE, place.dataset.ids, changes=changes)
    again = place.library.submit(place.actor, Verb.UPDATE, place.dataset.ids, changes=changes)
    assert place.library.words(done) == ["done", "done"]
    assert place.library.words(again) == ["unchanged", "unchanged"]
    rows = place.library.rows(place.actor)
    assert [rows[each]["version"] for each in place.dataset.ids] == [3, 2]
    assert {rows[each]["status"] for each in place.dataset.ids} == {"new"}


def test_none_clears_what_an_update_sets(place: Place) -> None:
    place.library.submit(
        place.actor, Verb.UPDATE, [place.good], changes=Changes(display_name="A", split="val")
    )
    place.library.submit(
        place.actor, Verb.UPDATE, [place.good], changes=Changes(display_name=None, split=None)
    )
    row = place.library.rows(place.actor)[place.good]
    assert (row["display_name"], row["split"]) == (None, None)


def test_archiving_twice_keeps_the_first_moment(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    first = place.library.rows(place.actor)[place.good]
    again = place.library.submit(place.actor, Verb.ARCHIVE, place.dataset.ids, place.dataset)
    assert place.library.words(again) == ["unchanged", "done"]
    assert place.library.rows(place.actor)[place.good] == first


def test_an_update_that_also_archives_keeps_the_moment_of_what_was_archived_before(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    first = place.library.rows(place.actor)[place.good]["archived_at"]
    changes = Changes(status="review", archived=True)
    done = place.library.submit(place.actor, Verb.UPDATE, [place.good], changes=changes)
    row = place.library.rows(place.actor)[place.good]
    assert (place.library.words(done), row["status"], row["archived_at"]) == (["done"], "review", first)


def test_an_archived_name_is_free(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    done = place.library.submit(place.actor, Verb.MOVE, place.elsewhere.ids, place.elsewhere, to="/x")
    place.library.add(place.actor, place.dataset, ["a.jpg"])
    assert place.library.words(done) == ["done"]
    assert place.library.paths(place.dataset) == ["/a.jpg", "/b.jpg"]


def test_a_restored_item_whose_name_is_taken_gets_a_number(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    place.library.add(place.actor, place.dataset, ["a.jpg"])
    done = place.library.submit(place.actor, Verb.RESTORE, [place.good], place.dataset)
    assert place.library.words(done) == ["done"]
    assert place.library.live(place.dataset)["/a-1.jpg"] == place.good


def test_of_two_archived_twins_the_second_gets_a_number(place: Place) -> None:
    place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    [twin] = place.library.add(place.actor, place.dataset, ["a.jpg"])
    place.library.submit(place.actor, Verb.ARCHIVE, [twin], place.dataset)
    done = place.library.submit(place.actor, Verb.RESTORE, [twin, place.good], place.dataset)
    assert place.library.words(done) == ["done", "done"]
    live = place.library.live(place.dataset)
    assert (live["/a.jpg"], live["/a-1.jpg"]) == (twin, place.good)


def test_a_purge_loosens_the_bytes_and_removes_the_annotations(place: Place) -> None:
    keys = set(place.library.blob_keys(place.actor).values())
    done = place.library.submit(place.actor, Verb.PURGE, place.dataset.ids, place.dataset)
    assert done.total_bytes == 20
    kept = set(place.library.blob_keys(place.actor).values())
    assert len(kept) == 1
    assert place.library.loose_keys(place.actor) == keys - kept
    assert place.library.rows(place.actor).keys() == set(place.elsewhere.ids)


def test_bytes_that_somebody_else_has_survive_a_purge(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    mine, theirs = library.a_dataset(actor), library.a_dataset(stranger)
    first, second = library.add(actor, mine, ["a.jpg", "b.jpg"], content=b"same")
    library.add(stranger, theirs, ["a.jpg"], content=b"same")
    [key] = library.blob_keys(actor).values()
    library.submit(actor, Verb.PURGE, [first], mine)
    assert library.loose_keys(actor) == set()
    library.submit(actor, Verb.PURGE, [second], mine)
    assert library.loose_keys(actor) == {key}
    assert len(library.blob_keys(stranger)) == 1


def test_a_whole_family_of_copies_frees_its_bytes_once(library: Library) -> None:
    actor = library.an_actor()
    mine = library.a_dataset(actor)
    made = library.add(actor, mine, [f"{n}.jpg" for n in range(20)], content=b"same")
    [key] = library.blob_keys(actor).values()
    library.submit(actor, Verb.PURGE, made, mine)
    assert library.blob_keys(actor) == {}
    assert library.loose_keys(actor) == {key}


def test_an_operation_tells_which_folders_it_took_from(place: Place) -> None:
    deep = place.library.add(place.actor, place.dataset, ["d.jpg", "e.jpg"], folder="/deep")
    asked = [deep[0], UNKNOWN, place.good, deep[1]]
    done = place.library.submit(place.actor, Verb.MOVE, asked, place.dataset, to="/new")
    assert place.library.read(lambda conn: journal.source_folders(conn, done)) == ["/deep", "/"]


def test_the_journal_says_how_each_item_was_and_became(place: Place) -> None:
    done = place.library.submit(place.actor, Verb.MOVE, [place.good], place.dataset, to="/new")
    [item] = place.library.items(done)
    assert item.before == {"folder": "/", "name": "a.jpg", "status": "new"}
    assert item.after == {"folder": "/new"}
    again = place.library.submit(place.actor, Verb.UPDATE, [place.good], changes=Changes(status="review"))
    [item] = place.library.items(again)
    assert (item.before, item.after) == (
        {"folder": "/new", "name": "a.jpg", "status": "new"},
        {"status": "review"},
    )


def test_the_items_of_one_outcome_can_be_read_alone(place: Place) -> None:
    done = place.library.submit(place.actor, Verb.ARCHIVE, place.mixed(), place.dataset)
    wanted = [Outcome.NOT_FOUND]
    found = place.library.read(lambda conn: list(journal.all_items(conn, done, wanted)))
    assert [item.position for item in found] == [1, 2, 3, 4]
    page = place.library.read(lambda conn: journal.items(conn, done, outcomes=wanted, after=2, limit=1))
    assert [item.position for item in page] == [3]
    assert place.library.read(lambda conn: journal.failures(conn, done.id)) == [
        (n, Outcome.NOT_FOUND, None) for n in (1, 2, 3, 4)
    ]


def test_operations_are_listed_newest_first_a_page_at_a_time(place: Place) -> None:
    made = [
        place.library.submit(place.actor, Verb.MOVE, [place.good], place.dataset, to=f"/{n}")
        for n in range(5)
    ]
    place.library.submit(place.stranger, Verb.ARCHIVE, place.foreign.ids)

    def pages(conn: Any) -> list[list[int]]:
        first = journal.page(conn, place.actor, limit=3)
        return [
            [each.id for each in first],
            [each.id for each in journal.page(conn, place.actor, limit=3, before=first[-1])],
        ]

    ordered = [each.id for each in reversed(made)]
    assert place.library.read(pages) == [ordered[:3], ordered[3:]]


def test_another_organizations_operation_is_unknown(place: Place) -> None:
    done = place.library.submit(place.actor, Verb.ARCHIVE, [place.good], place.dataset)
    with pytest.raises(NotFound):
        place.library.again(place.stranger, done)
    with pytest.raises(NotFound):
        place.library.undo(place.stranger, done)


@pytest.mark.parametrize("policy", Collision)
@pytest.mark.parametrize("verb", [Verb.MOVE, Verb.COPY])
def test_nothing_of_a_stranger_is_touched_under_any_policy(
    place: Place, verb: Verb, policy: Collision
) -> None:
    theirs = place.library.rows(place.stranger)
    asked = [*place.foreign.ids, *place.elsewhere.ids]
    place.library.add(place.actor, place.elsewhere, ["c.jpg"], folder="/new")
    with suppress(Conflict):  # of the policy that refuses
        place.library.submit(place.actor, verb, asked, place.elsewhere, to="/new", on_collision=policy)
    assert place.library.rows(place.stranger) == theirs


def test_ids_in_capitals_are_the_same_ids(place: Place) -> None:
    asked = [place.good.upper(), place.good]
    assert len(select_ids(asked, dataset_id=None).asked) == 1
    done = place.library.submit(place.actor, Verb.ARCHIVE, asked, place.dataset)
    assert [(item.asked, item.outcome.word) for item in place.library.items(done)] == [(place.good, "done")]
