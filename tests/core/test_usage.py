"""What is stored, and what datasets are numbered."""

from hashlib import sha256
from pathlib import Path

import pytest

from stackroom import ids
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.library import datasets, usage
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Verb
from stackroom.storage.keys import rendition_key
from stackroom.storage.local import LocalStore
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def test_usage_counts_what_is_archived_and_bytes_once_for_each_asset(library: Library) -> None:
    ada, bob = library.an_actor(), library.an_actor()
    here = library.a_dataset(ada, assets=3, content=b"same")
    there = library.a_dataset(ada, assets=2)
    library.a_dataset(bob, assets=1)
    library.submit(ada, Verb.ARCHIVE, here.ids[:1])
    library.submit(ada, Verb.PURGE, there.ids[:1])
    counted = library.read(
        lambda conn: (
            [usage.of_dataset(conn, each.id) for each in (here, there)]
            + [usage.of_organization(conn, ada.organization_id)]
        )
    )
    assert counted == [usage.Usage(3, 30), usage.Usage(1, 10), usage.Usage(4, 40)]


def test_what_was_derived_counts_where_it_is_used(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More files than are looked at in one go, of a blob that two datasets share and of one of each."""
    monkeypatch.setattr(usage, "AT_ONCE", 1)
    store = LocalStore(tmp_path / "store")
    ada, bob = library.an_actor(), library.an_actor()
    here = library.a_dataset(ada, assets=2, content=b"shared")
    there = library.a_dataset(ada, assets=["a.jpg"], content=b"shared")
    library.add(ada, there, ["b.jpg"], content=b"own")
    library.a_dataset(bob, assets=1, content=b"shared")
    shared, own = (sha256(content).digest() for content in (b"shared", b"own"))
    for actor, blob, size in ((ada, shared, 100), (ada, own, 10), (bob, shared, 1)):
        for profile, length in (("thumb-100", size), ("thumb-200", 1000)):
            source = tmp_path / ids.new().hex()
            source.write_bytes(bytes(length))
            store.put(rendition_key(library.blob_keys(actor)[blob], profile), source)
    found = library.do(
        usage.derived(library.database, store, ada.organization_id, ada.organization_uuid, now=7)
    )
    assert found == usage.Derived(2110, {here.id: 1100, there.id: 2110}, 7)
    assert usage.derived_from(store, library.blob_keys(ada)[shared]) == 1100


def test_a_dataset_gets_the_lowest_number_that_none_had(library: Library) -> None:
    ada = library.an_actor()

    def make(name: str, number: int | None = None) -> int:
        return library.write(
            lambda conn: datasets.create(conn, ada, name, number=number, now=library.now)
        ).number

    assert [make("a"), make("b"), make("far", 2**31 - 1), make("four", 4), make("c"), make("d")] == [
        1,
        2,
        2**31 - 1,
        4,
        3,
        5,
    ]
    for name in ("d", "four", "far"):
        library.write(lambda conn, name=name: remove_dataset(conn, ada, name, now=library.now))
    assert [make("e"), make("again", 4), make("f")] == [6, 4, 7]
    for taken in (1, 4):
        with pytest.raises(Conflict):
            make("x", taken)
    for wrong in (0, -1, 2**31):
        with pytest.raises(Invalid):
            make("x", wrong)
        with pytest.raises(NotFound):
            library.read(lambda conn, wrong=wrong: datasets.by_number(conn, ada, wrong))
    assert library.read(lambda conn: datasets.by_number(conn, ada, 7).name) == "f"
    stranger = library.an_actor()
    with pytest.raises(NotFound):
        library.read(lambda conn: datasets.by_number(conn, stranger, 1))
