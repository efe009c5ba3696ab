"""What is looked up again and again is as fresh as what is read."""

import asyncio

import pytest

from stackroom.database.transaction import Connection
from stackroom.library import organizations
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


class Looking:
    """How many organizations there are, and how often anybody really looked."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.looks = 0

    def count(self, subject: str = "organizations") -> int:
        return self._library.do(self._library.database.look_up(subject, self._look))

    def _look(self, conn: Connection) -> int:
        self.looks += 1
        return organizations.count_organizations(conn)


def test_what_was_written_is_found_at_once(library: Library) -> None:
    looking = Looking(library)
    before = looking.count()
    for n in range(1, 4):
        library.an_organization()
        assert looking.count() == looking.count() == before + n


def test_what_nobody_else_can_change_is_looked_for_once(library: Library, database_kind: str) -> None:
    library.an_organization()
    looking = Looking(library)
    for _ in range(5):
        looking.count()
    assert looking.looks == (1 if database_kind == "sqlite" else 5)
    looking.count("the same, under another name")
    assert looking.looks == (2 if database_kind == "sqlite" else 6)


def test_a_write_that_is_refused_makes_it_look_again(library: Library) -> None:
    looking = Looking(library)
    before = looking.count()
    library.an_organization(name="Twice")
    with pytest.raises(Exception, match="Twice"):
        library.an_organization(name="Twice")
    assert looking.count() == before + 1


def test_what_is_found_while_somebody_writes_is_not_kept(library: Library, database_kind: str) -> None:
    """The look begins before the write and ends after it: its find is old by then."""
    if database_kind != "sqlite":
        pytest.skip("nothing is kept there")
    database = library.database

    async def both() -> list[int]:
        found = []
        for n in range(20):
            look = asyncio.create_task(database.look_up("names", organizations.count_organizations))
            write = asyncio.create_task(
                database.write(
                    lambda conn, n=n: organizations.create_organization(  # type: ignore[misc]
                        conn, f"Race {n} {library.now}", now=library.now
                    )
                )
            )
            await asyncio.gather(look, write)
            found.append(await database.look_up("names", organizations.count_organizations))
        return found

    before = library.read(organizations.count_organizations)
    assert library.do(both()) == [before + n + 1 for n in range(20)]
