"""`stackroom embeddings`: what search by meaning rests on, for who owns the data directory."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from stackroom.cli.console import console, counted, note, print_json, say, table
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import Json, Library
from stackroom.cli.progress import counting

if TYPE_CHECKING:
    from stackroom.processing.rounds import Round
    from stackroom.processing.stewarding import Seen
    from stackroom.settings import Settings

EXAMPLES = {
    "status": "stackroom embeddings status --data-dir /srv/media",
    "rebuild": """stackroom embeddings rebuild --wait

stackroom embeddings rebuild --org 'City Museum' --json""",
    "cancel": "stackroom embeddings cancel --org 'City Museum'",
}
_LOOK_EVERY = 0.5

Org = Annotated[
    str | None,
    typer.Option("--org", metavar="ORG", help="An organization's id, number, slug or name. Default: all."),
]


class SeenRound(msgspec.Struct, frozen=True, kw_only=True):
    """A round through an organization's assets, in the words of `--json`. `again`: it makes all vectors, not only
    those that are lacking."""

    state: str
    again: bool
    done: int
    failed: int
    error: str | None
    began_at: datetime
    changed_at: datetime


class SeenStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How an organization stands, in the words of `--json`: whether its assets get vectors; those that are not
    archived, those with a vector, those that wait for one, those none could be made of, copies, which need none, and
    those that have no bytes yet."""

    organization_id: str
    customer: int
    name: str
    searched: bool
    assets: int
    embedded: int
    waiting: int
    failed: int
    copies: int
    not_here: int
    round: SeenRound | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What makes the vectors, in the words of `--json`; of nothing, None."""

    model: str | None
    dim: int | None
    organizations: list[SeenStanding]


def status(*, org: Org = None, as_json: Json = False, library: Library) -> None:
    """Show how many assets have a vector, and how far the making of the others is.

    Works whether or not a server runs on the library.
    """
    found = _status(library.settings(), org)
    if as_json:
        print_json(found)
        return
    if found.model is None:
        say("Nothing is embedded here: no server with an embedder has run on this library.")
        return
    say(f"Vectors are made by {escape(found.model)} ({found.dim} numbers each).")
    numbers = ["customer", "assets", "embedded", "waiting", "failed", "copies", "not here"]
    console().print(
        table(["customer", "name", *numbers[1:], "round"], map(_row, found.organizations), right=numbers)
    )


def rebuild(
    *,
    org: Org = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a progress bar.")] = False,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make all vectors again, of one organization or of all: for a model that has changed under its old name.

    A model with a new name needs no rebuild: its server sees to that by itself. Assets keep their vectors until the new
    ones are there. The server makes them in the background; if none is running, the next one to start does.
    """
    settings = library.settings()
    from stackroom.cli import steward

    if wait:
        _need_a_server(settings)
    whose = steward.rebuild_embeddings(settings, org)
    if not wait:
        if as_json:
            print_json({"organizations": whose})
        else:
            say(f"All vectors of {counted(len(whose), 'organization')} are made again.")
            say("[dim]See how far it is with: stackroom embeddings status[/]")
        return
    _follow(settings, whose)
    found = _status(settings, org)
    chosen = [each for each in found.organizations if each.organization_id in whose]
    if as_json:
        print_json(msgspec.structs.replace(found, organizations=chosen))
    else:
        _tell(chosen)
    if any(each.failed or (each.round is not None and each.round.state != "finished") for each in chosen):
        raise typer.Exit(ExitCode.SOME_FAILED)


def cancel(*, org: Org = None, as_json: Json = False, library: Library) -> None:
    """Stop the making of vectors, in one organization or in all. Those already made stay.

    Assets without one still get theirs later: when they change, or within the hour.
    """
    settings = library.settings()
    from stackroom.cli import steward

    whose = steward.cancel_embeddings(settings, org)
    if as_json:
        print_json({"organizations": whose})
    else:
        say(f"Ended in {counted(len(whose), 'organization')}." if whose else "Nothing was being made.")


def _status(settings: "Settings", org: str | None) -> Status:
    from stackroom.cli import steward
    from stackroom.processing import stewarding

    model, found = steward.read(settings, lambda conn: stewarding.status(conn, org))
    if model is None:
        return Status(model=None, dim=None, organizations=[])
    return Status(model=model.name, dim=model.dim, organizations=[_standing(each) for each in found])


def _standing(seen: "Seen") -> SeenStanding:
    from stackroom import ids

    how = seen.standing
    return SeenStanding(
        organization_id=ids.text(seen.uuid),
        customer=seen.number,
        name=seen.name,
        searched=seen.searched,
        assets=how.assets,
        embedded=how.embedded,
        waiting=how.waiting if seen.searched else 0,
        failed=how.failed,
        copies=how.copies,
        not_here=how.lacking - how.waiting - how.copies,
        round=None if seen.round is None else _round(seen.round),
    )


def _round(found: "Round") -> SeenRound:
    from stackroom import clock

    return SeenRound(
        state=found.state,
        again=found.again,
        done=found.done,
        failed=found.failed,
        error=found.error,
        began_at=clock.to_datetime(found.began_at),
        changed_at=clock.to_datetime(found.changed_at),
    )


def _row(each: SeenStanding) -> list[str]:
    counts = [
        f"{count:,}"
        for count in (each.assets, each.embedded, each.waiting, each.failed, each.copies, each.not_here)
    ]
    state = _state(each.round) if each.searched else "not searched by meaning"
    return [str(each.customer), escape(each.name), *counts, state]


def _state(found: SeenRound | None) -> str:
    if found is None:
        return ""
    what = f"{'all again, ' if found.again else ''}{found.done:,} made"
    return f"{found.state} ({what})" if found.error is None else f"{found.state}: {escape(found.error)}"


def _need_a_server(settings: "Settings") -> None:
    from stackroom.control import read_control_file

    if settings.database.startswith("sqlite") and read_control_file(settings.data_dir) is None:
        raise Refused(
            "no server runs on this library, so there is nobody to wait for",
            fix="Start it with `stackroom serve`; or leave out --wait, and the next server makes them.",
            exit_code=ExitCode.CONFLICT,
        )


def _follow(settings: "Settings", whose: list[str]) -> None:
    """Wait until the rounds of these organizations are over. Interrupting stops the bar only."""
    from stackroom import ids
    from stackroom.cli import steward
    from stackroom.processing import rounds, stewarding

    _, found = steward.read(settings, stewarding.status)
    total = {each.id: each.standing.assets for each in found if ids.text(each.uuid) in whose}
    try:
        with counting("embedding") as follow:
            while True:
                seen = steward.read(settings, lambda conn: rounds.of(conn, list(total)))
                follow(sum(each.done + each.failed for each in seen), sum(total.values()))
                if all(each.state != rounds.RUNNING for each in seen):
                    return
                time.sleep(_LOOK_EVERY)
    except KeyboardInterrupt:
        note("It goes on. See: stackroom embeddings status   (or: embeddings cancel)")
        raise


def _tell(found: list[SeenStanding]) -> None:
    for each in found:
        say(f"{escape(each.name)}: {each.embedded:,} of {counted(each.assets, 'asset')} have vectors.")
        if each.failed:
            say(
                f"  [red]{each.failed:,} none could be made of[/]; the server's log says why (embedding.failed)."
            )
        if each.round is not None and each.round.state != "finished":
            say(f"  [red]{escape(_state(each.round))}[/]")
