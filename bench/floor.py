"""The bare floor: the cheapest statements that make the same change to the same rows, and nothing else.

No request, no looking at what is there, no names checked, no journal, no event, no answer: the ids are row ids, and
stand already in a temporary table before the clock starts. Same schema, same settings of the database.
"""

import os
import time
from pathlib import Path

from bench.choosing import Chosen
from stackroom import clock, ids
from stackroom.database.sqlite import WRITER_CACHE_MB, log_of, open_raw

TAKEN_OVER = (
    "organization_id, dataset_id, original_name, kind, blob_id, size, content_type, width, height, duration, "
    "display_name, metadata, state"
)
AND_ITS_TIME = "updated_at = :now, version = version + 1"
CHOSEN = "(SELECT id FROM temp.chosen)"

STATEMENTS = {
    "move": [f"UPDATE OR ROLLBACK asset SET folder_id = :folder, {AND_ITS_TIME} WHERE id IN {CHOSEN}"],
    "update": [
        f"UPDATE OR ROLLBACK asset SET status = :status, display_name = :title, {AND_ITS_TIME} WHERE id IN {CHOSEN}"
    ],
    "archive": [f"UPDATE OR ROLLBACK asset SET archived_at = :now, {AND_ITS_TIME} WHERE id IN {CHOSEN}"],
    "restore": [f"UPDATE OR ROLLBACK asset SET archived_at = NULL, {AND_ITS_TIME} WHERE id IN {CHOSEN}"],
    # Each goes back to a folder of its own, which stands beside its id.
    "undo": [
        f"""UPDATE OR ROLLBACK asset SET folder_id = c.folder_id, {AND_ITS_TIME}
            FROM (SELECT id, folder_id FROM temp.chosen LIMIT -1) c WHERE asset.id = c.id"""
    ],
    # The new ids stand beside the old ones.
    "copy": [
        f"""INSERT OR ROLLBACK INTO asset (uuid, folder_id, name, {TAKEN_OVER}, status, annotation_count,
                created_at, updated_at, version)
            SELECT c.fresh, :folder, a.name, {", ".join(f"a.{column}" for column in TAKEN_OVER.split(", "))},
                'new', 0, :now, :now, 1
            FROM temp.chosen c CROSS JOIN asset a WHERE a.id = c.id"""
    ],
    "purge": [
        """INSERT OR ROLLBACK INTO loose_bytes (storage_key, due_at)
            SELECT storage_key, :now FROM blob WHERE id IN (SELECT blob_id FROM temp.chosen)""",
        f"DELETE FROM annotation WHERE asset_id IN {CHOSEN}",
        f"DELETE FROM annotation_class WHERE asset_id IN {CHOSEN}",
        f"DELETE FROM asset_tag WHERE asset_id IN {CHOSEN}",
        f"DELETE FROM asset WHERE id IN {CHOSEN}",
        "DELETE FROM blob WHERE id IN (SELECT blob_id FROM temp.chosen)",
    ],
}


class Floor:
    """A library's file, opened as the server opens it."""

    def __init__(self, path: Path) -> None:
        self.connection = open_raw(path, cache_mb=WRITER_CACHE_MB)
        self._path = log_of(path)
        self._log_file: int | None = None
        self.connection.execute(
            "CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY, folder_id INTEGER, blob_id INTEGER, fresh BLOB)"
        )

    def change(self, verb: str, chosen: Chosen, folder: int, status: str, title: str) -> float:
        """Make the change in one transaction; the seconds it took. What comes before and after is not counted."""
        return self._change(
            verb, chosen, {"now": clock.now(), "folder": folder, "status": status, "title": title}
        )[0]

    def change_and_fold(self, verb: str, chosen: Chosen, folder: int) -> float:
        """The same, with the checkpoint that follows."""
        return sum(self._change(verb, chosen, {"now": clock.now(), "folder": folder}))

    def _change(self, verb: str, chosen: Chosen, values: dict[str, object]) -> tuple[float, float]:
        self._stand_by(chosen)
        began = time.perf_counter()
        self.connection.execute("BEGIN IMMEDIATE")
        for statement in STATEMENTS[verb]:
            self.connection.execute(statement, values)
        self.connection.execute("COMMIT")
        os.fdatasync(self._log())
        committed = time.perf_counter()
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return committed - began, time.perf_counter() - committed

    def make_folder(self, path: str) -> int:
        """The row id of an empty folder for what is moved and copied, in the one dataset there is."""
        made = self.connection.execute(
            """INSERT INTO folder (uuid, dataset_id, parent_id, path, created_at)
                SELECT ?, dataset_id, id, ?, ? FROM folder WHERE path = '/'""",
            (ids.new(), path, clock.now()),
        )
        assert made.lastrowid
        return made.lastrowid

    def close(self) -> None:
        self.connection.close()

    def _log(self) -> int:
        if self._log_file is None:
            self._log_file = os.open(self._path, os.O_RDONLY)
        return self._log_file

    def _stand_by(self, chosen: Chosen) -> None:
        fresh = ids.new_block(len(chosen.rows))
        rows = ((*row, fresh[16 * n : 16 * n + 16]) for n, row in enumerate(sorted(chosen.rows)))
        self.connection.execute("BEGIN")
        self.connection.execute("DELETE FROM temp.chosen")
        self.connection.executemany("INSERT INTO temp.chosen VALUES (?, ?, ?, ?)", rows)
        self.connection.execute("COMMIT")
