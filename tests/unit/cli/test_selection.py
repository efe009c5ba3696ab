"""What a command line selects: exactly one kind of thing, and never everything by accident."""

import io
from pathlib import Path

import pytest

from stackroom.cli.exits import Refused
from stackroom.cli.selection import Chosen, ChosenToSet, select

ONE = "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14"
TWO = "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e15"


def test_ids_are_those_of_the_dataset() -> None:
    assert select("cars", Chosen(ids=[ONE, TWO])) == {"dataset": "cars", "ids": [ONE, TWO]}


def test_a_filter_holds_what_was_given_and_nothing_else() -> None:
    chosen = Chosen(
        folder="/red", recursive=False, where_status="new", name="*.jpg", where_tags=["night", "fog"]
    )
    assert select("cars", chosen) == {
        "dataset": "cars",
        "folder": "/red",
        "recursive": False,
        "status": "new",
        "name": "*.jpg",
        "tags": ["night", "fog"],
    }
    assert select("cars", ChosenToSet(where_tags=["night"])) == {"dataset": "cars", "tags": ["night"]}
    assert select("cars", Chosen(folder="/red")) == {"dataset": "cars", "folder": "/red"}


def test_everything_is_the_dataset_alone() -> None:
    assert select("cars", Chosen(everything=True)) == {"dataset": "cars"}


def test_what_failed_needs_no_dataset() -> None:
    assert select("cars", Chosen(failed_of=ONE)) == {"failed_of": ONE}


def test_a_dry_run_says_so() -> None:
    assert select("cars", Chosen(everything=True), dry_run=True) == {"dataset": "cars", "dry_run": True}


def test_what_is_archived_is_looked_for_by_filters_only() -> None:
    assert select("cars", Chosen(everything=True), archived=True) == {"dataset": "cars", "archived": True}
    assert select("cars", Chosen(ids=[ONE]), archived=True) == {"dataset": "cars", "ids": [ONE]}


@pytest.mark.parametrize(
    "chosen",
    [
        Chosen(ids=[ONE], everything=True),
        Chosen(ids=[ONE], folder="/"),
        Chosen(from_file="-", ids=[ONE]),
        Chosen(name="*", everything=True),
        Chosen(where_tags=["night"], everything=True),
        Chosen(failed_of=ONE, where_status="new"),
        Chosen(from_file="ids.txt", failed_of=ONE),
    ],
)
def test_two_kinds_of_selection_are_refused(chosen: Chosen) -> None:
    with pytest.raises(Refused, match="several kinds"):
        select("cars", chosen)


@pytest.mark.parametrize("chosen", [Chosen(), Chosen(ids=[]), Chosen(where_tags=[]), Chosen(recursive=True)])
def test_nothing_selected_is_never_everything(chosen: Chosen) -> None:
    with pytest.raises(Refused, match="nothing is selected"):
        select("cars", chosen)


@pytest.mark.parametrize(
    "chosen",
    [Chosen(folder=""), Chosen(where_status=""), Chosen(name=""), Chosen(where_tags=["night", ""])],
)
def test_an_empty_filter_is_no_filter(chosen: Chosen) -> None:
    """An unset variable in a script must not widen a selection."""
    with pytest.raises(Refused, match="is empty"):
        select("cars", chosen)


def test_how_deep_is_a_question_about_a_folder() -> None:
    with pytest.raises(Refused, match="about --folder"):
        select("cars", Chosen(name="*.jpg", recursive=False))


def test_a_file_holds_an_id_in_each_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(f"# the red ones\n{ONE}\n\n  {TWO}  # this too\r\n")
    assert select("cars", Chosen(from_file=str(file))) == {"dataset": "cars", "ids": [ONE, TWO]}


def test_a_dash_reads_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ONE}\n"))
    assert select("cars", Chosen(from_file="-")) == {"dataset": "cars", "ids": [ONE]}


def test_a_mark_at_its_beginning_is_no_part_of_the_first_id(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(f"{ONE}\n", encoding="utf-8-sig")
    assert select("cars", Chosen(from_file=str(file))) == {"dataset": "cars", "ids": [ONE]}


def test_a_file_that_is_no_text_selects_nothing_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"\xff\xfe1")
    with pytest.raises(Refused, match="no text in UTF-8"):
        select("cars", Chosen(from_file=str(file)))


def test_a_file_without_ids_selects_nothing_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("# none today\n")
    with pytest.raises(Refused, match="no ids in"):
        select("cars", Chosen(from_file=str(file)))
