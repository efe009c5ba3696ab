"""How a database goes about what it is asked: for tests that nothing is read from end to end."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, event, text

from stackroom.database.transaction import Work
from stackroom.testing.builders import Library

CHEAP_WHILE_SHORT = ("seqscan", "bitmapscan")
"""What PostgreSQL prefers to any index while a table is short, and would not do with a long one."""
_HAVE_PLANS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


class Plan(NamedTuple):
    sql: str
    steps: str
    """As the database writes them, a line each."""

    def scans(self, *tables: str) -> list[str]:
        """The steps that read one of these tables, or of these aliases of one, from end to end."""
        pattern = rf"^.*(?:SCAN|Seq Scan on) (?:{'|'.join(tables)})\b.*$"
        return re.findall(pattern, self.steps, re.MULTILINE)


def plans_of(
    library: Library, work: Work[Any], *, counted: str = "", without: Sequence[str] = CHEAP_WHILE_SHORT
) -> list[Plan]:
    """The plan of each statement that `work` sends, which is done as well.

    PostgreSQL looks first how much is in the tables `counted`, and does without the ways of going about it that are
    named in `without`.
    """
    found: list[Plan] = []

    def explain(conn: Connection, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if sql.lstrip().startswith(_HAVE_PLANS):
            how = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
            rows = conn.exec_driver_sql(how + sql, parameters[0] if many else parameters)
            found.append(Plan(sql, "\n".join(str(row[-1]) for row in rows)))

    def watched(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            if counted:
                conn.execute(text(f"ANALYZE {counted}"))
            for way in without:
                conn.execute(text(f"SET LOCAL enable_{way} = off"))
        event.listen(conn, "before_cursor_execute", explain)
        try:
            work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", explain)

    library.write(watched)
    assert found, "whoever sends nothing reads nothing"
    return found
