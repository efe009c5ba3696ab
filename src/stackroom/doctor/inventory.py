"""What the store holds beside what the database says it holds.

Both lists go into a temporary SQLite file of our own, which compares them: memory stays flat at any size, and
no object costs a request of its own. The library goes on meanwhile, so the database is read before and after
the listing: a blob that was there both times must have been listed, and an object known once is no stray.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Connection

from stackroom import ids
from stackroom.database.flavour import statement
from stackroom.doctor.finding import Finding
from stackroom.library.streaming import read_renditions
from stackroom.storage.blobstore import BlobStore, MissingBytes

_TABLES = """
CREATE TABLE known (
    key TEXT PRIMARY KEY, size INTEGER, sha256 BLOB, before INTEGER, later INTEGER
) WITHOUT ROWID;
CREATE TABLE stored (key TEXT PRIMARY KEY, size INTEGER, owner TEXT) WITHOUT ROWID;
CREATE INDEX stored_by_owner ON stored (owner);
CREATE TABLE video (prefix TEXT PRIMARY KEY, objects INTEGER, before INTEGER, later INTEGER) WITHOUT ROWID;
"""
_AT_ONCE = 5_000
_MISSING = """FROM known k LEFT JOIN stored s ON s.key = k.key
    WHERE k.size IS NOT NULL AND k.before AND k.later AND s.key IS NULL"""
_ANOTHER_SIZE = "FROM known k JOIN stored s ON s.key = k.key WHERE s.size <> k.size"
_INCOMPLETE = """FROM video v WHERE v.before AND v.later
    AND v.objects > (SELECT count(*) FROM stored s WHERE s.owner = v.prefix AND s.size > 0)"""
_SEGMENTS = {"hls": 4, "pieces": 3}
"""How many segments of a key its prefix has, of what stands below one that the database knows."""
_OF_A_BLOB = {"bytes_present", "bytes_whole", "bytes_unchanged"}
"""The checks whose places begin with the key of a blob."""
_FIRST_USER = """SELECT a.uuid, o.name AS organization, d.name AS dataset, f.path, a.name,
        (SELECT count(*) FROM asset x WHERE x.blob_id = b.id) - 1 AS others
    FROM blob b JOIN asset a ON a.id = (SELECT min(x.id) FROM asset x WHERE x.blob_id = b.id)
    JOIN organization o ON o.id = a.organization_id JOIN dataset d ON d.id = a.dataset_id
    JOIN folder f ON f.id = a.folder_id WHERE b.storage_key = :key"""
_STRAY = "FROM stored s WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.key IN (s.owner, s.key))"


class Inventory:
    """Made empty; then `note_known`, `list_store`, `note_known_later`, in this order; then ask.
    Each finding names `most` places."""

    def __init__(self, most: int) -> None:
        self._most = most
        # An empty name is a file that SQLite removes itself. Calls come from several threads, one at a time.
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def note_known(self, conn: Connection) -> None:
        """Note the keys of blobs and exports, and of bytes that are on their way in or out and so have no size; and
        below which prefixes there is something else."""
        for rows in _known(conn):
            self._db.executemany(
                "INSERT INTO known VALUES (?, ?, ?, 1, 0) ON CONFLICT DO UPDATE SET before = 1", rows
            )
        for videos in _videos(conn):
            self._db.executemany("INSERT OR REPLACE INTO video VALUES (?, ?, 1, 0)", videos)

    def note_known_later(self, conn: Connection) -> None:
        """Note them once more, after the store was listed."""
        for rows in _known(conn):
            self._db.executemany(
                "INSERT INTO known VALUES (?, ?, ?, 0, 1) ON CONFLICT DO UPDATE SET later = 1, "
                "size = CASE WHEN excluded.size IS NULL THEN NULL ELSE size END",
                rows,
            )
        for videos in _videos(conn):
            self._db.executemany("UPDATE video SET later = 1 WHERE prefix = ?", [(it,) for it, _ in videos])

    def list_store(self, store: BlobStore) -> None:
        objects = ((each.key, each.size, _owner(each.key)) for each in store.objects())
        while rows := list(islice(objects, _AT_ONCE)):
            self._db.executemany("INSERT OR REPLACE INTO stored VALUES (?, ?, ?)", rows)

    def compare(self, store: BlobStore) -> list[Finding]:
        return [
            self._finding(
                "bytes_present",
                "Every blob has its bytes in the store",
                f"SELECT k.key {_MISSING}",
                "Bring these objects back from a backup, send the same files again, or purge their assets.",
            ),
            self._finding(
                "bytes_whole",
                "Stored bytes are as many as they should be",
                f"SELECT s.key || ' has ' || s.size || ' bytes, not ' || k.size {_ANOTHER_SIZE}",
                "Bring these objects back from a backup, send the same files again, or purge their assets.",
            ),
            self._finding(
                "videos_playable",
                "Of every video that can be played all playlists and segments are in the store",
                f"SELECT v.prefix {_INCOMPLETE}",
                "Have these videos processed again.",
            ),
            self._strays(store),
        ]

    def hash_all(self, store: BlobStore) -> Finding:
        """Read everything, and compare it with the hash it is known by."""
        wrong = []
        query = (
            "SELECT k.key, k.sha256 FROM known k JOIN stored s ON s.key = k.key WHERE k.sha256 IS NOT NULL"
        )
        for key, sha256 in self._db.execute(query):
            problem = _unlike(store, key, sha256)
            if problem:
                wrong.append(f"{key} {problem}")
        return Finding(
            check="bytes_unchanged",
            title="Stored bytes have the hash they are known by",
            problems=len(wrong),
            samples=wrong[: self._most],
            advice="The disk or somebody has changed these objects: bring them back from a backup.",
        )

    def _strays(self, store: BlobStore) -> Finding:
        # What came and went between the two readings is gone by now.
        strays = [
            key
            for (key,) in self._db.execute(f"SELECT s.key {_STRAY} ORDER BY s.key")
            if _is_there(store, key)
        ]
        return Finding(
            check="bytes_known",
            title="Everything in the store belongs to something",
            problems=len(strays),
            samples=strays[: self._most],
            advice="Nothing refers to these objects: if no other library uses this store, delete them.",
        )

    def _finding(self, check: str, title: str, query: str, advice: str) -> Finding:
        problems = self._db.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]
        samples = [text for (text,) in self._db.execute(f"{query} LIMIT {self._most}")]
        return Finding(check=check, title=title, problems=problems, samples=samples, advice=advice)


def with_users(conn: Connection, finding: Finding) -> Finding:
    """The same finding, which says of each blob it names whose it is: a key alone tells nobody what was lost."""
    if finding.check not in _OF_A_BLOB:
        return finding
    samples = [f"{each}{_user(conn, each.partition(' ')[0])}" for each in finding.samples]
    return msgspec.structs.replace(finding, samples=samples)


def _user(conn: Connection, key: str) -> str:
    first = conn.execute(statement(_FIRST_USER), {"key": key}).first()
    if first is None:
        return ""  # purged meanwhile, or an export
    place = f"{first.dataset}:{first.path.rstrip('/')}/{first.name}"
    others = f", and {first.others} more" if first.others else ""
    return f": {place} of {first.organization} ({ids.text(first.uuid)}){others}"


def _known(conn: Connection) -> Iterator[Sequence[tuple[str, int | None, bytes | None]]]:
    """Every key the database knows, with its size, and the hash where it is a blob's, in pages by key."""
    return chain(
        _pages(conn, "SELECT storage_key, size, sha256 FROM blob"),
        _pages(conn, "SELECT storage_key, size, NULL FROM dataset_export"),
        _pages(conn, "SELECT storage_key, NULL, NULL FROM loose_bytes"),
        _pages(conn, "SELECT prefix AS storage_key, NULL, NULL FROM loose_prefix", key="prefix"),
        _pages(conn, "SELECT hls_prefix AS storage_key, NULL, NULL FROM asset_media", key="hls_prefix"),
    )


def _videos(conn: Connection) -> Iterator[Sequence[tuple[str, int]]]:
    """Below which prefixes videos are, and how many objects make up each: a playlist of playlists, those, and their
    segments."""
    page = statement(
        f"""SELECT asset_id, hls_prefix, renditions FROM asset_media
            WHERE asset_id > :last AND hls_prefix IS NOT NULL ORDER BY asset_id LIMIT {_AT_ONCE}"""
    )
    last = 0
    while rows := conn.execute(page, {"last": last}).all():
        yield [
            (row.hls_prefix, 1 + sum(1 + each.segments for each in read_renditions(row.renditions)))
            for row in rows
        ]
        last = rows[-1].asset_id


def _pages(
    conn: Connection, query: str, *, key: str = "storage_key"
) -> Iterator[Sequence[tuple[str, int | None, bytes | None]]]:
    page = statement(f"{query} WHERE {key} > :last ORDER BY {key} LIMIT {_AT_ONCE}")
    last = ""
    while rows := [(key, size, sha256) for key, size, sha256 in conn.execute(page, {"last": last})]:
        yield rows
        last = rows[-1][0]


def _owner(key: str) -> str:
    """The blob whose object this is: itself, or for a rendition the one it was made of; or the prefix it is below."""
    kind, _, rest = key.partition("/")
    if kind in _SEGMENTS:
        return "/".join([*key.split("/")[: _SEGMENTS[kind]], ""])
    return "blobs/" + rest.partition(".")[0] if kind == "renditions" else key


def _is_there(store: BlobStore, key: str) -> bool:
    try:
        store.size(key)
    except MissingBytes:
        return False
    return True


def _unlike(store: BlobStore, key: str, sha256: bytes) -> str | None:
    digest = hashlib.sha256()
    try:
        for piece in store.read(key):
            digest.update(piece)
    except MissingBytes:
        return None  # purged meanwhile, or reported as missing
    return None if digest.digest() == sha256 else f"hashes to {digest.hexdigest()}"
