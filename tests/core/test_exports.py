"""Exports in the library: kept, claimed by one at a time, made page by page, and gone with their bytes."""

import asyncio
import contextlib
import csv
import io
import json
import threading
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select

from stackroom import clock, ids
from stackroom.access import Actor, Role
from stackroom.clock import SECOND
from stackroom.database.schema import dataset_export, loose_bytes
from stackroom.database.schema import event as event_table
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from stackroom.exports import claims, exporter, reading, rows
from stackroom.exports.claims import LEASE, Progress
from stackroom.exports.exporter import Exporter
from stackroom.exports.request import Format, Options
from stackroom.exports.rows import Export
from stackroom.library import annotations
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Changes, Verb
from stackroom.storage.blobstore import Pieces
from stackroom.storage.staging import Staging
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.memory_store import MemoryStore

pytestmark = pytest.mark.every_database
BOX = {"id": "a", "name": "car", "type": "bbox", "bounding_box": {"x": 1.0, "y": 1.0, "w": 2.0, "h": 1.0}}


@pytest.fixture(autouse=True)
def nothing_waits(request: pytest.FixtureRequest) -> None:
    """What other tests have asked for and nobody has made would be claimed in its place."""
    if "library" in request.fixturenames:
        request.getfixturevalue("library").write(lambda conn: conn.execute(delete(dataset_export)))


def asked(
    library: Library,
    actor: Actor,
    dataset: ADataset,
    name: str = "nightly",
    wanted: Format = Format.PICTOGRAPH,
    **options: Any,
) -> Export:
    return library.write(
        lambda conn: rows.create(
            conn, actor, dataset.reference, name, format=wanted, options=Options(**options), now=library.now
        )
    )


def claimed(library: Library) -> claims.Claim | None:
    return library.write(lambda conn: claims.claim(conn, now=library.now))


def again(library: Library, actor: Actor, known: Export) -> Export:
    return library.read(lambda conn: rows.get(conn, actor, ids.text(known.uuid)))


def annotate(library: Library, actor: Actor, image: str, *marks: dict[str, Any]) -> None:
    wanted = annotations.parse(json.dumps(marks).encode())
    library.write(lambda conn: annotations.save(conn, actor, image, wanted, now=library.now))


def events(library: Library, actor: Actor) -> list[tuple[str, dict[str, Any]]]:
    mine = event_table.c.organization_id == actor.organization_id
    query = select(event_table.c.type, event_table.c.data).where(mine, event_table.c.type.like("export.%"))
    rows_ = library.read(lambda conn: conn.execute(query.order_by(event_table.c.id)).all())
    return [(row.type, json.loads(row.data)) for row in rows_]


# What is kept


def test_a_name_is_one_exports_in_its_dataset(library: Library) -> None:
    ada = library.an_actor()
    photos, other = library.a_dataset(ada), library.a_dataset(ada)
    made = asked(library, ada, photos, " nightly ")
    assert (made.name, made.state, made.dataset_uuid) == ("nightly", "pending", ids.parse(photos.reference))
    assert made.expires_at - made.created_at == 30 * clock.DAY
    with pytest.raises(Conflict):
        asked(library, ada, photos, "nightly")
    assert asked(library, ada, other, "nightly").uuid != made.uuid
    found = library.read(lambda conn: rows.find(conn, ada, photos.reference, "nightly"))
    assert found == made


@pytest.mark.parametrize(
    "name", ["", "  ", "a/b", "a\\b", "..", "x" * 101, "a\nb", "0199c0de-0000-7000-8000-000000000001"]
)
def test_a_name_that_cannot_be_is_refused(library: Library, name: str) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    with pytest.raises(Invalid):
        asked(library, ada, photos, name)
    assert events(library, ada) == []


def test_a_filter_of_nothing_is_not_everything(library: Library) -> None:
    ada = library.an_actor()
    with pytest.raises(Invalid) as refused:
        asked(library, ada, library.a_dataset(ada), classes=())
    assert refused.value.code == "empty_selection"


def test_roles(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    made = asked(library, library.an_actor(Role.MEMBER, of=ada), photos)
    with pytest.raises(Forbidden):
        asked(library, library.an_actor(Role.VIEWER, of=ada), photos, "another")
    member = library.an_actor(Role.MEMBER, of=ada)
    for remove in (
        lambda conn: rows.remove(conn, member, made, now=library.now),
        lambda conn: rows.remove_many(conn, member, [ids.text(made.uuid)], now=library.now),
    ):
        with pytest.raises(Forbidden):
            library.write(remove)


def test_another_organizations_exports_are_unknown(library: Library) -> None:
    ada, eve = library.an_actor(), library.an_actor()
    photos = library.a_dataset(ada)
    made = asked(library, ada, photos)
    reference = ids.text(made.uuid)
    for look in (
        lambda conn: rows.get(conn, eve, reference),
        lambda conn: rows.find(conn, eve, photos.reference, made.name),
        lambda conn: rows.page(conn, eve, dataset_ref=photos.reference, limit=10),
    ):
        with pytest.raises(NotFound):
            library.read(look)
    assert library.read(lambda conn: rows.page(conn, eve, limit=10)) == ([], 0)
    removed = library.write(lambda conn: rows.remove_many(conn, eve, [reference], now=library.now))
    assert (removed.removed, removed.not_found) == ([], [reference])
    assert again(library, ada, made) == made


def test_many_are_removed_in_as_many_statements_as_few(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    counts = []
    for count in (2, 40):
        made = [asked(library, ada, photos, f"{count} {number}") for number in range(count)]
        wanted = [ids.text(each.uuid) for each in made] * 2 + ["nope", ids.text(ids.new())]
        with library.statements() as sent:
            removed = library.write(lambda conn: rows.remove_many(conn, ada, wanted, now=library.now))  # noqa: B023
        counts.append(len(sent))
        assert removed.removed == wanted[:count]
        assert len(removed.not_found) == 2
    assert counts[0] == counts[1]
    assert [kind for kind, _ in events(library, ada)].count("export.deleted") == 42


def test_old_exports_go_with_their_bytes_and_those_being_made_stay(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    done, working = asked(library, ada, photos, "done"), asked(library, ada, photos, "working")
    finish(library, done)
    held = claimed(library)
    assert held is not None
    key = again(library, ada, done).storage_key
    library.now += 31 * clock.DAY
    assert library.write(lambda conn: rows.expire(conn, now=library.now)) == 1
    with pytest.raises(NotFound):
        again(library, ada, done)
    assert library.loose_keys(ada) == {key}
    assert again(library, ada, working).state == "processing"
    assert events(library, ada)[-1][1]["expired"] is True


# Who makes it


def finish(library: Library, export: Export, progress: Progress = Progress(3, 4)) -> claims.Claim:  # noqa: B008 - a value
    held = claimed(library)
    assert held is not None
    assert held.export.uuid == export.uuid
    held = library.write(lambda conn: claims.announce(conn, held, now=library.now))
    assert library.write(lambda conn: claims.finish(conn, held, 10, progress, now=library.now))
    return held


def test_an_export_is_made_by_one_at_a_time_the_oldest_first(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    first, second = asked(library, ada, photos, "1"), asked(library, ada, photos, "2")
    one, other, none = (claimed(library) for _ in range(3))
    assert one is not None
    assert other is not None
    assert [one.export.uuid, other.export.uuid, none] == [first.uuid, second.uuid, None]
    for held in (one, other):
        library.write(lambda conn: claims.fail(conn, held, "no", now=library.now))  # noqa: B023


def test_a_finished_export_has_its_bytes_and_says_so(library: Library) -> None:
    ada = library.an_actor()
    made = asked(library, ada, library.a_dataset(ada))
    held = finish(library, made)
    seen = again(library, ada, made)
    assert (seen.state, seen.size, seen.storage_key) == ("completed", 10, held.key)
    assert (seen.image_count, seen.annotation_count) == (3, 4)
    assert library.loose_keys(ada) == set()
    assert [kind for kind, _ in events(library, ada)] == ["export.created", "export.finished"]


def test_a_claim_that_ran_out_is_somebody_elses(library: Library) -> None:
    ada = library.an_actor()
    made = asked(library, ada, library.a_dataset(ada))
    late = claimed(library)
    assert late is not None
    late = library.write(lambda conn: claims.announce(conn, late, now=library.now))
    library.now += LEASE + SECOND
    taken = claimed(library)
    assert taken is not None
    assert taken.export.uuid == made.uuid
    assert library.write(lambda conn: claims.keep(conn, late, Progress(), now=library.now)) is None
    assert not library.write(lambda conn: claims.finish(conn, late, 10, Progress(), now=library.now))
    due = library.read(
        lambda conn: conn.scalar(select(loose_bytes.c.due_at).where(loose_bytes.c.storage_key == late.key))
    )
    assert due == library.now
    library.write(lambda conn: claims.fail(conn, late, "too late", now=library.now))
    assert again(library, ada, made).state == "processing"
    library.write(lambda conn: claims.give_back(conn, taken, now=library.now))
    assert again(library, ada, made).state == "pending"
    finish(library, made)


def test_a_claim_that_is_renewed_does_not_run_out(library: Library) -> None:
    ada = library.an_actor()
    made = asked(library, ada, library.a_dataset(ada))
    held = claimed(library)
    for number in range(4):
        library.now += LEASE // 2
        assert held is not None
        held = library.write(lambda conn: claims.keep(conn, held, Progress(number, 0), now=library.now))  # noqa: B023
        assert claimed(library) is None
    assert again(library, ada, made).image_count == 3
    assert held is not None
    library.write(lambda conn: claims.fail(conn, held, "the disk is full", now=library.now))
    seen = again(library, ada, made)
    assert (seen.state, seen.error) == ("failed", "the disk is full")


def test_an_export_that_is_deleted_while_it_is_made_is_finished_by_nobody(library: Library) -> None:
    ada = library.an_actor()
    made = asked(library, ada, library.a_dataset(ada))
    held = claimed(library)
    assert held is not None
    held = library.write(lambda conn: claims.announce(conn, held, now=library.now))
    library.write(lambda conn: rows.remove(conn, ada, made, now=library.now))
    assert library.write(lambda conn: claims.keep(conn, held, Progress(), now=library.now)) is None
    assert not library.write(lambda conn: claims.finish(conn, held, 10, Progress(), now=library.now))
    assert library.loose_keys(ada) == {held.key}


def test_a_removed_dataset_takes_its_exports_along(library: Library) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    done = asked(library, ada, photos, "done")
    finish(library, done)
    key = again(library, ada, done).storage_key
    asked(library, ada, photos, "waiting")
    library.write(lambda conn: remove_dataset(conn, ada, photos.reference, now=library.now))
    assert library.read(lambda conn: rows.page(conn, ada, limit=10)) == ([], 0)
    assert key in library.loose_keys(ada)
    assert claimed(library) is None


# How it is read


def all_pages(library: Library, dataset: ADataset, status: str | None = None) -> list[reading.Page]:
    def work(conn: Any) -> list[reading.Page]:
        up_to, after, pages = reading.newest(conn, dataset.id), 0, []
        while True:
            pages.append(reading.read_page(conn, dataset.id, status, after=after, up_to=up_to))
            if pages[-1].next is None:
                return pages
            after = pages[-1].next

    return library.read(work)


def test_every_live_image_is_read_once_with_all_there_is_to_know(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "IMAGES_AT_ONCE", 3)
    reading._light.cache_clear()
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=7, folder="/cars")
    annotate(library, ada, photos.ids[2], BOX)
    library.submit(
        ada,
        Verb.UPDATE,
        photos.ids[2:3],
        photos,
        changes=Changes(status="review", split="val", add_tags=("night",)),
    )
    library.submit(ada, Verb.ARCHIVE, photos.ids[:1], photos)
    pages = all_pages(library, photos)
    images = [image for page in pages for image in page.images]
    assert [ids.text(image.uuid) for image in images] == photos.ids[1:]
    assert [len(page.images) for page in pages] == [3, 3, 0]
    third = images[1]
    assert (third.path, third.status, third.split, third.tags) == ("/cars/3.jpg", "review", "val", ("night",))
    assert json.loads(third.document)[0]["name"] == "car"
    assert [mark.name for mark in third.marks(("dog",))] == []
    only = all_pages(library, photos, "review")
    assert [image.name for page in only for image in page.images] == ["3.jpg"]
    reading._light.cache_clear()


def test_a_page_ends_where_its_annotations_would_be_too_many(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=5)
    for image in photos.ids[:4]:
        annotate(library, ada, image, *({**BOX, "id": str(number)} for number in range(10)))
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 2500)
    sizes = [len(page.images) for page in all_pages(library, photos)]
    assert sizes == [2, 3]
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", 1)  # a document larger than a page is a page of its own
    assert [len(page.images) for page in all_pages(library, photos)] == [1, 1, 1, 2]


def test_a_page_is_three_statements_whatever_it_holds(library: Library) -> None:
    ada = library.an_actor()
    counts = []
    for count in (5, 300):
        photos = library.a_dataset(ada, assets=count, content=b"same")
        annotate(library, ada, photos.ids[0], BOX)
        sent: list[str] = []
        with _listening(library, sent):
            pages = library.read(lambda conn: reading.read_page(conn, photos.id, None, after=0, up_to=2**60))  # noqa: B023
        assert len(pages.images) == count
        counts.append(len(sent))
    assert counts == [3, 3]


@contextlib.contextmanager
def _listening(library: Library, sent: list[str]) -> Iterator[None]:
    """Collects the statements that reads send."""

    def note(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
        if sql.lstrip().startswith("SELECT"):
            sent.append(sql)

    engine = library.read(lambda conn: conn.engine)
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("status", [None, "complete"])
def test_a_page_is_found_in_an_index_and_not_by_looking_at_all_assets(
    sqlite_library: Library, status: str | None
) -> None:
    """On SQLite, whose plans can be read."""
    library = sqlite_library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=3)
    plans: list[str] = []

    def explain(conn: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if sql.startswith("SELECT asset.id"):
            plans.extend(row[3] for row in conn.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, parameters))

    engine = library.read(lambda conn: conn.engine)
    event.listen(engine, "before_cursor_execute", explain)
    try:
        library.read(lambda conn: reading.read_page(conn, photos.id, status, after=0, up_to=2**60))
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert any(plan.startswith("SEARCH asset USING INDEX") for plan in plans)
    assert not any(plan.startswith("SCAN") or "TEMP B-TREE" in plan for plan in plans), plans


# How it is made


class Workshop:
    """An exporter over a library and a store in memory, run for as long as a test wants."""

    def __init__(self, library: Library, folder: Path) -> None:
        self.library = library
        self.store = MemoryStore()
        self.folder = folder
        self.sweep_soon = asyncio.Event()

    def put_bytes(self, actor: Actor) -> dict[str, bytes]:
        """Give every image of an organization bytes; by storage key."""
        contents = {}
        for sha256, key in self.library.blob_keys(actor).items():
            contents[key] = sha256.hex()[:10].encode()
            source = self.folder / "source"
            source.write_bytes(contents[key])
            self.store.put(key, source)
        return contents

    def run(self, until: Callable[[Exporter], Awaitable[None]]) -> None:
        async def both() -> None:
            working = Exporter(
                self.library.database,
                self.store,
                Staging(self.folder / "staging", 2**30),
                self.sweep_soon,
                lambda: self.library.now,
            )
            task = asyncio.ensure_future(working.run())
            try:
                await until(working)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

        self.library._runner.run(both())

    def make(self, actor: Actor, wanted: Export) -> Export:
        """The export when it is over."""

        async def until(working: Exporter) -> None:
            for _ in range(2_000):
                seen = await self.library.database.read(
                    lambda conn: rows.get(conn, actor, ids.text(wanted.uuid))
                )
                if seen.state in {"completed", "failed"}:
                    return
                await asyncio.sleep(0.01)
            raise TimeoutError

        self.run(until)
        return again(self.library, actor, wanted)

    def opened(self, made: Export) -> zipfile.ZipFile:
        assert made.storage_key is not None
        return zipfile.ZipFile(io.BytesIO(b"".join(self.store.read(made.storage_key))))

    def staged(self) -> list[Path]:
        return list((self.folder / "staging").iterdir()) if (self.folder / "staging").is_dir() else []


@pytest.fixture
def workshop(database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """Over a library of its own: an exporter makes whatever is waiting in it."""
    with a_library(database_url) as library:
        yield Workshop(library, tmp_path)


def test_ten_thousand_images_are_exported_page_by_page(workshop: Workshop) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=10_000, content=b"same")
    annotate(library, ada, photos.ids[-1], BOX)
    made = workshop.make(ada, asked(library, ada, photos, wanted=Format.COCO))
    assert (made.state, made.image_count, made.annotation_count) == ("completed", 10_000, 1)
    with workshop.opened(made) as found:
        document = json.loads(found.read("annotations/instances.json"))
    assert len(document["images"]) == 10_000
    assert document["annotations"][0]["image_id"] == 10_000
    assert workshop.staged() == []


def test_images_are_in_their_folders_byte_for_byte(workshop: Workshop) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=["a.jpg"], folder="/cars/red")
    library.add(ada, photos, ["a.jpg"], folder="/cars")
    contents = workshop.put_bytes(ada)
    made = workshop.make(ada, asked(library, ada, photos, include_images=True))
    with workshop.opened(made) as found:
        names = {name for name in found.namelist() if name.startswith("images/")}
        assert names == {"images/cars/red/a.jpg", "images/cars/a.jpg"}
        assert {found.read(name) for name in names} == set(contents.values())
        document = json.loads(found.read("dataset.json"))
        assert {image["file"] for image in document["images"]} == names


class Far(MemoryStore):
    """A store that begins to send to nobody until it is asked for several images."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Barrier(4)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Pieces:
        self.asked.wait(20)
        return super().read(key, start, stop)

    def read_at_hand(self, key: str, start: int = 0, stop: int | None = None) -> None:  # noqa: ARG002 - nothing is
        return None


def test_a_store_that_is_far_away_is_asked_for_several_images_at_a_time(workshop: Workshop) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=12)
    workshop.store = store = Far()
    contents = workshop.put_bytes(ada)
    made = workshop.make(ada, asked(library, ada, photos, include_images=True))
    assert (made.state, made.image_count) == ("completed", 12)
    store.asked = threading.Barrier(1)
    with workshop.opened(made) as found:
        images = [name for name in found.namelist() if name.startswith("images/")]
        document = json.loads(found.read("dataset.json"))
        assert [image["file"] for image in document["images"]] == images  # whichever began first
        assert {found.read(name) for name in images} == set(contents.values())


def test_an_image_whose_bytes_have_gone_is_left_out_and_named(workshop: Workshop) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=2)
    keys = list(workshop.put_bytes(ada))
    workshop.store.delete(keys[:1])
    made = workshop.make(ada, asked(library, ada, photos, include_images=True))
    assert made.image_count == 1
    with workshop.opened(made) as found:
        (row,) = csv.DictReader(io.StringIO(found.read("left-out.csv").decode()))
        assert row["reason"] == "its bytes are gone"
        assert len(json.loads(found.read("dataset.json"))["images"]) == 1


def test_an_export_of_nothing_is_one(workshop: Workshop) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada)
    for wanted in Format:
        made = workshop.make(ada, asked(library, ada, photos, wanted.value, wanted))
        assert (made.state, made.image_count) == ("completed", 0)
        with workshop.opened(made) as found:
            assert found.testzip() is None


def test_a_store_without_room_ends_as_a_failure_that_says_so(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=1)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workshop.store, "put", full)
    made = workshop.make(ada, asked(library, ada, photos))
    assert made.state == "failed"
    assert made.error is not None
    assert "disk is full" in made.error
    assert workshop.staged() == []
    assert [data["state"] for kind, data in events(library, ada) if kind == "export.finished"] == ["failed"]
    due = library.read(lambda conn: conn.scalars(select(loose_bytes.c.due_at)).all())
    assert all(moment <= library.now for moment in due)


def test_a_store_that_is_away_for_a_moment_puts_an_export_off(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = workshop.library
    ada = library.an_actor()
    wanted = asked(library, ada, library.a_dataset(ada, assets=1))
    put, asked_for = workshop.store.put, 0

    def away_at_first(key: str, source: Path) -> bool:
        nonlocal asked_for
        asked_for += 1
        if asked_for == 1:
            raise Unavailable("no answer", code="storage_unreachable")
        return put(key, source)

    async def put_off(_: Exporter) -> None:
        put_off_until = select(dataset_export.c.held_until)
        while asked_for == 0 or (  # noqa: ASYNC110 - nothing tells of it
            await library.database.read(lambda conn: conn.scalar(put_off_until)) != library.now + claims.AGAIN
        ):
            await asyncio.sleep(0.01)

    monkeypatch.setattr(claims, "AGAIN", 2 * LEASE)  # which a claim that is held has not
    monkeypatch.setattr(workshop.store, "put", away_at_first)
    workshop.run(put_off)
    assert again(library, ada, wanted).state == "processing"
    assert workshop.staged() == []
    library.now += claims.AGAIN
    made = workshop.make(ada, wanted)
    assert (made.state, made.image_count) == ("completed", 1)
    assert [data["state"] for kind, data in events(library, ada) if kind == "export.finished"] == [
        "completed"
    ]


def test_a_store_that_stays_away_for_an_hour_ends_an_export_as_a_failure(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = workshop.library
    ada = library.an_actor()
    wanted = asked(library, ada, library.a_dataset(ada))

    def away(*_: object) -> bool:
        raise Unavailable("no answer", code="storage_unreachable")

    monkeypatch.setattr(workshop.store, "put", away)
    library.now += claims.PATIENCE
    made = workshop.make(ada, wanted)
    assert (made.state, made.error) == ("failed", "no answer")


def test_a_server_that_stops_gives_the_export_back(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=30)
    wanted = asked(library, ada, photos)
    reached = asyncio.Event()

    async def forever(*_: object, **__: object) -> None:
        reached.set()
        await asyncio.sleep(3600)

    async def until(_: Exporter) -> None:
        await reached.wait()

    with monkeypatch.context() as patch:
        patch.setattr(Exporter, "_write_out", forever)
        workshop.run(until)
    assert again(library, ada, wanted).state == "pending"
    assert workshop.staged() == []
    assert workshop.make(ada, wanted).image_count == 30


def test_what_a_dead_server_held_is_taken_up_and_what_a_living_one_holds_is_left(workshop: Workshop) -> None:
    """On SQLite nobody else can be at it, so that a restart waits for nothing."""
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=3)
    wanted = asked(library, ada, photos)
    assert claimed(library) is not None
    if library.read(lambda conn: conn.dialect.name) == "postgresql":

        async def a_while(_: Exporter) -> None:
            await asyncio.sleep(0.3)

        workshop.run(a_while)
        assert again(library, ada, wanted).state == "processing"
        library.now += LEASE + SECOND
    assert workshop.make(ada, wanted).state == "completed"


def test_an_export_deleted_while_it_is_made_stops_and_leaves_nothing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = workshop.library
    ada = library.an_actor()
    photos = library.a_dataset(ada, assets=3)
    wanted = asked(library, ada, photos)
    monkeypatch.setattr(exporter, "RENEW", 0.02)
    begun, gone = asyncio.Event(), asyncio.Event()
    write_out = Exporter._write_out

    async def slowly(self: Exporter, held: Any, making: Any, up_to: int) -> None:
        begun.set()
        await gone.wait()
        for _ in range(500):
            if held.stop.is_set():
                break
            await asyncio.sleep(0.01)
        await write_out(self, held, making, up_to)

    async def until(_: Exporter) -> None:
        await begun.wait()
        await library.database.write(lambda conn: rows.remove(conn, ada, wanted, now=library.now))
        gone.set()
        for _ in range(500):
            if not workshop.staged():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    monkeypatch.setattr(Exporter, "_write_out", slowly)
    workshop.run(until)
    assert library.read(lambda conn: conn.execute(select(dataset_export)).all()) == []
    assert library.read(lambda conn: conn.scalars(select(loose_bytes.c.storage_key)).all()) == []
    assert list(workshop.store.objects("exports/")) == []


def test_what_is_stored_of_an_export_that_was_deleted_meanwhile_is_swept_at_once(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not in an hour, when any other bytes would be taken for forgotten."""
    library = workshop.library
    ada = library.an_actor()
    wanted = asked(library, ada, library.a_dataset(ada))
    monkeypatch.setattr(exporter, "RENEW", 0.02)
    begun, noticed = asyncio.Event(), threading.Event()
    renew, put = Exporter._renew, workshop.store.put

    async def noticing(self: Exporter, held: Any, making: Any) -> None:
        await renew(self, held, making)
        if held.stop.is_set():
            noticed.set()

    def slowly(key: str, source: Path) -> bool:
        library._runner.get_loop().call_soon_threadsafe(begun.set)
        assert noticed.wait(10)
        return put(key, source)

    async def until(_: Exporter) -> None:
        await begun.wait()
        await library.database.write(lambda conn: rows.remove(conn, ada, wanted, now=library.now))
        await asyncio.wait_for(workshop.sweep_soon.wait(), 10)

    monkeypatch.setattr(Exporter, "_renew", noticing)
    monkeypatch.setattr(workshop.store, "put", slowly)
    workshop.run(until)
    [stored] = workshop.store.objects("exports/")
    due = library.read(lambda conn: conn.execute(select(loose_bytes)).all())
    assert [(row.storage_key, row.due_at) for row in due] == [(stored.key, library.now)]
