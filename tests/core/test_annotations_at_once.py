"""Annotations beside each other: what waits for what on PostgreSQL, and that no statement reads a whole table."""

import asyncio
import re
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Connection, event, select, text

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

GROWING = r"(asset|annotation|annotation_class|annotation_comment|comment_reaction|above|reply|event)\b"


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


def plans(library: Library, work: Work[Any]) -> list[tuple[str, str]]:
    """Each statement that `work` sends, and its plan. PostgreSQL is told that the tables are long, as they will be."""
    found = []

    def explain(conn: Connection, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if sql.lstrip().split(None, 1)[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}:
            how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
            rows = conn.exec_driver_sql(how + sql, parameters[0] if many else parameters)
            found.append((sql, "\n".join(str(row[-1]) for row in rows)))

    def watched(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            for costs_little_while_tables_are_short in ("seqscan", "bitmapscan"):
                conn.execute(text(f"SET LOCAL enable_{costs_little_while_tables_are_short} = off"))
        event.listen(conn, "before_cursor_execute", explain)
        try:
            work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", explain)

    library.write(watched)
    return found


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

    seen = plans(library, work)
    assert len(seen) > 50
    scanned = rf"^\s*(?:SCAN {GROWING}.*|.*Seq Scan on {GROWING}.*)$"
    assert [(sql, plan) for sql, plan in seen if re.search(scanned, plan, re.MULTILINE)] == []
