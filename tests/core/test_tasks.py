"""What is made of media after they came in: seen, called off and begun anew by those whose media they are."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest
from sqlalchemy import select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.clock import DAY
from stackroom.database.schema import asset, asset_media, event, lane
from stackroom.database.transaction import Connection
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.ingest import forgetting as arrivals
from stackroom.processing import embedding, tasks, transcoding
from stackroom.processing.tasks import Task
from stackroom.queue import forgetting as jobs
from stackroom.queue.jobs import DEFAULT, Claimed, Handler, NewJob, State
from stackroom.queue.submit import submit_one
from stackroom.testing.builders import Library
from stackroom.testing.queues import Queue, claim_only, done, failed, later

pytestmark = pytest.mark.every_database


class Noting:
    """As much of a handler as hears of jobs that are called off."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def cancelled(self, _conn: Connection, jobs: Sequence[Claimed], _now: int) -> None:
        self.heard += [each.id for each in jobs]


class Shop:
    """An organization with videos, each with a job to be transcoded."""

    def __init__(self, library: Library, videos: int = 1) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.handler = Noting()
        self.assets = [ids.parse(each) or b"" for each in library.a_dataset(self.actor, assets=videos).ids]
        library.write(
            lambda conn: conn.execute(update(asset).where(asset.c.uuid.in_(self.assets)).values(kind="video"))
        )
        self.jobs = [self.transcode(each) for each in self.assets]

    def transcode(self, uuid: bytes) -> int:
        def work(conn: Connection) -> int:
            asset_id = conn.scalar(select(asset.c.id).where(asset.c.uuid == uuid)) or 0
            return transcoding.submit_transcode(
                conn, self.actor.organization_id, asset_id, uuid, now=self.library.now
            )

        return self.library.write(work)

    def embed(self, uuid: bytes) -> int:
        return self.library.write(
            lambda conn: submit_one(
                conn,
                organization_id=self.actor.organization_id,
                kind=embedding.KIND,
                priority=DEFAULT,
                job=NewJob(f'{{"asset":"{uuid.hex()}"}}'),
                now=self.library.now,
            )
        )

    def becomes(self, number: int, state: State) -> None:
        """As if its worker had said so. All others that are ready are begun."""
        queue, now = Queue(self.library, self.actor, kind=transcoding.KIND), self.library.now
        worker = queue.worker()
        begun = self.library.write(
            lambda conn: claim_only(conn, worker, self.actor, transcoding.KIND, now=now)
        )
        mine = next(each for each in begun if each.id == number)
        results = {State.DONE: done(mine), State.FAILED: failed(mine), State.WAITING: later(mine, now)}
        if state in results:
            queue.settle(worker, [results[state]])

    def page(self, actor: Actor | None = None, **wanted: object) -> list[Task]:
        given = {"limit": 50, **wanted}
        return self.library.read(lambda conn: tasks.page(conn, actor or self.actor, **given))  # type: ignore[arg-type]  # as the test says

    def cancel(self, number: int, actor: Actor | None = None) -> Task:
        who, handler = actor or self.actor, cast("Handler", self.handler)
        return self.library.write(
            lambda conn: tasks.cancel(conn, who, number, lambda _: handler, now=self.library.now)
        )

    def retry(self, number: int, actor: Actor | None = None) -> Task:
        return self.library.write(
            lambda conn: tasks.retry(conn, actor or self.actor, number, now=self.library.now)
        )

    def unfinished(self) -> int:
        mine = select(lane.c.unfinished).where(lane.c.organization_id == self.actor.organization_id)
        return sum(self.library.read(lambda conn: conn.scalars(mine).all()))


def test_tasks_are_listed_newest_first_by_state_and_kind(library: Library) -> None:
    shop = Shop(library, videos=3)
    embedded = shop.embed(shop.assets[0])
    shop.becomes(shop.jobs[1], State.DONE)
    assert [each.id for each in shop.page()] == [embedded, *reversed(shop.jobs)]
    assert [each.id for each in shop.page(limit=2, offset=1)] == shop.jobs[:0:-1]
    assert [each.id for each in shop.page(state=State.DONE)] == [shop.jobs[1]]
    assert [each.id for each in shop.page(kind=embedding.KIND)] == [embedded]
    assert [each.asset for each in shop.page(kind=transcoding.KIND)] == shop.assets[::-1]
    assert {each.asset_kind for each in shop.page()} == {"video"}
    counted = library.read(lambda conn: tasks.count(conn, shop.actor))
    assert counted == {State.READY: 1, State.RUNNING: 2, State.DONE: 1}


def test_a_task_of_what_is_gone_is_still_listed(library: Library) -> None:
    shop = Shop(library)
    embedded = shop.embed(ids.new())
    assert [(each.id, each.asset_kind) for each in shop.page()] == [
        (embedded, None),
        (shop.jobs[0], "video"),
    ]


def test_others_see_no_task(library: Library) -> None:
    shop, stranger = Shop(library), library.an_actor()
    assert shop.page(stranger) == []
    with pytest.raises(NotFound):
        library.read(lambda conn: tasks.find(conn, stranger, shop.jobs[0]))
    for refused in (shop.cancel, shop.retry):
        with pytest.raises(Invalid):
            refused(shop.jobs[0], stranger)
        with pytest.raises(Forbidden):
            refused(shop.jobs[0], library.an_actor(Role.VIEWER, of=shop.actor))


@pytest.mark.parametrize("state", [State.READY, State.WAITING])
def test_what_nobody_has_begun_can_be_cancelled_once(library: Library, state: State) -> None:
    shop = Shop(library, videos=2)
    if state is State.WAITING:
        shop.becomes(shop.jobs[0], state)
    assert shop.cancel(shop.jobs[0]).state is State.CANCELLED
    assert shop.handler.heard == [shop.jobs[0]]
    assert shop.unfinished() == 1
    with pytest.raises(Invalid):
        shop.cancel(shop.jobs[0])
    kinds = select(event.c.type, event.c.asset_uuid).where(
        event.c.organization_id == shop.actor.organization_id, event.c.type == "task.cancelled"
    )
    assert library.read(lambda conn: conn.execute(kinds).all()) == [("task.cancelled", shop.assets[0])]


@pytest.mark.parametrize("state", [State.RUNNING, State.DONE, State.FAILED])
def test_what_has_been_begun_is_not_cancelled(library: Library, state: State) -> None:
    shop = Shop(library)
    shop.becomes(shop.jobs[0], state)
    with pytest.raises(Invalid) as refused:
        shop.cancel(shop.jobs[0])
    assert refused.value.code == "not_cancellable"
    assert library.read(lambda conn: tasks.find(conn, shop.actor, shop.jobs[0])).state is state


def test_what_has_failed_is_done_once_more_as_if_it_had_just_come(library: Library) -> None:
    shop = Shop(library)
    shop.becomes(shop.jobs[0], State.FAILED)
    assert library.read(lambda conn: tasks.find(conn, shop.actor, shop.jobs[0])).error == "it is broken"
    again = shop.retry(shop.jobs[0])
    assert (again.state, again.attempt, again.error, again.finished_at) == (State.READY, 0, None, None)
    assert shop.unfinished() == 1
    processing = select(asset_media.c.processing).join(asset, asset.c.id == asset_media.c.asset_id)
    found = library.read(lambda conn: conn.scalar(processing.where(asset.c.uuid == shop.assets[0])))
    assert found == "pending"
    with pytest.raises(Invalid) as refused:
        shop.retry(shop.jobs[0])
    assert refused.value.code == "not_failed"


def test_what_has_failed_is_remembered_for_a_month(library: Library) -> None:
    shop = Shop(library)
    shop.becomes(shop.jobs[0], State.FAILED)

    def forget(now: int) -> None:
        while library.write(lambda conn: arrivals.forget(conn, kept_for=DAY, now=now)):
            pass
        for each in library.read(lambda conn: jobs.lanes_to_tidy(conn, now=now)):
            library.write(lambda conn, lane_id=each: jobs.forget(conn, lane_id, now=now))  # type: ignore[misc]  # bound at once

    forget(library.now + 29 * DAY)
    assert [each.id for each in shop.page()] == shop.jobs
    forget(library.now + 31 * DAY)
    assert shop.page() == []


def test_a_page_takes_as_many_statements_however_long(library: Library) -> None:
    shop = Shop(library, videos=12)

    def sent(work: Callable[[Connection], object]) -> int:
        with library.statements() as said:
            library.write(work)
        return len(said)

    few, many = (
        sent(lambda conn, most=most: tasks.page(conn, shop.actor, limit=most))  # type: ignore[misc]  # bound at once
        for most in (1, 12)
    )
    assert few == many
