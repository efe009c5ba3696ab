"""Media as one library: who sees what, in which order; copies where their originals are; user metadata."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from stackroom import clock, ids
from stackroom.access import Actor, Role
from stackroom.database.schema import asset, asset_media, event, registration
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.library import media, media_home, metadata
from stackroom.library.media import Media
from stackroom.media.kinds import Kind
from stackroom.operations import journal
from stackroom.operations.journal import Operation
from stackroom.operations.request import MALFORMED, Ids, Request, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


@pytest.fixture
def ada(library: Library) -> Actor:
    return library.an_actor()


def change(library: Library, uuid: str, **values: Any) -> None:
    library.write(
        lambda conn: conn.execute(update(asset).where(asset.c.uuid == ids.parse(uuid)).values(**values))
    )


def found(library: Library, actor: Actor, uuid: str, kind: Kind | None = None) -> Media:
    raw = ids.parse(uuid)
    assert raw is not None
    return library.read(lambda conn: media.find(conn, actor, raw, kind, now=library.now))


def listed(library: Library, actor: Actor, **how: Any) -> list[str]:
    how = {"limit": 100, **how}
    page = library.read(lambda conn: media.page(conn, actor, now=library.now, **how))
    return [ids.text(each.uuid) for each in page]


def copies(library: Library, actor: Actor, wanted: list[str]) -> Operation:
    packed = b"".join(ids.parse(each) or MALFORMED for each in wanted)
    request = Request(
        verb=Verb.COPY,
        selection=Ids(packed=packed, asked=tuple(wanted)),
        in_place=True,
        item_events=True,
        initiator="copy",
    )
    return library.run(actor, request)


def made_by(library: Library, done: Operation) -> list[str]:
    return [uuid for _, uuid, _ in library.read(lambda conn: journal.created(conn, done.uuid).each())]


def test_media_go_to_a_dataset_that_is_made_once(library: Library, ada: Actor) -> None:
    made = library.write(lambda conn: media_home.home(conn, ada, library.now))
    assert made.name == "media"
    assert library.write(lambda conn: media_home.home(conn, ada, library.now)).id == made.id
    bert = library.an_actor()
    assert library.write(lambda conn: media_home.home(conn, bert, library.now)).id != made.id
    viewer = library.an_actor(Role.VIEWER)
    with pytest.raises(Forbidden):
        library.write(lambda conn: media_home.home(conn, viewer, library.now))


def test_all_datasets_are_one_library_newest_first(library: Library, ada: Actor) -> None:
    one, other = library.a_dataset(ada, assets=3), library.a_dataset(ada)
    later = library.add(ada, other, ["x.jpg"], folder="/f") + library.add(ada, one, ["y.jpg"])
    library.a_dataset(library.an_actor(), assets=2)
    whole = [*one.ids, *later][::-1]
    assert listed(library, ada) == whole
    assert listed(library, ada, limit=2, offset=1) == whole[1:3]
    assert listed(library, ada, unfiled=True) == [later[1], *one.ids[::-1]]
    folder = found(library, ada, later[0]).folder_uuid
    assert listed(library, ada, in_folder=folder) == [later[0]]
    assert listed(library, ada, in_folder=ids.new()) == []
    assert listed(library, library.an_actor(), in_folder=folder) == []


def test_each_kind_has_its_list_and_all_have_one_together(library: Library, ada: Actor) -> None:
    made = library.a_dataset(ada, assets=8).ids
    for number, uuid in enumerate(made):
        change(library, uuid, kind=list(Kind)[number % 4].value)
    assert listed(library, ada) == made[::-1]
    assert listed(library, ada, limit=3, offset=2) == made[::-1][2:5]
    for number, kind in enumerate(Kind):
        assert listed(library, ada, kind=kind) == [made[number + 4], made[number]]
        assert found(library, ada, made[number], kind).kind is kind
        with pytest.raises(NotFound, match=f"{kind.value.capitalize()} not found"):
            found(library, ada, made[(number + 1) % 4], kind)


@pytest.mark.parametrize(
    "hidden",
    [{"archived_at": 1}, {"state": "ingesting"}, {"state": "error"}, {"blob_id": None}, {"expires_at": 1}],
)
def test_what_is_archived_or_not_there_yet_or_over_is_not_seen(
    library: Library, ada: Actor, hidden: dict[str, Any]
) -> None:
    gone, stays = library.a_dataset(ada, assets=2).ids
    change(library, gone, **hidden)
    change(library, stays, expires_at=library.now + clock.DAY)
    assert listed(library, ada) == [stays]
    with pytest.raises(NotFound, match="Media not found"):
        found(library, ada, gone)
    both = [ids.parse(gone) or b"", ids.parse(stays) or b""]
    assert library.write(lambda conn: media.hold(conn, ada, both, now=library.now)) == {both[1]}
    assert set(library.read(lambda conn: media.by_uuids(conn, ada, both, now=library.now))) == {both[1]}
    assert set(library.read(lambda conn: media.storage_keys(conn, ada, both, now=library.now))) == {both[1]}


def test_what_is_anothers_is_not_there(library: Library, ada: Actor) -> None:
    [theirs] = library.a_dataset(library.an_actor(), assets=1).ids
    with pytest.raises(NotFound):
        found(library, ada, theirs)
    raw = ids.parse(theirs) or b""
    assert library.write(lambda conn: media.hold(conn, ada, [raw], now=library.now)) == set()


def test_copies_go_where_their_originals_are(library: Library, ada: Actor) -> None:
    one, other = library.a_dataset(ada, assets=["a.jpg"]), library.a_dataset(ada)
    deep = library.add(ada, other, ["b.jpg", "b-2.jpg"], folder="/x/y")
    done = copies(library, ada, [one.ids[0], deep[0], str(ids.uuid(ids.new())), deep[0]])
    assert library.words(done) == ["done", "done", "not_found", "done"]
    assert library.paths(one) == ["/a-2.jpg", "/a.jpg"]
    assert library.paths(other) == ["/x/y/b-2.jpg", "/x/y/b-3.jpg", "/x/y/b-4.jpg", "/x/y/b.jpg"]
    first, second, third = made_by(library, done)
    assert found(library, ada, second).original_name == found(library, ada, third).original_name == "b.jpg"
    assert found(library, ada, first).dataset_id == one.id
    assert found(library, ada, third).folder_id == found(library, ada, deep[0]).folder_id
    told = select(event.c.asset_uuid).where(event.c.operation_id == done.id, event.c.type == "asset.copied")
    seen = library.read(lambda conn: list(conn.scalars(told.order_by(event.c.id))))
    assert [ids.text(each) for each in seen] == [first, second, third]


def test_a_copy_is_kept_for_good_with_all_that_is_known_but_what_players_have(
    library: Library, ada: Actor
) -> None:
    [uuid] = library.a_dataset(ada, assets=1).ids
    change(
        library,
        uuid,
        kind="video",
        metadata='{"k":"v"}',
        duration=2.5,
        expires_at=library.now + clock.DAY,
    )
    of_asset = select(asset.c.id).where(asset.c.uuid == ids.parse(uuid)).scalar_subquery()
    said = {"store_behavior": "0", "processing": "completed", "renditions": "[]", "hls_prefix": "hls/x/"}
    library.write(lambda conn: conn.execute(insert(asset_media).values(asset_id=of_asset, **said)))
    rest = {
        "organization_id": ada.organization_id,
        "dataset_id": found(library, ada, uuid).dataset_id,
        "media_type": "video/mp4",
        "family": "T",
        "channels": "[]",
        "string1": "one",
    }
    library.write(lambda conn: conn.execute(insert(registration).values(asset_id=of_asset, **rest)))
    source = found(library, ada, uuid)
    [copy] = made_by(library, copies(library, ada, [uuid]))
    made = found(library, ada, copy)
    assert made.expires_at is None
    assert (made.hls_prefix, made.renditions, made.processing) == (None, "[]", "completed")
    same = (
        "metadata",
        "duration",
        "store_behavior",
        "original_name",
        "size",
        "content_type",
        "blob_id",
        "kind",
    )
    assert [getattr(made, it) for it in same] == [getattr(source, it) for it in same]
    known = select(registration.c.string1, registration.c.dataset_id).where(
        registration.c.asset_id == made.id
    )
    assert library.read(lambda conn: tuple(conn.execute(known).one())) == ("one", source.dataset_id)


def test_fifty_copies_take_as_many_statements_as_ten(library: Library, ada: Actor) -> None:
    dataset = library.a_dataset(ada)
    wanted = [library.add(ada, dataset, ["x.jpg"], folder=f"/{number}")[0] for number in range(50)]
    copies(library, ada, wanted[:1])
    sent = []
    for count in (10, 50):
        with library.statements() as statements:
            copies(library, ada, wanted[:count])
        sent.append(len(statements))
    assert sent[0] == sent[1]


def test_metadata_are_replaced_put_and_removed(library: Library, ada: Actor) -> None:
    [uuid] = library.a_dataset(ada, assets=1).ids
    raw = ids.parse(uuid) or b""
    before = found(library, ada, uuid)
    library.write(lambda conn: metadata.put(conn, ada, raw, "b", "x", now=library.now))
    assert found(library, ada, uuid).metadata == {"b": "x"}
    library.write(lambda conn: metadata.replace(conn, ada, raw, {"a": 1, "n": None}, now=library.now))
    library.write(lambda conn: metadata.put(conn, ada, raw, "c", [1, {"d": 2}], now=library.now))
    after = found(library, ada, uuid)
    assert after.metadata == {"a": 1, "n": None, "c": [1, {"d": 2}]}
    assert (after.version, after.updated_at) == (before.version + 3, library.now)
    library.write(lambda conn: metadata.remove(conn, ada, raw, "a", now=library.now))
    with pytest.raises(NotFound) as missing:
        library.write(lambda conn: metadata.remove(conn, ada, raw, "a", now=library.now))
    assert missing.value.code == "metadata_key_not_found"
    told = select(event.c.id).where(event.c.asset_uuid == raw, event.c.type == "asset.updated")
    assert len(library.read(lambda conn: conn.execute(told).all())) == 4


def test_the_same_metadata_again_change_nothing(library: Library, ada: Actor) -> None:
    [uuid] = library.a_dataset(ada, assets=1).ids
    raw = ids.parse(uuid) or b""
    library.write(lambda conn: metadata.replace(conn, ada, raw, {"a": 1}, now=library.now))
    before = found(library, ada, uuid)
    library.write(lambda conn: metadata.replace(conn, ada, raw, {"a": 1}, now=library.now))
    assert found(library, ada, uuid) == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"": 1}, "invalid_metadata_key"),
        ({"a b": 1}, "invalid_metadata_key"),
        ({"é": 1}, "invalid_metadata_key"),
        ({"k" * 65: 1}, "invalid_metadata_key"),
        ({"plugin_x": 1}, "invalid_metadata_key"),
        ({"plugins": 1}, "invalid_metadata_key"),
        ({"_system_x": 1}, "invalid_metadata_key"),
        ({"k": "x" * 511}, "invalid_metadata_value"),
        ({f"k{n}": 1 for n in range(51)}, "metadata_key_limit_exceeded"),
    ],
)
def test_metadata_that_cannot_be_kept_are_refused(given: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        metadata.clean(given)
    assert refused.value.code == code


def test_metadata_up_to_their_limits_are_kept(library: Library, ada: Actor) -> None:
    [uuid] = library.a_dataset(ada, assets=1).ids
    raw = ids.parse(uuid) or b""
    most = {"k" * 64: "x" * 510, "a.b:c-d_E9": 1, **{f"k{n}": n for n in range(48)}}
    library.write(lambda conn: metadata.replace(conn, ada, raw, most, now=library.now))
    with pytest.raises(Invalid) as refused:
        library.write(lambda conn: metadata.put(conn, ada, raw, "one.more", 1, now=library.now))
    assert refused.value.code == "metadata_key_limit_exceeded"
    assert found(library, ada, uuid).metadata == most


def test_a_viewer_changes_nothing(library: Library, ada: Actor) -> None:
    [uuid] = library.a_dataset(ada, assets=1).ids
    viewer = library.an_actor(Role.VIEWER, of=ada)
    with pytest.raises(Forbidden):
        library.write(
            lambda conn: metadata.put(conn, viewer, ids.parse(uuid) or b"", "a", 1, now=library.now)
        )
