"""From an event to a receiver that has heard of it: who is told what, what is sent, and what becomes of failures."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from stackroom import ids
from stackroom.access import Role
from stackroom.clock import DAY, HOUR, SECOND
from stackroom.database.schema import delivery, event, job, webhook_endpoint
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.events import log
from stackroom.library import endpoints
from stackroom.library.endpoints import Endpoint, EndpointChanges
from stackroom.network.addresses import AllowList
from stackroom.operations.request import Verb
from stackroom.queue import claims, waiting, workers
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.testing.builders import Library
from stackroom.testing.queues import claim_only
from stackroom.testing.receiver import Heard, Receiver
from stackroom.web.native import hooks as native
from stackroom.web.pictograph import hooks as pictograph
from stackroom.webhooks import deliveries, delivering, forgetting, lines, telling
from stackroom.webhooks.deliveries import Delivery
from stackroom.webhooks.delivering import Deliverer

pytestmark = pytest.mark.every_database
ATTEMPTS = 4


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


class Post:
    """An organization with endpoints, and somebody who tells and delivers its events when the test says so."""

    def __init__(self, library: Library, receiver: Receiver, *, allowed: str | None = None) -> None:
        self.library = library
        self.receiver = receiver
        self.actor = library.an_actor()
        self.deliverer = Deliverer(
            library.database,
            {"native": native.tell, "pictograph": pictograph.tell},
            AllowList.parse(receiver.host if allowed is None else allowed),
            lambda: library.now,
            attempts=ATTEMPTS,
        )
        self.worker = library.write(
            lambda conn: workers.register(conn, name="test", version="0", slots=1, now=library.now)
        )

    def endpoint(self, path: str = "ok", dialect: endpoints.Dialect = "native", **wanted: Any) -> Endpoint:
        changes = EndpointChanges(**{"url": self.receiver.url(f"{path}/{ids.new().hex()}"), **wanted})
        return self.library.write(
            lambda conn: endpoints.create(conn, self.actor, changes, dialect=dialect, now=self.library.now)
        )

    def happen(self, kind: str = "asset.reviewed", **rest: Any) -> None:
        self.library.write(lambda conn: log.record(conn, self.actor, kind, at=self.library.now, **rest))

    def happen_to(self, count: int) -> None:
        """As many assets, of which there is nothing more to say."""
        about: list[tuple[bytes, dict[str, Any]]] = [(ids.new(), {}) for _ in range(count)]
        self.library.write(
            lambda conn: log.record_each(conn, self.actor, "asset.reviewed", about, at=self.library.now)
        )

    def tell(self) -> int:
        """Told is what happened in the whole library; only this organization has endpoints that are enabled."""
        return self.library.write(lambda conn: telling.tell(conn, now=self.library.now)).deliveries

    def claim(self) -> list[Claimed]:
        return self.library.write(
            lambda conn: claim_only(conn, self.worker, self.actor, telling.KIND, now=self.library.now)
        )

    def deliver(self) -> list[Result]:
        """Tell, and make one attempt at each delivery that is ready."""
        self.tell()
        self.library.write(lambda conn: waiting.promote(conn, now=self.library.now))
        results = [self.library.do(self.deliverer.run(each)) for each in self.claim()]
        self.library.write(lambda conn: claims.settle(conn, self.worker, results, now=self.library.now))
        return results

    def all(self, endpoint: Endpoint | None = None) -> list[Delivery]:
        return self.library.read(
            lambda conn: deliveries.page(conn, self.actor, endpoint=endpoint, limit=1000)
        )

    def heard(self, endpoint: Endpoint) -> list[Heard]:
        return self.receiver.heard_at(endpoint.url.removeprefix(self.receiver.url("")))

    def see(self, endpoint: Endpoint) -> Endpoint:
        return self.library.read(lambda conn: endpoints.find(conn, self.actor, ids.text(endpoint.uuid)))


@pytest.fixture
def post(library: Library, receiver: Receiver) -> Iterator[Post]:
    library.write(lambda conn: conn.execute(update(webhook_endpoint).values(enabled=False)))
    library.write(lambda conn: conn.execute(update(event).values(untold=False)))
    made = Post(library, receiver)
    yield made
    library.do(made.deliverer.close())


def test_what_happens_is_told_once_and_as_a_receiver_can_check(post: Post) -> None:
    endpoint = post.endpoint(auth_headers={"X-Token": "t"})
    uuid = ids.new()
    post.happen(asset_uuid=uuid, data={"x": 1})
    [result] = post.deliver()
    assert result.state is State.DONE
    [heard] = post.heard(endpoint)
    said = heard.json()
    assert (said["type"], said["asset_id"], said["data"]) == ("asset.reviewed", ids.text(uuid), {"x": 1})
    assert said["organization_id"] == ids.text(post.actor.organization_uuid)
    assert (heard.headers["x-token"], heard.headers["content-type"]) == ("t", "application/json")
    assert heard.headers["webhook-id"] == said["id"]
    at = heard.headers["webhook-timestamp"]
    signed = f"{said['id']}.{at}.".encode() + heard.body
    key = base64.b64decode(endpoint.secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert heard.headers["webhook-signature"] == f"v1,{wanted}"
    [done] = post.all()
    assert (done.state, done.attempts, done.status_code, done.error) == ("delivered", 1, 204, None)
    assert done.next_at is None
    assert done.finished_at is not None
    assert int(at) == (done.sent_at or 0) // SECOND
    assert post.deliver() == []
    assert len(post.heard(endpoint)) == 1


def test_who_finds_a_receiver_busy_comes_back_later_and_that_is_no_attempt(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0.02)
    endpoint = post.endpoint("slow/0.2", event_types=["asset.reviewed"])
    post.happen_to(2)
    post.tell()
    first, second = post.claim()

    async def both() -> tuple[Result, Result]:
        under_way = asyncio.create_task(post.deliverer.run(first))
        await asyncio.sleep(0)
        turned_away = await post.deliverer.run(second)
        return await under_way, turned_away

    done, busy = post.library.do(both())
    assert (done.state, len(post.heard(endpoint))) == (State.DONE, 1)
    assert (busy.state, busy.uncounted, busy.code) == (State.WAITING, True, "webhook_busy")
    assert busy.run_at == post.library.now + SECOND // 50


def test_a_delivery_that_nobody_makes_any_more_says_so(post: Post) -> None:
    endpoint = post.endpoint(event_types=["asset.reviewed"])
    post.happen_to(2)
    post.tell()
    crashed, unwanted = post.claim()
    post.library.write(
        lambda conn: post.deliverer.given_up(
            conn, crashed, "crashed", "it crashed the worker", post.library.now
        )
    )
    post.library.write(lambda conn: post.deliverer.cancelled(conn, [unwanted], post.library.now))
    assert {(each.state, each.error) for each in post.all(endpoint)} == {
        ("failed", "it crashed the worker (crashed)"),
        ("failed", "nobody wants it any more (cancelled)"),
    }
    assert post.heard(endpoint) == []
    post.library.write(
        lambda conn: endpoints.remove(conn, post.actor, ids.text(endpoint.uuid), now=post.library.now)
    )
    post.library.write(lambda conn: post.deliverer.cancelled(conn, [unwanted], post.library.now))


def test_everybody_is_told_of_what_they_want_and_in_order(post: Post) -> None:
    before = post.endpoint()
    only = post.endpoint(event_types=["asset.reviewed"])
    off = post.endpoint(enabled=False)
    post.happen()
    late = post.endpoint()
    post.happen("comment.created")
    post.deliver()
    told = {
        each.uuid: [heard.json()["type"] for heard in post.heard(each)] for each in (before, only, off, late)
    }
    made, happened = ["webhook.created"], ["asset.reviewed", "webhook.created", "comment.created"]
    assert told[before.uuid] == [*made, *made, *happened]
    assert told[only.uuid] == ["asset.reviewed"]
    assert told[off.uuid] == []
    assert told[late.uuid] == ["comment.created"]


def test_an_operation_is_told_once_or_item_by_item_as_asked(post: Post) -> None:
    whole, items = (
        post.endpoint(),
        post.endpoint(per_item=True, event_types=["asset.deleted", "operation.purge"]),
    )
    pictures = post.endpoint(per_item=True, asset_kind="image", event_types=["asset.deleted"])
    films = post.endpoint(per_item=True, asset_kind="video", event_types=["asset.deleted", "asset.reviewed"])
    dataset = post.library.a_dataset(post.actor, assets=3)
    post.library.submit(post.actor, Verb.PURGE, dataset.ids, dataset)
    post.happen(asset_uuid=ids.new())  # which is gone by now, and was a picture as far as one can tell
    post.deliver()
    deleted = ["asset.deleted"] * 3
    assert [heard.json()["type"] for heard in post.heard(items)] == deleted
    assert [heard.json()["data"]["position"] for heard in post.heard(items)] == [0, 1, 2]
    uploaded = {heard.json()["data"]["uploaded_at"] for heard in post.heard(items)}
    assert all(datetime.fromisoformat(each).tzinfo for each in uploaded)
    assert len(post.heard(pictures)) == 3
    assert post.heard(films) == []
    kinds = [heard.json()["type"] for heard in post.heard(whole)]
    assert "operation.purge" in kinds
    assert "asset.deleted" not in kinds


def test_pictograph_receivers_are_told_in_its_words(post: Post) -> None:
    endpoint = post.endpoint(dialect="pictograph")
    post.happen()
    post.deliver()
    [heard] = post.heard(endpoint)
    at, signature = (part.partition("=")[2] for part in heard.headers["x-pictograph-signature"].split(","))
    key = (
        endpoint.secret.encode()
    )  # as it is spelled: there is nothing about it that its clients would decode
    assert signature == hmac.digest(key, f"{at}.".encode() + heard.body, hashlib.sha256).hex()
    assert heard.json()["endpoint_id"] == ids.text(endpoint.uuid)


def test_an_old_secret_signs_as_well_until_its_time_is_over(post: Post) -> None:
    endpoint = post.endpoint()
    post.library.write(
        lambda conn: endpoints.rotate_secret(
            conn, post.actor, ids.text(endpoint.uuid), overlap=HOUR, now=post.library.now
        )
    )
    post.deliver()
    [first] = post.heard(endpoint)
    post.library.now += HOUR
    post.happen()
    post.deliver()
    assert len(first.headers["webhook-signature"].split()) == 2
    assert len(post.heard(endpoint)[-1].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize("secret", ["whsec_", "whsec_no Base64", "whsec_\u00e9", "\u00e9"])
def test_any_secret_that_a_receiver_has_chosen_is_a_key(post: Post, secret: str) -> None:
    endpoint = post.endpoint(secret=secret)
    post.happen()
    [result] = post.deliver()
    assert result.state is State.DONE
    [heard] = post.heard(endpoint)
    signed = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    wanted = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    assert heard.headers["webhook-signature"] == f"v1,{wanted}"


def test_who_chose_no_secret_is_sent_no_signature(post: Post) -> None:
    endpoint = post.endpoint(secret=None)
    post.happen()
    post.deliver()
    [heard] = post.heard(endpoint)
    assert "webhook-signature" not in heard.headers
    assert "webhook-id" in heard.headers


def test_what_fails_is_tried_again_later_and_later(post: Post) -> None:
    endpoint = post.endpoint("fail/2")
    post.happen()
    waits = []
    for _ in range(2):
        [result] = post.deliver()
        assert result.state is State.WAITING
        assert result.run_at is not None
        [seen] = post.all()
        waits.append((result.run_at - (seen.sent_at or 0)) / 60 / SECOND)
        assert (seen.state, seen.status_code, seen.next_at) == ("retrying", 500, result.run_at)
        assert post.deliver() == []
        post.library.now = result.run_at
    assert 0.9 <= waits[0] <= 1.1
    assert 4.5 <= waits[1] <= 5.5
    assert post.see(endpoint).failures == 2
    post.deliver()
    [done] = post.all()
    assert (done.state, done.attempts, done.status_code) == ("delivered", 3, 204)
    assert post.see(endpoint).failures == 0
    assert len({heard.headers["webhook-id"] for heard in post.heard(endpoint)}) == 1
    assert len({heard.body for heard in post.heard(endpoint)}) == 1


@pytest.mark.parametrize("succeeds_meanwhile", [False, True])
def test_an_endpoint_is_switched_off_when_a_budget_is_spent_without_success(
    post: Post, succeeds_meanwhile: bool
) -> None:
    endpoint = post.endpoint("status/410")
    post.happen()
    for n in range(ATTEMPTS):
        post.deliver()
        post.library.now += 2 * HOUR
        if succeeds_meanwhile and n == 1:
            moved = EndpointChanges(url=post.receiver.url("ok/moved"))
            back = EndpointChanges(url=endpoint.url)
            change_to(post, endpoint, moved)
            post.happen("comment.created")
            at, post.library.now = post.library.now, post.library.now - 2 * HOUR + SECOND
            post.deliver()
            post.library.now = at
            change_to(post, endpoint, back)
            post.library.write(lambda conn: conn.execute(update(event).values(untold=False)))
    failed = [each for each in post.all() if each.event_type == "asset.reviewed"]
    assert [(each.state, each.attempts, each.status_code) for each in failed] == [("failed", ATTEMPTS, 410)]
    seen = post.see(endpoint)
    assert seen.enabled == succeeds_meanwhile
    assert (seen.deactivated_at is None) == succeeds_meanwhile
    query = select(event.c.type).where(
        event.c.organization_id == post.actor.organization_id, event.c.type == "webhook.deactivated"
    )
    told = post.library.read(lambda conn: list(conn.scalars(query)))
    assert len(told) == (0 if succeeds_meanwhile else 1)
    if not succeeds_meanwhile:
        change_to(post, endpoint, EndpointChanges(enabled=True))
        again = post.see(endpoint)
        assert (again.failures, again.deactivated_at, again.deactivation_reason) == (0, None, None)


def test_who_has_just_switched_an_endpoint_on_is_not_contradicted_by_what_failed_before(post: Post) -> None:
    endpoint = post.endpoint("status/410")
    post.happen()
    for n in range(ATTEMPTS):
        if n == ATTEMPTS - 1:
            change_to(post, endpoint, EndpointChanges(enabled=True))
        post.deliver()
        post.library.now += 2 * HOUR
    assert "failed" in {each.state for each in post.all()}
    assert post.see(endpoint).enabled


def change_to(post: Post, endpoint: Endpoint, wanted: EndpointChanges) -> None:
    reference = ids.text(endpoint.uuid)
    post.library.write(
        lambda conn: endpoints.change(conn, post.actor, reference, wanted, now=post.library.now)
    )


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("status/404", 404, "404"),
        ("redirect", 307, "redirects are not followed"),
        ("drop", None, "connection failed"),
        ("hang", None, "no whole answer"),
        ("silent", None, "no whole answer"),
    ],
)
def test_what_a_receiver_can_do_wrong(
    post: Post, monkeypatch: pytest.MonkeyPatch, path: str, status: int | None, words: str
) -> None:
    if path in {"hang", "silent"}:
        monkeypatch.setattr(delivering, "SECONDS", 0.3)
    post.endpoint(path)
    post.happen()
    [result] = post.deliver()
    assert result.state is State.WAITING
    [seen] = post.all()
    assert (seen.state, seen.status_code) == ("retrying", status)
    assert words in str(seen.error)
    assert not post.receiver.heard_at("ok/redirected")


def test_of_a_gigabyte_only_the_beginning_is_read(post: Post) -> None:
    post.endpoint("gigabyte")
    post.happen()
    before = post.receiver.sent
    [result] = post.deliver()
    assert result.state is State.DONE
    [seen] = post.all()
    assert len(seen.response or "") == delivering.MAX_RESPONSE
    assert post.receiver.sent - before < 2**26


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://localhost:1/x",
        "http://10.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://169.254.169.254/latest",
        "http://files.internal/x",
        "http://0.0.0.0/x",
    ],
)
def test_nothing_is_sent_to_where_only_this_machine_reaches(
    library: Library, receiver: Receiver, url: str
) -> None:
    library.write(lambda conn: conn.execute(update(webhook_endpoint).values(enabled=False)))
    post = Post(library, receiver, allowed="")
    post.endpoint(url=url)
    post.happen()
    [result] = post.deliver()
    assert result.state is State.WAITING
    [seen] = post.all()
    assert "not sent" in str(seen.error)
    with pytest.raises(Invalid):
        library.do(post.deliverer.targets.check(url))
    library.do(post.deliverer.close())


def test_nothing_is_sent_to_an_endpoint_that_is_off_or_gone(post: Post) -> None:
    off, gone = post.endpoint(), post.endpoint()
    post.library.write(lambda conn: conn.execute(update(event).values(untold=False)))
    post.happen()
    post.tell()
    change_to(post, off, EndpointChanges(enabled=False))
    post.library.write(
        lambda conn: endpoints.remove(conn, post.actor, ids.text(gone.uuid), now=post.library.now)
    )
    results = post.deliver()
    assert {result.state for result in results} == {State.DONE, State.FAILED}
    [dropped] = post.all()
    assert (dropped.state, dropped.error, dropped.attempts) == ("failed", deliveries.OFF, 0)
    assert post.heard(off) == post.heard(gone) == []
    with pytest.raises(Conflict, match="switched off"):
        redeliver(post, dropped)


def redeliver(post: Post, found: Delivery) -> Delivery:
    return post.library.write(
        lambda conn: deliveries.redeliver(conn, post.actor, found, now=post.library.now)
    )


def test_a_delivery_is_made_again_when_somebody_asks(post: Post) -> None:
    endpoint = post.endpoint()
    post.happen()
    post.deliver()
    [first] = post.all()
    again = redeliver(post, first)
    assert (again.state, again.event_uuid, again.uuid != first.uuid) == ("pending", first.event_uuid, True)
    brought_by = post.library.read(lambda conn: conn.scalar(select(delivery.c.job_id).filter_by(id=again.id)))
    assert brought_by in post.library.read(lambda conn: conn.scalars(select(job.c.id)).all())
    post.deliver()
    assert [heard.headers["webhook-id"] for heard in post.heard(endpoint)] == [
        ids.text(first.event_uuid or b"")
    ] * 2
    stranger = post.library.an_actor()
    with pytest.raises(NotFound):
        post.library.read(lambda conn: deliveries.find(conn, stranger, ids.text(first.uuid)))
    other = post.endpoint()
    with pytest.raises(NotFound):
        post.library.read(lambda conn: deliveries.find(conn, post.actor, ids.text(first.uuid), other))
    post.actor = post.library.an_actor(Role.MEMBER, of=post.actor)
    with pytest.raises(Forbidden):
        redeliver(post, first)


def test_a_test_is_sent_at_once_and_leaves_no_trace(post: Post) -> None:
    endpoint = post.endpoint("fail/1")
    uuid = post.actor.organization_uuid
    first = post.library.do(post.deliverer.test(endpoint, uuid))
    second = post.library.do(post.deliverer.test(endpoint, uuid))
    assert (first.status_code, first.error is None) == (500, False)
    assert (second.status_code, second.error) == (204, None)
    assert post.heard(endpoint)[0].json()["type"] == "webhook.test"
    assert post.all() == []


def test_telling_takes_as_many_statements_whatever_there_is_to_tell(post: Post) -> None:
    for _ in range(3):
        post.endpoint()
    post.tell()
    counts = []
    for count in (2, 200):
        post.happen_to(count)
        with post.library.statements() as sent:
            assert post.tell() == 3 * count
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_what_goes_to_many_is_told_a_few_events_at_a_time(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [post.endpoint(event_types=["asset.reviewed"]) for _ in range(3)]
    post.tell()
    post.happen_to(5)
    counts = []
    for most in (7, 2, 2, 99):
        monkeypatch.setattr(telling, "MOST", most)
        counts.append(post.tell())
    assert counts == [6, 3, 3, 3]
    assert [len({each.event_id for each in post.all(it)}) for it in some] == [5] * 3


def test_several_servers_tell_each_event_once(post: Post) -> None:
    endpoint = post.endpoint(event_types=["asset.reviewed"])
    post.happen_to(300)
    database, now = post.library.database, post.library.now

    async def tell_all() -> int:
        count = 0
        while (told := await database.write(lambda conn: telling.tell(conn, limit=20, now=now))).events:
            count += told.deliveries
        return count

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(tell_all() for _ in range(4)))

    assert sum(post.library.do(all_at_once())) == 300
    made = post.all(endpoint)
    assert len({each.event_id for each in made}) == len(made) == 300


def test_what_another_server_has_in_hand_is_looked_for_later_and_not_again_and_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[telling.Told] = []

    def nothing(_conn: object, *, now: int) -> telling.Told:
        if now == post.library.now:  # other servers of this process have another clock
            told.append(telling.Told())
        return telling.Told()

    monkeypatch.setattr(telling, "any_untold", lambda _conn: True)
    monkeypatch.setattr(telling, "tell", nothing)
    teller = telling.Teller(post.library.database, lambda: None, lambda: post.library.now, idle=3600)

    async def scenario() -> None:
        task = asyncio.create_task(teller.run())
        for _ in range(50):  # which are turns for whoever asks again and again
            await post.library.database.write(lambda _conn: None)
        task.cancel()
        await asyncio.wait([task])

    post.library.do(scenario())
    assert len(told) == 1


def test_what_was_delivered_to_who_is_removed_is_forgotten_a_portion_at_a_time(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "PORTION", 2)
    endpoint, other = post.endpoint(), post.endpoint()
    post.happen_to(5)
    post.deliver()
    post.happen("comment.created")
    post.tell()
    [waiting] = [each for each in post.all(endpoint) if each.finished_at is None]
    kept, reference = post.all(other), ids.text(endpoint.uuid)
    database = post.library.database
    for nobody in (post.library.an_actor(), post.library.an_actor(Role.MEMBER, of=post.actor)):
        post.library.do(forgetting.forget_delivered(database, nobody, reference))
    assert len(post.all(endpoint)) > 5
    with post.library.statements() as sent:
        post.library.do(forgetting.forget_delivered(database, post.actor, reference))
    assert sum(each.startswith("DELETE") for each in sent) > 2
    assert (post.all(endpoint), post.all(other)) == ([waiting], kept)


def test_what_is_still_to_be_told_or_brought_is_not_forgotten_however_old_it_is(post: Post) -> None:
    endpoint = post.endpoint("fail/1", event_types=["asset.reviewed"])

    def forget(**days: int) -> None:
        kept = forgetting.Kept(**{"events": 0, "requests": 0, "deliveries": 0, **days})
        post.library.do(forgetting.forget(post.library.database, kept, lambda: post.library.now))

    post.happen()
    post.deliver()
    post.library.now += 2 * DAY
    forget(deliveries=1, events=1)
    assert [each.state for each in post.all(endpoint)] == ["retrying"]
    post.deliver()
    post.happen()
    post.library.now += 2 * DAY
    forget(events=1)
    post.deliver()
    assert [each.state for each in post.all(endpoint)] == ["delivered", "delivered"]
    post.library.now += 2 * DAY
    forget(deliveries=1)
    assert post.all(endpoint) == []


def test_what_is_old_is_forgotten_and_nothing_else(post: Post) -> None:
    endpoint = post.endpoint()
    post.happen()
    post.deliver()
    old = post.all()
    post.library.now += 31 * DAY
    post.happen()
    post.deliver()
    kept = forgetting.Kept(events=30, requests=30, deliveries=30)
    for _ in range(2):
        post.library.do(forgetting.forget(post.library.database, kept, lambda: post.library.now))
        [left] = post.all(endpoint)
        assert left not in old
    mine = select(event.c.id).where(event.c.organization_id == post.actor.organization_id)
    assert len(post.library.read(lambda conn: list(conn.scalars(mine)))) == 1
    ours = select(delivery.c.job_id).where(delivery.c.organization_id == post.actor.organization_id)
    jobs = select(job.c.id).where(job.c.id.in_(ours))
    assert len(post.library.read(lambda conn: list(conn.scalars(jobs)))) == 1
