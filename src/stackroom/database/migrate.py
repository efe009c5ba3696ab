"""Bringing a library's tables up to date. Every change of the schema is a file in `migrations/versions`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from stackroom import faults


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = conn
    return config


def upgrade(conn: Connection) -> None:
    """Apply the migrations this library has not had yet, all in this transaction. Repeating changes nothing."""
    if conn.dialect.name == "postgresql":  # several servers may start at once
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(7386125)")
    config = _config(conn)
    if revisions(conn)[0] != ScriptDirectory.from_config(config).get_current_head():
        command.upgrade(config, "head")
        faults.reach("migrate:before-commit")


def revisions(conn: Connection) -> tuple[str | None, str | None]:
    """The revision the library is at, and the newest this program knows."""
    head = ScriptDirectory.from_config(_config(conn)).get_current_head()
    return MigrationContext.configure(conn).get_current_revision(), head
