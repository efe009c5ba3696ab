"""The native protocol's OpenAPI document, made from the table that the routes are made from."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

import stackroom
from stackroom.web.native.wire.base import Error
from stackroom.web.shared.face import Handler

_PATH_PARAMETER = re.compile(r"{(\w+)}")
_REFERENCE = "#/components/schemas/{name}"
_KEY: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}, {"basic": []}]
_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "basic": {"type": "http", "scheme": "basic", "description": "A key's id, and the key."},
    "control": {
        "type": "http",
        "scheme": "bearer",
        "description": "The control token in the data directory.",
    },
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a retry safe: the second identical request is given the first one's answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one address: what serves it, and what it takes and answers."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answers: dict[int, type | str]
    """A struct by status, or the media type of what is no JSON."""
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    repeatable: bool = False
    """Whether it takes an Idempotency-Key."""
    control: bool = False
    """Whether it is for the owner of the data directory, not for keys."""
    public: bool = False


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document, as OpenAPI 3.1."""
    schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stackroom",
            "version": stackroom.__version__,
            "description": "Bulk work on a media library: any number of items at once, an outcome for each, undo.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
        "security": _KEY,
    }


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    answered = [kind for each in endpoints for kind in each.answers.values() if isinstance(kind, type)]
    asked = [kind for each in endpoints for kind in (each.body, each.query) if kind is not None]
    wanted = list(dict.fromkeys([*asked, *answered, Error]))
    _, components = msgspec.json.schema_components(wanted, ref_template=_REFERENCE)
    return dict(components)


def _operation(each: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.path.split("/")[3]],
        "parameters": _parameters(each, schemas),
        "responses": {
            **{str(status): _answer(status, kind) for status, kind in each.answers.items()},
            "default": _answer(None, Error),
        },
    }
    if each.body is not None:
        described["requestBody"] = {"required": True, "content": _json(each.body)}
    if each.control:
        described["security"] = [{"control": []}]
    if each.public:
        described["security"] = []
    return described


def _parameters(each: Endpoint, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(each.path)
    ]
    in_query = []
    if each.query is not None:
        shape = schemas[each.query.__name__]
        required = shape.get("required", [])
        in_query = [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in shape["properties"].items()
        ]
    return [*in_path, *in_query, *([_IDEMPOTENCY_KEY] if each.repeatable else [])]


def _answer(status: int | None, kind: type | str) -> dict[str, Any]:
    described = "Why it was refused." if status is None else HTTPStatus(status).phrase
    if isinstance(kind, str):
        return {"description": described, "content": {each: {} for each in kind.split(", ")}}
    return {"description": described, "content": _json(kind)}


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}
