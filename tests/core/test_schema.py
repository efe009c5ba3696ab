"""The tables: what the migrations make is what the program expects."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from stackroom.database.migrate import revisions, upgrade
from stackroom.database.schema import metadata
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def test_the_migrations_make_the_schema(library: Library) -> None:
    def differences(conn: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn), metadata))

    assert library.read(differences) == []


def test_migrating_again_changes_nothing(library: Library) -> None:
    library.write(upgrade)
    at, newest = library.read(revisions)
    assert at == newest


def test_every_foreign_key_waits_for_the_commit(library: Library) -> None:
    """An immediate one makes SQLite copy every page of a bulk update a second time."""

    def immediate(conn: Connection) -> list[str]:
        looker = inspect(conn)
        return [
            f"{table}.{key['constrained_columns']}"
            for table in looker.get_table_names()
            for key in looker.get_foreign_keys(table)
            if key["options"].get("initially") != "DEFERRED"
        ]

    assert library.read(immediate) == []
