"""No organization ever sees another's anything, however their rows were numbered."""

from typing import Any

import pytest
from sqlalchemy import func, select

from stackroom import ids
from stackroom.database.schema import folder, operation
from stackroom.errors import NotFound
from stackroom.library import assets, datasets
from stackroom.operations import engine, journal
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import FailedOf, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def test_the_numbers_of_what_was_removed_are_not_given_again(library: Library) -> None:
    """A journal keeps naming the folder that it moved things from: it must not become a stranger's."""
    actor, stranger = library.an_actor(), library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"], folder="/mine")
    done = library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/mine/too")
    highest = select(func.max(folder.c.id))
    before = library.read(lambda conn: conn.scalar(highest))
    library.write(lambda conn: remove_dataset(conn, actor, dataset.reference, now=library.now))
    library.a_dataset(stranger, assets=["b.jpg"], folder="/secret/plans")
    [item] = library.items(done)
    assert item.before is not None
    assert item.before["folder"] is None
    assert library.read(
        lambda conn: conn.scalar(select(func.min(folder.c.id)).where(folder.c.path == "/secret"))
    ) > (before or 0)
    assert library.words(library.undo(actor, done)) == ["not_found"]


def test_a_stranger_finds_nothing_by_any_id(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    dataset = library.a_dataset(actor, "mine", assets=1)
    done = library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
    reference = ids.text(done.uuid)
    looks: list[Any] = [
        lambda conn: assets.find(conn, stranger, dataset.ids[0]),
        lambda conn: datasets.find(conn, stranger, dataset.reference),
        lambda conn: datasets.find(conn, stranger, "mine"),
        lambda conn: journal.get(conn, stranger, reference),
        lambda conn: engine.submit_undo(conn, stranger, reference, now=library.now),
        lambda conn: engine.set_state(conn, stranger, reference, "cancelled", now=library.now),
    ]
    for look in looks:
        with pytest.raises(NotFound):
            library.write(look)
    assert library.read(lambda conn: journal.page(conn, stranger, limit=9)) == []
    assert library.read(lambda conn: datasets.by_id(conn, stranger, dataset.id)) is None


def test_a_strangers_failed_items_are_unknown_to_us(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    library.add(actor, dataset, ["a.jpg"], folder="/new")
    theirs = library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new", on_collision="skip")
    before = library.rows(actor)
    done = library.submit(stranger, Verb.PURGE, FailedOf(theirs.id))
    assert "done" not in library.words(done)
    assert library.rows(actor) == before


def test_an_operation_is_recorded_for_its_organization(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=1)
    done = library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
    owner = select(operation.c.organization_id).where(operation.c.id == done.id)
    assert library.read(lambda conn: conn.scalar(owner)) == actor.organization_id
