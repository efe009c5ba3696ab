"""Two transactions at one time, which only PostgreSQL has: one waits for the other, and nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from sqlalchemy import Connection, func, select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.flavour import statement
from stackroom.database.postgresql import PostgresqlDatabase
from stackroom.database.schema import event
from stackroom.database.transaction import Work
from stackroom.doctor.questions import QUESTIONS
from stackroom.errors import NotFound
from stackroom.exports import claims, rows
from stackroom.exports.claims import Claim, Progress
from stackroom.exports.request import Format, Options
from stackroom.exports.rows import Export
from stackroom.library import datasets, folders, groups, presets
from stackroom.library.datasets import Dataset
from stackroom.library.listing import Filter
from stackroom.operations import engine
from stackroom.operations.change_folder import remove_folder, rename_folder
from stackroom.operations.journal import Operation
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Changes, Collision, Matching, Request, Verb
from stackroom.testing.builders import ADataset, Library
from stackroom.web.native.operations import _Finder

Race = Callable[[Work[object], Work[object]], object]
Removal = Callable[[Connection, Actor, ADataset, Export, int], object]


@pytest.fixture
def library(postgresql_library: Library) -> Library:
    return postgresql_library


@pytest.fixture
def race(library: Library) -> Race:
    """Does the first work, and commits it when the second has begun and had time to come as far as it can."""
    database = cast("PostgresqlDatabase", library.database)

    async def both(first: Work[object], second: Work[object]) -> object:
        async with database._engine.begin() as connection:
            await connection.run_sync(first)
            waiting = asyncio.ensure_future(database.write(second))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        return await waiting

    def run(first: Work[object], second: Work[object]) -> object:
        return library._runner.run(cast("Awaitable[object]", both(first, second)))

    return run


def submitting(library: Library, actor: Actor, request: Request) -> Work[Operation]:
    return lambda conn: engine.submit(conn, actor, request, now=library.now)


def test_the_last_two_that_share_bytes_free_them_when_both_go_at_once(library: Library, race: Race) -> None:
    """Neither may count on the other's asset, which is going as well: the bytes would be nobody's, for ever."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    one, other = library.add(actor, dataset, ["a.jpg", "b.jpg"], content=b"same")
    [key] = library.blob_keys(actor).values()
    first, second = (submitting(library, actor, library.request(Verb.PURGE, [it])) for it in (one, other))
    race(first, second)
    assert library.rows(actor) == {}
    assert library.blob_keys(actor) == {}
    assert library.loose_keys(actor) == {key}


def test_a_filter_is_resolved_once(library: Library, race: Race) -> None:
    """What comes to match while the operation waits is not part of it: it was not counted, nor numbered."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    archived = library.a_dataset(actor, assets=["b.jpg"])
    matching = Matching(Filter(dataset_id=dataset.id), expect_count=1)
    holding = submitting(
        library, actor, library.request(Verb.UPDATE, dataset.ids, changes=Changes(split="val"))
    )
    adding = submitting(
        library, actor, library.request(Verb.COPY, archived.ids, archived, into=dataset, to="/")
    )
    copying = submitting(library, actor, library.request(Verb.COPY, matching, dataset, to="/new"))

    def first(conn: object) -> None:
        holding(conn)  # type: ignore[arg-type]
        adding(conn)  # type: ignore[arg-type]

    done = cast("Operation", race(first, copying))
    assert (done.total, library.words(done)) == (1, ["done"])
    assert library.paths(dataset) == ["/a.jpg", "/b.jpg", "/new/a.jpg"]


def test_what_failed_of_an_operation_at_work_is_counted_between_two_chunks(
    library: Library, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 2)
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=1)
    begun = library.begin(ada, library.request(Verb.ARCHIVE, [*photos.ids, *"abcd"], photos))

    def again(conn: Connection) -> Operation:
        failed = _Finder(conn, ada).failed_of(ids.text(begun.uuid))
        request = Request(verb=Verb.ARCHIVE, selection=failed)
        return engine.submit(conn, ada, request, now=library.now)

    done = race(lambda conn: engine.advance(conn, begun.id, now=library.now), again)
    assert cast("Operation", done).total == 1
    library.finish(ada, begun)


def test_two_that_want_one_name_both_find_a_place(library: Library, race: Race) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    one, other = library.add_everywhere(actor, dataset, "a.jpg", ["/1", "/2"])
    library.add(actor, dataset, ["b.jpg"], folder="/new")
    first, second = (
        submitting(library, actor, library.request(Verb.MOVE, [it], dataset, to="/new"))
        for it in (one, other)
    )
    race(first, second)
    there = library.live(dataset)
    assert (there["/new/a.jpg"], there["/new/a-1.jpg"]) == (one, other)


def test_an_item_that_two_operations_move_ends_where_the_later_one_says(library: Library, race: Race) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    first, second = (
        submitting(library, actor, library.request(Verb.MOVE, dataset.ids, dataset, to=to))
        for to in ("/1", "/2")
    )
    done = cast("Operation", race(first, second))
    [item] = library.items(done)
    assert item.before is not None
    assert item.before["folder"] == "/1"
    assert library.paths(dataset) == ["/2/a.jpg"]


def test_what_is_moved_into_a_folder_while_it_is_removed_makes_it_anew(library: Library, race: Race) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    library.add(actor, dataset, ["b.jpg"], folder="/new")
    here = whole(library, actor, dataset)
    found = library.read(lambda conn: folders.at(conn, here, "/new"))
    moving = submitting(library, actor, library.request(Verb.MOVE, dataset.ids, dataset, to="/new"))
    race(lambda conn: remove_folder(conn, actor, found, cascade=True, now=library.now), moving)
    assert library.paths(dataset) == ["/b.jpg", "/new/a.jpg"]


def test_what_is_put_back_into_a_folder_while_it_is_removed_makes_it_anew(
    library: Library, race: Race
) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    [one] = library.add(actor, dataset, ["a.jpg"], folder="/old")
    done = library.submit(actor, Verb.MOVE, [one], dataset, to="/new")
    here = whole(library, actor, dataset)
    found = library.read(lambda conn: folders.at(conn, here, "/old"))
    undoing = ids.text(done.uuid)
    race(
        lambda conn: remove_folder(conn, actor, found, cascade=False, now=library.now),
        lambda conn: engine.submit_undo(conn, actor, undoing, now=library.now),
    )
    assert library.live(dataset) == {"/old/a.jpg": one}


def test_a_folder_made_below_one_that_is_renamed_hangs_in_the_tree(library: Library, race: Race) -> None:
    """Between looking for its parent and being put below it, that parent has another path."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    library.add(actor, dataset, ["b.jpg"], folder="/old")
    here = whole(library, actor, dataset)
    found = library.read(lambda conn: folders.at(conn, here, "/old"))
    moving = submitting(library, actor, library.request(Verb.MOVE, dataset.ids, dataset, to="/old/below"))
    race(lambda conn: rename_folder(conn, actor, found, "new", now=library.now), moving)
    assert library.paths(dataset) == ["/new/b.jpg", "/old/below/a.jpg"]
    astray = next(each.query for each in QUESTIONS if each.check == "folders_complete")
    assert library.read(lambda conn: conn.execute(statement(astray)).all()) == []


REMOVALS: list[Removal] = [
    lambda conn, ada, _, made, now: rows.remove(conn, ada, rows.get(conn, ada, ids.text(made.uuid)), now=now),
    lambda conn, ada, _, made, now: rows.remove_many(conn, ada, [ids.text(made.uuid)], now=now),
    lambda conn, ada, photos, _, now: remove_dataset(conn, ada, photos.reference, now=now),
]


@pytest.mark.parametrize("remove", REMOVALS, ids=["remove", "remove_many", "remove_dataset"])
def test_an_export_that_is_finished_while_it_is_removed_leaves_no_bytes_behind(
    library: Library, race: Race, remove: Removal
) -> None:
    """Whoever removes it has seen it without bytes, and whoever made it takes them for kept."""
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    made, held = being_made(library, ada, photos)
    race(
        lambda conn: claims.finish(conn, held, 10, Progress(), now=library.now),
        lambda conn: remove(conn, ada, photos, made, library.now),
    )
    assert library.read(lambda conn: rows.page(conn, ada, limit=10)) == ([], 0)
    assert library.loose_keys(ada) == {held.key}


def test_an_export_that_two_remove_at_once_is_removed_by_one(library: Library, race: Race) -> None:
    ada = library.an_actor()
    made, held = being_made(library, ada, library.a_dataset(ada))
    library.write(lambda conn: claims.finish(conn, held, 10, Progress(), now=library.now))
    reference = ids.text(made.uuid)

    def removing(conn: Connection) -> None:
        rows.remove(conn, ada, rows.get(conn, ada, reference), now=library.now)

    with pytest.raises(NotFound):
        race(removing, removing)
    made, held = being_made(library, ada, library.a_dataset(ada))
    many = race(
        lambda conn: rows.remove(conn, ada, made, now=library.now),
        lambda conn: rows.remove_many(conn, ada, [ids.text(made.uuid)], now=library.now),
    )
    assert many == rows.Removed(removed=[], not_found=[ids.text(made.uuid)])


def being_made(library: Library, actor: Actor, dataset: ADataset) -> tuple[Export, Claim]:
    """An export of an empty dataset, and the claim of who is about to store its bytes."""

    def work(conn: Connection) -> tuple[Export, Claim]:
        options = Options()
        made = rows.create(
            conn, actor, dataset.reference, "nightly", format=Format.COCO, options=options, now=library.now
        )
        while (held := claims.claim(conn, now=library.now)) is not None:
            if held.export.uuid == made.uuid:  # others' tests may have left some that nobody has made
                return made, claims.announce(conn, held, now=library.now)
        raise AssertionError("nobody else makes exports here")

    return library.write(work)


def whole(library: Library, actor: Actor, dataset: ADataset) -> Dataset:
    return library.read(lambda conn: datasets.find(conn, actor, dataset.reference))


def test_of_two_that_make_one_folder_one_has_made_it(library: Library, race: Race) -> None:
    actor = library.an_actor()
    here = whole(library, actor, library.a_dataset(actor))

    def making(conn: Connection) -> bool:
        return folders.create(conn, actor, here, "/new", now=library.now)[1]

    assert race(making, making) is False
    assert told(library, actor, "folder.created") == 1


def test_of_two_that_delete_a_group_one_has_deleted_it(library: Library, race: Race) -> None:
    actor = library.an_actor()
    files = [raw for it in library.a_dataset(actor, assets=2).ids if (raw := ids.parse(it))]
    made = library.write(lambda conn: groups.create(conn, actor, files, now=library.now))

    def deleting(conn: Connection) -> None:
        groups.remove(conn, actor, made.uuid, now=library.now)

    with pytest.raises(NotFound, match="Group"):
        race(deleting, deleting)
    assert told(library, actor, "group.deleted") == 1


def test_of_two_that_delete_a_preset_one_has_deleted_it(library: Library, race: Race) -> None:
    actor = library.an_actor()
    library.write(lambda conn: presets.create(conn, actor, "small", "resize/9x", None, now=library.now))

    def deleting(conn: Connection) -> None:
        presets.remove(conn, actor, "small", now=library.now)

    with pytest.raises(NotFound, match="Preset"):
        race(deleting, deleting)
    assert told(library, actor, "preset.deleted") == 1


def told(library: Library, actor: Actor, kind: str) -> int:
    of = (event.c.organization_id == actor.organization_id) & (event.c.type == kind)
    return library.read(lambda conn: conn.scalar(select(func.count()).where(of)) or 0)


@pytest.mark.parametrize(
    ("verb", "rescued"),
    [(Verb.MOVE, {"/kept/a.jpg", "/new/a.jpg"}), (Verb.ARCHIVE, {"/new/a.jpg"})],
)
def test_what_is_taken_out_of_the_way_meanwhile_is_not_overwritten(
    library: Library, race: Race, verb: Verb, rescued: set[str]
) -> None:
    """It holds the name no more when the lock is had, and whoever took it away was told that it is safe."""
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    one, other = library.add_everywhere(actor, dataset, "a.jpg", ["/inbox", "/new"])
    away = {"to": "/kept"} if verb is Verb.MOVE else {}
    overwriting = library.request(Verb.MOVE, [one], dataset, to="/new", on_collision=Collision.OVERWRITE)
    done = race(
        submitting(library, actor, library.request(verb, [other], dataset, **away)),
        submitting(library, actor, overwriting),
    )
    assert library.words(cast("Operation", done)) == ["done"]
    assert set(library.paths(dataset)) == rescued
    assert other in {*library.live(dataset).values(), *library.archived(dataset)}


def test_a_tag_that_something_is_given_while_it_is_overwritten_goes_with_it(
    library: Library, race: Race
) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    one, other = library.add_everywhere(actor, dataset, "a.jpg", ["/inbox", "/new"])
    tagging = library.request(Verb.UPDATE, [other], dataset, changes=Changes(add_tags=("fog",)))
    overwriting = library.request(Verb.MOVE, [one], dataset, to="/new", on_collision=Collision.OVERWRITE)
    race(submitting(library, actor, tagging), submitting(library, actor, overwriting))
    assert library.live(dataset) == {"/new/a.jpg": one}
    astray = next(each.query for each in QUESTIONS if each.check == "tags_at_home")
    assert library.read(lambda conn: conn.execute(statement(astray)).all()) == []
