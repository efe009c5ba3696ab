"""The tables: what the migrations make is what the program expects."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, UniqueConstraint, inspect

from stackroom.database.migrate import NEWEST, _config, revision, upgrade
from stackroom.database.schema import metadata
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def test_the_migrations_make_the_schema(library: Library) -> None:
    def differences(conn: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn), metadata))

    assert library.read(differences) == []


def test_migrating_again_changes_nothing(library: Library) -> None:
    library.write(upgrade)
    assert library.read(revision) == NEWEST
    assert library.read(lambda conn: ScriptDirectory.from_config(_config(conn)).get_current_head()) == NEWEST


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


NEVER_REMOVED = {"organization", "api_key", "lane"}
FEW = {("operation", "dataset_id")}  # one look through the journal's heads for a dataset that goes


def test_what_refers_to_rows_that_go_is_found_in_an_index() -> None:
    """For every row that is removed, the database looks whether anything refers to it."""
    missing = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name not in NEVER_REMOVED and column.name not in _led_by_index(table)
    }
    assert missing == FEW


def _led_by_index(table: Table) -> set[str]:
    """Columns that a whole index begins with."""
    whole = [index for index in table.indexes if index.dialect_options["sqlite"]["where"] is None]
    unique = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    return {next(iter(each.columns)).name for each in [*whole, *unique, table.primary_key]}
