"""One request and its answer, as far as sync and async do not differ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import msgspec

from .config import Config
from .errors import ConfigurationError, InvalidArgument, NetworkError, RequestTimeoutError, malformed, refusal
from .files import LocalImage
from .media import Form
from .retry import read_retry_after
from .wire import Call

T = TypeVar("T")

LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=10)
LONG_READ = 300.0  # bytes of a file may be slow to come or go
LONGEST_KEY = 255
KEYED_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def new_key() -> str:
    """An idempotency key of its own for one call; retries of the call share it."""
    return uuid4().hex


def checked_key(key: str | None) -> str | None:
    """An idempotency key of the caller's own. Raises InvalidArgument for one that no server would see as it is."""
    if key and not (len(key) <= LONGEST_KEY and key.isascii() and key.isprintable() and key == key.strip()):
        raise InvalidArgument(
            f"{key[:80]!r} is no idempotency key.",
            fix=f"Use 1 to {LONGEST_KEY} printable ASCII characters, without spaces around them.",
        )
    return key


def opened(kind: Callable[..., T], config: Config, *, transport: object, agent: str) -> T:
    """An httpx client of this kind. Raises ConfigurationError where what the environment names cannot be used."""
    try:
        return kind(
            transport=transport,
            # Waiting for a free connection is no failure: many threads share few.
            timeout=httpx.Timeout(config.timeout, pool=None),
            limits=LIMITS,
            headers={"User-Agent": agent},
            follow_redirects=False,
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"The proxy or the certificates that the environment names cannot be used: {error}",
            fix="Look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        ) from error


def long_timeout(config: Config) -> httpx.Timeout:
    """For the bytes of files."""
    patience = max(config.timeout, LONG_READ)
    return httpx.Timeout(config.timeout, read=patience, write=patience, pool=None)


def call_headers(config: Config, call: Call[T]) -> dict[str, str]:
    """What every request to the API carries; the same key for all its retries."""
    headers = {"X-API-Key": config.api_key, "Accept": "application/json"}
    if call.method in KEYED_METHODS:
        headers["Idempotency-Key"] = checked_key(call.idempotency_key) or new_key()
    if call.json is not msgspec.UNSET:
        headers["Content-Type"] = "application/json"
    return headers


def call_body(call: Call[T]) -> bytes | None:
    """The JSON body, or none. Raises what `encoded` raises."""
    return None if call.json is msgspec.UNSET else encoded(call.json)


def encoded(value: object) -> bytes:
    """JSON. Raises InvalidArgument for what is no text, such as half a character."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{error.object[:80]!r} is no text that can be sent.") from error


def form_headers(config: Config, call: Call[T], form: Form, file: LocalImage) -> dict[str, str]:
    """What goes with a form around a file."""
    length = len(form.head) + file.size + len(form.tail)
    return call_headers(config, call) | {
        "Content-Type": form.content_type,
        "Content-Length": str(length),
    }


def upload_headers(image: LocalImage) -> dict[str, str]:
    """What goes with the bytes to a signed address, which is the only credential there."""
    return {"Content-Type": image.content_type, "Content-Length": str(image.size), "Accept": "*/*"}


def download_headers(config: Config, *, signed: bool) -> dict[str, str]:
    """Bytes as they are stored, so that a broken download can go on; the key only where it is needed."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    return headers if signed else headers | {"X-API-Key": config.api_key}


def on_this_server(config: Config, url: str) -> str:
    """An address from an answer, reduced to its path: a key must not leave for another host."""
    parts = urlsplit(url)
    path = parts.path or "/"
    prefix = urlsplit(config.base_url).path
    if prefix and path.startswith(prefix + "/"):
        path = path.removeprefix(prefix)
    return config.base_url + path + (f"?{parts.query}" if parts.query else "")


def absolute(config: Config, url: str) -> str:
    """A signed address as it is to be asked, also when the server left its own host out."""
    try:
        return str(httpx.URL(config.base_url + "/").join(url))
    except httpx.InvalidURL as problem:
        raise malformed(f"{url!r} is no address") from problem


@contextmanager
def network_errors() -> Iterator[None]:
    """httpx's errors in this package's words."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise RequestTimeoutError(f"No answer in time from {_target(error)}.") from error
    except httpx.RequestError as error:
        raise NetworkError(
            f"No answer from {_target(error)}: {str(error) or type(error).__name__}"
        ) from error


def _target(error: httpx.RequestError) -> str:
    # Without the query: that is where signed addresses keep their credential.
    try:
        url = error.request.url
    except RuntimeError:
        return "the server"
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def check(response: httpx.Response, *, now: float) -> None:
    """Raises what a complete answer outside 200 to 299 means."""
    if response.is_success:
        return
    raise refusal(
        response.status_code,
        response.content,
        request_id=response.headers.get("X-Request-Id"),
        retry_after=read_retry_after(response.headers.get("Retry-After"), now=now),
        moved_to=response.headers["Location"] if response.has_redirect_location else None,
    )


def read_answer(call: Call[T], response: httpx.Response) -> T:
    """The value of an answer of success. Raises ServerError if the body does not fit."""
    try:
        return call.reply(response.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise malformed(
            str(problem), request_id=response.headers.get("X-Request-Id"), response=response.text
        ) from problem
