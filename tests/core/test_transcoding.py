"""Transcoding: what players get of a video, when it counts, and that nothing of it is left where nobody wants it."""

import asyncio
import errno
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import msgspec
import pytest
from sqlalchemy import select, update
from sqlalchemy.event import listen, remove

from stackroom import ids
from stackroom.clock import HOUR
from stackroom.database.schema import asset, asset_media, blob, event, job, lane, loose_prefix
from stackroom.errors import Conflict, Invalid, NotFound, Unavailable, UnsupportedMedia
from stackroom.ingest import settling
from stackroom.ingest.settling import Kept
from stackroom.library import blobs, media, streaming
from stackroom.library.blobs import Arrival
from stackroom.library.streaming import PLAYLIST, SEGMENT, Rendition
from stackroom.library.sweep import sweep
from stackroom.media.examined import VideoInfo
from stackroom.media.ffmpeg import Encoding
from stackroom.media.ladder import Rung
from stackroom.media.studio import Studio
from stackroom.media.video import probe_video
from stackroom.operations import belongings, purge, remove_dataset
from stackroom.operations.request import Verb
from stackroom.processing import embedding, tasks, transcoding
from stackroom.processing.transcoding import ATTEMPTS, KIND, Transcoder, submit_transcode
from stackroom.queue import claims, waiting, workers
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.storage.staging import Staging
from stackroom.testing.builders import Library, a_library
from stackroom.testing.faulty_store import FaultyStore
from stackroom.testing.films import film
from stackroom.testing.memory_store import MemoryStore
from stackroom.testing.queues import claim_only

pytestmark = pytest.mark.every_database
QUICK = Encoding(preset="ultrafast", segment_seconds=1)


class Cinema:
    """A library with a store in memory, a transcoder that hurries, and a worker who takes what is submitted."""

    def __init__(self, library: Library, studio: Studio, folder: Path) -> None:
        self.library = library
        self.store = FaultyStore(MemoryStore())
        self.sweep_soon = asyncio.Event()
        self.folder = folder
        self.transcoder = Transcoder(
            library.database,
            self.store,
            Staging(folder, 2**30),
            studio,
            encoding=QUICK,
            sweep_soon=self.sweep_soon,
            now=lambda: library.now,
        )
        self.actor = library.an_actor()
        self.dataset = library.a_dataset(self.actor)
        self.worker = library.write(
            lambda conn: workers.register(conn, name="test", version="0", slots=1, now=library.now)
        )

    def add(self, name: str = "a.mp4", content: bytes | None = None) -> str:
        """A video that nothing has been made of."""
        content = film() if content is None else content
        [uuid] = self.library.add(self.actor, self.dataset, [name], content=content, size=len(content))
        said = {"kind": "video", "content_type": "video/mp4", "width": None, "height": None}
        mine = asset.c.uuid == ids.parse(uuid)
        self.library.write(lambda conn: conn.execute(update(asset).where(mine).values(said)))
        key = select(blob.c.storage_key).join(asset, asset.c.blob_id == blob.c.id).where(mine)
        source = self.folder.parent / "source"
        source.write_bytes(content)
        self.store.put(self.library.read(lambda conn: conn.execute(key).scalar_one()), source)
        return uuid

    def submit(self, uuid: str) -> int:
        row = self.row(uuid)
        return self.library.write(
            lambda conn: submit_transcode(
                conn, self.actor.organization_id, row.id, row.uuid, now=self.library.now
            )
        )

    def claim(self) -> Claimed:
        [taken] = self.claim_all()
        return taken

    def claim_all(self) -> list[Claimed]:
        return self.library.write(
            lambda conn: claim_only(conn, self.worker, self.actor, KIND, now=self.library.now)
        )

    def settle(self, result: Result) -> None:
        self.library.write(lambda conn: claims.settle(conn, self.worker, [result], now=self.library.now))

    def show(self, uuid: str) -> Result:
        """Have it made ready for players."""
        self.submit(uuid)
        result = self.library.do(self.transcoder.run(self.claim()))
        self.settle(result)
        return result

    def row(self, uuid: str) -> Any:
        about = [each for each in asset_media.c if each.name != "asset_id"]
        query = select(asset, *about).outerjoin(asset_media, asset_media.c.asset_id == asset.c.id)
        query = query.where(asset.c.uuid == ids.parse(uuid))
        return self.library.read(lambda conn: conn.execute(query).first())

    def job(self, job_id: int) -> Any:
        return self.library.read(lambda conn: conn.execute(select(job).where(job.c.id == job_id)).one())

    def stream(self, uuid: str, name: str) -> streaming.Streamed:
        raw = ids.parse(uuid) or b""
        return self.library.read(
            lambda conn: streaming.stream(conn, self.actor, raw, name, now=self.library.now)
        )

    def text(self, uuid: str, name: str) -> str:
        return b"".join(self.store.read(self.stream(uuid, name).key)).decode()

    def kept(self) -> set[str]:
        """What is there of videos for players."""
        return {it.key for it in self.store.objects("hls/")}

    def loose(self) -> dict[str, int]:
        rows = self.library.read(lambda conn: conn.execute(select(loose_prefix)).all())
        return {row.prefix: row.due_at for row in rows}

    def sweep(self) -> None:
        self.library.do(sweep(self.library.database, self.store, lambda: self.library.now))

    def events(self, uuid: str) -> list[tuple[str, Mapping[str, Any]]]:
        mine = event.c.asset_uuid == ids.parse(uuid), event.c.type.startswith("asset.processing")
        rows = self.library.read(lambda conn: conn.execute(select(event).where(*mine)).all())
        return [(row.type, msgspec.json.decode(row.data)) for row in rows]

    def purge(self, *uuids: str) -> None:
        self.library.run(self.actor, self.library.request(Verb.PURGE, uuids))

    def copy(self, *uuids: str) -> list[str]:
        self.library.run(
            self.actor, self.library.request(Verb.COPY, uuids, self.dataset, to=f"/copies {len(uuids)}")
        )
        newest = select(asset.c.uuid).order_by(asset.c.id.desc()).limit(len(uuids))
        return [ids.text(it) for it in self.library.read(lambda conn: list(conn.scalars(newest)))][::-1]

    def lane_adds_up(self) -> bool:
        mine = lane.c.organization_id == self.actor.organization_id, lane.c.kind == KIND
        rows = self.library.read(lambda conn: conn.execute(select(lane).where(*mine)).all())
        unfinished = select(job.c.id).where(job.c.state.in_([0, 1, 5]))
        return sum(row.unfinished for row in rows) == len(
            self.library.read(lambda conn: conn.execute(unfinished).all())
        )


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    made = Studio(processes=1)
    yield made
    asyncio.run(made.close())


async def pretend(
    _path: Path, _found: object, rungs: Sequence[Rung], out: Path, *_: object, **__: object
) -> None:
    """What FFmpeg leaves, as far as anybody but a player can tell."""
    for rung in rungs:
        (out / rung.name).mkdir()
        (out / rung.name / "index.m3u8").write_text("#EXTM3U\n#EXT-X-ENDLIST\n")
        for n in range(2):
            (out / rung.name / f"segment_{n:03}.ts").write_bytes(b"G")


@pytest.fixture
def theatre(database_url: str, studio: Studio, tmp_path: Path) -> Iterator[Cinema]:
    """What it shows is truly made."""
    with a_library(database_url) as library:
        yield Cinema(library, studio, tmp_path / "staging")


@pytest.fixture
def cinema(theatre: Cinema, monkeypatch: pytest.MonkeyPatch) -> Cinema:
    """It only pretends: most of what matters does not depend on what is shown."""
    monkeypatch.setattr(transcoding, "make_renditions", pretend)
    return theatre


def test_a_video_becomes_what_a_player_can_play(theatre: Cinema, tmp_path: Path) -> None:
    cinema = theatre
    uuid = cinema.add(content=film(width=640, height=360))
    cinema.submit(uuid)
    assert cinema.row(uuid).processing == "pending"
    result = cinema.library.do(cinema.transcoder.run(cinema.claim()))
    assert cinema.row(uuid).processing == "processing"
    with pytest.raises(NotFound, match="still processing"):
        cinema.stream(uuid, "master.m3u8")
    cinema.settle(result)
    row = cinema.row(uuid)
    assert (row.processing, row.processing_error, row.width, row.height) == ("completed", None, 640, 360)
    assert row.duration == pytest.approx(2, abs=0.1)
    assert streaming.read_renditions(row.renditions) == (
        Rendition(name="360p", width=640, height=360, bitrate=800, segments=2),
    )
    owner = ids.text(cinema.actor.organization_uuid)
    assert row.hls_prefix.startswith(f"hls/{owner}/{uuid}/")
    assert "RESOLUTION=640x360\n360p/index.m3u8\n" in cinema.text(uuid, "master.m3u8")
    listed = [line for line in cinema.text(uuid, "360p/index.m3u8").splitlines() if not line.startswith("#")]
    assert listed == ["segment_000.ts", "segment_001.ts"]
    for number, name in enumerate(listed):
        said = cinema.stream(uuid, f"360p/{name}")
        segment = tmp_path / name
        segment.write_bytes(b"".join(cinema.store.read(said.key)))
        with av.open(str(segment)) as opened:
            frames = list(opened.decode(opened.streams.video[0]))
            assert said.content_type == SEGMENT
            assert (frames[0].width, frames[0].height, frames[0].key_frame) == (640, 360, True)
            assert opened.streams.audio[0].codec_context.sample_rate == 48000
            assert len(frames) == 10
            assert frames[0].time == pytest.approx(1.4 + number, abs=0.1)
    assert cinema.stream(uuid, "master.m3u8").content_type == PLAYLIST
    assert (len(cinema.kept()), cinema.loose(), cinema.lane_adds_up()) == (4, {}, True)
    [(kind, data)] = cinema.events(uuid)
    assert kind == "asset.processing_completed"
    assert (data["processing"], data["kind"], data["initiator"]) == ("completed", "video", "task_processor")


def test_only_what_the_playlists_name_can_be_asked_for(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    for name in ("240p/segment_002.ts", "240p/segment_0.ts", "240p/other.ts", "240p/segment_000.ts\n"):
        with pytest.raises(NotFound) as unknown:
            cinema.stream(uuid, name)
        assert unknown.value.code == "segment_not_found"
    for name in ("720p/index.m3u8", "720p/segment_000.ts", "../index.m3u8", "240p%2f/index.m3u8"):
        with pytest.raises(NotFound) as unknown:
            cinema.stream(uuid, name)
        assert unknown.value.code == "variant_not_found"
    for name in ("240p/../master.m3u8", "240p/a/b", "240p/..", "240p/a\\b", "240p", "240p/", ""):
        with pytest.raises(Invalid):
            cinema.stream(uuid, name)


def test_another_organizations_video_cannot_be_told_from_none(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    stranger = cinema.library.an_actor()
    for raw in (ids.parse(uuid), ids.new()):
        for name in ("master.m3u8", "240p/index.m3u8", "240p/segment_000.ts"):
            with pytest.raises(NotFound, match="Video not found"):
                cinema.library.read(
                    lambda conn, raw=raw, name=name: streaming.stream(
                        conn, stranger, raw, name, now=cinema.library.now
                    )
                )


def test_an_unfinished_job_is_enough_for_a_video(cinema: Cinema) -> None:
    uuid = cinema.add()
    first = cinema.submit(uuid)
    assert cinema.submit(uuid) == first
    job = cinema.claim()
    assert cinema.submit(uuid) == first
    cinema.settle(cinema.library.do(cinema.transcoder.run(job)))
    assert cinema.submit(uuid) != first


def test_a_video_that_is_made_again_has_what_is_new_and_the_old_is_swept(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    before, kept = cinema.row(uuid).hls_prefix, cinema.kept()
    cinema.submit(uuid)
    assert cinema.text(uuid, "master.m3u8").startswith("#EXTM3U")  # as long as there is nothing new
    cinema.settle(cinema.library.do(cinema.transcoder.run(cinema.claim())))
    assert cinema.row(uuid).hls_prefix != before
    assert cinema.loose().keys() == {before}
    cinema.sweep()
    assert len(cinema.kept()) == len(kept)
    assert not cinema.kept() & kept
    assert cinema.text(uuid, "240p/index.m3u8").endswith("#EXT-X-ENDLIST\n")


def test_what_cannot_be_played_has_failed_when_it_was_tried_often_enough(theatre: Cinema) -> None:
    cinema = theatre
    whole = film(more=("-movflags", "+faststart"))
    mdat = whole.index(b"mdat") + 4
    uuid = cinema.add(content=whole[: mdat + 900] + b"\xff" * (len(whole) - mdat - 900))
    cinema.submit(uuid)
    for attempt in range(1, ATTEMPTS + 1):
        claimed = cinema.claim()
        assert claimed.attempt == attempt
        result = cinema.library.do(cinema.transcoder.run(claimed))
        assert (result.state, cinema.row(uuid).processing, cinema.events(uuid)) == (
            State.WAITING,
            "processing",
            [],
        )
        if attempt < ATTEMPTS:
            cinema.settle(result)
            cinema.library.now += HOUR
            cinema.library.write(lambda conn: waiting.promote(conn, now=cinema.library.now))
    give_up(cinema, result)
    row = cinema.row(uuid)
    assert (row.processing, row.hls_prefix) == ("failed", None)
    assert row.processing_error == result.reason
    [(kind, data)] = cinema.events(uuid)
    assert (kind, data["processing"], data["error"]) == ("asset.processing_failed", "failed", result.reason)


def give_up(cinema: Cinema, result: Result) -> None:
    """What the dispatcher does with a result WAITING of the last attempt."""
    code, reason = result.code or "", result.reason or ""

    def effect(conn: Any, now: int) -> None:
        cinema.transcoder.given_up(conn, result.job, code, reason, now)

    cinema.settle(msgspec.structs.replace(result, state=State.FAILED, run_at=None, effect=effect))


def test_what_was_known_stays_when_making_it_again_fails(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    before = cinema.row(uuid)
    cinema.submit(uuid)
    give_up(cinema, Result(job=cinema.claim(), state=State.FAILED, code="broken", reason="it broke"))
    after = cinema.row(uuid)
    assert (after.processing, after.processing_error) == ("failed", "it broke")
    assert (after.hls_prefix, after.renditions, after.width) == (
        before.hls_prefix,
        before.renditions,
        before.width,
    )
    assert cinema.stream(uuid, "master.m3u8")


def test_a_video_that_goes_takes_with_it_what_players_got(cinema: Cinema) -> None:
    gone, stays = cinema.add(), cinema.add("b.mp4")
    cinema.show(gone)
    cinema.show(stays)
    prefix = cinema.row(gone).hls_prefix
    cinema.purge(gone)
    with pytest.raises(NotFound, match="Video not found"):
        cinema.stream(gone, "master.m3u8")
    cinema.sweep()
    assert cinema.kept()
    assert not any(key.startswith(prefix) for key in cinema.kept())
    assert (cinema.loose(), cinema.text(stays, "master.m3u8")[:7]) == ({}, "#EXTM3U")


def test_the_job_of_a_video_that_goes_is_cancelled_with_it(cinema: Cinema) -> None:
    gone, stays = cinema.add(), cinema.add("b.mp4")
    job_id, other = cinema.submit(gone), cinema.submit(stays)
    cinema.purge(gone)
    assert (cinema.job(job_id).state, cinema.job(other).state) == (State.CANCELLED, State.READY)
    assert cinema.lane_adds_up()
    assert cinema.claim().id == other


def test_the_jobs_of_a_dataset_that_goes_are_cancelled_with_it(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    job_id = cinema.submit(uuid)
    cinema.library.write(
        lambda conn: remove_dataset.remove_dataset(
            conn, cinema.actor, cinema.dataset.reference, now=cinema.library.now
        )
    )
    cinema.sweep()
    assert (cinema.job(job_id).state, cinema.kept(), cinema.lane_adds_up()) == (State.CANCELLED, set(), True)


def test_cancelling_costs_as_much_for_twenty_videos_as_for_two(cinema: Cinema) -> None:
    counts = []
    for count in (2, 20):
        uuids = [cinema.add(f"{count}-{n}.mp4", content=b"%d" % n) for n in range(count)]
        jobs = [cinema.submit(uuid) for uuid in uuids]
        with cinema.library.statements() as sent:
            cinema.purge(*uuids)
        assert {cinema.job(each).state for each in jobs} == {State.CANCELLED}
        counts.append(len([sql for sql in sent if "job" in sql or "lane" in sql]))
    assert counts[0] == counts[1] <= 6
    assert cinema.lane_adds_up()


def test_jobs_are_looked_up_by_what_they_are_about(cinema: Cinema, database_kind: str) -> None:
    """However many others there are, of batches or of none."""
    if database_kind != "sqlite":
        pytest.skip("PostgreSQL chooses by what it has counted")
    uuid = cinema.add()
    cinema.submit(uuid)
    sent: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, sql: str, parameters: Any, *_: object) -> None:
        sent.append((sql, parameters))

    engine = cinema.library.write(lambda conn: conn.engine)
    listen(engine, "before_cursor_execute", note)
    try:
        cinema.submit(uuid)
        cinema.purge(uuid)
    finally:
        remove(engine, "before_cursor_execute", note)
    plans = []
    for sql, parameters in [each for each in sent if " job " in each[0]]:
        asked = f"EXPLAIN QUERY PLAN {sql}"
        plans += cinema.library.write(
            lambda conn, asked=asked, parameters=parameters: [
                row[3] for row in conn.exec_driver_sql(asked, parameters)
            ]
        )
    assert any("job_of_asset" in line for line in plans)
    assert not [line for line in plans if "job_of_batch" in line or line in {"SCAN j", "SCAN job"}]


def test_a_video_that_goes_while_it_is_worked_on_leaves_nothing(
    cinema: Cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = cinema.add()
    cinema.submit(uuid)
    claimed = cinema.claim()
    monkeypatch.setattr(transcoding, "LOOK", 0.01)
    began, ended = asyncio.Event(), asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(transcoding, "make_renditions", endless)

    async def both() -> Result:
        running = asyncio.ensure_future(cinema.transcoder.run(claimed))
        await began.wait()
        await cinema.library.database.write(partial(purged, uuid=uuid, cinema=cinema))
        return await running

    result = cinema.library.do(both())
    assert (result.state, ended.is_set()) == (State.CANCELLED, True)
    cinema.settle(result)
    cinema.sweep()
    assert (cinema.kept(), cinema.loose(), cinema.row(uuid)) == (set(), {}, None)
    assert list(cinema.folder.iterdir()) == []


def purged(conn: Any, *, uuid: str, cinema: Cinema) -> None:
    from stackroom.operations import engine

    engine.submit(conn, cinema.actor, cinema.library.request(Verb.PURGE, [uuid]), now=cinema.library.now)


def test_a_video_that_goes_before_it_is_settled_leaves_nothing(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.submit(uuid)
    result = cinema.library.do(cinema.transcoder.run(cinema.claim()))
    cinema.purge(uuid)
    cinema.settle(result)
    cinema.sweep()
    assert (cinema.kept(), cinema.loose(), cinema.events(uuid)) == (set(), {}, [])


def test_a_prefix_that_was_kept_too_long_is_lost_and_never_swept_from_under_a_video(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.submit(uuid)
    result = cinema.library.do(cinema.transcoder.run(cinema.claim()))
    cinema.library.now += HOUR
    with pytest.raises(Exception, match="too late"):
        cinema.settle(result)
    cinema.sweep()
    assert (cinema.kept(), cinema.row(uuid).processing, cinema.row(uuid).hls_prefix) == (
        set(),
        "processing",
        None,
    )


def test_a_full_disk_is_waited_for_and_leaves_nothing(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.submit(uuid)
    claimed = cinema.claim()
    cinema.store.full = True
    with pytest.raises(Exception, match="disk is full"):
        cinema.library.do(cinema.transcoder.run(claimed))
    assert cinema.sweep_soon.is_set()
    cinema.store.full = False
    cinema.sweep()
    assert (cinema.kept(), cinema.loose()) == (set(), {})
    result = cinema.library.do(cinema.transcoder.run(claimed))
    cinema.settle(result)
    assert cinema.row(uuid).processing == "completed"


def test_one_job_can_be_cancelled_before_it_is_begun_and_a_failed_one_begun_anew(cinema: Cinema) -> None:
    uuid = cinema.add()
    job_id = cinema.submit(uuid)

    def cancel(conn: Any) -> Claimed | None:
        found = waiting.cancel_one(conn, job_id, now=cinema.library.now)
        if found is not None:
            cinema.transcoder.cancelled(conn, [found], cinema.library.now)
        return found

    def again(conn: Any) -> Claimed | None:
        found = waiting.retry_one(conn, other, now=cinema.library.now)
        if found is not None:
            transcoding.pending_again(conn, found)
        return found

    assert cinema.library.write(cancel) is not None
    assert cinema.library.write(cancel) is None
    assert (cinema.job(job_id).state, cinema.row(uuid).processing) == (State.CANCELLED, "failed")
    other = cinema.submit(uuid)
    assert cinema.library.write(again) is None
    give_up(cinema, Result(job=cinema.claim(), state=State.FAILED, code="broken", reason="it broke"))
    assert cinema.library.write(again) is not None
    assert cinema.lane_adds_up()
    assert (cinema.row(uuid).processing, cinema.claim().attempt) == ("pending", 1)


def test_what_goes_takes_the_jobs_of_all_processing_with_it() -> None:
    assert set(purge.JOBS) == {transcoding.KIND, embedding.KIND}


def test_a_copy_has_nothing_of_its_originals_for_players_until_it_is_made(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.show(uuid)
    [copy] = cinema.copy(uuid)
    assert cinema.row(copy).processing == "completed"
    assert cinema.row(copy).renditions == cinema.row(uuid).renditions
    with pytest.raises(NotFound, match="still processing"):
        cinema.stream(copy, "master.m3u8")
    cinema.show(copy)
    cinema.purge(uuid)
    cinema.sweep()
    assert cinema.text(copy, "240p/index.m3u8").startswith("#EXTM3U")
    assert ids.parse(copy) in cinema.library.read(
        lambda conn: media.by_uuids(conn, cinema.actor, [ids.parse(copy) or b""], now=cinema.library.now)
    )


def test_a_copy_of_a_video_that_is_not_ready_is_made_ready_itself(cinema: Cinema) -> None:
    waits, under_way, none_of_it = cinema.add(), cinema.add("b.mp4"), cinema.add("c.mp4")
    cinema.submit(under_way)
    running = cinema.claim()
    result = cinema.library.do(cinema.transcoder.run(running))
    cinema.submit(waits)
    assert cinema.row(under_way).processing == "processing"
    copies = cinema.copy(waits, under_way, none_of_it)
    assert [cinema.row(each).processing for each in copies] == ["pending", "pending", None]
    cinema.settle(result)
    waiting = cinema.claim_all()
    assert [cinema.submit(each) for each in (waits, *copies[:2])] == [each.id for each in waiting]
    for claimed in waiting:
        cinema.settle(cinema.library.do(cinema.transcoder.run(claimed)))
    assert [cinema.row(each).processing for each in copies] == ["completed", "completed", None]
    assert all(cinema.text(each, "master.m3u8") for each in (waits, *copies[:2]))
    assert cinema.lane_adds_up()


def test_copies_that_are_undone_leave_no_job_behind(cinema: Cinema) -> None:
    uuid = cinema.add()
    mine = cinema.submit(uuid)
    copied = cinema.library.run(
        cinema.actor, cinema.library.request(Verb.COPY, [uuid], cinema.dataset, to="/copies")
    )
    cinema.library.undo(cinema.actor, copied)
    assert cinema.claim().id == mine
    assert cinema.lane_adds_up()


def test_many_copies_that_are_not_ready_cost_as_many_statements_as_few(cinema: Cinema) -> None:
    counts = []
    for count in (2, 20):
        uuids = [cinema.add(f"{count}-{n}.mp4", content=b"%d" % n) for n in range(count)]
        for uuid in uuids:
            cinema.submit(uuid)
        with cinema.library.statements() as sent:
            cinema.copy(*uuids)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_the_job_of_a_copy_is_one_that_transcoders_do() -> None:
    assert belongings.TRANSCODE == transcoding.KIND


def test_what_was_made_of_other_bytes_is_not_the_videos(cinema: Cinema) -> None:
    uuid, other = cinema.add(), cinema.add("b.mp4", content=film(width=160, height=120))
    cinema.submit(uuid)
    result = cinema.library.do(cinema.transcoder.run(cinema.claim()))
    theirs = select(asset.c.blob_id).where(asset.c.uuid == ids.parse(other)).scalar_subquery()
    mine = asset.c.uuid == ids.parse(uuid)
    cinema.library.write(lambda conn: conn.execute(update(asset).where(mine).values(blob_id=theirs)))
    with pytest.raises(Conflict, match="other bytes"):
        cinema.settle(result)
    cinema.settle(cinema.library.do(cinema.transcoder.run(result.job)))
    assert (cinema.row(uuid).processing, cinema.row(uuid).width) == ("completed", 160)


def test_a_video_that_has_lost_its_bytes_says_so(cinema: Cinema) -> None:
    uuid = cinema.add()
    cinema.submit(uuid)
    mine = asset.c.uuid == ids.parse(uuid)
    cinema.library.write(lambda conn: conn.execute(update(asset).where(mine).values(blob_id=None)))
    cinema.settle(cinema.library.do(cinema.transcoder.run(cinema.claim())))
    assert cinema.row(uuid).processing == "failed"


@pytest.mark.parametrize("code", sorted(transcoding.HOPELESS))
def test_what_would_take_as_long_once_more_is_not_tried_again(
    cinema: Cinema, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    async def in_vain(*_: object, **__: object) -> None:
        raise UnsupportedMedia("It cannot be done.", code=code)

    monkeypatch.setattr(transcoding, "make_renditions", in_vain)
    uuid = cinema.add()
    result = cinema.show(uuid)
    row = cinema.row(uuid)
    assert (result.state, row.processing, row.processing_error) == (
        State.FAILED,
        "failed",
        "It cannot be done.",
    )
    assert [kind for kind, _ in cinema.events(uuid)] == ["asset.processing_failed"]
    assert cinema.lane_adds_up()


def test_a_video_that_says_it_lasts_for_years_ends(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for room on the disk, or be at work, for as long."""
    given: list[float] = []

    async def note(*arguments: Any, seconds: float) -> None:
        given.append(seconds)
        await pretend(*arguments)

    monkeypatch.setattr(transcoding, "make_renditions", note)
    for years, ends in ((100_000, State.FAILED), (0.01, State.DONE)):
        uuid = cinema.add(f"{years}.mp4")
        (cinema.folder.parent / "film").write_bytes(film())
        probed = probe_video(cinema.folder.parent / "film")
        found = msgspec.structs.replace(probed, duration=years * 365 * 86400.0)
        monkeypatch.setattr(cinema.transcoder._studio, "probe_video", said(found))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=2**50, free=2**50))
        assert cinema.show(uuid).state is ends
    assert given == [transcoding.MOST_SECONDS]


def said(found: VideoInfo) -> Any:
    async def probe(_: Path) -> VideoInfo:
        return found

    return probe


def test_a_master_playlist_says_what_its_segments_need(
    cinema: Cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def heavy(
        _: Path, __: object, rungs: Sequence[Rung], out: Path, *___: object, **____: object
    ) -> None:
        for rung in rungs:
            (out / rung.name).mkdir()
            listed = "#EXTM3U\n#EXT-X-TARGETDURATION:0\n#EXTINF:0.400000,\nsegment_000.ts\n#EXT-X-ENDLIST\n"
            (out / rung.name / "index.m3u8").write_text(listed)
            (out / rung.name / "segment_000.ts").write_bytes(bytes(100_000))

    monkeypatch.setattr(transcoding, "make_renditions", heavy)
    uuid = cinema.add()
    cinema.show(uuid)
    assert "BANDWIDTH=2000000,RESOLUTION=320x240\n" in cinema.text(uuid, "master.m3u8")
    assert "#EXT-X-TARGETDURATION:1\n" in cinema.text(
        uuid, "240p/index.m3u8"
    )  # 0 is none that players expect


def test_a_video_that_gets_other_bytes_has_nothing_of_the_old_ones(cinema: Cinema) -> None:
    """Through a protocol in which an image can be put once more."""
    uuid = cinema.add()
    cinema.show(uuid)
    row = cinema.row(uuid)
    job_id, content = cinema.submit(uuid), film(width=160, height=120)
    arrival = Arrival(sha256=sha256(content).digest(), size=len(content), content_type="video/mp4")

    def replace(conn: Any) -> None:
        mine = asset.c.id == row.id
        conn.execute(update(asset).where(mine).values(job_id=job_id, state="ingesting"))
        key = blobs.announce(conn, cinema.actor.organization_uuid, arrival.sha256, now=cinema.library.now)
        kept = Kept(kind="video", content_type="video/mp4", size=len(content), arrival=arrival, key=key)
        claimed = waiting.cancel_one(conn, job_id, now=cinema.library.now)
        settling.ingested(conn, claimed, kept, now=cinema.library.now)

    cinema.library.write(replace)
    after = cinema.row(uuid)
    assert (after.processing, after.hls_prefix, after.renditions, after.duration) == (None, None, None, None)
    with pytest.raises(NotFound, match="still processing"):
        cinema.stream(uuid, "master.m3u8")
    cinema.sweep()
    assert cinema.kept() == set()


def test_what_cannot_be_removed_keeps_nothing_else(cinema: Cinema, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, goes = cinema.add(), cinema.add("b.mp4", content=b"other")
    for uuid in (stuck, goes):
        cinema.show(uuid)
    prefix, keys = cinema.row(stuck).hls_prefix, cinema.library.blob_keys(cinema.actor)
    key = keys[cinema.library.rows(cinema.actor)[stuck]["sha256"]]
    cinema.purge(stuck, goes)
    delete, delete_all = cinema.store.delete, cinema.store.delete_all

    def refuse(wanted: Sequence[str]) -> None:
        if {key, prefix} & set(wanted):
            raise Unavailable("It is locked.", code="storage_unavailable")

    def stubborn(keys: Sequence[str]) -> None:
        refuse(keys)
        delete(keys)

    def stubborn_below(prefix: str) -> None:
        refuse([prefix])
        delete_all(prefix)

    monkeypatch.setattr(cinema.store, "delete", stubborn)
    monkeypatch.setattr(cinema.store, "delete_all", stubborn_below)
    with pytest.raises(Unavailable, match="locked"):
        cinema.sweep()
    assert cinema.kept() == {each for each in cinema.kept() if each.startswith(prefix)} != set()
    assert (set(cinema.loose()), cinema.library.loose_keys(cinema.actor)) == ({prefix}, {key})
    monkeypatch.undo()
    cinema.sweep()
    assert (cinema.kept(), cinema.loose(), cinema.library.loose_keys(cinema.actor)) == (set(), {}, set())


def test_a_disk_that_is_full_when_all_is_made_is_waited_for(
    cinema: Cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    uuid = cinema.add()
    cinema.submit(uuid)
    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr(transcoding, "make_renditions", with_playlists)
    with pytest.raises(Unavailable) as refused:
        cinema.library.do(cinema.transcoder.run(cinema.claim()))
    assert refused.value.code == "storage_full"


async def with_playlists(
    _: Path, __: object, rungs: Sequence[Rung], out: Path, *___: object, **____: object
) -> None:
    for rung in rungs:
        (out / rung.name).mkdir()
        (out / rung.name / "index.m3u8").write_bytes(b"#EXTM3U\n")


def test_a_failed_job_is_not_begun_anew_beside_another_of_the_same_video(cinema: Cinema) -> None:
    uuid = cinema.add()
    failed = cinema.submit(uuid)
    claimed = cinema.claim()
    give_up(cinema, Result(job=claimed, state=State.FAILED, code="broken", reason="it broke"))
    cinema.submit(uuid)
    with pytest.raises(Invalid, match="already"):
        cinema.library.write(lambda conn: tasks.retry(conn, cinema.actor, failed, now=cinema.library.now))
    assert (cinema.job(failed).state, cinema.lane_adds_up()) == (State.FAILED, True)
    cinema.settle(cinema.library.do(cinema.transcoder.run(cinema.claim())))
    cinema.library.write(lambda conn: tasks.retry(conn, cinema.actor, failed, now=cinema.library.now))
    assert cinema.row(uuid).processing == "pending"
