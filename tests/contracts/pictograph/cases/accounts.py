"""Keys, the organization and its people, webhook endpoints: what a team's administrator does."""

import inspect
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from marks import since
from pictograph import AuthError, Client, ConflictError, ForbiddenError, NotFoundError, RateLimitError
from pictograph import ValidationError as Refused
from world import World, raises


def a_key(world: World, name: str = "ci", *, by: str = "owner", **wanted: Any) -> Any:
    """Made with the key of `by`. Older versions name the organization first."""
    client = world.user(by).client
    if "organization" in inspect.signature(client.api_keys.create).parameters:
        return client.api_keys.create(name, **wanted)
    return client.api_keys.create(client.organizations.me().id, name, **wanted)


def holding(world: World, secret: str) -> Any:
    return Client(api_key=secret, base_url=world.url, max_retries=0)


def joined(world: World, email: str, role: str = "member") -> Any:
    """Somebody who was invited with the client and has come: their key, and what lists say of them."""
    made = world.raw("POST", "/organizations/invites", json={"email": email, "role": role}).json()
    answer = httpx.post(f"{world.url}/library/v1/join", json={"token": made["token"]})
    [listed] = [each for each in world.owner.client.organizations.list_members() if each.email == email]
    return answer.json()["key"]["api_key"], listed


def test_case_68_a_key_is_made_used_and_switched_off(world: World) -> None:
    made = a_key(world)
    keys = world.owner.client.api_keys
    assert made.api_key.startswith("pk_live_")
    assert made.key_prefix == made.api_key[:12]
    theirs = holding(world, made.api_key)
    assert theirs.organizations.me().id == world.owner.client.organizations.me().id
    assert not keys.update(made.key_id, is_active=False).is_active
    with raises(AuthError, status=401):
        theirs.organizations.me()
    assert keys.update(made.key_id, is_active=True, name="renamed").name == "renamed"
    assert theirs.organizations.me()
    keys.delete(made.key_id)
    with raises(AuthError, status=401):
        theirs.organizations.me()
    with raises(NotFoundError, status=404):
        keys.get(made.key_id)


def test_case_68_a_key_says_what_it_was_made_with(world: World) -> None:
    until = datetime.now(UTC) + timedelta(days=3)
    made = a_key(world, "limited", rate_limit=500, expires_at=until)
    assert (made.role, made.rate_limit, made.expires_at) == ("member", 500, until)
    found = world.owner.client.api_keys.get(made.key_id)
    assert (found.name, found.rate_limit, found.expires_at) == ("limited", 500, until)
    assert found in world.owner.client.api_keys.list()
    assert world.owner.client.api_keys.update(made.key_id, rate_limit=600).rate_limit == 600


def test_case_68_roles_hold_for_keys(world: World) -> None:
    with raises(ForbiddenError, status=403):
        world.user("viewer").client.api_keys.list()
    assert world.user("member").client.api_keys.list()
    with raises(ForbiddenError, status=403):
        a_key(world, by="member")
    with raises(ForbiddenError, status=403):
        world.user("admin").client.api_keys.delete(_id_of(world, "owner"))


def _id_of(world: World, role: str) -> str:
    return str(next(each.id for each in world.owner.client.api_keys.list() if each.role == role))


def test_case_64_a_key_past_its_limit_is_told_when_to_come_back(world: World) -> None:
    slow = holding(world, a_key(world, "slow", rate_limit=2).api_key)
    for _ in range(2):
        slow.organizations.me()
    with raises(RateLimitError, status=429) as refused:
        slow.organizations.me()
    assert 120 < refused[0].retry_after <= 3636


@since("1.69.146")
def test_case_68_a_limit_is_lifted(world: World) -> None:
    keys = world.owner.client.api_keys
    made = a_key(world, "lifted", rate_limit=5)
    assert keys.update(made.key_id, clear_rate_limit=True).rate_limit == 1_000_000
    named = keys.create("named", organization=world.owner.client.organizations.me().name)
    assert named.rate_limit == 1_000_000


def test_case_accounts_the_organization_and_its_people(world: World) -> None:
    organizations = world.owner.client.organizations
    me = organizations.me()
    assert (me.name, me.subscription_tier) == ("Here", "enterprise")
    email = f"{uuid.uuid4().hex}@example.org"
    secret, member = joined(world, email)
    assert (member.role, member.user_id) == ("member", member.id)
    assert organizations.update_member_role(member.id, role="viewer")["role"] == "viewer"
    theirs = holding(world, secret)
    with raises(ForbiddenError, status=403):
        theirs.organizations.invite("x@example.org")
    organizations.remove_member(member.id)
    with raises(AuthError, status=401):
        theirs.organizations.me()
    with raises(NotFoundError, status=404):
        organizations.remove_member(member.id)


def test_case_accounts_invites(world: World) -> None:
    organizations, email = world.owner.client.organizations, f"{uuid.uuid4().hex}@example.org"
    made = organizations.invite(email, role="admin")
    assert (made.email, made.role, made.status) == (email, "admin", "pending")
    assert made in organizations.list_invites(status="pending")
    with raises(ConflictError, status=409):
        organizations.invite(email)
    organizations.revoke_invite(made.id)
    with raises(Refused, status=400):
        organizations.revoke_invite(made.id)
    assert [each.id for each in organizations.list_invites(status="revoked") if each.email == email] == [
        made.id
    ]
    with raises(Refused, status=422):
        organizations.invite("nobody")


@since("1.69.18")
def test_case_accounts_an_organization_is_described(world: World) -> None:
    organizations = world.owner.client.organizations
    assert organizations.update(description="d", is_public=True).name == "Here"
    with raises(ConflictError, status=409):
        organizations.update(name="Elsewhere")
    with raises(ForbiddenError, status=403):
        world.user("member").client.organizations.update(name="Mine")


@since("1.2.0")
def test_case_accounts_webhook_endpoints(world: World) -> None:
    webhooks, url = world.owner.client.webhooks, f"https://hooks.example/{uuid.uuid4().hex}"
    made = webhooks.create(url, description="d", event_types=["asset.created"])
    assert made.secret.startswith(made.endpoint.secret_prefix)
    reference = made.endpoint.id
    assert webhooks.get(reference) == made.endpoint
    assert made.endpoint in webhooks.list()
    assert not webhooks.update(reference, enabled=False).enabled
    tested = webhooks.test(reference)
    assert (tested["success"], tested["delivered"]) == (False, False)
    assert list(webhooks.deliveries(status="delivered")) == []  # nobody is there
    with raises(ConflictError, status=409):
        webhooks.create(url)
    with raises(NotFoundError, status=404):
        webhooks.replay(str(uuid.uuid4()))
    with raises(ForbiddenError, status=403):
        world.user("member").client.webhooks.list()
    webhooks.delete(reference)
    with raises(NotFoundError, status=404):
        webhooks.get(reference)


@since("1.69.18")
def test_case_accounts_a_webhooks_secret_is_rotated(world: World) -> None:
    webhooks, url = world.owner.client.webhooks, f"https://hooks.example/{uuid.uuid4().hex}"
    made = webhooks.create(url)
    assert "asset.created" in webhooks.event_types()
    rotated = webhooks.rotate_secret(made.endpoint.id)
    assert (rotated.endpoint.secret_version, rotated.secret == made.secret) == (2, False)
    webhooks.delete(made.endpoint.id)  # or it would be told, in vain, of all that the other cases do


@since("1.69.146")
def test_case_accounts_a_webhook_is_known_by_its_address(world: World) -> None:
    webhooks, url = world.owner.client.webhooks, f"https://hooks.example/{uuid.uuid4().hex}"
    # Not of all events: that it is changed is one of them, which may be told before anybody looks.
    webhooks.create(url, auth_headers={"X-Token": "t"}, event_types=["asset.created"])
    assert webhooks.get(url).auth_header_names == ["X-Token"]
    assert webhooks.update(url, auth_headers={}).auth_header_names == []
    assert list(webhooks.deliveries(endpoint=url)) == []
    webhooks.delete(url)
