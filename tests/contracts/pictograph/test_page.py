"""The page about this face names every address that it offers, and no other."""

import re
from pathlib import Path

from starlette.routing import Route

from stackroom.web.pictograph.app import offered

from .house import PREFIX

PAGE = Path(__file__).parents[3] / "docs" / "faces" / "pictograph.md"


def test_the_page_lists_what_is_offered() -> None:
    table = PAGE.read_text().partition("## What is offered")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([A-Z]+) (/[^`]*)`", table))
    routes = [route for route in offered() if isinstance(route, Route)]
    served = {
        (method, route.path.removeprefix(PREFIX))
        for route in routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert listed == served


def test_the_page_shows_answers_as_they_are() -> None:
    """Its examples are JSON, and of the shape that the tests of the answers hold."""
    examples = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 2
    import json

    batch, error = (json.loads(example) for example in examples)
    assert batch["failed"] == batch["failures"]
    assert error["detail"] == error["error"]["message"]
