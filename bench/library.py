"""Makes the library that is measured: as many assets as asked for, in folders as uneven as real ones.

Making a million takes a while, so a made library is kept under `bench/.data` and every run works on a copy.
"""

import asyncio
import hashlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from stackroom import clock, ids
from stackroom.access import Role
from stackroom.database import migrate
from stackroom.database.connect import connect
from stackroom.library import datasets, folders, organizations

KEPT = Path(__file__).parent / ".data"
DATASET = "photographs"
SHAPE = 3
"""Raised when what is made here changes, so that what was kept is made anew."""

ARCHIVED_SHARE = 0.03
ANNOTATED_SHARE = 0.05
STATUSES = ("new", "new", "new", "annotate", "review", "complete")
ANNOTATION = msgspec.json.encode(
    [{"id": "1", "name": "crane", "type": "bbox", "bounding_box": {"x": 10, "y": 20, "w": 300, "h": 200}}]
).decode()
SHAPES = ((4032, 3024), (3024, 4032), (6000, 4000), (1920, 1080))
AT_ONCE = 10_000

ASSET_COLUMNS = (
    "id uuid organization_id dataset_id folder_id name original_name kind blob_id size content_type width height "
    "status display_name annotation_count state archived_at created_at updated_at version"
).split()
BLOB_COLUMNS = "id organization_id sha256 size content_type storage_key created_at".split()
ANNOTATION_COLUMNS = "asset_id document updated_at".split()


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """A data directory with one organization, an owner's key, and one dataset with everything in it."""

    data_dir: Path
    token: str
    assets: int
    crowded: tuple[int, ...]
    """The folders of more than ten thousand assets, by row id, the largest first."""

    @property
    def database(self) -> Path:
        return self.data_dir / "library.db"

    def copy_to(self, data_dir: Path) -> "Library":
        """The same library in another place, at the speed of the disk."""
        shutil.rmtree(data_dir, ignore_errors=True)
        data_dir.mkdir(parents=True)
        for path in self.data_dir.iterdir():
            if path.is_file() and not path.name.endswith(".lock"):
                _copy_file(path, data_dir / path.name)
        return msgspec.structs.replace(self, data_dir=data_dir)


def prepared(assets: int, url: str | None = None) -> Library:
    """The library of this size: the one that is kept, or a new one."""
    where = KEPT / f"{assets}-{SHAPE}-{_revision()}"
    note = where / "library.json"
    if not note.exists():
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        made = asyncio.run(_make(where, assets, url))
        note.write_bytes(msgspec.json.encode(made, enc_hook=str))
    return msgspec.structs.replace(
        msgspec.json.decode(note.read_bytes(), type=Library, dec_hook=lambda _, value: Path(value)),
        data_dir=where,
    )


def folder_sizes(assets: int) -> list[int]:
    """How many assets each of a thousand folders has: one 11 %, twenty 1.2 %, the others what is left."""
    large = [assets * 11 // 100] + [assets * 12 // 1000] * 20
    rest, others = assets - sum(large), min(979, max(1, assets // 1000))
    return [*large, *(rest // others + (n < rest % others) for n in range(others))]


async def _make(where: Path, assets: int, url: str | None) -> Library:
    database = await connect(url or f"sqlite:///{where.absolute() / 'library.db'}")
    try:
        token, crowded = await database.write(lambda conn: _fill(conn, assets))
    finally:
        await database.close()
    return Library(data_dir=where, token=token, assets=assets, crowded=tuple(crowded))


def _fill(conn: Connection, assets: int) -> tuple[str, list[int]]:
    now = clock.now()
    owner = organizations.create_organization(conn, "Bench", now=now)
    key = organizations.create_key(conn, owner, role=Role.OWNER, now=now)
    dataset = datasets.create(conn, organizations.system_actor(owner), DATASET, now=now)
    sizes = folder_sizes(assets)
    places = [
        folders.ensure(conn, dataset.id, f"/site-{n % 40:02d}/roll-{n:04d}", now=now)
        for n in range(len(sizes))
    ]
    chance = random.Random(assets)
    filed = (place for place, size in zip(places, sizes, strict=True) for _ in range(size))
    for start in range(0, assets, AT_ONCE):
        count = min(AT_ONCE, assets - start)
        rows = _rows(chance, filed, owner.id, dataset.id, start, count, now)
        _insert(conn, "blob", BLOB_COLUMNS, [row[0] for row in rows])
        _insert(conn, "asset", ASSET_COLUMNS, [row[1] for row in rows])
        _insert(conn, "annotation", ANNOTATION_COLUMNS, [row[2] for row in rows if row[2]])
    _count_on(conn)
    return key.token, places[:21]


def _rows(
    chance: random.Random, filed: Iterator[int], owner: int, dataset: int, start: int, count: int, now: int
):
    """A blob, an asset and perhaps an annotation, `count` times. Folders arrived one after the other."""
    uuids = ids.new_block(count)
    rows = []
    for n in range(start + 1, start + count + 1):
        digest = chance.randbytes(32)
        size, at = chance.randint(300_000, 6_000_000), now - (10**9 - n) * 1000
        name, key = f"IMG_{n:07d}.jpg", f"blobs/{owner}/{digest[:1].hex()}/{digest.hex()}-{digest[:6].hex()}"
        archived = at if chance.random() < ARCHIVED_SHARE else None
        annotated = chance.random() < ANNOTATED_SHARE
        width, height = chance.choice(SHAPES)
        place = (n - start - 1) * 16
        row = (
            n,
            uuids[place : place + 16],
            owner,
            dataset,
            next(filed),
            name,
            name,
            "image",
            n,
            size,
            "image/jpeg",
            width,
            height,
        )
        row += (chance.choice(STATUSES), None, int(annotated), "finished", archived, at, at, 1)
        rows.append(
            ((n, owner, digest, size, "image/jpeg", key, at), row, (n, ANNOTATION, at) if annotated else None)
        )
    return rows


def _insert(conn: Connection, table: str, columns: list[str], rows: list[tuple]) -> None:
    """Past SQLAlchemy, by each driver's fastest way: a million rows are many."""
    raw = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    else:
        await_only(raw.copy_records_to_table(table, columns=columns, records=rows))


def _count_on(conn: Connection) -> None:
    """Let PostgreSQL number new rows after those whose numbers were given."""
    if conn.dialect.name == "postgresql":
        for table in ("asset", "blob"):
            conn.exec_driver_sql(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")


def _revision() -> str:
    scripts = (Path(migrate.__file__).parent / "migrations" / "versions").glob("*.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(scripts))).hexdigest()[:8]


def _copy_file(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--reflink=auto", source, target], check=True)
