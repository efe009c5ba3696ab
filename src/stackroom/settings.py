"""How a library is set up: `STACKROOM_*` variables, overridden by flags, checked before anything is opened."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from stackroom.errors import Invalid

PREFIX = "STACKROOM_"
MEBIBYTE = 2**20


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set. Each field is the flag `--field-name` and the variable `STACKROOM_FIELD_NAME`."""

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
    """Settings from flags (None means not given), then variables, then defaults. Raises `Invalid`, naming the setting."""
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
        raise Invalid(f"settings: {error}", code="bad_setting", hint="See `stackroom serve --help`.") from error
    _check(settings)
    return settings


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).expanduser()
    raise NotImplementedError(kind)


def _check(settings: Settings) -> None:
    problems = {
        f"port {settings.port} is not between 0 and 65535": not 0 <= settings.port <= 65535,
        "max_upload_mb must be at least 1": settings.max_upload_mb < 1,
        "max_megapixels must be at least 1": settings.max_megapixels < 1,
        "pixel_processes cannot be negative": settings.pixel_processes < 0,
        f"storage_url {settings.storage_url!r} must be file:///path": bool(settings.storage_url)
        and (urlsplit(settings.storage_url).scheme != "file" or not urlsplit(settings.storage_url).path),
        f"public_url {settings.public_url!r} must be http(s)://host[:port][/path]": bool(settings.public_url)
        and (urlsplit(settings.public_url).scheme not in {"http", "https"} or not urlsplit(settings.public_url).netloc),
        f"database_url {settings.database_url!r} must be postgresql://… or sqlite:///…": bool(settings.database_url)
        and not settings.database_url.startswith(("postgresql://", "sqlite:///")),
    }
    for problem, true in problems.items():
        if true:
            raise Invalid(f"settings: {problem}", code="bad_setting", hint="See `stackroom serve --help`.")
