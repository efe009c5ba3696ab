"""What comes of fetching: the bytes, or one of two refusals, of which one may pass."""

import posixpath
import re
from urllib.parse import unquote, urlsplit

import msgspec

from stackroom.media.media_types import by_extension

_SHOWN = 300
_SAYS_NOTHING = {"", "application/octet-stream", "binary/octet-stream", "application/x-download"}
_HOST = re.compile(r"([^:@\[\]]*|\[[^@\[\]]*\])(:\d+)?")
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w.+-]*/[a-z0-9][\w.+-]*")


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """All bytes are in the arrival, which is not finished yet. This is what the origin said of them."""

    size: int
    content_type: str | None
    """As told, without parameters; or else by the name's extension. What it truly is, only its bytes know."""
    name: str | None
    """What a browser would call the download; not yet a name that the library takes."""


class Retry(Exception):
    """It may work later: the network, or the origin, is not in order for now.

    `code` is stable, `reason` for people; `after` is how many seconds the origin asked to be left alone, if it did.
    """

    def __init__(self, reason: str, *, code: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.after = after


class Fail(Exception):
    """It will not work until somebody changes something; the reason says what."""

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def fetched(size: int, *, content_type: str | None, names: tuple[str | None, ...]) -> Fetched:
    """From what was said: a header's value, and paths or names of which the first with an extension counts."""
    said = (content_type or "").partition(";")[0].strip().lower()
    found = [last for last in map(_last_part, names) if last]
    name = next((it for it in found if posixpath.splitext(it)[1]), found[0] if found else None)
    if said in _SAYS_NOTHING or not _MEDIA_TYPE.fullmatch(said):
        said = next((kind for kind in map(by_extension, found) if kind), said)
    return Fetched(size=size, content_type=said if _MEDIA_TYPE.fullmatch(said) else None, name=name)


def shown(origin: str) -> str:
    """An origin for people and logs: without user, password and query, any of which may be a secret.

    What should be a host and cannot be one is left out as well: a password with a slash in it looks like that.
    """
    before, question, _ = origin.partition("#")[0].partition("?")
    scheme, slashes, rest = before.partition("//")
    if slashes and not origin.startswith("/"):
        host, slash, path = rest.partition("/")
        _, user, bare = host.rpartition("@")
        is_host = _HOST.fullmatch(bare) and (bare or not user)
        text = f"{scheme}//{bare}{slash}{path}" if is_host else f"{scheme}//…"
    else:
        text = before if before.startswith("/") else before.rpartition("@")[2]
    printable = "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in text)
    cut = printable if len(printable) <= _SHOWN else printable[:_SHOWN] + "…"
    return cut + ("?…" if question else "")


def path_of(url: str) -> str:
    """The path of a URL, as text."""
    return unquote(urlsplit(url).path)


def _last_part(path: str | None) -> str | None:
    last = posixpath.basename((path or "").replace("\\", "/"))
    name = "".join(it for it in last if it.isprintable()).strip()
    return None if name in {"", ".", ".."} else name
