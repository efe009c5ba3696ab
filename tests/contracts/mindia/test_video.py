"""Videos and their renditions. The numbers are those of the protocol's list of cases."""

import io
import re
import subprocess
import time
import uuid
from pathlib import Path

import av
import imageio_ffmpeg
import pytest

from stackroom import clock
from stackroom.database import schema
from stackroom.testing.processes import wait_until

from .house import PREFIX, House, refused, results, statuses
from .shelf import Shelf

PLAYLIST = "application/vnd.apple.mpegurl"
SEEN = ("duration", "width", "height", "processing_status", "variants")


def stream(house: House, shelf: Shelf, video: str) -> list[bytes]:
    """Play a video as a player does, from its master playlist to the segments of every variant."""
    video = f"/videos/{video}/stream"
    master = house.get(f"{video}/master.m3u8", shelf.a)
    assert (master.status_code, master.headers["content-type"].partition(";")[0]) == (200, PLAYLIST), (
        master.text
    )
    segments = []
    for variant in addresses(master.text):
        playlist = house.get(f"{video}/{variant}", shelf.a)
        assert (playlist.status_code, playlist.headers["content-type"].partition(";")[0]) == (200, PLAYLIST)
        for name in addresses(playlist.text):
            answer = house.get(f"{video}/{variant.rpartition('/')[0]}/{name}", shelf.a)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp2t")
            segments.append(answer.content)
    return segments


def addresses(playlist: str) -> list[str]:
    assert playlist.startswith("#EXTM3U")
    return [line for line in playlist.splitlines() if line and not line.startswith("#")]


def test_a_video_is_made_into_renditions_that_play(house: House, shelf: Shelf) -> None:
    video = shelf.finished(shelf.video(width=640, height=360, seconds=2.0, sound=True))
    shown = house.get(f"/videos/{video}", shelf.a).json()
    assert (shown["width"], shown["height"]) == (640, 360)
    assert shown["duration"] == pytest.approx(2.0, abs=0.2)
    assert shown["hls_url"] == f"/api/v0/videos/{video}/stream/master.m3u8"
    assert [each["name"] for each in shown["variants"]] == ["360p"]
    assert shown["variants"][0]["playlist_path"] == "360p/index.m3u8"
    segments = stream(house, shelf, video)
    assert segments
    with av.open(io.BytesIO(b"".join(segments)), "r") as played:
        (picture,) = played.streams.video
        assert (picture.width, picture.height, picture.codec_context.name) == (640, 360, "h264")
        assert [each.codec_context.name for each in played.streams.audio] == ["aac"]
        assert len(list(played.decode(picture))) == pytest.approx(20, abs=2)
    master = house.get(f"/videos/{video}/stream/master.m3u8", shelf.a).text
    assert re.search(r"BANDWIDTH=\d+", master)
    assert "RESOLUTION=640x360" in master


def test_a_standard_player_plays_every_rendition_from_its_address_alone(
    house: House, shelf: Shelf, tmp_path: Path
) -> None:
    """FFmpeg is one: it follows the master playlist over HTTP as any other does."""
    video = shelf.finished(shelf.video(width=640, height=480, seconds=4.0, sound=True))
    master = f"/videos/{video}/stream/master.m3u8"
    playlists = addresses(house.get(master, shelf.a).text)
    assert playlists == ["360p/index.m3u8", "480p/index.m3u8"]
    played = tmp_path / "played.mkv"
    words = ["-headers", f"Authorization: Bearer {shelf.a.token}\r\n", "-i", f"{house.url}{PREFIX}{master}"]
    words += ["-map", "0:v", "-map", "0:a", "-c", "copy", str(played)]
    program = imageio_ffmpeg.get_ffmpeg_exe()
    said = subprocess.run(
        [program, "-nostdin", "-loglevel", "warning", "-xerror", *words],
        check=True,
        capture_output=True,
        timeout=60,
    ).stderr
    assert said == b""
    with av.open(str(played)) as opened:
        assert [(each.width, each.height) for each in opened.streams.video] == [(480, 360), (640, 480)]
        assert len(opened.streams.audio) == 2
        assert float(opened.duration or 0) / av.time_base == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize("height", [240, 480])
def test_a_playlist_promises_no_more_than_its_segments_keep(house: House, shelf: Shelf, height: int) -> None:
    video = shelf.finished(shelf.video(width=height * 4 // 3, height=height, seconds=4.0, sound=True))
    at = f"/videos/{video}/stream"
    master = house.get(f"{at}/master.m3u8", shelf.a).text
    cuts = set()
    for said, variant in zip(re.findall(r"BANDWIDTH=(\d+)", master), addresses(master), strict=True):
        playlist = house.get(f"{at}/{variant}", shelf.a).text
        lasts = [float(each) for each in re.findall(r"#EXTINF:([\d.]+)", playlist)]
        (target,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)", playlist)
        place = variant.rpartition("/")[0]
        segments = [house.get(f"{at}/{place}/{name}", shelf.a).content for name in addresses(playlist)]
        assert playlist.endswith("#EXT-X-ENDLIST\n")
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in playlist
        assert max(map(round, lasts)) <= int(target)
        assert sum(lasts) == pytest.approx(4.0, abs=0.1)
        for content, seconds in zip(segments, lasts, strict=True):
            if seconds >= int(target) / 2:
                assert len(content) * 8 / seconds <= int(said)
        cuts.add(tuple(lasts))
    assert len(cuts) == 1


def test_a_small_upright_video_has_one_rendition_of_its_own_size(house: House, shelf: Shelf) -> None:
    video = shelf.finished(shelf.video(width=90, height=160))
    (variant,) = house.get(f"/videos/{video}", shelf.a).json()["variants"]
    assert (variant["width"], variant["height"]) == (90, 160)
    with av.open(io.BytesIO(b"".join(stream(house, shelf, video)))) as played:
        assert (played.streams.video[0].width, played.streams.audio) == (90, ())


def test_c28_c98_what_was_made_of_a_video_goes_with_it(house: House, shelf: Shelf) -> None:
    prefix, original = house.hls_prefix(shelf.a3), house.storage_key(shelf.a3)
    master = f"/videos/{shelf.a3}/stream/master.m3u8"
    (variant, *_) = addresses(house.get(master, shelf.a).text)
    (segment, *_) = addresses(house.get(f"/videos/{shelf.a3}/stream/{variant}", shelf.a).text)
    place = f"/videos/{shelf.a3}/stream/{variant.rpartition('/')[0]}"
    for path in (master, f"/videos/{shelf.a3}/stream/{variant}", f"{place}/{segment}"):
        refused(house.get(path, shelf.b), 404, "NOT_FOUND")
        assert house.get(path).status_code == 401
        assert house.get(path, shelf.a).status_code == 200
    part = house.get(f"{place}/{segment}", shelf.a, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    for wrong in (
        f"{place}/segment_999.ts",
        f"/videos/{shelf.a3}/stream/999p/index.m3u8",
        f"{place}/{uuid.uuid4()}",
    ):
        refused(house.get(wrong, shelf.a), 404, "NOT_FOUND")
    assert house.get(f"{place}/..%5Cmaster.m3u8", shelf.a).status_code == 400

    files = house.stored(prefix)
    assert len(files) >= 3
    assert statuses(house.batch_delete([shelf.a3], shelf.a)) == [204]
    assert house.gone(original, *files)
    refused(house.get(master, shelf.a), 404, "NOT_FOUND")


def test_c29_however_many_segments_there_are(house: House, shelf: Shelf) -> None:
    (prefix,) = shelf.as_if_processed([shelf.a5], 1_200)
    assert len(house.stored(prefix)) == 1_201
    assert statuses(house.batch_delete([shelf.a5], shelf.a)) == [204]
    house.services.sweep_soon.set()
    assert wait_until(lambda: not house.stored(prefix), seconds=30)


def test_c30_one_that_is_being_processed_leaves_nothing(house: House, shelf: Shelf) -> None:
    before = house.stored()
    video = shelf.video(width=1280, height=720, seconds=8.0)
    assert shelf.becomes(video, "processing")
    number = house.row_id(video)
    assert statuses(house.batch_delete([video], shelf.a)) == [204]
    jobs = schema.job.c.asset_id == number
    over = schema.job.c.finished_at.is_not(None)
    assert wait_until(
        lambda: house.count(schema.job, jobs) == house.count(schema.job, jobs, over), seconds=30
    )
    house.services.sweep_soon.set()
    refused(house.get(f"/videos/{video}", shelf.a), 404, "NOT_FOUND")
    assert house.count(schema.asset, schema.asset.c.id == number) == 0
    assert house.count(schema.asset_media, schema.asset_media.c.asset_id == number) == 0
    house.put_forward += (
        3 * clock.HOUR
    )  # what was announced before its first byte is nobody's when its time has come
    house.services.sweep_soon.set()
    assert wait_until(lambda: not {each for each in house.stored("hls/") if video in each}, seconds=20)
    assert wait_until(lambda: house.stored() <= before, seconds=20)


def test_c102_what_waits_to_be_processed_is_cancelled(house: House, shelf: Shelf) -> None:
    """Those before it keep the processors busy, so that it waits."""
    videos = [shelf.video(width=640, height=360, seconds=4.0) for _ in range(5)]
    last = videos[-1]
    listed = house.get("/tasks", shelf.a, params={"task_type": "video_transcode", "limit": 100}).json()
    (task,) = [each for each in listed["tasks"] if each["payload"]["video_id"] == last]
    assert task["status"] in {"pending", "scheduled", "running"}
    waited = task["status"] != "running"
    assert set(statuses(house.batch_delete(videos, shelf.a))) == {204}

    def status() -> str:
        return str(house.get(f"/tasks/{task['id']}", shelf.a).json()["status"])

    if waited:
        assert status() == "cancelled"
    assert wait_until(lambda: status() == "cancelled", seconds=20)


def test_c59_c60_a_copy_of_a_video_has_no_renditions_and_takes_none_away(house: House, shelf: Shelf) -> None:
    source = house.get(f"/videos/{shelf.a3}", shelf.a).json()
    copy = house.copied(shelf.a3, shelf.a)
    shown = house.get(f"/videos/{copy}", shelf.a).json()
    assert {name: shown[name] for name in SEEN} == {name: source[name] for name in SEEN}
    assert shown["hls_url"] is None
    for rest in ("master.m3u8", "360p/index.m3u8", "180p/index.m3u8", "360p/segment_000.ts"):
        answer = house.get(f"/videos/{copy}/stream/{rest}", shelf.a)
        assert refused(answer, 404, "NOT_FOUND")["error"] == "Video is still processing or failed"
    played = stream(house, shelf, shelf.a3)
    assert house.delete(f"/media/{copy}", shelf.a).status_code == 204
    house.services.sweep_soon.set()
    time.sleep(0)  # the sweep may begin
    assert stream(house, shelf, shelf.a3) == played


def test_c61_c62_a_copy_outlives_its_source_and_may_be_processed_itself(house: House, shelf: Shelf) -> None:
    copy = house.copied(shelf.a3, shelf.a)
    prefix, content = house.hls_prefix(shelf.a3), house.get(f"/videos/{shelf.a3}/file", shelf.a).content
    assert house.delete(f"/videos/{shelf.a3}", shelf.a).status_code == 204
    assert wait_until(lambda: not house.stored(prefix), seconds=20)
    assert house.get(f"/videos/{copy}", shelf.a).status_code == 200
    assert house.get(f"/videos/{copy}/file", shelf.a).content == content
    asked = house.post(f"/videos/{copy}/reprocess", None, shelf.a)
    assert asked.status_code == 202, asked.text
    task = f"/tasks/{asked.json()['task_id']}"

    def over() -> bool:
        return bool(house.get(task, shelf.a).json()["status"] == "completed")

    assert wait_until(over, seconds=60), house.get(task, shelf.a).text
    assert (
        house.get(f"/videos/{copy}", shelf.a).json()["hls_url"] == f"/api/v0/videos/{copy}/stream/master.m3u8"
    )
    assert stream(house, shelf, copy)
    assert copy in house.hls_prefix(copy)
    refused(house.post(f"/videos/{copy}/reprocess", None, shelf.b), 404, "NOT_FOUND")


def test_c104_fifty_videos_are_deleted_in_one_request(house: House, shelf: Shelf) -> None:
    videos = shelf.images(50)
    prefixes = shelf.as_if_processed(videos, 10)
    began = time.monotonic()
    assert statuses(house.batch_delete(videos, shelf.a)) == [204] * 50
    assert time.monotonic() - began < 30  # half of what the original gives a request
    house.services.sweep_soon.set()
    assert wait_until(lambda: not any(house.stored(each) for each in prefixes), seconds=30)


def test_what_is_known_of_a_video_is_told_when_it_is_done(house: House, shelf: Shelf) -> None:
    done = shelf.hook("file.processing_completed")
    video = shelf.finished(shelf.video())
    (told,) = shelf.told(done)
    said = told.json()
    assert (said["hook"]["event"], said["initiator"]["type"]) == (
        "file.processing_completed",
        "task_processor",
    )
    assert (said["data"]["id"], said["data"]["processing_status"]) == (video, "completed")
    assert results(house.batch_delete([video], shelf.a))[0]["status"] == 204
