"""What commands print."""

import io
import json
import os
import subprocess
import sys

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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_name_can_be_said_whatever_the_locale(encoding: str) -> None:
    # The last is a byte of a file's name that is no text.
    program = """if True:
        from stackroom import cli
        from stackroom.cli.console import print_json, say
        def speak(_arguments):
            say("Größe 図 \\udcff")
            print_json({"name": "Größe 図 \\udcff"})
        cli.run = speak
        cli.main()
    """
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=True)
    line, _, document = done.stdout.decode(encoding).partition("\n")
    assert line.startswith("Gr")
    assert json.loads(document) == {"name": "Größe 図 \udcff"}


def test_a_closed_output_ends_nothing() -> None:
    program = "import sys; sys.stdout = None; from stackroom.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("said", ["--help", "--version"])
def test_a_reader_that_has_enough_is_no_failure(said: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        command = [sys.executable, "-m", "stackroom", said]
        done = subprocess.run(
            command,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    assert (done.returncode, done.stderr) == (0, "")


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
