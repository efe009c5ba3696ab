"""Assets by their tags, in one dataset or in all of an organization."""

import pytest

from stackroom.access import Actor
from stackroom.errors import NotFound
from stackroom.library import tagged
from stackroom.operations.request import Changes, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database


def tag(library: Library, actor: Actor, images: list[str], *tags: str) -> None:
    library.submit(actor, Verb.UPDATE, images, changes=Changes(add_tags=tags))


def found(
    library: Library,
    actor: Actor,
    *tags: str,
    within: ADataset | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[str]:
    rows = library.read(
        lambda conn: tagged.with_all(
            conn, actor, tags, dataset_ref=within.reference if within else None, limit=limit, offset=offset
        )
    )
    return [each.name for each, _ in rows]


def test_an_image_has_all_the_tags_that_are_asked_for(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=4)
    tag(library, actor, dataset.ids[:3], "night")
    tag(library, actor, dataset.ids[1:], "rain")
    for within in (dataset, None):
        assert found(library, actor, "night", within=within) == ["3.jpg", "2.jpg", "1.jpg"]
        assert found(library, actor, "night", "rain", within=within) == ["3.jpg", "2.jpg"]
        assert found(library, actor, "rain", "night", within=within) == ["3.jpg", "2.jpg"]
        assert found(library, actor, "night", "fog", within=within) == []
        assert found(library, actor, "Night", within=within) == []
        assert found(library, actor, "night", within=within, limit=1, offset=1) == ["2.jpg"]


def test_without_a_dataset_all_of_them_are_searched_newest_first(library: Library) -> None:
    actor = library.an_actor()
    one, other, third = (library.a_dataset(actor, assets=[name]) for name in ("a.jpg", "b.jpg", "c.jpg"))
    for each in (other, one, third):
        tag(library, actor, each.ids, "night", "rain")
    [late] = library.add(actor, one, ["d.jpg"])
    tag(library, actor, [late], "night")
    assert found(library, actor, "night") == ["d.jpg", "c.jpg", "b.jpg", "a.jpg"]
    assert found(library, actor, "rain", "night", limit=2, offset=1) == ["b.jpg", "a.jpg"]
    assert found(library, actor, "night", within=one) == ["d.jpg", "a.jpg"]
    rows = library.read(lambda conn: tagged.with_all(conn, actor, ["rain"], dataset_ref=None, limit=9))
    assert [(each.dataset_id, len(uuid)) for each, uuid in rows] == [
        (it.id, 16) for it in (third, other, one)
    ]


def test_archived_images_and_those_of_others_are_not_found(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    dataset, theirs = library.a_dataset(actor, assets=2), library.a_dataset(stranger, assets=1)
    tag(library, actor, dataset.ids, "night")
    tag(library, stranger, theirs.ids, "night")
    library.submit(actor, Verb.ARCHIVE, dataset.ids[:1], dataset)
    assert found(library, actor, "night") == found(library, actor, "night", within=dataset) == ["2.jpg"]
    with pytest.raises(NotFound):
        found(library, actor, "night", within=theirs)
