"""In whose words an event is told, and how whoever hears it knows that it is from here.

Each face has words of its own, and gives them as a `Dialect`. The headers of Standard Webhooks go with all of them.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

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
        f"v1,{base64.b64encode(signature(secret, signed)).decode()}" for secret in secrets if secret
    ]
    headers = {"webhook-id": identity, "webhook-timestamp": at}
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def signature(secret: str, signed: bytes) -> bytes:
    """HMAC-SHA256 by the key that a secret is: what it is the Base64 of after `whsec_`, and else itself."""
    return hmac.digest(_key(secret), signed, hashlib.sha256)


def _key(secret: str) -> bytes:
    if secret.startswith(SECRET_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
