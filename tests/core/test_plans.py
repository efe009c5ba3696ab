"""How PostgreSQL goes about what would be quadratic if it went about it differently."""

from typing import Any

from sqlalchemy import event

from stackroom.operations.request import Verb
from stackroom.testing.builders import Library


def test_names_that_are_taken_are_looked_up_and_not_compared_with_all(postgresql_library: Library) -> None:
    """A table that nobody has counted yet looks small, and joining it by folder alone looks cheap."""
    library, plans = postgresql_library, []

    def explain(conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT a.folder_id, a.name"):
            rows = conn.exec_driver_sql("EXPLAIN " + statement, parameters)
            plans.append("\n".join(line for (line,) in rows))

    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=20)
    engine = library.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", explain)
    try:
        library.submit(ada, Verb.COPY, photos.ids, photos, to="/")
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert len(library.live(photos)) == 40
    (plan,) = plans
    assert "Join Filter" not in plan
    assert "Index Cond: ((folder_id = " in plan
