"""Groups of options: declared once, spread into each command."""

import inspect
from typing import Annotated

import typer

from stackroom.cli.groups import Options, spread


class Place(Options, frozen=True, kw_only=True):
    street: Annotated[str, typer.Option("--street")]
    town: Annotated[str | None, typer.Option("--town")] = None


def test_a_group_stands_for_its_options_in_its_place() -> None:
    def send(what: str, place: Place, *, soon: bool = False) -> None: ...

    found = inspect.signature(spread(send)).parameters
    assert list(found) == ["what", "street", "town", "soon"]
    assert found["street"].default is inspect.Parameter.empty
    assert found["town"].default is None
    assert found["street"].annotation == Annotated[str, Place.__annotations__["street"].__metadata__[0]]


def test_the_command_gets_the_group_as_one_value() -> None:
    got: list[object] = []

    def send(what: str, place: Place) -> None:
        got.extend([what, place])

    spread(send)(what="tea", street="Mill Lane", town=None)
    assert got == ["tea", Place(street="Mill Lane")]


def test_a_command_without_groups_stays_as_it_is() -> None:
    def send(what: str = "tea") -> None:
        """Send something."""

    found = spread(send)
    assert list(inspect.signature(found).parameters) == ["what"]
    assert found.__doc__ == "Send something."
