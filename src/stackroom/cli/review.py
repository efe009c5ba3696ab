"""`stackroom review`: an image's annotations are good, or are to be done again."""

from typing import Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import print_json, say
from stackroom.cli.exits import Refused
from stackroom.cli.image import Image, id_of
from stackroom.cli.options import Json, Server

EXAMPLE = """stackroom review cars:/in/red-1.jpg --approve

stackroom review cars:/in/red-1.jpg --request-changes --note 'box too loose'"""


def review(
    image: Image,
    *,
    approve: Annotated[
        bool | None,
        typer.Option("--approve/--request-changes", help="It is complete, or to be annotated again."),
    ] = None,
    note: Annotated[str | None, typer.Option("--note", "-n", help="What to say about it.")] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Approve an image, which completes it, or send it back to be annotated again."""
    if approve is None:
        raise Refused("there is no verdict", fix="Give --approve or --request-changes.")
    with server.connected() as client:
        done = client.images.review(
            id_of(client, image), "approve" if approve else "request_changes", note=note
        )
    if as_json:
        print_json(done)
        return
    say(f"{escape(image)}: {done.status}" + (f", {escape(done.review_note)}" if done.review_note else ""))
