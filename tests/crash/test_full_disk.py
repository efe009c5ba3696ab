"""A disk that is full: the answer says so, nothing is half-done, and with room again everything goes on."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stackroom.testing.live import ServerDidNotStart
from stackroom.testing.nursery import Nursery
from stackroom.testing.pictures import picture

from .lives import NATIVE, Lives, answered, never

SIZE = "24m"


class Disk:
    """A small file system of its own, to be filled to the last byte."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as filler:
            for size in (2**16, 1):
                with suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    yield Disk(place)
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def lives(tmp_path: Path, nursery: Nursery) -> Iterator[Lives]:
    found = Lives(tmp_path / "data", nursery)
    yield found
    if found.server.running:
        found.server.kill()


@pytest.fixture
def on_disk(disk: Disk, tmp_path: Path, nursery: Nursery) -> Iterator[Lives]:
    """A library on the small disk; the server's log is elsewhere, to be read."""
    found = Lives(disk.path / "data", nursery)
    found.server.log = tmp_path / "server.log"
    yield found
    if found.server.running:
        found.server.kill()


def test_every_face_says_that_the_disk_is_full_and_goes_on_when_it_is_not(disk: Disk, on_disk: Lives) -> None:
    with on_disk.start().client(never) as client:
        dataset, late = client.make_dataset("full"), picture(seed=8)
        early = client.upload(dataset, "/", "0.jpg", picture(seed=7), once=None)
        ids = [answered(early, 201)["image_id"]]
        to_send, sent = client.ticket(dataset, "/", "1.jpg"), client.ticket(dataset, "/", "2.jpg")
        answered(client.put(sent["upload_url"], late, "image/jpeg"))
        disk.fill()

        refusals = [
            client.put(to_send["upload_url"], picture(seed=9), "image/jpeg"),
            client.register(dataset, "/", "2.jpg", late, sent["gcs_path"], once="register"),
            client.batch("copy", dataset, ids, once="copy", target_folder_path="/copies"),
            client.ask("POST", f"{NATIVE}/datasets", {"name": "another"}, once="dataset"),
        ]
        assert [each.status_code for each in refusals] == [507] * 4
        assert {each.json()["error"]["code"] for each in refusals} == {"storage_full"}
        assert all(each.json()["error"]["hint"] for each in refusals)
        assert refusals[2].json()["detail"] == refusals[2].json()["error"]["message"]
        assert client.places(dataset) == ["/0.jpg"]
        assert on_disk.staged() == []

        disk.make_room()
        answered(client.put(to_send["upload_url"], picture(seed=9), "image/jpeg"))
        answered(client.register(dataset, "/", "2.jpg", late, sent["gcs_path"], once="register"), 201)
        answered(client.batch("copy", dataset, ids, once="copy", target_folder_path="/copies"))
        answered(client.ask("POST", f"{NATIVE}/datasets", {"name": "another"}, once="dataset"), 201)
        assert client.places(dataset) == ["/0.jpg", "/2.jpg", "/copies/0.jpg"]
    on_disk.check_to_the_last_byte()


def test_a_server_on_a_full_disk_stops_in_order_and_says_why_it_does_not_start(
    disk: Disk, on_disk: Lives
) -> None:
    with on_disk.start().client(never) as client:
        client.make_dataset("kept")
        disk.fill()
        assert on_disk.server.stop() == 0
        with pytest.raises(ServerDidNotStart, match="No space left on device"):
            on_disk.server.start()
        disk.make_room()
        on_disk.start()
        assert client.places("kept") == []
    on_disk.check_to_the_last_byte()


def test_a_limit_on_file_sizes_is_met_like_a_full_disk(lives: Lives) -> None:
    """Also where nothing can be mounted. The limit meets the log as well, which fails no request."""
    with lives.start().client(never) as client:
        dataset = client.make_dataset("limited")
        ids = [answered(client.upload(dataset, "/", "0.jpg", picture(), once=None), 201)["image_id"]]
        to_send = client.ticket(dataset, "/", "1.jpg")
        limit_files(lives, 100)
        too_big = client.put(to_send["upload_url"], picture(seed=1), "image/jpeg")
        assert (too_big.status_code, too_big.json()["error"]["code"]) == (507, "storage_full")
        copy = client.batch("copy", dataset, ids, once="copy", target_folder_path="/copies")
        assert (copy.status_code, copy.json()["error"]["code"]) == (503, "database_unavailable")
        assert client.places(dataset) == ["/0.jpg"]
        assert lives.staged() == []
        limit_files(lives, resource.RLIM_INFINITY)
        answered(client.put(to_send["upload_url"], picture(seed=1), "image/jpeg"))
        answered(client.batch("copy", dataset, ids, once="copy", target_folder_path="/copies"))
        assert client.places(dataset) == ["/0.jpg", "/copies/0.jpg"]
    lives.check_to_the_last_byte()


def limit_files(lives: Lives, size: int) -> None:
    resource.prlimit(lives.server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
