"""Telling files by their first bytes."""

import pytest

from stackroom.media.formats import HEAD_SIZE, Format, format_of, sniff
from stackroom.testing.pictures import FORMATS, picture


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kept_format_is_recognised_from_its_head(kind: str) -> None:
    found = sniff(picture(kind)[:HEAD_SIZE])
    assert found == f"image/{kind}"
    assert format_of(found) is Format(kind)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"\xef\xbb\xbf \n<HTML><body>", "text/html"),
        (b"<!-- x --><script>alert(1)</script>", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "image/svg+xml"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1">', "image/svg+xml"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom", "audio/mp4"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "image/avif"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", "image/heic"),
        (b"\x1a\x45\xdf\xa3\x9f", "video/webm"),
        (b"PK\x03\x04\x14\0", "application/zip"),
        (b"8BPS\0\1", "image/vnd.adobe.photoshop"),
        (b"\xff\x0a\xfa", "image/jxl"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "audio/wav"),
        (b"\xff\xfa\x90\xc0", "audio/mpeg"),  # with checksums
        (b"\xff\xe3\x38\xc0", "audio/mpeg"),  # as a telephone sounds
        (b"\xff\xf1\x50\x80\x01\xbf\xfc\xde\x04", None),  # bare AAC
        (b"II+\0\x08\0\0\0", "image/tiff"),
        (b"just words, caf\xc3\xa9", "text/plain"),
        ("né".encode() * 512, "text/plain"),  # the head ends inside a character
        (b"BM is not only bitmaps", "text/plain"),
        (b"\x7fELF\x02\x01\x01\0", None),
        (bytes(16), None),
        (b"", None),
        (b"   ", None),
    ],
)
def test_other_things_are_named_where_that_helps(head: bytes, expected: str | None) -> None:
    assert sniff(head[:HEAD_SIZE]) == expected


def test_what_is_not_kept_has_no_format() -> None:
    assert format_of("image/svg+xml") is None
    assert format_of("image/jxl") is None
    assert format_of("video/jpeg") is None
    assert format_of(None) is None
