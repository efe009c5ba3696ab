"""Groups: files that are fetched together, each at the place it was given."""

import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import asset, event, file_group_member
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.library import groups
from stackroom.library.groups import MOST, Group
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def packed(references: list[str]) -> list[bytes]:
    found = [ids.parse(each) for each in references]
    return [each for each in found if each is not None]


def make(library: Library, actor: Actor, references: list[str]) -> Group:
    return library.write(lambda conn: groups.create(conn, actor, packed(references), now=library.now))


def places(library: Library, actor: Actor, group: Group) -> list[tuple[int, str]]:
    found = library.read(lambda conn: groups.members(conn, actor, group, now=library.now))
    return [(each.position, ids.text(each.media.uuid)) for each in found]


def test_files_stand_in_the_order_they_were_named_in(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=3)
    wanted = photos.ids[::-1]
    made = make(library, actor, wanted)
    assert made.count == 3
    assert places(library, actor, made) == list(enumerate(wanted))
    kinds = select(event.c.type).where(event.c.organization_id == actor.organization_id)
    assert "group.created" in library.read(lambda conn: conn.scalars(kinds).all())


def test_a_file_that_is_gone_leaves_its_place_empty(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=4)
    made = make(library, actor, photos.ids)
    library.submit(actor, Verb.PURGE, [photos.ids[1]], photos)
    library.submit(actor, Verb.ARCHIVE, [photos.ids[2]], photos)
    assert places(library, actor, made) == [(0, photos.ids[0]), (3, photos.ids[3])]
    again = library.read(lambda conn: groups.find(conn, actor, made.uuid, now=library.now))
    assert again.count == 2
    last = library.read(lambda conn: groups.member_at(conn, actor, made, 3, now=library.now))
    assert ids.text(last.media.uuid) == photos.ids[3]
    for nobody in (-1, 1, 4, 10**12):
        with pytest.raises(NotFound):
            library.read(
                lambda conn, at=nobody: groups.member_at(conn, actor, made, at, now=library.now)  # type: ignore[misc]  # bound at once
            )


def test_what_has_expired_is_in_no_group(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=2)
    made = make(library, actor, photos.ids)
    first = packed(photos.ids)[0]
    library.write(
        lambda conn: conn.execute(asset.update().where(asset.c.uuid == first).values(expires_at=library.now))
    )
    assert places(library, actor, made) == [(1, photos.ids[1])]
    with pytest.raises(Invalid):
        make(library, actor, photos.ids)


def test_no_group_is_made_of_nothing_of_too_much_or_of_what_is_not_there(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    mine = library.a_dataset(actor, assets=1).ids
    theirs = library.a_dataset(stranger, assets=1).ids
    nobodys = [ids.text(ids.new()) for _ in range(MOST + 1)]
    for refused in ([], [*mine, *mine], [*mine, *theirs], [*mine, nobodys[0]], nobodys):
        with pytest.raises(Invalid, match="files"):
            make(library, actor, refused)


def test_a_group_is_its_organizations_alone(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    made = make(library, actor, library.a_dataset(actor, assets=1).ids)
    with pytest.raises(NotFound):
        library.read(lambda conn: groups.find(conn, stranger, made.uuid, now=library.now))
    with pytest.raises(NotFound):
        library.write(lambda conn: groups.remove(conn, stranger, made.uuid, now=library.now))
    with pytest.raises(Forbidden):
        make(library, library.an_actor(Role.VIEWER, of=actor), library.a_dataset(actor, assets=1).ids)


def test_a_group_goes_and_its_files_stay(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=2)
    made = make(library, actor, photos.ids)
    library.write(lambda conn: groups.remove(conn, actor, made.uuid, now=library.now))
    left = select(file_group_member).where(file_group_member.c.group_id == made.id)
    assert library.read(lambda conn: conn.execute(left).all()) == []
    assert sorted(library.live(photos).values()) == sorted(photos.ids)
    with pytest.raises(NotFound):
        library.write(lambda conn: groups.remove(conn, actor, made.uuid, now=library.now))


def test_a_large_group_takes_as_many_statements_as_a_small_one(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=300)
    counts = []
    for few in (photos.ids[:2], photos.ids):
        with library.statements() as sent:
            made = make(library, actor, few)
        counts.append(len(sent))
        assert len(places(library, actor, made)) == len(few)
    assert counts[0] == counts[1]
