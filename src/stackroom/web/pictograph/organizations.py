"""The organization that a key belongs to: what it is called, its members, and its invites."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import invites, members, organizations
from stackroom.library.answers import Answer
from stackroom.library.invites import Invite
from stackroom.library.organizations import Profile
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import organizations as convert
from stackroom.web.pictograph.convert.base import PREFIX
from stackroom.web.pictograph.wire import organizations as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


async def show(request: Request) -> Response:
    call = await Call.begin(request)
    now = call.services.now()

    def read(conn: Connection) -> Profile:
        return organizations.profile(conn, call.actor, now=now)

    return json_reply(convert.organization(await call.read(read)))


async def change(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "changing the organization")
    wanted = convert.changes(call.json(wire.OrganizationUpdate))

    def work(conn: Connection, now: int) -> Answer:
        return answer(convert.organization(organizations.change(conn, call.actor, wanted, now=now)))

    return await call.write(work)


async def show_members(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: members.list_members(conn, call.actor))
    return json_reply(wire.MemberList(members=[convert.member(each) for each in found]))


async def change_role(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "changing a member's role")
    role = Role.named(call.json(wire.RoleUpdate).role)

    def work(conn: Connection, now: int) -> Answer:
        changed = members.change_role(conn, call.actor, call.place("member"), role, now=now)
        return answer(wire.MemberAnswer(member=convert.member(changed)))

    return await call.write(work)


async def remove_member(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "removing a member")

    def work(conn: Connection, now: int) -> Answer:
        members.remove(conn, call.actor, call.place("member"), now=now)
        return answer(wire.MemberRemoved(member_id=call.place("member").lower()))

    return await call.write(work)


async def show_invites(request: Request) -> Response:
    call = await Call.begin(request)
    status, now = call.query(wire.InviteQuery).status, call.services.now()

    def read(conn: Connection) -> list[Invite]:
        if status == "declined":
            return []
        return invites.list_invites(conn, call.actor, status=status, now=now)

    found = await call.read(read)
    return json_reply(wire.InviteList(invites=[convert.invite(each, call.actor) for each in found]))


async def invite(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "inviting somebody")
    asked = call.json(wire.NewInvite)

    def work(conn: Connection, now: int) -> Answer:
        made = invites.create(conn, call.actor, asked.email, role=Role.named(asked.role), now=now)
        return answer(convert.made_invite(made, call.actor), 201, secret=True)

    return await call.write(work)


async def revoke_invite(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "revoking an invite")

    def work(conn: Connection, now: int) -> Answer:
        invites.revoke(conn, call.actor, call.place("invite"), now=now)
        return answer(wire.InviteRevoked(invite_id=call.place("invite").lower()))

    return await call.write(work)


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/organizations"
    return [
        resource(f"{base}/me", GET=show, PATCH=change),
        resource(f"{base}/members", GET=show_members),
        resource(f"{base}/members/{{member}}", PATCH=change_role, DELETE=remove_member),
        resource(f"{base}/invites", GET=show_invites, POST=invite),
        resource(f"{base}/invites/{{invite}}", DELETE=revoke_invite),
    ]
