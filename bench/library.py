"""Makes the library that is measured: as many assets as asked for, in folders as uneven as real ones.

Making a million takes a while, so a made library is kept under `bench/.data` and every run works on a copy.
"""

import asyncio
import hashlib
import random
import shutil
import subprocess
from pathlib import Path

import msgspec
from sqlalchemy import Connection, insert
from sqlalchemy.util import await_only

from stackroom import clock, ids
from stackroom.access import Role
from stackroom.database import migrate
from stackroom.database.connect import connect
from stackroom.database.schema import tag
from stackroom.library import datasets, folders, organizations

KEPT = Path(__file__).absolute().parent / ".data"
DATASET = "photographs"
LARGEST = "/site-00/roll-0000"
TAG = "night"
SHAPE = 5
"""Raised when what is made here changes, so that what was kept is made anew."""

ARCHIVED_SHARE = 0.03
ANNOTATED_SHARE = 0.1
TAGGED_SHARE = 0.01
STATUSES = ("new", "new", "new", "annotate", "review", "complete")
ANNOTATION = msgspec.json.encode(
    [{"id": "1", "name": "crane", "type": "bbox", "bounding_box": {"x": 10, "y": 20, "w": 300, "h": 200}}]
).decode()
SHAPES = ((4032, 3024), (3024, 4032), (6000, 4000), (1920, 1080))
AT_ONCE = 10_000

COLUMNS = {
    "blob": "id, organization_id, sha256, size, content_type, storage_key, created_at, fingerprint",
    "asset": (
        "id, uuid, organization_id, dataset_id, folder_id, name, original_name, kind, blob_id, size, content_type, "
        "width, height, status, display_name, annotation_count, min_confidence, state, archived_at, created_at, "
        "updated_at, version"
    ),
    "annotation": "asset_id, document, updated_at",
    "annotation_class": "asset_id, name, type, dataset_id, count",
    "asset_tag": "tag_id, asset_id",
}
Rows = list[tuple[object, ...]]


class Owner(msgspec.Struct, frozen=True):
    """Whose the rows are."""

    organization_id: int
    dataset_id: int
    tag_id: int
    now: int


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


def prepared(assets: int) -> Library:
    """The library of this size: the one that is kept, or a new one."""
    where = KEPT / f"{assets}-{SHAPE}-{_revision()}"
    note = where / "library.json"
    if not note.exists():
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        note.write_bytes(msgspec.json.encode(made(where, assets), enc_hook=str))
    return msgspec.structs.replace(
        msgspec.json.decode(note.read_bytes(), type=Library, dec_hook=lambda _, value: Path(value)),
        data_dir=where,
    )


def made(where: Path, assets: int, url: str = "") -> Library:
    """A new library, in the database `url` names or in a file."""
    where.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_make(where, assets, url))


def folder_sizes(assets: int) -> list[int]:
    """How many assets each of a thousand folders has: one 11 %, twenty 1.2 %, the others what is left."""
    large = [assets * 11 // 100] + [assets * 12 // 1000] * 20
    rest, others = assets - sum(large), min(979, max(1, assets // 1000))
    return [*large, *(rest // others + (n < rest % others) for n in range(others))]


async def _make(where: Path, assets: int, url: str) -> Library:
    database = await connect(url or f"sqlite:///{where / 'library.db'}")
    try:
        token, crowded = await database.write(lambda conn: _fill(conn, assets))
    finally:
        await database.close()
    return Library(data_dir=where, token=token, assets=assets, crowded=tuple(crowded))


def _fill(conn: Connection, assets: int) -> tuple[str, list[int]]:
    now = clock.now()
    organization = organizations.create_organization(conn, "Bench", now=now)
    key = organizations.create_key(conn, organization, role=Role.OWNER, now=now)
    dataset = datasets.create(conn, organizations.system_actor(organization), DATASET, now=now)
    sizes = folder_sizes(assets)
    paths = [f"/site-{n % 40:02d}/roll-{n:04d}" for n in range(len(sizes))]
    places = [folders.ensure(conn, dataset.id, path, now=now) for path in paths]
    filed = [place for place, size in zip(places, sizes, strict=True) for _ in range(size)]
    night = conn.execute(insert(tag).values(dataset_id=dataset.id, name=TAG)).inserted_primary_key
    assert night is not None
    owner = Owner(organization.id, dataset.id, night[0], now)
    chance = random.Random(assets)
    for start in range(0, assets, AT_ONCE):
        for table, rows in _rows(owner, filed, start, chance).items():
            _insert(conn, table, rows)
    _count_on(conn)
    return key.token, places[:21]


def _rows(owner: Owner, filed: list[int], start: int, chance: random.Random) -> dict[str, Rows]:
    """The next assets in the order of their arrival, which was one folder after the other."""
    here = filed[start : start + AT_ONCE]
    uuids, sizes = ids.new_block(len(here)), [chance.randint(300_000, 6_000_000) for _ in here]
    blobs, assets, annotations, classes, tagged = [], [], [], [], []
    for n, (folder_id, size) in enumerate(zip(here, sizes, strict=True)):
        number, at = start + n + 1, owner.now - (10**9 - start - n) * 1000
        digest, name = chance.randbytes(32), f"IMG_{start + n + 1:07d}.jpg"
        key = f"blobs/{owner.organization_id}/{digest[:1].hex()}/{digest.hex()}-{digest[:6].hex()}"
        archived = at if chance.random() < ARCHIVED_SHARE else None
        annotated = chance.random() < ANNOTATED_SHARE
        place = (
            number,
            uuids[16 * n : 16 * n + 16],
            owner.organization_id,
            owner.dataset_id,
            folder_id,
            name,
            name,
        )
        content = ("image", number, size, "image/jpeg", *chance.choice(SHAPES))
        counted = (int(annotated), 1.0 if annotated else None)
        state = (chance.choice(STATUSES), None, *counted, "finished", archived, at, at, 1)
        look = chance.randbytes(32)
        blobs.append((number, owner.organization_id, digest, size, "image/jpeg", key, at, look))
        assets.append((*place, *content, *state))
        if annotated:
            annotations.append((number, ANNOTATION, at))
            classes.append((number, "crane", "bbox", owner.dataset_id, 1))
        if chance.random() < TAGGED_SHARE:
            tagged.append((owner.tag_id, number))
    return {
        "blob": blobs,
        "asset": assets,
        "annotation": annotations,
        "annotation_class": classes,
        "asset_tag": tagged,
    }


def _insert(conn: Connection, table: str, rows: Rows) -> None:
    """Past SQLAlchemy, by each driver's fastest way: a million rows are many."""
    raw, columns = conn.connection.driver_connection, COLUMNS[table]
    assert raw is not None
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * (columns.count(",") + 1))
        raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    else:
        await_only(raw.copy_records_to_table(table, columns=columns.split(", "), records=rows))


def _count_on(conn: Connection) -> None:
    """Let PostgreSQL number new rows after those whose numbers were given, and know how many there are."""
    if conn.dialect.name == "postgresql":
        for table in ("asset", "blob"):
            conn.exec_driver_sql(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
        conn.exec_driver_sql("ANALYZE")  # as it would have done by itself, had the rows come one by one


def _revision() -> str:
    scripts = (Path(migrate.__file__).parent / "migrations" / "versions").glob("*.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(scripts))).hexdigest()[:8]


def _copy_file(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--reflink=auto", source, target], check=True)
