"""The server's log: on standard error, for people or as JSON lines. Set up before anything is opened."""

import io
import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Lossy(io.TextIOBase):
    """A stream that loses what cannot be written: a log on a full disk must not fail the request it is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _StandardError(io.TextIOBase):
    """Whatever standard error is when something is written."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def keep_logs_apart() -> None:
    """For a command that is no server: what is logged meanwhile is no part of what it prints."""
    if not structlog.is_configured():
        log = cast("TextIO", _Lossy(cast("TextIO", _StandardError())))
        structlog.configure(
            processors=[*_SHARED, *_last(as_json=False)], logger_factory=structlog.PrintLoggerFactory(log)
        )


def set_up_logs(*, as_json: bool, verbose: bool) -> None:
    """Warnings and errors; with `verbose` also what is done, such as a line for every request.

    What is not logged costs next to nothing: the methods below the level are empty ones.
    """
    log = cast("TextIO", _Lossy(sys.stderr))
    level = logging.INFO if verbose else logging.WARNING
    structlog.configure(
        processors=[*_SHARED, *_last(as_json=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(log),
        cache_logger_on_first_use=True,
    )
    # Libraries use Python's own logging; their lines shall look no different.
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(as_json=as_json)],
    )
    handler = logging.StreamHandler(log)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _last(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # By itself it would show what every variable of a traceback holds, a caller's key among them.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
