"""Videos while whoever makes them ready for players dies: each is ready in the end, and no byte is left of what was
begun."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stackroom.faults import EXIT_CODE
from stackroom.testing.films import film
from stackroom.testing.nursery import Nursery
from stackroom.testing.processes import wait_until

from .lives import Client, Lives, answered

# A video that has lost whoever worked on it for the third time is given up, so each gets two.
TRANSCODED = (
    ("transcode:after-make", "transcode:between-files"),
    ("transcode:after-put", "transcode:before-commit"),
)
OPTIONS = (
    *("--requests-per-minute", "0", "--organization-requests-per-minute", "0"),
    *("--hls-preset", "ultrafast", "--hls-segment-seconds", "1"),
)
VIDEOS = "/api/v0/videos"


@pytest.fixture(scope="class")
def lives(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, database: str | None
) -> Iterator[Lives]:
    data_dir = tmp_path_factory.mktemp("library") / "data"
    found = Lives(data_dir, nursery, database_url=database, arguments=OPTIONS)
    yield found
    if found.server.running:
        found.server.kill()


class Videos:
    DATABASE: ClassVar[str]

    def test_a_video_that_dies_at_every_step_is_ready_in_the_end(self, lives: Lives) -> None:
        lives.start()
        with lives.client() as client:
            for number, points in enumerate(TRANSCODED):
                lives.start(*points)
                uuid = upload(client, film(), once=f"video {number}")
                ready(client, uuid)
                assert lives.deaths == [EXIT_CODE] * 2
                playable(client, uuid)
        lives.check()


def upload(client: Client, content: bytes, *, once: str) -> str:
    made = client._insist(
        lambda: client._http.post(
            client._url() + VIDEOS,
            files={"file": ("film.mp4", content, "video/mp4")},
            headers={"Idempotency-Key": once},
        )
    )
    return str(answered(made, 200)["id"])


def ready(client: Client, uuid: str) -> None:
    """Wait until it can be played, which it can without being asked for."""

    def status() -> Any:
        return answered(client.ask("GET", f"{VIDEOS}/{uuid}"))["processing_status"]

    assert wait_until(lambda: status() in {"completed", "failed"}, seconds=90)
    assert status() == "completed"


def playable(client: Client, uuid: str) -> None:
    """All that its playlists name is there."""
    at = f"{VIDEOS}/{uuid}/stream"
    master = client.ask("GET", f"{at}/master.m3u8").text
    for variant in [line for line in master.splitlines() if not line.startswith("#")]:
        playlist = client.ask("GET", f"{at}/{variant}").text
        segments = [line for line in playlist.splitlines() if not line.startswith("#")]
        assert segments
        for segment in segments:
            answer = client.ask("GET", f"{at}/{variant.partition('/')[0]}/{segment}")
            assert (answer.status_code, answer.content[:1]) == (200, b"G")


def encoders(lives: Lives) -> list[str]:
    """The processes of FFmpeg that work for this library."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if b"libx264" in said and str(lives.settings.staging_dir).encode() in said:
            found.append(process.name)
    return found


class TestOnSqlite(Videos):
    DATABASE = "sqlite"

    def test_who_is_killed_takes_ffmpeg_along_and_what_was_made_of_it(self, lives: Lives) -> None:
        if lives.server.running:
            lives.server.stop()
        before = lives.server._arguments
        lives.server._arguments = [*before, "--hls-preset", "veryslow"]  # so that there is time to kill it
        lives.start()
        with lives.client() as client:
            uuid = upload(client, film(width=640, height=360, seconds=20), once="long")
            # Looked for once: what becomes FFmpeg has the same number, and for an instant no arguments.
            at_work: list[str] = []

            def begun() -> bool:
                at_work[:] = encoders(lives)
                return at_work != []

            assert wait_until(begun, seconds=30)
            [encoder] = at_work
            lives.server.kill()
            assert wait_until(lambda: not Path(f"/proc/{encoder}").exists(), seconds=5)
            lives.server._arguments = before
            lives.start()
            ready(client, uuid)
            playable(client, uuid)
            gone = upload(client, film(width=640, height=360, seconds=10), once="gone")
            answered(client.ask("DELETE", f"/api/v0/media/{gone}"), 204)
            assert wait_until(lambda: not any(f"/{gone}/" in key for key in lives.stored()), seconds=30)
        lives.check_to_the_last_byte()


class TestOnPostgresql(Videos):
    DATABASE = "postgresql"
