"""Signed URLs: the URL is the only credential, for one method and one path, until a certain time."""

import base64
import hmac
from urllib.parse import quote

from stackroom.clock import DAY, Clock
from stackroom.errors import Forbidden


class Signer:
    """Makes and checks signatures under the library's own secret. Every process of a library has the same."""

    def __init__(self, secret: bytes, now: Clock) -> None:
        self._secret = secret
        self._now = now

    def sign(self, method: str, path: str, *, expires_at: int) -> str:
        """`path` with what makes it valid until `expires_at`. The path is percent-encoded here."""
        seconds = str(expires_at // 1_000_000)
        return f"{quote(path)}?expires={seconds}&signature={self._signature(method, path, seconds)}"

    def check(self, method: str, path: str, expires: str | None, signature: str | None) -> None:
        """Raise `Forbidden` unless the signature is ours, for this method and path, and has not expired.

        The code is `invalid_signature` or `url_expired`.
        """
        wanted = self._signature("GET" if method == "HEAD" else method, path, expires or "")
        if not hmac.compare_digest(wanted.encode(), (signature or "").encode()):
            raise Forbidden("this URL is not signed by this server, or was changed", code="invalid_signature")
        if int(expires or 0) * 1_000_000 <= self._now():
            raise Forbidden("this URL has expired", code="url_expired", hint="Ask the API for a fresh one.")

    def seal(self, purpose: str, payload: bytes) -> bytes:
        """Thirty-two bytes that only this library can have made of `payload`, for this purpose and no other."""
        return hmac.digest(self._secret, f"{purpose}\n".encode() + payload, "sha256")

    def lasting(self) -> int:
        """When a download URL made now expires: in 30 to 31 days. The same for all made on one day, so that a cache
        in between sees one URL for one image."""
        return (self._now() // DAY + 31) * DAY

    def _signature(self, method: str, path: str, expires: str) -> str:
        message = f"{method}\n{path}\n{expires}".encode()
        digest = hmac.digest(self._secret, message, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
