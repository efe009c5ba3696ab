"""When loose bytes are swept: at once when somebody says so, and at nobody's expense where there are none."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update

from stackroom import app, clock, ids
from stackroom.app import _clear_out, _keep_forgetting, _keep_sweeping
from stackroom.clock import HOUR
from stackroom.database import flavour
from stackroom.database.schema import batch, operation, upload, worker
from stackroom.database.transaction import Connection, Database, Work
from stackroom.errors import Unavailable
from stackroom.library import blobs
from stackroom.library.sweep import any_due, expire, sweep
from stackroom.operations.forgetting import KEPT_FOR
from stackroom.operations.request import Verb
from stackroom.queue import workers
from stackroom.storage.blobstore import StoredObject
from stackroom.storage.keys import rendition_key
from stackroom.storage.staging import Staging
from stackroom.testing.builders import Library, a_library
from stackroom.testing.memory_store import MemoryStore
from stackroom.web.shared.services import Services

pytestmark = pytest.mark.every_database


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """One of its own, where nobody else has left anything to be swept."""
    with a_library(database_url) as opened:
        yield opened


class Watched:
    """A database whose transactions are counted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = self.writes = 0

    async def read(self, work: Work[Any]) -> Any:
        found = await self._database.read(work)
        self.reads += 1
        return found

    async def write(self, work: Work[Any]) -> Any:
        done = await self._database.write(work)
        self.writes += 1
        return done


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is counted tells nobody of it
            await asyncio.sleep(0.002)


def test_who_leaves_nothing_behind_has_nothing_written(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SWEEP_PAUSE", 0.0)
    watched, store, soon = Watched(library.database), MemoryStore(), asyncio.Event()
    services = SimpleNamespace(
        database=watched,
        store=store,
        sweep_soon=soon,
        settings=SimpleNamespace(batches_kept_days=0),
        now=lambda: library.now,
    )

    async def live() -> None:
        sweeping = asyncio.create_task(_keep_sweeping(cast("Services", services)))
        try:
            await until(lambda: watched.writes >= 2)  # a round: what has expired, and old batches
            round_took = watched.writes
            for _ in range(3):
                before = watched.reads
                soon.set()
                await until(lambda before=before: watched.reads > before)
            assert watched.writes == round_took
            key = await watched.write(lambda conn: blobs.announce(conn, ids.new(), b"s" * 32, now=-clock.DAY))
            (tmp_path / "left").write_bytes(b"left behind")
            store.put(key, tmp_path / "left")
            assert await watched.read(lambda conn: any_due(conn, now=library.now))
            soon.set()
            await until(
                lambda: watched.writes == round_took + 3
            )  # and ours, what has expired, the key is struck
            assert not list(store.objects(key))
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    library.do(live())


class Stubborn(MemoryStore):
    """A store that lets go of nothing."""

    def delete(self, keys: Sequence[str]) -> None:
        raise Unavailable(f"not {', '.join(keys)}")


def test_old_batches_are_forgotten_while_a_store_lets_go_of_nothing(library: Library, tmp_path: Path) -> None:
    watched, store = Watched(library.database), Stubborn()
    (tmp_path / "left").write_bytes(b"left behind")
    key = library.write(lambda conn: blobs.announce(conn, ids.new(), b"s" * 32, now=-clock.DAY))
    store.put(key, tmp_path / "left")
    old = {
        "uuid": ids.new(),
        "organization_id": library.an_organization().id,
        "priority": 1,
        "count": 0,
        "created_at": 0,
        "finished_at": 0,
    }
    library.write(lambda conn: conn.execute(insert(batch).values(old)))
    services = SimpleNamespace(
        database=watched,
        store=store,
        sweep_soon=asyncio.Event(),
        settings=SimpleNamespace(batches_kept_days=1),
        now=lambda: library.now,
    )

    async def live() -> None:
        sweeping = asyncio.create_task(_keep_sweeping(cast("Services", services)))
        try:
            await until(lambda: watched.writes >= 3)  # what has expired, nothing struck, old batches
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    library.do(live())
    assert list(store.objects(key))
    assert library.read(lambda conn: conn.execute(select(batch.c.id)).all()) == []


def test_a_server_forgets_journals_that_are_old_and_no_others(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=2)
    library.submit(actor, Verb.ARCHIVE, photos.ids[:1], photos)
    library.now += KEPT_FOR
    kept = library.submit(actor, Verb.ARCHIVE, photos.ids[1:], photos)
    services = SimpleNamespace(
        database=library.database,
        settings=SimpleNamespace(events_kept_days=0, requests_kept_days=0, deliveries_kept_days=0),
        now=lambda: library.now,
    )

    def journals(conn: Connection) -> list[int]:
        mine = operation.c.organization_id == actor.organization_id
        return list(conn.scalars(select(operation.c.id).where(mine)))

    async def live() -> None:
        forgetting = asyncio.create_task(_keep_forgetting(cast("Services", services)))
        try:
            async with asyncio.timeout(20):
                while await library.database.read(journals) != [kept.id]:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.002)
        finally:
            forgetting.cancel()
            await asyncio.gather(forgetting, return_exceptions=True)

    library.do(live())


class Far(MemoryStore):
    """A store that answers nobody who asks for a list until several do."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Barrier(4)

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        self.asked.wait(20)
        return super().objects(prefix)


def test_a_store_that_is_far_away_is_asked_of_many_objects_at_a_time(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "left").write_bytes(b"left behind")

    def leave(conn: Connection) -> list[str]:
        return [blobs.announce(conn, ids.new(), bytes([n]) * 32, now=-clock.DAY) for n in range(8)]

    store = Far()
    for key in library.write(leave):
        store.put(key, tmp_path / "left")
        store.put(rendition_key(key, "256.webp"), tmp_path / "left")
    assert library.do(sweep(library.database, store, lambda: library.now)).objects == 8
    assert not list(MemoryStore.objects(store))


def test_more_uploads_may_have_expired_than_a_statement_can_name(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    shared = {
        "organization_id": ada.organization_id,
        "dataset_id": photos.id,
        "folder_path": "/",
        "content_type": "image/jpeg",
        "created_at": 0,
        "expires_at": library.now,
    }
    late = [{**shared, "uuid": ids.new(), "name": f"{n}.jpg"} for n in range(2**15)]

    def announce(conn: Connection) -> None:
        for start in range(0, len(late), 1_000):
            conn.execute(insert(upload), late[start : start + 1_000])

    library.write(announce)
    assert library.write(lambda conn: expire(conn, now=library.now)) == len(late)
    assert library.write(lambda conn: expire(conn, now=library.now)) == 0


def test_a_server_that_starts_leaves_alone_what_arrives_at_another(library: Library, tmp_path: Path) -> None:
    staging = Staging(tmp_path / "arriving", 10)
    services = SimpleNamespace(database=library.database, staging=staging, now=clock.now)

    def another(conn: Connection) -> bool:
        workers.register(conn, name="elsewhere:1:1:1", version="0", slots=1, now=clock.now())
        return flavour.of(conn) is flavour.SQLITE

    def clear_out() -> list[Path]:
        library.do(_clear_out(cast("Services", services)))
        return list((tmp_path / "arriving").iterdir())

    with staging.receive() as arrival:
        arrival.write(b"half")
        nobody_else_can_be_there = library.write(another)
        assert (clear_out() == []) == nobody_else_can_be_there
        silent = clock.now() - HOUR
        library.write(lambda conn: conn.execute(update(worker).values(heartbeat_at=silent)))
        assert clear_out() == []
