"""A server that dies at the worst instants: what was asked has one effect, one answer, and leaves nothing behind.

The client does what a good client does: what it is not answered, it asks again with the same idempotency key.
"""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from typing import Any, ClassVar
from zipfile import ZipFile

import pytest
from sqlalchemy import update

from stackroom.database.connect import connect
from stackroom.database.schema import dataset_export
from stackroom.exports.rows import PROCESSING
from stackroom.faults import EXIT_CODE, POINTS
from stackroom.settings import Settings
from stackroom.testing.live import ServerDidNotStart
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

from .lives import Client, Lives, answered, each_has_one_outcome, same_again
from .test_arrivals import ACCEPTED, TAKEN_IN
from .test_embeddings import MADE
from .test_queue_points import POINTS as OF_THE_QUEUE
from .test_videos import TRANSCODED
from .test_webhooks import TOLD

UPLOADS = (
    "upload:after-receive",
    "upload:after-store",
    "upload:after-commit",
    "register:after-examine",
    "register:before-commit",
    "answer:after-commit",
)
FORMS = ("register:after-examine", "register:before-commit", "answer:after-commit")
PIECES = ("upload:after-store", "register:after-examine", "register:before-commit")
COPIES = ("apply:between-statements", "apply:before-commit", "answer:after-commit")
PURGES = ("apply:before-commit", "answer:after-commit")
# Each life begins with a sweep, and finds what the one before has left.
SWEEPS = ("sweep:before-commit:2", "sweep:after-commit:2", "sweep:after-remove:2")
EXPORTS = ("export:after-page", "export:after-store", "export:before-commit")
OTHERS = ("render:before-store", "apply:after-commit", "migrate:before-commit")


class CrashingLibrary:
    """The tests, for each database. They share one library; the last looks at what they leave of it."""

    DATABASE: ClassVar[str]

    @pytest.fixture
    def client(self, lives: Lives) -> Iterator[Client]:
        if not lives.server.log.exists():
            lives.start()
        with lives.client() as client:
            yield client

    def test_a_first_start_that_dies_leaves_an_empty_place_for_the_next(self, lives: Lives) -> None:
        with pytest.raises(ServerDidNotStart):
            lives.start("migrate:before-commit")
        lives.start()
        with lives.client() as client:
            assert client.operations() == []
        lives.check()

    def test_an_upload_that_dies_at_every_step_is_there_once(self, lives: Lives, client: Client) -> None:
        lives.start(*UPLOADS)
        dataset, content = client.make_dataset("uploads"), picture(seed=1)
        made = client.upload(dataset, "/in", "a.jpg", content, once="upload")
        assert lives.deaths == [EXIT_CODE] * len(UPLOADS)
        assert made.headers["Idempotent-Replayed"] == "true"
        image = answered(made, 201)["image"]
        assert client.get(image["image_url"]).content == content
        assert client.get(image["thumbnail_url"]).status_code == 200
        assert client.places(dataset) == ["/in/a.jpg"]
        lives.check()

    def test_media_that_die_at_every_step_are_there_once(self, lives: Lives, client: Client) -> None:
        lives.start(*FORMS)
        content = picture("png", seed=11)
        made = client.send_form("/api/v0/images", "form.png", content, "image/png", once="a form")
        assert lives.deaths == [EXIT_CODE] * len(FORMS)
        assert made.headers["X-Idempotent-Replayed"] == "true"
        listed = answered(client.ask("GET", "/api/v0/images"))
        assert [each["id"] for each in listed if each["filename"] == "form.png"] == [answered(made)["id"]]
        assert client.get(lives.server.url + f"/api/v0/images/{made.json()['id']}/file").content == content
        lives.check()

    def test_a_file_in_pieces_outlives_its_server(self, lives: Lives, client: Client) -> None:
        lives.start(*PIECES)
        content, path = picture("png", seed=12, width=400, height=300), "/api/v0/uploads/chunked"
        size = len(content) // 2 + 1
        sent = {"filename": "in-pieces.png", "content_type": "image/png", "media_type": "image"}
        announced = {**sent, "file_size": len(content), "chunk_size": size}
        session = answered(client.ask("POST", f"{path}/start", announced))["session_id"]
        for position in range(2):
            url = f"{lives.server.url}{path}/{session}/chunk/{position}"
            sent_there = client.put(url, content[position * size :][:size], "application/octet-stream")
            assert sent_there.status_code == 200, sent_there.text
        made = answered(client.ask("POST", f"{path}/{session}/complete", {"upload_id": session}))
        assert lives.deaths == [EXIT_CODE] * len(PIECES)
        assert client.get(lives.server.url + f"/api/v0/images/{made['id']}/file").content == content
        listed = answered(client.ask("GET", "/api/v0/images"))
        assert [it["filename"] for it in listed].count("in-pieces.png") == 1
        lives.check()

    def test_a_conversion_that_is_cut_off_is_made_again(self, lives: Lives, client: Client) -> None:
        """What the first life made of the file is swept like anything that nobody owns."""
        lives.start("register:after-examine")
        dataset = client.make_dataset("conversion")
        made = client.upload(dataset, "/", "a.heic", picture("heic"), once="heic", kind="image/heic")
        assert lives.deaths == [EXIT_CODE]
        assert answered(made, 201)["filename"] == "a.png"
        assert client.places(dataset) == ["/a.png"]
        lives.check()

    def test_a_copy_that_dies_again_and_again_is_made_once(self, lives: Lives, client: Client) -> None:
        lives.start(*COPIES)
        dataset = client.make_dataset("copies")
        ids, more = client.upload_three(dataset, seed=100), {"target_folder_path": "/copies"}
        first = client.batch("copy", dataset, ids, once="copy", **more)
        assert lives.deaths == [EXIT_CODE] * len(COPIES)
        same_again(first, client.batch("copy", dataset, ids, once="copy", **more))
        result = answered(first)
        assert (result["succeeded"], result["failed"]) == (ids, [])
        names = ["0.jpg", "1.jpg", "2.jpg"]
        copies = [f"/copies/{name}" for name in names]
        assert client.places(dataset, "all") == [f"/{name}" for name in names] + copies
        done = client.operation(result["operation_id"])
        each_has_one_outcome(list(client.items(done["id"])), done)
        lives.check()

    def test_a_purge_that_dies_again_and_again_removes_its_bytes(self, lives: Lives, client: Client) -> None:
        lives.start(*PURGES)
        before = lives.stored()
        dataset = client.make_dataset("purge")
        ids = client.upload_three(dataset, seed=110)
        first = client.batch("delete", dataset, ids, once="purge", permanent=True)
        assert lives.deaths == [EXIT_CODE] * len(PURGES)
        same_again(first, client.batch("delete", dataset, ids, once="purge", permanent=True))
        assert (answered(first)["succeeded"], client.places(dataset, "all")) == (ids, [])
        assert wait_until(lambda: lives.stored() == before, seconds=30)
        lives.check()

    def test_a_large_operation_goes_on_by_itself(self, lives: Lives, client: Client) -> None:
        """A move dies in its second chunk; a copy, where doing an item twice would show, dies before it is
        answered and once more between two chunks. Then the copy is undone."""
        lives.start()
        dataset = client.make_dataset("large")
        client.upload_three(dataset, seed=200)
        count = client.multiply(dataset, 12_000)
        everything = {"filter": {"dataset": dataset}, "expect_count": count}
        lives.start("apply:before-commit:2", "answer:after-commit", "apply:after-commit")

        moving = client.run("move", everything, to={"folder": "/all"}, once=None)
        moved = client.finished(answered(moving, 202)["id"])
        assert lives.deaths == [EXIT_CODE]
        assert (moved["state"], moved["outcomes"]) == ("finished", {"done": count})
        each_has_one_outcome(list(client.items(moved["id"])), moved)
        there = client.places(dataset)
        assert len(there) == count
        assert all(path.startswith("/all/") for path in there)

        copying = client.run("copy", everything, to={"folder": "/again"}, once="large copy")
        copied = client.finished(answered(copying, 202)["id"])
        assert lives.deaths == [EXIT_CODE] * 3
        items = list(client.items(copied["id"]))
        each_has_one_outcome(items, copied)
        assert (copied["outcomes"], len({each["new_id"] for each in items})) == ({"done": count}, count)
        assert len(client.places(dataset)) == 2 * count
        same_again(copying, client.run("copy", everything, to={"folder": "/again"}, once="large copy"))

        undoing = client.ask("POST", f"/library/v1/operations/{copied['id']}/undo", {})
        undone = client.finished(answered(undoing, 202)["id"])
        assert undone["outcomes"] == {"done": count}
        assert client.places(dataset) == there
        lives.check()

    def test_a_thumbnail_that_is_cut_off_is_made_again(self, lives: Lives, client: Client) -> None:
        lives.start("render:before-store")
        dataset = client.make_dataset("thumbnail")
        image = answered(client.upload(dataset, "/", "a.jpg", picture(seed=300), once="thumbnail"), 201)
        lives.store.delete([each.key for each in lives.store.objects("renditions/")])
        assert client.get(image["image"]["thumbnail_url"]).headers["Content-Type"] == "image/jpeg"
        assert lives.deaths == [EXIT_CODE]
        lives.check()

    def test_a_sweep_that_is_cut_off_is_swept_again(self, lives: Lives, client: Client) -> None:
        lives.start(*SWEEPS)
        for life, point in enumerate(SWEEPS):
            before = lives.stored()
            dataset = client.make_dataset(f"sweep {life}")
            ids = client.upload_three(dataset, seed=400 + 3 * life)
            answered(client.batch("delete", dataset, ids, once=dataset, permanent=True))
            if len(lives.deaths) == life:  # it was quick enough to answer before it died
                lives.come_back()
            assert lives.deaths == [EXIT_CODE] * (life + 1), point
            assert wait_until(lambda: lives.stored() == before, seconds=30), point  # noqa: B023 - at once
        lives.check()

    def test_an_export_that_is_cut_off_is_begun_again(self, lives: Lives, client: Client) -> None:
        """Where others may be at it, a restart must wait until the claim has run out, so there it dies once, and we
        have the time pass."""
        points = EXPORTS if self.DATABASE == "sqlite" else EXPORTS[1:2]
        lives.start(*points)
        dataset = client.make_dataset("export")
        ids = client.upload_three(dataset, seed=500)
        wanted = {"dataset_name": dataset, "name": "nightly", "format": "coco", "include_images": True}
        made = answered(client.ask("POST", "/api/v1/developer/exports/", wanted, once="export"), 201)["data"]

        def seen() -> dict[str, Any]:
            found: dict[str, Any] = answered(client.ask("GET", f"/api/v1/developer/exports/{made['id']}"))
            return found["data"]

        if self.DATABASE == "postgresql":
            assert wait_until(lambda: bool(seen() and lives.deaths), seconds=30)
            asyncio.run(let_claims_run_out(lives.settings))
        assert wait_until(lambda: seen()["status"] == "completed", seconds=30)
        assert lives.deaths == [EXIT_CODE] * len(points)
        with ZipFile(BytesIO(client.get(seen()["download_url"]).content)) as found:
            assert found.testzip() is None
            assert sorted(found.namelist())[1:] == [f"images/{n}.jpg" for n in range(len(ids))]
        lives.check()

    def test_after_all_this_nothing_is_left_behind(self, lives: Lives) -> None:
        lives.check_to_the_last_byte()


async def let_claims_run_out(settings: Settings) -> None:
    """On exports that nobody has finished, beside the server."""
    database = await connect(settings.database)
    try:
        claimed = dataset_export.c.state == PROCESSING
        over = update(dataset_export).where(claimed).values(held_until=1)
        assert (await database.write(lambda conn: conn.execute(over).rowcount)) == 1
    finally:
        await database.close()


class TestOnSqlite(CrashingLibrary):
    DATABASE = "sqlite"


class TestOnPostgresql(CrashingLibrary):
    DATABASE = "postgresql"


class TestInABucket:
    """Those that are about bytes."""

    DATABASE = "sqlite"
    IN_A_BUCKET = True

    client = CrashingLibrary.client
    test_uploads = CrashingLibrary.test_an_upload_that_dies_at_every_step_is_there_once
    test_pieces = CrashingLibrary.test_a_file_in_pieces_outlives_its_server
    test_conversions = CrashingLibrary.test_a_conversion_that_is_cut_off_is_made_again
    test_purges = CrashingLibrary.test_a_purge_that_dies_again_and_again_removes_its_bytes
    test_thumbnails = CrashingLibrary.test_a_thumbnail_that_is_cut_off_is_made_again
    test_sweeps = CrashingLibrary.test_a_sweep_that_is_cut_off_is_swept_again
    test_exports = CrashingLibrary.test_an_export_that_is_cut_off_is_begun_again
    test_the_rest = CrashingLibrary.test_after_all_this_nothing_is_left_behind


def test_the_library_dies_at_every_point() -> None:
    died_at = {*UPLOADS, *COPIES, *PURGES, *EXPORTS, *OTHERS, *ACCEPTED, *TAKEN_IN, *OF_THE_QUEUE}
    died_at |= {point for points in TRANSCODED for point in points} | set(TOLD) | set(MADE)
    assert died_at | {point.removesuffix(":2") for point in SWEEPS} == set(POINTS)
