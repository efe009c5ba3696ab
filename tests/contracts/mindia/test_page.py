"""The page about this face names every address that it offers, and no other, and the role that each needs."""

import json
import re
from pathlib import Path

from stackroom.web.mindia.openapi import Operation

from .promises import described

PAGE = Path(__file__).parents[3] / "docs" / "faces" / "mindia.md"


def test_the_page_lists_what_is_offered_and_which_role_it_needs() -> None:
    table = PAGE.read_text().partition("## What is offered")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", table, re.MULTILINE)
    listed = {(*each, needs) for names, needs in rows for each in re.findall(r"`([A-Z]+) (/[^`?]*)`", names)}
    offering = {(it.method, it.path, _needs(it)) for it in described()}
    assert listed == offering


def _needs(operation: Operation) -> str:
    if operation.said.needs is not None:
        return operation.said.needs.word
    return "a token" if operation.counted else "no key"


def test_the_page_shows_an_error_as_it_is() -> None:
    (error,) = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert {"error", "code", "recoverable", "suggested_action", "details", "error_type"} == error.keys()
