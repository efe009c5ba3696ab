"""Reports: the outcome of every item as a file."""

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from stackroom.web.native import operations

if TYPE_CHECKING:
    from .conftest import Face, Place

NAMES = ["plain.jpg", "with, comma.jpg", 'with "quotes".jpg', "é.jpg", "last.jpg"]


@pytest.fixture(autouse=True)
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "REPORT_PAGE", 2)


def moved(face: "Face") -> tuple["Place", str]:
    photos = face.a_dataset(names=NAMES)
    selection = {"ids": [*photos.ids, "nonsense"]}
    done = face.operate("move", selection=selection, to={"folder": "/x"}).json()
    return photos, f"/operations/{done['id']}"


def test_a_report_in_lines_holds_every_item_as_it_is_listed(face: "Face") -> None:
    _, path = moved(face)
    answer = face.get(f"{path}/report")
    assert answer.headers["content-type"] == "application/x-ndjson"
    operation = path.rpartition("/")[2]
    assert answer.headers["content-disposition"] == f'attachment; filename="operation-{operation}.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == face.get(f"{path}/items").json()["items"]
    assert len(lines) == 6


def test_a_report_as_a_table_survives_commas_and_quotes(face: "Face") -> None:
    photos, path = moved(face)
    answer = face.get(f"{path}/report", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [row["id"] for row in rows] == [*photos.ids, "nonsense"]
    assert [row["before_name"] for row in rows] == [*NAMES, ""]
    assert rows[0] == {
        "position": "0",
        "id": photos.ids[0],
        "outcome": "done",
        "reason": "",
        "before_folder": "/",
        "before_name": "plain.jpg",
        "before_status": "new",
        "before_display_name": "",
        "before_split": "",
        "before_archived_at": "",
        "after_folder": "/x",
        "after_name": "",
        "after_status": "",
        "after_display_name": "",
        "after_split": "",
        "after_archived_at": "",
        "new_id": "",
        "added_tags": "",
        "removed_tags": "",
    }


@pytest.mark.parametrize("outcome", ["failed", "not_found"])
def test_a_report_of_what_failed_holds_only_that(face: "Face", outcome: str) -> None:
    _, path = moved(face)
    (line,) = face.get(f"{path}/report", outcome=outcome).text.splitlines()
    assert json.loads(line)["id"] == "nonsense"


def test_a_report_of_nothing_is_empty_but_for_the_heading(face: "Face") -> None:
    _, path = moved(face)
    assert face.get(f"{path}/report", outcome="skipped").content == b""
    assert len(face.get(f"{path}/report", outcome="skipped", format="csv").text.splitlines()) == 1


def test_a_report_is_read_page_by_page_as_it_is_sent(face: "Face", monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = moved(face)
    asked = []
    items = operations.journal.items
    monkeypatch.setattr(
        operations.journal,
        "items",
        lambda *words, **named: asked.append(named["after"]) or items(*words, **named),
    )
    face.get(f"{path}/report")
    assert asked == [-1, 1, 3, 5]


@pytest.mark.parametrize(
    "query", [{"format": "xml"}, {"outcome": "odd"}, {"outcome": "collides"}, {"form": "csv"}]
)
def test_a_report_that_does_not_exist_is_refused(face: "Face", query: dict[str, str]) -> None:
    _, path = moved(face)
    answer = face.get(f"{path}/report", **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")
