"""Stackroom: a self-hosted media library built for bulk work.

    from stackroom import Client

The names here are the SDK's, those of `stackroom.client`. They are loaded when first asked for, so that the server's
processes, which import other parts of this package, do not pay for an HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .client import *  # noqa: F403 - its names are listed there, once


def __getattr__(name: str) -> object:
    if name == "__all__":
        return [*_names(), "__version__"]
    # The modules of this package are asked for in the same way, and have small names.
    if not name[0].isupper() or name not in _names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module("stackroom.client"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_names()})


def _names() -> list[str]:
    names: list[str] = import_module("stackroom.client").__all__
    return names
