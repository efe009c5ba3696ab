"""Search: by what an asset is about, by what was said of it; what is embedded when, and what is found no more."""

import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.clock import HOUR
from stackroom.database.schema import asset, asset_media, embedding, folder, job
from stackroom.errors import Invalid
from stackroom.library import embeddings, searching
from stackroom.library.embeddings import Embedder, Said
from stackroom.library.ngrams import NGrams
from stackroom.library.searching import Clue, Comparison, Hit, Mode, Wanted
from stackroom.media.kinds import Kind
from stackroom.operations.request import Verb
from stackroom.processing.embedding import KIND, Embedding
from stackroom.queue import claims, workers
from stackroom.queue.jobs import State
from stackroom.testing.builders import ADataset, Library
from stackroom.testing.plans import CHEAP_WHILE_SHORT, plans_of
from stackroom.testing.queues import claim_only

pytestmark = pytest.mark.every_database


class Colours:
    """An embedder of three numbers: how often red, green and blue are mentioned."""

    model = "colours"
    dim = 3

    def of_asset(self, said: Said) -> list[float]:
        return self.of_query(said.whole())

    def of_query(self, query: str) -> list[float]:
        return [float(query.count(colour)) for colour in ("red", "green", "blue")]

    def likeness(self, cosine: float) -> float:
        return cosine


class House:
    """An organization's media, with jobs that embed them."""

    def __init__(self, library: Library, embedder: Embedder | None = None) -> None:
        self.library = library
        self.embedder = embedder or NGrams()
        self.embedding = Embedding(library.database, self.embedder)
        self.actor: Actor = library.an_actor()
        self.dataset: ADataset = library.a_dataset(self.actor)
        self.names: dict[bytes, str] = {}

    def upload(
        self,
        name: str,
        kind: Kind = Kind.IMAGE,
        *,
        metadata: dict[str, Any] | None = None,
        said: str | None = None,
        into: str = "/",
        embed: bool = True,
        **media: Any,
    ) -> str:
        (made,) = self.library.add(self.actor, self.dataset, [name], folder=into)
        uuid = ids.parse(made)
        assert uuid is not None
        self.names[uuid] = name
        mine = asset.c.uuid == uuid

        def work(conn: Connection) -> int:
            document = None if metadata is None else msgspec.json.encode(metadata).decode()
            conn.execute(update(asset).where(mine).values(kind=kind.value, metadata=document))
            key: int = conn.execute(select(asset.c.id).where(mine)).scalar_one()
            if said is not None or media:
                conn.execute(insert(asset_media), {"asset_id": key, "text": said, **media})
            if embed:
                self.embedding.submit(conn, self.actor.organization_id, key, uuid, now=self.library.now)
            return key

        self.library.write(work)
        return made

    def describe(self, reference: str, metadata: dict[str, Any]) -> None:
        document = msgspec.json.encode(metadata).decode()
        mine = asset.c.uuid == ids.parse(reference)
        self.library.write(lambda conn: conn.execute(update(asset).where(mine).values(metadata=document)))

    def work(self) -> list[State]:
        """Do the jobs there are; what came of them."""
        library = self.library

        def claim(conn: Connection) -> tuple[int, Any]:
            me = workers.register(conn, name="test", version="0", slots=4, now=library.now)
            return me, claim_only(conn, me, self.actor, KIND, now=library.now)

        me, taken = library.write(claim)
        results = [library.do(self.embedding.run(each)) for each in taken]
        library.write(lambda conn: claims.settle(conn, me, results, now=library.now))
        return [State(each.state) for each in results]

    def hits(self, query: str | None = None, *clues: Clue, **wanted: Any) -> list[Hit]:
        asked = Wanted(query=query, clues=clues, **wanted)
        return self.library.do(
            searching.search(
                self.library.database, self.actor, asked, embedder=self.embedder, now=self.library.now
            )
        )

    def found(self, query: str | None = None, *clues: Clue, **wanted: Any) -> list[str]:
        return [self.names[hit.media.uuid] for hit in self.hits(query, *clues, **wanted)]

    def embedded(self) -> set[str]:
        query = select(asset.c.uuid).join(embedding, embedding.c.asset_id == asset.c.id)
        mine = embedding.c.organization_id == self.actor.organization_id
        return {
            self.names[it] for it in self.library.read(lambda conn: list(conn.scalars(query.where(mine))))
        }


@pytest.fixture
def house(library: Library) -> House:
    return House(library)


def is_(key: str, value: str) -> Clue:
    return Clue(key, Comparison.EQUALS, value)


def test_what_was_embedded_is_found_by_its_name_its_metadata_and_its_text(house: House) -> None:
    house.upload("harbour_dawn.jpg", metadata={"campaign": "spring", "rank": 3})
    house.upload("IMG_4711.jpg")
    house.upload("talk.mp3", Kind.AUDIO, metadata={"speaker": "Grace Hopper"}, sample_rate=44_100, channels=2)
    house.upload("q3.pdf", Kind.DOCUMENT, said="Invoice for Ada Lovelace", page_count=2)
    assert house.work() == [State.DONE] * 4
    assert house.found("harbour") == ["harbour_dawn.jpg"]
    assert house.found("Harbor") == ["harbour_dawn.jpg"], "spelled otherwise"
    assert house.found("spring campaign") == ["harbour_dawn.jpg"]
    assert house.found("hopper")[0] == "talk.mp3"
    assert house.found("invoice lovelace")[0] == "q3.pdf"
    assert house.found("4711") == ["IMG_4711.jpg"]
    assert house.found("!!! …") == [], "no word at all"
    [hit] = house.hits("hopper", kind=Kind.AUDIO)
    assert hit.description == "talk.mp3\nspeaker: Grace Hopper\naudio, jpeg, 4x3, 44100 Hz, stereo"
    assert 0.3 <= hit.similarity <= 1


def test_the_nearest_come_first_by_pages_of_one_kind_and_as_similar_as_asked(library: Library) -> None:
    house = House(library, Colours())
    for name in ("red", "red red blue", "red blue", "blue", "red again"):
        house.upload(name)
    house.upload("red film", Kind.VIDEO)
    house.work()
    every = ["red film", "red again", "red", "red red blue", "red blue"]
    assert house.found("red") == every
    assert [house.found("red", limit=2, offset=at) for at in (0, 2, 4, 6)] == [
        every[:2],
        every[2:4],
        every[4:],
        [],
    ]
    assert house.found("red", kind=Kind.VIDEO) == ["red film"]
    assert house.found("red", min_similarity=0.8) == every[:4]
    assert house.found("red", min_similarity=0.0)[-1] == "blue"
    assert [round(hit.similarity, 4) for hit in house.hits("red")] == [1, 1, 1, 0.8944, 0.7071]


def test_no_number_of_vectors_is_left_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "AT_ONCE", 3)
    for number in range(8):
        house.upload(f"boat {number}", metadata={"n": number})
    house.work()
    assert sorted(house.found("boat")) == [f"boat {number}" for number in range(8)]
    assert house.found(None, Clue("n", Comparison.LEAST, "0")) == [
        f"boat {number}" for number in range(7, -1, -1)
    ]
    assert house.found(None, Clue("n", Comparison.MOST, "1")) == ["boat 1", "boat 0"]


def test_what_is_deleted_archived_or_expired_is_not_found(house: House) -> None:
    kinds = list(Kind)
    made = {kind: house.upload(f"boat {kind}", kind, metadata={"k": "v"}) for kind in kinds}
    hidden = house.upload("boat hidden", metadata={"k": "v"})
    late = house.upload("boat late", metadata={"k": "v"})
    house.work()
    library = house.library
    expires = update(asset).where(asset.c.uuid == ids.parse(late)).values(expires_at=library.now + HOUR)
    library.write(lambda conn: conn.execute(expires))
    assert len(house.found("boat")) == len(house.found(None, is_("k", "v"))) == 6
    library.submit(house.actor, Verb.ARCHIVE, [hidden])
    library.now += HOUR
    assert len(house.found("boat")) == len(house.found(None, is_("k", "v"))) == 4
    library.submit(house.actor, Verb.PURGE, list(made.values()))
    assert house.found("boat") == house.found(None, is_("k", "v")) == []
    assert house.embedded() == {"boat hidden", "boat late"}, "of no kind a vector stays"


def test_nobody_finds_what_another_organization_has(house: House) -> None:
    house.upload("boat", metadata={"k": "v"})
    house.work()
    other = House(house.library)
    assert other.found("boat") == other.found(None, is_("k", "v")) == []
    (row,) = house.library.rows(house.actor).values()
    in_this = select(folder.c.uuid).where(folder.c.id == row["folder_id"])
    mine = house.library.read(lambda conn: conn.scalar(in_this))
    other.upload("boat")
    assert other.found("boat", folder=mine) == []
    assert house.found("boat", folder=mine) == ["boat"]


def test_a_folder_means_all_that_is_below_it(house: House) -> None:
    for place in ("/", "/spring", "/spring/early", "/springs"):
        house.upload(f"boat{place}", into=place, metadata={"k": "v"})
    house.work()
    where = folder.c.dataset_id == house.dataset.id, folder.c.path == "/spring"
    spring = house.library.read(lambda conn: conn.scalar(select(folder.c.uuid).where(*where)))
    below = ["boat/spring", "boat/spring/early"]
    assert (
        sorted(house.found("boat", folder=spring))
        == sorted(house.found(None, is_("k", "v"), folder=spring))
        == below
    )
    assert house.found("boat", folder=ids.new()) == []


@pytest.mark.parametrize(
    ("clue", "found"),
    [
        (is_("rank", "3"), {"b"}),
        (is_("rank", "3.0"), {"b"}),
        (is_("rank", "003"), {"b", "d"}),
        (is_("place", "Port"), {"a"}),
        (is_("place", "port"), set()),
        (is_("open", "true"), {"c"}),
        (is_("open", "1"), set()),
        (is_("list", "[1,2]"), {"c"}),
        (is_("none", "null"), {"c"}),
        (Clue("rank", Comparison.LEAST, "3"), {"b", "c", "d"}),
        (Clue("rank", Comparison.MOST, "3"), {"b", "d"}),
        (Clue("rank", Comparison.LEAST, "high"), set()),
        (Clue("day", Comparison.LEAST, "2026-03-01"), {"b"}),
        (Clue("day", Comparison.MOST, "2026-03-01"), {"a"}),
        (Clue("place", Comparison.CONTAINS, "OR"), {"a", "b"}),
        (Clue("place", Comparison.CONTAINS, "%"), set()),
        (is_("nothing", ""), set()),
    ],
)
def test_metadata_are_held_against_what_was_asked(house: House, clue: Clue, found: set[str]) -> None:
    house.upload("a", metadata={"place": "Port", "day": "2026-02-28"}, embed=False)
    house.upload("b", metadata={"place": "Fjord", "day": "2026-03-02", "rank": 3}, embed=False)
    house.upload("c", metadata={"rank": 12, "open": True, "list": [1, 2], "none": None}, embed=False)
    house.upload("d", metadata={"rank": "003", "note": "place, day and open"}, embed=False)
    house.upload("e", embed=False)
    assert set(house.found(None, clue)) == found


def test_all_clues_count_and_meaning_goes_with_them(house: House) -> None:
    for n, name in enumerate(["boat one", "boat two", "car one"]):
        house.upload(name, metadata={"n": n, "even": n % 2 == 0})
    house.work()
    even = is_("even", "true")
    assert house.found(None, even) == ["car one", "boat one"]
    assert house.found(None, even, Clue("n", Comparison.LEAST, "1")) == ["car one"]
    assert house.found("boat", even) == ["boat one"]
    assert house.found("BOAT", even, mode=Mode.METADATA) == ["boat one"], "there it is part of the name"
    assert house.hits("BOAT", even, mode=Mode.METADATA)[0].similarity == 1
    assert house.found(None, even, kind=Kind.VIDEO) == []


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({}, "empty_search"),
        ({"query": "  "}, "empty_search"),
        ({"query": "boat", "mode": Mode.METADATA}, "empty_search"),
        ({"clues": (is_("a", "b"),), "mode": Mode.SEMANTIC}, "empty_search"),
        ({"query": "é" * 9000}, "search_too_long"),
        ({"clues": tuple(is_("a", str(n)) for n in range(11))}, "too_many_metadata_filters"),
    ],
)
def test_a_search_for_nothing_or_too_much_is_refused(house: House, wanted: dict[str, Any], code: str) -> None:
    asked = Wanted(**wanted)
    with pytest.raises(Invalid) as refused:
        house.library.do(
            searching.search(house.library.database, house.actor, asked, embedder=NGrams(), now=0)
        )
    assert refused.value.code == code


def test_without_an_embedder_metadata_are_searched_and_meaning_is_refused(house: House) -> None:
    house.upload("boat", metadata={"k": "v"}, embed=False)
    library = house.library
    off = Embedding(library.database, None)
    assert (
        library.write(lambda conn: off.submit(conn, house.actor.organization_id, 1, ids.new(), now=0)) is None
    )

    def search(**wanted: Any) -> list[Hit]:
        asked = Wanted(**wanted)
        return library.do(
            searching.search(library.database, house.actor, asked, embedder=None, now=library.now)
        )

    assert len(search(clues=(is_("k", "v"),))) == 1
    with pytest.raises(Invalid, match="Semantic search is not enabled"):
        search(query="boat")


def test_vectors_of_another_model_or_length_are_never_compared(library: Library) -> None:
    house = House(library)
    house.upload("red boat")
    house.work()
    house.embedder = Colours()
    assert house.found("red", min_similarity=0.0) == []

    class Longer(Colours):
        dim = 4

        def of_query(self, query: str) -> list[float]:
            return [*super().of_query(query), 1.0]

    house.embedding = Embedding(library.database, house.embedder)
    house.upload("red car")
    house.work()
    assert house.found("red", min_similarity=0.0) == ["red car"]
    house.embedder = Longer()
    assert house.found("red", min_similarity=0.0) == []


def test_the_vector_of_what_was_described_anew_is_another_and_an_old_one_does_not_come_back(
    house: House,
) -> None:
    made = house.upload("boat", metadata={"colour": "red"})
    house.work()
    assert house.found("red") == ["boat"]
    uuid = ids.parse(made)
    assert uuid is not None
    key = house.library.rows(house.actor)[made]["id"]
    seen = house.library.read(lambda conn: embeddings.subject(conn, key, uuid))
    assert seen is not None
    house.describe(made, {"colour": "green"})
    old = embeddings.packed(NGrams().of_asset(seen.said), 768)
    assert not house.library.write(lambda conn: embeddings.put(conn, seen, model="x", vector=old, now=0))
    house.library.write(
        lambda conn: house.embedding.submit(
            conn, house.actor.organization_id, key, uuid, now=house.library.now
        )
    )
    house.work()
    assert (house.found("green"), house.found("red")) == (["boat"], [])
    assert (
        house.library.read(lambda conn: conn.scalar(select(func.count()).where(embedding.c.asset_id == key)))
        == 1
    )
    house.library.write(lambda conn: embeddings.remove(conn, key))
    assert house.embedded() == set()


def test_what_is_deleted_before_it_was_embedded_leaves_nothing(house: House) -> None:
    gone, kept = house.upload("boat gone"), house.upload("boat kept")
    uuid = ids.parse(gone)
    assert uuid is not None
    key = house.library.rows(house.actor)[gone]["id"]
    seen = house.library.read(lambda conn: embeddings.subject(conn, key, uuid))
    house.library.submit(house.actor, Verb.PURGE, [gone])
    assert seen is not None
    vector = bytes(12)
    assert not house.library.write(lambda conn: embeddings.put(conn, seen, model="x", vector=vector, now=0))
    house.work()
    assert house.embedded() == {"boat kept"}
    states = house.library.read(
        lambda conn: set(conn.scalars(select(job.c.state).where(job.c.asset_id == key)))
    )
    assert states <= {State.DONE, State.CANCELLED}
    assert house.found("boat") == ["boat kept"]
    assert kept


def test_an_embedder_that_fails_fails_its_job_and_nothing_else(library: Library) -> None:
    class Broken(Colours):
        def of_asset(self, said: Said) -> list[float]:
            return [float("nan") for _ in said.name[:3]]

    house = House(library, Broken())
    house.upload("red")
    with pytest.raises(ValueError, match="an embedder made a vector"):
        house.work()
    assert house.embedded() == set()


def test_a_search_reads_indexes_in_their_order(house: House, database_kind: str) -> None:
    for number in range(50):
        house.upload(f"boat {number}", metadata={"n": number})
    house.work()
    place = house.library.read(lambda conn: searching._place(conn, house.actor, Wanted(), house.library.now))
    assert place is not None
    by_meaning = searching._vectors(place, Wanted(), house.embedder, Kind.IMAGE, 0)
    by_metadata = searching._said(place, Wanted(clues=(is_("n", "1"),)), None)
    for query, index in ((by_meaning, "embedding_of_organization"), (by_metadata, "asset_described")):
        [(_, plan)] = plans_of(
            house.library,
            lambda conn, query=query: conn.execute(query),
            counted="asset, embedding",
            without=(*CHEAP_WHILE_SHORT, "sort"),
        )
        if database_kind == "sqlite":  # PostgreSQL takes whichever index, as long as the table is short
            assert index in plan, plan
        assert not re.search(r"SCAN|Seq Scan|TEMP B-TREE|Sort", plan), plan
