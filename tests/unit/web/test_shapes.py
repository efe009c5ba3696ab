"""A word that cannot stand where it was sent is answered with those that can."""

import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from stackroom.errors import Invalid
from stackroom.web.shared import requests


class Size(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"


class Part(msgspec.Struct, forbid_unknown_fields=True):
    colour: Literal["red", "blue"] | UnsetType | None = UNSET
    shown_as: Annotated[Size, Meta(description="how large")] = msgspec.field(name="as", default=Size.SMALL)
    count: int = 0


class Whole(msgspec.Struct):
    part: Part | None = None
    parts: list[Part] = []
    words: list[Literal["a", "b"]] = []


@pytest.mark.parametrize(
    ("body", "message", "location"),
    [
        (
            '{"part": {"colour": "green"}}',
            "part.colour: Invalid enum value 'green'; it is one of blue, red",
            ["part", "colour"],
        ),
        (
            '{"parts": [{}, {"as": "huge"}]}',
            "parts[1].as: Invalid enum value 'huge'; it is one of small, large",
            ["parts", "1", "as"],
        ),
        ('{"words": ["a", "c"]}', "words[1]: Invalid enum value 'c'; it is one of a, b", ["words", "1"]),
        ('{"part": {"count": "3"}}', "part.count: Expected `int`, got `str`", ["part", "count"]),
        ('{"part": {"size": 3}}', "part: Object contains unknown field `size`", ["part"]),
        ("3", "Expected `object`, got `int`", []),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_with_what_may_stand_there(
    body: str, message: str, location: list[Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        requests.decode(body.encode(), Whole)
    assert refused.value.message == message
    (error,) = refused.value.details["errors"]  # type: ignore[misc]  # a list
    assert error["loc"] == ["body", *location]
    assert message.endswith(error["msg"])


def test_a_query_is_told_so_too() -> None:
    with pytest.raises(Invalid, match="colour: Invalid enum value 'green'; it is one of blue, red"):
        requests.convert({"colour": "green"}, Part)
