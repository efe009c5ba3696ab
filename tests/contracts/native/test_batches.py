"""Batches: submitted, listed, tried again and cancelled. Nobody works here, so that nothing moves by itself."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from msgspec.structs import force_setattr

from stackroom.queue import claims, workers

if TYPE_CHECKING:
    from .conftest import Face

FIRST = {"origin": "https://files.example/vol1/001.tif"}
SECOND = {"origin": "https://files.example/vol1/002.tif", "name": "two.tif", "folder": "/in", "key": "leaf-2"}


def submitted(face: "Face", *items: Any, **more: Any) -> dict[str, Any]:
    answer = face.post("/batches", {"items": list(items), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.every_database
def test_a_batch_is_accepted_with_its_assets(face: "Face") -> None:
    photos = face.a_dataset()
    made = submitted(face, FIRST, {**SECOND, "tags": ["vol1"]}, dataset="photos", folder="/x", name="vol 1")
    assert {
        key: made[key] for key in ("count", "pending", "completed", "errors", "state", "priority", "name")
    } == {
        "count": 2,
        "pending": 2,
        "completed": 0,
        "errors": 0,
        "state": "waiting",
        "priority": "default",
        "name": "vol 1",
    }
    assert made["dataset"] == {"id": photos.id, "name": "photos"}
    assert made["finished_at"] is made["started_at"] is made["rate"] is made["retry_of"] is None
    assert set(face.places("photos").values()) == {"/x/001.tif", "/in/two.tif"}
    items = face.get(f"/batches/{made['number']}/items").json()["items"]
    assert [(it["position"], it["state"], it["origin"], it["key"]) for it in items] == [
        (0, "waiting", FIRST["origin"], None),
        (1, "waiting", SECOND["origin"], "leaf-2"),
    ]
    shown = face.get("/assets", dataset="photos").json()["assets"]
    assert (
        {it["id"] for it in items}
        if "id" in items[0]
        else {it["asset_id"] for it in items} == {it["id"] for it in shown}
    )
    assert sorted(tag for it in shown for tag in it["tags"]) == ["vol1"]


def test_a_batch_is_found_by_id_and_by_number_and_by_nobody_else(face: "Face") -> None:
    face.a_dataset()
    made = submitted(face, FIRST, dataset="photos")
    for reference in (made["id"], made["number"]):
        assert face.get(f"/batches/{reference}").json()["id"] == made["id"]
    stranger = face.a_tenant("Eve")
    for path in ("", "/items"):
        for reference in (made["id"], made["number"], uuid4(), 10**30, -1, "x"):
            answer = face.ask("GET", f"/batches/{reference}{path}", of=stranger)
            assert answer.status_code == 404, answer.text
    for word in ("retry", "cancel"):
        assert face.ask("POST", f"/batches/{made['id']}/{word}", of=stranger).status_code == 404
    assert face.ask("GET", "/batches", of=stranger).json() == {"batches": [], "next": None}


@pytest.mark.every_database
def test_batches_are_listed_newest_first_each_once_while_others_come(face: "Face") -> None:
    face.a_dataset()
    made = [submitted(face, FIRST, dataset="photos")["number"] for _ in range(3)]
    first = face.get("/batches", limit=2).json()
    submitted(face, FIRST, dataset="photos")
    rest = face.get("/batches", limit=2, cursor=first["next"]).json()
    assert [it["number"] for it in first["batches"] + rest["batches"]] == made[::-1]
    assert rest["next"] is None
    assert face.get("/batches", which="recent").json()["batches"] == []
    assert len(face.get("/batches", which="active").json()["batches"]) == 4


@pytest.mark.every_database
def test_a_cancelled_batch_is_over_and_says_so_again(face: "Face") -> None:
    face.a_dataset()
    made = submitted(face, FIRST, SECOND, dataset="photos")
    for _ in range(2):
        done = face.post(f"/batches/{made['id']}/cancel").json()
        assert (done["state"], done["cancelled"], done["pending"]) == ("cancelled", 2, 0)
        assert done["finished_at"] is not None
    items = face.get(f"/batches/{made['id']}/items", state="cancelled").json()["items"]
    assert len(items) == 2
    assert face.get(f"/batches/{made['id']}/items", state="failed").json() == {"items": [], "next": None}


def test_an_estimate_knows_how_many_run_at_once_and_a_rate_what_was_done(face: "Face") -> None:
    face.a_dataset()
    settings, now = face.services.settings, face.services.now()
    worker = face.write(lambda conn: workers.register(conn, name="test", version="0", slots=4, now=now))
    origins = [{"origin": f"https://files.example/vol1/{n}.tif"} for n in range(8)]
    force_setattr(settings, "max_running_per_organization", 1)
    try:
        made = submitted(face, *origins, dataset="photos")
    finally:
        force_setattr(settings, "max_running_per_organization", 0)
    done, begun = (datetime.fromisoformat(made[name]) for name in ("estimated_completion", "created_at"))
    assert 16 <= (done - begun).total_seconds() <= 17  # two seconds each, one after the other
    face.write(lambda conn: claims.claim(conn, worker, kinds=["ingest"], limit=1, now=now))
    left = face.post(f"/batches/{made['id']}/cancel").json()
    assert (left["state"], left["cancelled"], left["rate"]) == ("cancelling", 7, None)


def test_there_is_nothing_to_retry_where_nothing_failed(face: "Face") -> None:
    face.a_dataset()
    made = submitted(face, FIRST, dataset="photos")
    answer = face.post(f"/batches/{made['id']}/retry")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_retry")


def test_a_repeated_request_makes_one_batch(face: "Face") -> None:
    face.a_dataset()
    body = {"dataset": "photos", "items": [FIRST]}
    first, again = (face.post("/batches", body, once="one") for _ in range(2))
    assert first.json() == again.json()
    assert len(face.get("/batches").json()["batches"]) == 1


def test_items_go_on_after_a_position(face: "Face") -> None:
    face.a_dataset()
    made = submitted(face, *[{"origin": f"https://a.example/{n}.jpg"} for n in range(5)], dataset="photos")
    path = f"/batches/{made['id']}/items"
    first = face.get(path, limit=3).json()
    rest = face.get(path, limit=3, after=first["next"]).json()
    assert [it["position"] for it in first["items"] + rest["items"]] == [0, 1, 2, 3, 4]
    assert (first["next"], rest["next"]) == (2, None)


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"items": []}, 422, "empty_selection"),
        ({"items": [{}]}, 422, "validation_error"),
        ({"items": [{"origin": ""}]}, 422, "validation_error"),
        ({"items": [{**FIRST, "nome": "x"}]}, 422, "validation_error"),
        ({"items": [{**FIRST, "name": "a/b"}]}, 422, "invalid_name"),
        ({"items": [{**FIRST, "folder": "/../x"}]}, 422, "invalid_path"),
        ({"items": [{**FIRST, "tags": [""]}]}, 422, "validation_error"),
        ({"items": [{"origin": "file:///etc/passwd"}]}, 422, "origin_not_allowed"),
        ({"items": [FIRST, {"origin": "/etc/passwd"}]}, 422, "origin_not_allowed"),
        ({"dataset": "nowhere"}, 404, "not_found"),
        ({"priority": "now"}, 422, "validation_error"),
        ({"items": [{**FIRST, "key": "one"}, {**FIRST, "key": "one"}]}, 422, "duplicate_key"),
        ({"items": [{**FIRST, "key": ""}]}, 422, "validation_error"),
        ({"items": [{**FIRST, "key": "vol1/leaf-1"}]}, 422, "validation_error"),
        ({"items": [{**FIRST, "key": "x" * 201}]}, 422, "validation_error"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_whole(
    face: "Face", wrong: dict[str, Any], status: int, code: str
) -> None:
    face.a_dataset()
    answer = face.post("/batches", {"dataset": "photos", "items": [FIRST], **wrong})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert face.get("/batches").json()["batches"] == []
    assert face.places("photos") == {}


def test_all_that_cannot_be_called_so_is_counted(face: "Face") -> None:
    face.a_dataset()
    items = [FIRST, *({"origin": f"https://a.example/{n}.jpg", "name": f"{n}\\b.jpg"} for n in range(12))]
    answer = face.post("/batches", {"dataset": "photos", "items": items})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_name")
    assert "'0\\\\b.jpg'" in error["message"]
    assert "and 11 more cannot be called as they are; nothing was accepted" in error["message"]
    assert (error["details"]["count"], len(error["details"]["first"])) == (12, 10)
    assert face.places("photos") == {}


def test_a_viewer_submits_nothing(face: "Face") -> None:
    face.a_dataset()
    made = submitted(face, FIRST, dataset="photos")
    refused = [face.ask("POST", "/batches", role="viewer", json={"dataset": "photos", "items": [FIRST]})]
    refused += [face.ask("POST", f"/batches/{made['id']}/{it}", role="viewer") for it in ("retry", "cancel")]
    assert [it.status_code for it in refused] == [403] * 3
    assert face.ask("GET", f"/batches/{made['id']}", role="viewer").status_code == 200


def test_bytes_that_have_not_come_are_not_ready(face: "Face", tmp_path: Path) -> None:
    face.a_dataset()
    submitted(face, FIRST, dataset="photos")
    [shown] = face.get("/assets", dataset="photos").json()["assets"]
    assert (shown["size"], shown["width"]) == (0, None)
    for url in (shown["url"], shown["thumbnail_url"]):
        answer = face.raw("GET", url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_ready")
