"""A library that is restored: from a backup that was made while much was written, and from one that lacks bytes."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from stackroom.doctor import examine
from stackroom.testing.nursery import Nursery
from stackroom.testing.pictures import picture

from .lives import Client, Lives, answered, never

Bring = Callable[[Client, Path, bytes], None]


@pytest.fixture
def lives(tmp_path: Path, nursery: Nursery) -> Iterator[Lives]:
    found = Lives(tmp_path / "data", nursery, arguments=["--origin-roots", str(tmp_path)])
    yield found
    if found.server.running:
        found.server.kill()


def back_up(lives: Lives, place: Path) -> None:
    """As the page about running a server says: first the database, then the bytes."""
    place.mkdir(mode=0o700)
    with closing(sqlite3.connect(lives.settings.data_dir / "library.db")) as database:
        database.execute("VACUUM INTO ?", [str(place / "library.db")])
    shutil.copytree(lives.settings.storage_dir, place / "storage")


def keep_changing(client: Client, dataset: str, enough: Event, halt: Event) -> dict[str, bytes]:
    """Upload and move until told to stop; what was uploaded, by name."""
    sent: dict[str, bytes] = {}
    while not halt.is_set():
        name = f"{len(sent)}.jpg"
        sent[name] = picture(seed=len(sent), width=64)
        made = answered(client.upload(dataset, "/", name, sent[name], once=None), 201)
        there = f"/moved/{len(sent) % 3}"
        answered(client.batch("move", dataset, [made["image_id"]], once=name, target_folder_path=there))
        if len(sent) == 10:
            enough.set()
    return sent


def test_a_backup_that_was_made_while_much_was_written_is_a_whole_library(
    lives: Lives, tmp_path: Path, nursery: Nursery
) -> None:
    enough, halt = Event(), Event()
    with lives.start().client(never) as client, ThreadPoolExecutor(1) as others:
        dataset = client.make_dataset("busy")
        changing = others.submit(keep_changing, client, dataset, enough, halt)
        try:
            assert enough.wait(60)
            back_up(lives, tmp_path / "restored")
        finally:
            halt.set()
        sent, key = changing.result(), lives.first_key()
        assert lives.server.stop() == 0
    restored = Lives(tmp_path / "restored", nursery)
    restored.start()
    with Client(lambda: restored.server.url, key, never) as client:
        there = client.assets(dataset)
        assert len(there) >= 9
        assert all(client.get(each["url"]).content == sent[each["name"]] for each in there)
    wrong = {each.check for each in examine(restored.settings, deep=True)}
    assert wrong <= {"bytes_known"}  # what came in between the two copies is there, and nobody's


def by_ticket(client: Client, place: Path, content: bytes) -> None:
    answered(client.upload("kept", f"/{place.stem}", place.name, content, once=None), 201)


def by_ticket_converted(client: Client, place: Path, content: bytes) -> None:
    name = f"{place.stem}.heic"
    answered(client.upload("kept", f"/{place.stem}", name, content, once=None, kind="image/heic"), 201)


def by_batch_converted(client: Client, place: Path, content: bytes) -> None:
    by_batch(client, place.with_suffix(".heic"), content)


def by_form(client: Client, place: Path, content: bytes) -> None:
    answered(client.send_form("/api/v0/images", place.name, content, "image/jpeg", once=place.stem))


def by_batch(client: Client, place: Path, content: bytes) -> None:
    place.write_bytes(content)
    batch = answered(client.submit("kept", [place.as_uri()], once=None), 201)
    assert client.finished_batch(batch["id"])["completed"] == 1


def lose(place: Path) -> None:
    shutil.rmtree(place / "blobs")
    shutil.rmtree(place / "renditions")


def cut_short(place: Path) -> None:
    stored = [each for each in (place / "blobs").rglob("*") if each.is_file()]
    for each in stored:
        each.write_bytes(each.read_bytes()[:-7])  # and not in place: that is the file of another as well


@pytest.mark.parametrize(("damage", "found"), [(lose, "bytes_present"), (cut_short, "bytes_whole")])
@pytest.mark.parametrize("bring", [by_ticket, by_ticket_converted, by_form, by_batch, by_batch_converted])
def test_bytes_that_are_lost_or_cut_short_are_back_when_they_come_again(
    lives: Lives, tmp_path: Path, bring: Bring, damage: Callable[[Path], None], found: str
) -> None:
    content = picture("heic" if bring in {by_ticket_converted, by_batch_converted} else "jpeg", seed=1)
    with lives.start().client(never) as client:
        client.make_dataset("kept")
        bring(client, tmp_path / "first.jpg", content)
        damage(lives.settings.storage_dir)
        wrong = {each.check: each.problems for each in examine(lives.settings) if each.problems}
        assert wrong == {found: 1}
        bring(client, tmp_path / "second.jpg", content)
        lives.check()
