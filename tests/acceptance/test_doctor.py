"""The doctor: silent on a healthy library, and right about every kind of damage."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import Client
from stackroom.database.connect import database_for
from stackroom.database.flavour import statement
from stackroom.doctor import Finding, check_up, examine
from stackroom.errors import NotFound
from stackroom.settings import Settings
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import some_pictures

from .conftest import QuickShell, Shell

BOX = {
    "id": "1",
    "name": "lorry",
    "type": "bbox",
    "confidence": 1.0,
    "bounding_box": {"x": 1, "y": 1, "w": 2, "h": 2},
    "attributes": [],
}


def furnish(server: LiveServer, files: Path) -> None:
    """Put something of everything into a library: assets, annotations, operations, an upload that waits."""
    made_for = server.create_organization("Doctor")
    key = made_for["api_key"]
    server.create_organization("Bystander")
    files.mkdir()
    for number, picture in enumerate(some_pictures(6)):
        (files / f"{number}.jpg").write_bytes(picture)
    with Client(key, base_url=server.url) as client:
        dataset = client.projects.create("cars").id
        made = [
            client.images.upload(dataset, files / f"{number}.jpg", folder_path="/a/b") for number in range(5)
        ]
        client.annotations.save(made[0].id, [BOX])
        client.operations.move("/moved", ids=[each.id for each in made[:2]], dataset="cars")
        client.operations.copy("/copied", ids=[made[0].id, "unknown"], dataset="cars")
        client.operations.archive(ids=[made[2].id], dataset="cars")
        client.annotations.save(made[1].id, [BOX])
        client.exports.create("cars", "nightly", include_images=True)
    talk_and_tag(server, key, dataset, made[1].id)
    register_for_nobody(server, key, made_for["customer"])
    wait_with_an_upload(server, key, dataset, files / "5.jpg")


def talk_and_tag(server: LiveServer, key: str, dataset: str, image: str) -> None:
    """Comment on an annotation, reply, react, and give tags, one of which is taken again."""
    face = f"{server.url}/api/v1/developer"
    with httpx.Client(headers={"X-API-Key": key}, timeout=30) as http:
        comment = {"image_id": image, "annotation_id": BOX["id"], "body": "Is it?"}
        made = http.post(f"{face}/annotation-comments", json=comment).raise_for_status()
        first = made.json()["comment"]["id"]
        reply = {**comment, "body": "It is.", "parent_comment_id": first}
        http.post(f"{face}/annotation-comments", json=reply).raise_for_status()
        http.put(f"{face}/annotation-comments/{first}/reactions/like").raise_for_status()
        tags = {"dataset_id": dataset, "image_ids": [image], "tags": ["night", "rain"]}
        http.post(f"{face}/images/bulk-tag", json=tags).raise_for_status()
        http.post(f"{face}/images/bulk-tag", json={**tags, "tags": ["rain"], "add": False}).raise_for_status()


def register_for_nobody(server: LiveServer, key: str, customer: int) -> None:
    """An image with the delivery channel `none` is finished as soon as it is taken up: it has no bytes."""
    space = f"{server.url}/customers/{customer}/spaces/77"
    with httpx.Client(headers={"X-API-Key": key}, timeout=30) as http:
        http.put(space, json={"name": "unseen"}).raise_for_status()
        said = {
            "origin": "https://host.example/1.jpg",
            "mediaType": "image/jpeg",
            "deliveryChannels": ["none"],
        }
        made = http.put(f"{space}/images/unseen", json=said).raise_for_status().json()
    assert (made["ingesting"], made["error"]) == (False, "")


def wait_with_an_upload(server: LiveServer, key: str, dataset: str, file: Path) -> None:
    """Send bytes, and do not register them."""
    body = {"dataset_id": dataset, "filename": "late.jpg", "folder_path": "/", "content_type": "image/jpeg"}
    place = f"{server.url}/api/v1/developer/images/upload-url"
    asked = httpx.post(place, json=body, headers={"X-API-Key": key}, timeout=30).raise_for_status()
    headers = {"Content-Type": "image/jpeg"}
    httpx.put(
        asked.json()["upload_url"], content=file.read_bytes(), headers=headers, timeout=30
    ).raise_for_status()


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]) -> Path:
    """The data directory of a healthy library that no server has. Nothing is embedded, which takes its time."""
    place = tmp_path_factory.mktemp("furnished")
    with live_server(place / "data", arguments=["--embedder", "none"]) as server:
        furnish(server, place / "files")
    return place / "data"


class Patient:
    """A copy of a healthy library, to be damaged."""

    def __init__(self, data: Path) -> None:
        self.settings = Settings(data_dir=data)

    def sql(self, *statements: str) -> None:
        with sqlite3.connect(self.settings.data_dir / "library.db") as db:
            for each in statements:
                assert db.execute(each).rowcount != 0, each
        db.close()

    def first(self, query: str) -> Any:
        with sqlite3.connect(self.settings.data_dir / "library.db") as db:
            found = db.execute(query).fetchone()[0]
        db.close()
        return found

    @property
    def object(self) -> Path:
        """The stored file of some blob."""
        return self.settings.storage_dir / str(self.first("SELECT storage_key FROM blob ORDER BY id LIMIT 1"))

    @property
    def export(self) -> Path:
        """The stored file of the export."""
        return self.settings.storage_dir / str(self.first("SELECT storage_key FROM dataset_export"))

    def stray(self, key: str) -> None:
        place = self.settings.storage_dir / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"whose is this?")

    def forgotten(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half a file")
        os.utime(place, (1, 1))


@pytest.fixture
def patient(furnished: Path, tmp_path: Path) -> Patient:
    shutil.copytree(furnished, tmp_path / "data")
    return Patient(tmp_path / "data")


def flip_a_byte(patient: Patient) -> None:
    whole = bytearray(patient.object.read_bytes())
    whole[len(whole) // 2] ^= 1
    patient.object.write_bytes(whole)


def empty_a_segment(patient: Patient) -> None:
    patient.sql(f"INSERT INTO asset_media {A_VIDEO}")
    for name in ("master.m3u8", "360p/index.m3u8", "360p/segment_000.ts", "360p/segment_001.ts"):
        patient.stray(f"hls/a/b/c/{name}")
    os.truncate(patient.settings.storage_dir / "hls/a/b/c/360p/segment_001.ts", 0)


def sql(*statements: str) -> Callable[[Patient], None]:
    return lambda patient: patient.sql(*statements)


OTHER = "(SELECT id FROM organization WHERE name = 'Bystander')"
FINISHED = "(SELECT id FROM operation ORDER BY id LIMIT 1)"
A_VECTOR = "'image', 'a model', 2, ''"
A_VIDEO = """(asset_id, hls_prefix, renditions) VALUES (1, 'hls/a/b/c/',
    '[{"name": "360p", "width": 640, "height": 360, "bitrate": 800, "segments": 2}]')"""
A_BATCH = "(uuid, organization_id, priority, count, created_at)"
DAMAGE: list[tuple[set[str], Callable[[Patient], None]]] = [
    ({"schema"}, sql("UPDATE alembic_version SET version_num = 'another'")),
    (
        {"names_unique"},
        sql(
            "DROP INDEX asset_name_in_folder", "UPDATE asset SET name = 'same.jpg' WHERE archived_at IS NULL"
        ),
    ),
    ({"organizations_there"}, sql("DELETE FROM organization WHERE name = 'Bystander'")),
    ({"folders_complete"}, sql("UPDATE folder SET path = '/z/b' WHERE path = '/a/b'")),
    ({"folders_complete"}, sql("UPDATE folder SET path = '/a/b/c' WHERE path = '/a/b'")),
    ({"folders_complete"}, sql("UPDATE folder SET path = '/a/' WHERE path = '/a/b'")),
    ({"folders_complete"}, sql("UPDATE folder SET parent_id = NULL WHERE path = '/a/b'")),
    ({"folders_complete"}, sql("UPDATE folder SET parent_id = 999 WHERE path = '/a'")),
    ({"folders_complete"}, sql("UPDATE folder SET parent_id = id WHERE path = '/'")),
    ({"assets_at_home"}, sql(f"UPDATE asset SET organization_id = {OTHER} WHERE name = '0.jpg'")),
    ({"assets_at_home"}, sql("UPDATE asset SET folder_id = 999 WHERE name = '3.jpg'")),
    ({"assets_at_home"}, sql("UPDATE asset SET dataset_id = 999 WHERE name = '3.jpg'")),
    (
        {"assets_at_home", "assets_have_bytes", "blobs_in_use"},
        sql("UPDATE asset SET blob_id = 999 WHERE name = '3.jpg'"),
    ),
    ({"uploads_at_home"}, sql(f"UPDATE upload SET organization_id = {OTHER}")),
    ({"uploads_at_home"}, sql("UPDATE upload SET dataset_id = 999")),
    ({"assets_have_bytes"}, sql("UPDATE asset SET size = size + 1 WHERE name = '3.jpg'")),
    ({"assets_have_bytes", "blobs_in_use"}, sql("UPDATE asset SET blob_id = NULL WHERE name = '3.jpg'")),
    ({"blobs_in_use"}, sql("DELETE FROM asset WHERE name = '3.jpg'")),
    ({"blobs_in_use"}, sql("DELETE FROM upload")),
    ({"annotations_counted"}, sql("UPDATE asset SET annotation_count = 7 WHERE name = '3.jpg'")),
    ({"annotations_counted", "classes_counted"}, sql("UPDATE annotation SET document = '[1, 2]'")),
    ({"annotations_counted", "classes_counted"}, sql("UPDATE annotation SET document = 'no json'")),
    ({"annotations_counted", "classes_counted"}, sql("DELETE FROM annotation")),
    ({"classes_counted"}, sql("DELETE FROM annotation_class")),
    ({"classes_counted"}, sql("UPDATE annotation_class SET count = count + 1")),
    ({"classes_counted"}, sql("UPDATE annotation_class SET name = 'another'")),
    ({"classes_counted"}, sql("UPDATE annotation_class SET asset_id = asset_id + 999")),
    ({"classes_at_home"}, sql("UPDATE annotation_class SET dataset_id = 999")),
    ({"tags_at_home"}, sql("UPDATE asset_tag SET asset_id = 999")),
    ({"tags_at_home"}, sql("UPDATE asset_tag SET tag_id = 999")),
    ({"tags_at_home"}, sql("UPDATE tag SET dataset_id = 999")),
    ({"tags_at_home"}, sql("DELETE FROM tag")),
    ({"registrations_at_home"}, sql("INSERT INTO asset_manifest VALUES (1, 'm')")),
    (
        {"registrations_at_home"},
        sql(
            "INSERT INTO registration (asset_id, organization_id, dataset_id, media_type, family, channels)"
            " SELECT id, organization_id, 999, 'image/png', 'I', '[]' FROM asset LIMIT 1"
        ),
    ),
    ({"tags_in_journals"}, sql("INSERT INTO operation_tag VALUES (999, 0, 1, 1)")),
    ({"tags_in_journals"}, sql("UPDATE operation_tag SET line = 7")),
    ({"comments_at_home"}, sql("UPDATE annotation_comment SET asset_id = 999")),
    ({"comments_at_home"}, sql(f"UPDATE annotation_comment SET organization_id = {OTHER}")),
    ({"comments_at_home"}, sql("UPDATE annotation_comment SET parent_id = 999")),
    ({"comments_at_home"}, sql("UPDATE annotation_comment SET asset_id = asset_id + 1 WHERE parent_id > 0")),
    ({"reactions_at_home"}, sql("UPDATE comment_reaction SET comment_id = 999")),
    (
        {"nothing_stuck"},
        sql(f"UPDATE operation SET state = 'running', finished_at = NULL WHERE id = {FINISHED}"),
    ),
    ({"nothing_stuck"}, sql(f"UPDATE operation SET state = 'paused' WHERE id = {FINISHED}")),
    (
        {"nothing_pending_elsewhere", "outcomes_add_up"},
        sql(f"INSERT INTO operation_pending VALUES ({FINISHED}, 9, zeroblob(16))"),
    ),
    ({"nothing_pending_elsewhere"}, sql("INSERT INTO operation_pending VALUES (999, 9, zeroblob(16))")),
    (
        {"outcomes_add_up"},
        sql(f"DELETE FROM operation_item WHERE operation_id = {FINISHED} AND position = 0"),
    ),
    ({"outcomes_add_up"}, sql(f"UPDATE operation_item SET outcome = 3 WHERE operation_id = {FINISHED}")),
    ({"outcomes_add_up"}, sql(f"UPDATE operation_item SET outcome = 0 WHERE operation_id = {FINISHED}")),
    ({"outcomes_add_up"}, sql(f"UPDATE operation SET total = 1 WHERE id = {FINISHED}")),
    ({"outcomes_add_up"}, sql(f"UPDATE operation SET outcomes = '{{}}' WHERE id = {FINISHED}")),
    ({"outcomes_add_up"}, sql(f"DELETE FROM operation WHERE id = {FINISHED}")),
    ({"exports_at_home"}, sql(f"UPDATE dataset_export SET organization_id = {OTHER}")),
    ({"exports_have_bytes"}, sql("UPDATE dataset_export SET state = 'failed'")),
    ({"exports_have_bytes"}, sql("UPDATE dataset_export SET size = NULL")),
    (
        {"exports_made", "exports_have_bytes"},
        sql("UPDATE dataset_export SET state = 'processing', held_until = 1"),
    ),
    ({"exports_swept"}, sql("UPDATE dataset_export SET expires_at = 1")),
    ({"bytes_present"}, lambda patient: patient.export.unlink()),
    ({"bytes_whole"}, lambda patient: os.truncate(patient.export, 5)),
    ({"batches_counted"}, sql(f"INSERT INTO batch {A_BATCH} VALUES (x'01', 1, 1, 1, 1)")),
    ({"batches_finished"}, sql(f"INSERT INTO batch {A_BATCH} VALUES (x'01', 1, 1, 0, 1)")),
    (
        {"lanes_counted"},
        sql("INSERT INTO lane (kind, priority, organization_id, unfinished) VALUES ('x', 1, 1, 1)"),
    ),
    (
        {"jobs_have_workers"},
        sql("INSERT INTO job (lane_id, state, worker_id, task, created_at) VALUES (1, 2, 1, '', 1)"),
    ),
    ({"arrivals_have_jobs"}, sql("UPDATE asset SET state = 'ingesting' WHERE id = 1")),
    ({"uploads_swept"}, sql("UPDATE upload SET expires_at = 1")),
    ({"loose_bytes_swept"}, sql("INSERT INTO loose_bytes VALUES ('blobs/gone', 1)")),
    ({"loose_prefixes_swept"}, sql("INSERT INTO loose_prefix VALUES ('hls/a/b/c/', 1)")),
    ({"expired_gone"}, sql("UPDATE asset SET expires_at = 1 WHERE id = 1")),
    ({"events_told"}, sql("UPDATE event SET untold = 1, at = 1 WHERE id = 1")),
    (
        {"deliveries_have_jobs"},
        sql(
            "INSERT INTO delivery (uuid, organization_id, endpoint_id, event_id, created_at) "
            "VALUES (x'01', 1, 1, 1, 1)"
        ),
    ),
    ({"embeddings_at_home"}, sql(f"INSERT INTO embedding VALUES (999, 1, {A_VECTOR}, zeroblob(8), 1, NULL)")),
    ({"embeddings_at_home"}, sql(f"INSERT INTO embedding VALUES (1, 999, {A_VECTOR}, zeroblob(8), 1, NULL)")),
    ({"embeddings_at_home"}, sql(f"INSERT INTO embedding VALUES (1, 1, {A_VECTOR}, zeroblob(7), 1, NULL)")),
    (
        {"assets_embedded"},
        sql(
            "INSERT INTO embedder VALUES (1, 'a model', 2, 1)",
            "INSERT INTO embedding_round (organization_id, state, again, kind, after_id, began_at, changed_at) "
            "SELECT organization_id, 'finished', false, 'image', 0, 1, 1 FROM asset WHERE id = 1",
            "UPDATE asset SET updated_at = 1 WHERE id = 1",
        ),
    ),
    ({"groups_at_home"}, sql("INSERT INTO file_group_member VALUES (999, 0, 1)")),
    ({"videos_at_home"}, sql("INSERT INTO asset_media (asset_id) VALUES (999)")),
    ({"videos_have_jobs"}, sql("INSERT INTO asset_media (asset_id, processing) VALUES (1, 'pending')")),
    ({"videos_playable"}, sql(f"INSERT INTO asset_media {A_VIDEO}")),
    ({"videos_playable"}, empty_a_segment),
    ({"bytes_present"}, lambda patient: patient.object.unlink()),
    ({"bytes_whole"}, lambda patient: os.truncate(patient.object, 5)),
    ({"bytes_known"}, lambda patient: patient.stray("hls/x/y/z/360p/segment_000.ts")),
    ({"bytes_known"}, lambda patient: patient.stray("pieces/x/y/0-abc")),
    ({"bytes_known"}, lambda patient: patient.stray("blobs/x/ab/abc-1")),
    ({"bytes_known"}, lambda patient: patient.stray("renditions/x/ab/abc-1.thumb-200")),
    ({"bytes_known"}, lambda patient: patient.stray("notes.txt")),
    ({"bytes_unchanged"}, flip_a_byte),
    ({"temporary_files"}, lambda patient: patient.forgotten(patient.settings.staging_dir / "arrival-1")),
    (
        {"temporary_files"},
        lambda patient: patient.forgotten(patient.settings.worker_staging_dir / "arrival-1"),
    ),
    (
        {"temporary_files"},
        lambda patient: patient.forgotten(patient.settings.storage_dir / ".temporary" / "x"),
    ),
]


def test_every_check_has_its_damage(patient: Patient) -> None:
    """A check that nothing was planted for could be one that finds nothing."""
    checks = {each.check for each in asyncio.run(check_up(patient.settings, deep=True))}
    assert checks == {name for names, _ in DAMAGE for name in names}


def test_a_healthy_library_has_no_findings(patient: Patient) -> None:
    assert examine(patient.settings, deep=True) == []


@pytest.mark.parametrize(
    ("checks", "plant"), DAMAGE, ids=lambda it: "-".join(sorted(it)) if isinstance(it, set) else ""
)
def test_damage_is_found_and_taken_for_nothing_else(
    patient: Patient, checks: set[str], plant: Callable[[Patient], None]
) -> None:
    plant(patient)
    findings = examine(patient.settings, deep="bytes_unchanged" in checks)
    assert {each.check for each in findings} == checks
    for each in findings:
        assert each.problems >= len(each.samples) > 0
        assert each.advice


def test_bytes_on_their_way_are_no_strays(patient: Patient) -> None:
    """Between a blob's announcement and its row, and between its row's end and the sweeper, bytes are loose."""
    key = "blobs/x/ab/abc-1"
    patient.stray(key)
    patient.stray("renditions/x/ab/abc-1.thumb-200")
    patient.sql(f"INSERT INTO loose_bytes VALUES ('{key}', 9223372036854775807)")
    patient.stray("hls/x/y/z/360p/segment_000.ts")
    patient.sql("INSERT INTO loose_prefix VALUES ('hls/x/y/z/', 9223372036854775807)")
    assert examine(patient.settings) == []


def test_of_bytes_that_are_lost_it_is_said_whose_they_were(patient: Patient) -> None:
    """Who is to send a file again, or to purge its image, has to know which."""
    patient.sql("UPDATE asset SET blob_id = (SELECT min(id) FROM blob) WHERE blob_id IS NOT NULL")
    about = "a.name || ' of ' || o.name FROM organization o JOIN asset a ON a.organization_id = o.id"
    first = patient.first(
        f"SELECT {about} WHERE a.blob_id = (SELECT min(id) FROM blob) ORDER BY a.id LIMIT 1"
    )
    others = patient.first("SELECT count(*) - 1 FROM asset WHERE blob_id IS NOT NULL")
    key = str(patient.object.relative_to(patient.settings.storage_dir))
    for damage, check, problem in (
        (lambda: os.truncate(patient.object, 5), "bytes_whole", " has 5 bytes, not "),
        (patient.object.unlink, "bytes_present", ": "),
    ):
        damage()
        [said] = next(each for each in examine(patient.settings) if each.check == check).samples
        assert said.startswith(f"{key}{problem}")
        assert f"/{first} (" in said
        assert said.endswith(f"), and {others} more")


def test_only_some_of_many_places_are_named(patient: Patient) -> None:
    for number in range(30):
        patient.stray(f"blobs/x/ab/abc-{number}")
    [found] = examine(patient.settings)
    assert (found.problems, len(found.samples)) == (30, 10)


def test_every_place_is_named_to_who_asks_for_all(patient: Patient) -> None:
    """To delete what a restore has left over, each must be known."""
    strays = {f"blobs/x/ab/abc-{n}" for n in range(12)}
    for each in strays:
        patient.stray(each)
    patient.sql("UPDATE asset SET annotation_count = 7")
    run_it = QuickShell(STACKROOM_DATA_DIR=str(patient.settings.data_dir))
    answer = run_it("doctor", "--all", "--json")
    assert answer.code == 1
    found = {each["check"]: each for each in answer.json["checks"] if each["problems"]}
    assert set(found["bytes_known"]["samples"]) == strays
    assert all(len(each["samples"]) == each["problems"] for each in found.values())
    assert "which --all names" in run_it("doctor").out


def test_looking_changes_nothing(patient: Patient) -> None:
    before = (patient.settings.data_dir / "library.db").read_bytes()
    examine(patient.settings, deep=True)
    assert (patient.settings.data_dir / "library.db").read_bytes() == before


def test_where_there_is_no_library_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no library"):
        examine(Settings(data_dir=tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_is_wrong_and_what_to_do(patient: Patient) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(patient.settings.data_dir))
    healthy = run("doctor", "--deep")
    assert healthy.code == 0
    assert "All is well" in healthy.out
    patient.object.unlink()
    ill = run("doctor")
    assert ill.code == 1
    assert "bytes_present" in ill.out
    assert "What to do" in ill.out
    told = run("doctor", "--json")
    assert (told.code, told.json["healthy"]) == (1, False)
    assert [each["check"] for each in told.json["checks"] if each["problems"]] == ["bytes_present"]


def test_what_comes_and_goes_meanwhile_is_no_loss(server: LiveServer, tmp_path: Path) -> None:
    """Beside a server that takes in, copies and purges as fast as it can."""
    key = server.create_organization("Busy")["api_key"]
    files = [tmp_path / f"{number}.jpg" for number in range(8)]
    for file, picture in zip(files, some_pictures(8), strict=True):
        file.write_bytes(picture)
    done = threading.Event()

    def bustle() -> None:
        with Client(key, base_url=server.url) as client:
            dataset = client.projects.create("busy").id
            while not done.is_set():
                report = client.images.bulk_upload(dataset, files)
                client.operations.copy("/copies", dataset="busy", folder="/")
                client.operations.purge(dataset="busy")
                assert report.success

    busy = threading.Thread(target=bustle)
    busy.start()
    try:
        found: list[Finding] = []
        for _ in range(6):
            found += examine(Settings(data_dir=server.data_dir), deep=True)
    finally:
        done.set()
        busy.join()
    assert found == []


@pytest.fixture
def on_postgresql(
    tmp_path: Path, postgres_url: str, live_server: Callable[..., LiveServer]
) -> Iterator[Settings]:
    with live_server(tmp_path / "data", database_url=postgres_url) as server:
        furnish(server, tmp_path / "files")
        yield Settings(data_dir=tmp_path / "data", database_url=postgres_url)


def test_on_postgresql_it_is_asked_the_same(on_postgresql: Settings) -> None:
    assert examine(on_postgresql, deep=True) == []
    plant = {
        "annotations_counted": "UPDATE asset SET annotation_count = 7",
        "classes_counted": "UPDATE annotation_class SET type = 'polygon'",
        "classes_at_home": "UPDATE annotation_class SET dataset_id = 999",
        "tags_at_home": "UPDATE asset_tag SET asset_id = 999",
        "registrations_at_home": "INSERT INTO asset_manifest VALUES (1, 'm')",
        "tags_in_journals": "UPDATE operation_tag SET line = 7",
        "comments_at_home": "UPDATE annotation_comment SET organization_id = organization_id + 1",
        "reactions_at_home": "UPDATE comment_reaction SET comment_id = 999",
        "assets_have_bytes": "UPDATE asset SET size = size + 1",
        "folders_complete": "UPDATE folder SET path = '/z/b' WHERE path = '/a/b'",
        "outcomes_add_up": "UPDATE operation SET total = total + 1",
        "nothing_pending_elsewhere": "INSERT INTO operation_pending VALUES (999, 0, NULL)",
        "loose_bytes_swept": "INSERT INTO loose_bytes VALUES ('blobs/gone', 1)",
    }

    async def run() -> None:
        database = database_for(on_postgresql.database)
        await database.start()
        for each in plant.values():
            await database.write(lambda conn, each=each: conn.execute(statement(each)))
        await database.close()

    asyncio.run(run())
    assert {each.check for each in examine(on_postgresql)} == set(plant)
    run_it = Shell(
        STACKROOM_DATABASE_URL=on_postgresql.database_url, STACKROOM_DATA_DIR=str(on_postgresql.data_dir)
    )
    assert run_it("doctor").code == 1
