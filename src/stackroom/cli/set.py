"""`stackroom set`: write the same fields of many items."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.exits import Refused
from stackroom.cli.options import Dataset, DryRun, Json, Server
from stackroom.cli.running import finish
from stackroom.cli.selection import ChosenToSet, select

if TYPE_CHECKING:
    from stackroom import Changes

EXAMPLE = """stackroom set cars --status complete --folder /sorted

stackroom set cars --split train --where-status complete --dry-run

stackroom set cars --tag night --untag day --where-tag dusk"""


class Status(enum.StrEnum):
    """How far the work on an item has come."""

    NEW = "new"
    ANNOTATE = "annotate"
    REVIEW = "review"
    COMPLETE = "complete"


class Split(enum.StrEnum):
    """The part of a training set that an item belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    NONE = "none"


def update(
    dataset: Dataset,
    chosen: ChosenToSet,
    *,
    status: Annotated[Status | None, typer.Option("--status", help="The status to write.")] = None,
    split: Annotated[
        Split | None, typer.Option("--split", help="The split to write; none clears it.")
    ] = None,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="The display name to write; '' clears it.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="TAG", help="A tag to add; may be repeated."),
    ] = None,
    untag: Annotated[
        list[str] | None,
        typer.Option("--untag", metavar="TAG", help="A tag to remove; may be repeated."),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Set the status, split or display name of many items; add and remove tags."""
    changes: Changes = {}
    if status is not None:
        changes["status"] = status.value
    if split is not None:
        changes["split"] = None if split is Split.NONE else split.value
    if display_name is not None:
        changes["display_name"] = display_name or None
    if tags:
        changes["add_tags"] = tags
    if untag:
        changes["remove_tags"] = untag
    if not changes:
        fix = "Give --status, --split, --display-name, --tag or --untag."
        raise Refused("there is nothing to write", fix=fix)
    run = select(dataset, chosen, dry_run=dry_run)
    with server.connected() as client:
        finish(client, client.operations.update(changes, **run), as_json=as_json)
