"""`stackroom folder`: the folders of a dataset."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from stackroom.cli.console import console, counted, print_json, say, size, table
from stackroom.cli.options import Dataset, Json, Server, Yes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackroom import FolderNode

EXAMPLES = {
    "list": "stackroom folder list cars /sorted",
    "tree": "stackroom folder tree cars",
    "stats": "stackroom folder stats cars /sorted --no-recursive",
    "create": "stackroom folder create cars /sorted/red",
    "rename": "stackroom folder rename cars /sorted/red crimson",
    "delete": "stackroom folder delete cars /sorted/red --cascade",
}

Path = Annotated[
    str, typer.Argument(metavar="PATH", help="A folder, such as /sorted/red.", show_default=False)
]
Below = Annotated[str | None, typer.Argument(metavar="[PATH]", help="A folder of it.", show_default=False)]


def list_all(dataset: Dataset, path: Below = None, *, as_json: Json = False, server: Server) -> None:
    """List all folders of a dataset, or those directly in one; / is the top."""
    with server.connected() as client:
        parent = "" if path is not None and not path.strip("/") else path
        found = client.folders.list(dataset, parent_path=parent)
    if as_json:
        print_json({"dataset": dataset, "folders": found})
        return
    rows = (
        [escape(each.full_path), str(each.image_count), str(each.nested_image_count), each.id]
        for each in found
    )
    columns = ["folder", "images", "with those below", "id"]
    console().print(table(columns, rows, right=columns[1:3]))


def tree(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """Draw the folders of a dataset, each with how many images are directly in it."""
    with server.connected() as client:
        found = client.folders.tree(dataset)
    if as_json:
        print_json({"dataset": dataset, "folders": found})
        return
    drawn = Tree(f"[bold]{escape(dataset)}[/]")
    _grow(drawn, found)
    console().print(drawn)


def stats(
    dataset: Dataset,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A folder of it.")] = "/",
    *,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive/--no-recursive",
            help="With or without the folders below. Default: with",
            show_default=False,
        ),
    ] = True,
    as_json: Json = False,
    server: Server,
) -> None:
    """Count what is in a folder."""
    with server.connected() as client:
        found = client.folders.stats(dataset, path, recursive=recursive)
    if as_json:
        print_json(found)
        return
    what = f"{counted(found.total_images, 'image')} in {counted(found.total_folders, 'folder')}"
    say(f"{escape(path)}: {what}, {size(found.total_size_bytes)}.")
    rows = ([escape(status), f"{count:,}"] for status, count in found.images_by_status.items() if count)
    if found.total_images:
        console().print(table(["status", "images"], rows, right=["images"]))


def create(dataset: Dataset, path: Path, *, as_json: Json = False, server: Server) -> None:
    """Create a folder, and those above it. An existing one stays as it is."""
    with server.connected() as client:
        made = client.folders.create(dataset, path)
    print_json(made) if as_json else say(f"{escape(made.full_path)} is there ({made.id}).")


def rename(
    dataset: Dataset,
    path: Path,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its new name, without a path.", show_default=False)
    ],
    *,
    as_json: Json = False,
    server: Server,
) -> None:
    """Give a folder another name; everything in it and below it comes along."""
    with server.connected() as client:
        done = client.folders.rename(dataset, path, name)
    print_json(done) if as_json else say(f"{escape(path)} is {escape(done.full_path)} now.")


def delete(
    dataset: Dataset,
    path: Path,
    *,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Also one with images: they go to the folder above.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Remove an empty folder or, with --cascade, one with images, which are moved to the folder above. Asks first.

    A folder with folders below it stays.
    """
    with server.connected() as client:
        if not yes:
            typer.confirm(_question(path, cascade=cascade), abort=True, err=True)
        gone = client.folders.delete(dataset, path, cascade=cascade)
    if as_json:
        print_json(gone)
        return
    say(f"{escape(path)} is gone" + (f"; moved {counted(gone.images_moved, 'image')}." if cascade else "."))
    if gone.operation_id:
        say(f"[dim]Undo it with: stackroom undo {gone.operation_id}[/]")


def _question(path: str, *, cascade: bool) -> str:
    moved = " Images in it go to the folder above." if cascade else ""
    return f"Remove the folder {path}?{moved}"


def _grow(tree: Tree, folders: "Iterable[FolderNode]") -> None:
    """Add folders below each other without recursion: a path may be as deep as its length allows."""
    waiting = [(tree, each) for each in folders]
    for under, folder in waiting:  # grows while it is gone through
        count = f" [dim]{counted(folder.image_count, 'image')}[/]" if folder.image_count else ""
        branch = under.add(f"{escape(folder.name)}/{count}")
        waiting += [(branch, each) for each in folder.children]
