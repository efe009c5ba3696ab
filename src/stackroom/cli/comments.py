"""`stackroom comments`: what people say about annotations."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.image import Image, id_of
from stackroom.cli.options import Json, Server, Yes

if TYPE_CHECKING:
    from stackroom import Comment

EXAMPLES = {
    "list": "stackroom comments list cars:/in/red-1.jpg",
    "add": """stackroom comments add cars:/in/red-1.jpg a-1 'tighten this box'

stackroom comments add cars:/in/red-1.jpg a-1 'done' --answers 0199…""",
    "resolve": "stackroom comments resolve 0199…",
    "delete": "stackroom comments delete 0199… --yes",
}

Which = Annotated[str, typer.Argument(metavar="COMMENT", help="A comment's id.", show_default=False)]


def list_all(image: Image, *, as_json: Json = False, server: Server) -> None:
    """List the comments on an image's annotations, oldest first."""
    with server.connected() as client:
        found = client.comments.list(id_of(client, image))
    if as_json:
        print_json({"comments": found})
        return
    rows = ([each.annotation_id, each.author_name or "", _text(each), each.id] for each in found)
    console().print(table(["annotation", "who", "comment", "id"], rows))


def add(
    image: Image,
    annotation: Annotated[
        str, typer.Argument(metavar="ANNOTATION", help="The annotation's id.", show_default=False)
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.", show_default=False)],
    *,
    answers: Annotated[
        str | None, typer.Option("--answers", metavar="COMMENT", help="The comment that this answers.")
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Comment on an annotation; `stackroom annotations get` shows their ids."""
    with server.connected() as client:
        said = client.comments.create(id_of(client, image), annotation, text, parent_comment_id=answers)
    _show(said, as_json=as_json)


def resolve(
    comment: Which,
    *,
    reopen: Annotated[bool, typer.Option("--reopen", help="Reopen it instead.")] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Mark a comment as resolved."""
    with server.connected() as client:
        said = client.comments.update(comment, resolved=not reopen)
    _show(said, as_json=as_json)


def delete(comment: Which, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Delete a comment. Replies to it stay. Asks first."""
    with server.connected() as client:
        if not yes:
            typer.confirm(f"Delete the comment {comment}?", abort=True, err=True)
        client.comments.delete(comment)
    if as_json:
        print_json({"comment_id": comment, "deleted": True})
    else:
        say(f"{escape(comment)} is deleted.")


def _show(said: "Comment", *, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        say(f"{said.id}: {_text(said)}")


def _text(said: "Comment") -> str:
    text = "[dim](deleted)[/]" if said.is_deleted else escape(said.body)
    if said.parent_comment_id is not None:
        text = f"↳ {text}"
    return f"{text} [dim](settled)[/]" if said.resolved else text
