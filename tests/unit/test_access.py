"""Roles: each may do all that those before it may."""

import pytest

from stackroom.access import Actor, Role, new_token, require, token_hash
from stackroom.errors import Forbidden


def an_actor(role: Role) -> Actor:
    return Actor(organization_id=1, organization_uuid=bytes(16), key_id=None, role=role)


@pytest.mark.parametrize("needed", Role)
@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_what_is_not_above_it(role: Role, needed: Role) -> None:
    if role >= needed:
        require(an_actor(role), needed, "this")
        return
    with pytest.raises(Forbidden) as refused:
        require(an_actor(role), needed, "a permanent delete")
    assert refused.value.message.startswith("a permanent delete needs the role ")
    assert refused.value.message.endswith(f"; this key has the role {role.word}")
    assert refused.value.details == {"required_role": needed.word, "role": role.word}


def test_a_refusal_names_every_role_that_would_do() -> None:
    with pytest.raises(Forbidden, match="needs the role admin or owner; this key has the role viewer"):
        require(an_actor(Role.VIEWER), Role.ADMIN, "this")
    with pytest.raises(Forbidden, match="needs the role member, admin or owner;"):
        require(an_actor(Role.VIEWER), Role.MEMBER, "this")


def test_roles_are_named_in_order() -> None:
    assert [role.word for role in Role] == ["viewer", "member", "admin", "owner"]
    assert [Role.named(role.word) for role in Role] == list(Role)
    with pytest.raises(KeyError):
        Role.named("king")


def test_tokens_are_long_and_never_the_same() -> None:
    one, other = new_token(), new_token()
    assert one != other
    assert len(one) > 40
    assert token_hash(one) == token_hash(one) != token_hash(other)
