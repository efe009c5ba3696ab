"""How a command ends: with which code, and what it says when it could not do what it was asked."""

import enum
import json
import sys

import msgspec

from stackroom import errors


class ExitCode(enum.IntEnum):
    """What a script reads. The numbers are those of the Pictograph command line, where that has one."""

    OK = 0
    SOME_FAILED = 1
    """Some items failed, or a check found problems, or a server could not start."""
    USAGE = 2
    """A wrong flag or setting, a missing key, or one the server does not know."""
    FORBIDDEN = 3
    NOT_FOUND = 4
    CONFLICT = 5
    INVALID = 6
    RATE_LIMITED = 8
    SERVER = 9
    """The server failed, or cannot be reached."""
    INTERRUPTED = 130


class Refused(Exception):
    """Something that a command itself refuses: one line, and what to do about it."""

    def __init__(self, message: str, *, fix: str | None = None, exit_code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.exit_code = exit_code


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it is shown. With `--json` it is one line of JSON on standard error."""

    message: str
    exit_code: ExitCode
    code: str | None = None
    fix: str | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None


_OF_THE_LIBRARY = {
    errors.Invalid: ExitCode.INVALID,
    errors.Unauthenticated: ExitCode.USAGE,
    errors.Forbidden: ExitCode.FORBIDDEN,
    errors.NotFound: ExitCode.NOT_FOUND,
    errors.Conflict: ExitCode.CONFLICT,
    errors.TooLarge: ExitCode.INVALID,
    errors.RateLimited: ExitCode.RATE_LIMITED,
    errors.UnsupportedMedia: ExitCode.INVALID,
    errors.Unavailable: ExitCode.SERVER,
}
_SETTINGS = {"bad_setting", "bad_database_url"}


def describe(error: BaseException) -> Failure | None:
    """What to show for an error that a user can do something about; None for a mistake of ours."""
    match error:
        case KeyboardInterrupt():
            return Failure(message="interrupted", exit_code=ExitCode.INTERRUPTED)
        case Refused():
            return Failure(message=error.message, fix=error.fix, exit_code=error.exit_code)
        case errors.Unavailable(code="database_unavailable"):
            return _of_the_database(error.__cause__ or error)
        case errors.StackroomError():
            return _of_the_library(error)
        case OSError():
            return Failure(message=_of_the_system(error), code="local_error", exit_code=ExitCode.USAGE)
        case _:
            return _of_a_dependency(error) or _of_the_sdk(error)


def report(failure: Failure, *, as_json: bool) -> None:
    """Say on standard error what went wrong."""
    if as_json:
        print(json.dumps({"error": msgspec.to_builtins(failure)}), file=sys.stderr)
        return
    from stackroom.cli.console import errors_console

    screen = errors_console()
    screen.print(f"[bold red]error:[/] {_plain(failure.message)}", soft_wrap=True)
    if failure.fix:
        screen.print(f"[dim]fix:[/]   {_plain(failure.fix)}", soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _of_the_library(error: errors.StackroomError) -> Failure:
    kinds = (kind for kind in type(error).__mro__ if kind in _OF_THE_LIBRARY)
    exit_code = _OF_THE_LIBRARY.get(next(kinds, errors.Invalid), ExitCode.SERVER)
    if error.code in _SETTINGS:
        exit_code = ExitCode.USAGE
    return Failure(message=error.message, code=error.code, fix=error.hint, exit_code=exit_code)


def _of_the_system(error: OSError) -> str:
    if error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return error.strerror or str(error)


def _of_a_dependency(error: BaseException) -> Failure | None:
    """The database's own words. Told by where the class lives, as a client's machine has no such package."""
    if type(error).__module__.partition(".")[0] not in {"sqlalchemy", "asyncpg"}:
        return None
    return _of_the_database(getattr(error, "orig", None) or error)


# What SQLite says of a file is known by its words alone: what they came with is lost on the way to here.
_DAMAGED = (
    "The file is damaged, or none of Stackroom's: bring it back from a backup, and run `stackroom doctor`."
)
_OUT_OF_REACH = "Check --database-url, and that the database server runs and lets this user in."


def _of_the_database(cause: BaseException) -> Failure:
    words = str(cause).strip() or type(cause).__name__
    return Failure(
        message=f"the database cannot be used: {words.splitlines()[0]}",
        code="database_unavailable",
        fix=_DAMAGED if "malformed" in words or "not a database" in words else _OUT_OF_REACH,
        exit_code=ExitCode.SERVER,
    )


def _of_the_sdk(error: BaseException) -> Failure | None:
    from stackroom.client import errors as sdk

    if not isinstance(error, sdk.StackroomError):
        return None
    answered = error if isinstance(error, sdk.ApiError) else None
    return Failure(
        message=error.message,
        code=answered.code if answered else None,
        fix=error.fix,
        status=answered.status_code if answered else None,
        request_id=answered.request_id if answered else None,
        retry_after=answered.retry_after if answered else None,
        exit_code=_sdk_code(error),
    )


def _sdk_code(error: BaseException) -> ExitCode:
    from stackroom.client import errors as sdk

    codes = {
        sdk.ConfigurationError: ExitCode.USAGE,
        sdk.AuthError: ExitCode.USAGE,
        sdk.ForbiddenError: ExitCode.FORBIDDEN,
        sdk.NotFoundError: ExitCode.NOT_FOUND,
        sdk.ConflictError: ExitCode.CONFLICT,
        sdk.RateLimitError: ExitCode.RATE_LIMITED,
        sdk.ServerError: ExitCode.SERVER,
        sdk.ApiError: ExitCode.INVALID,
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), ExitCode.SERVER)
