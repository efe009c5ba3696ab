"""A client's settings, read once: from its arguments, else the environment, else the defaults."""

import math
import os
from collections.abc import Mapping

import httpx
import msgspec

from .errors import ConfigurationError

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRIES = 3


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A client's settings, checked."""

    api_key: str
    base_url: str
    timeout: float
    max_retries: int

    def __repr__(self) -> str:  # a key must not reach a log through a traceback's locals
        return f"Config(base_url={self.base_url!r}, timeout={self.timeout}, max_retries={self.max_retries})"


def read_config(
    api_key: str | None = None,
    base_url: str | None = None,
    timeout: float | None = None,
    max_retries: int | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Settings from the arguments, else from STACKROOM_* variables, else the defaults.

    Raises ConfigurationError for a missing key or a value that cannot work.
    """
    variables = os.environ if environment is None else environment
    return Config(
        api_key=_key(_given(api_key) or _given(variables.get("STACKROOM_API_KEY"))),
        base_url=_url(_given(base_url) or _given(variables.get("STACKROOM_BASE_URL")) or DEFAULT_BASE_URL),
        timeout=_timeout(_first(timeout, variables.get("STACKROOM_TIMEOUT"), DEFAULT_TIMEOUT)),
        max_retries=_retries(
            _first(max_retries, variables.get("STACKROOM_MAX_RETRIES"), DEFAULT_MAX_RETRIES)
        ),
    )


def _given(value: str | None) -> str | None:
    return (value or "").strip() or None


def _first(argument: float | None, variable: str | None, default: float) -> float | str:
    if argument is not None:
        return argument
    return _given(variable) or default


def _key(value: str | None) -> str:
    if value is None:
        raise ConfigurationError(
            "There is no API key.",
            fix="Set STACKROOM_API_KEY, or pass api_key= (--api-key); `stackroom key create` makes one.",
        )
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(
            "The API key holds characters that no HTTP header can carry.", fix="Copy the key again."
        )
    return value


def _url(value: str) -> str:
    if not _is_address(value):
        raise ConfigurationError(
            f"base_url {value!r} is not an http(s) address.",
            fix=f"Set STACKROOM_BASE_URL, or pass base_url= (--base-url): for example {DEFAULT_BASE_URL}",
        )
    return value.rstrip("/")


def _is_address(value: str) -> bool:
    """Of a server, or of a place below one: what follows a question mark would swallow the paths put after it."""
    try:
        url = httpx.URL(value)
        return url.scheme in {"http", "https"} and bool(url.host) and not {"?", "#"} & set(value)
    except (httpx.InvalidURL, ValueError):  # the second, too, of a host's name that cannot be one
        return False


def _timeout(value: float | str) -> float:
    seconds = _number(value)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigurationError(
            f"timeout {value!r} is no number of seconds above 0.",
            fix="Pass timeout= or set STACKROOM_TIMEOUT, for example 30.",
        )
    return seconds


def _retries(value: float | str) -> int:
    times = _number(value)
    if not (math.isfinite(times) and times >= 0 and times.is_integer()):
        raise ConfigurationError(
            f"max_retries {value!r} is no whole number from 0 up.",
            fix="Pass max_retries= or set STACKROOM_MAX_RETRIES, for example 3.",
        )
    return int(times)


def _number(value: float | str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
