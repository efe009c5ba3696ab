"""http and https: redirects by hand, every address looked at, nothing that goes on for ever.

Of what a server says, nothing is believed: not where it leads, not how long it is, not that it will end.
"""

import base64
import ssl
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from stackroom import __version__
from stackroom.ingest.origins.outcomes import Fail, Fetched, Retry, fetched, path_of, shown
from stackroom.ingest.origins.sink import Sink
from stackroom.library.origin_strategies import Credentials
from stackroom.network.addresses import Refused, Unresolved
from stackroom.network.outbound import Outbound, Overlong

MAX_REDIRECTS = 8
MAX_RETRY_AFTER = 3600.0
_HEADERS = {
    "User-Agent": f"Stackroom/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # as the file is: what is unpacked here could be of any size
}
_PASSING = {408, 425, 429}
_GONE = {404, 410}
_DENIED = {401, 403, 407}
_REDIRECTS = {301, 302, 303, 307, 308}
_WITHOUT_A_FILE = {204, 205, 206}


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How many seconds one connection may take to be made, and how long a server may be silent."""

    connect: float = 10.0
    silence: float = 30.0


class Web:
    """Fetches from servers that others name. Close it at the end."""

    def __init__(self, transport: Outbound, patience: Patience) -> None:
        self._transport = transport
        self._timeout = httpx.Timeout(patience.silence, connect=patience.connect, pool=None).as_dict()

    async def close(self) -> None:
        await self._transport.aclose()

    async def fetch(
        self, origin: str, credentials: Credentials | None, sink: Sink, domains: Collection[str] = ()
    ) -> Fetched:
        """Read what a URL leads to. The credentials, or else the URL's own, are for its own host and port alone.

        With `domains` it leads nowhere but there and below. Raises `Fail` and `Retry`.
        """
        url = first = _url(origin, origin)
        _check_domain(origin, url, domains)
        authorization = _authorization(url, credentials)
        for _ in range(MAX_REDIRECTS + 1):
            named = (
                shown(origin) if url == first else f"{shown(origin)}, which leads on to {shown(str(url))},"
            )
            headers = {**_HEADERS, **(authorization if _same_site(url, first) else {})}
            async with self._answer(named, url, headers) as response:
                if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                    _check_answer(named, response)
                    size = await _received(response, sink)
                    names = (_named_by(response), path_of(str(first)), path_of(str(url)))
                    return fetched(size, content_type=response.headers.get("Content-Type"), names=names)
                url = _url(origin, response.headers["Location"], url)
                _check_domain(origin, url, domains)
        raise Fail(
            f"{shown(origin)} leads on more than {MAX_REDIRECTS} times. Use the address of the file itself.",
            code="origin_redirects",
        )

    @asynccontextmanager
    async def _answer(
        self, named: str, url: httpx.URL, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": self._timeout})
        with _in_our_words(named):
            response = await self._transport.handle_async_request(request)
        try:
            with _in_our_words(named):
                yield response
        finally:
            await response.aclose()


def _url(origin: str, target: str, base: httpx.URL | None = None) -> httpx.URL:
    """A URL that can be asked for, without a fragment. In a redirect, whatever the address says is not believed."""
    try:
        url = (httpx.URL(target) if base is None else base.join(target)).copy_with(fragment=None)
        if base is not None:
            url = url.copy_with(userinfo=b"")
        port = url.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        what = "is" if base is None else "leads on to something that is"
        raise Fail(f"{shown(origin)} {what} no address that can be asked for.", code="bad_origin") from error
    if url.scheme not in {"http", "https"}:
        raise Fail(
            f"{shown(origin)} leads on to {shown(str(url))}, and only http and https are followed.",
            code="origin_not_offered",
        )
    if not url.host or (port is not None and not 0 < port < 65536):
        raise Fail(
            f"{shown(origin)} names no host and port that can be. Write http(s)://host/path.",
            code="bad_origin",
        )
    return url


def _check_domain(origin: str, url: httpx.URL, domains: Collection[str]) -> None:
    host = url.host.lower().rstrip(".")
    if domains and not any(host == each or host.endswith(f".{each}") for each in domains):
        raise Fail(
            f"{shown(origin)} leads to {host}, which is not among the domains that may be asked.",
            code="origin_not_allowed",
        )


def _authorization(url: httpx.URL, credentials: Credentials | None) -> dict[str, str]:
    if credentials is None and url.userinfo:
        credentials = Credentials(url.username, url.password)
    if credentials is None:
        return {}
    pair = f"{credentials.user}:{credentials.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _same_site(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _check_answer(named: str, response: httpx.Response) -> None:
    status = response.status_code
    if status in _PASSING or status >= 500:
        raise Retry(
            f"{named} answered {status}: it is not in order for now.",
            code="origin_unavailable",
            after=_retry_after(response),
        )
    if status in _GONE:
        raise Fail(
            f"{named} answered {status}: nothing is there. Check the address, then send the item again.",
            code="origin_not_found",
        )
    if status in _DENIED:
        raise Fail(
            f"{named} answered {status}: it wants other credentials. Give them in an origin strategy.",
            code="origin_denied",
        )
    if not 200 <= status < 300 or status in _WITHOUT_A_FILE:
        raise Fail(f"{named} answered {status}, not with a file. Check the address.", code="origin_refused")
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise Fail(
            f"{named} sent the file packed ({shown(encoding)}), though asked not to. Have its server send it as it is.",
            code="origin_encoded",
        )


async def _received(response: httpx.Response, sink: Sink) -> int:
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit():
        sink.refuse_if_larger(int(announced))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for piece in response.stream:
        await sink.take(piece)
    await sink.end()
    return sink.size


def _named_by(response: httpx.Response) -> str | None:
    message = Message()
    message["Content-Disposition"] = response.headers.get("Content-Disposition", "inline")
    try:
        return message.get_filename()
    except (LookupError, ValueError):  # such as an encoding that does not exist
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds or a date; within an hour, because nobody waits longer for a server that may be wrong."""
    said = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(said) if said.isdigit() else _until(parsedate_to_datetime(said))
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _until(when: datetime) -> float:
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()


@contextmanager
def _in_our_words(named: str) -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise Fail(
            f"{named} leads to {error}; the server does not go there. The operator can allow it with "
            "STACKROOM_ORIGIN_ALLOW.",
            code="origin_not_allowed",
        ) from error
    except Unresolved as error:
        if error.temporary:
            raise Retry(f"{named} could not be reached: {error}.", code="origin_unreachable") from error
        raise Fail(
            f"{named} could not be reached: {error}. Check the address.", code="origin_unknown_host"
        ) from error
    except httpx.TimeoutException as error:
        raise Retry(f"{named} did not answer in time.", code="origin_timeout") from error
    except Overlong as error:
        raise Fail(
            f"{named} sent more bytes than it had announced. Have its server say the true length.",
            code="origin_length",
        ) from error
    except httpx.ProtocolError as error:
        raise Retry(
            f"{named} broke off, or sent something that is no HTTP answer.", code="origin_incomplete"
        ) from error
    except httpx.TransportError as error:
        if _bad_certificate(error):
            raise Fail(
                f"{named} has a certificate that does not hold. Have it renewed, or name the host it is for.",
                code="origin_certificate",
            ) from error
        raise Retry(
            f"{named} did not take the connection, or broke it.", code="origin_unreachable"
        ) from error


def _bad_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
