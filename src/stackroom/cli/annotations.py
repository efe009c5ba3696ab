"""`stackroom annotations`: what is marked on images, read and written as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import console, counted, note, print_json, say, table
from stackroom.cli.documents import annotations_in, read, saves_in, written
from stackroom.cli.exits import ExitCode
from stackroom.cli.image import Image, id_of
from stackroom.cli.options import Json, Server, Yes
from stackroom.cli.progress import counting

if TYPE_CHECKING:
    from stackroom import AnnotationsNotSaved, AnnotationsSaved, Client
    from stackroom.cli.documents import Saves

EXAMPLES = {
    "get": """stackroom annotations get cars:/in/red-1.jpg

stackroom annotations get cars:/in/red-1.jpg -o red-1.json""",
    "save": "stackroom annotations save cars:/in/red-1.jpg red-1.json",
    "delete": "stackroom annotations delete cars:/in/red-1.jpg --yes",
    "bulk-save": "stackroom annotations bulk-save predictions.jsonl --json",
}

AT_ONCE = 200
_SHOWN = 10
Source = Annotated[
    str,
    typer.Argument(metavar="[FILE]", help="The JSON file; - reads a pipe."),
]


def get(
    image: Image,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write them there, as `save` reads them.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Show the annotations of an image, or write them to a file."""
    with server.connected() as client:
        image_id = id_of(client, image)
        found = client.annotations.get(image_id)
    document = {"image_id": image_id, "annotations": found}
    if output is not None:
        written(output, document)
    if as_json:
        print_json(document)
    elif output is not None:
        say(f"Wrote {counted(len(found), 'annotation')} to {escape(str(output))}.")
    else:
        rows = ([escape(each.name), each.type, f"{each.confidence:.2f}", escape(each.id)] for each in found)
        console().print(table(["class", "type", "confidence", "id"], rows, right=["confidence"]))


def save(image: Image, file: Source = "-", *, as_json: Json = False, server: Server) -> None:
    """Replace all annotations of an image by those in a JSON file.

    The file is a list of annotations, or an object with `annotations`, as `get --output` and `dataset download` write
    it.
    """
    found = annotations_in(read(file), file)
    with server.connected() as client:
        done = client.annotations.save(id_of(client, image), found)
    if as_json:
        print_json(done)
    else:
        say(
            f"{escape(image)} has {counted(done.new_count, 'annotation')} now; it had {done.previous_count:,}."
        )


def delete(image: Image, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Remove all annotations of an image. Asks first. Needs an admin's key."""
    with server.connected() as client:
        image_id = id_of(client, image)
        if not yes:
            typer.confirm(f"Remove all annotations of {image}?", abort=True, err=True)
        done = client.annotations.delete(image_id)
    print_json(done) if as_json else say(
        f"Removed {counted(done.deleted_count, 'annotation')} of {escape(image)}."
    )


def bulk_save(file: Source = "-", *, as_json: Json = False, server: Server) -> None:
    """Replace all annotations of many images by those in a JSON file, 200 images to a request.

    The file is an object `{image id: annotations}`, or a list or lines of `{"image_id": …, "annotations": […]}`. An
    image that is refused does not stop the others; running it again changes nothing.
    """
    saves = saves_in(read(file), file)
    with server.connected() as client:
        saved, failed = save_all(client, saves)
    if as_json:
        print_json({"images": len(saves), "saved": saved, "failed": failed})
    else:
        _show(saved, failed)
    if failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def save_all(client: "Client", saves: "Saves") -> "tuple[list[AnnotationsSaved], list[AnnotationsNotSaved]]":
    """Save the annotations of all images, some hundreds to a request.

    What is refused for an image is in the second list. Where a request fails it is said how far this came, and the
    SDK's error is raised.
    """
    saved: list[AnnotationsSaved] = []
    failed: list[AnnotationsNotSaved] = []
    image_ids = list(saves)
    with counting("images") as follow:
        for start in range(0, len(image_ids), AT_ONCE):
            chunk = image_ids[start : start + AT_ONCE]
            try:
                done = client.annotations.bulk_save({each: saves[each] for each in chunk})
            except BaseException:
                if start:
                    note(f"{len(saved):,} of {len(saves):,} images were saved before that.")
                raise
            saved += done.saved
            failed += done.failed
            follow(start + len(chunk), len(saves))
    return saved, failed


def _show(saved: "Sequence[AnnotationsSaved]", failed: "Sequence[AnnotationsNotSaved]") -> None:
    count = counted(sum(each.new_count for each in saved), "annotation")
    say(f"Saved {count} of {len(saved):,} of {counted(len(saved) + len(failed), 'image')}.")
    for each in failed[:_SHOWN]:
        say(f"  [red]{escape(each.image_id)}[/]: {escape(each.error)}")
    if len(failed) > _SHOWN:
        say(f"  … and {len(failed) - _SHOWN:,} more; --json names them all.")
