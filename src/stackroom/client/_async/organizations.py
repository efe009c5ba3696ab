"""The organization of this key, and its people."""

from msgspec import UNSET, Struct, UnsetType, structs

from stackroom.client.models import Invite, Member, Organization, Role
from stackroom.client.wire import DEVELOPER, Call, Shape, changed, many, nothing, one, segment

from .connection import AsyncConnection

_HERE = f"{DEVELOPER}/organizations"
_ORGANIZATION = one(Shape(Organization), "organization")
_MEMBER = one(Shape(Member), "member")
_MEMBERS = many(Shape(Member), "members")
_INVITES = many(Shape(Invite), "invites")


class _Sent(Struct, frozen=True):
    invite: Invite
    token: str | None = None

    def whole(self) -> Invite:
        """The invite with its token."""
        return structs.replace(self.invite, token=self.token)


_SENT = one(Shape(_Sent))


class AsyncOrganizations:
    """`client.organizations`. Changing anything needs the admin role."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def me(self) -> Organization:
        """The organization that this key belongs to."""
        return await self._connection.call(Call(method="GET", path=f"{_HERE}/me", reply=_ORGANIZATION))

    async def update(
        self,
        *,
        name: str | UnsetType = UNSET,
        description: str | UnsetType | None = UNSET,
        is_public: bool | UnsetType = UNSET,
    ) -> Organization:
        """Change what is given; None clears. Raises EmptyUpdate, without a request, if nothing is."""
        body = changed(name=name, description=description, is_public=is_public)
        path = f"{_HERE}/me"
        return await self._connection.call(Call(method="PATCH", path=path, json=body, reply=_ORGANIZATION))

    async def list_members(self) -> list[Member]:
        """The people of the organization."""
        call = Call(method="GET", path=f"{_HERE}/members", reply=_MEMBERS)
        return (await self._connection.call(call)).rows

    async def update_member_role(self, member_id: str, role: Role) -> Member:
        """Give somebody another role. Raises ValidationError for the last owner."""
        body = {"role": role}
        path = _member(member_id)
        return await self._connection.call(Call(method="PATCH", path=path, json=body, reply=_MEMBER))

    async def remove_member(self, member_id: str) -> None:
        """Take somebody out of the organization; their keys count no longer."""
        await self._connection.call(Call(method="DELETE", path=_member(member_id), reply=nothing))

    async def list_invites(self, *, status: str | None = None) -> list[Invite]:
        """The invites, all or those of one status."""
        query = {"status": status}
        call = Call(method="GET", path=f"{_HERE}/invites", query=query, reply=_INVITES)
        return (await self._connection.call(call)).rows

    async def invite(self, email: str, *, role: Role = "member") -> Invite:
        """Ask somebody to join. The invite's `token` is for you to hand over: no mail is sent.

        Raises ConflictError if they have joined or been invited.
        """
        body = {"email": email, "role": role}
        call = Call(method="POST", path=f"{_HERE}/invites", json=body, reply=_SENT)
        return (await self._connection.call(call)).whole()

    async def revoke_invite(self, invite_id: str) -> None:
        """Take an invite back, as long as it is pending."""
        path = f"{_HERE}/invites/{segment(invite_id, 'invite id')}"
        await self._connection.call(Call(method="DELETE", path=path, reply=nothing))


def _member(member_id: str) -> str:
    return f"{_HERE}/members/{segment(member_id, 'member id')}"
