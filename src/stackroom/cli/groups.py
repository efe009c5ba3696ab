"""Groups of options that several commands have: a struct whose fields are options, declared once.

    class Server(Options):
        api_key: Annotated[str | None, typer.Option("--api-key", help="…")] = None

    def undo(operation: str, *, server: Server) -> None: ...

On the command line `undo` then has `--api-key`, and the function gets a `Server`.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, get_type_hints

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Base of groups. The annotation of a field is what typer needs to know, its default the option's."""


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with each group in its signature replaced by that group's options, in the same place."""
    parameters = inspect.signature(command).parameters
    groups = {name: each.annotation for name, each in parameters.items() if _is_group(each.annotation)}

    def spread_command(**given: Any) -> None:
        made = {
            name: group(**{field: given.pop(field) for field in group.__struct_fields__})
            for name, group in groups.items()
        }
        command(**given, **made)

    wraps(command)(spread_command)
    spread_parameters = [each for parameter in parameters.values() for each in _spread(parameter)]
    spread_command.__signature__ = inspect.Signature(spread_parameters)  # type: ignore[attr-defined]  # read by inspect
    spread_command.__annotations__ = {each.name: each.annotation for each in spread_parameters}
    return spread_command


def _is_group(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Options)


def _spread(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not _is_group(parameter.annotation):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    hints = get_type_hints(parameter.annotation, include_extras=True)
    for field in msgspec.structs.fields(parameter.annotation):
        default = inspect.Parameter.empty if field.default is msgspec.NODEFAULT else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )
