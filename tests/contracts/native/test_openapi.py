"""The protocol's own description, and that it leaves nothing out."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Verb
from stackroom.web.native.app import endpoints

if TYPE_CHECKING:
    from .conftest import Face


@pytest.fixture
def document(face: "Face") -> dict[str, Any]:
    answer = face.raw("GET", "/library/v1/openapi.json")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def every(key: str, value: object) -> Iterator[Any]:
    """What stands under `key` anywhere in a document."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == key:
                yield inside
            yield from every(key, inside)
    elif isinstance(value, list):
        for inside in value:
            yield from every(key, inside)


def described_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_is_described_and_nothing_else(face: "Face", document: dict[str, Any]) -> None:
    from stackroom.web.native.app import make_app

    routes = make_app(face.services).routes  # type: ignore[attr-defined]
    served = {(route.path, method.lower()) for route in routes for method in route.methods - {"HEAD"}}
    assert {(path, method) for path, method, _ in described_operations(document)} == served


def test_the_description_is_shaped_as_openapi_3_1_wants_it(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    names = [operation["operationId"] for _, _, operation in described_operations(document)]
    assert len(names) == len(set(names))
    schemes = document["components"]["securitySchemes"]
    for path, method, operation in described_operations(document):
        assert method in {"get", "post", "patch", "delete"}
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d|default", status)
            assert response["description"]
        in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        places = [(each["in"], each["name"]) for each in operation["parameters"]]
        assert len(places) == len(set(places))
        for parameter in operation["parameters"]:
            assert parameter["in"] in {"path", "query", "header"}
            assert parameter["schema"]
            assert parameter.get("required", False) or parameter["in"] != "path"
        assert all(name in schemes for each in operation.get("security", []) for name in each)


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    referred = set(every("$ref", document))
    assert referred <= schemas
    queries = {
        f"#/components/schemas/{each.query.__name__}" for each in endpoints() if each.query is not None
    }
    assert schemas - referred == queries


def test_every_schema_uses_types_that_exist(document: dict[str, Any]) -> None:
    known = {"object", "array", "string", "number", "integer", "boolean", "null"}
    schemas = document["components"]["schemas"]
    found = [kind for kind in every("type", schemas) if isinstance(kind, str)]
    assert found
    assert set(found) <= known


def test_requests_refuse_unknown_keys_in_the_description_as_well(document: dict[str, Any]) -> None:
    for name in ("NewOperation", "Selection", "Filter", "Changes", "Target", "NewUndo", "NewDataset"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_the_words_of_the_protocol_are_those_of_the_core(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    final = {outcome.word for outcome in Outcome if outcome is not Outcome.COLLIDES}
    assert set(schemas["Item"]["properties"]["outcome"]["enum"]) == final
    assert set(schemas["Operation"]["properties"]["verb"]["enum"]) == {verb.value for verb in Verb}
    assert set(schemas["NewOperation"]["properties"]["verb"]["enum"]) == {*Verb} - {Verb.UNDO}


def test_writes_say_that_they_can_be_repeated(document: dict[str, Any]) -> None:
    for path, method, operation in described_operations(document):
        names = [each["name"] for each in operation["parameters"]]
        assert ("Idempotency-Key" in names) is (
            method == "post" and "/admin/" not in path and not path.endswith("/join")
        )


def test_only_the_control_channel_asks_for_the_control_token(document: dict[str, Any]) -> None:
    for path, _, operation in described_operations(document):
        if "/admin/" in path:
            assert operation["security"] == [{"control": []}]
        elif path.endswith(("/openapi.json", "/join")):
            assert operation["security"] == []
        else:
            assert "security" not in operation
