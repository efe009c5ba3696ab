"""`stackroom doctor`: does the library keep its promises?"""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from stackroom.cli.console import console, errors_console, print_json, say, table
from stackroom.cli.exits import ExitCode
from stackroom.cli.options import Json, Library, StorageUrl

if TYPE_CHECKING:
    from stackroom.doctor import Finding
    from stackroom.settings import Settings


class WholeLibrary(Library, frozen=True, kw_only=True):
    """A library with its files."""

    storage_url: StorageUrl = None


EXAMPLE = "stackroom doctor --data-dir /srv/media --deep"


def doctor(
    *,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all stored bytes and compare their hashes.")
    ] = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="Name every place where something is wrong, not only ten of each kind."),
    ] = False,
    as_json: Json = False,
    library: WholeLibrary,
) -> None:
    """Check a live library against what Stackroom promises, and report what is wrong. Changes nothing.

    Works beside a running server. Ends with 0 if all is well, and with 1 if anything is not.
    """
    findings = _examined(library.settings(), deep=deep, every=every)
    problems = sum(each.problems for each in findings)
    if as_json:
        print_json({"healthy": not problems, "checks": findings})
    else:
        _show(findings, problems)
    if problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _examined(settings: "Settings", *, deep: bool, every: bool) -> "list[Finding]":
    from stackroom.doctor import SAMPLES, check_up

    with errors_console().status("Opening the library") as status:
        return asyncio.run(
            check_up(
                settings,
                deep=deep,
                most=sys.maxsize if every else SAMPLES,
                progress=lambda doing: status.update(f"Checking: {doing}"),
            )
        )


def _show(findings: "list[Finding]", problems: int) -> None:
    rows = (
        [each.title, "[green]ok[/]" if not each.problems else f"[red]{each.problems}[/]"] for each in findings
    )
    console().print(table(["promise", "problems"], rows, right=["problems"]))
    for each in findings:
        if each.problems:
            _explain(each)
    say("\n[green]All is well.[/]" if not problems else f"\n[red]{problems} problems.[/]")


def _explain(finding: "Finding") -> None:
    say(f"\n[bold red]{finding.title}: {finding.problems} problems[/] ({finding.check})")
    for sample in finding.samples:
        say(f"  {escape(sample)}")
    if finding.problems > len(finding.samples):
        say(f"  … and {finding.problems - len(finding.samples)} more, which --all names")
    say(f"  [dim]What to do:[/] {finding.advice}")
