"""What `BlobStore` promises, as tests. Subclass it, say how to make a store, and pytest runs them all.

class TestMyStore(BlobStoreContract):
    def make_store(self, folder: Path) -> BlobStore:
        return MyStore(...)
"""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stackroom.errors import Invalid, Unavailable
from stackroom.storage.blobstore import PIECE, BlobStore, MissingBytes
from stackroom.storage.keys import blob_key, new_generation, rendition_key, rendition_prefix

ODD_KEYS = ["a", "_", "a.b.c/d=e", "A/a/A", "x/" + "n" * 200, "/".join("abcdefghijklmnop")]
NO_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "..",
    "a/../b",
    "../../etc/passwd",
    ".a",
    "a/.b",
    "a b",
    "a\\b",
    "ü",
    "a\n",
]


class BlobStoreContract:
    """Subclass this; the one thing to supply is `make_store`."""

    def make_store(self, folder: Path) -> BlobStore:
        """Make an empty store, which may use this folder of its own."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return self.make_store(tmp_path / "store")

    def test_what_was_put_is_read_back(self, store: BlobStore, tmp_path: Path) -> None:
        assert store.put("a/b", _file(tmp_path, b"some bytes")) is True
        assert b"".join(store.read("a/b")) == b"some bytes"
        assert store.size("a/b") == 10

    def test_a_second_put_changes_nothing_and_says_so(self, store: BlobStore, tmp_path: Path) -> None:
        assert store.put("key", _file(tmp_path, b"first")) is True
        assert store.put("key", _file(tmp_path, b"second")) is False
        assert b"".join(store.read("key")) == b"first"

    def test_several_are_put_at_once_and_none_twice(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("a/one", _file(tmp_path, b"here before"))
        store.put_all({f"a/{it}": _file(tmp_path, it.encode()) for it in ("one", "two")})
        store.put_all({"b/three": _file(tmp_path, b"three"), "a/two": _file(tmp_path, b"too late")})
        kept = {it.key: b"".join(store.read(it.key)) for it in store.objects()}
        assert kept == {"a/one": b"here before", "a/two": b"two", "b/three": b"three"}
        store.put_all({})

    def test_of_several_that_are_put_those_before_an_error_are_whole(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable):
            store.put_all({"one": _file(tmp_path, b"whole"), "two": tmp_path / "not there"})
        assert {it.key: b"".join(store.read(it.key)) for it in store.objects()} == {"one": b"whole"}

    def test_bytes_stay_when_the_source_is_removed(self, store: BlobStore, tmp_path: Path) -> None:
        source = _file(tmp_path, b"kept")
        store.put("key", source)
        source.unlink()
        assert b"".join(store.read("key")) == b"kept"

    def test_of_concurrent_puts_of_one_key_exactly_one_stores(self, store: BlobStore, tmp_path: Path) -> None:
        contents = [bytes([n]) * 1000 for n in range(8)]
        sources = [_file(tmp_path, content) for content in contents]
        start = threading.Barrier(len(sources))

        def put(source: Path) -> bool:
            start.wait()
            return store.put("one/key", source)

        with ThreadPoolExecutor(len(sources)) as threads:
            answers = list(threads.map(put, sources))
        assert sorted(answers) == [False] * 7 + [True]
        assert b"".join(store.read("one/key")) == contents[answers.index(True)]

    def test_a_source_that_cannot_be_read_leaves_nothing_visible(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable):
            store.put("key", tmp_path / "no such file")
        assert list(store.objects()) == []
        assert store.put("key", _file(tmp_path, b"later")) is True

    def test_an_empty_object_is_an_object(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("empty", _file(tmp_path, b""))
        assert store.size("empty") == 0
        assert list(store.read("empty")) == []

    def test_a_big_object_comes_in_pieces(self, store: BlobStore, tmp_path: Path) -> None:
        content = os.urandom(3 * PIECE + 17)
        store.put("big", _file(tmp_path, content))
        pieces = list(store.read("big"))
        assert max(len(piece) for piece in pieces) <= PIECE
        assert b"".join(pieces) == content

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(0, 1), (5, 5), (5, 6), (0, None), (9, None), (10, None), (10, 99), (3, 99), (50, 60)],
    )
    def test_a_range_is_what_a_slice_would_be(
        self, store: BlobStore, tmp_path: Path, start: int, stop: int | None
    ) -> None:
        store.put("key", _file(tmp_path, b"0123456789"))
        assert b"".join(store.read("key", start, stop)) == b"0123456789"[start:stop]

    def test_what_is_at_hand_is_what_is_read(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("key", _file(tmp_path, b"0123456789"))
        assert b"".join(store.read("key")) == b"0123456789"
        for start, stop in ((0, None), (3, 7), (5, 99), (10, None)):
            pieces = store.read_at_hand("key", start, stop)  # None: it has to be waited for
            assert pieces is None or b"".join(pieces) == b"0123456789"[start:stop]
        assert store.read_at_hand("unknown") is None

    def test_a_range_may_cross_pieces(self, store: BlobStore, tmp_path: Path) -> None:
        content = os.urandom(2 * PIECE + 5)
        store.put("key", _file(tmp_path, content))
        assert b"".join(store.read("key", PIECE - 3, 2 * PIECE + 1)) == content[PIECE - 3 : 2 * PIECE + 1]

    def test_reading_may_stop_anywhere(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("key", _file(tmp_path, bytes(2 * PIECE)))
        store.read("key").close()
        pieces = store.read("key")
        next(pieces)
        pieces.close()
        pieces.close()
        assert list(pieces) == []

    def test_an_unknown_key_is_missing_and_not_unreachable(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("some/key", _file(tmp_path, b"x"))
        for absent in ["no", "some", "some/other", "some/key/below"]:
            with pytest.raises(MissingBytes):
                store.size(absent)
            with pytest.raises(MissingBytes):
                store.read(absent)
            with pytest.raises(MissingBytes), store.open_local(absent):
                pass

    def test_a_local_file_is_lent(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("key", _file(tmp_path, b"for a tool"))
        with store.open_local("key") as path:
            assert path.read_bytes() == b"for a tool"
        assert b"".join(store.read("key")) == b"for a tool"

    def test_what_is_deleted_is_missing_and_may_be_put_again(self, store: BlobStore, tmp_path: Path) -> None:
        store.put("key", _file(tmp_path, b"old"))
        store.delete(["key"])
        with pytest.raises(MissingBytes):
            store.size("key")
        assert store.put("key", _file(tmp_path, b"new")) is True
        assert b"".join(store.read("key")) == b"new"

    def test_deleting_passes_over_what_is_absent(self, store: BlobStore, tmp_path: Path) -> None:
        for key in ["a", "b/c"]:
            store.put(key, _file(tmp_path, b"x"))
        store.delete(["no", "a", "b", "b/c/d", "b/no", "b/c", "a"])
        assert list(store.objects()) == []
        store.delete([])

    def test_what_is_being_read_may_be_deleted(self, store: BlobStore, tmp_path: Path) -> None:
        content = os.urandom(3 * PIECE)
        store.put("key", _file(tmp_path, content))
        pieces = store.read("key")
        first = next(pieces)
        store.delete(["key"])
        assert first + b"".join(pieces) == content

    def test_a_listing_names_every_object_with_size_and_time(self, store: BlobStore, tmp_path: Path) -> None:
        for number, key in enumerate(["a", "b/c", "b/d/e"]):
            store.put(key, _file(tmp_path, bytes(number)))
        found = {listed.key: listed for listed in store.objects()}
        assert {key: listed.size for key, listed in found.items()} == {"a": 0, "b/c": 1, "b/d/e": 2}
        now = datetime.now(UTC)
        assert all(abs(now - listed.modified) < timedelta(minutes=5) for listed in found.values())

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("", {"a/b", "a/bc", "a/b.c", "ab/c"}),
            ("a", {"a/b", "a/bc", "a/b.c", "ab/c"}),
            ("a/", {"a/b", "a/bc", "a/b.c"}),
            ("a/b", {"a/b", "a/bc", "a/b.c"}),
            ("a/b.", {"a/b.c"}),
            ("ab/", {"ab/c"}),
            ("a/b/", set()),
            ("z/z/z", set()),
        ],
    )
    def test_a_prefix_is_a_prefix_of_the_text(
        self, store: BlobStore, tmp_path: Path, prefix: str, expected: set[str]
    ) -> None:
        for key in ["a/b", "a/bc", "a/b.c", "ab/c"]:
            store.put(key, _file(tmp_path, b"x"))
        assert {listed.key for listed in store.objects(prefix)} == expected

    def test_a_listing_survives_deletes_in_its_middle(self, store: BlobStore, tmp_path: Path) -> None:
        for number in range(20):
            store.put(f"{number % 4}/{number}", _file(tmp_path, b"x"))
        listing = store.objects()
        first = next(listing).key
        store.delete([f"{number % 4}/{number}" for number in range(20) if f"{number % 4}/{number}" != first])
        rest = [listed.key for listed in listing]
        assert first not in rest
        assert [listed.key for listed in store.objects()] == [first]

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_an_odd_key_is_a_key(self, store: BlobStore, tmp_path: Path, key: str) -> None:
        assert store.put(key, _file(tmp_path, key.encode())) is True
        assert b"".join(store.read(key)) == key.encode()
        assert [listed.key for listed in store.objects()] == [key]

    @pytest.mark.parametrize("key", NO_KEYS)
    def test_what_could_mean_another_place_is_no_key(
        self, store: BlobStore, tmp_path: Path, key: str
    ) -> None:
        source = _file(tmp_path, b"x")
        with pytest.raises(Invalid):
            store.put(key, source)
        for method in (store.size, store.read):
            with pytest.raises(Invalid):
                method(key)
        with pytest.raises(Invalid):
            store.delete([key])

    def test_a_listing_does_not_leave_the_store(self, store: BlobStore) -> None:
        for prefix in ["../", "/", "a/../../", "."]:
            with pytest.raises(Invalid):
                list(store.objects(prefix))

    def test_the_renditions_of_one_blob_are_found_by_prefix(self, store: BlobStore, tmp_path: Path) -> None:
        digest = hashlib.sha256(b"").digest()
        mine, other = (blob_key("7", digest, new_generation()) for _ in range(2))
        for blob in (mine, other):
            for profile in ("thumb-200", "thumb-400"):
                store.put(rendition_key(blob, profile), _file(tmp_path, b"x"))
        found = {listed.key for listed in store.objects(rendition_prefix(mine))}
        assert found == {rendition_key(mine, "thumb-200"), rendition_key(mine, "thumb-400")}

    def test_all_below_a_prefix_is_deleted_and_nothing_beside_it(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        below = [f"hls/a/b/{name}" for name in ("master.m3u8", "360p/index.m3u8", "360p/segment_000.ts")]
        beside = ["hls/a/bc/master.m3u8", "hls/a/b2", "blobs/a/b/master.m3u8"]
        for key in (*below, *beside):
            store.put(key, _file(tmp_path, b"x"))
        store.delete_all("hls/a/b/")
        store.delete_all("hls/a/b/")
        assert {it.key for it in store.objects()} == set(beside)
        store.put(below[1], _file(tmp_path, b"again"))
        assert store.size(below[1]) == 5

    @pytest.mark.parametrize("prefix", ["", "/", "hls", "hls/..", "../", "hls/../", "/hls/", "hls//"])
    def test_what_is_no_folder_of_the_store_is_not_emptied(self, store: BlobStore, prefix: str) -> None:
        with pytest.raises(Invalid):
            store.delete_all(prefix)

    def test_a_good_store_passes_its_check_and_shows_no_trace_of_it(self, store: BlobStore) -> None:
        store.check()
        store.check()
        assert list(store.objects()) == []


def _file(folder: Path, content: bytes) -> Path:
    path = folder / f"source-{os.urandom(6).hex()}"
    path.write_bytes(content)
    return path
