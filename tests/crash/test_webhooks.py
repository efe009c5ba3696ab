"""A server that dies between a change and the telling of it: who asked to be told is told, at least once, of all."""

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

import pytest

from stackroom.faults import EXIT_CODE
from stackroom.testing.live import ServerDidNotStart
from stackroom.testing.nursery import Nursery
from stackroom.testing.processes import wait_until
from stackroom.testing.receiver import Receiver

from .lives import NATIVE, Client, Lives, answered

TOLD = ("tell:before-commit", "deliver:before-send", "deliver:after-send")
PATIENCE = 120  # on PostgreSQL a worker that nobody could bury is missed after 15 seconds, twice


class ShortLives(Lives):
    """What has been left untold is told at once, so a life may be over before it has said that it began."""

    def _live(self) -> None:
        try:
            super()._live()
        except ServerDidNotStart:
            self.come_back()


@pytest.fixture(scope="class")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory,
    nursery: Nursery,
    database: str | None,
    receiver: Receiver,
) -> Iterator[Lives]:
    allowed = ["--webhook-allow", receiver.host, "--webhook-minute", "0.05"]
    found = ShortLives(
        tmp_path_factory.mktemp("library") / "data", nursery, database_url=database, arguments=allowed
    )
    yield found
    if found.server.running:
        found.server.kill()


@pytest.fixture(scope="class")
def client(lives: Lives, receiver: Receiver) -> Iterator[Client]:
    lives.start()
    with lives.client() as asking:
        wanted = {"url": receiver.url("ok"), "event_types": ["dataset.created"]}
        answered(asking.ask("POST", f"{NATIVE}/webhooks", wanted, once="webhook"), 201)
        yield asking


class Telling:
    """The tests, for each database. They share one library."""

    DATABASE: ClassVar[str]

    def test_what_a_death_has_interrupted_is_told_by_the_next_life(
        self, lives: Lives, client: Client, receiver: Receiver
    ) -> None:
        lives.start(*TOLD)
        client.make_dataset("told", once="told")

        def delivered() -> bool:
            found = answered(client.ask("GET", f"{NATIVE}/deliveries"))["deliveries"]
            return [each["state"] for each in found] == ["delivered"]

        assert wait_until(lambda: delivered() and len(lives.deaths) == len(TOLD), seconds=PATIENCE)
        assert lives.deaths == [EXIT_CODE] * len(TOLD)
        heard = {each.headers["webhook-id"]: each.body for each in receiver.heard}
        assert len(heard) == 1
        assert Counter(each.json()["data"]["name"] for each in receiver.heard) == {"told": 2}
        lives.check()

    def test_what_was_answered_is_told_though_the_server_is_killed_at_once(
        self, lives: Lives, client: Client, receiver: Receiver
    ) -> None:
        lives.start()
        names = {client.make_dataset(f"{n}", once=f"killed {n}") for n in range(10)}
        lives.server.kill()
        lives.start()
        assert wait_until(
            lambda: names <= {each.json()["data"]["name"] for each in receiver.heard}, seconds=PATIENCE
        )
        lives.check()


class TestOnSqlite(Telling):
    DATABASE = "sqlite"


class TestOnPostgresql(Telling):
    DATABASE = "postgresql"
