"""How a library is set up: `STACKROOM_*` variables, overridden by flags, checked before it is opened."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from stackroom.errors import Invalid

PREFIX = "STACKROOM_"
MEBIBYTE = 2**20


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be set. Each field is a flag, `--field-name`, and a variable, `STACKROOM_FIELD_NAME`."""

    data_dir: Path = Path("data")
    """Where the library is: its database and its files, unless the URLs below say otherwise."""
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str = ""
    """`postgresql://user:password@host/name`; empty means a SQLite file in the data directory."""
    storage_url: str = ""
    """`file:///path`; empty means a folder in the data directory."""
    public_url: str = ""
    """How clients reach this server, such as https://media.example.org; empty means as each request did."""
    max_upload_mb: int = 50
    max_megapixels: int = 268
    pixel_processes: int = 0
    """Processes that decode images; 0 means one for each core."""

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'library.db'}"

    @property
    def storage_dir(self) -> Path:
        if self.storage_url:
            return Path(urlsplit(self.storage_url).path)
        return self.data_dir.absolute() / "storage"

    @property
    def staging_dir(self) -> Path:
        # Beside the store, on its file system: bytes are linked into place, never copied.
        return self.storage_dir.parent / (self.storage_dir.name + ".staging")

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MEBIBYTE


def load(flags: Mapping[str, object | None], environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from flags (None means not given), then variables, then defaults.

    Raises `Invalid` (`bad_setting`), naming the setting and what it must be.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, object] = {}
    for name in Settings.__struct_fields__:
        flag, variable = flags.get(name), environment.get(PREFIX + name.upper())
        if flag is not None:
            given[name] = str(flag)
        elif variable:
            given[name] = variable
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from error
    for problem in _problems(settings):
        raise _refused(problem)
    return settings


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError(kind)


def _problems(settings: Settings) -> Iterator[str]:
    storage, public = urlsplit(settings.storage_url), urlsplit(settings.public_url)
    if not 0 <= settings.port <= 65535:
        yield f"port {settings.port} is not between 0 and 65535"
    if settings.max_upload_mb < 1:
        yield "max_upload_mb must be at least 1"
    if settings.max_megapixels < 1:
        yield "max_megapixels must be at least 1"
    if settings.pixel_processes < 0:
        yield "pixel_processes cannot be negative"
    if settings.storage_url and (storage.scheme != "file" or not storage.path):
        yield f"storage_url {settings.storage_url!r} must be file:///path"
    if settings.public_url and (public.scheme not in {"http", "https"} or not public.netloc):
        yield f"public_url {settings.public_url!r} must be http(s)://host[:port][/path]"
    if settings.database_url and not settings.database_url.startswith(("postgresql://", "sqlite:///")):
        yield "database_url must be postgresql://… or sqlite:///…"


def _refused(problem: str) -> Invalid:
    return Invalid(f"settings: {problem}", code="bad_setting", hint="See `stackroom serve --help`.")
