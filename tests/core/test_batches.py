"""Batches: what comes in by them, what they say of themselves, and what becomes of images meanwhile."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select
from sqlalchemy.event import listen, remove

from stackroom import clock, ids
from stackroom.access import Actor, Role
from stackroom.database import flavour
from stackroom.database.schema import asset, event, registration
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.ingest import batches, settling, single
from stackroom.ingest.batches import Batch
from stackroom.ingest.forgetting import forget
from stackroom.ingest.preparing import KIND, Arriving, called, read_task
from stackroom.ingest.settling import Kept
from stackroom.library import blobs
from stackroom.library.blobs import Arrival
from stackroom.library.registrations import Registration
from stackroom.operations.request import Verb
from stackroom.queue import claims, workers
from stackroom.queue.jobs import DEFAULT, Claimed, Result, State
from stackroom.testing.builders import Library
from stackroom.testing.queues import claim_only

pytestmark = pytest.mark.every_database
HOST = "https://host.example/scans"


class House:
    """An organization with a dataset, and a worker that says of each arrival what it is told to."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.photos = library.a_dataset(self.actor)
        self.worker = library.write(
            lambda conn: workers.register(conn, name="test", version="0", slots=4, now=library.now)
        )

    def arriving(self, key: str | None = None, **rest: Any) -> Arriving:
        origin = rest.pop("origin", f"{HOST}/{key}.jpg")
        return Arriving(dataset_id=rest.pop("dataset_id", self.photos.id), origin=origin, key=key, **rest)

    def accept(self, *arrivals: Arriving | str, actor: Actor | None = None, priority: int = DEFAULT) -> Batch:
        wanted = [self.arriving(each) if isinstance(each, str) else each for each in arrivals]
        return self.write(batches.accept, wanted, actor=actor, priority=priority)

    def write(self, work: Any, *arguments: Any, actor: Actor | None = None, **rest: Any) -> Any:
        by = actor or self.actor
        return self.library.write(lambda conn: work(conn, by, *arguments, now=self.library.now, **rest))

    def claim(self, limit: int = 100) -> list[Claimed]:
        """So many of the organization's jobs."""

        def work(conn: Connection) -> list[Claimed]:
            taken = claim_only(conn, self.worker, self.actor, KIND, now=self.library.now)
            claims.give_back(conn, self.worker, taken[limit:], now=self.library.now)
            return taken[:limit]

        return self.library.write(work)

    def settle(self, jobs: Sequence[Claimed], *, fails: Sequence[int] = ()) -> None:
        """All of these have come in, but those at these places of their batch, which failed."""

        def result(conn: Connection, job: Claimed) -> Result:
            if job.position in fails:
                return Result(
                    job=job, state=State.FAILED, code="broken", reason="It is broken.", effect=fail(job)
                )
            return Result(job=job, state=State.DONE, effect=bring(conn, self.actor, job, self.library.now))

        def work(conn: Connection) -> None:
            results = [result(conn, job) for job in jobs]
            landed = claims.settle(conn, self.worker, results, now=self.library.now)
            settling.record_finished(conn, landed.finished, now=self.library.now)

        self.library.write(work)

    def run(self, *, fails: Sequence[int] = ()) -> None:
        self.settle(self.claim(), fails=fails)

    def again(self, known: Batch) -> Batch:
        return self.library.read(lambda conn: batches.find(conn, self.actor, known.id))

    def asset(self, key: str) -> Any:
        query = select(asset).where(asset.c.dataset_id == self.photos.id, asset.c.key == key)
        return self.library.read(lambda conn: conn.execute(query).first())

    def events(self, kind: str, of: Batch | None = None) -> list[dict[str, Any]]:
        mine = [event.c.organization_id == self.actor.organization_id, event.c.type == kind]
        mine += [event.c.batch_id == of.id] if of else []
        rows = self.library.read(
            lambda conn: list(conn.scalars(select(event.c.data).where(*mine).order_by(event.c.id)))
        )
        return [msgspec.json.decode(each) for each in rows]

    def items(self, of: Batch, **rest: Any) -> list[batches.Item]:
        return self.library.read(lambda conn: batches.items(conn, of, limit=100, **rest))

    def test(self, of: Batch) -> bool:
        done: bool = self.write(batches.test, of.id)
        return done

    def purge(self, key: str) -> None:
        self.library.submit(self.actor, Verb.PURGE, [ids.text(self.asset(key).uuid)], self.photos)


def fail(job: Claimed) -> Any:
    return lambda conn, now: settling.failed(conn, job, "broken", "It is broken.", now=now)


def bring(conn: Connection, actor: Actor, job: Claimed, at: int) -> Any:
    """The effect of an arrival whose bytes are its origin."""
    content = read_task(job.task).origin.encode()
    arrival = Arrival(sha256=content[-32:].rjust(32), size=len(content), content_type="image/jpeg")
    key = blobs.announce(conn, actor.organization_uuid, arrival.sha256, now=at)
    kept = Kept(
        kind="image",
        content_type="image/jpeg",
        size=arrival.size,
        width=4,
        height=3,
        arrival=arrival,
        key=key,
    )
    return lambda conn, now: settling.ingested(conn, job, kept, now=now)


@pytest.fixture
def house(library: Library) -> House:
    return House(library)


def test_a_batch_makes_an_asset_for_each_that_is_ingesting(house: House) -> None:
    made = house.accept("a", "b")
    assert (made.count, made.completed, made.errors, made.cancelled) == (2, 0, 0, 0)
    assert (made.state, made.finished_at) == ("waiting", None)
    row = house.asset("a")
    assert (row.name, row.state, row.blob_id, row.batch_id) == ("a.jpg", "ingesting", None, made.id)
    assert [(it.key, it.state, it.origin) for it in house.items(made)] == [
        ("a", "waiting", f"{HOST}/a.jpg"),
        ("b", "waiting", f"{HOST}/b.jpg"),
    ]
    assert len(house.events("asset.created", made)) == 2
    assert len(house.events("batch.created", made)) == 1


def test_what_comes_in_is_counted_and_the_end_recorded_once(house: House) -> None:
    made = house.accept("a", "b", "c")
    house.settle(house.claim(1))
    begun = house.again(made)
    assert (begun.completed, begun.state, begun.finished_at) == (1, "running", None)
    assert house.events("batch.finished", made) == []
    house.run(fails=[2])
    ended = house.again(made)
    assert (ended.completed, ended.errors, ended.state) == (2, 1, "finished")
    [said] = house.events("batch.finished", made)
    assert (said["id"], said["count"], said["completed"], said["errors"]) == (made.id, 3, 2, 1)
    good, bad = house.asset("a"), house.asset("c")
    assert (good.state, good.error, good.width, good.size) == ("finished", None, 4, len(f"{HOST}/a.jpg"))
    assert (bad.state, bad.error, bad.blob_id) == ("error", "It is broken.", None)
    assert None not in {good.ingested_at, bad.ingested_at}
    [failed] = house.items(made, state="failed")
    assert (failed.key, failed.code, failed.reason) == ("c", "broken", "It is broken.")


def test_names_that_are_taken_get_a_number(house: House) -> None:
    house.library.add(house.actor, house.photos, ["x.jpg", "x-2.jpg"])
    house.accept(*(house.arriving(origin=f"{HOST}/{n}/x.jpg") for n in range(2)))
    assert house.library.paths(house.photos) == ["/x-2.jpg", "/x-3.jpg", "/x-4.jpg", "/x.jpg"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"key": "leaf-1", "origin": f"{HOST}/001.tif"}, "leaf-1.tif"),
        ({"key": "leaf.png", "origin": f"{HOST}/001.tif"}, "leaf.png"),
        ({"key": "a/b", "origin": f"{HOST}/full/0/default"}, "a_b"),
        ({"origin": f"{HOST}/a%20b.jpg?x=1/2"}, "a b.jpg"),
        ({"origin": "https://host.example/"}, "host.example"),
        ({"origin": f"{HOST}/photo.HEIC"}, "photo.png"),
        ({"key": "..", "origin": f"{HOST}/x"}, "__"),
        ({"name": "mine.jpg", "key": "k", "origin": f"{HOST}/x.png"}, "mine.jpg"),
    ],
)
def test_what_an_arrival_is_called(given: dict[str, str], name: str) -> None:
    assert called(Arriving(dataset_id=1, **given)) == name


@pytest.mark.parametrize(
    ("last", "name"),
    [("a%2F..%2F..%2Fb.jpg", "a_.._.._b.jpg"), ("%2e%2e", "__"), ("c%00%0Ad.jpg", "c__d.jpg"), ("", "scans")],
)
def test_what_an_arrival_was_called_is_a_name_wherever_it_is_saved(
    house: House, last: str, name: str
) -> None:
    made = house.accept(house.arriving(key="k", origin=f"{HOST}/{last}"))
    of = asset.c.batch_id == made.id
    assert house.library.read(lambda conn: conn.scalar(select(asset.c.original_name).where(of))) == name


def test_a_batch_without_arrivals_is_finished_at_once(house: House) -> None:
    made = house.accept()
    assert (made.count, made.finished_at) == (0, made.created_at)
    assert len(house.events("batch.finished", made)) == 1


def test_nothing_is_accepted_where_one_is_refused(house: House) -> None:
    other = House(house.library)
    for refused, error in [
        ([house.arriving("a"), house.arriving("a")], Invalid),
        ([house.arriving("a"), house.arriving("b", dataset_id=other.photos.id)], NotFound),
        ([house.arriving("a"), house.arriving("b", name="a/b")], Invalid),
        ([house.arriving("a"), house.arriving("b", folder="/../x")], Invalid),
        ([house.arriving("a"), house.arriving(asset_id=2**40)], NotFound),
    ]:
        with pytest.raises(error):
            house.accept(*refused)
    assert house.asset("a") is None
    assert house.library.read(lambda conn: batches.page(conn, house.actor, "all", limit=10)) == ([], 0)
    with pytest.raises(Forbidden):
        house.accept("a", actor=house.library.an_actor(Role.VIEWER, of=house.actor))


def test_a_later_batch_takes_an_image_over_and_both_finish(house: House) -> None:
    first = house.accept("a", "b")
    second = house.accept("a")
    old, new = sorted(house.claim(), key=lambda it: it.id)[::2]
    assert (house.asset("a").batch_id, house.asset("a").job_id) == (second.id, new.id)
    waiting = house.asset("a")
    house.settle([old])  # it was overtaken, and settles its own item only
    assert (house.asset("a").state, house.asset("a").version) == ("ingesting", waiting.version)
    house.settle([new])
    assert house.asset("a").state == "finished"
    assert house.again(second).finished_at is not None
    assert house.again(first).completed == 1


def test_taking_in_anew_clears_what_was_said_and_keeps_the_bytes_until_the_new_ones_come(
    house: House,
) -> None:
    house.accept("a")
    house.run()
    before = house.asset("a")
    second = house.accept(house.arriving("a", origin=f"{HOST}/other.jpg"))
    begun = house.asset("a")
    assert (begun.state, begun.error, begun.ingested_at) == ("ingesting", None, None)
    assert (begun.blob_id, begun.name, begun.uuid) == (before.blob_id, before.name, before.uuid)
    house.run()
    after = house.asset("a")
    assert after.blob_id != before.blob_id
    assert house.library.read(lambda conn: blobs.get(conn, before.blob_id)) is None  # nothing else used them
    assert len(house.events("asset.resubmitted", second)) == 1
    third = house.accept("a")
    house.run(fails=[0])
    assert (house.asset("a").state, house.asset("a").blob_id) == ("error", after.blob_id)
    assert house.again(third).errors == 1


def test_an_archived_image_that_is_submitted_lives_again_under_a_free_name(house: House) -> None:
    house.accept("a")
    house.run()
    house.library.submit(house.actor, Verb.ARCHIVE, [ids.text(house.asset("a").uuid)], house.photos)
    house.library.add(house.actor, house.photos, ["a.jpg"])
    house.accept("a")
    assert (house.asset("a").archived_at, house.asset("a").name) == (None, "a-2.jpg")


def test_an_image_without_a_key_goes_by_its_id(house: House) -> None:
    [known] = house.library.add(house.actor, house.photos, ["old.jpg"])
    made = house.accept(known)
    [item] = house.items(made)
    assert (ids.text(item.asset_uuid), item.name, item.key) == (known, "old.jpg", None)


def test_an_image_deleted_while_it_waits_leaves_its_item_behind(house: House) -> None:
    made = house.accept("a", "b")
    house.purge("a")
    house.settle(house.claim(1))  # its end finds no asset, and does nothing
    [gone, _] = house.items(made)
    assert (gone.state, gone.name, gone.key) == ("completed", None, None)
    house.run()
    assert house.again(made).finished_at is not None


class TestTesting:
    """The table of what `test` does: first and second call."""

    def test_of_a_batch_whose_images_are_gone(self, house: House) -> None:
        made = house.accept("a")
        house.purge("a")
        assert (house.test(made), house.test(made)) == (True, False)
        said = house.again(made)
        assert (said.superseded, said.count, said.completed, said.errors) == (True, 0, 0, 0)
        assert said.finished_at is not None
        assert len(house.events("batch.finished", made)) == 1
        house.run()  # its item was still waiting, and counts no more
        assert house.again(made) == said

    def test_of_a_batch_that_is_done(self, house: House) -> None:
        made = house.accept("a", "b")
        house.run(fails=[0])
        assert not house.test(made)

    def test_of_a_batch_of_which_some_went_elsewhere(self, house: House) -> None:
        made = house.accept("a", "b", "c")
        house.run(fails=[1])
        house.accept("c")
        assert (house.test(made), house.test(made)) == (True, False)
        said = house.again(made)
        assert (said.count, said.completed, said.errors) == (2, 1, 1)
        assert len(house.events("batch.finished", made)) == 1

    def test_of_a_batch_that_is_at_work(self, house: House) -> None:
        made = house.accept("a", "b")
        house.settle(house.claim(1))
        assert not house.test(made)
        assert house.again(made).finished_at is None

    def test_of_a_batch_whose_counts_are_split_wrongly(self, house: House) -> None:
        made = house.accept("a", "b")
        house.run(fails=[0])
        house.write(single.submit, house.arriving("a"))  # it stays with its batch, and comes in this time
        house.run()
        assert (house.test(made), house.test(made)) == (True, False)
        assert (house.again(made).completed, house.again(made).errors) == (2, 0)

    def test_of_a_cancelled_batch(self, house: House) -> None:
        made = house.accept("a", "b")
        house.settle(house.claim(1))
        house.write(batches.cancel, made.id)
        assert not house.test(made)

    def test_of_another_organizations_batch(self, house: House) -> None:
        made = house.accept("a")
        with pytest.raises(NotFound):
            house.write(batches.test, made.id, actor=house.library.an_actor())

    @pytest.mark.parametrize("number", ["0", str(2**63), "9" * 5000])
    def test_of_one_that_nobody_has(self, house: House, number: str) -> None:
        with pytest.raises(NotFound):
            house.write(batches.test, number)


def test_reingesting_takes_an_image_out_of_its_batch(house: House) -> None:
    made = house.accept("a")
    house.run()
    sent: single.Submitted = house.write(single.submit, house.arriving("a"), keep_batch=False)
    assert (house.asset("a").batch_id, house.asset("a").job_id) == (None, sent.job_id)
    house.run()
    assert house.asset("a").state == "finished"
    assert house.test(made)
    assert house.again(made).superseded


def test_cancelling_ends_what_has_not_begun(house: House) -> None:
    house.accept("a")
    house.run()
    made = house.accept("a", "b", "c")
    [running] = house.claim(1)
    cancelled: Batch = house.write(batches.cancel, ids.text(made.uuid))
    assert (cancelled.cancelled, cancelled.state) == (2, "cancelling")
    assert (house.asset("b").state, house.asset("b").error) == ("error", settling.NEVER_BEGUN)
    house.settle([running])
    ended = house.again(made)
    assert (ended.completed, ended.cancelled, ended.state) == (1, 2, "cancelled")
    assert len(house.events("batch.finished", made)) == 1
    assert house.write(batches.cancel, made.id) == ended


def test_cancelling_leaves_an_image_that_had_bytes_as_it_was(house: House) -> None:
    house.accept("a")
    house.run()
    made = house.accept("a")
    done: Batch = house.write(batches.cancel, made.id)
    assert done.finished_at is not None
    assert (house.asset("a").state, house.asset("a").error) == ("finished", None)


def test_failed_items_are_tried_again_in_a_batch_of_their_own(house: House) -> None:
    made = house.accept("a", "b", "c", "d")
    house.run(fails=[1, 2, 3])
    house.accept("c")  # by now another arrival is about it
    house.purge("d")
    again: Batch = house.write(batches.retry, made.id)
    assert (again.count, again.retry_of, again.priority) == (1, made.id, made.priority)
    assert [it.key for it in house.items(again)] == ["b"]
    with pytest.raises(Conflict) as refused:
        house.write(batches.retry, made.id)
    assert refused.value.code == "nothing_to_retry"
    house.run()
    assert house.asset("b").state == "finished"


def test_what_is_said_of_an_image_is_merged(house: House) -> None:
    house.accept(house.arriving("a", registration=Registration(string1="x", number1=7)))
    house.accept(house.arriving("a", origin=f"{HOST}/b.png", registration=Registration(number1=8)))
    query = select(registration).where(registration.c.asset_id == house.asset("a").id)
    row = house.library.read(lambda conn: conn.execute(query).one())
    assert (row.string1, row.number1, row.origin, row.media_type) == ("x", 8, f"{HOST}/b.png", "image/jpeg")


def test_batches_are_listed_in_their_orders(house: House) -> None:
    first, second, third = (house.accept(key) for key in "abc")
    house.settle([it for it in house.claim() if it.batch_id in {first.id, third.id}][::-1])

    def listed(which: batches.Which, **rest: Any) -> list[int]:
        found, total = house.library.read(
            lambda conn: batches.page(conn, house.actor, which, limit=10, **rest)
        )
        assert len(found) == total
        return [it.id for it in found]

    assert listed("all") == [first.id, second.id, third.id]
    assert listed("all", order_by="id", descending=True) == [third.id, second.id, first.id]
    assert listed("active") == [second.id]
    assert listed("recent") == [third.id, first.id]
    page, total = house.library.read(lambda conn: batches.page(conn, house.actor, "all", limit=1, offset=1))
    assert ([it.id for it in page], total) == ([second.id], 3)
    stranger = house.library.an_actor()
    assert house.library.read(lambda conn: batches.page(conn, stranger, "all", limit=9)) == ([], 0)


def test_the_queue_says_how_much_there_is_to_do(house: House) -> None:
    house.accept("a", "b")
    house.accept("c", priority=0)
    house.claim(1)

    def state(*which: Any) -> tuple[int, int, int]:
        found = house.library.read(
            lambda conn: batches.queue_state(conn, house.actor.organization_id, *which)
        )
        return found.size, found.running, found.batches

    assert (state(), state(0), state(1)) == ((3, 1, 2), (1, 1, 1), (2, 0, 1))


def test_old_batches_are_forgotten_and_their_images_stay(house: House) -> None:
    made = house.accept("a", "b")
    house.run()
    left = house.accept("c")
    house.library.now += 10 * clock.DAY

    def work(conn: Connection) -> None:
        while forget(conn, kept_for=9 * clock.DAY, now=house.library.now):
            pass

    house.library.write(work)
    with pytest.raises(NotFound):
        house.again(made)
    assert (house.asset("a").state, house.asset("a").batch_id) == ("finished", None)
    assert house.again(left).count == 1


@pytest.mark.parametrize("again", [False, True])
def test_as_many_statements_for_a_thousand_arrivals_as_for_ten(house: House, again: bool) -> None:
    house.accept("first")  # which makes the lane
    counts = []
    for count in (10, 1000):
        arrivals = [house.arriving(f"{count}-{n}", name="same.jpg") for n in range(count)]
        if again:
            house.accept(*arrivals)
        with house.library.statements() as sent:
            house.accept(*arrivals)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_nothing_that_a_batch_needs_reads_a_table_from_end_to_end(house: House) -> None:
    if house.library.read(flavour.of) is not flavour.SQLITE:
        pytest.skip("the plans of PostgreSQL depend on what is in its tables")
    with statements_of(house.library) as sent:
        first = house.accept("a", "b", "c", house.arriving(ids.text(ids.new())))
        house.run(fails=[1])
        house.write(batches.retry, first.id)
        house.accept(house.arriving("a", registration=Registration(string1="x")))
        house.accept(house.arriving("d", name="a.jpg"))
        house.write(batches.cancel, house.again(first).id + 1)
        house.test(first)
        house.write(single.submit, house.arriving("a"), keep_batch=False)
        house.run()
        house.library.write(lambda conn: forget(conn, kept_for=clock.DAY, now=house.library.now + clock.HOUR))
        house.items(first, state="failed")
        house.library.read(lambda conn: batches.page(conn, house.actor, "active", limit=10))
        house.library.read(lambda conn: batches.page(conn, house.actor, "recent", limit=10))
    scanned = {
        f"{table} in {sql}"
        for sql, parameters in sent
        # A new lane is asked for by jobs that were there before it, of which there are none.
        if "INSERT INTO lane" not in sql
        for step in plan_of(house.library, sql, parameters)
        for table in re.findall(r"^SCAN (asset|job|event|batch|registration|blob|upload)\b(?! USING)", step)
    }
    assert scanned == set()


@contextmanager
def statements_of(library: Library) -> Iterator[list[tuple[str, Any]]]:
    """Collects what is sent meanwhile, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.append((sql, parameters[0] if many else parameters))

    engines = {library.write(lambda conn: conn.engine), library.read(lambda conn: conn.engine)}
    for engine in engines:
        listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        for engine in engines:
            remove(engine, "before_cursor_execute", note)


def plan_of(library: Library, sql: str, parameters: Any) -> list[str]:
    if sql.lstrip().split(None, 1)[0] not in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}:
        return []
    query = "EXPLAIN QUERY PLAN " + sql
    return library.read(lambda conn: [row.detail for row in conn.exec_driver_sql(query, parameters)])
