"""Media come in: what is kept of a file, and that nothing is where one was refused."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from stackroom import clock, ids
from stackroom.access import Actor, Role
from stackroom.database.schema import asset, asset_media, event, upload
from stackroom.errors import Forbidden, Invalid, StackroomError
from stackroom.ingest import accepted
from stackroom.ingest.receiving import Ready, Receiving, Wish
from stackroom.library import datasets, folders, media_home
from stackroom.library.media import Media
from stackroom.library.sweep import sweep
from stackroom.media.kinds import Kind
from stackroom.media.studio import Studio
from stackroom.operations.request import Verb
from stackroom.storage.keys import rendition_key
from stackroom.storage.staging import Staging
from stackroom.testing.builders import Library
from stackroom.testing.faulty_store import FaultyStore
from stackroom.testing.memory_store import MemoryStore
from stackroom.testing.pictures import picture

pytestmark = pytest.mark.every_database


class Door:
    """Where somebody hands in files."""

    def __init__(self, library: Library, studio: Studio, folder: Path, **options: Any) -> None:
        self.library = library
        self.store = FaultyStore(MemoryStore())
        self.staging = Staging(folder, 2**24)
        self.followed: list[Media] = []
        self.receiving = Receiving(
            library.database,
            self.store,
            self.staging,
            studio,
            limits=dict.fromkeys((kind.value for kind in Kind), 2**20),
            expire=options.pop("expire", False),
            keep_exif=options.pop("keep_exif", False),
            follow_up=lambda _conn, _actor, made, _now: self.followed.append(made),
            now=lambda: library.now,
        )
        self.actor = library.an_actor()

    def prepare(self, content: bytes, name: str = "a.png", actor: Actor | None = None, **wish: Any) -> Ready:
        wanted = Wish(**{"kind": Kind.IMAGE, **wish})
        with self.staging.receive() as arrival:
            arrival.write(content)
            named = accepted.check(
                wanted.kind, name, "image/" + name.rpartition(".")[2].replace("jpg", "jpeg")
            )
            return self.library.do(
                self.receiving.prepare(actor or self.actor, wanted, named, arrival.finish())
            )

    def register(self, ready: Ready) -> Media:
        return self.library.write(
            lambda conn: self.receiving.register(
                conn, self.actor, ready, initiator="upload", now=self.library.now
            )
        )

    def take(self, content: bytes, name: str = "a.png", **wish: Any) -> Media:
        return self.register(self.prepare(content, name, **wish))

    def refusal(self, content: bytes, name: str = "a.png", **wish: Any) -> StackroomError:
        with pytest.raises(StackroomError) as refused:
            self.prepare(content, name, **wish)
        return refused.value

    def row(self, made: Media) -> Any:
        return self.library.read(lambda conn: conn.execute(select(asset).where(asset.c.id == made.id)).one())

    def stored(self) -> list[str]:
        return sorted(each.key for each in self.store.objects())

    def nothing_is_kept(self) -> bool:
        self.library.do(sweep(self.library.database, self.store, lambda: self.library.now + clock.DAY))
        mine = self.actor.organization_id
        for table in (asset, upload):
            count = select(func.count()).select_from(table).where(table.c.organization_id == mine)
            if self.library.read(lambda conn, count=count: conn.scalar(count)):
                return False
        return self.stored() == []


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    made = Studio(processes=1)
    yield made
    asyncio.run(made.close())


@pytest.fixture
def door(library: Library, studio: Studio, tmp_path: Path) -> Door:
    return Door(library, studio, tmp_path)


def test_a_file_becomes_media_of_the_organizations_own_dataset(door: Door, library: Library) -> None:
    content = picture("png", 64, 48)
    made = door.take(content, metadata={"k": "v"})
    assert (made.width, made.height, made.size, made.content_type) == (64, 48, len(content), "image/png")
    assert (made.original_name, made.metadata, made.folder_name) == ("a.png", {"k": "v"}, None)
    assert (made.store_behavior, made.expires_at, made.created_at) == ("auto", None, library.now)
    home = library.read(lambda conn: datasets.find(conn, door.actor, "media"))
    assert made.dataset_id == home.id
    assert [each.uuid for each in door.followed] == [made.uuid]
    [key] = [it for it in door.stored() if it.startswith("blobs/")]
    assert b"".join(door.store.read(key)) == content
    assert rendition_key(key, "thumb-200") in door.stored()


def test_most_images_need_no_row_for_what_only_media_have(door: Door, library: Library) -> None:
    made = [door.take(picture("png", seed=each), store=store) for each, store in enumerate(("auto", "AUTO"))]
    there = select(asset_media.c.asset_id, asset_media.c.store_behavior)
    mine = there.where(asset_media.c.asset_id.in_([each.id for each in made]))
    rows = library.read(lambda conn: [tuple(row) for row in conn.execute(mine)])
    assert rows == [(made[1].id, "AUTO")]
    assert [each.store_behavior for each in made] == ["auto", "AUTO"]


def test_what_is_not_to_stay_goes_after_a_day(
    door: Door, library: Library, studio: Studio, tmp_path: Path
) -> None:
    stays = [door.take(picture("png", seed=1), store=store).expires_at for store in ("1", "auto")]
    goes = door.take(picture("png", seed=2), store="0")
    assert (stays, goes.expires_at) == ([None, None], library.now + clock.DAY)
    other = Door(library, studio, tmp_path, expire=True)
    assert other.take(picture("png"), store="auto").expires_at == library.now + clock.DAY
    assert other.take(picture("png"), store="1").expires_at is None


def test_a_name_may_stand_there_twice_and_is_one_elsewhere(door: Door) -> None:
    made = [door.take(picture("png", seed=each), "../x.png") for each in range(3)]
    assert [each.original_name for each in made] == ["x.png"] * 3
    assert [door.row(each).name for each in made] == ["x.png", "x-2.png", "x-3.png"]


def test_the_same_file_again_is_another_item_of_the_same_bytes(door: Door, library: Library) -> None:
    first, second = door.take(picture("png")), door.take(picture("png"))
    assert first.uuid != second.uuid
    assert first.blob_id == second.blob_id
    library.submit(door.actor, Verb.PURGE, [ids.text(first.uuid)], single=True)
    library.do(sweep(library.database, door.store, lambda: library.now))
    assert len([it for it in door.stored() if it.startswith("blobs/")]) == 1


def test_a_picture_is_kept_upright_without_what_its_camera_said(
    door: Door, library: Library, studio: Studio, tmp_path: Path
) -> None:
    sideways = picture("jpeg", 64, 48, orientation=6)
    made = door.take(sideways, "a.jpg")
    [key] = [it for it in door.stored() if it.startswith("blobs/")]
    kept = b"".join(door.store.read(key))
    assert (made.width, made.height, made.size) == (48, 64, len(kept))
    assert hashlib.sha256(kept).hexdigest() in key
    assert b"Exif" not in kept
    other = Door(library, studio, tmp_path, keep_exif=True)
    assert other.take(sideways, "a.jpg").size == len(sideways)


def test_who_makes_media_is_told_of_in_the_same_transaction(door: Door, library: Library) -> None:
    made = door.take(picture("png"), store="0")
    row = library.read(
        lambda conn: conn.execute(
            select(event.c.type, event.c.data).where(event.c.asset_uuid == made.uuid)
        ).one()
    )
    assert row.type == "asset.created"
    for said in (
        '"filename":"a.png"',
        '"kind":"image"',
        '"initiator":"upload"',
        f'"expires_at":{made.expires_at}',
    ):
        assert said in row.data


def test_media_go_into_a_folder_if_one_is_named(door: Door, library: Library) -> None:
    home = library.write(lambda conn: media_home.home(conn, door.actor, library.now))
    made, _ = library.write(lambda conn: folders.create(conn, door.actor, home, "/a/b", now=library.now))
    seen = door.take(picture("png"), folder=made.uuid)
    assert (seen.folder_uuid, seen.folder_name) == (made.uuid, "b")


@pytest.mark.parametrize(
    ("content", "name", "wish"),
    [
        (picture("jpeg"), "a.png", {}),
        (b"", "a.png", {}),
        (b"no picture", "a.png", {}),
        (picture("png")[:-30], "a.png", {}),
        (picture("png"), "a.png", {"store": "2"}),
        (picture("png"), "a.png", {"store": ""}),
        (picture("png"), "a.png", {"folder": ids.new()}),
    ],
)
def test_nothing_is_kept_of_what_is_refused(
    door: Door, content: bytes, name: str, wish: dict[str, Any]
) -> None:
    assert isinstance(door.refusal(content, name, **wish), Invalid)
    assert door.nothing_is_kept()


def test_a_viewer_uploads_nothing(door: Door, library: Library) -> None:
    viewer = library.an_actor(Role.VIEWER, of=door.actor)
    assert isinstance(door.refusal(picture("png"), actor=viewer), Forbidden)
    assert door.nothing_is_kept()


def test_a_folder_that_goes_meanwhile_is_not_gone_into(door: Door, library: Library) -> None:
    home = library.write(lambda conn: media_home.home(conn, door.actor, library.now))
    made, _ = library.write(lambda conn: folders.create(conn, door.actor, home, "/a", now=library.now))
    ready = door.prepare(picture("png"), folder=made.uuid)
    library.write(lambda conn: folders.remove(conn, made))
    with pytest.raises(Invalid):
        door.register(ready)
    library.do(door.receiving.give_up(ready))
    assert door.nothing_is_kept()


def test_what_is_ready_is_registered_once(door: Door) -> None:
    ready = door.prepare(picture("png"))
    door.register(ready)
    with pytest.raises(Invalid) as refused:
        door.register(ready)
    assert refused.value.code == "upload_missing"
    assert len(door.followed) == 1


def test_what_is_given_up_leaves_nothing(door: Door, library: Library) -> None:
    ready = door.prepare(picture("png"))
    library.do(door.receiving.give_up(ready))
    library.do(sweep(library.database, door.store, lambda: library.now))
    assert door.stored() == []


def test_a_full_disk_keeps_nothing(door: Door) -> None:
    door.store.full = True
    assert door.refusal(picture("png")).code == "storage_full"
    door.store.full = False
    assert door.nothing_is_kept()
