"""Video: what it is said to be, whether it is whole, and its poster."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from stackroom.errors import Invalid, UnsupportedMedia
from stackroom.media.kinds import Kind
from stackroom.media.studio import Studio
from stackroom.media.video import examine, poster, probe_video
from stackroom.testing.films import CODECS, CONTENT_TYPES, film
from stackroom.testing.pictures import picture

FAST_START = ("-movflags", "+faststart")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "arrival"


def test_every_container_is_known_by_its_bytes_whatever_it_is_called(there: Path) -> None:
    for kind in CODECS:
        there.write_bytes(film(kind))
        found = probe_video(there)
        assert found.content_type == CONTENT_TYPES[kind]
        assert (found.width, found.height, found.has_audio) == (320, 240, True)
        assert found.duration == pytest.approx(2, abs=0.2)
        assert found.bitrate == pytest.approx(len(film(kind)) * 8 / found.duration, rel=0.1)
    assert found.codec == "mpeg4"


def test_a_film_without_sound_says_so(there: Path) -> None:
    there.write_bytes(film(sound=False))
    assert probe_video(there).has_audio is False
    there.write_bytes(film("mkv", more=("-af", "atrim=start=100")))  # a track with nothing in it
    assert probe_video(there).has_audio is False


@pytest.mark.parametrize("kind", [*CODECS, "faststart"])
def test_a_film_that_ends_too_early_is_refused(there: Path, kind: str) -> None:
    whole = film(more=FAST_START) if kind == "faststart" else film(kind)
    for share in (0.1, 0.5, 0.99):
        there.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnsupportedMedia) as refused:
            probe_video(there)
        assert refused.value.code == "damaged_video"


def test_what_comes_after_the_end_is_nobodys(there: Path) -> None:
    for kind in CODECS:
        for more in (bytes(1000), b"0000made by hand"):
            there.write_bytes(film(kind) + more)
            assert probe_video(there).width == 320


@pytest.mark.parametrize(
    "content",
    [
        b"just some text\n" * 100,
        picture("jpeg"),
        b"#EXTM3U\n#EXTINF:6,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
    ids=["text", "picture", "playlist", "list of files", "sound"],
)
def test_what_is_no_film_is_refused_and_leads_nowhere(there: Path, content: bytes) -> None:
    there.write_bytes(content)
    with pytest.raises(UnsupportedMedia) as refused:
        probe_video(there)
    assert refused.value.code == "not_a_video"


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(1000),
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xff\xff\xffmoov" + bytes(1000),
        b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska" + b"\xff" * 1000,
        b"RIFF\xff\xff\xff\x7fAVI LIST" + bytes(1000),
    ],
    ids=["mp4", "mp4 that claims much", "matroska", "avi"],
)
def test_a_head_without_a_film_is_damaged(there: Path, content: bytes) -> None:
    there.write_bytes(content)
    with pytest.raises(UnsupportedMedia) as refused:
        probe_video(there)
    assert refused.value.code == "damaged_video"


def test_an_empty_file_is_nothing(there: Path) -> None:
    there.write_bytes(b"")
    with pytest.raises(Invalid) as refused:
        probe_video(there)
    assert refused.value.code == "empty_file"


def test_a_film_is_seen_upright_and_with_square_pixels(there: Path) -> None:
    there.write_bytes(film(rotation=90))
    assert (probe_video(there).width, probe_video(there).height) == (240, 320)
    there.write_bytes(film(rotation=45))  # which nobody makes larger for
    assert (probe_video(there).width, probe_video(there).height) == (320, 240)
    there.write_bytes(film(width=180, height=144, more=("-vf", "setsar=16/11")))
    assert (probe_video(there).width, probe_video(there).height) == (262, 144)


def test_the_poster_is_upright_and_no_larger_than_its_square(there: Path, tmp_path: Path) -> None:
    out = tmp_path / "poster.jpg"
    there.write_bytes(film())
    poster(there, out)
    with Image.open(out) as flat:
        assert (flat.format, flat.size) == ("JPEG", (320, 240))
        flat_pixels = flat.convert("L").resize((32, 24))
    there.write_bytes(film(rotation=90))
    poster(there, out, 160)
    with Image.open(out) as turned:
        assert turned.size == (120, 160)
        # What a player turns against the clock lies flat again when it is turned back.
        back = turned.convert("L").transpose(Image.Transpose.ROTATE_270).resize((32, 24))
    apart = [abs(a - b) for a, b in zip(flat_pixels.tobytes(), back.tobytes(), strict=True)]
    assert sum(apart) / len(apart) < 12


def test_the_studio_looks_at_films_in_a_process_of_its_own(there: Path, tmp_path: Path) -> None:
    there.write_bytes(film())

    async def look() -> None:
        async with Studio(processes=1) as studio:
            assert await studio.probe_video(there) == probe_video(there)
            assert await studio.examine_media(Kind.VIDEO, there) == examine(there)
            await studio.poster(there, tmp_path / "poster.jpg")
            with pytest.raises(UnsupportedMedia) as refused:
                await studio.probe_video(tmp_path / "poster.jpg")
            assert refused.value.code == "not_a_video"

    asyncio.run(look())
    assert (tmp_path / "poster.jpg").stat().st_size > 1000
