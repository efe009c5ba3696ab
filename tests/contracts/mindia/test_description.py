"""The description of the face: that it is whole, that it is one, and that what it says is so."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.datastructures import QueryParams

from stackroom.access import Role
from stackroom.library import organizations
from stackroom.web.mindia.about import ROOTS
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.openapi import Operation
from stackroom.web.mindia.wire.base import AN_ID
from stackroom.web.server import make_server
from stackroom.web.shared import face

from .house import House, Tenant
from .material import an_image
from .promises import described

NOT_DESCRIBED = re.compile(rf"{PREFIX}/(plugins|workflows)\b")
NOBODYS_ADDRESS = "ftp://nowhere.invalid/x.png"
# Its pieces are looked at before whether it is a repeat; test_uploads has one.
LOOKS_FIRST = {"postUploadsChunkedBySessionComplete"}
OPERATIONS = pytest.mark.parametrize("operation", described(), ids=lambda it: it.name)


@pytest.fixture(scope="module")
def document(open_house: Any) -> dict[str, Any]:
    answer = open_house("sqlite", {}).http.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def each_operation(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def referred(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (it for key, it in value.items() if key == "$ref")
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from referred(inside)


def test_shapes_are_named_as_in_the_protocol_and_not_by_our_modules(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"].keys()
    assert [name for name in names if "." in name] == []
    assert {"Traffic", "Upload"} <= names
    assert {it.rpartition("/")[2] for it in referred(document) if "/schemas/" in it} <= names


def test_every_address_is_described_and_nothing_else(
    house: House, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is given to `make_face` when a server is put together."""
    given: list[Any] = []
    whole = face._Branches

    def noting(routes: Sequence[Any]) -> Any:
        given.extend(routes)
        return whole(routes)

    monkeypatch.setattr(face, "_Branches", noting)
    make_server(house.services)
    ours = (f"{PREFIX}/", "/media/", *ROOTS)
    served = {
        (method, re.sub(r":\w+}", "}", it.path))
        for it in given
        for method in it.methods - {"HEAD"}
        if it.path.startswith(ours) and not NOT_DESCRIBED.match(it.path)
    }
    assert {(method, path) for method, path, _ in each_operation(document)} == served


@pytest.mark.parametrize("path", ["/api/openapi.json", "/library/v1/openapi.json"])
def test_a_description_is_valid_openapi(house: House, path: str) -> None:
    described = house.http.get(path).json()
    assert described["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []


def test_every_shape_is_named_somewhere_and_every_tag_is_explained(document: dict[str, Any]) -> None:
    parts = document["components"]
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in parts[kind]}
    assert set(referred(document)) == known - {"#/components/responses/405"}  # of methods that are not there
    used = {tag for _, _, operation in each_operation(document) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}
    assert all(operation["summary"] for _, _, operation in each_operation(document))


def test_the_envelope_has_every_code_and_every_code_its_status(document: dict[str, Any]) -> None:
    codes = document["components"]["schemas"]["Envelope"]["properties"]["code"]["enum"]
    responses = document["components"]["responses"]
    told = [code for answer in responses.values() for code in re.findall(r"`(\w+)`", answer["description"])]
    assert sorted(told) == sorted(codes)
    assert "BATCH_SIZE_EXCEEDED" in responses["400"]["description"]
    assert "Retry-After" in responses["429"]["headers"]


@pytest.fixture(scope="module")
def keys(open_house: Any) -> dict[Role, Tenant]:
    """Of one organization, a key for each role."""
    house: House = open_house("sqlite", {})
    whole = house.a_tenant()
    return {role: a_key(house, whole, role) for role in Role}


def a_key(house: House, whole: Tenant, role: Role) -> Tenant:
    made = house.write(
        lambda conn: organizations.create_key(conn, whole.organization, role=role, now=house.now())
    )
    return Tenant(whole.organization, made.uuid, made.token)


def address(house: House, operation: Operation) -> str:
    """With nobody's names in it."""
    places = {"index": "0", "format": "zip", "operations:path": "-/resize/4x4"}
    number = "987654" if "/audit-logs/" in operation.path else AN_ID
    return house.url + re.sub(r"{([\w:]+)}", lambda part: places.get(part[1], number), operation.path)


@OPERATIONS
def test_an_address_needs_the_role_that_it_says(
    house: House, keys: dict[Role, Tenant], operation: Operation
) -> None:
    def status(of: Tenant | None) -> int:
        return house.ask(operation.method, address(house, operation), of=of).status_code

    needs = operation.said.needs
    if needs is None:
        assert status(None) not in {401, 403}
        return
    assert status(None) == 401
    assert status(keys[needs]) not in {401, 403}
    if needs > Role.VIEWER:
        assert status(keys[Role(needs - 1)]) == 403


def a_value(name: str, kind: dict[str, Any]) -> Any:
    """Of a parameter."""
    match kind:
        case {"format": "uuid"}:
            return AN_ID
        case {"format": "date-time"}:
            return "2026-03-04T09:15:30Z"
        case {"enum": [first, *_]}:
            return first
        case {"type": "integer" | "number"}:
            return kind.get("default", kind.get("minimum", 1))
        case {"type": "array"}:
            return ["file_deleted"]
        case _:
            return NOBODYS_ADDRESS if name == "url" else kind.get("default", "x")


@pytest.fixture(scope="module")
def folder(open_house: Any) -> tuple[Tenant, str]:
    """Somebody's."""
    house: House = open_house("sqlite", {})
    whose = house.a_tenant()
    return whose, house.post("/folders", {"name": "Spring"}, whose).json()["id"]


def a_query(document: dict[str, Any], operation: Operation, folder: str) -> dict[str, Any]:
    path = re.sub(r":\w+}", "}", operation.path)
    said = document["paths"][path][operation.method.lower()]["parameters"]
    values = {it["name"]: a_value(it["name"], it["schema"]) for it in said if it["in"] == "query"}
    values |= {name: folder for name in ("folder_id", "parent_id") if name in values}
    return {"metadata.camera" if name == "metadata" else name: it for name, it in values.items()}


def a_body(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """The example that stands in the description, as an option of httpx."""
    if not operation.said.body:
        return {}
    path = re.sub(r":\w+}", "}", operation.path)
    content = document["paths"][path][operation.method.lower()]["requestBody"]["content"]
    if "multipart/form-data" in content:
        return {"files": {"file": ("x.png", an_image(), "image/png")}}
    example = content["application/json"]["example"]
    if isinstance(example, dict) and "url" in example:
        example = {**example, "url": NOBODYS_ADDRESS}
    return {"json": example}


class Spy:
    """What handlers look at, of a request."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        self.bodies: set[Any] = set()
        self.once = False
        each, query, body, once, get = Call.each, Call.query, Call.json, Call.once, QueryParams.get

        def noting_each(call: Call, name: str) -> list[str]:
            self.names.add(name.partition(".")[0])
            return each(call, name)

        def noting_query(call: Call, kind: Any) -> Any:
            self.names |= {it.name for it in msgspec.structs.fields(kind)}
            return query(call, kind)

        def noting_get(params: QueryParams, name: str, *rest: Any) -> Any:
            self.names.add(name)
            return get(params, name, *rest)

        def noting_body(call: Call, kind: Any) -> Any:
            self.bodies.add(Any if kind is object else kind)
            return body(call, kind)

        def noting_once(call: Call, *asked: Any, **options: Any) -> Any:
            self.once = True
            return once(call, *asked, **options)

        for where, name, noting in (
            (Call, "each", noting_each),
            (Call, "query", noting_query),
            (Call, "json", noting_body),
            (Call, "once", noting_once),
            (QueryParams, "get", noting_get),
        ):
            patch.setattr(where, name, noting)


@OPERATIONS
def test_an_address_looks_at_what_it_says_and_at_nothing_else(
    house: House,
    document: dict[str, Any],
    folder: tuple[Tenant, str],
    operation: Operation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy, said = Spy(monkeypatch), operation.said
    query, body = a_query(document, operation, folder[1]), a_body(document, operation)
    whole = address(house, operation)
    answer = house.ask(operation.method, whole, of=folder[0], params=query, **body)
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    declared = {name.partition(".")[0] for name in query}
    # A page is read as a whole where only its size counts.
    beside = {"offset"} if "limit" in declared else set()
    assert spy.names - beside == declared - beside
    assert spy.bodies == {kind for kind in said.body.values() if not isinstance(kind, dict)}
    repeatable = said.once and operation.method != "GET"
    assert spy.once is repeatable or operation.name in LOOKS_FIRST


def test_a_body_that_is_shown_as_an_example_has_the_shape_that_is_asked_for(
    house: House, document: dict[str, Any]
) -> None:
    """What it names, there may not be."""
    whose, done = house.a_tenant(), set()
    for operation in described():
        body = a_body(document, operation)
        if "json" not in body:
            continue
        answer = house.ask(operation.method, address(house, operation), of=whose, **body)
        assert not re.search(r"Expected `|missing required", answer.text), (operation.name, answer.text)
        if answer.status_code < 300:
            done.add(operation.name)
    assert {
        "postFolders",
        "postPresets",
        "postApiKeys",
        "postUploadsChunkedStart",
        "postMediaBatchCopy",
    } <= done


# --- reading it ------------------------------------------------------------------------------------------------------


def a_page(house: House, **headers: str) -> httpx.Response:
    answer = house.http.get("/docs", headers=headers)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def test_the_page_needs_nothing_but_itself(house: House) -> None:
    page = a_page(house)
    policy = dict(each.split(" ", 1) for each in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy["style-src"])
    assert "script-src" not in policy
    assert not re.search(r"<script|<link|<img|<iframe|\ssrc=|\son\w+=|style=|@import|url\(", page.text)
    leading = re.findall(r'href="([^"#]+)"', page.text)
    assert {urlsplit(each).netloc for each in leading} == {""}
    assert 'name="viewport"' in page.text
    assert "color-scheme: light dark" in page.text


def test_the_page_lets_its_own_style_through(house: House) -> None:
    import base64
    import hashlib

    page = a_page(house)
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]


def test_the_page_shows_every_address_with_a_command_that_asks_for_it(
    house: House, document: dict[str, Any]
) -> None:
    page = a_page(house).text
    for method, path, operation in each_operation(document):
        (part,) = re.findall(rf'<details id="{operation["operationId"]}">.*?</details>', page, re.DOTALL)
        assert f"<b>{method}</b> <code>{path}</code>" in part
        (command,) = re.findall(r"<pre>(.*?)</pre>", part)
        assert command.startswith("curl ")
        assert house.url in command
        assert "{" not in command.partition(house.url)[2]
    assert len(re.findall("<details ", page)) == len(list(each_operation(document)))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_the_page_names_the_server_as_its_reader_reaches_it(house: House) -> None:
    page = a_page(house, **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "media.example.org"})
    assert "https://media.example.org/api/v0/media" in page.text
    assert house.url not in page.text
    assert "{server}" not in page.text


@pytest.mark.parametrize("path", ["/docs", "/api/openapi.json"])
def test_what_a_reader_has_already_is_not_sent_again(house: House, path: str) -> None:
    first = house.http.get(path)
    assert "no-cache" in first.headers["cache-control"]
    again = house.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert house.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    head = house.http.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])
    assert house.http.post(path).status_code == 405
    assert house.http.get(f"{path}/more").status_code == 404


def test_what_models_are_told_leads_somewhere(house: House) -> None:
    told = house.http.get("/llms.txt")
    assert told.text.startswith("# ")
    assert house.http.get("/.well-known/llms.txt").text == told.text
    links = re.findall(r"\]\(([^)]+)\)", told.text)
    assert f"{house.url}/api/openapi.json" in links
    assert [house.http.get(link).status_code for link in links] == [200] * len(links)
    paths = {path for _, path, _ in each_operation(house.http.get("/api/openapi.json").json())}
    assert set(re.findall(r"(/api/v0/[\w/]+)", told.text)) <= paths
