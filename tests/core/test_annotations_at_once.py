"""Annotations beside each other: what waits for what on PostgreSQL, and that no statement reads a whole table."""

import asyncio
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.postgresql import PostgresqlDatabase
from stackroom.database.schema import annotation_class, api_key
from stackroom.database.transaction import Work
from stackroom.errors import Invalid
from stackroom.library import annotations, classes, comments, datasets, organizations
from stackroom.library.annotations import Document
from stackroom.library.datasets import DatasetChanges
from stackroom.testing.builders import ADataset, Library
from stackroom.testing.plans import plans_of

GROWING = (
    "asset",
    "annotation",
    "annotation_class",
    "annotation_comment",
    "comment_reaction",
    "above",
    "reply",
    "event",
)


def document(*names: str) -> Document:
    points = [
        {"id": str(number), "name": name, "type": "keypoint", "keypoint": {"x": 1, "y": 1}}
        for number, name in enumerate(names)
    ]
    return annotations.read(msgspec.json.encode(points))


def saving(library: Library, actor: Actor, asset: str, *names: str) -> Work[Any]:
    return lambda conn: annotations.save(conn, actor, asset, document(*names), now=library.now)


def counted(library: Library, dataset: ADataset) -> dict[str, int]:
    query = select(annotation_class.c.name, annotation_class.c.count)
    where = annotation_class.c.dataset_id == dataset.id
    return {row.name: row.count for row in library.read(lambda conn: conn.execute(query.where(where)).all())}


# What waits


def race(library: Library, first: Work[Any], second: Work[Any]) -> Any:
    """Does the first work, and commits it when the second has begun and had time to come as far as it can."""
    database = cast("PostgresqlDatabase", library.database)

    async def both() -> Any:
        async with database._engine.begin() as connection:
            await connection.run_sync(first)
            waiting = asyncio.ensure_future(database.write(second))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        return await waiting

    return library._runner.run(both())


def test_of_two_who_save_at_once_the_second_has_the_last_word(postgresql_library: Library) -> None:
    library = postgresql_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=1)
    [asset] = dataset.ids
    done = race(library, saving(library, actor, asset, "car", "bus"), saving(library, actor, asset))
    assert (done.previous_count, done.new_count) == (2, 0)
    assert library.rows(actor)[asset]["annotation_count"] == 0
    assert library.read(lambda conn: annotations.get(conn, actor, asset))[1] == b"[]"
    assert counted(library, dataset) == {}


def test_a_name_that_is_being_changed_is_not_saved_any_more(postgresql_library: Library) -> None:
    library = postgresql_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    listed = DatasetChanges(classes=[{"name": "car"}])
    library.write(lambda conn: datasets.change(conn, actor, dataset.reference, listed, now=library.now))
    library.write(saving(library, actor, dataset.ids[0], "car"))

    def renaming(conn: Connection) -> object:
        return classes.rename(conn, actor, dataset.reference, "car", "lorry", now=library.now)

    with pytest.raises(Invalid, match="'car' is not in this dataset"):
        race(library, renaming, saving(library, actor, dataset.ids[1], "car"))
    assert counted(library, dataset) == {"lorry": 1}


def test_what_is_being_saved_is_renamed_with_the_rest(postgresql_library: Library) -> None:
    library = postgresql_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    library.write(saving(library, actor, dataset.ids[0], "car"))
    done = race(
        library,
        saving(library, actor, dataset.ids[1], "car"),
        lambda conn: classes.rename(conn, actor, dataset.reference, "car", "lorry", now=library.now),
    )
    assert done.images == 2
    _, stored = library.read(lambda conn: annotations.get(conn, actor, dataset.ids[1]))
    assert [each["name"] for each in msgspec.json.decode(stored)] == ["lorry"]


# What is read


@pytest.mark.every_database
def test_no_statement_reads_a_table_that_grows_from_end_to_end(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=20, content=b"same")
    owner = library.read(
        lambda conn: organizations.find_organization(conn, ids.text(actor.organization_uuid))
    )
    made = library.write(lambda conn: organizations.create_key(conn, owner, role=actor.role, now=library.now))
    mine = select(api_key.c.id).where(api_key.c.uuid == made.uuid)
    actor = msgspec.structs.replace(actor, key_id=library.read(lambda conn: conn.scalar(mine)))
    now = library.now

    def work(conn: Connection) -> None:
        annotations.save_many(conn, actor, [(each, document("a", "b")) for each in dataset.ids], now=now)
        annotations.save(conn, actor, dataset.ids[0], document("a"), now=now)
        annotations.get(conn, actor, dataset.ids[0])
        classes.rename(conn, actor, dataset.reference, "a", "c", now=now)
        classes.merge(conn, actor, dataset.reference, "b", "c", now=now)
        said = comments.create(conn, actor, dataset.ids[0], "0", "hm", now=now)
        reference = ids.text(said.uuid)
        comments.create(conn, actor, dataset.ids[0], "0", "yes", parent=reference, now=now)
        comments.change(conn, actor, reference, resolved=True, body="so", now=now)
        comments.react(conn, actor, reference, "like", now=now)
        comments.of_asset(conn, actor, dataset.ids[0])
        comments.unreact(conn, actor, reference, "like", now=now)
        comments.remove(conn, actor, reference, now=now)
        classes.remove(conn, actor, dataset.reference, "c", delete_annotations=True, now=now)

    seen = plans_of(library, work)
    assert len(seen) > 50
    assert [plan for plan in seen if plan.scans(*GROWING)] == []
