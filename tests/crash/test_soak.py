"""A server that is killed at random, again and again, while several clients work: each request has one effect."""

import os
import random
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stackroom.testing.pictures import some_pictures

from .lives import NATIVE, Lives, answered

KILLS = 10 if os.environ.get("CI") else 8
SECONDS = 75.0  # less killing where a start takes long
CLIENTS = 3
PATIENCE = 60.0
# The same few pictures for everybody: what one purges, another is just bringing in.
PICTURES = some_pictures(4)


class Worker:
    """A client that changes one dataset at random, and knows what must then be in it.

    The model is where each asset is, by id. Every change gets a key of its own, and is asked for until it is
    answered; if one had two effects, or none, the dataset would not be what the model says.
    """

    def __init__(self, lives: Lives, dataset: str, seed: int) -> None:
        self.dataset = dataset
        self.live: dict[str, str] = {}
        self.archived: dict[str, str] = {}
        self.operations: set[str] = set()
        self._random = random.Random(seed)
        self._client = lives.client(self._wait)
        self._answered_at = time.monotonic()
        self._keys = 0
        self._undo: tuple[str, dict[str, str], dict[str, str]] | None = None

    def work(self, until: threading.Event) -> None:
        self._client.make_dataset(self.dataset, once=self.dataset)
        while not until.is_set():
            verbs = [self.upload, self.copy, self.move, self.archive, self.purge, self.undo]
            self._random.choices(verbs, weights=[6, 4, 4, 2, 1, 3])[0]()
            self._answered_at = time.monotonic()

    def upload(self) -> None:
        content, folder, key = self._random.choice(PICTURES), self._folder(), self._key()
        made = self._client.upload(self.dataset, folder, f"{key}.jpg", content, once=f"{self.dataset} {key}")
        self.live[answered(made, 201)["image_id"]] = folder
        self._undo = None

    def copy(self) -> None:
        folder = self._folder()
        result = self._change("copy", target_folder_path=folder)
        self.live |= {each["id"]: folder for each in result["created"]}
        assert [each["source_id"] for each in result["created"]] == result["succeeded"]

    def move(self) -> None:
        folder = self._folder()
        self.live |= dict.fromkeys(self._change("move", target_folder_path=folder)["succeeded"], folder)

    def archive(self) -> None:
        for each in self._change("delete")["succeeded"]:
            self.archived[each] = self.live.pop(each)

    def purge(self) -> None:
        for each in self._change("delete", permanent=True)["succeeded"]:
            del self.live[each]
        self._undo = None

    def undo(self) -> None:
        """Take the last change back, if that is possible."""
        if self._undo is None:
            return
        operation, self.live, self.archived = self._undo
        path = f"{NATIVE}/operations/{operation}/undo"
        undone = answered(self._client.ask("POST", path, {}, once=f"{self.dataset} {self._key()}"))
        # A move to where an image is already changed nothing, and has nothing to take back.
        assert undone["outcomes"].get("done", 0) == undone["total"]
        self.operations.add(undone["id"])
        self._undo = None

    def check(self) -> None:
        there = {each["id"]: each["folder"] for each in self._client.assets(self.dataset)}
        hidden = {each["id"]: each["folder"] for each in self._client.assets(self.dataset, "true")}
        assert (there, hidden) == (self.live, self.archived)

    def _change(self, verb: str, **more: Any) -> dict[str, Any]:
        """One batch over a few live assets, all of which must succeed."""
        chosen = self._random.sample(sorted(self.live), min(len(self.live), self._random.randint(1, 5)))
        if not chosen:
            return {"succeeded": [], "created": []}
        before = dict(self.live), dict(self.archived)
        asked = self._client.batch(verb, self.dataset, chosen, once=f"{self.dataset} {self._key()}", **more)
        result: dict[str, Any] = answered(asked)
        assert (result["succeeded"], result["failed"]) == (chosen, [])
        self.operations.add(result["operation_id"])
        self._undo = (result["operation_id"], *before)
        return result

    def _folder(self) -> str:
        return f"/{self._random.randint(1, 5)}"

    def _key(self) -> int:
        self._keys += 1
        return self._keys

    def _wait(self) -> None:
        assert time.monotonic() - self._answered_at < PATIENCE, "no answer for too long"
        time.sleep(0.02)


class KilledAtRandom:
    def test_every_request_has_one_effect(self, lives: Lives) -> None:
        seed = secrets.randbelow(2**32)
        print(f"seed {seed}")  # noqa: T201 - shown when it fails
        chance, done = random.Random(seed), threading.Event()
        lives.start()
        end = time.monotonic() + SECONDS
        workers = [Worker(lives, f"soak {n}", seed + n) for n in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as threads:
            working = [threads.submit(each.work, done) for each in workers]
            try:
                for _ in range(KILLS):
                    time.sleep(chance.uniform(0.1, 1.2))
                    lives.server.kill()
                    lives.server.start()
                    if time.monotonic() > end:
                        break
            finally:
                done.set()
            for each in working:
                each.result()
        for worker in workers:
            worker.check()
        with lives.client() as client:
            known = {each["id"] for each in client.operations()}
        assert known == set().union(*(each.operations for each in workers))
        lives.check()
        lives.check_to_the_last_byte()


class TestOnSqlite(KilledAtRandom):
    DATABASE = "sqlite"


class TestOnPostgresql(KilledAtRandom):
    DATABASE = "postgresql"
