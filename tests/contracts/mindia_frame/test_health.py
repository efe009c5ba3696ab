"""Who watches over the server is told of its parts, without a key."""

import time

import pytest

from stackroom.errors import Unavailable
from stackroom.events import log
from stackroom.library import endpoints
from stackroom.library.endpoints import EndpointChanges
from stackroom.queue import workers
from stackroom.web.mindia import health

from .house import Face


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was found out counts for any time."""
    monkeypatch.setattr(health, "COUNTS_FOR", 0.0)


def told(face: Face, path: str, status: int = 200) -> dict[str, str]:
    answer = face.raw("GET", path)
    assert answer.status_code == status
    body: dict[str, str] = answer.json()
    return body


def test_a_server_that_runs_is_alive_and_ready(face: Face) -> None:
    assert told(face, "/live") == {"status": "alive"}
    assert told(face, "/ready") == {"status": "ready", "database": "ready"}


def test_without_anybody_who_takes_jobs_it_is_degraded_and_with_somebody_healthy(face: Face) -> None:
    assert told(face, "/health")["task_queue"] == told(face, "/health")["status"] == "degraded"
    face.write(lambda conn: workers.register(conn, name="w", version="1", slots=1, now=face.moment))
    parts = ("status", "database", "storage", "semantic_search", "task_queue")
    assert told(face, "/health") == dict.fromkeys(parts, "healthy")
    assert told(face, "/health/deep") == dict.fromkeys((*parts, "webhooks"), "healthy")


def test_storage_that_fails_is_said_by_the_status_and_by_the_text(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> None:
        raise Unavailable("no disk")

    monkeypatch.setattr(type(face.services.store), "check", lambda _: check())
    body = told(face, "/health", 503)
    assert (body["status"], body["storage"], body["database"]) == ("unhealthy", "unhealthy", "healthy")


def test_a_database_that_is_away_makes_it_not_ready(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: object) -> None:
        raise Unavailable("gone", code="database_unavailable")

    monkeypatch.setattr(health.health, "answers", gone)
    assert told(face, "/ready", 503) == {"status": "not_ready", "database": "not_ready"}
    assert told(face, "/health", 503)["status"] == "unhealthy"


def test_events_that_nobody_tells_degrade_the_deep_health(face: Face) -> None:
    actor = face.tenant.actor
    hook = EndpointChanges(url="https://hooks.example.net/in")
    face.write(lambda conn: endpoints.create(conn, actor, hook, now=face.moment))
    face.write(lambda conn: log.record(conn, actor, "dataset.created", at=face.moment))
    assert told(face, "/health/deep")["webhooks"] == "healthy"
    face.wait(61)
    assert told(face, "/health/deep")["webhooks"] == "degraded"


def test_work_beside_the_server_that_fails_degrades_the_deep_health_for_a_minute(face: Face) -> None:
    assert "background" not in told(face, "/health/deep")
    failed = face.services.failed_duties
    try:
        failed["exports"] = time.monotonic()
        assert told(face, "/health/deep")["background"] == told(face, "/health/deep")["status"] == "degraded"
        assert "background" not in told(face, "/health")
        failed["exports"] -= health.FAILED_LATELY
        assert "background" not in told(face, "/health/deep")
    finally:
        failed.clear()


def test_asking_again_costs_nothing_for_a_while(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr(type(face.services.store), "check", lambda _: checked.append(1))
    told(face, "/health")
    monkeypatch.setattr(health, "COUNTS_FOR", 3600.0)
    for _ in range(5):
        told(face, "/health")
    assert len(checked) == 1


def test_models_are_told_what_there_is(face: Face) -> None:
    for path in ("/llms.txt", "/.well-known/llms.txt"):
        answer = face.raw("GET", path)
        assert answer.status_code == 200
        assert "/api/v0/media/batch/delete" in answer.text
