"""Free numbers for names that are taken, found where the names are kept.

A folder may hold any number of files of one name, all numbered: a telephone calls each of its pictures `image.jpg`.
Reading all of them to name one more would make each slower than the one before, so at most `ALIKE` of them are read;
beyond that a free number is looked for in the index.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec
from sqlalchemy import Connection

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.library import assets
from stackroom.library.names import LAST_CHARACTER, beginning, has_room, numbered, plan_names

FIRST_NUMBER: Final = 2
"""The second `photo.jpg` of a folder becomes `photo-2.jpg`."""
ALIKE: Final = 1_000
"""Up to so many names that begin as a numbered name does, it gets the first number that is free."""
_ALL: Final = 2**31 - 1
_AT_ONCE: Final = 64
"""How many numbers are tried in one statement."""
_DOUBLINGS: Final = 40
"""No folder holds 2 to this power of anything."""
Place = tuple[int, str]


def free_name(conn: Connection, folder_id: int, name: str) -> str:
    """A clean name, or a free number of it where a live asset of the folder holds it: for whoever keeps others out of
    that folder until the commit."""
    if not assets.is_taken(conn, folder_id, name):
        return name
    [(_, found)] = free_names(conn, [(0, folder_id, name)], (), FIRST_NUMBER)
    return found


def free_names(
    conn: Connection,
    colliding: Sequence[tuple[int, int, str]],
    given: Iterable[Place],
    first_number: int,
) -> list[tuple[int, str]]:
    """A free name for each (position, folder, name), as (position, new name) by position: its first free number, and
    where more than `ALIKE` names begin like it, the first after numbers that are taken.

    `given` are (folder, name) that cannot be given although no live asset has them yet. Two statements however many
    there are; five or so more for each name of which there are more than `ALIKE`.
    """
    begins = {(folder, name): (folder, beginning(name)) for _, folder, name in colliding}
    alike = _alike(conn, begins)
    reserved = set(given)
    held = ((folder, name) for (folder, _), names in alike.items() for name in names or ())
    few: list[tuple[int, int, str]] = []
    many = defaultdict(list)
    for position, folder, name in colliding:
        if alike[begins[folder, name]] is None:
            many[folder, name].append(position)
        else:
            few.append((position, folder, name))
    planned = plan_names(few, chain(reserved, held), first_number)
    for place, positions in many.items():
        names = _beyond(conn, place, len(positions), reserved, first_number)
        planned += zip(positions, names, strict=True)
    return sorted(planned)


def _alike(conn: Connection, begins: Mapping[Place, Place]) -> dict[Place, list[str] | None]:
    """What live assets hold of all that begins as numbered forms do, by folder and beginning; None where that is more
    than `ALIKE`. What is cut to make room for a number is told apart only by who sees all of it."""
    long = {begin for (_, name), begin in begins.items() if not has_room(name)}
    short = set(begins.values()) - long
    found = {**_beginning(conn, short, ALIKE + 1), **_beginning(conn, long, _ALL)}
    return {place: None if place in short and len(names) > ALIKE else names for place, names in found.items()}


def _beginning(conn: Connection, places: Collection[Place], most: int) -> dict[Place, list[str]]:
    if not places:
        return {}
    how = flavour.of(conn)
    rows = conn.execute(
        statement(f"""SELECT s.position, s.value, (SELECT {how.gathered.format(value="held.name")}
                FROM (SELECT a.name FROM asset a WHERE a.folder_id = s.position AND a.archived_at IS NULL
                    AND a.name >= s.value AND a.name < s.value || :last ORDER BY a.name LIMIT :most) held)
            FROM {how.pairs} s"""),
        {"pairs": msgspec.json.encode(sorted(places)).decode(), "last": LAST_CHARACTER, "most": most},
    )
    return {(folder, begins): msgspec.json.decode(names or "[]") for folder, begins, names in rows}


def _beyond(conn: Connection, place: Place, count: int, given: Collection[Place], first: int) -> list[str]:
    """So many free names for one of which very many are there."""
    folder_id, name = place
    found: list[str] = []
    while len(found) < count:
        first = _after_taken(conn, place, first)
        window = max(count - len(found), _AT_ONCE) if count > 1 else 1
        candidates = [numbered(name, number) for number in range(first, first + window)]
        taken = assets.taken_names(conn, folder_id, candidates[1:]) if window > 1 else ()
        found += [each for each in candidates if each not in taken and (folder_id, each) not in given]
        first += window
    return found[:count]


def _after_taken(conn: Connection, place: Place, first: int) -> int:
    """A number from `first` on that is free; the one before it is taken, if it is not `first` itself. By doubling, and
    then by ever smaller steps: four statements among a hundred thousand."""
    folder_id, name = place
    below, free = first - 1, first + (1 << _DOUBLINGS)
    tried: Sequence[int] = [first + (1 << power) - 1 for power in range(_DOUBLINGS)]
    while tried:
        names = [numbered(name, number) for number in tried]
        taken = assets.taken_names(conn, folder_id, names)
        run = next((n for n, each in enumerate(names) if each not in taken), len(names))
        below = tried[run - 1] if run else below
        free = tried[run] if run < len(names) else free
        step = -(-(free - below) // _AT_ONCE)
        tried = range(below + step, free, step)
    return free
