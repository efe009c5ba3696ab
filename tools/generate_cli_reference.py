#!/usr/bin/env python3
"""Write docs/reference/cli.md from the commands' own help, so that the page cannot say anything else.

python tools/generate_cli_reference.py            write it
python tools/generate_cli_reference.py --check    only say whether it is stale; status 1 if it is
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer import Context
from typer.main import get_command

from stackroom.cli import application
from stackroom.cli.exits import ExitCode

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# Command line

<!-- Made by tools/generate_cli_reference.py from the commands' own help: `make generate` writes it anew. -->

`pip install .`, in a clone of the source, installs the commands that work with a library on any server: they need a
key, in `STACKROOM_API_KEY`, and the server's address, in `STACKROOM_BASE_URL`. `pip install '.[server]'` adds those
that run a server; their settings are on [a page of their own](settings.md).

With `--json` a command prints one JSON document on standard output, and an error as one line of JSON on standard
error: `{"error": {"message", "exit_code", "code", "fix", "status", "request_id", "retry_after"}}`, without what is
not known.

## Selections

`mv`, `cp`, `set`, `rm` and `restore` work on a selection, which is exactly one of: ids, a file of ids, a filter (any
of folder, status, name and tags), everything, or what failed in an earlier operation. Nothing selected is an error,
never everything. `--dry-run` runs the same code and takes it back, so it counts what would really happen.

An operation of up to 10,000 items has finished when the command returns. A larger one runs on the server, and the
command shows its progress; interrupting the command does not stop it, and `stackroom ops` finds it again.

## Exit codes

| Code | Means |
|---|---|
"""
MEANINGS = {
    ExitCode.OK: "ok",
    ExitCode.SOME_FAILED: "some items failed, a check found problems, or a server could not start",
    ExitCode.USAGE: "a wrong flag or setting, no key, or one that the server does not know",
    ExitCode.FORBIDDEN: "the key's role does not allow it",
    ExitCode.NOT_FOUND: "nothing of that name or id",
    ExitCode.CONFLICT: "a name is taken, or what matches has changed",
    ExitCode.INVALID: "the request cannot be done as it is",
    ExitCode.RATE_LIMITED: "too many requests",
    ExitCode.SERVER: "the server failed, or cannot be reached",
    ExitCode.INTERRUPTED: "interrupted",
}


def page() -> str:
    """What the page should hold."""
    codes = "".join(f"| {int(code)} | {MEANINGS[code]} |\n" for code in ExitCode)
    sections = (_section(name, command) for name, command in _commands(get_command(application), "stackroom"))
    return HEAD + codes + "".join(sections)


def _commands(found: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in found.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    context = Context(command)
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    paragraphs = [" ".join(part.split()) for part in command.help.split("\n\n")]
    examples = [line for line in command.epilog.splitlines()[1:] if line]
    parts = [f"\n## `{name}`", *paragraphs, f"```\n{usage}\n```"]
    rows = [f"| `{_cell(_argument(each))}` | {_cell(each.help)} |" for each in arguments]
    rows += [f"| {_names(each, context)} | {_cell(_explained(each))} |" for each in options]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    parts.append("\n".join(["```bash", *examples, "```"]))
    return "\n\n".join(parts) + "\n"


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[].")
    shown = f"{name}..." if argument.nargs == -1 else name
    return shown if argument.required else f"[{shown}]"


def _names(option: Any, context: Context) -> str:
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag else f" {option.metavar or _kind(option, context)}"
    return ", ".join(f"`{name}{value if name.startswith('--') else ''}`" for name in names)


def _kind(option: Any, context: Context) -> str:
    shown: str = option.display_type(context).strip("<>").removesuffix(" range")
    return shown.replace("|", "\\|") if "|" in shown else {"str": "TEXT"}.get(shown, shown.upper())


def _explained(option: Any) -> str:
    text = option.help
    if option.required:
        text += " Required."
    elif option.show_default and option.default not in {None, False, ""}:
        text += f" Default: {getattr(option.default, 'value', option.default)}"
    return f"{text} (`{option.envvar}`)" if option.envvar else text


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write docs/reference/cli.md from the commands' help.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is stale")
    only_check = parser.parse_args().check
    wanted = page()
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    sys.stdout.write(f"{'stale' if only_check else 'written'}: {PAGE.name}\n")
    if not only_check:
        PAGE.write_text(wanted)
    return int(only_check)


if __name__ == "__main__":
    sys.exit(main())
