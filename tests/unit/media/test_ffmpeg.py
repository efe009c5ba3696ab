"""FFmpeg: what it makes, what it says when it cannot, and that it never outlives who wanted it."""

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import av
import imageio_ffmpeg
import pytest

from stackroom.errors import Unavailable, UnsupportedMedia
from stackroom.media import ffmpeg
from stackroom.media.examined import VideoInfo
from stackroom.media.ffmpeg import Encoding, make_renditions
from stackroom.media.ladder import Rung, ladder
from stackroom.media.video import probe_video
from stackroom.testing.films import film
from stackroom.testing.processes import wait_until

QUICK = Encoding(preset="ultrafast", segment_seconds=1)
SMALL = Rung(name="small", width=160, height=120, bitrate=150)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    place = tmp_path / "film"
    place.write_bytes(film(width=640, height=480, sound=False))
    return place


def make(
    path: Path, rungs: Sequence[Rung], out: Path, how: Encoding = QUICK, *, seconds: float = 60
) -> VideoInfo:
    out.mkdir()
    found = probe_video(path)
    asyncio.run(make_renditions(path, found, rungs, out, how, seconds=seconds))
    return found


def begins(segment: Path) -> tuple[float, bool, int, int]:
    """When a segment begins, whether with a picture that needs no other, and its size."""
    with av.open(str(segment)) as opened:
        first = next(opened.decode(opened.streams.video[0]))
        return round(first.time or 0.0, 3), first.key_frame, first.width, first.height


def encoders(path: Path) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if b"libx264" in said and str(path).encode() in said:
            found.append(process)
    return found


def test_all_sizes_are_cut_at_the_same_moments_and_begin_with_whole_pictures(
    there: Path, tmp_path: Path
) -> None:
    rungs = ladder(probe_video(there))
    make(there, rungs, tmp_path / "out", Encoding(segment_seconds=1))
    cuts = {}
    for rung in rungs:
        segments = sorted((tmp_path / "out" / rung.name).glob("*.ts"))
        assert [each.name for each in segments] == ["segment_000.ts", "segment_001.ts"]
        looks = [begins(each) for each in segments]
        assert all(look[1:] == (True, rung.width, rung.height) for look in looks)
        cuts[rung.name] = [look[0] for look in looks]
        with av.open(str(segments[0])) as opened:
            assert opened.streams.video[0].codec_context.profile == "Main"
            assert not opened.streams.audio
    assert list(cuts) == ["360p", "480p"]
    assert cuts["360p"] == cuts["480p"]


def test_what_is_turned_is_made_upright(tmp_path: Path) -> None:
    turned = tmp_path / "turned"
    turned.write_bytes(film(rotation=90))
    found = make(turned, ladder(probe_video(turned)), tmp_path / "out")
    assert (found.width, found.height) == (240, 320)
    assert begins(tmp_path / "out" / "240p" / "segment_000.ts")[1:] == (True, 240, 320)


def test_what_it_cannot_do_it_says(there: Path, tmp_path: Path) -> None:
    impossible = Rung(name="small", width=3, height=3, bitrate=150)
    with pytest.raises(UnsupportedMedia) as refused:
        make(there, [impossible], tmp_path / "out")
    assert refused.value.code == "video_not_transcoded"
    assert len(refused.value.message) > len("The video could not be made ready for players: ")


def test_what_takes_too_long_is_ended(there: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        make(there, [SMALL], tmp_path / "out", seconds=0.01)
    assert refused.value.code == "video_took_too_long"
    assert encoders(there) == []


@pytest.mark.parametrize(
    "does",
    ["exec sleep 60", "while echo out_time_us=4000000; do sleep 0.01; done"],
    ids=["says nothing", "same"],
)
def test_what_comes_no_further_is_ended(there: Path, tmp_path: Path, does: str) -> None:
    stuck = tmp_path / "ffmpeg"
    stuck.write_text(f"#!/bin/sh\n{does}\n")
    stuck.chmod(0o700)
    with pytest.raises(UnsupportedMedia) as refused:
        make(there, [SMALL], tmp_path / "out", Encoding(program=str(stuck), still=0.1))
    assert refused.value.code == "video_stood_still"


@pytest.mark.parametrize(
    "left",
    [
        "rm segment_001.ts && : > segment_001.ts",
        "truncate -s -100 segment_000.ts",
        "truncate -s -1 index.m3u8",
        ": > index.m3u8",
        "rm index.m3u8",
    ],
    ids=["empty segment", "part of a segment", "part of a playlist", "empty playlist", "no playlist"],
)
def test_what_a_full_disk_has_no_room_for_is_missed(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """FFmpeg ends well, whatever it could not write."""
    forgetful, real = tmp_path / "ffmpeg", imageio_ffmpeg.get_ffmpeg_exe()
    forgetful.write_text(f'#!/bin/sh\n{real} "$@" && cd {tmp_path}/out*/small && {left}\n')
    forgetful.chmod(0o700)
    for free, error in ((2**30, UnsupportedMedia), (4096, Unavailable)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(error):
            make(
                there,
                [SMALL],
                tmp_path / "out",
                Encoding(preset="ultrafast", segment_seconds=1, program=str(forgetful)),
            )
        shutil.rmtree(tmp_path / "out")


def test_what_it_says_tells_nobody_where_files_are(there: Path, tmp_path: Path) -> None:
    talking = tmp_path / "ffmpeg"
    talking.write_text(
        f"#!/bin/sh\nprintf '[in @ 0x1f] [x] file:{there} and {tmp_path}/out/a.ts\\000\\n' >&2\nexit 1\n"
    )
    talking.chmod(0o700)
    with pytest.raises(UnsupportedMedia, match=r"for players: file:the video and a\.ts$"):
        make(there, [SMALL], tmp_path / "out", Encoding(program=str(talking)))


def test_the_last_picture_is_held_as_long_as_there_is_sound(tmp_path: Path) -> None:
    """Segments are cut at pictures: without any, all the rest of the sound would be in one."""
    talk = tmp_path / "talk"
    for kind in ("mp4", "mkv"):
        talk.write_bytes(film(kind, seconds=4.0, more=("-vf", "trim=end=0.1")))
        assert 3 < make(talk, [SMALL], tmp_path / kind).held < 4.1
        playlist = (tmp_path / kind / "small" / "index.m3u8").read_text()
        lasts = [float(line[8:-1]) for line in playlist.splitlines() if line.startswith("#EXTINF:")]
        assert lasts == pytest.approx([1.0] * 4, abs=0.11)


ODD: dict[str, tuple[str, tuple[str, ...]]] = {
    "pictures at any time": ("webm", ("-vf", "select='not(mod(n,3))+not(mod(n,4))'", "-fps_mode", "vfr")),
    "ten bits and wide colours": (
        "mkv",
        ("-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084", "-color_primaries", "bt2020"),
    ),
    "one picture that needs no other": ("mp4", ("-g", "10000", "-sc_threshold", "0")),
    "half pictures": ("mp4", ("-flags", "+ildct+ilme", "-x264opts", "tff=1")),
    "fragments": ("mp4", ("-movflags", "frag_keyframe+empty_moov", "-g", "5")),
    "odd sides": ("mkv", ("-vf", "scale=321:241", "-pix_fmt", "yuv444p")),
    "sound that begins late": ("mov", ("-af", "asetpts=PTS+1/TB")),
    "pictures that begin late": ("mkv", ("-vf", "setpts=PTS+1/TB")),
    "two tracks of sound": ("mkv", ("-map", "0", "-map", "1", "-map", "1")),
    "a picture in five seconds": ("mp4", ("-r", "0.2")),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_videos_are_made_as_others_are(tmp_path: Path, odd: str) -> None:
    kind, more = ODD[odd]
    there = tmp_path / "odd"
    there.write_bytes(film(kind, seconds=3.0, more=more))
    rungs = [SMALL, Rung(name="large", width=320, height=240, bitrate=300)]
    found = make(there, rungs, tmp_path / "out")
    cuts = []
    for rung in rungs:
        playlist = (tmp_path / "out" / rung.name / "index.m3u8").read_text()
        lasts = [float(line[8:-1]) for line in playlist.splitlines() if line.startswith("#EXTINF:")]
        target = next(line for line in playlist.splitlines() if line.startswith("#EXT-X-TARGETDURATION:"))
        assert max(map(round, lasts)) <= int(target.partition(":")[2])
        assert sum(lasts) == pytest.approx(found.duration, abs=0.6)
        segments = sorted((tmp_path / "out" / rung.name).glob("*.ts"))
        assert all(begins(each)[1:] == (True, rung.width, rung.height) for each in segments)
        cuts.append(lasts)
    assert cuts[0] == cuts[1]


def test_the_smallest_of_videos_is_one(tmp_path: Path) -> None:
    small = tmp_path / "small"
    for width, height in ((1, 1), (3, 5), (2, 16)):
        tiny = ("-vf", f"scale={width}:{height},setsar=1", "-c:v", "ffv1", "-pix_fmt", "bgr0")
        small.write_bytes(film("mkv", seconds=0.5, sound=False, more=tiny))
        found = make(small, ladder(probe_video(small)), tmp_path / f"{width}")
        assert (found.width, found.height) == (width, height)


def test_what_takes_too_much_memory_is_ended(there: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia):
        make(there, [SMALL], tmp_path / "out", Encoding(memory=100 * 2**20))


def test_nothing_is_left_of_it_when_nobody_wants_it(tmp_path: Path) -> None:
    forget(tmp_path, Encoding(preset="veryslow"), processes=1)


def test_what_a_script_runs_ends_with_it(tmp_path: Path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("""#!/bin/sh\nsh -c 'sleep 60; exit' "$@"\nexit $?\n""")
    script.chmod(0o700)
    forget(tmp_path, Encoding(preset="veryslow", program=str(script)), processes=2)


def forget(tmp_path: Path, slow: Encoding, *, processes: int) -> None:
    """Change one's mind once so many processes are at work, and see them gone."""
    long = tmp_path / "long"
    long.write_bytes(film(width=640, height=480, seconds=10))
    found, out = probe_video(long), tmp_path / "out"
    out.mkdir()

    async def change_our_mind() -> None:
        work = asyncio.ensure_future(make_renditions(long, found, ladder(found), out, slow, seconds=60))
        at_it = partial(wait_until, lambda: len(encoders(long)) == processes, seconds=20)
        assert await asyncio.to_thread(at_it)
        work.cancel()
        await asyncio.wait([work], timeout=20)
        assert work.cancelled()
        # Of our own child we wait for the end; a child of that takes a moment to be gone.
        assert wait_until(lambda: encoders(long) == [], seconds=0 if processes == 1 else 5)

    asyncio.run(change_our_mind())


def test_it_is_told_to_read_nothing_but_the_file(there: Path, tmp_path: Path) -> None:
    words = ffmpeg.command(there, probe_video(there), [SMALL], tmp_path, QUICK)
    before = words[: words.index("-i")]
    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-f") + 1] == "mov"
    assert words[words.index("-i") + 1] == f"file:{there}"
