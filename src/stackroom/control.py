"""The way in for who owns the data directory: a file, only they can read, that says where the server is and how to
prove that one has read it.

A SQLite library belongs to the one process that has it open, so `stackroom org create` asks that process. The
token is new with every start and reaches the server's own `/library/v1/admin` and nothing else.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from stackroom.settings import Settings

NAME = "server.json"


class Control(msgspec.Struct, frozen=True):
    """A running server: where it answers, and the token that it takes."""

    url: str
    token: str
    pid: int


@contextmanager
def control_file(settings: Settings, url: str) -> Iterator[str]:
    """Say in the data directory that a server answers at `url`, as long as this lasts. Gives the token."""
    token = write_control_file(settings, url)
    try:
        yield token
    finally:
        remove_control_file(settings, token)


def write_control_file(settings: Settings, url: str) -> str:
    """Write the file, readable for its owner alone, in place of any that is there; the new token."""
    control = Control(url=url, token=secrets.token_urlsafe(32), pid=os.getpid())
    path = settings.data_dir / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and put in place whole: who reads it meanwhile sees the old one or the new one.
    aside = path.with_name(f"{NAME}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(control))
    aside.replace(path)
    return control.token


def read_control_file(data_dir: Path) -> Control | None:
    """The server that runs on this data directory; None if there is none, or if it died and left its file behind."""
    try:
        control = msgspec.json.decode((data_dir / NAME).read_bytes(), type=Control)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return control if _is_running(control.pid) else None


def remove_control_file(settings: Settings, token: str) -> None:
    """Take the file away, unless another server has put its own there since."""
    path = settings.data_dir / NAME
    try:
        if msgspec.json.decode(path.read_bytes(), type=Control).token == token:
            path.unlink()
    except (FileNotFoundError, msgspec.DecodeError):
        return


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as somebody else
        return True
    return True
