"""`stackroom webhook`: where an organization wants its events sent to."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.options import Json, Server, Yes, given

if TYPE_CHECKING:
    from stackroom import Client, WebhookSecret

EXAMPLES = {
    "create": """stackroom webhook create https://hooks.example.org/in --event asset.created --event operation.move

stackroom webhook create https://hooks.example.org/in --header 'Authorization: Bearer …'""",
    "list": "stackroom webhook list --json",
    "update": "stackroom webhook update https://hooks.example.org/in --off",
    "delete": "stackroom webhook delete https://hooks.example.org/in --yes",
    "rotate-secret": "stackroom webhook rotate-secret https://hooks.example.org/in",
    "events": "stackroom webhook events",
    "test": "stackroom webhook test https://hooks.example.org/in",
    "deliveries": "stackroom webhook deliveries --to https://hooks.example.org/in --status dead_letter",
    "replay": "stackroom webhook replay 0190f3c1-…",
}


class Kind(enum.StrEnum):
    """Of which assets to tell."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


class Status(enum.StrEnum):
    """Which deliveries are listed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD_LETTER = "dead_letter"


AssetKind = Annotated[Kind | None, typer.Option("--asset-kind", help="Only events of assets of this kind.")]
Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", help="An endpoint's URL or id.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event", metavar="EVENT", help="Only this event; give it again for more. Default: every event"
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="'NAME: VALUE'", help="Sent with every delivery; may be given again."),
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]


def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent to, http or https.")],
    *,
    events: Events = None,
    description: Description = None,
    headers: Headers = None,
    per_item: Annotated[
        bool, typer.Option("--per-item", help="Send an event for each item of an operation, not one for all.")
    ] = False,
    asset_kind: AssetKind = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Set up an endpoint. The secret that deliveries are signed with is shown once. Needs an admin's key."""
    sent_along = _parsed(headers)
    with server.connected() as client:
        made = client.webhooks.create(
            url,
            description=description,
            event_types=events or None,
            auth_headers=sent_along,
            per_item=per_item or None,
            asset_kind=asset_kind and asset_kind.value,
        )
    _say_secret(made, as_json=as_json)


def list_all(*, as_json: Json = False, server: Server) -> None:
    """List the endpoints of your organization. Needs an admin's key."""
    with server.connected() as client:
        found = client.webhooks.list()
    if as_json:
        print_json({"endpoints": found}, offsets=True)
        return
    rows = (
        [
            each.url,
            ", ".join(each.event_types) or "all",
            "on" if each.enabled else "off",
            (each.secret_prefix or "") + "…",
            each.id,
        ]
        for each in found
    )
    console().print(table(["url", "events", "state", "secret", "id"], rows))


def update(
    endpoint: Endpoint,
    *,
    url: Annotated[str | None, typer.Option("--url", help="Send events there instead.")] = None,
    events: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="EVENT", help="Only this event from now on; give it again for more."),
    ] = None,
    all_events: Annotated[
        bool, typer.Option("--all-events", help="Every event, including kinds added later.")
    ] = False,
    description: Description = None,
    headers: Headers = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Send no headers of your own.")] = False,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.")] = None,
    per_item: Annotated[
        bool | None,
        typer.Option(
            "--per-item/--per-operation", help="An event for each item of an operation, or one for all."
        ),
    ] = None,
    asset_kind: AssetKind = None,
    all_kinds: Annotated[bool, typer.Option("--all-kinds", help="Events of assets of all kinds.")] = False,
    as_json: Json = False,
    server: Server,
) -> None:
    """Change an endpoint; --header replaces all that were there. Needs an admin's key."""
    if (events and all_events) or (headers and no_headers) or (asset_kind and all_kinds):
        raise Refused(
            "give --event or --all-events, --header or --no-headers, --asset-kind or --all-kinds, not both"
        )
    changes = given(
        url=url,
        description=description,
        event_types=[] if all_events else events or None,
        auth_headers={} if no_headers else _parsed(headers),
        enabled=on,
        per_item=per_item,
        asset_kind=asset_kind and asset_kind.value,
    )
    if all_kinds:
        changes["asset_kind"] = None
    with server.connected() as client:
        changed = client.webhooks.update(_endpoint_id(client, endpoint), **changes)
    if as_json:
        print_json(changed, offsets=True)
        return
    about = ", ".join(changed.event_types) or "all events"
    say(f"{changed.url}: {'on' if changed.enabled else 'off'}, {about}.")


def delete(endpoint: Endpoint, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Delete an endpoint: nothing is sent there any more. Needs an admin's key."""
    with server.connected() as client:
        reference = _endpoint_id(client, endpoint)
        if not yes:
            typer.confirm(f"Delete the endpoint {endpoint}?", abort=True, err=True)
        client.webhooks.delete(reference)
    if as_json:
        print_json({"endpoint_id": reference, "deleted": True})
    else:
        say(f"{endpoint} is deleted.")


def rotate_secret(endpoint: Endpoint, *, as_json: Json = False, server: Server) -> None:
    """Sign with a new secret, which is shown once. For a day the old one signs as well. Needs an admin's key."""
    with server.connected() as client:
        _say_secret(client.webhooks.rotate_secret(_endpoint_id(client, endpoint)), as_json=as_json)


def events(*, as_json: Json = False, server: Server) -> None:
    """List every kind of event. Needs an admin's key."""
    with server.connected() as client:
        found = client.webhooks.event_types()
    if as_json:
        print_json({"event_types": found})
        return
    for each in found:
        say(each)


def try_out(endpoint: Endpoint, *, as_json: Json = False, server: Server) -> None:
    """Send a test event now, and say what came of it: exit code 1 if it did not arrive. Needs an admin's key."""
    with server.connected() as client:
        seen = client.webhooks.test(_endpoint_id(client, endpoint))
    if as_json:
        print_json(seen)
    else:
        say(
            f"Delivered: it answered {seen.status_code}."
            if seen.delivered
            else f"Not delivered: {seen.error}"
        )
    if not seen.delivered:
        raise typer.Exit(ExitCode.SOME_FAILED)


def deliveries(
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ENDPOINT", help="Only to this URL or id.")
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only those.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    as_json: Json = False,
    server: Server,
) -> None:
    """List deliveries, past and pending, newest first. Needs an admin's key."""
    with server.connected() as client:
        found = list(
            client.webhooks.deliveries(
                endpoint_id=None if to is None else _endpoint_id(client, to),
                status=status and status.value,
                page_size=min(limit, 1000),
                max_total=limit,
            )
        )
    if as_json:
        print_json({"deliveries": found}, offsets=True)
        return
    rows = (
        [each.id, each.event_type, each.status.value, str(each.attempts), each.last_error or ""]
        for each in found
    )
    console().print(table(["id", "event", "status", "attempts", "last error"], rows, right=["attempts"]))


def replay(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="A delivery's id.")],
    *,
    as_json: Json = False,
    server: Server,
) -> None:
    """Deliver an event once more. Needs an admin's key."""
    with server.connected() as client:
        client.webhooks.replay(delivery)
    if as_json:
        print_json({"delivery_id": delivery, "replayed": True})
    else:
        say("It is delivered once more; `stackroom webhook deliveries` shows how it went.")


def _parsed(headers: list[str] | None) -> dict[str, str] | None:
    if not headers:
        return None
    pairs = [each.partition(":") for each in headers]
    for name, colon, _ in pairs:
        if not colon:
            raise Refused(f"--header {name!r} is not 'NAME: VALUE'")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _endpoint_id(client: "Client", reference: str) -> str:
    """The id of what is named by its URL; anything else is an id already."""
    if "://" not in reference:
        return reference
    for each in client.webhooks.list():
        if each.url == reference:
            return each.id
    fix = "`stackroom webhook list` lists them."
    raise Refused(f"there is no endpoint {reference}", fix=fix, exit_code=ExitCode.NOT_FOUND)


def _say_secret(made: "WebhookSecret", *, as_json: bool) -> None:
    if as_json:
        print_json(made, offsets=True)
        return
    say(f"{made.endpoint.url} ({made.endpoint.id}). Its secret, shown now and never again:")
    say(f"\n  {made.secret}\n")
