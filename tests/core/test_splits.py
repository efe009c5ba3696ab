"""Dividing a dataset: exact shares, the same for the same seed in either database, and gentle with what stays."""

import hashlib

import pytest

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.library import splits
from stackroom.library.splits import Division, Shares
from stackroom.operations.request import Changes, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database


def divide(library: Library, actor: Actor, dataset: ADataset, *shares: int, seed: int = 42) -> Division:
    wanted = Shares(**dict(zip(("train", "val", "test"), shares, strict=False)))
    return library.write(
        lambda conn: splits.assign(conn, actor, dataset.reference, wanted, seed=seed, now=library.now)
    )


def split_of(library: Library, actor: Actor) -> dict[str, str | None]:
    return {asset: row["split"] for asset, row in library.rows(actor).items()}


def expected(assets: list[str], val: int, test: int, seed: int = 42) -> dict[str, str]:
    """By the definition: the SHA-256 of seed and id puts them in order."""

    def place(asset: str) -> bytes:
        raw = ids.parse(asset)
        assert raw is not None
        return hashlib.sha256(b"%d" % seed + raw).digest()

    words = ["val"] * val + ["test"] * test + ["train"] * (len(assets) - val - test)
    return dict(zip(sorted(assets, key=place), words, strict=True))


def test_a_seed_divides_the_same_assets_alike_in_every_database(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=107, content=b"same")
    done = divide(library, actor, dataset)
    assert (done.train, done.val, done.test, done.changed) == (76, 21, 10, 107)
    assert split_of(library, actor) == expected(dataset.ids, 21, 10)


@pytest.mark.parametrize(
    ("shares", "counts"),
    [((100, 0, 0), (7, 0, 0)), ((0, 100, 0), (0, 7, 0)), ((0, 0, 100), (0, 0, 7)), ((0, 50, 50), (1, 3, 3))],
)
def test_what_is_left_over_is_for_training(
    library: Library, shares: tuple[int, ...], counts: tuple[int, ...]
) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=7, content=b"same")
    done = divide(library, actor, dataset, *shares)
    assert (done.train, done.val, done.test) == counts
    found = list(split_of(library, actor).values())
    assert tuple(found.count(split) for split in ("train", "val", "test")) == counts


def test_dividing_again_changes_nothing_and_another_seed_something(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=50, content=b"same")
    divide(library, actor, dataset)
    before = library.rows(actor)
    assert divide(library, actor, dataset).changed == 0
    assert library.rows(actor) == before
    assert 0 < divide(library, actor, dataset, seed=43).changed < 50
    assert {row["version"] for row in library.rows(actor).values()} == {2, 3}


def test_assets_that_come_later_move_few_of_the_others(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=300, content=b"same")
    divide(library, actor, dataset)
    before = split_of(library, actor)
    library.add(actor, dataset, [f"later-{n}.jpg" for n in range(30)], content=b"same")
    divide(library, actor, dataset)
    after = split_of(library, actor)
    assert sum(after[asset] != split for asset, split in before.items()) < 20


def test_archived_assets_and_other_datasets_keep_what_they_have(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=4, content=b"same")
    other = library.a_dataset(actor, assets=2, content=b"same")
    library.submit(actor, Verb.UPDATE, dataset.ids[:1], dataset, changes=Changes(split="test"))
    library.submit(actor, Verb.ARCHIVE, dataset.ids[:1], dataset)
    assert divide(library, actor, dataset, 0, 100, 0).total == 3
    found = split_of(library, actor)
    assert [found[asset] for asset in dataset.ids] == ["test", "val", "val", "val"]
    assert {found[asset] for asset in other.ids} == {None}


def test_an_empty_dataset_is_divided_into_nothing(library: Library) -> None:
    actor = library.an_actor()
    done = divide(library, actor, library.a_dataset(actor))
    assert (done.total, done.changed) == (0, 0)


@pytest.mark.parametrize("shares", [(70, 20, 11), (0, 0, 0), (110, -5, -5), (33, 33, 33)])
def test_shares_are_a_hundred_percent_together(library: Library, shares: tuple[int, ...]) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2, content=b"same")
    with pytest.raises(Invalid, match="together 100") as refused:
        divide(library, actor, dataset, *shares)
    assert refused.value.code == "invalid_shares"
    assert set(split_of(library, actor).values()) == {None}


def test_dividing_is_for_members_of_the_organization(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2, content=b"same")
    with pytest.raises(Forbidden):
        divide(library, library.an_actor(Role.VIEWER, of=actor), dataset)
    with pytest.raises(NotFound):
        divide(library, library.an_actor(), dataset)


def test_a_thousand_assets_take_as_many_statements_as_ten(library: Library) -> None:
    actor = library.an_actor()
    counts = []
    for number in (10, 1_000):
        dataset = library.a_dataset(actor, assets=number, content=b"same")
        with library.statements() as sent:
            assert divide(library, actor, dataset).changed == number
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 10
