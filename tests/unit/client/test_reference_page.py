"""The reference page leaves nothing out. That its examples run is seen in tests/docs."""

from pathlib import Path

import stackroom
from stackroom.client import errors

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "sdk.md").read_text()


def test_every_error_is_on_the_page() -> None:
    kinds = {name for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, Exception)}
    assert {name for name in kinds if f"`{name}`" not in PAGE} == set()


def test_every_resource_is_on_the_page() -> None:
    with stackroom.Client("k") as client:
        resources = {name for name in vars(client) if not name.startswith("_")}
    assert {name for name in resources if f"client.{name}" not in PAGE} == set()
