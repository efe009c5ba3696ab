"""A library whose server dies and comes back, and a client that asks again until it is answered."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from stackroom import clock, faults
from stackroom.app import open_library
from stackroom.doctor import examine, opened_to_read
from stackroom.library.sweep import sweep
from stackroom.library.vectors import Model
from stackroom.processing import stewarding
from stackroom.processing.stewarding import Seen
from stackroom.settings import Settings
from stackroom.storage.opening import store_of
from stackroom.testing.live import LiveServer
from stackroom.testing.nursery import Nursery
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

PICTOGRAPH = "/api/v1/developer"
NATIVE = "/library/v1"
LATER = 2 * clock.HOUR  # by then nothing that was left behind may still be there


class Lives:
    """A library on a data directory, through all the lives of its server."""

    def __init__(
        self,
        data_dir: Path,
        nursery: Nursery,
        *,
        database_url: str | None = None,
        storage_url: str = "",
        arguments: Sequence[str] = (),
    ) -> None:
        self.server = LiveServer(
            data_dir,
            database_url=database_url,
            environment={"STACKROOM_STORAGE_URL": storage_url},
            arguments=["--pixel-processes", "1", *arguments],
            patience=60,
            nursery=nursery,
        )
        self.settings = Settings(data_dir=data_dir, database_url=database_url or "", storage_url=storage_url)
        self.store = store_of(self.settings)
        self.deaths: list[int] = []
        self._faults: list[str] = []

    def start(self, *points: str) -> Self:
        """Begin a life that dies at the first of these fault points, then one that dies at the second, and so
        on. The last life has no fault."""
        if self.server.running:
            self.server.kill()
        self.deaths.clear()
        self._faults = list(points)
        self._live()
        return self

    def come_back(self) -> None:
        """Called by a client that got no answer: wait for the death, and begin the next life."""
        self.deaths.append(self.server.wait())
        self._live()

    def _live(self) -> None:
        self.server.start(**{faults.VARIABLE: self._faults.pop(0) if self._faults else ""})

    def client(self, on_loss: Callable[[], None] | None = None) -> "Client":
        return Client(lambda: self.server.url, self.first_key(), on_loss or self.come_back)

    def first_key(self) -> str:
        """The key that the first start of this library has printed."""
        printed = [line for line in self.server.log.read_text().splitlines() if '"first_key"' in line]
        assert len(printed) == 1
        key: str = json.loads(printed[0])["api_key"]
        return key

    def stored(self) -> set[str]:
        """What lies in the store, by key; in its folder, also what does not belong there."""
        root = self.settings.storage_dir
        files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
        return {str(file.relative_to(root)) for file in files} | {each.key for each in self.store.objects()}

    def staged(self) -> list[str]:
        folder = self.settings.staging_dir
        return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []

    def check(self) -> None:
        """Hold the library to its promises, beside its server."""
        found = examine(self.settings, deep=True)
        assert found == [], found

    def check_to_the_last_byte(self) -> None:
        """Stop, sweep as if the time of all that was left behind had come, and find nothing left behind."""
        if self.server.running:
            assert wait_until(self.all_embedded, seconds=180)
            assert self.server.stop() == 0
        if self.settings.database_url:  # who started beside others left alone what might have been theirs
            self.server.start()
            assert self.server.stop() == 0
        assert self.staged() == []
        asyncio.run(self._sweep_later())
        assert examine(self.settings, deep=True, now=lambda: clock.now() + 2 * LATER) == []

    def all_embedded(self) -> bool:
        """Whether no asset waits for its vector, where any has one."""
        seen = [each for each in self.embeddings()[1] if each.round is not None or each.standing.embedded]
        return not any(each.standing.waiting for each in seen)

    def embeddings(self) -> tuple[Model | None, list[Seen]]:
        """How its organizations stand with their vectors, past its server."""

        async def read() -> tuple[Model | None, list[Seen]]:
            async with opened_to_read(self.settings) as database:
                return await database.read(stewarding.status)

        return asyncio.run(read())

    async def _sweep_later(self) -> None:
        async with open_library(self.settings, now=lambda: clock.now() + LATER) as services:
            await sweep(services.database, services.store, services.now)


class Client:
    """Talks plain HTTP. Whatever it is not answered it asks again, word for word, with the same key."""

    def __init__(self, url: Callable[[], str], api_key: str, on_loss: Callable[[], None]) -> None:
        self._url = url
        self._on_loss = on_loss
        # No connection outlives its answer: one that a dead server had would be a second loss.
        self._http = httpx.Client(
            headers={"X-API-Key": api_key},
            timeout=60,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            verify=False,  # nothing is encrypted, and to read all certificates takes longer than the requests
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, body: object = None, *, once: str | None = None, **query: Any
    ) -> httpx.Response:
        """One request, as often as it takes to be answered. `once` is its idempotency key."""
        headers = {"Idempotency-Key": once} if once else {}
        return self._insist(
            lambda: self._http.request(
                method, self._url() + path, json=body, headers=headers, params=query or None
            )
        )

    def put(self, url: str, content: bytes, content_type: str) -> httpx.Response:
        return self._insist(
            lambda: self._http.put(url, content=content, headers={"Content-Type": content_type})
        )

    def send_form(self, path: str, name: str, content: bytes, kind: str, *, once: str) -> httpx.Response:
        """A form with this file."""
        return self._insist(
            lambda: self._http.post(
                self._url() + path, files={"file": (name, content, kind)}, headers={"Idempotency-Key": once}
            )
        )

    def get(self, url: str) -> httpx.Response:
        return self._insist(lambda: self._http.get(url))

    def make_dataset(self, name: str, *, once: str | None = None) -> str:
        answered(self.ask("POST", f"{NATIVE}/datasets", {"name": name}, once=once), 201)
        return name

    def upload(
        self,
        dataset: str,
        folder: str,
        name: str,
        content: bytes,
        *,
        once: str | None,
        kind: str = "image/jpeg",
    ) -> httpx.Response:
        """The three steps; the answer to the last of them."""
        ticket = self.ticket(dataset, folder, name, kind)
        answered(self.put(ticket["upload_url"], content, kind))
        return self.register(dataset, folder, name, content, ticket["gcs_path"], once=once)

    def ticket(self, dataset: str, folder: str, name: str, kind: str = "image/jpeg") -> dict[str, Any]:
        """Leave to send one file: `upload_url` and `gcs_path`."""
        place = {"dataset_name": dataset, "filename": name, "folder_path": folder, "content_type": kind}
        given: dict[str, Any] = answered(self.ask("POST", f"{PICTOGRAPH}/images/upload-url", place))
        return given

    def register(
        self, dataset: str, folder: str, name: str, content: bytes, ticket: str, *, once: str | None
    ) -> httpx.Response:
        body = {"dataset_name": dataset, "filename": name, "folder_path": folder, "gcs_path": ticket}
        return self.ask(
            "POST", f"{PICTOGRAPH}/images/register", {**body, "file_size": len(content)}, once=once
        )

    def upload_three(self, dataset: str, *, seed: int) -> list[str]:
        """Three images that are nowhere else, without a key, so that these writes reach no point of an answer."""
        contents = [picture(seed=seed + n, width=128) for n in range(3)]
        made = [self.upload(dataset, "/", f"{n}.jpg", each, once=None) for n, each in enumerate(contents)]
        return [answered(each, 201)["image_id"] for each in made]

    def multiply(self, dataset: str, count: int) -> int:
        """Copy all assets of a dataset, again and again, until they are more than `count`; how many they then are."""
        everything, there = {"filter": {"dataset": dataset}}, 0
        while there <= count:
            begun = self.run("copy", everything, to={"folder": f"/{there}"}, once=None)
            there = 2 * int(self.finished(begun.json()["id"])["total"])
        return there

    def batch(self, verb: str, dataset: str, ids: list[str], *, once: str, **more: Any) -> httpx.Response:
        method = "PATCH" if verb == "update" else "POST"
        body = {"dataset_name": dataset, "image_ids": ids, **more}
        return self.ask(method, f"{PICTOGRAPH}/batch/images/{verb}", body, once=once)

    def submit(
        self, dataset: str, origins: Sequence[str], *, once: str | None, **more: Any
    ) -> httpx.Response:
        """A batch of these origins, each with its own name for a key."""
        items = [{"origin": each, "key": each.rpartition("/")[2]} for each in origins]
        body = {"dataset": dataset, "items": items, **more}
        return self.ask("POST", f"{NATIVE}/batches", body, once=once)

    def the_batch(self, batch_id: str) -> dict[str, Any]:
        return answered(self.ask("GET", f"{NATIVE}/batches/{batch_id}"))

    def finished_batch(self, batch_id: str, seconds: float = 90) -> dict[str, Any]:
        """A batch once it has come to its end, which it does without being asked."""
        assert wait_until(lambda: self.the_batch(batch_id)["finished_at"] is not None, seconds=seconds)
        return self.the_batch(batch_id)

    def arrivals(self, batch_id: str) -> list[dict[str, Any]]:
        """Every item of a batch, in order."""
        query = {"limit": 1000}
        return answered(self.ask("GET", f"{NATIVE}/batches/{batch_id}/items", **query))["items"]

    def run(self, verb: str, selection: dict[str, Any], *, once: str | None, **more: Any) -> httpx.Response:
        """A native operation."""
        body = {"verb": verb, "selection": selection, **more}
        return self.ask("POST", f"{NATIVE}/operations", body, once=once)

    def operation(self, operation_id: str) -> dict[str, Any]:
        return answered(self.ask("GET", f"{NATIVE}/operations/{operation_id}"))

    def finished(self, operation_id: str, seconds: float = 60) -> dict[str, Any]:
        """A large operation once it has come to its end, which it does without being asked."""
        assert wait_until(lambda: self.operation(operation_id)["state"] != "running", seconds=seconds)
        return self.operation(operation_id)

    def operations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = answered(self.ask("GET", f"{NATIVE}/operations", limit=1000))[
            "operations"
        ]
        return found

    def items(self, operation_id: str) -> Iterator[dict[str, Any]]:
        """Every item of an operation, in order."""
        after: int | None = None
        while True:
            query = {} if after is None else {"after": after}
            page = answered(
                self.ask("GET", f"{NATIVE}/operations/{operation_id}/items", limit=10_000, **query)
            )
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def assets(self, dataset: str, archived: str = "false") -> list[dict[str, Any]]:
        """Every asset of a dataset."""
        found: list[dict[str, Any]] = []
        query = {"dataset": dataset, "recursive": "true", "archived": archived, "limit": 1000}
        while True:
            page = answered(self.ask("GET", f"{NATIVE}/assets", **query))
            found += page["assets"]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def places(self, dataset: str, archived: str = "false") -> list[str]:
        """The paths of a dataset's assets, in order."""
        return sorted(
            f"{each['folder'].rstrip('/')}/{each['name']}" for each in self.assets(dataset, archived)
        )

    def _insist(self, step: Callable[[], httpx.Response]) -> httpx.Response:
        while True:
            try:
                return step()
            except httpx.TransportError:
                self._on_loss()


def never() -> None:
    """For a client that must be answered at once."""
    raise AssertionError("the server did not answer")


def answered(response: httpx.Response, status: int = 200) -> Any:
    """What an answer says, which must be a good one."""
    assert response.status_code == status, response.text
    return response.json() if response.content else None


def same_again(first: httpx.Response, second: httpx.Response) -> None:
    """Assert that `second` is the answer of `first`, given again."""
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"


def each_has_one_outcome(items: list[dict[str, Any]], operation: dict[str, Any]) -> None:
    """Assert that an operation's items are all there, once each, and that its counts are theirs."""
    assert [each["position"] for each in items] == list(range(operation["total"]))
    assert Counter(each["outcome"] for each in items) == operation["outcomes"]
    assert operation["succeeded"] + operation["failed"] == operation["total"]
    assert operation["pending"] == 0
