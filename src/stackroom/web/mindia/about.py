"""What stands beside the face, for anybody and without a key: how the server is, and what there is to read of it."""

import hashlib
from functools import cache
from html import escape

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from stackroom.web.mindia import health
from stackroom.web.mindia.app import offered
from stackroom.web.mindia.browser import BASE, HEADERS, page_of
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import refusal
from stackroom.web.mindia.openapi import document
from stackroom.web.shared.face import make_face, resource
from stackroom.web.shared.ranges import names
from stackroom.web.shared.requests import base_url
from stackroom.web.shared.services import Services

ROOTS = (
    "/live",
    "/ready",
    "/health",
    "/docs",
    "/api/openapi.json",
    "/llms.txt",
    "/.well-known/llms.txt",
)
_FOR_MODELS = """# Stackroom

> A media server: images, videos, audio and documents of several organizations, kept, changed in bulk, found and served.

Everything needs a key, in `Authorization: Bearer <key>`, except what stands under Documents. Errors are JSON with
`error`, `code` and `recoverable`.

## Documents

- [Media API]({base}/api/openapi.json): every address of it, as OpenAPI 3.1
- [Media API, to read]({base}/docs): the same as a page, with examples
- [Native API]({base}/library/v1/openapi.json): larger operations, with a preview and an undo
- [Health]({base}/health): whether the server and its parts are well

## Beginning

- Upload: POST /api/v0/images, /videos, /audios or /documents, multipart, one part named `file`
- List: GET /api/v0/media?limit=50&offset=0, or /images, /videos, /audios, /documents
- Many at once: POST /api/v0/media/batch/delete and /api/v0/media/batch/copy with {{"ids": [...]}}, at most 50
- Search: GET /api/v0/search?q=...
"""


@described("This description", {200: "application/json", 304: None}, needs=None)
async def show_document(request: Request) -> Response:
    return _unchanged(request, _documents()[0], {"content-type": "application/json"})


@described("This description, for people", {200: "text/html", 304: None}, needs=None)
async def show_page(request: Request) -> Response:
    page = _documents()[1].replace(BASE, escape(base_url(request)))
    headers = {"content-type": "text/html; charset=utf-8", **HEADERS}
    return _unchanged(request, page.encode(), headers)


@described("What this is, for models", {200: "text/plain"}, needs=None)
async def for_models(request: Request) -> Response:
    return PlainTextResponse(_FOR_MODELS.format(base=base_url(request)))


@cache
def _documents() -> tuple[bytes, str]:
    """Both are the same as long as the program is, and made when somebody first asks."""
    made = document([*offered(), *routes()])
    return msgspec.json.encode(made), page_of(made)


def _unchanged(request: Request, content: bytes, headers: dict[str, str]) -> Response:
    """The content, or 304 if the client has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    kept = {"etag": etag, "cache-control": "public, no-cache"}
    known = request.headers.get("if-none-match")
    if known is not None and names(known, etag):
        return Response(status_code=304, headers=kept)
    return Response(content, headers={**headers, **kept, "x-content-type-options": "nosniff"})


def routes() -> list[BaseRoute]:
    return [
        *health.routes(),
        resource("/docs", GET=show_page),
        resource("/api/openapi.json", GET=show_document),
        resource("/llms.txt", GET=for_models),
        resource("/.well-known/llms.txt", GET=for_models),
    ]


def make_app(services: Services) -> ASGIApp:
    refuse = refusal(production=services.settings.production)
    return make_face(services, routes(), refuse, checks=health.Checks(services))
