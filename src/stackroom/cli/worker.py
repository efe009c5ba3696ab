"""`stackroom worker`: takes arrivals in for a server, on this machine or on another."""

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.serve import OfWorkers, announce

if TYPE_CHECKING:
    from stackroom.settings import Settings

EXAMPLE = """stackroom worker --database-url postgresql://stackroom@db.example.org/stackroom --storage-url file:///srv/media

stackroom worker --data-dir /srv/library --database-url postgresql://stackroom@localhost/stackroom --workers 8"""


def worker(
    *,
    flags: OfWorkers,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON lines.")] = False,
) -> None:
    """Run more workers for a library, beside its server, until stopped (Ctrl+C or SIGTERM).

    Work under way gets a few seconds to finish, and is otherwise left to others; a second signal stops at once. The
    library must be in PostgreSQL: a SQLite library has one writing process, its server, which takes arrivals in itself.
    """
    settings = flags.settings()
    _refuse_sqlite(settings)
    if settings.takers < 1:
        raise Refused(
            "a worker with --workers 0 would do nothing", fix="Leave --workers out, or give a number."
        )
    from stackroom.cli.logs import set_up_logs

    set_up_logs(as_json=json_logs, verbose=False)
    _run(settings, json_logs=json_logs)


def _refuse_sqlite(settings: "Settings") -> None:
    if settings.database.startswith("sqlite"):
        raise Refused(
            "a SQLite library has one writing process, which is its server; a worker cannot open it as well",
            fix="Have the server do more at once with `stackroom serve --workers N`, or move to PostgreSQL "
            "(--database-url) to add workers, also on other machines.",
            exit_code=ExitCode.CONFLICT,
        )


def _run(settings: "Settings", *, json_logs: bool) -> None:
    import uvloop

    with suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, json_logs=json_logs))


async def _work(settings: "Settings", *, json_logs: bool) -> None:
    from stackroom.app import helping, open_library

    told = _on_signals()
    async with open_library(settings, beside=True) as services, helping(services):
        many = f"with {settings.takers} workers" if settings.takers > 1 else "with one worker"
        announce(f"Stackroom takes arrivals in, {many}", {"event": "working"}, as_json=json_logs)
        await told.wait()
    announce("Stackroom has stopped.", {"event": "stopped"}, as_json=json_logs)


def _on_signals() -> asyncio.Event:
    """Set by the first signal; a second one cancels this task."""
    told, task = asyncio.Event(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if told.is_set():
            task.cancel()
        told.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop)
    return told
