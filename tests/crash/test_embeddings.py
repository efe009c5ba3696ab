"""A round of vectors while whoever makes it dies: it goes on where it was, and each asset has its vector in the end."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from stackroom.cli import steward
from stackroom.faults import EXIT_CODE
from stackroom.testing.nursery import Nursery
from stackroom.testing.processes import wait_until

from .lives import Lives, answered

MADE = ("embed:after-portion",)
DATASET = "cars"
ASSETS = 500


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, database: str | None
) -> Iterator[Lives]:
    data_dir = tmp_path_factory.mktemp("library") / "data"
    found = Lives(data_dir, nursery, database_url=database)
    yield found
    if found.server.running:
        found.server.kill()


class Rounds:
    DATABASE: ClassVar[str]

    def test_a_round_that_dies_between_two_portions_goes_on(self, lives: Lives) -> None:
        with lives.start().client() as client:
            client.make_dataset(DATASET)
            client.upload_three(DATASET, seed=1)
            answered(client.ask("GET", "/api/v0/search", q="1", search_mode="semantic"))
            assert wait_until(lives.all_embedded, seconds=30)
            there = client.multiply(DATASET, ASSETS)
            lives.start(*MADE)
            steward.rebuild_embeddings(lives.settings, None)
            assert wait_until(lambda: not lives.server.running, seconds=30) or lives.deaths
            if not lives.server.running:
                lives.come_back()
        assert lives.deaths == [EXIT_CODE]
        assert wait_until(lambda: lives.embeddings()[1][0].standing.embedded == there, seconds=60)
        lives.check()


class TestOnSqlite(Rounds):
    DATABASE = "sqlite"


class TestOnPostgresql(Rounds):
    DATABASE = "postgresql"
