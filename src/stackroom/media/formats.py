"""Which image formats are kept, and how any file is recognised by its first bytes. Imports no decoder."""

import re
from enum import StrEnum

HEAD_SIZE = 1024  # how many first bytes `sniff` likes to see; fewer will do


class Format(StrEnum):
    """The image formats the library keeps. HEIC stands for HEIF as well; both become PNG on arrival."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    HEIC = "heic"
    AVIF = "avif"
    JP2 = "jp2"

    @property
    def content_type(self) -> str:
        return f"image/{self.value}"


def format_of(content_type: str | None) -> Format | None:
    """Find the format that `sniff` named, or None if it named something the library does not keep."""
    return next((kept for kept in Format if kept.content_type == content_type), None)


def sniff(head: bytes) -> str | None:
    """Name the content type that these first bytes belong to, whatever the file is called.

    None if nobody knows. Things the library refuses are named as well, because "this is a PDF" helps more
    than "this is not an image".
    """
    for content_type, pattern in _MAGIC:
        if pattern.match(head):
            return content_type
    if head[4:8] == b"ftyp":
        return _container(head)
    return _text(head)


# In this order: the first match counts. BMP's two letters are confirmed by the size of the header after them.
_MAGIC = [
    (content_type, re.compile(pattern, re.DOTALL))
    for content_type, pattern in [
        ("image/jpeg", rb"\xff\xd8\xff"),
        ("image/png", rb"\x89PNG\r\n\x1a\n"),
        ("image/gif", rb"GIF8[79]a"),
        ("image/webp", rb"RIFF....WEBP"),
        ("image/bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
        ("image/tiff", rb"II[*+]\0|MM\0[*+]"),
        ("image/jxl", rb"\xff\x0a|\0\0\0\x0cJXL "),
        ("image/jp2", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
        ("image/vnd.adobe.photoshop", rb"8BPS"),
        ("image/x-icon", rb"\0\0\x01\0"),
        ("application/pdf", rb"\s*%PDF-"),
        ("application/zip", rb"PK(\x03\x04|\x05\x06)"),
        ("application/gzip", rb"\x1f\x8b"),
        ("video/x-matroska", rb"\x1a\x45\xdf\xa3.{0,64}?\x42\x82.matroska"),
        ("video/webm", rb"\x1a\x45\xdf\xa3"),
        ("video/x-msvideo", rb"RIFF....AVI "),
        ("audio/wav", rb"(RIFF|RF64|BW64)....WAVE"),
        # Of any sampling rate, with a checksum in each frame or without.
        ("audio/mpeg", rb"ID3|\xff[\xfa\xfb\xf2\xf3\xe2\xe3]"),
        ("audio/flac", rb"fLaC"),
        ("audio/ogg", rb"OggS"),
        # QuickTime as it was before files said what they are.
        ("video/quicktime", rb".{4}(moov|mdat|wide|pnot)"),
    ]
]

# ISO base media files say what they are in a list of brands; the generic image brands say only "some image".
_BRANDS = [
    ("image/avif", {b"avif"}),
    ("image/avif-sequence", {b"avis"}),  # which libvips does not read
    ("image/heic", {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}),
    ("video/quicktime", {b"qt  "}),
    ("audio/mp4", {b"M4A ", b"M4B "}),
]


def _container(head: bytes) -> str:
    length = int.from_bytes(head[:4], "big")
    listed = head[8 : min(length, len(head))]
    brands = [listed[at : at + 4] for at in range(0, len(listed), 4) if at != 4]  # at 4: the version
    for wanted in (brands[:1], brands):  # the major brand decides, unless it says nothing of use
        for content_type, names in _BRANDS:
            if names.intersection(wanted):
                return content_type
    return "image/heic" if {b"mif1", b"msf1"}.intersection(brands) else "video/mp4"


def _text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not text or b"\0" in text:
        return None
    if re.match(rb"(<\?xml.*?)?(<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*<svg\b", text, re.DOTALL):
        return "image/svg+xml"
    if re.match(rb"(<!--.*?-->\s*)*<(!doctype html|html|head|body|script|iframe)\b", text, re.DOTALL):
        return "text/html"
    # A character may be cut off at the end of the head.
    return "text/plain" if _decodes(head[:-3]) and not re.search(rb"[\0-\x08\x0e-\x1a]", head) else None


def _decodes(text: bytes) -> bool:
    for cut in range(4):
        try:
            text[: len(text) - cut].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False
