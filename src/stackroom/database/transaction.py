"""A transaction is one function of a connection; the database decides where and how often it runs.

The core is written once, as plain functions of a SQLAlchemy `Connection`. On SQLite a whole transaction runs in
one hop to the writer's thread, or to a reader's; on PostgreSQL it runs over asyncpg. Nobody above this package
knows which.
"""

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

__all__ = [
    "Connection",
    "Database",
    "T",
    "Work",
]  # a face names the connection, and nothing else of SQLAlchemy

T = TypeVar("T")
Work = Callable[[Connection], T]


class Database(Protocol):
    """Where a library's rows are.

    `write` runs `work` in one transaction: all of it is committed when the call returns, and nothing if it raises.
    `work` may run more than once (a lost race is run again from the start), so it must do nothing but talk to its
    connection. `read` sees one moment of the library throughout and can change nothing. Both raise
    `errors.Unavailable` with code `storage_full` when there is no room, or `database_unavailable`.
    """

    async def start(self) -> None: ...

    async def read(self, work: Work[T]) -> T: ...

    async def look_up(self, subject: Hashable, work: Work[T]) -> T:
        """`read`, for what is asked again and again: where nobody else can write, what `work` found about `subject`
        is kept until something is written. So it is as fresh as a read."""
        ...

    async def write(self, work: Work[T]) -> T: ...

    async def close(self) -> None: ...
