"""How PostgreSQL goes about what would be quadratic if it went about it differently."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from stackroom.database.flavour import statement
from stackroom.operations import selection
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library, a_library


@pytest.fixture
def library(postgres_url: str) -> Iterator[Library]:
    """Its own: what a planner prefers depends on all that is in a table, and so on what other tests left there."""
    with a_library(postgres_url) as opened:
        yield opened


def test_names_that_are_taken_are_looked_up_and_not_compared_with_all(library: Library) -> None:
    """A table that nobody has counted yet looks small, and joining it by folder alone looks cheap. (A few hundred
    assets would not do: read by whatever index there is, those cost as little as if they were looked up.)"""
    plans: list[str] = []

    def explain(conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT s.position, s.value, (SELECT"):
            rows = conn.exec_driver_sql("EXPLAIN " + statement, parameters)
            plans.append("\n".join(line for (line,) in rows))

    ada = library.an_actor()
    photos, others = library.a_dataset(ada, assets=200, content=b"same"), library.a_dataset(ada)
    for number in range(20):
        library.submit(ada, Verb.COPY, photos.ids, photos, into=others, to=f"/{number}")
    engine = library.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", explain)
    try:
        library.submit(ada, Verb.COPY, photos.ids, photos, to="/")
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert len(library.live(photos)) == 400
    (plan,) = plans
    assert "Join Filter" not in plan
    assert "Index Cond: ((folder_id = " in plan
    assert "name >= " in plan.partition("Index Cond")[2].partition("\n")[0]


def test_items_of_a_dataset_that_nobody_has_counted_yet_are_looked_up_by_their_ids(library: Library) -> None:
    """It looks empty, so that to read all of it for each item of a large operation looks as cheap."""
    ada = library.an_actor()
    photos, others = library.a_dataset(ada, assets=200, content=b"same"), library.a_dataset(ada)
    for number in range(20):
        library.submit(ada, Verb.COPY, photos.ids, photos, into=others, to=f"/{number}")
    library.write(lambda conn: conn.execute(text("ANALYZE asset")))
    fresh = library.a_dataset(ada)
    chunk = selection.pending(1, ada.organization_id, 0, 10_000, dataset_id=fresh.id)
    asked = statement(f"EXPLAIN SELECT r.n, a.id FROM {chunk.joined()}")
    plan = "\n".join(library.read(lambda conn: conn.scalars(asked, chunk.parameters).all()))
    assert "asset_in_dataset" not in plan, plan
    assert "uuid = operation_pending.asset_uuid" in plan, plan
