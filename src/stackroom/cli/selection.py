"""Which items a command is about: named one by one, read from a file, matched by a filter, or all of a dataset.

Exactly one of these. Nothing selected is an error and never means everything.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import Refused
from stackroom.cli.groups import Options

if TYPE_CHECKING:
    from stackroom import Run

PANEL = "Selection (exactly one kind)"
_HELP = "Give ids, --from-file, a filter (--folder, --status, --name, --tag), --all or --failed-of."

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of items.", show_default=False)]
FromFile = Annotated[
    str | None,
    typer.Option(
        "--from-file",
        metavar="FILE",
        help="A file with one id per line; - reads from a pipe.",
        rich_help_panel=PANEL,
    ),
]
Folder = Annotated[
    str | None,
    typer.Option(
        "--folder", "-f", metavar="PATH", help="Filter: in this folder, and below it.", rich_help_panel=PANEL
    ),
]
Recursive = Annotated[
    bool | None,
    typer.Option(
        "--recursive/--no-recursive",
        help="With or without the folders below --folder. Default: with",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
WithStatus = Annotated[
    str | None,
    typer.Option(
        "--where-status",
        metavar="STATUS",
        help="Filter: new, annotate, review or complete.",
        rich_help_panel=PANEL,
    ),
]
# `set` writes a status, so there --status cannot be the filter.
Status = Annotated[
    str | None,
    typer.Option(
        "--status",
        "-s",
        metavar="STATUS",
        help="Filter: new, annotate, review or complete.",
        rich_help_panel=PANEL,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="GLOB",
        help="Filter: a pattern of * and ? for the whole name.",
        rich_help_panel=PANEL,
    ),
]
WithTags = Annotated[
    list[str] | None,
    typer.Option(
        "--where-tag",
        metavar="TAG",
        help="Filter: with this tag; repeat it to require several.",
        rich_help_panel=PANEL,
    ),
]
# `set` writes tags as well.
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        "-t",
        metavar="TAG",
        help="Filter: with this tag; repeat it to require several.",
        rich_help_panel=PANEL,
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Everything in the dataset.", rich_help_panel=PANEL)]
FailedOf = Annotated[
    str | None,
    typer.Option(
        "--failed-of",
        metavar="OPERATION",
        help="What failed in an earlier operation.",
        rich_help_panel=PANEL,
    ),
]


class Chosen(Options, frozen=True, kw_only=True):
    """What the command line says about the items."""

    ids: Ids = None
    from_file: FromFile = None
    folder: Folder = None
    recursive: Recursive = None
    where_status: Status = None
    name: Name = None
    where_tags: Tags = None
    everything: Everything = False
    failed_of: FailedOf = None

    @property
    def kinds(self) -> list[str]:
        """The kinds of selection that are there, as the user wrote them."""
        filters = {
            "--folder": self.folder,
            "--status": self.where_status,
            "--name": self.name,
            "--tag": self.where_tags or None,
        }
        kinds = {
            "ids": bool(self.ids),
            "--from-file": self.from_file is not None,
            " ".join(flag for flag, value in filters.items() if value is not None): True,
            "--all": self.everything,
            "--failed-of": self.failed_of is not None,
        }
        return [kind for kind, there in kinds.items() if kind and there]


class ChosenToSet(Chosen, frozen=True, kw_only=True):
    """The same, for the command that writes a status and tags."""

    where_status: WithStatus = None
    where_tags: WithTags = None


def select(dataset: str, chosen: Chosen, *, dry_run: bool = False, archived: bool = False) -> "Run":
    """What the SDK takes to run an operation; `archived` makes a filter look among the archived.

    Raises `Refused` for no selection, and for more than one.
    """
    _check(chosen)
    run = _selected(dataset, chosen, archived=archived)
    if dry_run:
        run["dry_run"] = True
    return run


def _selected(dataset: str, chosen: Chosen, *, archived: bool) -> "Run":
    if chosen.failed_of is not None:
        return {"failed_of": chosen.failed_of}
    if chosen.ids:
        return {"dataset": dataset, "ids": chosen.ids}
    if chosen.from_file is not None:
        return {"dataset": dataset, "ids": _read(chosen.from_file)}
    return _filter(dataset, chosen, archived=archived)


def _filter(dataset: str, chosen: Chosen, *, archived: bool) -> "Run":
    run: Run = {"dataset": dataset}
    if chosen.folder is not None:
        run["folder"] = chosen.folder
    if chosen.recursive is not None:
        run["recursive"] = chosen.recursive
    if chosen.where_status is not None:
        run["status"] = chosen.where_status
    if chosen.name is not None:
        run["name"] = chosen.name
    if chosen.where_tags:
        run["tags"] = chosen.where_tags
    if archived:
        run["archived"] = True
    return run


def _check(chosen: Chosen) -> None:
    kinds = chosen.kinds
    if not kinds:
        raise Refused("nothing is selected", fix=_HELP)
    if len(kinds) > 1:
        raise Refused(f"these are several kinds of selection: {', '.join(kinds)}", fix="Use one of them.")
    if "" in {chosen.folder, chosen.where_status, chosen.name, *(chosen.where_tags or [])}:
        raise Refused(f"{kinds[0]} is empty", fix=_HELP)
    if chosen.recursive is not None and chosen.folder is None:
        raise Refused("--recursive and --no-recursive are about --folder, which is not there", fix=_HELP)


def _read(name: str) -> list[str]:
    """The ids in a file. Blank lines do not count, nor does what follows a #."""
    where = "standard input" if name == "-" else name
    try:
        text = sys.stdin.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{where} is no text in UTF-8, so nothing is selected") from error
    # Some editors begin a file with a mark, which is no part of the first id.
    lines = text.removeprefix("\ufeff").splitlines()
    ids = [line for line in (line.partition("#")[0].strip() for line in lines) if line]
    if not ids:
        raise Refused(f"there are no ids in {where}, so nothing is selected")
    return ids
