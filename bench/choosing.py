"""Which assets a measured operation is about: ten thousand anywhere, or ten thousand of one folder."""

import random
import sqlite3

import msgspec

from stackroom import ids


class Chosen(msgspec.Struct, frozen=True):
    """Assets, in no order. For the floor: row id, folder, blob; for the server: ids as clients write them."""

    rows: list[tuple[int, int, int]]
    uuids: list[str]


class Chooser:
    """Draws live assets that were there from the beginning, and have not been copied since: a purge of one then
    takes its bytes along, and the floor may do so without looking."""

    def __init__(
        self, connection: sqlite3.Connection, assets: int, crowded: tuple[int, ...], seed: int = 1
    ) -> None:
        self._connection = connection
        self._assets = assets
        self._crowded = list(crowded)
        self._chance = random.Random(seed)
        self._taken: set[int] = set()

    def begin_round(self) -> None:
        """From now on assets drawn before may be drawn again. Within a round no two draws overlap."""
        self._taken.clear()

    def anywhere(self, count: int) -> Chosen:
        drawn = self._chance.sample(range(1, self._assets + 1), min(self._assets, count + count // 2 + 100))
        numbers = ", ".join(map(str, set(drawn) - self._taken))
        return self._shuffled(f"id IN ({numbers})", count)

    def of_one_folder(self, count: int) -> Chosen:
        """Of another crowded folder each time, until all had their turn."""
        self._crowded.append(self._crowded.pop(0))
        return self._shuffled(f"folder_id = {self._crowded[-1]}", count)

    def _shuffled(self, where: str, count: int) -> Chosen:
        rows = self._connection.execute(
            f"""SELECT id, folder_id, blob_id, uuid FROM asset WHERE {where} AND archived_at IS NULL
                AND id <= {self._assets} AND blob_id NOT IN (SELECT blob_id FROM asset WHERE id > {self._assets})"""
        ).fetchall()
        if len(rows) < count:
            raise RuntimeError(f"only {len(rows)} assets where {count} are wanted: make the library larger")
        drawn = self._chance.sample(rows, count)
        self._taken.update(row[0] for row in drawn)
        return Chosen([row[:3] for row in drawn], [ids.text(row[3]) for row in drawn])
