"""Bringing a library's tables up to date. Every change of the schema is a file in `migrations/versions`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect

from stackroom import faults
from stackroom.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST: Final = "0008"
"""The revision that this program works with. A test holds it against the files."""
_LOCK = 7386125


def upgrade(conn: Connection) -> None:
    """Apply the migrations this library has not had yet, all in this transaction. Repeating changes nothing.

    Raises `Conflict` (`newer_library`) for a library that a newer program has brought up to date.
    """
    if conn.dialect.name == "postgresql":  # several servers may start at once
        conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    found = revision(conn)
    if found is not None and found > NEWEST:
        raise Conflict(
            f"this library's tables are at version {found}, and this program knows none after {NEWEST}",
            code="newer_library",
            hint="Use the version of Stackroom that this library belongs to.",
        )
    if found != NEWEST:
        # Takes a tenth of a second to load, which nearly every start can do without.
        from alembic import command  # noqa: PLC0415 - see above

        command.upgrade(_config(conn), "head")
        faults.reach("migrate:before-commit")


def revision(conn: Connection) -> str | None:
    """The revision the library is at; None for one that has no tables yet."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def _config(conn: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see `upgrade`

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = conn
    return config
