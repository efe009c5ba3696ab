"""`stackroom ls`: what is there."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import console, print_json, say, size, table
from stackroom.cli.options import Json, Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackroom import Asset, Client, Folder

EXAMPLE = """stackroom ls

stackroom ls cars /sorted --recursive --status complete --json

stackroom ls cars -r --tag night --tag fog"""

_COLUMNS = "{:36}  {:>9}  {:9}  {:8}  {}"


def list_all(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATASET]", help="A dataset's name or id; without one, the datasets are listed."
        ),
    ] = None,
    folder: Annotated[str, typer.Argument(metavar="[FOLDER]", help="A folder of it.")] = "/",
    *,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="With the folders below.")] = False,
    status: Annotated[str | None, typer.Option("--status", "-s", help="Only of this status.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="GLOB", help="Only names like this, with * and ?.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="TAG", help="Only with this tag; repeat it to require several."),
    ] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Archived items instead of live ones.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="At most this many items.")
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """List datasets, or the folders and items of one, newest first."""
    with server.connected() as client:
        if dataset is None:
            _list_datasets(client, as_json=as_json)
            return
        found = client.assets.iter(
            dataset,
            folder=folder,
            recursive=recursive,
            status=status,
            name=name,
            tags=tags or None,
            archived=archived,
            page_size=1000,
        )
        items = islice(found, limit)
        folders = [] if recursive else _folders(client, dataset, folder)
        if as_json:
            print_json({"dataset": dataset, "folder": folder, "folders": folders, "items": list(items)})
        else:
            _show(folders, items)


def _list_datasets(client: "Client", *, as_json: bool) -> None:
    found = list(client.datasets.iter())
    if as_json:
        print_json({"datasets": found})
        return
    rows = (
        [
            escape(each.name),
            str(each.image_count),
            str(each.archived_image_count),
            size(each.total_size),
            each.id,
        ]
        for each in found
    )
    columns = ["dataset", "items", "archived", "size", "id"]
    console().print(table(columns, rows, right=["items", "archived", "size"]))


def _folders(client: "Client", dataset: str, folder: str) -> "list[Folder]":
    from stackroom.client.errors import NotFoundError

    try:
        dataset_id = client.datasets.get(dataset).id
    except NotFoundError:  # it was given by id
        dataset_id = dataset
    return client.folders.list(dataset_id, parent_path=folder if folder.strip("/") else "")


def _show(folders: "Iterable[Folder]", items: "Iterable[Asset]") -> None:
    """Line by line, so that any number can be listed."""
    for folder in folders:
        say(escape(_COLUMNS.format("", f"{folder.nested_image_count} items", "", "", folder.full_path + "/")))
    for each in items:
        pixels = f"{each.width}x{each.height}" if each.width else ""
        where = f"{each.folder.rstrip('/')}/{each.name}"
        tagged = "".join(f"  #{tag}" for tag in each.tags)
        say(escape(_COLUMNS.format(each.id, size(each.size), pixels, each.status or "", where + tagged)))
