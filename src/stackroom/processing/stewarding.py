"""What the owner of the data directory sees of rounds and does to them, in any organization."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Connection, select

from stackroom.database import schema
from stackroom.library import organizations, vectors
from stackroom.library.vectors import Model, Standing
from stackroom.processing import rounds
from stackroom.processing.rounds import Round


class Change(Protocol):
    """What is done to the rounds of an organization, named by id, number, slug or name, or of all; whose they were."""

    def __call__(self, conn: Connection, organization: str | None, *, now: int) -> list[bytes]: ...


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An organization with assets: whether it is one of those that get vectors, how it stands, and its last round."""

    id: int
    uuid: bytes
    number: int
    name: str
    searched: bool
    standing: Standing
    round: Round | None


def status(conn: Connection, organization: str | None = None) -> tuple[Model | None, list[Seen]]:
    """How organizations stand, or this one: what makes the vectors, and how many are lacking. Without a model nothing
    is lacking. Raises `NotFound`. A constant number of statements, which look at each asset."""
    whose = _id(conn, organization)
    model = vectors.chosen(conn)
    if model is None:
        return None, []
    standing = vectors.standing(conn, model, whose)
    searched = vectors.searched(conn)
    last = {each.organization_id: each for each in rounds.of(conn, None if whose is None else [whose])}
    found = [
        Seen(
            id=it.id,
            uuid=it.uuid,
            number=it.number,
            name=it.name,
            searched=it.id in searched,
            standing=standing[it.id],
            round=last.get(it.id),
        )
        for it in organizations.list_organizations(conn)
        if it.id in standing
    ]
    return model, found


def rebuild(conn: Connection, organization: str | None, *, now: int) -> list[bytes]:
    """`rounds.rebuild`, by name. Raises `NotFound` and `Conflict`."""
    return _uuids(conn, rounds.rebuild(conn, _id(conn, organization), now=now))


def cancel(conn: Connection, organization: str | None, *, now: int) -> list[bytes]:
    """`rounds.cancel`, by name. Raises `NotFound`."""
    return _uuids(conn, rounds.cancel(conn, _id(conn, organization), now=now))


def _id(conn: Connection, organization: str | None) -> int | None:
    return None if organization is None else organizations.find_organization(conn, organization).id


def _uuids(conn: Connection, whose: Sequence[int]) -> list[bytes]:
    chosen = schema.organization.c.id.in_(whose)
    found = conn.scalars(select(schema.organization.c.uuid).where(chosen).order_by(schema.organization.c.id))
    return [bytes(each) for each in found]
