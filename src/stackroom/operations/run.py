"""One operation at work in one transaction: what every verb is handed."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, CursorResult

from stackroom.access import Actor, Role
from stackroom.database import flavour
from stackroom.database.flavour import Flavour, statement
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Request

FIELDS = ("folder_id", "name", "status", "display_name", "split", "archived_at")
"""What an operation can change of an asset. The journal keeps each as it was, and as it became in `to_…`."""


ITEMS = "i.operation_id = :op AND i.line >= :from"
"""The journal rows `i` of one run: all of an operation's, or those of the chunk that begins at `:from`."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a verb judges each item, in SQL over asset `a` and row `r`.

    `verdicts` are tried in order, the first that holds decides, and none means DONE. `sets` gives the journal's
    `to_…` columns. `parameters` bind what both mention.
    """

    verdicts: Sequence[tuple[str, Outcome]] = ()
    sets: Mapping[str, str] = {}
    parameters: Mapping[str, Any] = {}


class Run:
    """The connection, the request and the operation's row id. Lives as long as the transaction."""

    def __init__(
        self,
        conn: Connection,
        actor: Actor,
        request: Request,
        *,
        operation_id: int,
        count: int,
        start: int = 0,
        now: int,
    ) -> None:
        self.conn = conn
        self.actor = actor
        self.request = request
        self.operation_id = operation_id
        self.count = count
        self.start = start
        self.now = now
        self.how: Flavour = flavour.of(conn)
        self.target_folder_id: int | None = None

    def execute(self, sql: str, **parameters: Any) -> CursorResult[*tuple[Any, ...]]:
        """Run one statement. `:op`, `:from` and `:now` are bound; `{items}` narrows `operation_item i` to this run."""
        bound = {"op": self.operation_id, "from": self.start, "now": self.now, **parameters}
        return self.conn.execute(statement(sql.replace("{items}", ITEMS)), bound)

    def fresh_ids(self) -> str:
        """The expression for a new id of row `r`, out of the block bound as `:fresh`."""
        return self.how.slice.format(name="fresh", n="r.n - :from")


class VerbModule(Protocol):
    """What the file of each verb consists of."""

    ROLE: Role
    """The least role that may do this."""
    FIRST_NUMBER: int
    """What the number of a renamed item begins with."""

    def look(self, run: Run) -> Look:
        """How to judge and what to set. May make what the operation needs, such as the target folder."""
        ...

    def takes_name(self, run: Run) -> str | None:
        """Which items `i` will hold a name they do not hold now, as an SQL condition; None if none ever does."""
        ...

    def apply(self, run: Run, *, renamed: bool) -> None:
        """Make the change to every item that is DONE. `renamed` says whether any has a new name (`to_name`)."""
        ...

    def changes(self, request: Request) -> Sequence[str]:
        """Which of FIELDS this sets, and undo puts back; `tags` if it is about those."""
        ...
