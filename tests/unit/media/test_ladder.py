"""The ladder: no rung is larger than the video, all have its shape, and there is always one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.media.examined import VideoInfo
from stackroom.media.ladder import FRAMES, NAMES, Rung, ladder, master, peak, room_for


def a_video(width: int, height: int) -> VideoInfo:
    return VideoInfo(
        content_type="video/mp4",
        duration=10.0,
        width=width,
        height=height,
        codec="h264",
        has_audio=True,
        bitrate=1_000_000,
    )


def sizes(width: int, height: int, *names: str) -> list[tuple[str, int, int]]:
    return [(it.name, it.width, it.height) for it in ladder(a_video(width, height), names or NAMES)]


@pytest.mark.parametrize(
    ("size", "rungs"),
    [
        ((1920, 1080), [("360p", 640, 360), ("480p", 854, 480), ("720p", 1280, 720), ("1080p", 1920, 1080)]),
        ((3840, 2160), [("360p", 640, 360), ("480p", 854, 480), ("720p", 1280, 720), ("1080p", 1920, 1080)]),
        ((640, 480), [("360p", 480, 360), ("480p", 640, 480)]),
        ((1080, 1920), [("360p", 360, 640), ("480p", 480, 854), ("720p", 720, 1280), ("1080p", 1080, 1920)]),
        ((1920, 800), [("360p", 640, 266), ("480p", 854, 356), ("720p", 1280, 534)]),
        ((640, 360), [("360p", 640, 360)]),
        ((320, 240), [("240p", 320, 240)]),
        ((639, 359), [("358p", 638, 358)]),
    ],
)
def test_a_video_is_offered_in_the_sizes_it_has(
    size: tuple[int, int], rungs: list[tuple[str, int, int]]
) -> None:
    assert sizes(*size) == rungs


def test_only_what_is_wanted_is_made_and_never_nothing() -> None:
    assert sizes(1920, 1080, "720p") == [("720p", 1280, 720)]
    assert sizes(640, 480, "720p") == [("480p", 640, 480)]
    assert sizes(3840, 2160, "nothing of the kind") == [("1080p", 1920, 1080)]


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_every_rung_is_even_fits_and_keeps_the_shape(width: int, height: int) -> None:
    rungs = ladder(a_video(width, height))
    assert 1 <= len(rungs) <= len(FRAMES)
    assert len({it.name for it in rungs}) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(width, 16)
        assert rung.height <= max(height, 16)
        assert 150 <= rung.bitrate <= 5000
        if min(rung.width, rung.height) > 100:
            assert rung.width / rung.height == pytest.approx(width / height, rel=0.03)


def test_the_master_lists_each_with_what_a_player_chooses_by() -> None:
    rungs = [Rung(name="360p", width=640, height=360, bitrate=800), FRAMES[2]]
    assert master(rungs, {"360p": 1_234_567, "720p": 99}) == (
        "#EXTM3U\n#EXT-X-VERSION:3\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1234567,RESOLUTION=640x360\n360p/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=2800000,RESOLUTION=1280x720\n720p/index.m3u8\n"
    )


@pytest.mark.parametrize(
    ("segments", "most"),
    [
        ([(6.0, 600), (6.0, 900), (6.0, 300)], 1200),
        ([(6.0, 600), (6.0, 600), (0.04, 90)], 914),  # a picture at the end says nothing alone
        ([(6.0, 600), (2.5, 600), (2.5, 600)], 1920),  # short ones count together
        ([(0.4, 100)], 2000),
        ([], 0),
    ],
)
def test_the_peak_is_that_of_segments_that_last_as_long_as_one_should(
    segments: list[tuple[float, int]], most: int
) -> None:
    listed = "".join(f"#EXTINF:{seconds:.6f},\n{n}.ts\n" for n, (seconds, _) in enumerate(segments))
    target = round(max((seconds for seconds, _ in segments), default=0))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n{listed}#EXT-X-ENDLIST\n"
    assert peak(playlist, {f"{n}.ts": size for n, (_, size) in enumerate(segments)}) == most


def test_room_is_for_all_of_them_with_their_sound() -> None:
    assert room_for(FRAMES[:1], 10) == (960 + 128) * 1000 // 8 * 10
