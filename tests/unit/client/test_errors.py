"""Every refusal has its exception, says what to do, and can be carried between processes."""

import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import stackroom
from stackroom import (
    ApiError,
    AuthError,
    ConflictError,
    EmptyUpdate,
    ForbiddenError,
    InvalidArgument,
    NetworkError,
    NotFoundError,
    RateLimitError,
    ServerError,
    StackroomError,
    ValidationError,
)

from .fake_server import FakeServer


@pytest.fixture
def once(make_client: Callable[..., Any]) -> Any:
    return make_client(max_retries=0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ApiError),
        (400, ValidationError),
        (401, AuthError),
        (402, ApiError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (405, ApiError),
        (409, ConflictError),
        (410, ApiError),
        (413, ApiError),
        (415, ValidationError),
        (422, ValidationError),
        (429, RateLimitError),
        (500, ServerError),
        (501, ServerError),
        (599, ServerError),
    ],
)
def test_every_status_has_its_exception(
    once: Any, server: FakeServer, status: int, kind: type[ApiError]
) -> None:
    body = {"error": {"code": "a_code", "message": "what is wrong", "hint": "what to do"}, "detail": "old"}
    server.script.append(httpx.Response(status, json=body, headers={"X-Request-Id": "r-1"}))
    with pytest.raises(ApiError) as caught:
        once.projects.list()
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code, error.request_id) == (status, "a_code", "r-1")
    assert (error.message, error.fix, error.response) == ("what is wrong", "what to do", body)
    assert str(error) == f"what is wrong (status={status}, code=a_code, request_id=r-1)\nFix: what to do"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "newest"}, "detail": "older"}, "newest"),
        ({"detail": "a string"}, "a string"),
        ({"error": "a word"}, "a word"),
        ({"message": "plain"}, "plain"),
        ({"detail": {"message": "inside"}}, "inside"),
        ({"detail": {"detail": "deep inside"}}, "deep inside"),
        ({"detail": [{"msg": "a list"}]}, "HTTP 422"),
        ([], "HTTP 422"),
        (None, "HTTP 422"),
    ],
)
def test_the_message_is_found_wherever_servers_have_put_it(
    once: Any, server: FakeServer, body: Any, message: str
) -> None:
    server.script.append(httpx.Response(422, json=body))
    with pytest.raises(ValidationError) as caught:
        once.projects.list()
    assert caught.value.message == message


def test_the_fields_at_fault_are_listed(once: Any, server: FakeServer) -> None:
    fault = {"loc": ["body", "image_ids"], "msg": "at most 10000 entries"}
    for body in ({"error": {"details": {"errors": [fault]}}}, {"detail": [fault]}):
        server.script.append(httpx.Response(422, json=body))
        with pytest.raises(ValidationError) as caught:
            once.projects.list()
        assert caught.value.field_errors == [fault]


def test_a_redirect_says_which_address_to_use_without_what_is_secret_in_it(
    once: Any, server: FakeServer
) -> None:
    target = "https://media.example/api?signature=secret"
    server.script.append(httpx.Response(308, headers={"Location": target}))
    with pytest.raises(ApiError) as caught:
        once.projects.list()
    assert "https://media.example/api: set base_url" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_refusal_in_plain_text_is_kept_as_it_is(once: Any, server: FakeServer) -> None:
    server.script.append(httpx.Response(502, text="<h1>Bad Gateway</h1>"))
    with pytest.raises(ServerError) as caught:
        once.projects.list()
    assert caught.value.response == "<h1>Bad Gateway</h1>"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"project": null}',
        b'{"project": {"id": "x"}}',
        b'{"project": 3}',
        b"\xff",
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
def test_an_answer_of_success_that_does_not_fit_is_a_server_error(
    once: Any, server: FakeServer, body: bytes
) -> None:
    server.script.append(httpx.Response(200, content=body, headers={"X-Request-Id": "r-2"}))
    with pytest.raises(ServerError) as caught:
        once.projects.get("depot")
    assert caught.value.status_code is None
    assert caught.value.code == "malformed_answer"
    assert caught.value.request_id == "r-2"
    server.script.append(httpx.Response(403, content=body))
    with pytest.raises(ForbiddenError):
        once.projects.get("depot")


@pytest.mark.parametrize(
    ("ask", "body"),
    [
        (lambda client: client.batch.move("d", ["a"]), b"{}"),
        (lambda client: client.batch.move("d", ["a"]), b"[]"),
        (lambda client: client.annotations.get("a"), b'{"annotations": [{"type": "blob"}]}'),
        (lambda client: client.annotations.save("a", []), b"{}"),
        (lambda client: client.folders.list("d"), b'{"folders": []}'),
        (lambda client: client.datasets.download("d", "never-made"), b"{}"),
        (lambda client: client.operations.get("o"), b'{"id": "o"}'),
        (lambda client: client.operations.list(), b'{"operations": {}}'),
        (lambda client: list(client.images.iter("d")), b"null"),
    ],
)
def test_no_malformed_answer_escapes_as_something_else(
    once: Any, server: FakeServer, ask: Callable[[Any], Any], body: bytes
) -> None:
    server.script.append(httpx.Response(200, content=body))
    with pytest.raises(ServerError):
        ask(once)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_address_something_else_is_refused_here(
    client: Any, server: FakeServer, name: str
) -> None:
    with pytest.raises(InvalidArgument):
        client.projects.delete(name)
    assert server.requests == []


def test_names_are_escaped_whole(client: Any, server: FakeServer) -> None:
    server.dataset("a b/c?d#e%20ü")
    assert client.projects.get("a b/c?d#e%20ü").name == "a b/c?d#e%20ü"
    assert server.requests[0].url.raw_path == b"/api/v1/developer/projects/a%20b%2Fc%3Fd%23e%2520%C3%BC"


def test_the_signature_of_an_address_does_not_show_in_an_error(
    make_client: Callable[..., Any], server: FakeServer, photo: Any
) -> None:
    dataset = server.dataset("depot")
    server.script += [None, httpx.ConnectError("refused")]
    with pytest.raises(NetworkError) as caught:
        make_client(max_retries=0).images.upload(dataset["id"], photo)
    assert "/storage/" in str(caught.value)
    assert "sig" not in str(caught.value)


def errors() -> list[StackroomError]:
    found = [
        kind("what")
        for kind in vars(stackroom.client.errors).values()
        if isinstance(kind, type) and issubclass(kind, StackroomError)
    ]
    full = ValidationError(
        "no", status_code=422, code="c", request_id="r", response={"detail": []}, retry_after=2
    )
    return [*found, full]


@pytest.mark.parametrize("error", errors(), ids=lambda it: type(it).__name__)
def test_errors_survive_pickling(error: StackroomError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_what_is_refused_here_is_both_of_ours_and_a_value_error() -> None:
    assert issubclass(InvalidArgument, ValidationError)
    assert issubclass(InvalidArgument, ValueError)
    assert issubclass(EmptyUpdate, InvalidArgument)
