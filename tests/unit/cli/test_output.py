"""What commands print."""

import io
import json

import pytest

from stackroom.cli.console import counted, print_json, size, table


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_550_000, "1.6 MB"),
        (3e12, "3.0 TB"),
        (9e15, "9000.0 TB"),
    ],
)
def test_bytes_are_said_as_people_say_them(count: float, words: str) -> None:
    assert size(count) == words


def test_one_is_no_plural() -> None:
    assert [counted(each, "image") for each in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]


def test_json_is_one_document_with_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Größe"})
    said = capsys.readouterr().out
    assert json.loads(said) == {"name": "Größe"}
    assert "Größe" in said


def test_numbers_in_a_table_stand_below_each_other() -> None:
    from rich.console import Console

    screen = Console(file=io.StringIO(), width=40)
    screen.print(table(["name", "items"], [["a", "7"], ["b", "1200"]], right=["items"]))
    assert isinstance(screen.file, io.StringIO)
    assert [line.rstrip() for line in screen.file.getvalue().splitlines()] == [
        "name  items",
        "a         7",
        "b      1200",
    ]
