"""Retention: what has expired goes by itself, at once and once, and nothing else does."""

import asyncio
from collections.abc import Iterator
from functools import partial
from threading import Thread, get_ident
from types import SimpleNamespace

import msgspec
import pytest
from sqlalchemy import Connection, insert, select, union_all, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.clock import DAY, HOUR
from stackroom.database.connect import connect
from stackroom.database.schema import asset, asset_media, embedding, event, loose_prefix, operation
from stackroom.exports import reading
from stackroom.library.embeddings import packed
from stackroom.library.listing import Filter
from stackroom.operations import engine, expiring
from stackroom.operations.expiring import Expiring, first_of, next_due, purge_some
from stackroom.operations.journal import Operation
from stackroom.operations.request import Changes, Matching, Request, Verb
from stackroom.testing.builders import ADataset, Library, a_library

pytestmark = pytest.mark.every_database


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """Each its own: cleaning is for all organizations, and so for what other tests left."""
    with a_library(database_url) as opened:
        yield opened


def keep_until(library: Library, uuids: list[str], moment: int | None) -> None:
    which = asset.c.uuid.in_([ids.parse(it) for it in uuids])
    library.write(lambda conn: conn.execute(update(asset).where(which).values(expires_at=moment)))


def expire(library: Library) -> int:
    told: list[None] = []
    cleaning = Expiring(library.database, lambda: library.now, lambda: told.append(None))
    count = library.do(cleaning.purge_all())
    assert bool(told) == bool(count), "who removes bytes is told when there are some"
    return count


def a_dataset(library: Library, actor: Actor, count: int = 3) -> ADataset:
    return library.a_dataset(actor, assets=count)


def test_what_has_expired_goes_with_all_that_belongs_to_it_and_its_record_says_why(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada)
    late, later, _ever = photos.ids
    due_at = library.now + HOUR
    keep_until(library, [late], due_at)
    keep_until(library, [later], due_at + HOUR)
    key = library.rows(ada)[late]["id"]
    bytes_of_late = library.blob_keys(ada)[library.rows(ada)[late]["sha256"]]

    def belong(conn: Connection) -> None:
        conn.execute(insert(asset_media), {"asset_id": key, "hls_prefix": "hls/late/", "store_behavior": "0"})
        said = {"kind": "image", "model": "m", "dim": 2, "description": "", "vector": packed([1, 0], 2)}
        conn.execute(
            insert(embedding),
            {"asset_id": key, "organization_id": ada.organization_id, "made_at": library.now, **said},
        )

    library.write(belong)
    assert library.read(next_due) == due_at
    assert expire(library) == 0
    library.now = due_at
    assert expire(library) == 1
    assert expire(library) == 0
    assert set(library.rows(ada)) == {later, _ever}
    assert library.loose_keys(ada) == {bytes_of_late}
    assert library.read(lambda conn: list(conn.scalars(select(loose_prefix.c.prefix)))) == ["hls/late/"]
    left = union_all(select(asset_media.c.asset_id), select(embedding.c.asset_id))
    assert library.read(lambda conn: conn.execute(left).all()) == []
    deleted = select(event.c.data, event.c.key_id, event.c.asset_uuid).where(event.c.type == "asset.deleted")
    [told] = library.read(lambda conn: conn.execute(deleted).all())
    assert (ids.text(told.asset_uuid), told.key_id) == (late, None)
    assert msgspec.json.decode(told.data)["initiator"] == "expiration"
    assert library.read(next_due) == due_at + HOUR


def test_of_each_organization_goes_what_has_expired_a_portion_at_a_time(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiring, "AT_ONCE", 2)
    ada, eve = library.an_actor(), library.an_actor()
    hers, his = a_dataset(library, ada, 5), a_dataset(library, eve, 3)
    keep_until(library, [*hers.ids[:4], *his.ids], library.now)
    assert expire(library) == 7
    assert list(library.rows(ada)) == hers.ids[4:]
    assert library.rows(eve) == {}
    purges = library.read(
        lambda conn: conn.execute(select(operation.c.total, operation.c.organization_id)).all()
    )
    assert sorted((row.organization_id, row.total) for row in purges) == [
        (ada.organization_id, 2),
        (ada.organization_id, 2),
        (eve.organization_id, 1),
        (eve.organization_id, 2),
    ]


def test_many_cost_as_many_statements_as_few(library: Library) -> None:
    sent = []
    for count in (10, 200):
        ada = library.an_actor()
        keep_until(library, a_dataset(library, ada, count).ids, library.now)
        with library.statements() as statements:
            assert (
                library.write(partial(purge_some, organization_id=ada.organization_id, now=library.now))
                == count
            )
        sent.append(len(statements))
    assert sent[0] == sent[1]


def test_a_copy_of_what_expires_stays(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada, 1)
    keep_until(library, photos.ids, library.now + DAY)
    library.submit(ada, Verb.COPY, photos.ids, photos, to="/kept")
    library.now += DAY
    assert expire(library) == 1
    assert library.paths(photos) == ["/kept/1.jpg"]
    assert library.loose_keys(ada) == set()


@pytest.mark.parametrize("verb", [Verb.COPY, Verb.MOVE, Verb.UPDATE, Verb.ARCHIVE, Verb.RESTORE])
def test_nothing_is_done_with_what_has_expired_and_is_not_gone_yet(library: Library, verb: Verb) -> None:
    """A copy of it would be kept for good."""
    ada = library.an_actor()
    photos = a_dataset(library, ada, 2)
    if verb is Verb.RESTORE:
        library.submit(ada, Verb.ARCHIVE, photos.ids)
    keep_until(library, photos.ids[:1], library.now)
    said = {
        Verb.COPY: {"to": "/kept"},
        Verb.MOVE: {"to": "/kept"},
        Verb.UPDATE: {"changes": Changes(status="complete")},
    }
    done = library.run(ada, library.request(verb, photos.ids, photos, **said.get(verb, {})))
    assert library.words(done) == ["not_found", "done"]
    assert expire(library) == 1


def test_a_filter_counts_what_a_listing_shows(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada, 3)
    keep_until(library, photos.ids[:1], library.now)
    selection = Matching(Filter(dataset_id=photos.id), expect_count=2)
    done = library.run(ada, library.request(Verb.ARCHIVE, selection, photos))
    assert library.words(done) == ["done", "done"]


def test_an_export_has_nothing_of_what_has_expired(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada, 3)
    due_at = library.now + HOUR
    keep_until(library, photos.ids[1:2], due_at)
    names = []
    for now in (due_at - 1, due_at):
        page = library.read(
            lambda conn, now=now: reading.read_page(conn, photos.id, None, after=0, up_to=2**60, now=now)
        )
        names.append([each.name for each in page.images])
    assert [len(each) for each in names] == [3, 2]


def test_archived_ones_expire_too_and_with_none_left_nothing_is_due(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada, 2)
    keep_until(library, photos.ids, library.now + HOUR)
    library.submit(ada, Verb.ARCHIVE, photos.ids[:1])
    library.now += 2 * HOUR
    assert expire(library) == 2
    assert library.read(next_due) is None
    assert library.read(partial(first_of, now=library.now)) is None
    assert library.write(partial(purge_some, organization_id=ada.organization_id, now=library.now)) == 0


def test_two_processes_at_it_do_it_once(library: Library, database_url: str, database_kind: str) -> None:
    if database_kind == "sqlite":
        pytest.skip("a SQLite library has one process")
    ada = library.an_actor()
    photos = a_dataset(library, ada, 300)
    keep_until(library, photos.ids[:290], library.now)
    done: list[int] = []

    async def clean() -> None:
        database = await connect(database_url)
        try:
            done.append(await Expiring(database, lambda: library.now, lambda: None).purge_all())
        finally:
            await database.close()

    others = [Thread(target=lambda: asyncio.run(clean())) for _ in range(3)]
    for each in others:
        each.start()
    for each in others:
        each.join()
    expire(library)
    assert list(library.rows(ada)) == photos.ids[290:]
    deleted = select(event.c.asset_uuid).where(event.c.type == "asset.deleted")
    told = [ids.text(it) for it in library.read(lambda conn: list(conn.scalars(deleted)))]
    assert sorted(told) == photos.ids[:290], "each once"


def test_it_goes_by_itself_a_moment_after_it_is_due(library: Library) -> None:
    ada = library.an_actor()
    photos = a_dataset(library, ada, 1)
    keep_until(library, photos.ids, library.now + HOUR)

    async def scenario() -> None:
        gone = asyncio.Event()
        task = asyncio.create_task(Expiring(library.database, lambda: library.now, gone.set).run())
        library.now += HOUR
        try:
            await asyncio.wait_for(gone.wait(), 30)
        finally:
            task.cancel()
            await asyncio.wait([task])

    library.do(scenario())
    assert library.rows(ada) == {}


def test_what_another_process_has_in_hand_is_looked_for_later_and_not_again_and_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    mine = get_ident()

    async def once(seconds: float) -> None:
        if get_ident() != mine:  # servers of other tests are at it, too
            return await asyncio.sleep(seconds)
        paused.append(seconds)
        raise asyncio.CancelledError

    ada = library.an_actor()
    keep_until(library, a_dataset(library, ada, 1).ids, library.now)
    monkeypatch.setattr(expiring, "purge_some", lambda _conn, **_: 0)
    monkeypatch.setattr(expiring, "asyncio", SimpleNamespace(sleep=once))  # others sleep, too
    with pytest.raises(asyncio.CancelledError):
        library.do(Expiring(library.database, lambda: library.now, lambda: None).run())
    assert paused == [expiring.IDLE]


def test_an_organization_of_which_nothing_can_be_purged_keeps_no_other_waiting(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, eve = library.an_actor(), library.an_actor()
    hers, his = a_dataset(library, ada), a_dataset(library, eve)
    keep_until(library, hers.ids, library.now)
    keep_until(library, his.ids, library.now + 1)
    library.now += HOUR
    submit = engine.submit

    def unwilling(conn: Connection, actor: Actor, request: Request, *, now: int) -> Operation:
        if actor.organization_id == ada.organization_id:
            raise ValueError("something about it is wrong")
        return submit(conn, actor, request, now=now)

    monkeypatch.setattr(engine, "submit", unwilling)
    assert expire(library) == 3
    assert (len(library.rows(ada)), len(library.rows(eve))) == (3, 0)
    monkeypatch.setattr(engine, "submit", submit)
    assert expire(library) == 3
