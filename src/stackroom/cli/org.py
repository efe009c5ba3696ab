"""`stackroom org`: organizations, made by who owns the data directory; their people, managed with an admin's key."""

import enum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stackroom.cli.console import console, print_json, say, table
from stackroom.cli.exits import ExitCode, Refused
from stackroom.cli.key import RoleName, show_key
from stackroom.cli.options import Json, Library, Server, Yes, given

if TYPE_CHECKING:
    from stackroom import Client, Invite, Organization

EXAMPLES = {
    "create": """stackroom org create 'City Museum' --json

stackroom org create 'City Museum' --email ada@example.org --full-name 'Ada Lovelace'""",
    "standing": "stackroom org standing 'City Museum' --legacy",
    "list": "stackroom org list --data-dir /srv/media",
    "show": "stackroom org show",
    "update": "stackroom org update --name 'City Museum and Archive'",
    "members": "stackroom org members --json",
    "set-role": "stackroom org set-role grace@example.org admin",
    "remove-member": "stackroom org remove-member grace@example.org --yes",
    "invite": "stackroom org invite grace@example.org --role member",
    "invites": "stackroom org invites --status pending",
    "revoke-invite": "stackroom org revoke-invite 019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14",
}


class InviteRole(enum.StrEnum):
    """An owner is promoted, not invited."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


class InviteStatus(enum.StrEnum):
    """What has become of an invite."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class SeenOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """An organization, in the words of `--json`."""

    organization_id: str
    customer: int
    name: str
    slug: str


Member = Annotated[str, typer.Argument(metavar="MEMBER", help="A member's address or id.")]


def create(
    name: Annotated[str, typer.Argument(help="Its name; 1 to 200 characters.")],
    *,
    email: Annotated[
        str | None,
        typer.Option("--email", help="Email address of its first member, an owner, who gets the key."),
    ] = None,
    full_name: Annotated[str | None, typer.Option("--full-name", help="Their name.")] = None,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="Its keys act for every customer of the DLCS protocol.")
    ] = False,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Its DLCS clients may leave out what older servers guessed.")
    ] = False,
    as_json: Json = False,
    library: Library,
) -> None:
    """Make an organization and its first key, which is an owner's. The key is shown once.

    Works whether or not a server runs on the library.
    """
    settings = library.settings()
    from stackroom.cli import steward

    if email is None and full_name is not None:
        raise Refused("--full-name goes with --email")
    first = None if email is None else steward.FirstMember(email=email, full_name=full_name)
    standing = steward.Standing(administrator=administrator, legacy=legacy)
    made = steward.create_organization(settings, name, first, standing)
    if as_json:
        print_json(made)
        return
    say(f"Made organization {name!r} ({made.organization_id}, customer {made.customer}).")
    show_key(made)


def standing(
    organization: Annotated[str, typer.Argument(help="Its id, number, slug or name.")],
    *,
    administrator: Annotated[
        bool | None,
        typer.Option(
            "--administrator/--no-administrator", help="Whether its keys act for every DLCS customer."
        ),
    ] = None,
    legacy: Annotated[
        bool | None,
        typer.Option(
            "--legacy/--no-legacy", help="Whether its DLCS clients may leave out what older servers guessed."
        ),
    ] = None,
    suspended: Annotated[
        bool | None,
        typer.Option(
            "--suspended/--no-suspended", help="Whether its keys are out of use for the time being."
        ),
    ] = None,
    as_json: Json = False,
    library: Library,
) -> None:
    """Change an organization's standing in the DLCS protocol, or suspend it: its keys stop working at once.

    Works whether or not a server runs on the library.
    """
    settings = library.settings()
    from stackroom.cli import steward

    wanted = steward.Standing(**given(administrator=administrator, legacy=legacy, suspended=suspended))
    changed = steward.set_standing(settings, organization, wanted)
    if as_json:
        print_json(changed)
        return
    say(f"{changed.name} (customer {changed.number}):")
    say(f"  acts for every customer: {'yes' if changed.administrator else 'no'}")
    say(f"  clients of older servers: {'yes' if changed.legacy else 'no'}")
    say(f"  suspended: {'yes' if changed.suspended else 'no'}")


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


def show(*, as_json: Json = False, server: Server) -> None:
    """Show the organization that your key belongs to."""
    with server.connected() as client:
        _say_organization(client.organizations.me(), as_json=as_json)


def update(
    *,
    name: Annotated[str | None, typer.Option("--name", help="Its new name. Its slug stays.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    public: Annotated[
        bool | None,
        typer.Option("--public/--private", help="Whether it is marked as public; this opens nothing."),
    ] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """Rename or describe the organization that your key belongs to. Needs an admin's key."""
    changes = given(name=name, description=description, is_public=public)
    with server.connected() as client:
        _say_organization(client.organizations.update(**changes), as_json=as_json)


def members(*, as_json: Json = False, server: Server) -> None:
    """List the people of your organization."""
    with server.connected() as client:
        found = client.organizations.list_members()
    if as_json:
        print_json({"members": found}, offsets=True)
        return
    rows = (
        [each.email or "", each.full_name or "", each.role, f"{each.joined_at:%Y-%m-%d}", each.id]
        for each in found
    )
    console().print(table(["email", "name", "role", "since", "id"], rows))


def set_role(
    member: Member,
    role: Annotated[RoleName, typer.Argument(help="Their new role, the highest that their keys may have.")],
    *,
    as_json: Json = False,
    server: Server,
) -> None:
    """Change a member's role. Keys of theirs with a higher role are lowered with it. Needs an admin's key."""
    with server.connected() as client:
        changed = client.organizations.update_member_role(_member_id(client, member), role.value)
    if as_json:
        print_json(changed, offsets=True)
    else:
        say(f"{changed.email} is {changed.role} now.")


def remove_member(member: Member, *, yes: Yes = False, as_json: Json = False, server: Server) -> None:
    """Remove a member: the keys that belong to them stop working. Needs an admin's key."""
    with server.connected() as client:
        reference = _member_id(client, member)
        if not yes:
            typer.confirm(f"Remove {member} and their keys?", abort=True, err=True)
        client.organizations.remove_member(reference)
    if as_json:
        print_json({"member_id": reference, "removed": True})
    else:
        say(f"{member} is no longer a member.")


def invite(
    email: Annotated[str, typer.Argument(help="Their address. No mail is sent.")],
    *,
    role: Annotated[InviteRole, typer.Option("--role", help="What they may do.")] = InviteRole.MEMBER,
    as_json: Json = False,
    server: Server,
) -> None:
    """Invite somebody. The token to hand over is shown once, and is valid for seven days. Needs an admin's key."""
    with server.connected() as client:
        made = client.organizations.invite(email, role=role.value)
        url = client.base_url
    if as_json:
        print_json(
            {
                "invite_id": made.id,
                "email": made.email,
                "role": made.role,
                "expires_at": made.expires_at,
                "token": made.token,
            }
        )
        return
    say(f"Invited {made.email} as {made.role}, until {made.expires_at:%Y-%m-%d}. Hand this over:")
    say(f"\n  stackroom join --url {url} {made.token}\n")


def invites(
    *,
    status: Annotated[InviteStatus | None, typer.Option("--status", help="Only these.")] = None,
    as_json: Json = False,
    server: Server,
) -> None:
    """List the invites of your organization, and what has become of them."""
    with server.connected() as client:
        found = client.organizations.list_invites(status=status)
    if as_json:
        print_json({"invites": [_without_token(each) for each in found]}, offsets=True)
        return
    rows = (
        [
            each.email,
            each.role,
            each.status.value,
            f"{each.expires_at:%Y-%m-%d}",
            each.invited_by or "",
            each.id,
        ]
        for each in found
    )
    console().print(table(["email", "role", "status", "until", "invited by", "id"], rows))


def revoke_invite(
    invite_id: Annotated[str, typer.Argument(metavar="INVITE_ID", help="The invite's id.")],
    *,
    as_json: Json = False,
    server: Server,
) -> None:
    """Take back a pending invite. Needs an admin's key."""
    with server.connected() as client:
        client.organizations.revoke_invite(invite_id)
    if as_json:
        print_json({"invite_id": invite_id, "revoked": True})
    else:
        say(f"Invite {invite_id} is revoked.")


def _member_id(client: "Client", reference: str) -> str:
    """The id of who is named by address; anything else is an id already."""
    if "@" not in reference:
        return reference
    wanted = reference.strip().lower()
    for each in client.organizations.list_members():
        if each.email == wanted:
            return each.id
    fix = "`stackroom org members` lists them."
    raise Refused(f"{reference} is no member", fix=fix, exit_code=ExitCode.NOT_FOUND)


def _without_token(invite: "Invite") -> dict[str, object]:
    """An invite that is listed: its token was in the answer that made it, and is in no other."""
    return {name: value for name, value in msgspec.structs.asdict(invite).items() if name != "token"}


def _say_organization(shown: "Organization", *, as_json: bool) -> None:
    if as_json:
        print_json(shown, offsets=True)
        return
    say(f"{shown.name} ({shown.slug}, {shown.id})")
    if shown.description:
        say(shown.description)
    say(f"{shown.member_count} members, {shown.pending_invite_count} invited")
