"""The page about this face names every address that it offers, and no other."""

import json
import re
from pathlib import Path

from starlette.routing import Route

from stackroom.web.mindia.app import offered

PAGE = Path(__file__).parents[3] / "docs" / "faces" / "mindia.md"


def test_the_page_lists_what_is_offered() -> None:
    table = PAGE.read_text().partition("## What is offered")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([A-Z]+) (/[^`?]*)`", table))
    routes = [route for route in offered() if isinstance(route, Route)]
    offering = {(method, it.path) for it in routes for method in (it.methods or set()) - {"HEAD"}}
    assert listed == offering


def test_the_page_shows_an_error_as_it_is() -> None:
    (error,) = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL))
    assert {"error", "code", "recoverable", "suggested_action", "details", "error_type"} == error.keys()
