"""`stackroom join`: redeem an invite for a key."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stackroom.cli.console import print_json, say
from stackroom.cli.options import Json, given

if TYPE_CHECKING:
    from stackroom import Client

EXAMPLE = "stackroom join --url https://media.example.org inv_… --full-name 'Grace Hopper'"
# The client wants a key before it sends anything. This address asks for none.
_NO_KEY = "none"


def join(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token that whoever invited you gave you.")
    ],
    *,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="STACKROOM_BASE_URL",
            help="The server's address. Default: http://127.0.0.1:8000",
            show_default=False,
        ),
    ] = None,
    full_name: Annotated[str | None, typer.Option("--full-name", help="Your name.")] = None,
    as_json: Json = False,
) -> None:
    """Become a member of the organization that invited you. Your key is shown once.

    If the answer gets lost, the same command gives a fresh key, as long as the first has not been used.
    """
    from stackroom import Client

    with Client(_NO_KEY, base_url=url) as client:
        joined = _redeem(client, given(token=token, full_name=full_name))
        address = client.base_url
    if as_json:
        print_json(joined)
        return
    key, here = joined["key"], joined["organization"]["name"]
    say(f"Welcome to {here!r}. This is your {key['role']} key, shown now and never again:")
    say(f"\n  export STACKROOM_API_KEY={key['api_key']}\n  export STACKROOM_BASE_URL={address}\n")


def _redeem(client: "Client", wanted: dict[str, Any]) -> dict[str, Any]:
    """The answer's JSON. No resource of the SDK does this: each acts with a key, and here is none yet."""
    from stackroom.client.wire import LIBRARY, Call

    call: Call[dict[str, Any]] = Call(
        method="POST",
        path=f"{LIBRARY}/join",
        json=wanted,
        reply=msgspec.json.Decoder(dict[str, Any]).decode,
    )
    return client._connection.call(call)  # noqa: SLF001 - the command line and the SDK are one installation
