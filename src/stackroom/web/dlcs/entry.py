"""Where clients begin, and people too."""

from html import escape
from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from stackroom.errors import NotFound
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.links import context
from stackroom.web.dlcs.wire import entry as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply, reply
from stackroom.web.shared.requests import base_url

TYPES = frozenset(
    (
        "Batch",
        "Customer",
        "CustomerOriginStrategy",
        "CustomerQueue",
        "CustomerStorage",
        "DefaultDeliveryChannel",
        "DeliveryChannelPolicy",
        "EntryPoint",
        "Image",
        "ImageOptimisationPolicy",
        "ImageStorage",
        "Key",
        "OriginStrategy",
        "QueueSummary",
        "Space",
        "StoragePolicy",
        "ThumbnailPolicy",
    )
)
VOCABULARY = "https://dlcs.github.io/vocab#"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stackroom</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }}
dt {{ font-weight: 600; margin-top: .75rem }}
dd {{ margin: 0 }}
</style>
</head>
<body>
<h1>Stackroom</h1>
<p>A media library for bulk work, version {version}, runs here.</p>
<dl>
<dt>Native API</dt><dd><a href="{base}/library/v1/openapi.json">{base}/library/v1</a>: all that it can do</dd>
<dt>Pictograph</dt><dd>{base}/api/v1/developer</dd>
<dt>Mindia</dt><dd><a href="{base}/docs">{base}/api/v0</a>, with a page on every address</dd>
<dt>DLCS</dt><dd><a href="{base}/customers">{base}/customers</a>, from the entry point at {base} on</dd>
<dt>IIIF</dt><dd>{base}/iiif-img, {base}/thumbs, {base}/iiif-manifest</dd>
<dt>Health</dt><dd><a href="{base}/health">{base}/health</a></dd>
<dt>Documentation</dt><dd>README.md and the folder docs, where the source is</dd>
</dl>
</body>
</html>
"""


async def entry_point(request: Request) -> Response:
    """Browsers, which ask for HTML in so many words, are shown a page."""
    base = base_url(request)
    if "text/html" in request.headers.get("accept", "").lower():
        page = PAGE.format(base=escape(base), version=escape(version("stackroom")))
        return HTMLResponse(page, headers={"vary": "accept", "cache-control": "no-store"})
    shown = wire.EntryPoint(
        context=context(base, "EntryPoint"),
        at_id=base,
        customers=f"{base}/customers",
        origin_strategies=f"{base}/originStrategies",
        storage_policies=f"{base}/storagePolicies",
        queue=f"{base}/queue",
    )
    return reply(hydra.answer(shown, headers={"vary": "accept"}))


async def show_context(request: Request) -> Response:
    """What the words of one type mean. Clients are known not to look."""
    name = request.path_params["name"]
    if name.removesuffix(".jsonld") not in TYPES or not name.endswith(".jsonld"):
        raise NotFound(f"there is no context {name!r}")
    words = {"@vocab": VOCABULARY, "vocab": VOCABULARY, "hydra": "http://www.w3.org/ns/hydra/core#"}
    return json_reply({"@context": words}, headers={"content-type": "application/ld+json"})


async def ping(_: Request) -> Response:
    return json_reply({"status": "ok"}, headers=hydra.JSON_LD)


def routes() -> list[BaseRoute]:
    return [
        resource("/", GET=entry_point),
        resource("/contexts/{name}", GET=show_context),
        resource("/ping", GET=ping),
    ]
