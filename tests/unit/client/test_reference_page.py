"""The reference page's examples run."""

import re
from pathlib import Path
from typing import Any

import pytest

import stackroom
from stackroom.client import errors

from .fake_server import FakeServer

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "sdk.md").read_text()


def test_every_example_runs_in_its_order(live: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("photo.jpg", "more/1.jpg", "more/2.jpg", "photos/cars/a.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"pixels")
    live.dataset("depot")
    live.always_items = [{"position": 0, "id": "a", "outcome": "not_found", "reason": "gone"}]
    names: dict[str, Any] = {}
    for number, example in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)):
        exec(compile(example, f"example {number}", "exec"), names)
    names["client"].close()
    said = capsys.readouterr().out
    assert "photo.jpg new None" in said
    assert "2 []" in said
    assert "1 0 0" in said
    assert "a not_found gone" in said


def test_every_error_is_on_the_page() -> None:
    kinds = {name for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, Exception)}
    assert {name for name in kinds if f"`{name}`" not in PAGE} == set()


def test_every_resource_is_on_the_page() -> None:
    with stackroom.Client("k") as client:
        resources = {name for name in vars(client) if not name.startswith("_")}
    assert {name for name in resources if f"client.{name}" not in PAGE} == set()
