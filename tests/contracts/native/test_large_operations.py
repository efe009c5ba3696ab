"""Operations of more items than one transaction takes: begun at once, then taken forward chunk by chunk."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from stackroom.operations import engine

if TYPE_CHECKING:
    from .conftest import Face

pytestmark = pytest.mark.every_database

EVERYTHING = {"filter": {"dataset": "photos"}}
NAMES = [f"{number}.jpg" for number in range(10)]


@pytest.fixture(autouse=True)
def at_most_four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "AT_ONCE", 4)


def begin(face: "Face", verb: str, **body: Any) -> dict[str, Any]:
    answer = face.operate(verb, **body)
    assert answer.status_code == 202, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


def now(face: "Face", operation: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = face.get(f"/operations/{operation['id']}").json()
    return known


def to_the_end(face: "Face", operation: dict[str, Any]) -> dict[str, Any]:
    while face.advance():
        pass
    return now(face, operation)


def test_a_large_operation_is_begun_and_goes_on_with_progress(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    begun = begin(face, "move", selection=EVERYTHING, to={"folder": "/x"})
    assert {key: begun[key] for key in ("state", "total", "succeeded", "failed", "pending", "outcomes")} == {
        "state": "running",
        "total": 10,
        "succeeded": 0,
        "failed": 0,
        "pending": 10,
        "outcomes": {},
    }
    assert begun["rate"] is begun["estimated_completion"] is begun["finished_at"] is None
    assert not begun["undoable"]
    assert face.advance()
    later = now(face, begun)
    assert (later["state"], later["succeeded"], later["pending"]) == ("running", 4, 6)
    assert later["rate"] > 0
    assert later["estimated_completion"] > later["created_at"]
    done = to_the_end(face, begun)
    assert (done["state"], done["outcomes"], done["pending"]) == ("finished", {"done": 10}, 0)
    assert done["rate"] is done["estimated_completion"] is None
    assert len(face.get(f"/operations/{begun['id']}/items").json()["items"]) == 10


def test_the_runner_is_told_and_does_it_by_itself(face: "Face") -> None:
    face.a_dataset(names=NAMES)

    async def work() -> None:
        runner = asyncio.create_task(face.services.runner.run())
        await asyncio.sleep(0.1)  # it has found nothing to do, and now waits to be told
        answer = await face.http.post(
            "/library/v1/operations",
            headers={"X-API-Key": face.tenant.keys["owner"]},
            json={"verb": "archive", "selection": EVERYTHING},
        )
        path = f"/library/v1/operations/{answer.json()['id']}"
        for _ in range(200):
            state = (await face.http.get(path, headers={"X-API-Key": face.tenant.keys["viewer"]})).json()[
                "state"
            ]
            if state != "running":
                break
            await asyncio.sleep(0.01)
        runner.cancel()
        assert state == "finished"

    face.runner.run(work())


def test_a_paused_operation_rests_until_it_is_resumed(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    begun = begin(face, "archive", selection=EVERYTHING)
    face.advance()
    for _ in range(2):  # repeating it changes nothing
        paused = face.post(f"/operations/{begun['id']}/pause")
        assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert paused.json()["rate"] is None
    assert not face.advance()
    assert now(face, begun)["succeeded"] == 4
    assert face.post(f"/operations/{begun['id']}/resume").json()["state"] == "running"
    assert to_the_end(face, begun)["outcomes"] == {"done": 10}


def test_a_cancelled_operation_keeps_what_is_done_and_says_what_is_not(face: "Face") -> None:
    photos = face.a_dataset(names=NAMES)
    begun = begin(face, "archive", selection={"ids": [*photos.ids, "nonsense"]})
    face.advance()
    for _ in range(2):
        answer = face.post(f"/operations/{begun['id']}/cancel")
        assert answer.status_code == 200
        cancelled = answer.json()
        assert (cancelled["state"], cancelled["outcomes"]) == ("cancelled", {"done": 4, "cancelled": 7})
        assert (cancelled["failed"], cancelled["pending"]) == (7, 0)
    assert not face.advance()
    assert len(face.places("photos")) == 6
    items = face.get(f"/operations/{begun['id']}/items", outcome="cancelled").json()["items"]
    assert [item["id"] for item in items] == [*photos.ids[4:], "nonsense"]
    again = begin(face, "archive", selection={"failed_of": begun["id"]})
    assert to_the_end(face, again)["outcomes"] == {"done": 6, "not_found": 1}


def test_a_large_operation_is_undone_as_one(face: "Face") -> None:
    photos = face.a_dataset(names=NAMES)
    begun = begin(face, "move", selection=EVERYTHING, to={"folder": "/x"})
    still = face.post(f"/operations/{begun['id']}/undo")
    assert (still.status_code, still.json()["error"]["code"]) == (409, "still_running")
    to_the_end(face, begun)
    face.operate("update", selection={"ids": photos.ids[:1]}, changes={"status": "complete"})
    face.operate("move", selection={"ids": photos.ids[1:2]}, to={"folder": "/y"})
    answer = face.post(f"/operations/{begun['id']}/undo")
    assert answer.status_code == 202
    undone = to_the_end(face, answer.json())
    assert undone["outcomes"] == {"done": 9, "changed_since": 1}
    assert sorted(face.places("photos").values()) == sorted(
        ["/y/1.jpg", *(f"/{n}" for n in NAMES if n != "1.jpg")]
    )


def test_a_large_operation_stays_in_the_dataset_that_was_named(face: "Face") -> None:
    photos = face.a_dataset(names=NAMES)
    other = face.a_dataset("other", NAMES)
    begun = begin(face, "archive", selection={"ids": [*photos.ids, *other.ids], "dataset": "photos"})
    assert to_the_end(face, begun)["outcomes"] == {"done": 10, "not_found": 10}
    assert len(face.places("other")) == 10


def test_a_large_operation_reports_malformed_ids_as_they_were_asked(face: "Face") -> None:
    photos = face.a_dataset(names=NAMES)
    asked = ["first", *photos.ids, "last"]
    begun = begin(face, "move", selection={"ids": asked}, to={"folder": "/x"})
    assert to_the_end(face, begun)["outcomes"] == {"done": 10, "not_found": 2}
    items = face.get(f"/operations/{begun['id']}/items").json()["items"]
    assert [item["id"] for item in items] == asked


def test_a_large_purge_and_a_large_copy_end_as_small_ones_do(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    copied = begin(face, "copy", selection=EVERYTHING, to={"folder": "/x"})
    assert to_the_end(face, copied)["outcomes"] == {"done": 10}
    assert len(face.places("photos")) == 20
    purged = begin(face, "purge", selection=EVERYTHING)
    assert to_the_end(face, purged)["outcomes"] == {"done": 20}
    assert face.places("photos", archived="all") == {}


def test_all_or_nothing_needs_one_transaction_and_says_so(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    answer = face.operate("move", selection=EVERYTHING, to={"folder": "/x"}, on_collision="fail")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_many_for_all_or_nothing")
    assert face.get("/operations").json()["operations"] == []


def test_a_dry_run_of_a_large_operation_shows_all_of_it(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    seen = face.operate("archive", selection=EVERYTHING, dry_run=True)
    assert (seen.status_code, seen.json()["outcomes"]) == (200, {"done": 10})
    assert len(face.places("photos")) == 10
    begun = begin(face, "archive", selection=EVERYTHING, plan=seen.json()["plan"])
    assert to_the_end(face, begun)["outcomes"] == {"done": 10}


def test_an_identical_retry_begins_nothing_anew(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    request = {"verb": "copy", "selection": EVERYTHING, "to": {"folder": "/x"}}
    first = face.post("/operations", request, once="copy")
    to_the_end(face, first.json())
    again = face.post("/operations", request, once="copy")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert not face.advance()
    assert len(face.places("photos")) == 20


def test_only_a_key_that_may_change_things_may_steer(face: "Face") -> None:
    face.a_dataset(names=NAMES)
    begun = begin(face, "archive", selection=EVERYTHING)
    for word in ("pause", "resume", "cancel"):
        answer = face.ask("POST", f"/operations/{begun['id']}/{word}", role="viewer")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
