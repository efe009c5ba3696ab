"""Bytes: on their way in, in use, and on their way out; at each moment somebody answers for them."""

import pytest

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import Conflict
from stackroom.library import blobs
from stackroom.library.blobs import ARRIVAL_GRACE, Arrival
from stackroom.library.prefixes import MARGIN
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def arrival() -> Arrival:
    return Arrival(sha256=ids.new() * 2, size=3, content_type="image/png")


def announce(library: Library, actor: Actor, coming: Arrival) -> str:
    return library.write(
        lambda conn: blobs.announce(conn, actor.organization_uuid, coming.sha256, now=library.now)
    )


def adopt(library: Library, actor: Actor, coming: Arrival, key: str) -> blobs.Blob:
    return library.write(lambda conn: blobs.adopt(conn, actor.organization_id, coming, key, now=library.now))


def due(library: Library, *, later: int) -> set[str]:
    return set(library.read(lambda conn: blobs.due(conn, now=library.now + later, limit=100_000)))


def test_bytes_on_their_way_in_are_loose_until_they_are_adopted(library: Library) -> None:
    actor, coming = library.an_actor(), arrival()
    key = announce(library, actor, coming)
    assert library.loose_keys(actor) == {key}
    made = adopt(library, actor, coming, key)
    assert (made.storage_key, made.sha256, made.size) == (key, coming.sha256, 3)
    assert library.loose_keys(actor) == set()
    assert library.read(lambda conn: blobs.get(conn, made.id)) == made
    assert library.read(lambda conn: blobs.find(conn, actor.organization_id, coming.sha256)) == made


def test_bytes_that_never_arrive_are_due_after_a_while(library: Library) -> None:
    actor = library.an_actor()
    key = announce(library, actor, arrival())
    assert key not in due(library, later=ARRIVAL_GRACE - 1)
    assert key in due(library, later=ARRIVAL_GRACE)


def adopt_later(library: Library, actor: Actor, coming: Arrival, key: str, later: int) -> blobs.Blob:
    at = library.now + later
    return library.write(lambda conn: blobs.adopt(conn, actor.organization_id, coming, key, now=at))


def test_bytes_that_may_be_swept_already_are_nobodys_any_more(library: Library) -> None:
    """The database was away for an hour, or the clock was put forward."""
    actor, coming = library.an_actor(), arrival()
    key = announce(library, actor, coming)
    with pytest.raises(Conflict) as lost:
        adopt_later(library, actor, coming, key, ARRIVAL_GRACE - MARGIN)
    assert lost.value.code == "bytes_lost"
    assert library.loose_keys(actor) == {key}
    library.write(lambda conn: blobs.strike(conn, [key]))
    with pytest.raises(Conflict):  # also where the clock has been put back
        adopt(library, actor, coming, key)
    assert library.read(lambda conn: blobs.find(conn, actor.organization_id, coming.sha256)) is None


def test_bytes_are_adopted_up_to_the_moment_at_which_they_may_be_swept(library: Library) -> None:
    actor, coming = library.an_actor(), arrival()
    key = announce(library, actor, coming)
    assert adopt_later(library, actor, coming, key, ARRIVAL_GRACE - MARGIN - 1).storage_key == key
    assert library.loose_keys(actor) == set()


def test_the_same_bytes_a_second_time_stay_loose(library: Library) -> None:
    actor, coming = library.an_actor(), arrival()
    first, second = announce(library, actor, coming), announce(library, actor, coming)
    assert first != second
    assert adopt(library, actor, coming, first) == adopt(library, actor, coming, second)
    assert library.loose_keys(actor) == {second}


def test_organizations_share_no_bytes(library: Library) -> None:
    one, other, coming = library.an_actor(), library.an_actor(), arrival()
    made = [adopt(library, each, coming, announce(library, each, coming)) for each in (one, other)]
    assert made[0].id != made[1].id
    assert made[0].storage_key != made[1].storage_key


def test_bytes_that_are_gone_are_struck(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=3)
    library.submit(actor, Verb.PURGE, dataset.ids, dataset)
    keys = library.loose_keys(actor)
    assert keys <= due(library, later=0)
    library.write(lambda conn: blobs.strike(conn, sorted(keys)[:2]))
    assert library.loose_keys(actor) == {sorted(keys)[2]}


def test_the_same_bytes_may_come_again_while_the_old_are_going(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    [old] = library.add(actor, dataset, ["a.jpg"], content=b"same")
    [gone] = library.blob_keys(actor).values()
    library.submit(actor, Verb.PURGE, [old], dataset)
    library.add(actor, dataset, ["a.jpg"], content=b"same")
    [kept] = library.blob_keys(actor).values()
    assert kept != gone
    assert library.loose_keys(actor) == {gone}
