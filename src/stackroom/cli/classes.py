"""`stackroom classes`: what annotations of a dataset are called."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import console, counted, print_json, say, table
from stackroom.cli.options import Dataset, Json, Server, Yes
from stackroom.cli.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackroom import ClassesChanged, Insights
    from stackroom import Dataset as Found

EXAMPLES = {
    "list": "stackroom classes list cars",
    "rename": "stackroom classes rename cars lorry truck",
    "merge": "stackroom classes merge cars lorry truck",
    "delete": "stackroom classes delete cars lorry --with-annotations",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A class, and how much it is used. One that is not `listed` is on images only."""

    name: str
    type: str | None = None
    color: str | None = None
    listed: bool = True
    annotations: int = 0
    images: int = 0


def list_all(dataset: Dataset, *, as_json: Json = False, server: Server) -> None:
    """List the classes of a dataset and of its annotations, and how often each is used."""
    with server.connected() as client, waiting("counting"):
        found = list(_rows(client.datasets.get(dataset), client.datasets.insights(dataset)))
    if as_json:
        print_json({"dataset": dataset, "classes": found})
        return
    listed = any(each.listed for each in found)
    rows = (
        [
            escape(each.name),
            each.type or "",
            each.color or "",
            f"{each.annotations:,}",
            f"{each.images:,}",
            "not in the dataset's list" if listed and not each.listed else "",
        ]
        for each in found
    )
    columns = ["class", "type", "color", "annotations", "images", ""]
    console().print(table(columns, rows, right=["annotations", "images"]))


def rename(
    dataset: Dataset,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Its name.", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.", show_default=False)],
    *,
    as_json: Json = False,
    server: Server,
) -> None:
    """Give a class another name, in the dataset's list and in every annotation."""
    with server.connected() as client, waiting("renaming"):
        done = client.datasets.rename_class(dataset, old, new)
    _say(done, f"{old} is {new} now", as_json=as_json)


def merge(
    dataset: Dataset,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The class that goes.", show_default=False)],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="The class that stays.", show_default=False)
    ],
    *,
    yes: Yes = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Turn every annotation of one class into one of another, and remove the first class. Asks first."""
    with server.connected() as client:
        if not yes:
            question = f"Make every {source} a {target}? Which was which is not kept."
            typer.confirm(question, abort=True, err=True)
        with waiting("merging"):
            done = client.datasets.merge_class(dataset, source, target)
    _say(done, f"Every {source} is a {target} now", as_json=as_json)


def delete(
    dataset: Dataset,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The class.", show_default=False)],
    *,
    kind: Annotated[
        str | None,
        typer.Option("--type", help="Only the class of this annotation type: bbox, polygon and so on."),
    ] = None,
    with_annotations: Annotated[
        bool, typer.Option("--with-annotations", help="Remove its annotations as well, from every image.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Remove a class from a dataset's list and, with --with-annotations, its annotations too. Asks first."""
    with server.connected() as client:
        if not yes:
            what = f"the class {name} and all its annotations" if with_annotations else f"the class {name}"
            typer.confirm(f"Delete {what}?", abort=True, err=True)
        with waiting("deleting"):
            done = client.datasets.delete_class(
                dataset, name, class_type=kind, delete_annotations=with_annotations
            )
    _say(done, f"{name} is deleted", as_json=as_json)


def _rows(found: "Found", counted: "Insights") -> "Iterator[Row]":
    annotations, images = counted.class_annotation_counts, counted.class_image_counts
    listed = {each.name for each in found.classes}
    unlisted = [(name, None, None) for name in sorted(set(annotations) - listed)]
    for name, kind, color in [*((each.name, each.type, each.color) for each in found.classes), *unlisted]:
        yield Row(
            name=name,
            type=kind,
            color=color,
            listed=name in listed,
            annotations=annotations.get(name, 0),
            images=images.get(name, 0),
        )


def _say(done: "ClassesChanged", what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    changed = f"{counted(done.annotations_updated, 'annotation')} in {counted(done.images_updated, 'image')}"
    say(f"{escape(what)}: {changed} changed.")
