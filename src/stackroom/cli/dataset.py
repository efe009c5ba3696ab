"""`stackroom dataset`: datasets, from the first to the last; what is in one is the matter of files of their own."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from stackroom.cli.console import console, counted, print_json, say, size, table
from stackroom.cli.exits import Refused
from stackroom.cli.options import Dataset, Json, Server, Yes
from stackroom.cli.progress import waiting

if TYPE_CHECKING:
    from stackroom import Dataset as Found

EXAMPLES = {
    "list": "stackroom dataset list --archived",
    "show": "stackroom dataset show cars --json",
    "create": "stackroom dataset create cars --description 'From the gate' --class car --class lorry",
    "update": "stackroom dataset update cars --name vehicles --description ''",
    "archive": "stackroom dataset archive cars",
    "restore": "stackroom dataset restore cars",
    "delete": "stackroom dataset delete cars --yes",
}

Description = Annotated[str | None, typer.Option("--description", "-d", help="What it is about.")]
Readme = Annotated[str | None, typer.Option("--readme", help="What its users should know.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="An annotation type: bbox, polygon, polyline or keypoint; may be repeated.",
    ),
]


def list_all(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones instead.")] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """List datasets."""
    with server.connected() as client:
        found = list(client.datasets.iter(archived=archived))
    if as_json:
        print_json({"datasets": found})
        return
    rows = (
        [
            escape(each.name),
            str(each.image_count),
            str(each.completed_image_count),
            str(each.archived_image_count),
            size(each.total_size),
            each.id,
        ]
        for each in found
    )
    columns = ["dataset", "images", "complete", "archived", "size", "id"]
    console().print(table(columns, rows, right=columns[1:5]))


def show(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """Show what is known about a dataset."""
    with server.connected() as client:
        _say(client.datasets.get(dataset), as_json=as_json)


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.", show_default=False)],
    *,
    description: Description = None,
    readme: Readme = None,
    kinds: Kinds = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="A class to annotate with; may be repeated."),
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Create a dataset. `upload` does so too, if it does not exist."""
    listed = [{"name": each} for each in classes] if classes else None
    with server.connected() as client:
        made = client.datasets.create(
            name, description=description, readme=readme, annotation_types=kinds or None, classes=listed
        )
    _say(made, as_json=as_json)


def update(
    dataset: Dataset,
    *,
    name: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    description: Description = None,
    readme: Readme = None,
    kinds: Kinds = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Change what is given; an empty description or readme clears it. Classes have commands of their own."""
    changes: dict[str, Any] = {}
    if name is not None:
        changes["new_name"] = name
    if description is not None:
        changes["description"] = description or None
    if readme is not None:
        changes["readme"] = readme or None
    if kinds:
        changes["annotation_types"] = kinds
    if not changes:
        fix = "Give --name, --description, --readme or --type."
        raise Refused("there is nothing to change", fix=fix)
    with server.connected() as client:
        _say(client.datasets.update(dataset, **changes), as_json=as_json)


def archive(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """Hide a dataset; its images stay as they are, and `dataset restore` brings it back. Needs an admin's key."""
    with server.connected() as client:
        done = client.datasets.archive(dataset)
    print_json(done) if as_json else say(f"{escape(done.name)} is archived.")


def restore(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """Bring an archived dataset back."""
    with server.connected() as client:
        done = client.datasets.restore(dataset)
    print_json(done) if as_json else say(
        f"{escape(done.name)} is back, with {counted(done.image_count, 'image')}."
    )


def delete(dataset: Dataset, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Remove a dataset for good, with all its images and folders. Asks first. Needs an admin's key."""
    with server.connected() as client:
        if not yes:
            found = client.datasets.get(dataset)
            count = found.image_count + found.archived_image_count
            what = f"{found.name}, with {counted(count, 'image')} ({size(found.total_size)})"
            typer.confirm(f"Remove {what}, for good? This cannot be undone.", abort=True, err=True)
        with waiting(f"removing {dataset}"):
            gone = client.datasets.delete(dataset)
    if as_json:
        print_json(gone)
        return
    what = f"{counted(gone.images_deleted, 'image')} and {counted(gone.folders_deleted, 'folder')}"
    say(f"{escape(gone.name)} is gone, with {what}.")


def _say(found: "Found", *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    lines = {
        "id": found.id,
        "description": found.description,
        "readme": found.readme,
        "images": f"{found.image_count:,}, {found.completed_image_count:,} complete",
        "archived": counted(found.archived_image_count, "image"),
        "size": size(found.total_size),
        "annotations": ", ".join(found.annotation_types),
        "classes": ", ".join(each.name for each in found.classes),
        "made": _moment(found.created_at),
        "state": "archived" if found.is_archived else "",
    }
    say(f"[bold]{escape(found.name)}[/]")
    for name, value in lines.items():
        if value:
            say(f"  {name:12}{escape(value)}")


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
