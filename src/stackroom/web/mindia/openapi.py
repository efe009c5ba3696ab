"""The description of this face, made of its table of routes and of what its handlers say of themselves."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta
from starlette.routing import BaseRoute

import stackroom
from stackroom.access import Role
from stackroom.web.mindia.call import PREFIX
from stackroom.web.mindia.convert.media import FILES
from stackroom.web.mindia.described import Described, description_of
from stackroom.web.mindia.errors import KINDS, Envelope
from stackroom.web.mindia.once import MAX_KEY
from stackroom.web.mindia.wire.base import AN_ID, like
from stackroom.web.mindia.wire.webhooks import Told
from stackroom.web.shared.face import Resource

Json = dict[str, Any]
TAGS: Final = {
    "images": "Pictures, and what is made of them as an address asks for it.",
    "videos": "Films, and what players get of them.",
    "audios": "Recordings.",
    "documents": "PDFs.",
    "media": "All of these together: one by one, or up to 50 at once.",
    "uploads": "Files that come in pieces.",
    "folders": "A tree that media stand in.",
    "groups": "Files that are named together, and fetched as one.",
    "presets": "Names for what is made of images.",
    "search": "By what media are about, and by what was said of them.",
    "public": "What needs no key, but a link that somebody has made.",
    "tasks": "What is still to be made of media, and what was.",
    "webhooks": "Who is told of what happens.",
    "audit-logs": "What happened, and who asked for what.",
    "analytics": "Numbers.",
    "api-keys": "Who may ask.",
    "config": "What this server takes.",
    "service": "The server itself: how it is, and what there is to read of it.",
}
_ORDER: Final = {tag: position for position, tag in enumerate(TAGS)}
_ABOUT: Final = f"""\
Images, videos, recordings and documents of an organization.

Ids are taken in any case, with or without hyphens, and told in small letters. Times are UTC. Lists are newest first,
and bare arrays unless their shape says otherwise. Keys that are not known are ignored in what is sent.

A key has a role: viewer, member, admin or owner. Each may do all that those before it may; an address says which it
needs. Requests are counted, by address and by organization: `X-RateLimit-Limit`, `X-RateLimit-Remaining` and
`X-RateLimit-Reset` tell what is left. What stands under service is not counted.

A write that takes an `Idempotency-Key` is done once: its repeat gets the first answer, with
`X-Idempotent-Replayed: true`. Every answer has an `X-Request-ID`.

Whatever is refused is refused in one shape, with a `code`. Plugins and workflows, below {PREFIX}/plugins and
{PREFIX}/workflows, are known and not offered: they answer 501, and are not described."""
_ID = Annotated[UUID, like(AN_ID)]
_PLACES: Final = {
    "id": _ID,
    "session": _ID,
    "event": _ID,
    "tenant": _ID,
    "index": Annotated[int, Meta(ge=0)],
    "key": Annotated[str, Meta(min_length=1, max_length=64, examples=["camera"])],
    "name": Annotated[str, like("thumbnail")],
    "variant": Annotated[str, like("720p")],
}
"""Of what type a part of an address is, if its handler says nothing else."""
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "A key's id, and the key."},
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat safe: it gets the first answer, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
_REFERENCE: Final = "#/components/schemas/{name}"
_PART = re.compile(r"{(\w+)(?::\w+)?}")


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one address."""

    method: str
    path: str
    said: Described

    @property
    def parts(self) -> list[str]:
        return _PART.findall(self.path)

    @property
    def counted(self) -> bool:
        """Whether it stands below what is of an organization, and not beside it."""
        return self.path.startswith((PREFIX, FILES))

    @property
    def tag(self) -> str:
        return self.path.removeprefix(PREFIX).split("/")[1] if self.counted else "service"

    @property
    def name(self) -> str:
        """`getImagesById`: what is unique as long as addresses are."""
        said = _PART.sub(r"by-\1", self.path.removeprefix(PREFIX))
        return self.method.lower() + "".join(word.capitalize() for word in re.split(r"[\W_]+", said))

    def refusals(self) -> set[int]:
        """With which statuses it may refuse, as far as that is the client's to mend."""
        said = self.said
        writes = said.once and self.method != "GET"
        reasons = {
            400: self.parts or said.query or said.body or writes,
            401: said.needs,
            403: said.needs and said.needs > Role.VIEWER,
            404: self.parts,
            408: said.body,
            413: said.body,
            415: "application/json" in said.body,
            422: writes,
            429: self.counted,
        }
        return {status for status, reason in reasons.items() if reason} | set(said.refuses)


def operations(routes: Sequence[BaseRoute]) -> Iterator[Operation]:
    """All that these routes have. Raises `LookupError` for a handler that says nothing of itself."""
    for each in routes:
        assert isinstance(each, Resource)
        for method, handler in each.handlers.items():
            yield Operation(method=method, path=each.path, said=description_of(handler))


def document(routes: Sequence[BaseRoute]) -> Json:
    """The description, as OpenAPI 3.1."""
    listed = sorted(operations(routes), key=lambda it: (_ORDER[it.tag], it.path, METHODS.index(it.method)))
    shapes = _Shapes(listed)
    paths: dict[str, Json] = {}
    for each in listed:
        paths.setdefault(_PART.sub(r"{\1}", each.path), {})[each.method.lower()] = _operation(each, shapes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stackroom media API", "version": stackroom.__version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "webhooks": {"event": {"post": _told(shapes)}},
        "components": {
            "schemas": shapes.named,
            "responses": _refusals(shapes),
            "securitySchemes": _SECURITY,
        },
        "security": [{name: []} for name in _SECURITY],
    }


class _Shapes:
    """The schemas of all that is taken and answered."""

    def __init__(self, listed: Sequence[Operation]) -> None:
        kinds: list[Any] = [Envelope, Told]
        queries = [each.said.query for each in listed if each.said.query is not None]
        for each in listed:
            kinds += [it for it in (*each.said.answers.values(), *each.said.body.values()) if _is_type(it)]
        schemas, self.named = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
        self._of = dict(zip(kinds, schemas, strict=True))
        # A query is no schema of its own: its fields are parameters. It takes no name from what has one.
        asked, parts = msgspec.json.schema_components(queries, ref_template=_REFERENCE)
        self._queries = {
            kind: parts.pop(_name_of(found)) for kind, found in dict(zip(queries, asked, strict=True)).items()
        }
        self.named = {**parts, **self.named}
        self.named["Envelope"]["properties"]["code"]["enum"] = list(KINDS)

    def content(self, by_type: Iterator[tuple[str, Any]]) -> Json:
        return {
            media_type: {"schema": self._of[kind] if _is_type(kind) else kind} for media_type, kind in by_type
        }

    def json(self, kind: Any) -> Json:
        return self.content(iter([("application/json", kind)]))

    def parameters(self, query: type[msgspec.Struct]) -> list[Json]:
        shape = self._queries[query]
        return [
            _parameter(name, "query", schema, required=name in shape.get("required", ()))
            for name, schema in shape["properties"].items()
        ]

    def sample(self, schema: Json) -> Any:
        """Something of that shape: what must be there, and of the rest what has an example."""
        if "$ref" in schema:
            schema = self.named[schema["$ref"].rpartition("/")[2]]
        for known in ("examples", "enum"):
            if known in schema:
                return schema[known][0]
        match schema.get("type"):
            case "object":
                wanted = schema.get("required", ())
                fields = schema.get("properties", {})
                return {
                    name: self.sample(field)
                    for name, field in fields.items()
                    if name in wanted or "examples" in field
                }
            case "array":
                return [self.sample(schema["items"])]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case _:
                return schema.get("default", "x")


def _is_type(said: Any) -> bool:
    return not (said is None or isinstance(said, str | dict))


def _name_of(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _operation(each: Operation, shapes: _Shapes) -> Json:
    said = each.said
    refused = {
        str(status): {"$ref": f"#/components/responses/{status}"}
        for status in sorted(each.refusals() - said.answers.keys())
    }
    described: Json = {
        "operationId": each.name,
        "summary": said.summary,
        "tags": [each.tag],
        "parameters": _parameters(each, shapes),
        "responses": {
            **{str(status): _answer(status, kind, shapes) for status, kind in said.answers.items()},
            **refused,
            "default": {"$ref": "#/components/responses/default"},
        },
        # For schemes that know of no scopes, what stands here are roles.
        "security": [{name: [said.needs.word]} for name in _SECURITY] if said.needs else [],
    }
    if said.detail:
        described["description"] = said.detail
    if said.body:
        described["requestBody"] = _body(said, shapes)
    return described


def _parameters(each: Operation, shapes: _Shapes) -> list[Json]:
    places = {**_PLACES, **each.said.places}
    found = [
        _parameter(part, "path", msgspec.json.schema(places.get(part, str)), required=True)
        for part in each.parts
    ]
    if each.said.query is not None:
        found += shapes.parameters(each.said.query)
    if each.said.once and each.method != "GET":
        found.append(_IDEMPOTENCY_KEY)
    return found


def _parameter(name: str, place: str, schema: Json, *, required: bool) -> Json:
    description = {"description": schema["description"]} if "description" in schema else {}
    rest = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "required": required, **description, "schema": rest}


def _body(said: Described, shapes: _Shapes) -> Json:
    content = shapes.content(iter(said.body.items()))
    if (taken := content.get("application/json")) is not None:
        taken["example"] = shapes.sample(taken["schema"])
    return {"required": said.must_have_body, "content": content}


def _answer(status: int, kind: Any, shapes: _Shapes) -> Json:
    answer: Json = {"description": HTTPStatus(status).phrase}
    if status == HTTPStatus.FOUND:
        answer["headers"] = {"Location": {"schema": {"type": "string", "format": "uri-reference"}}}
    if isinstance(kind, str):
        answer["content"] = {media_type: {} for media_type in kind.split(", ")}
    elif kind is not None:
        answer["content"] = shapes.json(kind)
    return answer


def _refusals(shapes: _Shapes) -> Json:
    """By status. What is no client's to mend is answered to anything."""
    found: Json = {}
    for code, kind in KINDS.items():
        at = str(kind.status) if kind.status < HTTPStatus.INTERNAL_SERVER_ERROR else "default"
        phrase = HTTPStatus(kind.status).phrase if at != "default" else "What the server cannot do now"
        answer = found.setdefault(at, {"description": f"{phrase}:", "content": shapes.json(Envelope)})
        answer["description"] += f" `{code}`"
    found["429"]["headers"] = {
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
    }
    return found


def _told(shapes: _Shapes) -> Json:
    return {
        "operationId": "event",
        "summary": "What a webhook is sent",
        "description": "Signed, where it has a secret, in `X-Webhook-Signature`: `v1=` and HMAC-SHA256 of the body.",
        "tags": ["webhooks"],
        "requestBody": {"required": True, "content": shapes.json(Told)},
        "responses": {"2XX": {"description": "It has arrived. Anything else, and it is sent again."}},
    }
