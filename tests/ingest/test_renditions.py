"""Derived files: made once however many ask, kept with their bytes, and gone with them."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from stackroom import ids
from stackroom.database.schema import asset, blob
from stackroom.ingest import renditions
from stackroom.ingest.renditions import Asked, Rendition, Renditions
from stackroom.library.blobs import Blob
from stackroom.media.studio import Studio
from stackroom.media.transformations import Acceptable, parse
from stackroom.storage.blobstore import MissingBytes
from stackroom.storage.local import LocalStore
from stackroom.storage.staging import Staging
from stackroom.testing.builders import Library, a_library
from stackroom.testing.films import film
from stackroom.testing.pictures import picture

CONTENT = picture("jpeg", 900, 600)


class Workshop:
    """Renditions of one stored image, by a studio that counts."""

    def __init__(self, library: Library, folder: Path, content: bytes = CONTENT) -> None:
        self.library = library
        self.store = LocalStore(folder / "storage")
        self.staging = Staging(folder / "staging", 2**30)
        self.studio = Studio(processes=1)
        self.made = 0
        self.after_making = lambda: None
        self.renditions = self.another()
        ada = library.an_actor()
        library.a_dataset(ada, assets=1, content=content)
        self.blob: Blob = library.read(
            lambda conn: Blob(**conn.execute(_of(blob)).one()._mapping)  # the only one
        )
        (folder / "content").write_bytes(content)
        self.store.put(self.blob.storage_key, folder / "content")

    def another(self) -> Renditions:
        """As after a restart."""
        return Renditions(self.library.database, self.store, self.staging, _Counting(self))

    def purge(self) -> None:
        self.library.write(lambda conn: (conn.execute(delete(asset)), conn.execute(delete(blob))))
        self.store.delete([it.key for it in self.store.objects("")])

    @property
    def kept(self) -> list[str]:
        return sorted(it.key.rpartition(".")[2] for it in self.store.objects("renditions/"))


class _Counting:
    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def pyramid(self, path: Path, out: Path) -> bool:
        self._workshop.made += 1
        done = await self._workshop.studio.pyramid(path, out)
        await asyncio.to_thread(self._workshop.after_making)
        return done

    async def poster(self, path: Path, out: Path) -> None:
        self._workshop.made += 1
        await self._workshop.studio.poster(path, out)

    async def thumbnail(self, path: Path, folder: Path, box: int) -> object:
        self._workshop.made += 1
        return await self._workshop.studio.thumbnail(path, folder, box)

    async def transform(self, path: Path, wanted: Any, folder: Path, **rest: Any) -> Path:
        self._workshop.made += 1
        return await self._workshop.studio.transform(path, wanted, folder, **rest)


def _of(table: object) -> object:
    from sqlalchemy import select

    return select(*(table.c[name] for name in Blob.__struct_fields__))


@pytest.fixture
def workshop(database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    with a_library(database_url) as library:
        opened = Workshop(library, tmp_path)
        yield opened
        library.do(opened.studio.close())
    assert list((tmp_path / "staging").iterdir()) == []


async def pyramid(workshop: Workshop) -> str:
    return await workshop.renditions.pyramid(workshop.blob.id, workshop.blob.storage_key)


def test_a_pyramid_is_made_once_however_many_ask(workshop: Workshop) -> None:
    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(pyramid(workshop) for _ in range(20)))

    found = workshop.library.do(all_at_once())
    assert (len(set(found)), workshop.made, workshop.kept) == (1, 1, ["pyramid"])
    workshop.renditions = workshop.another()
    assert workshop.library.do(pyramid(workshop)) == found[0]
    assert workshop.library.do(workshop.renditions.zoomable(workshop.blob.storage_key)) == found[0]
    assert workshop.made == 1


def test_who_gives_up_waiting_does_not_take_it_from_the_others(workshop: Workshop) -> None:
    async def one_leaves() -> str:
        leaver, stayer = (asyncio.create_task(pyramid(workshop)) for _ in range(2))
        await asyncio.sleep(0)
        leaver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaver
        return await stayer

    assert workshop.library.do(one_leaves()).endswith(".pyramid")
    assert workshop.made == 1


def test_nothing_is_left_of_what_is_made_while_its_image_is_purged(workshop: Workshop) -> None:
    loop_free: list[None] = []

    async def purged_meanwhile() -> None:
        database = workshop.library.database

        async def purge() -> None:
            await database.write(lambda conn: (conn.execute(delete(asset)), conn.execute(delete(blob))))

        running = asyncio.get_running_loop()
        workshop.after_making = lambda: asyncio.run_coroutine_threadsafe(purge(), running).result(20)
        with pytest.raises(MissingBytes):
            await pyramid(workshop)
        loop_free.append(None)

    workshop.library.do(purged_meanwhile())
    assert loop_free == [None]
    assert workshop.kept == []


def test_what_is_gone_is_said_to_be_gone(workshop: Workshop) -> None:
    workshop.purge()
    with pytest.raises(MissingBytes):
        workshop.library.do(pyramid(workshop))
    with pytest.raises(MissingBytes):
        workshop.library.do(workshop.renditions.thumbnail(workshop.blob.id, workshop.blob.storage_key, 200))


def test_thumbnails_are_made_on_demand_and_from_the_pyramid_if_there_is_one(workshop: Workshop) -> None:
    asked = workshop.blob.id, workshop.blob.storage_key
    for box in (100, 400, 100):
        found = workshop.library.do(workshop.renditions.thumbnail(*asked, box))
        assert (found.content_type, found.key) == (
            "image/jpeg",
            found.key.rpartition(".")[0] + f".thumb-{box}",
        )
    assert (workshop.made, workshop.kept) == (2, ["thumb-100", "thumb-400"])
    workshop.library.do(pyramid(workshop))
    assert workshop.library.do(workshop.renditions.thumbnail(*asked, 200)).size > 0


def test_an_image_that_is_a_pyramid_needs_no_other(workshop: Workshop, tmp_path: Path) -> None:
    workshop.library.do(pyramid(workshop))
    made = next(it.key for it in workshop.store.objects("renditions/"))
    with workshop.store.open_local(made) as path:
        (tmp_path / "again").write_bytes(path.read_bytes())
    workshop.store.delete([made, workshop.blob.storage_key])
    workshop.store.put(workshop.blob.storage_key, tmp_path / "again")
    workshop.renditions = workshop.another()
    for _ in range(2):
        assert workshop.library.do(pyramid(workshop)) == workshop.blob.storage_key
    assert (workshop.made, workshop.kept) == (2, [])


def asked(words: str, **rest: Any) -> Asked:
    return Asked(transformation=parse(words), **rest)


async def transformed(workshop: Workshop, words: str, **rest: Any) -> Rendition:
    wanted = asked(words, **rest)
    return await workshop.renditions.transformed(workshop.blob.id, workshop.blob.storage_key, wanted)


def test_what_was_made_of_an_image_is_made_once_and_kept_with_it(workshop: Workshop) -> None:
    async def all_at_once() -> list[Rendition]:
        same = ["-/resize/90x/-/flip", "-/flip/resize/90x"] * 5
        return await asyncio.gather(*(transformed(workshop, words) for words in same))

    found = workshop.library.do(all_at_once())
    assert (len(set(found)), workshop.made) == (1, 1)
    assert found[0].content_type == "image/jpeg"
    assert found[0].size == workshop.store.size(found[0].key)
    workshop.renditions = workshop.another()
    assert workshop.library.do(transformed(workshop, "flip/resize/90x")) == found[0]
    assert workshop.made == 1


def test_what_depends_on_the_receiver_is_kept_for_each_kind_of_receiver(workshop: Workshop) -> None:
    webp = Acceptable(webp=True)
    assert asked("flip").digest == asked("flip", acceptable=webp).digest
    assert asked("format/auto").digest != asked("format/auto", acceptable=webp).digest
    plain = workshop.library.do(transformed(workshop, "format/auto"))
    modern = workshop.library.do(transformed(workshop, "format/auto", acceptable=webp))
    assert (plain.content_type, modern.content_type) == ("image/jpeg", "image/webp")


def test_an_image_with_a_watermark_is_another_one_with_another_watermark(workshop: Workshop) -> None:
    words = f"watermark/{ids.text(ids.new())}/size/50%"
    plain = workshop.library.do(transformed(workshop, "quality/normal"))
    marked = workshop.library.do(transformed(workshop, words, watermark_key=workshop.blob.storage_key))
    assert marked.key != plain.key
    assert asked(words, watermark_key="a").digest != asked(words, watermark_key="b").digest


def test_only_the_newest_transformations_of_an_image_are_kept(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "MOST_TRANSFORMED", 2)
    made = [workshop.library.do(transformed(workshop, f"resize/{width}x")) for width in (10, 20, 30)]
    assert sorted(it.key for it in workshop.store.objects("renditions/")) == sorted(it.key for it in made[1:])


def test_nothing_is_made_of_what_is_gone(workshop: Workshop) -> None:
    workshop.purge()
    with pytest.raises((MissingBytes, FileNotFoundError)):
        workshop.library.do(transformed(workshop, "flip"))
    assert workshop.kept == []


def test_a_video_is_shown_by_a_poster_from_which_its_thumbnails_are_made(
    database_url: str, tmp_path: Path
) -> None:
    with a_library(database_url) as library:
        cinema = Workshop(library, tmp_path, film())
        at = cinema.blob.id, cinema.blob.storage_key

        async def look() -> tuple[Rendition, ...]:
            shown = cinema.renditions
            sizes = (100, 200, 100)
            return (
                *[await shown.thumbnail(*at, size, of_video=True) for size in sizes],
                await shown.poster(*at),
            )

        found = library.do(look())
        assert {each.content_type for each in found} == {"image/jpeg"}
        assert (cinema.made, cinema.kept) == (3, ["poster", "thumb-100", "thumb-200"])
        library.do(cinema.studio.close())


def test_a_thumbnail_that_was_found_is_told_again_and_made_again_if_it_has_gone(workshop: Workshop) -> None:
    def thumbnail() -> Rendition:
        return workshop.library.do(
            workshop.renditions.thumbnail(workshop.blob.id, workshop.blob.storage_key, 200)
        )

    first = thumbnail()
    assert [thumbnail(), thumbnail()] == [first, first]
    assert workshop.made == 1
    workshop.store.delete([first.key])
    assert thumbnail() == first
    assert (workshop.made, workshop.store.size(first.key)) == (2, first.size)
    workshop.purge()
    with pytest.raises(MissingBytes):
        thumbnail()
