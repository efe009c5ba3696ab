"""What is stored and what was asked, counted for its organization alone."""

import pytest
from sqlalchemy import insert, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import asset, event
from stackroom.errors import Forbidden
from stackroom.library import analytics
from stackroom.library.analytics import Amount, Period, Storage, Traffic
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def storage(library: Library, actor: Actor) -> Storage:
    return library.read(lambda conn: analytics.storage(conn, actor, now=library.now))


def asked(
    library: Library, actor: Actor, path: str, *, status: int = 200, at: int = 5, method: str = "GET"
) -> None:
    row = {
        "uuid": ids.new(),
        "organization_id": actor.organization_id,
        "type": "http.request",
        "at": at,
        "data": "{}",
        "method": method,
        "path": path,
        "status": status,
        "request_bytes": 10,
        "response_bytes": 100,
        "duration_us": 2000 if status == 200 else 4000,
    }
    library.write(lambda conn: conn.execute(insert(event), row))


def traffic(library: Library, actor: Actor, period: Period = Period()) -> Traffic:  # noqa: B008 - it never changes
    return library.read(lambda conn: analytics.traffic(conn, actor, period))


def test_media_are_counted_by_kind_and_type(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    photos = library.a_dataset(actor, assets=3)
    library.a_dataset(stranger, assets=1)
    first = ids.parse(photos.ids[0])
    film = {"kind": "video", "content_type": "video/mp4", "size": 70}
    library.write(lambda conn: conn.execute(update(asset).where(asset.c.uuid == first).values(**film)))
    found = storage(library, actor)
    assert found.total == Amount(3, 90)
    assert (found.of_kind("image"), found.of_kind("video")) == (Amount(2, 20), Amount(1, 70))
    assert found.of_kind("audio") == Amount()
    assert found.by_content_type() == {"image/jpeg": Amount(2, 20), "video/mp4": Amount(1, 70)}


def test_what_is_not_seen_is_not_counted(library: Library) -> None:
    actor = library.an_actor()
    photos = library.a_dataset(actor, assets=3)
    library.submit(actor, Verb.ARCHIVE, [photos.ids[0]], photos)
    library.submit(actor, Verb.PURGE, [photos.ids[1]], photos)
    last = ids.parse(photos.ids[2])
    library.write(
        lambda conn: conn.execute(update(asset).where(asset.c.uuid == last).values(expires_at=library.now))
    )
    assert storage(library, actor).total == Amount()


def test_requests_are_added_up(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    for path, status, method in (
        ("/a", 200, "GET"),
        ("/a", 404, "GET"),
        ("/b", 500, "PUT"),
        ("/b", 302, "GET"),
    ):
        asked(library, actor, path, status=status, method=method)
    asked(library, stranger, "/a")
    found = traffic(library, actor)
    assert (found.all.requests, found.all.sent, found.all.received) == (4, 400, 40)
    assert (found.all.average_us, found.all.shortest_us, found.all.longest_us) == (3500.0, 2000, 4000)
    assert found.all.answered == (1, 1, 1, 1)
    assert found.by_method == {"GET": 3, "PUT": 1}
    assert found.by_status == {200: 1, 302: 1, 404: 1, 500: 1}


def test_a_period_includes_its_ends(library: Library) -> None:
    actor = library.an_actor()
    for at in (1, 2, 3):
        asked(library, actor, "/a", at=at)
    assert traffic(library, actor, Period(2, 2)).all.requests == 1
    assert traffic(library, actor, Period(2)).all.requests == 2
    assert traffic(library, actor, Period(until=2)).all.requests == 2


def test_paths_are_listed_by_how_often_they_were_asked_for(library: Library) -> None:
    actor = library.an_actor()
    for path in ("/b", "/a", "/c", "/b"):
        asked(library, actor, path)
    found = library.read(lambda conn: analytics.paths(conn, actor, Period(), limit=2))
    assert [(path, numbers.requests) for path, numbers in found] == [("/b", 2), ("/a", 1)]


def test_nothing_asked_is_nothing(library: Library) -> None:
    found = traffic(library, library.an_actor())
    assert (found.all.requests, found.all.average_us, found.by_method) == (0, 0.0, {})


def test_only_admins_see_what_was_asked(library: Library) -> None:
    with pytest.raises(Forbidden):
        traffic(library, library.an_actor(Role.MEMBER))
