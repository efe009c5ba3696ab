"""In whose words an event is told, and how whoever hears it knows that it is from here.

Each face has words of its own, and gives them as a `Dialect`. The headers of Standard Webhooks go with all of them.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from stackroom import ids
from stackroom.clock import SECOND
from stackroom.events.reading import Event
from stackroom.library.endpoints import SECRET_PREFIX, Endpoint

NATIVE, PICTOGRAPH, MINDIA = "native", "pictograph", "mindia"


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt that is being made: of which delivery, the how many-eth, counted from 1, and when."""

    delivery_uuid: bytes
    attempt: int
    at: int


class Message(msgspec.Struct, frozen=True):
    """What is sent: the face's own headers, and the body. The same event always gives the same body."""

    headers: Mapping[str, str]
    body: bytes


Dialect = Callable[[Event, Endpoint, Sending], Message]
"""Tells an event to an endpoint. A function of what it is given and of nothing else. An event of an asset has in its
`data` what there is to say of it (`operations.telling`): the asset itself may be gone."""


def standard_headers(event: Event, secrets: Sequence[str], sending: Sending, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks: an id by which a repeated message is known, when it was sent, and a signature
    by each of the secrets. Who has none is not sent a signature."""
    identity, at = ids.text(event.uuid), str(sending.at // SECOND)
    signed = f"{identity}.{at}.".encode() + body
    signatures = [
        f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()}"
        for secret in secrets
    ]
    headers = {"webhook-id": identity, "webhook-timestamp": at}
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def hex_signature(secret: str, signed: bytes) -> str:
    """HMAC-SHA256 by a secret as it is spelled, in hexadecimal digits: as the protocols of the faces have it."""
    return hmac.digest(secret.encode(), signed, hashlib.sha256).hex()


def _key(secret: str) -> bytes:
    """The key of a secret: what it is the Base64 of after `whsec_`; if that is nothing, or not there, itself."""
    key = b""
    if secret.startswith(SECRET_PREFIX):
        with suppress(ValueError):  # also for what is no ASCII, which no Base64 is
            key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return key or secret.encode()
