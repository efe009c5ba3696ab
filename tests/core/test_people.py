"""Members and invites: how people come, reach further or less far, and leave with their keys."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.clock import DAY
from stackroom.database.schema import event, invite
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from stackroom.library import invites, keys, members, organizations
from stackroom.library.invites import Joined, NewInvite
from stackroom.library.keys import KeyChanges
from stackroom.library.members import Member
from stackroom.library.organizations import Authenticated, OrganizationChanges
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def ask(
    library: Library, actor: Actor, email: str = "grace@example.org", role: Role = Role.MEMBER
) -> NewInvite:
    return library.write(lambda conn: invites.create(conn, actor, email, role=role, now=library.now))


def join(library: Library, token: str, **rest: Any) -> Joined:
    return library.write(lambda conn: invites.join(conn, token, now=library.now, **rest))


def a_member(library: Library, actor: Actor, email: str, role: Role = Role.MEMBER) -> Member:
    return library.write(lambda conn: members.add(conn, actor, email, role=role, now=library.now))


def a_key(library: Library, actor: Actor, of: Member) -> organizations.NewKey:
    def work(conn: Any) -> organizations.NewKey:
        owner = organizations.by_id(conn, actor.organization_id)
        return organizations.create_key(conn, owner, role=of.role, member_id=of.id, now=library.now)

    return library.write(work)


def set_role(library: Library, actor: Actor, of: Member, role: Role) -> Member:
    reference = ids.text(of.uuid)
    return library.write(lambda conn: members.change_role(conn, actor, reference, role, now=library.now))


def remove(library: Library, actor: Actor, whom: Member) -> None:
    library.write(lambda conn: members.remove(conn, actor, ids.text(whom.uuid), now=library.now))


def whose(library: Library, token: str) -> Authenticated:
    return library.read(
        lambda conn: organizations.admit(organizations.by_token(conn, token), now=library.now)
    )


def people(library: Library, actor: Actor) -> list[tuple[str, Role]]:
    found = library.read(lambda conn: members.list_members(conn, actor))
    return [(each.email, each.role) for each in found]


def statuses(library: Library, actor: Actor) -> list[str]:
    return [
        each.status for each in library.read(lambda conn: invites.list_invites(conn, actor, now=library.now))
    ]


def last_event(library: Library, actor: Actor) -> str | None:
    query = select(event.c.type).where(event.c.organization_id == actor.organization_id)
    return library.read(lambda conn: conn.scalar(query.order_by(event.c.id.desc()).limit(1)))


def test_an_invite_makes_a_member_with_a_key_of_their_role(library: Library) -> None:
    actor = library.an_actor()
    made = ask(library, actor, " Grace@Example.ORG ", Role.ADMIN)
    assert (made.invite.email, made.invite.status) == ("grace@example.org", "pending")
    joined = join(library, made.token, full_name=" Grace Hopper ")
    assert (joined.member.email, joined.member.full_name) == ("grace@example.org", "Grace Hopper")
    found = whose(library, joined.key.token)
    assert (found.role, found.organization.id) == (Role.ADMIN, actor.organization_id)
    assert people(library, actor) == [("grace@example.org", Role.ADMIN)]
    assert statuses(library, actor) == ["accepted"]
    kinds = select(event.c.type).where(event.c.organization_id == actor.organization_id).order_by(event.c.id)
    assert library.read(lambda conn: list(conn.scalars(kinds))) == [
        "organization.created",
        "invite.created",
        "member.joined",
        "key.created",
    ]


def test_the_token_is_kept_nowhere(library: Library) -> None:
    actor = library.an_actor()
    made = ask(library, actor)
    row = library.read(
        lambda conn: conn.execute(select(invite).where(invite.c.uuid == made.invite.uuid)).one()
    )
    assert made.token.encode() not in repr(row).encode()
    assert made.token not in str(msgspec.to_builtins(made.invite))


def test_an_invite_says_who_made_it(library: Library) -> None:
    actor = library.an_actor()
    assert ask(library, actor).invite.invited_by is None  # by hand
    ada = a_member(library, actor, "ada@example.org", Role.ADMIN)
    theirs = whose(library, a_key(library, actor, ada).token)
    acting = msgspec.structs.replace(actor, key_id=theirs.key_id, role=Role.ADMIN)
    assert ask(library, acting, "b@example.org").invite.invited_by == "ada@example.org"
    machine = library.write(
        lambda conn: keys.create(conn, actor, name="robot", role=Role.ADMIN, now=library.now)
    )
    acting = msgspec.structs.replace(acting, key_id=whose(library, machine.token).key_id)
    assert ask(library, acting, "c@example.org").invite.invited_by == "robot"


def test_an_answer_that_was_lost_is_no_loss(library: Library) -> None:
    """Until the key has been used the token gives another in its place, and afterwards none."""
    actor = library.an_actor()
    made = ask(library, actor)
    lost, again = join(library, made.token), join(library, made.token)
    assert again.member == lost.member
    with pytest.raises(Unauthenticated):
        whose(library, lost.key.token)
    found = whose(library, again.key.token)
    library.write(lambda conn: organizations.note_use(conn, found.key_id, now=library.now))
    with pytest.raises(Conflict) as refused:
        join(library, made.token)
    assert refused.value.code == "invite_accepted"
    assert whose(library, again.key.token)
    assert len(library.read(lambda conn: keys.list_mine(conn, actor))) == 1
    kinds = select(event.c.type).where(event.c.organization_id == actor.organization_id).order_by(event.c.id)
    assert library.read(lambda conn: list(conn.scalars(kinds)))[-3:] == [
        "key.created",
        "key.deleted",
        "key.created",
    ]


def test_a_token_does_not_bring_back_a_key_that_was_switched_off(library: Library) -> None:
    actor = library.an_actor()
    made = ask(library, actor)
    reference, off = ids.text(join(library, made.token).key.uuid), KeyChanges(active=False)
    library.write(lambda conn: keys.change(conn, actor, reference, off, now=library.now))
    with pytest.raises(Conflict):
        join(library, made.token)


def test_a_token_that_counts_no_longer_says_why(library: Library) -> None:
    actor = library.an_actor()
    revoked = ask(library, actor, "a@example.org")
    reference = ids.text(revoked.invite.uuid)
    library.write(lambda conn: invites.revoke(conn, actor, reference, now=library.now))
    late = ask(library, actor, "b@example.org")
    library.now += 7 * DAY
    accepted = ask(library, actor, "c@example.org")
    gone = join(library, accepted.token)
    remove(library, actor, gone.member)
    codes = []
    for token in (revoked.token, late.token, accepted.token):
        with pytest.raises(Conflict) as refused:
            join(library, token)
        codes.append(refused.value.code)
    assert codes == ["invite_revoked", "invite_expired", "invite_accepted"]
    for token in ("", "inv_", "x" * 10_000, revoked.token[:-1]):
        with pytest.raises(NotFound):
            join(library, token)
    assert people(library, actor) == []


def test_an_invite_that_is_over_cannot_be_revoked(library: Library) -> None:
    actor = library.an_actor()
    made = ask(library, actor)
    reference = ids.text(made.invite.uuid)
    join(library, made.token)
    late = ask(library, actor, "late@example.org")
    library.now += 7 * DAY
    for each in (reference, ids.text(late.invite.uuid)):
        with pytest.raises(Invalid) as refused:
            library.write(lambda conn, it=each: invites.revoke(conn, actor, it, now=library.now))
        assert refused.value.code == "invite_not_pending"
    assert statuses(library, actor) == ["accepted", "expired"]


def test_nobody_is_invited_twice(library: Library) -> None:
    actor = library.an_actor()
    made = ask(library, actor)
    with pytest.raises(Conflict, match="invited already"):
        ask(library, actor, "GRACE@example.org")
    library.now += 7 * DAY
    again = ask(library, actor)
    assert statuses(library, actor) == ["expired", "pending"]
    join(library, again.token)
    with pytest.raises(Conflict, match="member already"):
        ask(library, actor)
    with pytest.raises(Conflict):
        join(library, made.token)


def test_invites_are_listed_by_status(library: Library) -> None:
    actor = library.an_actor()
    first, _ = ask(library, actor, "a@example.org"), ask(library, actor, "b@example.org")
    join(library, first.token)
    for status, emails in (("pending", ["b@example.org"]), ("accepted", ["a@example.org"]), ("revoked", [])):
        found = library.read(
            lambda conn, it=status: invites.list_invites(conn, actor, status=it, now=library.now)
        )
        assert [each.email for each in found] == emails


def test_nobody_invites_above_themselves_and_nobody_an_owner(library: Library) -> None:
    owner = library.an_actor()
    with pytest.raises(Invalid, match="owner"):
        ask(library, owner, role=Role.OWNER)
    with pytest.raises(Forbidden):
        ask(library, library.an_actor(Role.MEMBER, of=owner))
    with pytest.raises(Forbidden):
        ask(library, library.an_actor(Role.ADMIN, of=owner), role=Role.OWNER)
    assert statuses(library, owner) == []


@pytest.mark.parametrize(
    "email", ["", "a", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\n.org", "x" * 250 + "@b.org"]
)
def test_what_is_no_address_is_refused(library: Library, email: str) -> None:
    actor = library.an_actor()
    with pytest.raises(Invalid, match="email"):
        ask(library, actor, email)
    with pytest.raises(Invalid, match="email"):
        a_member(library, actor, email)


def test_a_member_who_leaves_takes_their_keys_along(library: Library) -> None:
    actor = library.an_actor()
    grace = join(library, ask(library, actor).token)
    machine = library.write(
        lambda conn: keys.create(conn, actor, name="robot", role=Role.MEMBER, now=library.now)
    )
    remove(library, actor, grace.member)
    with pytest.raises(Unauthenticated):
        whose(library, grace.key.token)
    assert whose(library, machine.token)
    assert people(library, actor) == []
    assert last_event(library, actor) == "member.removed"
    with pytest.raises(NotFound):
        remove(library, actor, grace.member)
    reference, on = ids.text(grace.key.uuid), KeyChanges(active=True)
    with pytest.raises(Conflict) as refused:  # nor does anybody bring the key back
        library.write(lambda conn: keys.change(conn, actor, reference, on, now=library.now))
    assert refused.value.code == "member_removed"


def test_the_number_of_a_member_is_not_given_again(library: Library) -> None:
    """Or the keys of who left would come to belong to who came."""
    actor = library.an_actor()
    gone = a_member(library, actor, "gone@example.org")
    remove(library, actor, gone)
    assert a_member(library, actor, "new@example.org").id > gone.id


def test_keys_fall_with_their_member_and_do_not_rise(library: Library) -> None:
    actor = library.an_actor()
    ada = a_member(library, actor, "ada@example.org", Role.ADMIN)
    key = a_key(library, actor, ada)
    assert set_role(library, actor, ada, Role.VIEWER).role is Role.VIEWER
    assert whose(library, key.token).role is Role.VIEWER
    set_role(library, actor, ada, Role.ADMIN)
    assert whose(library, key.token).role is Role.VIEWER
    assert last_event(library, actor) == "member.updated"


def test_the_last_owner_stays(library: Library) -> None:
    actor = library.an_actor()
    ada = a_member(library, actor, "ada@example.org", Role.OWNER)
    for act in (lambda: remove(library, actor, ada), lambda: set_role(library, actor, ada, Role.ADMIN)):
        with pytest.raises(Invalid) as refused:
            act()
        assert refused.value.code == "last_owner"
    assert set_role(library, actor, ada, Role.OWNER) == ada
    a_member(library, actor, "grace@example.org", Role.OWNER)
    remove(library, actor, ada)
    assert people(library, actor) == [("grace@example.org", Role.OWNER)]


def test_the_last_owners_key_stays_with_its_member(library: Library) -> None:
    actor = library.an_actor()
    ada, _ = (a_member(library, actor, f"{name}@example.org", Role.OWNER) for name in ("ada", "grace"))
    key = a_key(library, actor, ada)
    for act in (lambda: remove(library, actor, ada), lambda: set_role(library, actor, ada, Role.ADMIN)):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "last_owner_key"
    assert whose(library, key.token).role is Role.OWNER
    assert len(people(library, actor)) == 2


def test_nobody_touches_who_is_above_them(library: Library) -> None:
    owner = library.an_actor()
    admin = library.an_actor(Role.ADMIN, of=owner)
    ada, bob = (a_member(library, owner, f"{name}@example.org", Role.OWNER) for name in ("ada", "bob"))
    grace = a_member(library, owner, "grace@example.org")
    for act in (
        lambda: remove(library, admin, ada),
        lambda: set_role(library, admin, bob, Role.VIEWER),
        lambda: set_role(library, admin, grace, Role.OWNER),
        lambda: remove(library, library.an_actor(Role.MEMBER, of=owner), grace),
    ):
        with pytest.raises(Forbidden):
            act()
    assert len(people(library, owner)) == 3


def test_one_person_may_be_in_two_organizations_which_see_nothing_of_each_other(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    here, there = a_member(library, actor, "ada@example.org"), a_member(library, stranger, "ada@example.org")
    made = ask(library, actor)
    reference = ids.text(made.invite.uuid)
    for act in (
        lambda: remove(library, stranger, here),
        lambda: set_role(library, stranger, here, Role.VIEWER),
        lambda: library.write(lambda conn: invites.revoke(conn, stranger, reference, now=library.now)),
    ):
        with pytest.raises(NotFound):
            act()
    remove(library, stranger, there)
    assert people(library, actor) == [("ada@example.org", Role.MEMBER)]
    assert statuses(library, stranger) == []


def test_an_organization_says_how_many_belong_to_it(library: Library) -> None:
    actor = library.an_actor()
    profile = library.read(lambda conn: organizations.profile(conn, actor, now=library.now))
    assert (profile.members, profile.invited, profile.public, profile.description) == (0, 0, False, None)
    a_member(library, actor, "ada@example.org")
    ask(library, actor)
    profile = library.read(lambda conn: organizations.profile(conn, actor, now=library.now))
    assert (profile.members, profile.invited) == (1, 1)
    library.now += 7 * DAY
    profile = library.read(lambda conn: organizations.profile(conn, actor, now=library.now))
    assert (profile.members, profile.invited) == (1, 0)


def test_an_organization_is_renamed_and_keeps_its_slug(library: Library) -> None:
    actor, other = library.an_actor(), library.an_organization()
    before = library.read(lambda conn: organizations.by_id(conn, actor.organization_id))

    def change(**wanted: Any) -> organizations.Profile:
        changes = OrganizationChanges(**wanted)
        return library.write(lambda conn: organizations.change(conn, actor, changes, now=library.now))

    name = f"Renamed {ids.new().hex()}"
    changed = change(name=f" {name} ", description="d", public=True)
    assert (changed.organization.name, changed.organization.slug) == (name, before.slug)
    assert (changed.description, changed.public, changed.updated_at) == ("d", True, library.now)
    assert change(description=None).description is None
    assert change(name=name).organization.name == name
    for taken in (other.name, other.slug):
        with pytest.raises(Conflict):
            change(name=taken)
    for wanted in ({"name": " "}, {"description": "x" * 10_001}, {}):
        with pytest.raises(Invalid):
            change(**wanted)
    below, any_name = library.an_actor(Role.MEMBER, of=actor), OrganizationChanges(name="x")
    with pytest.raises(Forbidden):
        library.write(lambda conn: organizations.change(conn, below, any_name, now=library.now))
    assert last_event(library, actor) == "organization.updated"
