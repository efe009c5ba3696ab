"""docs/reference/errors.md has every code that the library refuses with, and its true status."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from stackroom import errors
from stackroom.cli.exits import ExitCode
from stackroom.storage.blobstore import MissingBytes
from stackroom.web.mindia.errors import KINDS as MINDIA
from stackroom.web.shared.errors import status_of

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "stackroom"
PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text()
ROWS = {
    code: (status, meaning, advice)
    for code, status, meaning, advice in re.findall(
        r"^\| `(\w+)` \| (\S+) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE
    )
}
KINDS = {name: it for name, it in vars(errors).items() if isinstance(it, type)}
KINDS |= {"MissingBytes": MissingBytes, "_composed": errors.Invalid, "_refused": errors.Invalid}
# Statuses that a face gives by itself: its own addresses, its own failures, and what it does not have.
OF_THE_FACES = {"unknown_path": "404", "method_not_allowed": "405", "internal_error": "500"}
OF_THE_FACES |= {"not_offered": "501", "bad_request": "4xx"}


def codes() -> Iterator[tuple[str, str]]:
    """Every code in the source, with what it is given to: a kind of error, or a function that makes one."""
    for source in SOURCE.rglob("*.py"):
        if source.relative_to(SOURCE).parts[0] not in {"client", "testing"}:
            text = source.read_text()
            if not re.search(r"\bcode\b", text):
                continue
            module = ast.parse(text)
            named = {ast.unparse(it.targets[0]): it.value for it in module.body if isinstance(it, ast.Assign)}
            for node in ast.walk(module):
                for given, maker in codes_of(node):
                    code = named.get(given.id) if isinstance(given, ast.Name) else given
                    if isinstance(code, ast.Constant) and code.value:
                        yield code.value, maker


def codes_of(node: ast.AST) -> Iterator[tuple[ast.expr | None, str]]:
    """What stands for a code by keyword (`code="name_taken"`), as a class's own, or as a function's default."""
    match node:
        case ast.Call():
            maker = ast.unparse(node.func).rpartition(".")[2]
            yield from ((keyword.value, maker) for keyword in node.keywords if keyword.arg == "code")
        case ast.ClassDef():
            own = (line for line in node.body if isinstance(line, ast.Assign))
            yield from ((line.value, node.name) for line in own if ast.unparse(line.targets[0]) == "code")
        case ast.FunctionDef():
            plain = [*node.args.posonlyargs, *node.args.args][-len(node.args.defaults) or None :]
            defaults = [*zip(plain, node.args.defaults, strict=False)]
            defaults += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from ((default, node.name) for argument, default in defaults if argument.arg == "code")


@cache  # and not while tests are collected, which every worker does
def all_codes() -> set[tuple[str, str]]:
    return {(code, maker) for code, maker in codes() if code != "error"}  # the base class, which nothing is


OF_MINDIA = {code: str(kind.status) for code, kind in MINDIA.items()}


def test_every_code_has_its_row_and_every_row_a_code() -> None:
    assert set(ROWS) == {code for code, _ in all_codes()} | set(OF_MINDIA)


def test_every_row_says_what_it_means_and_what_to_do() -> None:
    assert [
        code for code, (_, meaning, advice) in ROWS.items() if not (meaning[-1] == advice[-1] == ".")
    ] == []


def test_every_status_is_the_true_one() -> None:
    true = {
        code: str(status_of(KINDS[maker]("", code=code))) for code, maker in all_codes() if maker in KINDS
    }
    true |= OF_THE_FACES | OF_MINDIA
    said = {code: status for code, (status, _, _) in ROWS.items() if status.isalnum()}  # else a dash: the CLI
    wrong = {code: status for code, status in said.items() if status != true.get(code)}
    assert wrong == {}


def test_rows_stand_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert len(rows) == len(set(rows)) == len(ROWS)


def test_every_exit_code_is_on_the_page_of_the_command_line() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert [code.name for code in ExitCode if f"| {int(code)} |" not in page] == []
