"""Keys: who may make and change which, and that an organization always keeps an owner's."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.clock import DAY, HOUR
from stackroom.database.schema import event
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from stackroom.library import keys, organizations
from stackroom.library.keys import Key, KeyChanges
from stackroom.library.organizations import NewKey
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def make(library: Library, actor: Actor, role: Role = Role.MEMBER, **rest: Any) -> NewKey:
    named = {"name": "a key", **rest}
    return library.write(lambda conn: keys.create(conn, actor, role=role, now=library.now, **named))


def change(library: Library, actor: Actor, made: NewKey, **wanted: Any) -> Key:
    reference, changes = ids.text(made.uuid), KeyChanges(**wanted)
    return library.write(lambda conn: keys.change(conn, actor, reference, changes, now=library.now))


def delete(library: Library, actor: Actor, made: NewKey) -> None:
    library.write(lambda conn: keys.delete(conn, actor, ids.text(made.uuid), now=library.now))


def counts(library: Library, made: NewKey) -> bool:
    try:
        library.read(
            lambda conn: organizations.admit(organizations.by_token(conn, made.token), now=library.now)
        )
    except Unauthenticated:
        return False
    return True


def events(library: Library, actor: Actor) -> list[str]:
    query = select(event.c.type).where(event.c.organization_id == actor.organization_id).order_by(event.c.id)
    return library.read(lambda conn: list(conn.scalars(query)))


def test_a_key_is_made_and_seen_without_its_secret(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, name="ci", rate_limit=500, expires_at=library.now + DAY)
    found = library.read(lambda conn: keys.find(conn, actor, ids.text(made.uuid)))
    assert (found.name, found.role, found.rate_limit, found.active) == ("ci", Role.MEMBER, 500, True)
    assert (found.expires_at, found.created_at, found.member_id) == (made.expires_at, made.created_at, None)
    assert found.prefix == made.prefix == made.token[:12]
    assert made.token not in str(msgspec.to_builtins(found))
    assert library.read(lambda conn: keys.list_mine(conn, actor)) == [found]
    assert events(library, actor)[-1] == "key.created"


def test_no_key_reaches_above_the_one_that_makes_it(library: Library) -> None:
    owner = library.an_actor()
    admin = library.an_actor(Role.ADMIN, of=owner)
    for role in (Role.VIEWER, Role.MEMBER, Role.ADMIN):
        assert make(library, admin, role).role is role
    with pytest.raises(Forbidden, match="role owner"):
        make(library, admin, Role.OWNER)
    above = make(library, owner, Role.OWNER)
    for act in (lambda: change(library, admin, above, active=False), lambda: delete(library, admin, above)):
        with pytest.raises(Forbidden, match="owner"):
            act()
    assert counts(library, above)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MEMBER])
def test_only_admins_change_keys(library: Library, role: Role) -> None:
    owner = library.an_actor()
    made, below = make(library, owner), library.an_actor(role, of=owner)
    for act in (
        lambda: make(library, below, Role.VIEWER),
        lambda: change(library, below, made, name="mine"),
        lambda: delete(library, below, made),
    ):
        with pytest.raises(Forbidden):
            act()
    if role is Role.VIEWER:
        with pytest.raises(Forbidden):
            library.read(lambda conn: keys.list_mine(conn, below))
    else:
        assert library.read(lambda conn: keys.list_mine(conn, below))


def test_what_is_changed_of_a_key_counts_at_once(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor)
    changed = change(library, actor, made, name="new", rate_limit=7)
    assert (changed.name, changed.rate_limit) == ("new", 7)
    assert change(library, actor, made, rate_limit=None).rate_limit is None
    assert not change(library, actor, made, active=False).active
    assert not counts(library, made)
    change(library, actor, made, active=True)
    assert counts(library, made)
    assert events(library, actor)[-1] == "key.updated"


def test_a_deleted_key_is_gone_and_what_it_did_stays(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor)
    found = library.read(
        lambda conn: organizations.admit(organizations.by_token(conn, made.token), now=library.now)
    )
    acting = msgspec.structs.replace(actor, key_id=found.key_id, role=Role.MEMBER)
    library.a_dataset(acting)
    delete(library, actor, made)
    assert not counts(library, made)
    assert library.read(lambda conn: keys.list_mine(conn, actor)) == []
    for act in (lambda: delete(library, actor, made), lambda: change(library, actor, made, active=True)):
        with pytest.raises(NotFound):
            act()
    by_it = select(event.c.type).where(event.c.key_id == found.key_id)
    assert library.read(lambda conn: list(conn.scalars(by_it))) == ["dataset.created"]
    assert events(library, actor)[-1] == "key.deleted"


def test_the_last_key_of_an_owner_stays(library: Library) -> None:
    actor = library.an_actor()
    first, second = make(library, actor, Role.OWNER), make(library, actor, Role.OWNER)
    delete(library, actor, second)
    for act in (lambda: delete(library, actor, first), lambda: change(library, actor, first, active=False)):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "last_owner_key"
    assert counts(library, first)
    make(library, actor, Role.OWNER, expires_at=library.now + HOUR)
    change(library, actor, first, active=False)
    assert not counts(library, first)


def test_a_key_that_has_expired_is_no_owners_key(library: Library) -> None:
    actor = library.an_actor()
    first = make(library, actor, Role.OWNER)
    make(library, actor, Role.OWNER, expires_at=library.now + HOUR)
    library.now += HOUR
    with pytest.raises(Conflict):
        delete(library, actor, first)


def test_who_owns_the_data_directory_may_revoke_even_that(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, Role.OWNER)
    library.write(lambda conn: organizations.revoke_key(conn, made.uuid, now=library.now))
    assert not counts(library, made)
    assert events(library, actor)[-1] == "key.revoked"


def test_another_organizations_key_is_unknown(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    made = make(library, actor)
    for act in (
        lambda: library.read(lambda conn: keys.find(conn, stranger, ids.text(made.uuid))),
        lambda: change(library, stranger, made, active=False),
        lambda: delete(library, stranger, made),
    ):
        with pytest.raises(NotFound):
            act()
    assert counts(library, made)
    assert library.read(lambda conn: keys.list_mine(conn, stranger)) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "a\nb"},
        {"rate_limit": 0},
        {"rate_limit": -1},
        {"rate_limit": organizations.MAX_RATE_LIMIT + 1},
        {"rate_limit": 10**30},
    ],
)
def test_what_no_key_can_have_is_refused(library: Library, wanted: dict[str, Any]) -> None:
    actor = library.an_actor()
    made = make(library, actor)
    with pytest.raises(Invalid):
        make(library, actor, **wanted)
    with pytest.raises(Invalid):
        change(library, actor, made, **wanted)
    assert len(library.read(lambda conn: keys.list_mine(conn, actor))) == 1


def test_nothing_to_change_is_refused(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor)
    with pytest.raises(Invalid) as refused:
        change(library, actor, made)
    assert refused.value.code == "empty_update"


@pytest.mark.parametrize("after", [-DAY, 0, keys.LONGEST + 10 * DAY])
def test_an_expiry_lies_in_the_future_and_not_too_far(library: Library, after: int) -> None:
    with pytest.raises(Invalid, match="expires_at"):
        make(library, library.an_actor(), expires_at=library.now + after)
