"""The pages about the native protocol: what they show runs, and they leave nothing out."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from stackroom.operations.outcome import Outcome
from stackroom.web.native.app import endpoints
from stackroom.web.native.wire import operations as wire
from stackroom.web.native.wire.base import Error

if TYPE_CHECKING:
    from .conftest import Face

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "faces" / "native.md").read_text()
REQUESTS = re.findall(r"```http\n(GET|POST) (\S+)\n(?:\n(.*?))?```", PAGE, re.DOTALL)
SHOWN = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("method", "address", "body"), REQUESTS, ids=range(len(REQUESTS)))
def test_every_request_on_the_page_does_what_it_says(
    face: "Face", method: str, address: str, body: str
) -> None:
    face.a_dataset("holiday", ["a.jpg", "b.jpg"], folder="/inbox")
    selection = {"filter": {"dataset": "holiday"}}
    earlier = face.operate("update", selection=selection, changes={"status": "review"}).json()
    asked = address.removeprefix("/library/v1").replace("OPERATION", earlier["id"])
    answer = face.ask(method, asked, content=body.encode())
    assert answer.is_success, answer.text
    told = answer.json()
    if "verb" in told:
        assert told["outcomes"] == {"done": 2}
    if "assets" in told:
        assert len(told["assets"]) == 2


def test_what_the_page_shows_has_the_shape_of_the_real_thing() -> None:
    operation, item, error = SHOWN
    shown = msgspec.json.decode(operation, type=wire.Operation)
    assert shown.succeeded + shown.failed + shown.pending == shown.total
    assert sum(shown.outcomes.values()) + shown.pending == shown.total
    assert list(msgspec.json.decode(operation)) == list(wire.Operation.__struct_fields__)
    assert list(msgspec.json.decode(item)) == list(wire.Item.__struct_fields__)
    msgspec.json.decode(item, type=wire.Item)
    msgspec.json.decode(error, type=Error)


@pytest.mark.parametrize("each", endpoints(), ids=lambda it: it.name)
def test_every_address_is_on_the_page(each: object) -> None:
    assert f"{each.method} {each.path}" in PAGE  # type: ignore[attr-defined]


def test_every_outcome_has_its_heading_and_no_other_does() -> None:
    page = (DOCS / "reference" / "outcomes.md").read_text()
    final = [outcome.word for outcome in Outcome if outcome is not Outcome.COLLIDES]
    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == final
