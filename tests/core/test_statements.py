"""What the engine sends to the database: as many statements for a thousand items as for ten, and no long scans."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, event

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.connect import migrate
from stackroom.library import annotations, assets, comments, datasets, folders, listing, tags
from stackroom.library.listing import Filter
from stackroom.operations import change_folder, engine, journal
from stackroom.operations.journal import Operation
from stackroom.operations.request import Changes, Collision, Matching, Request, Verb
from stackroom.testing.builders import ADataset, Library, a_library

CASES: list[tuple[Verb, dict[str, Any]]] = [
    *[(Verb.MOVE, {"to": "/new", "on_collision": policy}) for policy in Collision],
    *[(Verb.COPY, {"to": "/new", "on_collision": policy}) for policy in Collision],
    (Verb.COPY, {"to": "/new", "copy_annotations": True}),
    (Verb.COPY, {"to": "/new", "copy_annotations": True, "abroad": True}),
    (Verb.UPDATE, {"changes": Changes(status="complete", split="val")}),
    (Verb.UPDATE, {"changes": Changes(add_tags=("night", "rain"), remove_tags=("day", "sun"))}),
    (Verb.ARCHIVE, {}),
    *[(Verb.RESTORE, {"on_collision": policy}) for policy in Collision],
    (Verb.PURGE, {}),
]
NAMES = [
    f"{verb}-{'-'.join(str(it) for it in rest.values() if isinstance(it, str | bool | Changes))}"
    for verb, rest in CASES
]

OF_A_FEW = "operation_unfinished"  # an index that holds only what is at work


def prepared(library: Library, actor: Actor, verb: Verb, rest: dict[str, Any], count: int) -> Request:
    """A request about `count` items: one is unknown, one malformed, and half of the names are taken.

    They are annotated, commented on and tagged; with `abroad` they go to another dataset.
    """
    dataset = library.a_dataset(actor, assets=count, content=b"same")
    furnish(library, actor, dataset)
    options = {key: value for key, value in rest.items() if key != "abroad"}
    if "abroad" in rest:
        options["into"] = library.a_dataset(actor)
    clashing = rest.get("on_collision") is not Collision.FAIL
    taken = [f"{n}.jpg" for n in range(1, count // 2)] if clashing else []
    if verb is Verb.RESTORE:
        library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
        library.add(actor, dataset, taken, content=b"same")
    else:
        library.add(actor, dataset, taken, folder="/new", content=b"same")
    return library.request(verb, [*dataset.ids, ids.text(ids.new()), "no id"], dataset, **options)


def furnish(library: Library, actor: Actor, dataset: ADataset) -> None:
    library.submit(actor, Verb.UPDATE, dataset.ids, dataset, changes=Changes(add_tags=("day", "sun")))
    point = {"id": "1", "name": "car", "type": "keypoint", "keypoint": {"x": 1, "y": 1}}
    wanted = annotations.parse(msgspec.json.encode([point]))

    def work(conn: Connection) -> None:
        for each in dataset.ids[:4]:
            annotations.save(conn, actor, each, wanted, now=library.now)
            comments.create(conn, actor, each, "1", "Is it?", now=library.now)

    library.write(work)


@pytest.mark.every_database
@pytest.mark.parametrize(("verb", "rest"), CASES, ids=NAMES)
def test_a_thousand_items_take_as_many_statements_as_ten(
    library: Library, verb: Verb, rest: dict[str, Any]
) -> None:
    actor = library.an_actor()
    sent = []
    for count in (10, 1_000):
        request = prepared(library, actor, verb, rest, count)
        with library.statements() as statements:
            done = library.begin(actor, request)
        assert done.total == count + 2
        sent.append(statements)
        if done.undoable:
            with library.statements() as statements:
                undone = library.undo(actor, done)
            assert undone.succeeded > count // 3
            sent.append(statements)
    half = len(sent) // 2
    assert [len(each) for each in sent[:half]] == [len(each) for each in sent[half:]]
    # Of what an overwrite removes everything that belongs to it goes as well, and the shared library has some of all.
    assert max(len(each) for each in sent) <= 44


@pytest.mark.every_database
def test_a_filter_takes_as_many_statements_as_ids_do(library: Library) -> None:
    actor = library.an_actor()
    counts = []
    for count in (10, 1_000):
        dataset = library.a_dataset(actor, assets=count, content=b"same")
        request = library.request(Verb.ARCHIVE, Matching(Filter(dataset_id=dataset.id)), dataset)
        with library.statements() as statements:
            assert library.begin(actor, request).succeeded == count
        counts.append(len(statements))
    assert counts[0] == counts[1]


class Crowd:
    """A library of 25,000 assets in 25 folders, never analysed: what a planner knows on a bad day."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset: ADataset = library.a_dataset(self.actor, assets=1_000, content=b"same")
        for number in range(24):
            library.submit(self.actor, Verb.COPY, self.dataset.ids, self.dataset, to=f"/{number}")

    def scans(self, sent: list[tuple[str, Any]]) -> list[tuple[str, str]]:
        """The scans of whole tables among the plans of these statements, each with its statement."""
        found = []
        for step, sql in self.steps(sent):
            scanned = re.match(rf"SCAN (\w+)(?! USING INDEX {OF_A_FEW})", step)
            if scanned and scanned[1] in set(tables(sql)):
                found.append((step, sql))
        return found

    def steps(self, sent: list[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
        """What the plans of these statements consist of, each step with its statement."""
        for sql, parameters in sent:
            if sql.lstrip().split(None, 1)[0].upper() not in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
                continue
            plan = self.library.read(
                lambda conn, sql=sql, parameters=parameters: list(
                    conn.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, parameters)
                )
            )
            for step in plan:
                yield step.detail, sql


def tables(sql: str) -> Iterator[str]:
    """What the tables that grow are called in a statement: by their names and their aliases."""
    growing = (
        "asset|blob|annotation|operation_item|operation_pending|loose_bytes|upload|event|operation"
        "|asset_tag|operation_tag|tag|annotation_class|annotation_comment|comment_reaction"
    )
    for table, alias in re.findall(rf"\b({growing})\b(?:\s+(?:AS\s+)?(\w+))?", sql):
        yield table
        if alias:
            yield alias


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('crowd')) / 'library.db'}"
    migrate(url)
    with a_library(url) as library:
        yield Crowd(library)


def recorded(library: Library, work: Any) -> tuple[Any, list[tuple[str, Any]]]:
    """What `work` returns, and the statements it sent with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.append((sql, parameters[0] if many else parameters))

    def watched(conn: Any) -> Any:
        event.listen(conn, "before_cursor_execute", note)
        try:
            return work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", note)

    return library.write(watched), sent


@pytest.mark.parametrize(("verb", "rest"), CASES, ids=NAMES)
def test_no_statement_of_an_operation_scans_a_table_that_grows(
    crowd: Crowd, verb: Verb, rest: dict[str, Any]
) -> None:
    library, actor = crowd.library, crowd.actor
    request = prepared(library, actor, verb, rest, 20)
    done, sent = recorded(library, lambda conn: engine.submit(conn, actor, request, now=library.now))
    assert crowd.scans(sent) == []
    if done.undoable:
        reference = ids.text(done.uuid)
        _, sent = recorded(library, lambda conn: engine.submit_undo(conn, actor, reference, now=library.now))
        assert crowd.scans(sent) == []


def test_the_tags_that_each_item_got_are_looked_up_item_by_item(crowd: Crowd) -> None:
    """Reading on from each item's tags to the last one's would take ten thousand times ten thousand steps."""
    library, actor = crowd.library, crowd.actor
    rest = {"changes": Changes(add_tags=("night",), remove_tags=("day",))}
    request = prepared(library, actor, Verb.UPDATE, rest, 20)
    done, sent = recorded(library, lambda conn: engine.submit(conn, actor, request, now=library.now))
    reference = ids.text(done.uuid)
    _, more = recorded(library, lambda conn: engine.submit_undo(conn, actor, reference, now=library.now))
    looked_up = [step for step, _ in crowd.steps(sent + more) if step.startswith("SEARCH o ")]
    assert len(looked_up) == 6
    assert set(looked_up) == {"SEARCH o USING PRIMARY KEY (operation_id=? AND line=?)"}


def test_no_statement_of_a_large_operation_scans_a_table_that_grows(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 10)
    library, actor = crowd.library, crowd.actor
    rest = {"to": "/new", "on_collision": Collision.OVERWRITE}
    request = prepared(library, actor, Verb.MOVE, rest, 30)
    done, sent = recorded(library, lambda conn: engine.submit(conn, actor, request, now=library.now))
    for _ in range(2):
        going_on, more = recorded(library, lambda conn: engine.advance(conn, done.id, now=library.now))
        assert going_on
        sent += more
    _, more = recorded(
        library,
        lambda conn: engine.set_state(conn, actor, ids.text(done.uuid), "cancelled", now=library.now),
    )
    assert crowd.scans(sent + more) == []


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"archived": True},
        {"archived": None},
        {"status": "complete"},
        {"name": "7.jpg"},
        {"folder": "/3"},
        {"folder": "/3", "name": "7.jpg"},
        {"folder": "/3", "archived": True},
        {"folder": "/", "recursive": True},
        {"folder": "/1", "recursive": True, "glob": "*7*"},
        {"tags": ("night",)},
        {"tags": ("night", "rain"), "status": "new"},
        {"tags": ("night",), "archived": True},
        {"tags": ("night",), "archived": None},
        {"tags": ("night",), "folder": "/", "recursive": True},
        {"tags": ("night",), "folder": "/1"},
    ],
    ids=str,
)
def test_no_page_of_a_listing_scans_a_table_that_grows(crowd: Crowd, where: dict[str, Any]) -> None:
    wanted = Filter(dataset_id=crowd.dataset.id, **where)

    def work(conn: Any) -> None:
        listing.page(conn, wanted, limit=100)
        listing.page(conn, wanted, limit=100, before=5_000)
        listing.count(conn, wanted)

    _, sent = recorded(crowd.library, work)
    # A whole dataset, or all that has a tag, is counted from two short indexes.
    assert len(sent) == (4 if where.keys() <= {"tags"} else 3)
    assert crowd.scans(sent) == []


def test_no_look_at_a_single_thing_scans_a_table_that_grows(crowd: Crowd) -> None:
    library, actor, dataset = crowd.library, crowd.actor, crowd.dataset
    done: Operation = library.submit(actor, Verb.MOVE, dataset.ids[:3], dataset, to="/single")
    changes = Changes(add_tags=("night",))
    tagged = library.submit(actor, Verb.UPDATE, dataset.ids[:3], dataset, changes=changes)

    def work(conn: Any) -> None:
        assets.find(conn, actor, dataset.ids[0])
        assets.is_taken(conn, 1, "1.jpg")
        assets.taken_names(conn, 1, ["1.jpg", "2.jpg"])
        whole = datasets.find(conn, actor, dataset.reference)
        datasets.totals(conn, [whole])
        listing.folder_counts(conn, dataset.id)
        journal.page(conn, actor, limit=10)
        journal.items(conn, done)
        journal.items(conn, tagged)
        tags.of(conn, list(range(100)))
        journal.failures(conn, done.id)
        journal.source_folders(conn, done)
        journal.created(conn, done.uuid).each()
        engine.unfinished(conn)

    _, sent = recorded(library, work)
    assert crowd.scans(sent) == []


def test_no_change_of_a_folder_scans_a_table_that_grows(crowd: Crowd) -> None:
    library, actor, dataset = crowd.library, crowd.actor, crowd.dataset
    library.add(actor, dataset, ["1.jpg", "2.jpg"], folder="/top/leaf")
    here = library.read(lambda conn: datasets.find(conn, actor, dataset.reference))

    def work(conn: Any) -> None:
        top, leaf = (folders.at(conn, here, path) for path in ("/top", "/top/leaf"))
        folders.by_reference(conn, actor, ids.text(leaf.uuid))
        change_folder.rename_folder(conn, actor, top, "summit", now=library.now)
        moved = change_folder.remove_folder(
            conn, actor, folders.again(conn, leaf), cascade=True, now=library.now
        ).moved
        assert moved is not None
        engine.submit_undo(conn, actor, ids.text(moved.uuid), now=library.now)
        listing.folder_counts(conn, dataset.id, "/summit")
        listing.folder_stats(conn, dataset.id, "/summit", recursive=True)
        everything = Filter(dataset_id=dataset.id, folder="/3", recursive=True, archived=None)
        listing.page(conn, everything, limit=100)
        listing.count(conn, everything)

    _, sent = recorded(library, work)
    assert crowd.scans(sent) == []
