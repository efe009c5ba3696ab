"""Which assets a measured operation is about: ten thousand anywhere, or ten thousand of one folder."""

import random
from typing import Any, Protocol

import msgspec

from stackroom import ids


class Chosen(msgspec.Struct, frozen=True):
    """Assets. For the floor: row id, folder, blob; for the server: ids as clients write them."""

    rows: list[tuple[int, int, int]]
    uuids: list[str]


class Reading(Protocol):
    """A connection to the library, as `sqlite3` has it: what `execute` finds can be iterated over, and fetched."""

    def execute(self, sql: str, /) -> Any: ...
    def close(self) -> None: ...


class Chooser:
    """Draws live assets that were there from the beginning and have not been copied since: a purge of one then
    takes its bytes along, and the floor may remove them without looking."""

    def __init__(self, connection: Reading, assets: int, crowded: tuple[int, ...]) -> None:
        self._connection = connection
        self.assets = assets
        self._crowded = list(crowded)
        self._chance = random.Random(assets)
        self._taken: set[int] = set()

    def begin_round(self) -> None:
        """From now on assets drawn before may be drawn again. Within a round no two draws overlap."""
        self._taken.clear()

    def anywhere(self, count: int) -> Chosen:
        tried = min(self.assets, 2 * count + 100)  # by and by many have been purged or copied
        numbers = self._chance.sample(range(1, self.assets + 1), tried)
        return self._draw(self._usable(f"id IN ({', '.join(map(str, numbers))})"), count)

    def of_one_folder(self, count: int, *, listed: bool = False) -> Chosen:
        """Of another crowded folder each time, until all had their turn; if `listed`, in the order of a listing."""
        for _ in range(len(self._crowded)):
            self._crowded.append(self._crowded.pop(0))
            usable = self._usable(f"folder_id = {self._crowded[-1]}")
            if len(usable) >= count:
                return self._draw(usable, count, listed=listed)
        raise RuntimeError("no folder has enough left: make the library larger, or the rounds fewer")

    def some_ids(self, count: int) -> list[str]:
        """For readers: of assets that no operation removes for good, though it may archive them."""
        numbers = self._chance.sample(range(1, self.assets + 1), count)
        rows = self._connection.execute(
            f"SELECT uuid FROM asset WHERE id IN ({', '.join(map(str, numbers))})"
        )
        return [ids.text(row[0]) for row in rows]

    def _usable(self, where: str) -> list[tuple[int, int, int, bytes]]:
        first_ones = f"id <= {self.assets} AND archived_at IS NULL"
        copied = f"blob_id IN (SELECT blob_id FROM asset WHERE id > {self.assets})"
        rows = self._connection.execute(
            f"SELECT id, folder_id, blob_id, uuid FROM asset WHERE {where} AND {first_ones} AND NOT {copied}"
        )
        return [row for row in rows if row[0] not in self._taken]

    def _draw(self, usable: list[tuple[int, int, int, bytes]], count: int, *, listed: bool = False) -> Chosen:
        """In no order, unless they are `listed`, newest first."""
        drawn = self._chance.sample(usable, count)
        if listed:
            drawn.sort(reverse=True)
        self._taken.update(row[0] for row in drawn)
        return Chosen([row[:3] for row in drawn], [ids.text(row[3]) for row in drawn])
