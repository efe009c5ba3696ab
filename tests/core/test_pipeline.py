"""The way of one arrival: what is kept and as what, what is refused, and what is tried again."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.clock import HOUR
from stackroom.database.schema import asset, blob, embedding, upload
from stackroom.errors import Conflict, UnsupportedMedia
from stackroom.ingest import single
from stackroom.ingest.origins import Fail, Fetched, Retry
from stackroom.ingest.pipeline import ATTEMPTS, Pipeline
from stackroom.ingest.preparing import Arriving
from stackroom.ingest.single import Submitted
from stackroom.library import embeddings
from stackroom.library.channels import Channel
from stackroom.library.registrations import Registration
from stackroom.media.studio import Studio
from stackroom.operations.request import Verb
from stackroom.queue import claims, workers
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.storage.keys import rendition_key
from stackroom.storage.staging import Arrival, Staging
from stackroom.testing.builders import Library
from stackroom.testing.faulty_store import FaultyStore
from stackroom.testing.films import film
from stackroom.testing.memory_store import MemoryStore
from stackroom.testing.pictures import picture
from stackroom.testing.queues import claim_only
from stackroom.testing.recordings import recording

pytestmark = pytest.mark.every_database
FILE = Registration(channels=(Channel("file", "none"),))
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(100)


class Shelf:
    """Origins that a test fills: bytes to send, or what to raise."""

    def __init__(self) -> None:
        self.has: dict[str, bytes | Exception] = {}

    async def fetch(self, origin: str, arrival: Arrival, **_: object) -> Fetched:
        found = self.has[origin]
        if isinstance(found, Exception):
            raise found
        arrival.write(found)
        return Fetched(size=len(found), content_type=None, name=None)


class Works:
    """A pipeline over a store in memory, and a worker who takes what is submitted."""

    def __init__(self, library: Library, studio: Studio, folder: Path, **options: Any) -> None:
        self.library = library
        self.store = FaultyStore(MemoryStore())
        self.shelf = Shelf()
        self.pipeline = Pipeline(
            library.database,
            self.store,
            Staging(folder, 2**20),
            studio,
            self.shelf,  # type: ignore[arg-type]  # as much of it as a pipeline needs
            pyramid_pixels=options.pop("pyramid_pixels", 10**9),
            now=lambda: library.now,
            **options,
        )
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor)
        self.worker = library.write(
            lambda conn: workers.register(conn, name="test", version="0", slots=1, now=library.now)
        )

    def submit(self, content: bytes | Exception, key: str = "a", **rest: Any) -> Submitted:
        origin = rest.pop("origin", f"https://host.example/{key}.jpg")
        self.shelf.has[origin] = content
        arriving = Arriving(dataset_id=self.dataset.id, origin=origin, key=key, **rest)
        return self.library.write(
            lambda conn: single.submit(conn, self.actor, arriving, now=self.library.now)
        )

    def claim(self) -> list[Claimed]:
        """The organization's jobs."""
        return self.library.write(
            lambda conn: claim_only(conn, self.worker, self.actor, "ingest", now=self.library.now)
        )

    def run(self, job: Claimed) -> Result:
        return self.library.do(self.pipeline.run(job))

    def settle(self, *results: Result) -> None:
        self.library.write(lambda conn: claims.settle(conn, self.worker, results, now=self.library.now))

    def take_in(self, content: bytes | Exception, key: str = "a", **rest: Any) -> Result:
        """Submit it and have it done."""
        self.submit(content, key, **rest)
        [job] = self.claim()
        result = self.run(job)
        self.settle(result)
        return result

    def asset(self, key: str = "a") -> Any:
        query = select(asset).where(asset.c.dataset_id == self.dataset.id, asset.c.key == key)
        return self.library.read(lambda conn: conn.execute(query).one())

    def stored_at(self, key: str = "a") -> str:
        query = select(blob.c.storage_key).where(blob.c.id == self.asset(key).blob_id)
        return self.library.read(lambda conn: conn.execute(query).scalar_one())

    def content(self, key: str = "a") -> bytes:
        return b"".join(self.store.read(self.stored_at(key)))


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    made = Studio(processes=1)
    yield made
    asyncio.run(made.close())


@pytest.fixture
def works(library: Library, studio: Studio, tmp_path: Path) -> Works:
    return Works(library, studio, tmp_path / "staging", patience=0.0)


def test_a_picture_is_kept_with_its_thumbnails(works: Works) -> None:
    content = picture(width=640)
    assert works.take_in(content).state is State.DONE
    row = works.asset()
    assert (row.state, row.kind, row.content_type, row.width) == ("finished", "image", "image/jpeg", 640)
    assert (row.size, works.content()) == (len(content), content)
    for box in (100, 200, 400, 1024):
        assert works.store.size(rendition_key(works.stored_at(), f"thumb-{box}"))


def test_bytes_that_were_kept_an_hour_ago_become_nobodys_and_are_fetched_again(works: Works) -> None:
    """The database was away when they came, or the clock was put forward since."""
    content = picture(seed=61)
    works.submit(content)
    [job] = works.claim()
    result, later = works.run(job), works.library.now + HOUR
    with pytest.raises(Conflict, match="kept too late"):
        works.library.write(lambda conn: claims.settle(conn, works.worker, [result], now=later))
    assert works.asset().blob_id is None
    works.settle(works.run(job))
    assert works.content() == content


def test_a_heic_becomes_a_png_under_a_name_that_says_so(works: Works) -> None:
    works.take_in(picture("heic"), origin="https://host.example/photo.heic")
    row = works.asset()
    assert (row.content_type, row.name, row.original_name) == ("image/png", "a.png", "photo.heic")
    assert works.content().startswith(b"\x89PNG")


def test_what_comes_again_keeps_its_vector_unless_it_has_other_bytes(works: Works) -> None:
    works.take_in(picture())
    key = works.asset().id
    (about,) = works.library.read(lambda conn: embeddings.subjects(conn, [key]))
    put = partial(embeddings.put, about=about, model="a model", vector=bytes(8), now=works.library.now)
    assert works.library.write(put)
    there = select(embedding.c.model).where(embedding.c.asset_id == key)
    works.take_in(picture())
    assert works.library.read(lambda conn: conn.scalar(there)) == "a model"
    works.take_in(picture(seed=2))
    assert works.library.read(lambda conn: conn.scalar(there)) is None
    assert not works.library.write(put)  # of what it was before


def test_what_is_known_is_not_stored_again(works: Works) -> None:
    works.take_in(picture())
    puts = works.store.puts
    works.take_in(picture(), "b")
    assert works.store.puts - puts == 4  # its thumbnails, which are there
    assert works.stored_at("b") == works.stored_at("a")
    mine = upload.c.organization_id == works.actor.organization_id
    assert works.library.read(lambda conn: conn.execute(select(upload).where(mine)).all()) == []


@pytest.mark.parametrize(
    ("content", "media_type", "kept"),
    [
        (PDF, "application/pdf", ("document", "application/pdf")),
        (MP4, "video/mp4", ("video", "video/mp4")),
        (MP4, "image/unknown", ("video", "video/mp4")),
        (b"a,b\n1,2\n", "text/csv", ("document", "text/csv")),
        (b"ID3\x04" + bytes(50), "audio/mpeg", ("audio", "audio/mpeg")),
    ],
)
def test_what_is_no_picture_is_kept_as_it_came(
    works: Works, content: bytes, media_type: str, kept: tuple[str, str]
) -> None:
    assert works.take_in(content, media_type=media_type).state is State.DONE
    row = works.asset()
    assert ((row.kind, row.content_type), works.content()) == (kept, content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<!doctype html><title>Sign in</title>", "web_page"),
        (PDF, "not_an_image"),
        (b"", "empty_file"),
        (b"\x00\x01\x02\x03" * 40, "not_an_image"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(50), "unsupported_format"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(50), "damaged_image"),
        (picture(width=300)[:700], "damaged_image"),
    ],
)
def test_what_is_refused_says_why(works: Works, content: bytes, code: str) -> None:
    result = works.take_in(content, media_type="image/jpeg")
    assert (result.state, result.code) == (State.FAILED, code)
    row = works.asset()
    assert (row.state, row.error, row.blob_id) == ("error", result.reason, None)
    assert row.ingested_at == works.library.now


@pytest.mark.parametrize(
    ("made", "media_type", "registered", "found"),
    [
        (partial(film, "webm", seconds=1.0), "video/webm", None, (320, 240, 1.0)),
        (partial(film, "mp4", rotation=90), "video/mp4", None, (240, 320, 2.0)),
        (partial(recording, "mp3", seconds=2.0), "audio/mpeg", None, (None, None, 2.0)),
        (partial(recording, "wav"), "image/unknown", FILE, (None, None, 1.0)),
    ],
)
def test_how_long_sound_and_video_are_is_known_once_they_are_here(
    works: Works,
    made: Callable[[], bytes],
    media_type: str,
    registered: Registration | None,
    found: tuple[Any, ...],
) -> None:
    works.take_in(made(), media_type=media_type, registration=registered)
    row = works.asset()
    assert (row.width, row.height, pytest.approx(row.duration, abs=0.1)) == found
    works.take_in(picture(), media_type="image/jpeg")
    assert works.asset().duration is None


def test_what_is_only_handed_out_may_be_anything(works: Works) -> None:
    for n, content in enumerate((b"\x00\x01\x02\x03" * 40, picture("heic"), picture(width=300)[:700])):
        works.take_in(content, str(n), registration=FILE, media_type="application/x-ours")
        assert (works.asset(str(n)).kind, works.content(str(n))) == ("document", content)


def test_what_nobody_is_to_see_is_not_fetched(works: Works) -> None:
    nobody = Registration(channels=(Channel("none", "none"),))
    assert works.take_in(Fail("never asked", code="x"), registration=nobody).state is State.DONE
    assert (works.asset().state, works.asset().blob_id) == ("finished", None)


def test_an_image_that_was_deleted_meanwhile_is_not_fetched(works: Works) -> None:
    submitted = works.submit(Fail("never asked", code="x"))
    [job] = works.claim()
    works.library.submit(works.actor, Verb.PURGE, [ids.text(submitted.asset_uuid)], works.dataset)
    works.library.add(works.actor, works.dataset, ["next.jpg"])  # on SQLite it gets the same number
    result = works.run(job)
    assert (result.state, result.code) == (State.FAILED, "asset_deleted")
    works.settle(result)
    [other] = works.library.rows(works.actor).values()
    assert (other["state"], other["error"]) == ("finished", None)


@pytest.mark.parametrize("older", [Fail("it is not there", code="origin_not_found"), picture(seed=2)])
def test_an_arrival_that_was_overtaken_has_its_own_end_and_leaves_the_asset_alone(
    works: Works, older: Fail | bytes
) -> None:
    works.submit(older, origin="https://host.example/old.jpg")
    works.submit(picture(), origin="https://host.example/new.jpg")
    old, new = works.claim()
    ended = works.run(old)
    assert ended.state is (State.FAILED if isinstance(older, Fail) else State.DONE)
    works.settle(works.run(new))
    before = works.asset()
    works.settle(ended)
    assert works.asset() == before
    assert before.state == "finished"


def test_what_may_work_later_is_put_off_longer_each_time(works: Works) -> None:
    works.submit(Retry("it is busy", code="origin_unavailable", after=100.0))
    [job] = works.claim()
    result = works.run(job)
    assert (result.state, result.code, result.reason) == (State.WAITING, "origin_unavailable", "it is busy")
    assert result.run_at == works.library.now + 100_000_000  # as it asked
    works.shelf.has["https://host.example/a.jpg"] = Retry("it is away", code="origin_unreachable")
    delays = []
    for attempt in range(1, ATTEMPTS + 1):
        run_at = works.run(msgspec.structs.replace(job, attempt=attempt)).run_at
        assert run_at is not None
        delays.append((run_at - works.library.now) / 1_000_000)
    assert all(
        0.8 * least <= it <= 1.2 * least for it, least in zip(delays, (5, 20, 80, 320, 900), strict=True)
    )


def test_a_picture_whose_decoder_ended_is_tried_once_more(
    works: Works, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a bomb, or the system was out of memory and the picture is as good as any."""

    async def ended(*_: object, **__: object) -> None:
        raise UnsupportedMedia("The decoder broke down over this image.", code="image_crashed_decoder")

    works.submit(picture())
    [job] = works.claim()
    with monkeypatch.context() as during:
        during.setattr(studio, "examine", ended)
        first, second = (works.run(msgspec.structs.replace(job, attempt=n)) for n in (1, 2))
    assert (first.state, first.code) == (State.WAITING, "image_crashed_decoder")
    assert (second.state, second.code) == (State.FAILED, "image_crashed_decoder")
    assert works.run(msgspec.structs.replace(job, attempt=2)).state is State.DONE


def test_a_full_disk_is_waited_for_and_costs_no_attempt(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.submit(picture())
    [job] = works.claim()
    works.store.full = True
    result = works.run(job)  # with no patience at all
    assert (result.state, result.code) == (State.WAITING, "storage_full")

    async def makes_room(_: float) -> None:
        works.store.full = False

    monkeypatch.setattr("stackroom.ingest.pipeline.asyncio.sleep", makes_room)
    works.pipeline._patience = 60.0
    assert works.run(job).state is State.DONE


def test_a_large_picture_gets_its_pyramid(library: Library, studio: Studio, tmp_path: Path) -> None:
    works = Works(library, studio, tmp_path / "staging", pyramid_pixels=50_000)
    works.take_in(picture(width=1200))
    assert works.store.size(rendition_key(works.stored_at(), "pyramid"))
    works.take_in(picture(width=300), "small")
    assert list(works.store.objects(rendition_key(works.stored_at("small"), "pyramid"))) == []


def test_whoever_waits_hears_of_the_end(works: Works) -> None:
    submitted = works.submit(picture())
    [job] = works.claim()

    async def both() -> single.Outcome | None:
        waiting = asyncio.create_task(
            single.outcome(works.library.database, works.pipeline, submitted, patience=30)
        )
        result = await works.pipeline.run(job)
        await works.library.database.write(
            lambda conn: claims.settle(conn, works.worker, [result], now=works.library.now)
        )
        return await waiting

    assert works.library.do(both()) == single.Outcome(succeeded=True)
    later = works.submit(picture(), "b")
    waited = single.outcome(works.library.database, works.pipeline, later, patience=0.01)
    assert works.library.do(waited) is None


def test_a_server_that_stops_lets_go_whoever_waits(works: Works) -> None:
    """And has an answer for them: what is cut off later gets a bare 500, though the arrival goes on."""
    submitted = works.submit(picture())

    async def meanwhile() -> single.Outcome | None:
        waiting = asyncio.create_task(
            single.outcome(works.library.database, works.pipeline, submitted, patience=30)
        )
        await asyncio.sleep(0)
        works.pipeline.let_go()
        return await asyncio.wait_for(waiting, 10)

    assert works.library.do(meanwhile()) is None
    assert works.asset().state == "ingesting"
