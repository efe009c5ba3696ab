"""`stackroom events`: what happened, by whose request, and what happens now."""

from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackroom.cli.console import console, note, print_json, print_json_line, say, table
from stackroom.cli.exits import Refused
from stackroom.cli.options import Json, Server, given

if TYPE_CHECKING:
    from stackroom import Event

EXAMPLES = {
    "list": """stackroom events list --type asset.deleted --since 2026-11-01

stackroom events list --asset 0190f3c1-… --json""",
    "export": "stackroom events export events.jsonl --since 2026-11-01",
    "tail": "stackroom events tail --type operation.purge --json",
}
_SHOWN = 120

Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only events of this kind; may be given again."),
]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="From this moment on, ISO 8601.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Up to this moment.")]
Asset = Annotated[str | None, typer.Option("--asset", metavar="ID", help="Only what happened to this asset.")]
Operation = Annotated[
    str | None, typer.Option("--operation", metavar="ID", help="Only what this operation did.")
]
RequestId = Annotated[str | None, typer.Option("--request-id", help="Only what this request did.")]
Requests = Annotated[bool, typer.Option("--requests", help="Include requests, not only what they changed.")]


def list_all(
    *,
    types: Types = None,
    since: Since = None,
    until: Until = None,
    asset: Asset = None,
    operation: Operation = None,
    request_id: RequestId = None,
    requests: Requests = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    as_json: Json = False,
    server: Server,
) -> None:
    """List what happened, newest first. Needs an admin's key."""
    filters = _filters(types, since, until, asset=asset, operation=operation, request_id=request_id)
    with server.connected() as client:
        found = list(client.events.iter(max_total=limit, requests=requests, **filters))
    if as_json:
        print_json({"events": found})
        return
    console().print(
        table(["number", "at", "event", "about", "by", "from"], map(_row, found), right=["number"])
    )


def export(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, as JSON lines.")],
    *,
    types: Types = None,
    since: Since = None,
    until: Until = None,
    requests: Requests = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Write everything that happened into a file, oldest first. Needs an admin's key."""
    filters = _filters(types, since, until)
    with server.connected() as client:
        written = client.events.export(output, requests=requests, **filters)
    if as_json:
        print_json({"path": str(written)})
    else:
        say(f"Written: {written}")


def tail(
    *,
    types: Types = None,
    asset: Asset = None,
    operation: Operation = None,
    requests: Requests = False,
    after: Annotated[
        int | None,
        typer.Option("--after", metavar="NUMBER", help="What followed this event. Default: from now on"),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="End after this many.")] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Show what happens as it happens, until interrupted; with --json, one object a line. Needs an admin's key."""
    filters = _filters(types, None, None, asset=asset, operation=operation)
    with server.connected() as client:
        if not as_json:
            note("Waiting for what happens; end with Ctrl+C.")
        for event in islice(client.events.tail(after=after, requests=requests, **filters), limit):
            if as_json:
                print_json_line(event)
            else:
                say("  ".join(_row(event)))


def _filters(
    types: list[str] | None, since: str | None, until: str | None, **more: str | None
) -> dict[str, Any]:
    return given(
        types=types or None, since=_moment("--since", since), until=_moment("--until", until), **more
    )


def _moment(option: str, text: str | None) -> datetime | None:
    """A moment, or the beginning of a day; where no zone is said, of this machine's."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise Refused(f"{option} {text!r} is no moment; write 2026-11-22 or 2026-11-22T09:30:00Z") from None


def _row(event: "Event") -> list[str]:
    about = event.asset_id or event.operation_id or event.batch_id or event.dataset_id or ""
    said = event.data.get("filename") or event.data.get("name")
    return [
        str(event.number),
        event.at.astimezone().isoformat(sep=" ", timespec="seconds"),
        event.type,
        (f"{said} " if isinstance(said, str) else "")[:_SHOWN] + about,
        event.key_id or "",
        event.ip or "",
    ]
