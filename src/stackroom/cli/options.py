"""The options that several commands have, so that each is spelled and explained in one way."""

import enum
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stackroom.cli.exits import Refused
from stackroom.cli.groups import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackroom import Client
    from stackroom.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and errors as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Dataset = Annotated[
    str, typer.Argument(metavar="DATASET", help="The dataset's name or id.", show_default=False)
]

LIBRARY_PANEL = "Where the library is"
_SERVER_PANEL = "Which server, and who asks"
# One package stands for all that the extra installs.
_SERVER_ONLY = ("sqlalchemy", "starlette", "uvicorn", "structlog")


class Duplicates(enum.StrEnum):
    """What becomes of an item whose name is taken where it goes."""

    RENAME = "rename"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    FAIL = "fail"


OnDuplicates = Annotated[
    Duplicates,
    typer.Option("--duplicates", help="What to do where a name is taken; fail refuses the whole operation."),
]

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="STACKROOM_DATA_DIR",
        help="Folder with the library's database and files. Default: data",
        rich_help_panel=LIBRARY_PANEL,
        show_default=False,
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="STACKROOM_DATABASE_URL",
        help="postgresql://user:password@host/name. Default: a SQLite file in the data directory",
        rich_help_panel=LIBRARY_PANEL,
        show_default=False,
    ),
]
StorageUrl = Annotated[
    str | None,
    typer.Option(
        "--storage-url",
        envvar="STACKROOM_STORAGE_URL",
        help="file:///path or s3://bucket/prefix of the stored files. Default: a folder in the data directory",
        rich_help_panel=LIBRARY_PANEL,
        show_default=False,
    ),
]


class Library(Options, frozen=True, kw_only=True):
    """Where a command finds the library that it opens itself."""

    data_dir: DataDir = None
    database_url: DatabaseUrl = None

    def settings(self) -> "Settings":
        """The settings from these flags and the environment.

        Raises `Refused` where only the client is installed, and `Invalid` for a setting that cannot be.
        """
        need_server()
        from stackroom.cli.logs import keep_logs_apart
        from stackroom.settings import load

        keep_logs_apart()
        return load(msgspec.structs.asdict(self))


class Server(Options, frozen=True, kw_only=True):
    """Which server a client command talks to, and with which key."""

    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            envvar="STACKROOM_API_KEY",
            help="The key to act with. `stackroom key create` makes one",
            rich_help_panel=_SERVER_PANEL,
            show_default=False,
        ),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            envvar="STACKROOM_BASE_URL",
            help="The server's address. Default: http://127.0.0.1:8000",
            rich_help_panel=_SERVER_PANEL,
            show_default=False,
        ),
    ] = None

    @contextmanager
    def connected(self) -> "Iterator[Client]":
        """A client, closed at the end. Raises the SDK's ConfigurationError without a key."""
        from stackroom import Client

        with Client(self.api_key, base_url=self.base_url) as client:
            yield client


def given(**options: Any) -> dict[str, Any]:
    """The options that are on the command line."""
    return {name: value for name, value in options.items() if value is not None}


def need_server() -> None:
    """Refuse, saying what to install, where only the SDK and the command line are."""
    if any(find_spec(package) is None for package in _SERVER_ONLY):
        raise Refused(
            "this command needs the server, and only the client is installed",
            fix="pip install 'stackroom[server]'",
        )
