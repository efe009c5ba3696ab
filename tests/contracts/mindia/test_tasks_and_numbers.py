"""Tasks, search, and what is counted."""

import uuid
from typing import Any

import pytest

from stackroom.testing.processes import wait_until

from .house import House, refused
from .shelf import Shelf, on_both_databases

STATUSES = {"pending", "running", "completed", "failed", "scheduled", "cancelled"}


def tasks(house: House, shelf: Shelf, **query: Any) -> list[dict[str, Any]]:
    answer = house.get("/tasks", shelf.a, params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["count"] == len(body["tasks"])
    return list(body["tasks"])


@on_both_databases
def test_what_is_made_of_media_is_a_task(house: House, shelf: Shelf) -> None:
    image = shelf.a5
    assert wait_until(lambda: [each["status"] for each in tasks(house, shelf)] == ["completed"], seconds=20)
    (task,) = tasks(house, shelf)
    assert task["task_type"] == "generate_embedding"
    assert task["payload"]["entity_id"] == image
    assert task["payload"]["entity_type"] == "image"
    assert (task["retry_count"], task["max_retries"], task["result"]) == (0, 3, None)
    assert task["started_at"] <= task["completed_at"]
    assert house.get(f"/tasks/{task['id']}", shelf.a).json() == task
    refused(house.get(f"/tasks/{task['id']}", shelf.b), 404, "NOT_FOUND")
    refused(house.get(f"/tasks/{uuid.uuid4()}", shelf.a), 404, "NOT_FOUND")
    refused(house.get("/tasks/12", shelf.a), 400, "INVALID_INPUT")
    for what in ("cancel", "retry"):
        for each in (task["id"], uuid.uuid4()):
            refused(house.post(f"/tasks/{each}/{what}", {}, shelf.a), 400, "BAD_REQUEST")
        refused(house.post(f"/tasks/{task['id']}/{what}", {}, shelf.b), 400, "BAD_REQUEST")


def test_tasks_are_found_by_status_and_type(house: House, shelf: Shelf) -> None:
    assert shelf.a5
    assert wait_until(lambda: bool(tasks(house, shelf, status="completed")), seconds=20)
    assert len(tasks(house, shelf, task_type="generate_embedding")) == 1
    assert tasks(house, shelf, task_type="video_transcode") == []
    assert tasks(house, shelf, task_type="plugin_execution") == []
    assert tasks(house, shelf, status="failed") == []
    stats = house.get("/tasks/stats", shelf.a).json()
    assert set(stats) == {"total", *STATUSES}
    assert (stats["total"], stats["completed"]) == (1, 1)
    for query in ({"status": "done"}, {"task_type": "x"}, {"limit": "x"}):
        refused(house.get("/tasks", shelf.a, params=query), 400, "INVALID_INPUT")


def test_media_are_found_by_what_they_are_about_and_by_what_was_said_of_them(
    house: House, shelf: Shelf
) -> None:
    harbour, forest = shelf.image(shelf.a, "harbour_dawn.png"), shelf.image(shelf.a, "forest.png")
    for image, rank in ((harbour, 3), (forest, 7)):
        body = {"metadata": {"rank": rank, "place": "North Sea"}}
        assert house.put(f"/images/{image}/metadata", body, shelf.a).status_code == 200
    assert wait_until(lambda: shelf.embeddings(harbour) == shelf.embeddings(forest) == 1, seconds=20)

    def found(**query: Any) -> list[str]:
        answer = house.get("/search", shelf.a, params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["count"], body["query"]) == (len(body["results"]), query.get("q"))
        assert all(0 <= each["similarity_score"] <= 1.0001 for each in body["results"])
        return [each["id"] for each in body["results"]]

    assert found(q="harbour dawn", min_similarity=0)[0] == harbour
    assert found(**{"metadata.rank": 3}) == [harbour]
    assert found(**{"metadata_min.rank": 4}) == [forest]
    assert found(**{"metadata_max.rank": 4, "type": "image"}) == [harbour]
    assert set(found(**{"metadata_contains.place": "north"})) == {harbour, forest}
    assert len(found(**{"metadata_contains.place": "north", "limit": 1, "offset": 1})) == 1
    assert found(**{"metadata.rank": 3, "type": "video"}) == []
    assert house.get("/search", shelf.b, params={"metadata.rank": 3}).json()["results"] == []
    assert house.delete(f"/media/{harbour}", shelf.a).status_code == 204
    assert harbour not in found(q="harbour dawn", min_similarity=0)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "INVALID_INPUT"),
        ({"q": "x", "limit": 0}, "INVALID_INPUT"),
        ({"q": "x", "limit": 101}, "INVALID_INPUT"),
        ({"q": "x", "limit": "ten"}, "INVALID_INPUT"),
        ({"q": "x", "offset": -1}, "INVALID_INPUT"),
        ({"q": "x", "type": "sculpture"}, "INVALID_INPUT"),
        ({"q": "x", "search_mode": "magic"}, "INVALID_INPUT"),
        ({"q": "x", "min_similarity": 1.5}, "INVALID_INPUT"),
        ({"q": "x", "min_similarity": "nan"}, "INVALID_INPUT"),
        ({"q": "x", "folder_id": "here"}, "INVALID_INPUT"),
        ({"q": "x" * (16 * 1024 + 1)}, "INVALID_INPUT"),
        ({"metadata.": "x"}, "INVALID_METADATA_FILTER"),
        ({f"metadata.k{n}": "v" for n in range(11)}, "METADATA_FILTER_LIMIT_EXCEEDED"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    house: House, shelf: Shelf, query: dict[str, Any], code: str
) -> None:
    refused(house.get("/search", shelf.a, params=query), 400, code)


@on_both_databases
def test_what_is_stored_is_counted_for_each_tenant(house: House, shelf: Shelf) -> None:
    assert shelf.b1
    first = house.get("/analytics/storage", shelf.a).json()
    assert (first["total_files"], first["total_storage_bytes"], first["by_content_type"]) == (0, 0, {})
    size = house.get(f"/images/{shelf.a5}", shelf.a).json()["file_size"]
    then = house.get("/analytics/storage", shelf.a).json()
    assert (then["total_files"], then["image_count"], then["image_bytes"]) == (1, 1, size)
    assert then["by_content_type"] == {"image/png": {"count": 1, "bytes": size}}
    assert (then["video_count"], then["audio_count"], then["document_count"]) == (0, 0, 0)
    told = house.post("/analytics/storage/refresh", {}, shelf.a)
    assert (told.status_code, told.json()["message"]) == (200, "Storage metrics refreshed successfully")
    assert house.delete(f"/media/{shelf.a5}", shelf.a).status_code == 204
    assert house.get("/analytics/storage", shelf.a).json() == first


@on_both_databases
def test_what_was_asked_is_counted_for_each_tenant(house: House, shelf: Shelf) -> None:
    for _ in range(2):
        house.get(f"/media/{shelf.unknown}", shelf.a)
        house.get("/folders", shelf.a)
    house.get("/folders", shelf.b)
    found = house.get("/analytics/traffic", shelf.a).json()
    assert (found["total_requests"], found["requests_per_method"]) == (4, {"GET": 4})
    assert found["requests_per_status"] == {"200": 2, "404": 2}
    top = found["popular_urls"][0]
    assert (top["path"], top["request_count"], top["status_2xx"], top["status_4xx"]) == (
        "/api/v0/folders",
        2,
        2,
        0,
    )
    assert len(house.get("/analytics/urls", shelf.a, params={"limit": 1}).json()) == 1
    later = {"start_date": "2999-01-01T00:00:00Z"}
    assert house.get("/analytics/traffic", shelf.a, params=later).json()["total_requests"] == 0
    refused(house.get("/analytics/traffic", shelf.a, params={"start_date": "today"}), 400, "INVALID_INPUT")


@on_both_databases
@pytest.mark.parametrize(
    "path",
    [
        "/search?q=%00",
        "/search?q=x&offset=999999999999999999",
        "/search?metadata.%00=x",
        "/search?metadata.k=%00",
        "/search?metadata.k=%ED%A0%80",
        "/search?metadata_min.k=1e999",
        "/tasks?offset=999999999999999999",
        "/tasks?status=%00",
        "/tasks/00000000-0000-8000-8000-ffffffffffff",
        "/presets/%00",
        "/presets/%F0%9F%98%80%2F..",
        "/folders?parent_id=%00",
        "/folders?parent_id=",
        "/analytics/traffic?start_date=9999-12-31T23:59:59Z",
        "/analytics/urls?end_date=0001-01-01T00:00:00%2B14:00",
        "/analytics/urls?limit=999999999999999999",
        "/webhooks/00000000-0000-0000-0000-000000000000/events?offset=999999999999999999",
        "/groups/00000000-0000-0000-0000-000000000000/nth/999999999999999999",
        "/images/00000000-0000-0000-0000-000000000000/-/preset/%00",
        "/videos/00000000-0000-0000-0000-000000000000/stream/%00/..%2Fx",
    ],
)
def test_what_nobody_expects_is_answered_as_anything_else(house: House, shelf: Shelf, path: str) -> None:
    answer = house.get(path, shelf.a)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        refused(answer, answer.status_code, answer.json()["code"])


@on_both_databases
@pytest.mark.parametrize(
    "path", ["/images", "/media", "/tasks", "/audit-logs", "/api-keys", "/analytics/urls"]
)
def test_the_largest_number_that_a_client_knows_is_brought_into_range(
    house: House, shelf: Shelf, path: str
) -> None:
    for asked in ({"limit": 2**63 - 1}, {"offset": 2**63 - 1}, {"limit": -(2**63) + 1}):
        assert house.get(path, shelf.a, params=asked).status_code == 200, asked
    refused(house.get(path, shelf.a, params={"limit": 2**63}), 400, "INVALID_INPUT")


@on_both_databases
def test_the_largest_number_is_no_place_and_no_entry(house: House, shelf: Shelf) -> None:
    group = house.post("/groups", {"files": [shelf.a5]}, shelf.a).json()["id"]
    for path in (f"/groups/{group}/nth/{2**63 - 1}", f"/audit-logs/{2**63 - 1}"):
        refused(house.get(path, shelf.a), 404, "NOT_FOUND")
