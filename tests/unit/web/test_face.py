"""A face answers everything in its own words, down to its own failures, and takes a path apart before decoding it."""

import asyncio
from typing import cast

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from stackroom.errors import Conflict, StackroomError
from stackroom.web.shared.face import NO_NAME_HAS_IT, make_face, resource
from stackroom.web.shared.services import Services


async def show(request: Request) -> Response:
    return JSONResponse({"name": request.path_params["name"], "method": request.method})


async def show_place(request: Request) -> Response:
    return JSONResponse({"place": request.path_params})


async def refuse_it(_: Request) -> Response:
    raise Conflict("taken")


async def break_down(_: Request) -> Response:
    raise RuntimeError("secret")


async def break_off(_: Request) -> Response:
    async def pieces() -> object:
        yield b"some"
        raise RuntimeError("the disk is gone")

    return StreamingResponse(pieces())


def envelope(_: Request, error: StackroomError, status: int | None) -> Response:
    return JSONResponse({"mine": error.code, "says": error.message}, status or 418)


@pytest.fixture
def face() -> ASGIApp:
    routes = [
        resource("/things/{name}", GET=show, POST=show),
        resource("/taken", GET=refuse_it),
        resource("/broken", GET=break_down),
        resource("/half", GET=break_off),
        resource("/a/b/c/things/new", POST=show_place),
        resource("/a/b/c/things/{name}", GET=show),
        resource("/a/b/c/{name:path}", GET=show_place),
    ]
    return make_face(cast("Services", None), routes, envelope)


def ask(face: ASGIApp, method: str, path: str) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(face, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/things/a%20b", "a b"),
        ("/things/%C3%A9", "é"),
        ("/things/50%25", "50%"),
        ("/things/%2525", "%25"),
        ("/things/a%2Fb", f"a{NO_NAME_HAS_IT}b"),
        ("/things/a%00b", f"a{NO_NAME_HAS_IT}b"),
        ("/things/a?x=/b", "a"),
        ("/things/a/", "a"),
        ("/things/..%2F..", f"..{NO_NAME_HAS_IT}.."),
    ],
)
def test_a_name_in_a_path_is_decoded_once_and_never_parted(face: ASGIApp, path: str, name: str) -> None:
    assert ask(face, "GET", path).json()["name"] == name


def test_the_address_that_is_spelled_out_further_comes_first(face: ASGIApp) -> None:
    assert ask(face, "GET", "/a/b/c/things/new").json() == {"name": "new", "method": "GET"}
    assert ask(face, "POST", "/a/b/c/things/new").json() == {"place": {}}
    assert ask(face, "GET", "/a/b/c/other/things").json() == {"place": {"name": "other/things"}}
    assert ask(face, "GET", "/a/b/c").json()["mine"] == "unknown_path"


def test_head_is_asked_of_get(face: ASGIApp) -> None:
    assert ask(face, "HEAD", "/things/a").status_code == 200


def test_a_refusal_is_told_in_its_words(face: ASGIApp) -> None:
    answer = ask(face, "GET", "/taken")
    assert (answer.status_code, answer.json()) == (418, {"mine": "conflict", "says": "taken"})


def test_an_unknown_path_is_told_in_its_words(face: ASGIApp) -> None:
    answer = ask(face, "GET", "/a%2Fb")
    assert (answer.status_code, answer.json()["mine"]) == (404, "unknown_path")
    assert "/a%2Fb" in answer.json()["says"]


def test_a_wrong_method_is_told_the_right_ones_in_order(face: ASGIApp) -> None:
    answer = ask(face, "DELETE", "/things/a")
    assert (answer.status_code, answer.json()["mine"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_a_failure_of_our_own_is_told_without_the_inside(face: ASGIApp) -> None:
    answer = ask(face, "GET", "/broken")
    assert (answer.status_code, answer.json()["mine"]) == (500, "internal_error")
    assert "secret" not in answer.text


def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole(face: ASGIApp) -> None:
    """The server then closes the connection, and the client sees that something is missing."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/half",
        "raw_path": b"/half",
        "headers": [],
        "query_string": b"",
    }
    asyncio.run(face(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 200
    assert all(message.get("more_body") for message in sent[1:])
