"""Recordings and documents: what is known of them, and what is refused, whatever they are called."""

import asyncio
import hashlib
import itertools
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackroom.errors import Invalid, UnsupportedMedia
from stackroom.media import audio, documents
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.studio import Studio
from stackroom.testing.pictures import picture
from stackroom.testing.recordings import RECORDINGS, document, recording

TYPES = dict(
    zip(RECORDINGS, ["audio/mpeg", "audio/mp4", "audio/wav", "audio/flac", "audio/ogg"], strict=True)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def heard(path: Path, content: bytes) -> MediaInfo:
    path.write_bytes(content)
    return audio.examine(path)


def read(path: Path, content: bytes) -> MediaInfo:
    path.write_bytes(content)
    return documents.examine(path)


def refused_by(look: object, path: Path, content: bytes) -> str:
    with pytest.raises((UnsupportedMedia, Invalid)) as refused:
        look(path, content)  # type: ignore[operator]  # one of the two above
    assert refused.value.hint
    return refused.value.code


@pytest.mark.parametrize("kind", RECORDINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_says_how_long_and_how_rich_it_is(path: Path, kind: str, channels: int) -> None:
    found = heard(path, recording(kind, seconds=2.5, rate=44_100, channels=channels))
    assert (found.kind, found.content_type) == (Kind.AUDIO, TYPES[kind])
    assert found.duration == pytest.approx(2.5, abs=0.1)
    assert (found.sample_rate, found.channels) == (44_100, channels)
    assert found.bitrate is not None
    assert 10_000 < found.bitrate <= 44_100 * 16 * channels


@pytest.mark.parametrize("kind", RECORDINGS)
def test_a_recording_without_length_is_refused(path: Path, kind: str) -> None:
    assert refused_by(heard, path, recording(kind, seconds=0)) in {"silent_audio", "damaged_audio"}


@pytest.mark.parametrize("kind", ["m4a", "wav", "flac"])
def test_a_recording_that_ends_before_it_says_is_refused(path: Path, kind: str) -> None:
    whole = recording(kind, seconds=5)
    assert refused_by(heard, path, whole[: len(whole) // 2]) == "damaged_audio"


def test_an_ogg_that_ends_in_the_middle_of_a_page_is_refused(path: Path) -> None:
    content = recording("ogg", seconds=3)
    last = content.rindex(b"OggS")
    for missing in (1, len(content) - last - 5, len(content) - last - 100):
        path.write_bytes(content[:-missing])
        with pytest.raises(UnsupportedMedia) as refused:
            audio.examine(path)
        assert refused.value.code == "damaged_audio"
    path.write_bytes(content + b"whatever somebody wrote there")
    assert audio.examine(path).duration == pytest.approx(3, abs=0.1)


def test_a_recording_that_was_written_before_its_length_was_known_is_whole(path: Path) -> None:
    whole = bytearray(recording("wav", seconds=2))
    whole[4:8] = struct.pack("<I", 0xFFFFFFFF)
    at = whole.index(b"data") + 4
    whole[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert heard(path, bytes(whole)).duration == pytest.approx(2.0, abs=0.05)


def test_a_recording_may_have_few_samples_and_no_tag_before_them(path: Path) -> None:
    tagged = recording("mp3", seconds=2, rate=8_000)
    assert tagged.startswith(b"ID3")
    bare = tagged[10 + int.from_bytes(tagged[6:10], "big") :]  # the length of a short tag
    assert bare[:2] == b"\xff\xe3"
    found = heard(path, bare)
    assert (found.content_type, found.sample_rate) == ("audio/mpeg", 8_000)


def test_a_recording_may_be_of_the_kind_that_has_no_largest_size(path: Path) -> None:
    riff = recording("wav", seconds=2)
    at = riff.index(b"data")
    sizes = struct.pack("<QQQI", len(riff) + 28, len(riff) - at - 8, 44_100, 0)
    whole = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(sizes)) + sizes
    whole += riff[12:at] + b"data\xff\xff\xff\xff" + riff[at + 8 :]
    assert heard(path, whole).duration == pytest.approx(2.0, abs=0.05)
    assert refused_by(heard, path, whole[: len(whole) // 2]) == "damaged_audio"


def test_a_recording_is_not_believed_to_have_more_bits_than_its_file(path: Path) -> None:
    """What a header says is kept in a column of 32 bits."""
    whole = bytearray(recording("wav", seconds=1))
    at = whole.index(b"fmt ") + 16
    assert whole[at : at + 4] == struct.pack("<I", 44_100), "bytes each second"
    whole[at : at + 4] = struct.pack("<I", 2**32 - 1)
    assert heard(path, bytes(whole)).bitrate == pytest.approx(352_800, rel=0.02)


def test_an_mp3_with_junk_behind_or_between_its_frames_is_one(path: Path) -> None:
    """As tags nobody knows, and what was cut together, leave it."""
    whole = recording("mp3", seconds=5)
    junk = b"APETAGEX" + bytes(range(256)) * 8
    half = whole[: len(whole) // 2]
    for content in (whole + junk, whole + half, half + junk + whole):
        assert heard(path, content).duration == pytest.approx(5 * len(content) / len(whole), rel=0.2)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from([*RECORDINGS, "pdf"]))
def test_damage_of_any_kind_ends_in_what_can_be_kept_or_in_a_reason(
    path: Path, data: st.DataObject, kind: str
) -> None:
    content = bytearray(document(["one", "two"]) if kind == "pdf" else recording(kind, seconds=0.3))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.sampled_from([0, 1, 127, 255]))
    cut = content[: data.draw(st.sampled_from([len(content), len(content) // 2, 40]))]
    try:
        found = (read if kind == "pdf" else heard)(path, bytes(cut))
    except (UnsupportedMedia, Invalid):
        return
    numbers = found.bitrate, found.sample_rate, found.channels, found.page_count
    assert all(each is None or 0 < each < 2**31 for each in numbers)
    assert found.duration is None or found.duration > 0


@pytest.mark.parametrize("kind", RECORDINGS)
def test_noise_behind_the_right_first_bytes_is_refused(path: Path, kind: str) -> None:
    begin = recording(kind)[:12]
    assert refused_by(heard, path, begin + bytes(range(256)) * 40) == "damaged_audio"


def test_what_is_no_recording_is_called_what_it_is(path: Path) -> None:
    assert refused_by(heard, path, b"") == "empty_file"
    for content in (picture(), document(), b"#EXTM3U\nhttp://127.0.0.1/x.mp3\n", b"ID2", bytes(100)):
        assert refused_by(heard, path, content) == "not_audio"


def test_a_document_says_how_many_pages_it_has_and_what_they_say(path: Path) -> None:
    found = read(path, document(["A harbour at dawn.", "", "Café (in) the evening."]))
    assert (found.kind, found.content_type, found.page_count) == (Kind.DOCUMENT, "application/pdf", 3)
    assert found.text is not None
    assert found.text.splitlines() == ["A harbour at dawn.", "", "Café (in) the evening."]
    assert read(path, document([""])).text is None


def test_of_a_long_document_the_beginning_of_its_text_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_TEXT", 25)
    found = read(path, document(["ten letter"] * 9))
    assert (found.page_count, found.text) == (9, "ten letter\nten letter\nten")


def test_pages_that_cannot_be_read_take_no_longer_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        read = 0

        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, number: int) -> Any:
            self.read += 1
            raise pypdfium2.PdfiumError("no such page")

    ticks = itertools.count()
    its_watch = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr(documents, "time", its_watch)
    many = Broken()
    assert documents._text(many) == ""
    assert many.read == documents.MOST_SECONDS


def test_a_document_that_needs_a_password_is_refused_and_the_answer_says_so(path: Path) -> None:
    assert refused_by(read, path, document(locked=True)) == "encrypted_document"


def test_a_document_that_only_its_owner_may_change_can_be_read(path: Path) -> None:
    """It opens to everybody: the password of those who read it is empty."""
    filler = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    key = hashlib.md5(filler + bytes(32) + struct.pack("<i", -4) + bytes(1)).digest()[:5]
    mark = rc4(key, filler).hex().encode()
    content = document(["one", "two"], locked=True).replace(b"/U <" + b"00" * 32, b"/U <" + mark)
    assert read(path, content).page_count == 2


def rc4(key: bytes, content: bytes) -> bytes:
    state, at = list(range(256)), 0
    for n in range(256):
        at = (at + state[n] + key[n % len(key)]) % 256
        state[n], state[at] = state[at], state[n]
    out, one, two = bytearray(), 0, 0
    for byte in content:
        one = (one + 1) % 256
        two = (two + state[one]) % 256
        state[one], state[two] = state[two], state[one]
        out.append(byte ^ state[(state[one] + state[two]) % 256])
    return bytes(out)


def test_a_document_of_which_only_the_list_of_its_parts_is_lost_can_be_read(path: Path) -> None:
    whole = document(["one", "two"])
    lost = whole[: whole.index(b"startxref")] + b"startxref\n7\n%%EOF\n"
    assert (read(path, lost).page_count, read(path, lost).text) == (2, "one\ntwo")


def test_a_document_that_says_it_has_two_thousand_million_pages_ends(path: Path) -> None:
    claims = document(["one"]).replace(b"/Count 1 ", b"/Count 2147483647 ")
    assert read(path, claims).page_count == 1


def test_what_is_no_document_is_refused(path: Path) -> None:
    assert refused_by(read, path, b"") == "empty_file"
    assert refused_by(read, path, b"%PDF-1.7\nand nothing else") == "damaged_document"
    assert refused_by(read, path, document([])) == "damaged_document"
    for content in (picture("png"), recording(), b"<html></html>", b"just text"):
        assert refused_by(read, path, content) == "not_a_document"


def test_a_studio_looks_at_media_in_its_processes(path: Path) -> None:
    other = path.with_name("other")
    path.write_bytes(recording("flac"))
    other.write_bytes(document(["x"] * 4))

    async def scenario() -> None:
        async with Studio(processes=1, max_pixels=10**6) as studio:
            assert (await studio.examine_media(Kind.AUDIO, path)).duration == pytest.approx(1.0, abs=0.05)
            assert (await studio.examine_media(Kind.DOCUMENT, other)).page_count == 4
            with pytest.raises(UnsupportedMedia, match="not a document"):
                await studio.examine_media(Kind.DOCUMENT, path)

    asyncio.run(scenario())


def test_a_recording_that_takes_too_long_ends_its_own_task_alone(path: Path) -> None:
    path.write_bytes(recording("wav", seconds=60))

    async def scenario() -> None:
        async with Studio(processes=1) as studio:
            studio._workers[0]._timeout = 0.002  # from here on: starting, too, is a task
            with pytest.raises(UnsupportedMedia) as refused:
                await studio.examine_media(Kind.AUDIO, path)
            assert refused.value.code == "media_took_too_long"

    asyncio.run(scenario())
