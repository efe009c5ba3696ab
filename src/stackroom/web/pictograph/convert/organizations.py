"""Organizations and their people, between the library's words and Pictograph's."""

from stackroom import ids
from stackroom.access import Actor
from stackroom.library.invites import Invite, NewInvite
from stackroom.library.members import Member
from stackroom.library.organizations import OrganizationChanges, Profile
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire import organizations as wire


def organization(found: Profile) -> wire.OrganizationAnswer:
    shown = wire.Organization(
        id=ids.text(found.organization.uuid),
        name=found.organization.name,
        slug=found.organization.slug,
        description=found.description,
        is_public=found.public,
        member_count=found.members,
        pending_invite_count=found.invited,
        created_at=moment(found.organization.created_at),
        updated_at=moment(found.updated_at),
    )
    return wire.OrganizationAnswer(organization=shown)


def changes(asked: wire.OrganizationUpdate) -> OrganizationChanges:
    return OrganizationChanges(name=asked.name, description=asked.description, public=asked.is_public)


def member(found: Member) -> wire.Member:
    identity = ids.text(found.uuid)
    return wire.Member(
        id=identity,
        user_id=identity,
        email=found.email,
        full_name=found.full_name,
        role=found.role.word,
        joined_at=moment(found.joined_at),
    )


def invite(found: Invite, actor: Actor) -> wire.Invite:
    return wire.Invite(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        email=found.email,
        role=found.role.word,
        status=found.status,
        invited_by=found.invited_by,
        expires_at=moment(found.expires_at),
        created_at=moment(found.created_at),
    )


def made_invite(made: NewInvite, actor: Actor) -> wire.MadeInvite:
    return wire.MadeInvite(invite=invite(made.invite, actor), token=made.token)
