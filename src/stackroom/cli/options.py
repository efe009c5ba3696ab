"""The options that several commands have, so that each is spelled and explained in one way."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import Refused

if TYPE_CHECKING:
    from stackroom.settings import Settings

LIBRARY_PANEL = "Where the library is"
SERVER_PANEL = "Which server, and who asks"

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
        help="file:///path of the stored files. Default: a folder in the data directory",
        rich_help_panel=LIBRARY_PANEL,
        show_default=False,
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="STACKROOM_API_KEY",
        help="The key to act with. `stackroom key create` makes one",
        rich_help_panel=SERVER_PANEL,
        show_default=False,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        envvar="STACKROOM_BASE_URL",
        help="The server's address. Default: http://127.0.0.1:8000",
        rich_help_panel=SERVER_PANEL,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and errors as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# One package stands for all that the extra installs.
_SERVER_ONLY = ("sqlalchemy", "starlette", "uvicorn", "structlog")


def need_server() -> None:
    """Refuse, saying what to install, where only the SDK and the command line are."""
    if any(find_spec(package) is None for package in _SERVER_ONLY):
        raise Refused(
            "this command needs the server, and only the client is installed",
            fix="pip install 'stackroom[server]'",
        )


def settings_from(**flags: object | None) -> "Settings":
    """The settings of a command that opens the library; flags that are None were not given."""
    from stackroom.settings import load

    return load(flags)


def given(flags: Mapping[str, object | None]) -> dict[str, object]:
    """What is there of some keyword arguments."""
    return {name: value for name, value in flags.items() if value is not None}
