"""Finding an asset by its path in a dataset."""

import pytest

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import NotFound
from stackroom.library import assets
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


def test_a_path_is_looked_up_in_an_index(sqlite_library: Library) -> None:
    library = sqlite_library
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=["a.jpg"])
    with library.statements() as sent, pytest.raises(NotFound):
        library.write(lambda conn: assets.at(conn, actor, dataset.reference, "x/b.jpg"))
    plans = [
        step.detail
        for sql in sent
        if "FROM asset" in sql
        for step in library.read(
            lambda conn, sql=sql: list(
                conn.exec_driver_sql("EXPLAIN QUERY PLAN " + sql, ("?",) * sql.count("?"))
            )
        )
    ]
    assert not [step for step in plans if step.startswith("SCAN")], plans
    for index in ("asset_name_in_folder", "asset_archived_in_folder"):
        assert [step for step in plans if index in step], plans
