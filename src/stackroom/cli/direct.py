"""Asking a server for what the SDK has no resource for: JSON in, JSON out, with the SDK's retries and errors."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from stackroom import Client

ORGANIZATIONS = "/api/v1/developer/organizations"
WEBHOOKS = "/api/v1/developer/webhooks"


def ask(client: "Client", method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
    """The answer's JSON. Raises the SDK's ApiError or NetworkError."""
    from stackroom.client.wire import Call

    call: Call[Any] = Call(
        method=method,
        path=path,
        query=query,
        json=msgspec.UNSET if body is None else body,
        reply=msgspec.json.decode,
    )
    return client._connection.call(call)  # noqa: SLF001 - the command line and the SDK are one installation


def part(value: str, what: str = "id") -> str:
    """A reference as one piece of a path. Raises InvalidArgument for what would name something else."""
    from stackroom.client.wire import segment

    return segment(value, what)


def given(**values: Any) -> dict[str, Any]:
    """What was given on the command line."""
    return {name: value for name, value in values.items() if value is not None}
