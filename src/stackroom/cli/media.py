"""`stackroom media`: images, videos, sounds and documents of the whole organization, by their ids."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import console, counted, print_json, say, size, table
from stackroom.cli.exits import ExitCode, Refused, describe
from stackroom.cli.options import Json, Server, Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackroom import Client, Media

EXAMPLES = {
    "upload": """stackroom media upload tour.mp4 talk.mp3 paper.pdf

stackroom media upload draft.pdf --for-a-day --json""",
    "ls": """stackroom media ls --kind video

stackroom media ls --limit 500 --json""",
    "get": "stackroom media get 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14 -o tour.mp4",
    "cp": "stackroom media cp 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
    "rm": "stackroom media ls --kind audio --ids | xargs stackroom media rm --yes",
}
KINDS = ("image", "video", "audio", "document")

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of media.", show_default=False)]
Kind = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help=f"Only one kind: {', '.join(KINDS)}.")
]
Folder = Annotated[str | None, typer.Option("--folder", metavar="ID", help="The id of a folder.")]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file: the id of its medium, or why there is none."""

    path: str
    id: str | None = None
    kind: str | None = None
    reason: str | None = None


def upload(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files of any kind.", show_default=False)
    ],
    *,
    folder: Folder = None,
    for_a_day: Annotated[bool, typer.Option("--for-a-day", help="Remove them after 24 hours.")] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Upload images, videos, sounds and PDF documents. The extension of a name says what the file is.

    A file that fails does not stop the others.
    """
    with server.connected() as client:
        fates = [_send(client, path, folder, for_a_day=for_a_day) for path in paths]
    failed = [each for each in fates if each.id is None]
    if as_json:
        print_json({"media": fates, "uploaded": len(fates) - len(failed), "failed": len(failed)})
    else:
        for each in fates:
            what = f"{each.kind} {each.id}" if each.id else f"[red]{escape(each.reason or '')}[/]"
            say(f"{escape(each.path)}: {what}")
    if failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def list_all(
    *,
    kind: Kind = None,
    folder: Folder = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    only_ids: Annotated[
        bool, typer.Option("--ids", help="Print ids alone, one a line, for other commands.")
    ] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """List media, newest first."""
    if kind not in {None, *KINDS}:
        raise Refused(f"--kind {kind} is none of {', '.join(KINDS)}")
    with server.connected() as client:
        found = list(client.media.iter(kind=kind, folder_id=folder, max_total=limit))
    if as_json:
        print_json({"media": found})
    elif only_ids:
        for each in found:
            say(each.id)
    else:
        rows = (
            [each.id, each.media_type, each.filename, size(each.file_size), _state(each)] for each in found
        )
        console().print(table(["id", "kind", "name", "size", "state"], rows, right=["size"]))


def get(
    media: Annotated[str, typer.Argument(metavar="ID", help="The id of a medium.", show_default=False)],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="A file, or a folder for it.")
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Download one."""
    with server.connected() as client:
        known = client.media.get(media)
        target = output or Path()
        path = target / Path(known.filename).name if target.is_dir() else target
        client.media.download(known.id, path)
    if as_json:
        print_json({"id": known.id, "path": str(path), "bytes": path.stat().st_size})
    else:
        say(f"{escape(str(path))}: {size(path.stat().st_size)}.")


def copy(media: Ids, *, as_json: Json = False, server: Server) -> None:
    """Copy any number of media. A copy is kept for good, even if its source is not."""
    with server.connected() as client:
        results = client.media.batch_copy(media)
    if as_json:
        print_json({"results": results})
    else:
        for each in results:
            say(f"{each.source_id}: {each.new_id or '[red]' + escape(each.error or '') + '[/]'}")
    _end([each.ok for each in results])


def remove(media: Ids, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Delete any number of media for good, with all that was made of them. Asks first."""
    if not yes:
        question = f"Remove {counted(len(media), 'medium' if len(media) == 1 else 'item')} for good?"
        typer.confirm(f"{question} This cannot be undone.", abort=True, err=True)
    with server.connected() as client:
        results = client.media.batch_delete(media)
    if as_json:
        print_json({"results": results})
    else:
        for each in results:
            if not each.ok:
                say(f"[red]{each.id}[/]: {escape(each.error or '')}")
        say(f"Removed {sum(each.ok for each in results)} of {len(results)}.")
    _end([each.ok for each in results])


def _send(client: "Client", path: Path, folder: str | None, *, for_a_day: bool) -> Sent:
    try:
        made = client.media.upload(path, folder_id=folder, store="0" if for_a_day else "auto")
    except Exception as error:
        failure = describe(error)
        # What would befall every other file as well ends the command.
        if (
            failure is None
            or failure.exit_code not in {ExitCode.INVALID, ExitCode.USAGE}
            or failure.status == 401
        ):
            raise
        return Sent(path=str(path), reason=failure.message)
    return Sent(path=str(path), id=made.id, kind=made.media_type)


def _state(media: "Media") -> str:
    return media.processing_status or ("" if media.store_permanently else "temporary")


def _end(fine: "Sequence[bool]") -> None:
    if not all(fine):
        raise typer.Exit(ExitCode.SOME_FAILED)
