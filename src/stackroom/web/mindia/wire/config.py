"""How the server is set up, as far as its clients may know."""

from stackroom.web.mindia.wire.base import Given


class Upload(Given, frozen=True, kw_only=True):
    max_file_size_mb: int
    max_file_size_bytes: int
    allowed_extensions: list[str]
    allowed_content_types: list[str]


class Config(Given, frozen=True, kw_only=True):
    upload: Upload
    database: dict[str, int]
    cors: dict[str, list[str]]
    clamav: dict[str, bool]
