"""Finding an asset by its path in a dataset."""

import re

import pytest

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import NotFound
from stackroom.library import assets, listing, splits
from stackroom.library.listing import Filter
from stackroom.operations.request import Verb
from stackroom.testing.builders import ADataset, Library


def at(library: Library, actor: Actor, dataset: ADataset, path: str) -> str:
    found = library.read(lambda conn: assets.at(conn, actor, dataset.reference, path))
    return ids.text(found.uuid)


@pytest.mark.every_database
def test_of_several_with_one_path_the_live_one_is_meant_then_the_one_archived_last(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    made = []
    for _ in range(3):
        made += library.add(actor, dataset, ["a.jpg"], folder="/x/y")
        assert at(library, actor, dataset, "x/y/a.jpg") == made[-1]
        library.submit(actor, Verb.ARCHIVE, made[-1:], dataset)
    assert at(library, actor, dataset, "x/y/a.jpg") == made[2]
    library.submit(actor, Verb.RESTORE, made[:1], dataset)
    assert at(library, actor, dataset, "x/y/a.jpg") == made[0]


@pytest.mark.every_database
def test_case_counts_and_the_way_an_accent_is_written_does_not(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["caf\u00e9.jpg"], folder="/\u00e9t\u00e9")
    for path in ("\u00e9t\u00e9/caf\u00e9.jpg", "e\u0301te\u0301/cafe\u0301.jpg"):
        assert at(library, actor, dataset, path) == dataset.ids[0]
    for path in (
        "\u00e9t\u00e9/Caf\u00e9.jpg",
        "caf\u00e9.jpg",
        "\u00e9t\u00e9",
        "",
        "..",
        "../caf\u00e9.jpg",
    ):
        with pytest.raises(NotFound):
            at(library, actor, dataset, path)


def plans(library: Library, sent: list[str]) -> list[str]:
    """How SQLite goes about those of the statements that read or change assets."""
    return [
        step.detail
        for sql in sent
        if re.search(r"(FROM|UPDATE OR ROLLBACK) asset", sql)
        for step in library.read(
            lambda conn, sql=sql: list(
                conn.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, ("?",) * sql.count("?"))
            )
        )
    ]


def test_a_path_is_looked_up_in_an_index(sqlite_library: Library) -> None:
    library = sqlite_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    with library.statements() as sent, pytest.raises(NotFound):
        library.write(lambda conn: assets.at(conn, actor, dataset.reference, "x/b.jpg"))
    steps = plans(library, sent)
    assert not [step for step in steps if step.startswith("SCAN")], steps
    for index in ("asset_name_in_folder", "asset_archived_in_folder"):
        assert [step for step in steps if index in step], steps


def test_a_name_is_looked_up_in_the_index_of_every_folder(sqlite_library: Library) -> None:
    """Newer clients find the path of a file by its name alone, in a dataset of any size."""
    library = sqlite_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor)
    made = library.add_everywhere(actor, dataset, "a.jpg", ["/", "/x", "/x/y"])
    library.add(actor, dataset, ["b.jpg"])
    library.submit(actor, Verb.ARCHIVE, made[1:2], dataset)
    wanted = Filter(dataset_id=dataset.id, name="a.jpg")
    with library.statements() as sent:
        page, total = library.write(
            lambda conn: (listing.page(conn, wanted, limit=5), listing.count(conn, wanted))
        )
    assert ([ids.text(row.uuid) for row in page], total) == ([made[2], made[0]], 2)
    named = [step for step in plans(library, sent) if "asset_name_in_folder (folder_id=? AND name=?)" in step]
    assert len(named) == 2, plans(library, sent)


def test_a_division_reads_its_own_dataset_alone(sqlite_library: Library) -> None:
    library = sqlite_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=10)
    with library.statements() as sent:
        library.write(
            lambda conn: splits.assign(conn, actor, dataset.reference, splits.Shares(), seed=1, now=0)
        )
    steps = plans(library, [sql for sql in sent if "shuffled" in sql])
    assert len([step for step in steps if "dataset_id=?" in step]) == 3, steps
    assert not [step for step in steps if step.startswith("SCAN asset")], steps
