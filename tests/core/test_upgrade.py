"""A library of the first version, with documents in it, brought up to date."""

import asyncio
import json
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from stackroom import ids
from stackroom.database import migrate
from stackroom.database.connect import database_for
from stackroom.database.transaction import Work
from stackroom.errors import Conflict
from stackroom.testing.builders import NOON, a_library

pytestmark = pytest.mark.every_database

THERE = (
    f"""INSERT INTO organization (id, uuid, number, name, slug, created_at, updated_at)
        VALUES (1, :uuid, 1, 'Here', 'here', {NOON}, {NOON})""",
    f"""INSERT INTO dataset
        (id, uuid, organization_id, number, name, annotation_types, classes, created_at, updated_at)
        VALUES (7, :uuid, 1, 1, 'cars', '[]', '[]', {NOON}, {NOON})""",
    f"""INSERT INTO folder (id, uuid, dataset_id, path, created_at)
        VALUES (3, :uuid, 7, '/', {NOON})""",
)
ASSET = f"""INSERT INTO asset (id, uuid, organization_id, dataset_id, folder_id, name, original_name, size,
        content_type, created_at, updated_at)
    VALUES (:id, :uuid, 1, 7, 3, :name, :name, 1, 'image/png', {NOON}, {NOON})"""
DOCUMENT = f"INSERT INTO annotation (asset_id, document, updated_at) VALUES (:id, :document, {NOON})"


def point(name: str, **rest: Any) -> dict[str, Any]:
    return {"id": "1", "name": name, "type": "keypoint", "keypoint": {"x": 1, "y": 1}, **rest}


BOX = {"id": "2", "name": "car", "type": "bbox", "bounding_box": {"x": 1, "y": 1, "w": 1, "h": 1}}
DOCUMENTS: dict[int, list[dict[str, Any]]] = {
    11: [point("car"), BOX, BOX],
    12: [point("wheel", attributes={"name": "not this", "each": ["\\u0000", "\\", '"']})],
    13: [],
    14: [point("née 'x' \"y\" %"), point("née 'x' \"y\" %"), BOX],
}


def do(url: str, work: Work[Any]) -> None:
    async def run() -> None:
        database = database_for(url)
        await database.start()
        await database.write(work)
        await database.close()

    asyncio.run(run())


def first_version(conn: Connection) -> None:
    command.upgrade(migrate._config(conn), "0001")
    for insertion in THERE:
        conn.execute(text(insertion), {"uuid": ids.new()})
    for number, document in DOCUMENTS.items():
        conn.execute(text(ASSET), {"id": number, "uuid": ids.new(), "name": f"{number}.png"})
        conn.execute(text(DOCUMENT), {"id": number, "document": json.dumps(document)})


def test_the_classes_of_documents_that_are_there_are_counted(empty_database_url: str) -> None:
    do(empty_database_url, first_version)
    with a_library(empty_database_url) as library:
        query = text("SELECT asset_id, name, type, dataset_id, count FROM annotation_class")
        rows = library.read(lambda conn: {tuple(row) for row in conn.execute(query)})
    assert rows == {
        (11, "car", "bbox", 7, 2),
        (11, "car", "keypoint", 7, 1),
        (12, "wheel", "keypoint", 7, 1),
        (14, "née 'x' \"y\" %", "keypoint", 7, 2),
        (14, "car", "bbox", 7, 1),
    }


def test_an_organization_that_was_here_has_the_usual_channels_but_those_it_has_chosen_itself(
    empty_database_url: str,
) -> None:
    def of_seven(conn: Connection) -> None:
        command.upgrade(migrate._config(conn), "0007")
        for insertion in THERE[:2]:
            conn.execute(text(insertion), {"uuid": ids.new()})
        for dataset, channel, policy in ((None, "iiif-img", "use-original"), (7, "thumbs", "default")):
            conn.execute(
                text(f"""INSERT INTO delivery_default
                    (uuid, organization_id, dataset_id, channel, policy, media_type, created_at)
                    VALUES (:uuid, 1, :dataset, :channel, :policy, 'image/*', {NOON})"""),
                {"uuid": ids.new(), "dataset": dataset, "channel": channel, "policy": policy},
            )

    do(empty_database_url, of_seven)
    with a_library(empty_database_url) as library:
        query = text("SELECT dataset_id, channel, policy, media_type FROM delivery_default ORDER BY id")
        rows = library.read(lambda conn: [tuple(row) for row in conn.execute(query)])
    assert rows == [
        (None, "iiif-img", "use-original", "image/*"),
        (7, "thumbs", "default", "image/*"),
        (None, "thumbs", "default", "image/*"),
        (None, "iiif-av", "default-video", "video/*"),
        (None, "iiif-av", "default-audio", "audio/*"),
    ]


def test_a_library_of_a_newer_program_is_refused_and_left_as_it_is(empty_database_url: str) -> None:
    def newer(conn: Connection) -> None:
        migrate.upgrade(conn)
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    def older_program(conn: Connection) -> None:
        with pytest.raises(Conflict) as refused:
            migrate.upgrade(conn)
        assert refused.value.code == "newer_library"
        assert migrate.revision(conn) == "9999"

    do(empty_database_url, newer)
    do(empty_database_url, older_program)
