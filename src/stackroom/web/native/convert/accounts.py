"""Organizations, keys and members, in the native protocol's words."""

from stackroom import ids
from stackroom.library import organizations
from stackroom.library.invites import Joined, NewInvite
from stackroom.library.keys import Key
from stackroom.library.organizations import Authenticated, Organization
from stackroom.web.native.convert.base import moment
from stackroom.web.native.wire import accounts as wire


def who_am_i(found: Authenticated) -> wire.WhoAmI:
    owner = found.organization
    return wire.WhoAmI(
        organization=wire.OrganizationSeen(id=ids.text(owner.uuid), name=owner.name, number=owner.number),
        key=wire.KeySeen(id=ids.text(found.key_uuid), name=found.key_name, role=found.role.word),
    )


def organization(found: Organization) -> wire.Organization:
    return wire.Organization(
        id=ids.text(found.uuid),
        name=found.name,
        number=found.number,
        slug=found.slug,
        created_at=moment(found.created_at),
        administrator=found.administrator,
        legacy=found.legacy,
        suspended=found.suspended,
    )


def made_key(made: organizations.NewKey) -> wire.MadeKey:
    return wire.MadeKey(
        api_key=made.token,
        key_id=ids.text(made.uuid),
        organization_id=ids.text(made.organization.uuid),
        customer=made.organization.number,
        role=made.role.word,
        name=made.name,
    )


def made_invite(made: NewInvite) -> wire.MadeInvite:
    return wire.MadeInvite(
        invite_id=ids.text(made.invite.uuid),
        email=made.invite.email,
        role=made.invite.role.word,
        expires_at=moment(made.invite.expires_at),
        token=made.token,
    )


def joined(done: Joined) -> wire.Joined:
    here, person = done.key.organization, done.member
    return wire.Joined(
        organization=wire.OrganizationSeen(id=ids.text(here.uuid), name=here.name, number=here.number),
        member=wire.Member(
            id=ids.text(person.uuid),
            email=person.email,
            full_name=person.full_name,
            role=person.role.word,
        ),
        key=made_key(done.key),
    )


def changed_key(found: Key) -> wire.ChangedKey:
    return wire.ChangedKey(
        key_id=ids.text(found.uuid),
        name=found.name,
        role=found.role.word,
        rate_limit=found.rate_limit,
        active=found.active,
    )
