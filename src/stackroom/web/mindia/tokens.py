"""What stands in an address in place of a key: when it ends, of which organization, which thing, and a seal on these
that only this library can make, for one purpose.
"""

import base64
import binascii
import hmac
import struct

from stackroom.clock import SECOND
from stackroom.web.mindia.errors import invalid_input
from stackroom.web.shared.signing import Signer

_PAYLOAD = struct.Struct(">Q16s16s")
_SEAL = 32


def make(signer: Signer, purpose: str, organization: bytes, thing: bytes, *, expires_at: int) -> str:
    """Good until `expires_at`, to the second below."""
    payload = _PAYLOAD.pack(expires_at // SECOND, organization, thing)
    return base64.urlsafe_b64encode(payload + signer.seal(purpose, payload)).rstrip(b"=").decode()


def read(signer: Signer, purpose: str, token: str, *, now: int) -> tuple[bytes, bytes]:
    """Of which organization, and which thing. Raises `Invalid` for one that was not made here and for this, or is
    over."""
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_input("Invalid token") from error
    payload, seal = raw[: _PAYLOAD.size], raw[_PAYLOAD.size :]
    if len(raw) != _PAYLOAD.size + _SEAL or not hmac.compare_digest(seal, signer.seal(purpose, payload)):
        raise invalid_input("Invalid token")
    seconds, organization, thing = _PAYLOAD.unpack(payload)
    if seconds * SECOND <= now:
        raise invalid_input("Token has expired")
    return organization, thing
