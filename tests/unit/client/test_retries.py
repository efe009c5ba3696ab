"""Passing failures are met with patience, and a change happens once."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stackroom import NetworkError, NotFoundError, RateLimitError, RequestTimeoutError, ServerError
from stackroom.client.retry import pause_before_retry, read_retry_after

from .conftest import StillClock
from .fake_server import FakeServer


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_status_is_tried_again(
    client: Any, server: FakeServer, clock: StillClock, status: int
) -> None:
    server.dataset("depot")
    server.script += [httpx.Response(status), httpx.Response(status)]
    assert client.projects.get("depot").name == "depot"
    assert clock.pauses == [1, 2]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 501])
def test_any_other_status_is_final(client: Any, server: FakeServer, status: int) -> None:
    server.script.append(httpx.Response(status))
    with pytest.raises(Exception, match=f"HTTP {status}"):
        client.projects.get("depot")
    assert len(server.requests) == 1


def test_a_failing_connection_is_tried_again_and_then_reported(
    client: Any, server: FakeServer, clock: StillClock
) -> None:
    server.script += [httpx.ConnectError("refused")] * 4
    with pytest.raises(NetworkError, match="refused"):
        client.projects.list()
    assert len(server.requests) == 4
    assert clock.pauses == [1, 2, 4]


def test_a_timeout_says_so(make_client: Callable[..., Any], server: FakeServer) -> None:
    server.script.append(httpx.ReadTimeout("slow"))
    with pytest.raises(RequestTimeoutError):
        make_client(max_retries=0).projects.list()


def test_no_retries_means_one_request(make_client: Callable[..., Any], server: FakeServer) -> None:
    server.script.append(httpx.Response(503))
    with pytest.raises(ServerError):
        make_client(max_retries=0).projects.list()
    assert len(server.requests) == 1


def test_a_change_that_is_sent_again_carries_the_same_key(client: Any, server: FakeServer) -> None:
    server.script += [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "1"}), None]
    client.projects.create("depot")
    keys = [it.headers["Idempotency-Key"] for it in server.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(server.datasets) == 1


def lose_the_first_answer(client: Any, server: FakeServer) -> None:
    """The server does the work, and the connection breaks."""
    lost = server.handle

    def lose_the_first(request: httpx.Request) -> httpx.Response:
        response = lost(request)
        if len(server.requests) == 1:
            raise httpx.ReadError("reset")
        return response

    inner = getattr(client, "target", client)
    inner._connection._http._transport.handler = lose_the_first


def test_an_answer_that_was_lost_is_replayed_rather_than_made_twice(client: Any, server: FakeServer) -> None:
    """The second try must not meet its own conflict."""
    lose_the_first_answer(client, server)
    assert client.projects.create("depot").name == "depot"
    assert len(server.requests) == 2


def test_a_deletion_whose_answer_was_lost_does_not_miss_what_it_deleted(
    client: Any, server: FakeServer
) -> None:
    dataset_id = server.dataset("depot")["id"]
    lose_the_first_answer(client, server)
    assert client.projects.delete("depot").project_id == dataset_id
    assert len(server.requests) == 2


def test_each_change_has_a_key_of_its_own(client: Any, server: FakeServer) -> None:
    client.projects.create("a")
    client.projects.update("a", description="b")
    assert len({it.headers["Idempotency-Key"] for it in server.requests}) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_may_ask_for_a_longer_pause(
    client: Any, server: FakeServer, clock: StillClock, status: int
) -> None:
    server.script += [
        httpx.Response(status, headers={"Retry-After": "9"}),
        httpx.Response(status, headers={"Retry-After": "0.5"}),
        httpx.Response(200, json={"projects": []}),
    ]
    client.projects.list()
    assert clock.pauses == [9, 2], "never sooner than our own pause"


def test_two_minutes_are_the_most_that_is_waited(client: Any, server: FakeServer, clock: StillClock) -> None:
    server.script.append(httpx.Response(429, headers={"Retry-After": "121"}))
    with pytest.raises(RateLimitError) as caught:
        client.projects.list()
    assert caught.value.retry_after == 121
    assert len(server.requests) == 1
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("1.5", 1.5),
        ("-4", 0),
        ("Sun, 17 Mar 2030 17:46:50 GMT", 10),
        ("Sun, 17 Mar 2030 17:46:50 -0000", 10),
        ("Sun, 17 Mar 2019 17:46:50 GMT", 0),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, now=1_900_000_000) == seconds


def test_pauses_double_up_to_half_a_minute_give_or_take_a_quarter() -> None:
    def pause(attempt: int, chance: float) -> float | None:
        return pause_before_retry(NetworkError(""), attempt=attempt, max_retries=9, chance=chance)

    assert [pause(it, 0.5) for it in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause(1, 0) == 1.5
    assert pause(1, 0.999) == pytest.approx(2.5, abs=0.01)


def test_what_is_no_failure_of_the_moment_is_not_tried_again() -> None:
    error = NotFoundError("gone", status_code=404)
    assert pause_before_retry(error, attempt=0, max_retries=3, chance=0) is None
