"""What a batch of media costs at least: the rows that one leaves, written by bare statements.

For fifty items: their assets made or removed, fifty lines of the journal, fifty events and one of all, the operation,
and the answer that a repeat would get. In one transaction with `Flush`'s durability, into a file with the same tables,
indexes and settings; the values are ready, and nothing is looked up, judged, named or compared.
"""

import os
import time
from pathlib import Path

from stackroom import ids
from stackroom.database.connect import migrate
from stackroom.database.sqlite import WRITER_CACHE_MB, log_of, open_raw

BEFORE = 1_000
"""How many assets there are already, with whose names the new ones stand in an index."""
_ASSET = (
    "INSERT INTO asset (uuid, name, original_name, organization_id, dataset_id, folder_id, blob_id, size, "
    "content_type, width, height, created_at, updated_at) "
    "VALUES (?, ?, 'seed.png', 1, 1, 1, 1, 90, 'image/png', 64, 48, 1, 1)"
)
_OPERATION = (
    "INSERT INTO operation (uuid, organization_id, verb, state, request, total, outcomes, bytes, key_id, actor, "
    "created_at, finished_at) VALUES (?, 1, ?, 'finished', ?, ?, '{\"1\":50}', 4500, 1, ?, 1, 1)"
)
_ITEM = (
    "INSERT INTO operation_item (operation_id, line, asset_id, asset_uuid, outcome, folder_id, name, status, "
    "version, size, to_folder_id, to_name, new_uuid) VALUES (?, ?, ?, ?, 1, 1, 'seed.png', 'new', 1, 90, ?, ?, ?)"
)
_EVENT = (
    "INSERT INTO event (uuid, organization_id, type, at, dataset_id, asset_uuid, operation_id, key_id, ip, user_agent, "
    "request_id, data, method, path) VALUES (?, 1, ?, 1, 1, ?, ?, 1, '127.0.0.1', 'bench', ?, ?, 'POST', "
    "'/api/v0/media/batch/copy')"
)
_ANSWER = 'INSERT INTO answer VALUES (1, ?, ?, 200, \'{"content-type":"application/json"}\', ?, 1)'
_REQUEST, _DATA, _LINE = "r" * 300, "d" * 260, b"l" * 110
"""As long as those that a request leaves."""


class MediaFloor:
    """A library's file with an organization's assets in it, and none of what belongs to them."""

    def __init__(self, folder: Path, at_once: int) -> None:
        folder.mkdir()
        migrate(f"sqlite:///{folder}/library.db")
        self._database = open_raw(folder / "library.db", cache_mb=WRITER_CACHE_MB)
        self._database.execute("PRAGMA foreign_keys = OFF")  # there is nothing that the rows could refer to
        self._log = os.open(log_of(folder / "library.db"), os.O_RDONLY)
        self._at_once = at_once
        self._operations = 0
        self._insert(self._fresh(BEFORE))

    def copy(self) -> float:
        """Seconds that making some takes."""
        return self._timed("copy", self._fresh(self._at_once), [])

    def delete(self) -> float:
        """Seconds that removing as many takes."""
        newest = "SELECT id, uuid FROM asset ORDER BY id DESC LIMIT ?"
        doomed = self._database.execute(newest, (self._at_once,)).fetchall()
        return self._timed("purge", [], doomed)

    def close(self) -> None:
        os.close(self._log)
        self._database.close()

    def _fresh(self, count: int) -> list[bytes]:
        block = ids.new_block(count)
        return [block[16 * n : 16 * n + 16] for n in range(count)]

    def _insert(self, uuids: list[bytes]) -> None:
        self._database.executemany(_ASSET, [(each, f"{each.hex()}.png") for each in uuids])

    def _timed(self, verb: str, made: list[bytes], doomed: list[tuple[int, bytes]]) -> float:
        self._operations += 1
        number, told = self._operations, self._fresh(self._at_once + 1)
        of_item = "asset.copied" if made else "asset.deleted"
        about = [*made, *(uuid for _, uuid in doomed)]
        keys = [*(1 for _ in made), *(key for key, _ in doomed)]
        items = [
            (number, n, key, uuid, *((1, f"{uuid.hex()}.png", uuid) if made else (None, None, None)))
            for n, (key, uuid) in enumerate(zip(keys, about, strict=True))
        ]
        events = [
            (own, of_item, uuid, number, "request", _DATA) for own, uuid in zip(told[1:], about, strict=True)
        ]
        events.append((told[0], f"operation.{verb}", None, number, "request", _DATA))
        answer = (told[0].hex(), told[0], _LINE * self._at_once)

        began = time.perf_counter()
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(_OPERATION, (told[0], verb, _REQUEST, self._at_once, _REQUEST))
        self._database.executemany(_ITEM, items)
        self._insert(made)
        self._database.executemany("DELETE FROM asset WHERE id = ?", [(key,) for key, _ in doomed])
        self._database.executemany(_EVENT, events)
        self._database.execute(_ANSWER, answer)
        self._database.execute("COMMIT")
        os.fdatasync(self._log)
        return time.perf_counter() - began
