"""Keys that are made from the command line while the server dies and comes back: what was printed counts."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from stackroom.testing.live import LiveServer, ServerDidNotStart

from .lives import NATIVE, Client, Lives, answered


class MakingKeys:
    DATABASE: ClassVar[str]

    def test_a_key_that_was_printed_counts(self, lives: Lives) -> None:
        """The command asks the server, waits for one that starts, and does it itself where none runs."""
        lives.start()
        with ThreadPoolExecutor(2) as commands:
            making = [commands.submit(lives.server.create_key, "default", "viewer") for _ in range(6)]
            for _ in range(3):
                time.sleep(0.7)
                lives.server.kill()
                time.sleep(0.3)
                start_when_free(lives.server)
            made = [each.result() for each in making]
        assert len({each["key_id"] for each in made}) == len(made)
        for each in made:
            with Client(lambda: lives.server.url, each["api_key"], lives.come_back) as viewer:
                assert answered(viewer.ask("GET", f"{NATIVE}/whoami"))["key"]["id"] == each["key_id"]
        lives.check_to_the_last_byte()


def start_when_free(server: LiveServer) -> None:
    """A command that found no server may have the library for a moment, and a server does not wait for that."""
    for _ in range(10):
        try:
            server.start()
        except ServerDidNotStart as error:
            if "in use" not in str(error):
                raise
        else:
            return
    raise AssertionError("the library stays in use")


class TestOnSqlite(MakingKeys):
    DATABASE = "sqlite"


class TestOnPostgresql(MakingKeys):
    DATABASE = "postgresql"
