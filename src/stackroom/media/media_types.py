"""Which type a file of a name probably is. A guess, for what no better source tells; `formats.sniff` looks inside."""

from types import MappingProxyType
from typing import Final

# Python's own list reads files of the machine, and so differs between machines.
_BY_EXTENSION: Final = MappingProxyType(
    {
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".jpe": "image/jpeg",
        ".png": "image/png",
        ".gif": "image/gif",
        ".webp": "image/webp",
        ".bmp": "image/bmp",
        ".tif": "image/tiff",
        ".tiff": "image/tiff",
        ".heic": "image/heic",
        ".heif": "image/heif",
        ".avif": "image/avif",
        ".jp2": "image/jp2",
        ".jpx": "image/jpx",
        ".svg": "image/svg+xml",
        ".pdf": "application/pdf",
        ".mp4": "video/mp4",
        ".m4v": "video/mp4",
        ".mov": "video/quicktime",
        ".mpg": "video/mpeg",
        ".mpeg": "video/mpeg",
        ".avi": "video/x-msvideo",
        ".mkv": "video/x-matroska",
        ".webm": "video/webm",
        ".mp3": "audio/mpeg",
        ".m4a": "audio/mp4",
        ".aac": "audio/aac",
        ".wav": "audio/wav",
        ".flac": "audio/flac",
        ".ogg": "audio/ogg",
        ".txt": "text/plain",
        ".csv": "text/csv",
        ".xml": "application/xml",
        ".json": "application/json",
        ".zip": "application/zip",
    }
)


def extension_of(content_type: str) -> str:
    """With what the name of an image of this type ends, without the dot."""
    return content_type.rpartition("/")[2].replace("jpeg", "jpg")


def by_extension(name: str) -> str | None:
    """From the end of a file's name or of the path of a URL; None if it says nothing."""
    _, dot, extension = name.rpartition(".")
    return _BY_EXTENSION.get(dot + extension.lower())
