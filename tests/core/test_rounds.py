"""Every asset gets its vector, whichever way it came: looked for in indexes, made in rounds that survive anything."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import asset, embedding, embedding_round, job, lane
from stackroom.database.transaction import Work
from stackroom.errors import Conflict, Unavailable
from stackroom.library import vectors
from stackroom.library.embeddings import Said
from stackroom.library.vectors import Model, Standing
from stackroom.operations.request import Changes, Verb
from stackroom.processing import lookout, making, rounds
from stackroom.processing.embedding import Embedding
from stackroom.processing.lookout import Lookout
from stackroom.processing.making import Making
from stackroom.processing.rounds import Round
from stackroom.queue import claims, waiting, workers
from stackroom.queue.jobs import Claimed, Result, State
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.plans import plans_of
from stackroom.testing.queues import claim_only

pytestmark = pytest.mark.every_database


class Letters:
    """An embedder of as many numbers as it is told, which knows lengths only, and fails at what it is told to."""

    def __init__(self, model: str = "letters", dim: int = 2, fails_at: Sequence[str] = ()) -> None:
        self.model = model
        self.dim = dim
        self.fails_at = fails_at
        self.asked: list[str] = []

    def of_asset(self, said: Said) -> list[float]:
        self.asked.append(said.name)
        if any(word in said.name for word in self.fails_at):
            raise ValueError(said.name)
        return [float(len(said.name)), 1.0, 2.0, 3.0][: self.dim]

    def of_query(self, query: str) -> list[float]:
        return [float(len(query)), 1.0, 2.0, 3.0][: self.dim]

    def likeness(self, cosine: float) -> float:
        return cosine


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    """One of its own: what makes the vectors is said once for a whole library."""
    with a_library(database_url) as opened:
        yield opened


class House:
    """An organization, a lookout, and a worker."""

    def __init__(self, library: Library, model: Letters | None = None, *, searched: bool = True) -> None:
        self.library = library
        self.model = model or Letters()
        self.actor: Actor = library.an_actor()
        self.dataset: ADataset = library.a_dataset(self.actor)
        self.start()
        if searched:
            library.write(self.search_by_meaning)

    def search_by_meaning(self, conn: Connection) -> None:
        """From now on its assets get vectors: there has been a round."""
        values = {"state": rounds.CANCELLED, "again": False, "kind": rounds.KINDS[0], "after_id": 0}
        moments = dict.fromkeys(("began_at", "changed_at"), self.library.now)
        whose = {"organization_id": self.actor.organization_id}
        conn.execute(embedding_round.insert().values({**values, **moments, **whose}))

    def start(self, model: Letters | None = None) -> None:
        """As a server does."""
        self.model = model or self.model
        self.lookout = Lookout(self.library.database, self.model, lambda: None, lambda: self.library.now)
        self.making = Making(self.library.database, self.model, lambda: self.library.now)
        self.library.do(self.lookout.start())

    def look(self) -> int:
        """Look without having to rest."""
        self.lookout._rested.clear()
        return self.library.do(self.lookout.look())

    def claim(self) -> tuple[int, list[Claimed]]:
        def work(conn: Connection) -> tuple[int, list[Claimed]]:
            me = workers.register(conn, name="test", version="0", slots=4, now=self.library.now)
            return me, claim_only(conn, me, self.actor, rounds.KIND, now=self.library.now)

        return self.library.write(work)

    def settle(self, me: int, results: list[Result]) -> None:
        self.library.write(lambda conn: claims.settle(conn, me, results, now=self.library.now))
        self.library.write(lambda conn: waiting.promote(conn, now=self.library.now))

    def turn(self) -> list[State]:
        """One turn of the round, if there is one."""
        me, taken = self.claim()
        results = [self.library.do(self.making.run(each)) for each in taken]
        self.settle(me, results)
        return [State(each.state) for each in results]

    def work(self) -> None:
        """Look, and make all there is to make."""
        self.look()
        while self.turn():
            pass

    def vectors(self) -> dict[str, str]:
        """By which model the vector of each asset was made, by its name; `-` of those none could be made of."""
        query = (
            select(asset.c.name, embedding.c.model, embedding.c.dim)
            .join_from(asset, embedding, embedding.c.asset_id == asset.c.id)
            .where(asset.c.organization_id == self.actor.organization_id)
        )
        rows = self.library.read(lambda conn: conn.execute(query).all())
        return {row.name: row.model if row.dim else "-" for row in rows}

    def round(self) -> Round:
        found = self.library.read(lambda conn: rounds.find(conn, self.actor.organization_id))
        assert found is not None
        return found

    def standing(self) -> Standing:
        def read(conn: Connection) -> Standing:
            model = vectors.chosen(conn)
            assert model is not None
            return vectors.standing(conn, model)[self.actor.organization_id]

        return self.library.read(read)

    def add(self, *names: str) -> list[str]:
        return self.library.add(self.actor, self.dataset, names)

    def news(self) -> None:
        """Something of this organization is recorded."""
        self.library.submit(
            self.actor, Verb.UPDATE, [ids.text(ids.new())], self.dataset, changes=Changes(status="review")
        )


def test_what_came_without_anybody_saying_so_gets_its_vector(library: Library) -> None:
    house = House(library)
    house.add("a.jpg", "b.jpg")
    house.work()
    assert house.vectors() == {"a.jpg": "letters", "b.jpg": "letters"}
    assert (house.round().state, house.round().done) == (rounds.FINISHED, 2)
    assert house.look() == 0


def test_who_does_not_search_by_meaning_has_no_vectors_until_he_does(library: Library) -> None:
    house = House(library, searched=False)
    house.add("a.jpg", "b.jpg")
    house.work()
    assert house.vectors() == {}
    library.write(lambda conn: rounds.rebuild(conn, None, now=library.now))
    house.work()
    assert house.vectors() == {}

    embedding = Embedding(library.database, house.model, lambda: library.now)
    assert library.do(embedding.expect_search(house.actor.organization_id))
    assert not library.do(embedding.expect_search(house.actor.organization_id))
    house.work()
    assert set(house.vectors()) == {"a.jpg", "b.jpg"}
    house.add("c.jpg")
    house.news()
    house.work()
    assert set(house.vectors()) == {"a.jpg", "b.jpg", "c.jpg"}


def test_nothing_is_written_where_nothing_is_lacking(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    house.work()
    house.news()
    before = library.now
    assert house.look() == 0
    assert (library.now, house.claim()[1]) == (before, [])


def test_a_copy_is_not_found_beside_its_source(library: Library) -> None:
    house = House(library)
    (source,) = house.add("a.jpg")
    library.submit(house.actor, Verb.COPY, [source], house.dataset, to="/copies")
    (copy,) = set(library.live(house.dataset).values()) - {source}
    house.work()
    assert (house.standing().embedded, house.standing().copies, house.standing().waiting) == (1, 1, 0)
    library.submit(house.actor, Verb.ARCHIVE, [source], house.dataset)
    house.work()
    assert (house.standing().embedded, house.standing().copies) == (1, 0)
    library.submit(house.actor, Verb.RESTORE, [source], house.dataset)
    library.submit(house.actor, Verb.UPDATE, [copy], house.dataset, changes=Changes(display_name="another"))
    house.work()
    assert (house.standing().embedded, house.standing().copies) == (2, 0)


def test_who_has_the_bytes_first_but_is_not_to_be_seen_keeps_no_copy_waiting(library: Library) -> None:
    house = House(library)
    (source,) = house.add("a.jpg")
    library.submit(house.actor, Verb.COPY, [source], house.dataset, to="/copies")
    failed = update(asset).where(asset.c.uuid == ids.parse(source)).values(state="error")
    library.write(lambda conn: conn.execute(failed))
    house.work()
    assert (house.standing().embedded, house.standing().copies, house.standing().waiting) == (1, 0, 0)


def test_a_rebuild_gives_copies_the_vectors_of_their_sources_and_makes_nothing_twice(
    library: Library,
) -> None:
    house = House(library)
    sources = house.add("a.jpg", "b.jpg")
    house.work()
    asked = list(house.model.asked)
    library.submit(house.actor, Verb.COPY, sources, house.dataset, to="/copies")
    library.write(lambda conn: rounds.rebuild(conn, house.actor.organization_id, now=library.now))
    house.work()
    assert (len(house.vectors()), house.standing().embedded) == (2, 4)
    assert house.model.asked == 2 * asked
    rows = library.read(lambda conn: conn.execute(select(embedding).order_by(embedding.c.asset_id)).all())
    assert [row.vector for row in rows[2:]] == [row.vector for row in rows[:2]]
    assert [row.description for row in rows[2:]] == [row.description for row in rows[:2]]


def test_a_copy_lives_on_when_its_source_goes_and_goes_by_itself(library: Library) -> None:
    house = House(library)
    (source,) = house.add("a.jpg")
    library.submit(house.actor, Verb.COPY, [source], house.dataset, to="/copies")
    house.work()
    library.submit(house.actor, Verb.PURGE, [source], house.dataset)
    house.work()
    assert house.standing().embedded == 1
    (copy,) = library.live(house.dataset).values()
    library.submit(house.actor, Verb.PURGE, [copy], house.dataset)
    assert library.read(lambda conn: conn.scalar(select(func.count()).select_from(embedding))) == 0


def test_another_model_makes_all_anew_and_the_old_vectors_go(library: Library) -> None:
    house = House(library)
    house.add("a.jpg", "b.jpg")
    house.work()
    house.start(Letters("numbers", 3))
    house.work()
    assert set(house.vectors().values()) == {"numbers"}
    assert library.read(lambda conn: conn.scalar(select(func.count()).select_from(embedding))) == 2


def test_another_length_under_the_same_name_makes_all_anew(library: Library) -> None:
    house = House(library)
    house.add("a.jpg", "b.jpg")
    house.work()
    house.start(Letters(dim=4))
    house.work()
    assert library.read(lambda conn: conn.scalars(select(embedding.c.dim)).all()) == [4, 4]


def test_a_model_that_changes_while_a_round_is_running_begins_it_anew(library: Library, few: None) -> None:
    house = House(library)
    house.add(*(f"{n}.jpg" for n in range(5)))
    house.look()
    assert house.turn() == [State.WAITING]
    assert house.round().after_id > 0
    me, (taken,) = house.claim()
    under_way = library.do(house.making.run(taken))
    house.start(Letters("numbers", 3))
    house.settle(me, [under_way])
    assert (house.round().after_id, house.round().done) == (0, 0)
    while house.turn():
        pass
    assert (len(house.vectors()), set(house.vectors().values())) == (5, {"numbers"})


def test_a_worker_with_another_model_leaves_the_round_to_others(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    house.look()
    house.making = Making(library.database, Letters("older"), lambda: library.now)
    assert house.turn() == [State.WAITING]
    assert house.vectors() == {}


def test_a_job_of_an_asset_is_left_to_who_has_the_librarys_model(library: Library) -> None:
    house = House(library)
    (made,) = house.add("a.jpg")
    row = library.rows(house.actor)[made]
    job = Claimed(
        id=1,
        attempt=1,
        lane_id=1,
        kind="embed",
        priority=1,
        organization_id=house.actor.organization_id,
        batch_id=None,
        position=0,
        asset_id=row["id"],
        task=f'{{"asset":"{row["uuid"].hex()}"}}',
    )
    older = Embedding(library.database, Letters("older"), lambda: library.now)
    assert library.do(older.run(job)).state is State.WAITING
    mine = Embedding(library.database, house.model, lambda: library.now)
    assert library.do(mine.run(job)).state is State.DONE


def test_a_server_of_another_model_that_started_before_does_not_look_out(library: Library) -> None:
    house = House(library)
    old = house.lookout
    house.start(Letters("numbers", 3))
    house.add("a.jpg")
    assert library.do(old.look()) == 0
    assert house.look() == 1


def test_without_an_embedder_there_are_no_vectors_at_all(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    none = Lookout(library.database, None, lambda: None, lambda: library.now)
    library.do(none.start())
    assert library.do(none.look()) == 0
    assert house.look() == 0
    assert library.read(vectors.chosen) is None
    with pytest.raises(Conflict) as refused:
        library.write(lambda conn: rounds.rebuild(conn, None, now=library.now))
    assert refused.value.code == "nothing_embedded"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of one page of two assets, each kept by itself; windows of three."""
    monkeypatch.setattr(making, "TURN", 0.0000001)
    monkeypatch.setattr(making, "PAGE", 2)
    monkeypatch.setattr(making, "PORTION", 1)
    monkeypatch.setattr(vectors, "WINDOW", 3)
    wanted = making.page
    monkeypatch.setattr(making, "page", lambda conn, **given: wanted(conn, **given, limit=2))


def test_a_round_goes_on_where_a_dead_process_has_left_it(library: Library, few: None) -> None:
    house = House(library)
    house.add(*(f"{n}.jpg" for n in range(7)))
    house.look()
    assert house.turn() == [State.WAITING]
    me, (taken,) = house.claim()
    library.do(house.making.run(taken))  # its vectors are kept, and that nobody is told
    assert house.standing().waiting == 3
    library.write(lambda conn: workers.retire(conn, me, now=library.now))
    asked = len(house.model.asked)
    while house.turn():
        pass
    assert house.standing().embedded == 7
    assert len(house.model.asked) - asked == 3


def test_assets_of_all_kinds_are_found_in_windows(library: Library, few: None) -> None:
    house = House(library)
    made = house.add(*(f"{n}.bin" for n in range(11)))
    kinds = ["image", "video", "audio", "document"]

    def retouch(conn: Connection) -> None:
        for n, each in enumerate(made):
            conn.execute(update(asset).where(asset.c.uuid == ids.parse(each)).values(kind=kinds[n % 4]))

    library.write(retouch)
    house.work()
    assert house.standing().embedded == 11


def test_what_is_not_here_yet_or_archived_has_none_until_it_is_to_be_seen(library: Library) -> None:
    house = House(library)
    coming, hidden = house.add("coming.jpg", "hidden.jpg")
    mine = asset.c.uuid == ids.parse(coming)
    library.write(lambda conn: conn.execute(update(asset).where(mine).values(state="ingesting")))
    library.submit(house.actor, Verb.ARCHIVE, [hidden], house.dataset)
    assert house.look() == 0
    assert (house.standing().lacking, house.standing().waiting) == (1, 0)
    library.write(lambda conn: conn.execute(update(asset).where(mine).values(state="finished")))
    library.submit(house.actor, Verb.RESTORE, [hidden], house.dataset)
    house.work()
    assert set(house.vectors()) == {"coming.jpg", "hidden.jpg"}


def test_what_waits_for_a_job_of_its_own_is_left_to_it(library: Library) -> None:
    house = House(library)
    (mine,) = house.add("a.jpg")
    uuid = ids.parse(mine) or b""

    def submit(conn: Connection) -> None:
        key = conn.scalar(select(asset.c.id).where(asset.c.uuid == uuid)) or 0
        own = Embedding(library.database, house.model)
        own.submit(conn, house.actor.organization_id, key, uuid, now=library.now)

    library.write(submit)
    assert house.look() == 0


def test_a_new_display_name_takes_the_vector_away_and_brings_another(library: Library) -> None:
    house = House(library)
    named, other = house.add("a.jpg", "b.jpg")
    house.work()
    changes = Changes(display_name="Harbour")
    done = library.submit(house.actor, Verb.UPDATE, [named], house.dataset, changes=changes)
    assert set(house.vectors()) == {"b.jpg"}
    house.work()
    assert house.model.asked[-1] == "a.jpg Harbour"
    library.undo(house.actor, done)
    assert set(house.vectors()) == {"b.jpg"}
    house.work()
    assert set(house.vectors()) == {"a.jpg", "b.jpg"}
    library.submit(house.actor, Verb.UPDATE, [named, other], house.dataset, changes=Changes(status="review"))
    assert set(house.vectors()) == {"a.jpg", "b.jpg"}


def test_what_changes_while_its_vector_is_made_is_not_given_the_old_one(library: Library) -> None:
    house = House(library)
    (mine,) = house.add("a.jpg")
    house.look()
    model = library.read(vectors.chosen)
    assert model is not None
    found = library.read(lambda conn: _page(conn, house, model))
    made = making._made(house.model, found.found, found.same, {})
    library.submit(house.actor, Verb.UPDATE, [mine], house.dataset, changes=Changes(display_name="Harbour"))
    assert library.write(lambda conn: vectors.put_all(conn, model, made, now=library.now)) == 0
    house.work()
    assert house.model.asked[-1] == "a.jpg Harbour"


def _page(conn: Connection, house: House, model: Model) -> making.Page:
    seen = rounds.find(conn, house.actor.organization_id)
    assert seen is not None
    return making.page(conn, seen=seen, model=model, kind="image", after=0)


def test_what_no_vector_can_be_made_of_is_noted_and_stops_nobody(library: Library) -> None:
    house = House(library, Letters(fails_at=["bad"]))
    house.add("bad.jpg", "good.jpg")
    house.work()
    assert house.vectors() == {"bad.jpg": "-", "good.jpg": "letters"}
    assert (house.round().done, house.round().failed) == (1, 1)
    assert (house.standing().embedded, house.standing().failed, house.standing().waiting) == (1, 1, 0)
    house.news()
    assert house.look() == 0
    house.model.fails_at = ()
    library.write(lambda conn: rounds.rebuild(conn, house.actor.organization_id, now=library.now))
    house.work()
    assert house.vectors() == {"bad.jpg": "letters", "good.jpg": "letters"}


def test_an_embedder_that_is_away_costs_no_asset_its_vector(library: Library) -> None:
    house = House(library, Letters(fails_at=[""]))
    house.add("a.jpg")
    house.look()
    _, (taken,) = house.claim()
    with pytest.raises(Unavailable):
        library.do(house.making.run(taken))
    assert house.vectors() == {}


def test_a_rebuild_makes_all_again_and_a_running_one_begins_anew(library: Library, few: None) -> None:
    house = House(library)
    house.add(*(f"{n}.jpg" for n in range(5)))
    house.work()
    asked = len(house.model.asked)
    mine = house.actor.organization_id
    assert library.write(lambda conn: rounds.rebuild(conn, None, now=library.now)) == [mine]
    house.look()
    house.turn()
    assert library.write(lambda conn: rounds.rebuild(conn, mine, now=library.now)) == [mine]
    assert house.look() == 0  # it has its job
    while house.turn():
        pass
    assert (house.round().state, house.round().done) == (rounds.FINISHED, 5)
    assert len(house.model.asked) - asked == 7
    jobs = select(func.count()).select_from(job).join(lane).where(lane.c.kind == rounds.KIND)
    assert library.read(lambda conn: conn.scalar(jobs)) == 2


def test_a_cancelled_round_ends_at_once_and_so_does_its_job(library: Library, few: None) -> None:
    house = House(library)
    house.add(*(f"{n}.jpg" for n in range(5)))
    house.look()
    me, (taken,) = house.claim()
    under_way = library.do(house.making.run(taken))
    assert library.write(lambda conn: rounds.cancel(conn, None, now=library.now)) == [
        house.actor.organization_id
    ]
    house.settle(me, [under_way])
    assert house.turn() == [State.DONE]
    assert (house.round().state, house.standing().embedded) == (rounds.CANCELLED, 2)
    assert library.write(lambda conn: rounds.cancel(conn, None, now=library.now)) == []


def test_several_servers_begin_one_round(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    other = Lookout(library.database, house.model, lambda: None, lambda: library.now)
    assert (house.look(), library.do(other.look())) == (1, 0)
    mine = house.actor.organization_id
    assert library.write(lambda conn: rounds.begin(conn, mine, now=library.now)) is False
    assert len(house.claim()[1]) == 1


def test_a_round_that_was_given_up_says_why_and_another_is_begun(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    house.look()
    me, (taken,) = house.claim()

    def give_up(conn: Connection, now: int) -> None:
        house.making.given_up(conn, taken, "crashed", "it crashed the worker", now)

    house.settle(me, [Result(job=taken, state=State.FAILED, code="crashed", reason="it", effect=give_up)])
    assert (house.round().state, house.round().error) == (rounds.FAILED, "crashed: it crashed the worker")
    house.news()
    house.work()
    assert (house.round().error, house.vectors()) == (None, {"a.jpg": "letters"})


def test_a_round_whose_job_is_gone_goes_on(library: Library) -> None:
    house = House(library)
    house.add("a.jpg")
    house.look()
    open_jobs = update(job).where(job.c.id == house.round().job_id).values(state=int(State.DONE))
    library.write(lambda conn: conn.execute(open_jobs))
    assert house.look() == 1
    assert library.read(rounds.under_way) == {house.actor.organization_id: True}


def statements(library: Library, work: Work[Any]) -> int:
    """How many statements `work` sends."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
        sent.append(sql)

    def watched(conn: Connection) -> None:
        event.listen(conn, "before_cursor_execute", note)
        try:
            work(conn)
        finally:
            event.remove(conn, "before_cursor_execute", note)

    library.write(watched)
    return len(sent)


def page_and_keep(library: Library, many: int) -> tuple[int, int]:
    """How many statements look for a page of so many new assets and as many of which the same is said as of others, and
    how many keep its vectors."""
    house = House(library)
    names = [f"{n}.jpg" for n in range(many)]
    house.add(*names)
    house.work()
    library.add(house.actor, library.a_dataset(house.actor), names)
    house.add(*(f"new {n}.jpg" for n in range(many)))
    house.look()
    model = library.read(vectors.chosen)
    assert model is not None
    found: list[making.Page] = []
    looking = statements(library, lambda conn: found.append(_page(conn, house, model)))
    made = making._made(house.model, found[0].found, found[0].same, {})
    assert sum(each.same_as is not None for each in made) == many == len(made) // 2
    keeping = statements(library, lambda conn: vectors.put_all(conn, model, made, now=library.now))
    assert house.standing().lacking == 0
    return looking, keeping


def test_a_page_takes_as_many_statements_for_a_hundred_assets_as_for_two(library: Library) -> None:
    few, many = page_and_keep(library, 2), page_and_keep(library, 90)
    assert few == many
    assert few[0] <= 5
    assert few[1] == 2


@pytest.mark.parametrize("again", [False, True], ids=["lacking", "again"])
def test_a_page_and_a_look_read_no_table_from_end_to_end(library: Library, again: bool) -> None:
    house = House(library)
    house.add(*(f"{n}.jpg" for n in range(50)))
    house.work()
    house.look()
    library.write(lambda conn: rounds.rebuild(conn, None, now=library.now) if again else None)
    model = library.read(vectors.chosen)
    assert model is not None

    def work(conn: Connection) -> None:
        _page(conn, house, model)
        lookout._news(conn, 1, everywhere=False)

    found = plans_of(library, work, counted="asset, embedding, event, job, lane")
    assert [plan.scans("a", "b", "e", "asset", "embedding", "event", "job") for plan in found] == [[]] * len(
        found
    )
    if not again:
        assert any("embedding_of_organization" in plan.steps for plan in found)
        assert not any(
            "USING INTEGER PRIMARY KEY" in line
            for line in "".join(plan.steps for plan in found).split("SEARCH ")
            if "e " in line[:2]
        )
