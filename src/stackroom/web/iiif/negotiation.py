"""Which of the types that a document can have a client wants (RFC 9110), and which version of it."""

import hashlib
import re
from typing import Any

import msgspec
from starlette.responses import Response

from stackroom.web.iiif.parameters import Version
from stackroom.web.iiif.visits import Visit

LINKED, PLAIN = "application/ld+json", "application/json"
_RANGE = re.compile(r'[^,"]*(?:"[^"]*"[^,"]*)*')


def wants_linked(accept: str | None, *, otherwise: bool) -> bool:
    """Whether JSON-LD is wanted rather than plain JSON; `otherwise` where the client does not say."""
    if accept is None or accept.strip() == "*/*":
        return otherwise
    linked, plain = (max(_weights(accept, kind), default=0.0) for kind in (LINKED, PLAIN))
    return linked > plain or (linked == plain > 0 and otherwise)


def version_of(accept: str | None, known: dict[Version, str], otherwise: Version) -> Version:
    """The version whose context is named as the profile of what is wanted most; `otherwise` where that is none of
    them, or it is wanted as much as another."""
    parts = _RANGE.findall(accept or "")
    wanted = {
        version: max((_weight(each) for each in parts if _has_profile(each, context)), default=0.0)
        for version, context in known.items()
    }
    most = max(wanted, key=lambda version: wanted[version])
    return most if wanted[most] > wanted[otherwise] else otherwise


def document(visit: Visit, body: dict[str, Any], context: str, *, linked: bool, links: str = "") -> Response:
    """A document of linked data, as the client wants it: `linked` is how, if it does not say."""
    content = msgspec.json.encode(body)
    if wants_linked(visit.request.headers.get("accept"), otherwise=linked):
        content_type = f'{LINKED};profile="{context}"'
    else:
        content_type = PLAIN
        pointer = f'<{context}>;rel="http://www.w3.org/ns/json-ld#context";type="{LINKED}"'
        links = f"{links},{pointer}" if links else pointer
    headers = {"content-type": content_type, "vary": "Accept"}
    if links:
        headers["link"] = links
    etag = hashlib.sha256(content + content_type.encode()).hexdigest()[:32]
    return visit.answer(content, headers, f'"{etag}"')


def _weights(accept: str, kind: str) -> list[float]:
    """How much each part of the header that names this type itself wants it."""
    return [_weight(each) for each in _RANGE.findall(accept) if each.partition(";")[0].strip() == kind]


def _has_profile(part: str, context: str) -> bool:
    return re.search(rf'profile="?{re.escape(context)}"?', part) is not None


def _weight(part: str) -> float:
    match = re.search(r";\s*q=([01](?:\.\d{0,3})?)", part)
    return float(match[1]) if match else 1.0
