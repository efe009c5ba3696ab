"""`stackroom org`: organizations, made by who owns the data directory."""

from typing import Annotated

import msgspec
import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.key import show_key
from stackroom.cli.options import Json, Library

EXAMPLES = {
    "create": "stackroom org create 'City Museum' --json",
    "list": "stackroom org list --data-dir /srv/media",
}


class SeenOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """An organization, in the words of `--json`."""

    organization_id: str
    customer: int
    name: str
    slug: str


def create(
    name: Annotated[str, typer.Argument(help="What it is called; 1 to 200 characters.")],
    *,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make an organization and its first key, which is an owner's. The key is shown once.

    Works whether or not a server runs on the library.
    """
    settings = library.settings()
    from stackroom.cli import steward

    made = steward.create_organization(settings, name)
    if as_json:
        print_json(made)
        return
    say(f"Made organization {name!r} ({made.organization_id}, customer {made.customer}).")
    show_key(made)


def list_all(*, as_json: Json = False, library: Library) -> None:
    """List the organizations of a library."""
    settings = library.settings()
    from stackroom import ids
    from stackroom.cli import steward
    from stackroom.library.organizations import list_organizations

    found = [
        SeenOrganization(
            organization_id=ids.text(each.uuid), customer=each.number, name=each.name, slug=each.slug
        )
        for each in steward.read(settings, list_organizations)
    ]
    if as_json:
        print_json({"organizations": found})
        return
    rows = ([str(each.customer), each.name, each.slug, each.organization_id] for each in found)
    console().print(table(["customer", "name", "slug", "id"], rows, right=["customer"]))
