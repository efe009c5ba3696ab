"""Near duplicates, and what looks like one image, by fingerprints that the tests make up."""

import random
from typing import Any

import pytest
from sqlalchemy import select, update

from stackroom.access import Actor
from stackroom.database.schema import asset, blob
from stackroom.errors import NotFound
from stackroom.ids import parse, text
from stackroom.library import similarity
from stackroom.library.similarity import Bounds, NearDuplicates, Printed, Resembling
from stackroom.operations.request import Verb
from stackroom.testing.builders import ADataset, Library

PLAIN = 0
WHOLE = 2**256 - 1


def differing(bits: int, seed: int = 0) -> int:
    """A fingerprint that differs from the plain one in so many bits."""
    return sum(1 << n for n in random.Random(seed).sample(range(256), bits))


class Gallery:
    """A dataset whose images look as they are told to, by the order in which they came."""

    def __init__(self, library: Library, *prints: int | None) -> None:
        self.library = library
        self.actor: Actor = library.an_actor()
        self.dataset: ADataset = library.a_dataset(self.actor)
        self.ids: list[str] = []
        self.add(*prints)

    def add(self, *prints: int | None, folder: str = "/") -> list[str]:
        names = [f"{len(self.ids) + n:05}.jpg" for n in range(len(prints))]
        made = self.library.add(self.actor, self.dataset, names, folder=folder)
        self.ids += made
        for image, print_ in zip(made, prints, strict=True):
            if print_ is not None:
                self.paint(image, print_.to_bytes(32))
        return made

    def paint(self, image: str, fingerprint: bytes) -> None:
        shown = select(asset.c.blob_id).where(asset.c.uuid == parse(image)).scalar_subquery()
        self.library.write(
            lambda conn: conn.execute(update(blob).where(blob.c.id == shown).values(fingerprint=fingerprint))
        )

    def duplicates(self, folder: str | None = None, **bounds: Any) -> NearDuplicates:
        given = {"threshold": 0.92, "sample": 1000, "neighbours": 10, "max_pairs": 2000, **bounds}
        return self.library.do(
            similarity.near_duplicates(
                self.library.database, self.actor, self.dataset.reference, folder, Bounds(**given)
            )
        )

    def groups(self, folder: str | None = None, **bounds: Any) -> list[list[int]]:
        """By the order in which the images came."""
        found = self.duplicates(folder, **bounds)
        return [[self.ids.index(text(it.uuid)) for it in group.members] for group in found.groups]

    def like(self, image: int, folder: str | None = None, **bounds: Any) -> Resembling:
        given = {"threshold": 0.6, "limit": 50, **bounds}
        return self.library.do(
            similarity.resembling(self.library.database, self.actor, self.ids[image], folder, **given)
        )

    def found(self, image: int, folder: str | None = None, **bounds: Any) -> list[int]:
        return [self.ids.index(text(it.uuid)) for it, _ in self.like(image, folder, **bounds).found]


every_database = pytest.mark.every_database


@every_database
def test_images_that_hang_together_are_one_group_oldest_first(library: Library) -> None:
    step, further = 2**20 - 1, 2**40 - 1  # each alike to the one before, and the last not to the first
    gallery = Gallery(library, PLAIN, WHOLE, step, differing(128, 3), further, WHOLE)
    assert gallery.groups() == [[0, 2, 4], [1, 5]]
    found = gallery.duplicates()
    assert [group.max_similarity for group in found.groups] == [1 - 20 / 256, 1.0]
    assert (found.analyzed, found.total, found.sample_capped, found.pairs_capped) == (6, 6, False, False)


@every_database
@pytest.mark.parametrize(("bits", "alike"), [(20, True), (21, False)])
def test_the_threshold_is_the_share_of_bits_that_agree(library: Library, bits: int, alike: bool) -> None:
    gallery = Gallery(library, PLAIN, differing(bits))
    assert gallery.groups(threshold=0.92) == ([[0, 1]] if alike else [])
    assert gallery.groups(threshold=1 - bits / 256) == [[0, 1]]


@every_database
def test_only_live_images_with_a_fingerprint_are_compared(library: Library) -> None:
    gallery = Gallery(library, PLAIN, None, PLAIN, PLAIN)
    gallery.paint(gallery.ids[3], similarity.NONE)
    library.submit(gallery.actor, Verb.ARCHIVE, gallery.ids[2:3], gallery.dataset)
    found = gallery.duplicates()
    assert (found.groups, found.analyzed, found.total) == ([], 1, 3)


@every_database
def test_copies_look_like_what_they_were_made_of(library: Library) -> None:
    gallery = Gallery(library, PLAIN, WHOLE)
    library.submit(gallery.actor, Verb.COPY, gallery.ids[:1], gallery.dataset, to="/copies")
    [group] = gallery.duplicates().groups
    assert ([each.folder_path for each in group.members], group.max_similarity) == (["/", "/copies"], 1.0)


@every_database
def test_a_folder_is_exactly_that_folder(library: Library) -> None:
    gallery = Gallery(library, PLAIN)
    gallery.add(PLAIN, PLAIN, folder="/a")
    gallery.add(PLAIN, folder="/a/b")
    assert gallery.groups("/a") == [[1, 2]]
    assert gallery.duplicates("/a").total == 2
    assert (gallery.groups("/none"), gallery.duplicates("/none").total) == ([], 0)


@every_database
def test_a_sample_is_the_newest_and_says_that_there_are_more(library: Library) -> None:
    gallery = Gallery(library, PLAIN, PLAIN, WHOLE, WHOLE, differing(128))
    found = gallery.duplicates(sample=3)
    assert gallery.groups(sample=3) == [[2, 3]]
    assert (found.analyzed, found.total, found.sample_capped) == (3, 5, True)
    assert not gallery.duplicates(sample=5).sample_capped


@every_database
def test_pairs_that_were_left_out_are_admitted(library: Library) -> None:
    gallery = Gallery(library, PLAIN, PLAIN, PLAIN, differing(10))
    assert not gallery.duplicates(neighbours=3, max_pairs=6).pairs_capped
    assert gallery.duplicates(neighbours=2).pairs_capped
    assert gallery.duplicates(max_pairs=5).pairs_capped
    assert gallery.groups(max_pairs=1) == [[0, 1]]  # the most similar pairs are kept


@every_database
def test_what_looks_like_an_image_is_found_the_most_similar_first(library: Library) -> None:
    gallery = Gallery(library, differing(5), PLAIN, differing(100), PLAIN, differing(60), WHOLE, None)
    found = gallery.like(1)
    assert gallery.found(1) == [3, 0, 4, 2]
    assert [similarity for _, similarity in found.found] == [1.0, 1 - 5 / 256, 1 - 60 / 256, 1 - 100 / 256]
    assert found.analyzed == 5
    assert gallery.found(1, threshold=0.9) == [3, 0]
    assert gallery.found(1, threshold=0.0) == [3, 0, 4, 2, 5]
    assert gallery.found(1, limit=2) == [3, 0]


@every_database
def test_it_is_looked_for_in_the_folder_of_the_image_or_in_another(library: Library) -> None:
    gallery = Gallery(library, PLAIN, PLAIN)
    gallery.add(PLAIN, folder="/a")
    assert (gallery.found(0), gallery.found(2), gallery.found(0, "/a"), gallery.found(2, "/")) == (
        [1],
        [],
        [2],
        [1, 0],
    )
    assert gallery.found(0, "/none") == []


@every_database
def test_an_image_without_a_fingerprint_is_like_nothing(library: Library) -> None:
    gallery = Gallery(library, None, PLAIN)
    assert gallery.like(0) == Resembling([], 0)


@every_database
def test_an_archived_image_may_be_asked_about_and_is_not_found(library: Library) -> None:
    gallery = Gallery(library, PLAIN, PLAIN, PLAIN)
    library.submit(gallery.actor, Verb.ARCHIVE, gallery.ids[:1], gallery.dataset)
    assert (gallery.found(0), gallery.found(1)) == ([2, 1], [2])


@every_database
def test_a_large_folder_is_read_some_at_a_time(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down to portions of two, so that one of them ends with the folder."""
    monkeypatch.setattr(similarity, "AT_ONCE", 2)
    prints = [differing(n) for n in range(9)]
    gallery = Gallery(library, *prints)
    assert gallery.found(0, limit=500) == list(range(1, 9))
    assert gallery.found(0, limit=3) == [1, 2, 3]
    gallery.add(PLAIN)
    assert gallery.like(0, limit=500).analyzed == 9


@every_database
def test_of_others_nothing_is_found(library: Library) -> None:
    gallery, stranger = Gallery(library, PLAIN, PLAIN), library.an_actor()
    gallery.actor = stranger
    with pytest.raises(NotFound):
        gallery.duplicates()
    with pytest.raises(NotFound):
        gallery.like(0)


@every_database
def test_blobs_of_images_without_a_fingerprint_are_found_in_order_until_there_are_none(
    library: Library,
) -> None:
    before = library.read(lambda conn: similarity.missing(conn, after=0, limit=10**6))
    after = max((blob_id for blob_id, _ in before), default=0)
    gallery = Gallery(library, None, PLAIN, None)

    def missing(after: int = after, limit: int = 10) -> list[int]:
        return [it for it, _ in library.read(lambda conn: similarity.missing(conn, after=after, limit=limit))]

    one, two = missing()
    assert (missing(limit=1), missing(after=one)) == ([one], [two])
    library.write(lambda conn: similarity.note(conn, {one: b"a" * 32, two: similarity.NONE}))
    assert missing() == []
    library.write(lambda conn: similarity.note(conn, {one: b"b" * 32}))
    assert (
        library.read(lambda conn: conn.scalar(select(blob.c.fingerprint).where(blob.c.id == one)))
        == b"a" * 32
    )
    library.submit(gallery.actor, Verb.PURGE, gallery.ids, gallery.dataset)


@every_database
def test_what_was_looked_at_a_while_ago_is_noted_for_the_same_bytes_only(library: Library) -> None:
    """By then a blob may be gone, and its row id be that of another one."""
    gallery = Gallery(library, None)
    waiting = dict(library.read(lambda conn: similarity.missing(conn, after=0, limit=10**6)))
    number = max(waiting)
    library.write(lambda conn: similarity.note_later(conn, {"blobs/gone": b"a" * 32}))
    assert number in dict(library.read(lambda conn: similarity.missing(conn, after=0, limit=10**6)))
    library.write(lambda conn: similarity.note_later(conn, {waiting[number]: b"a" * 32}))
    assert number not in dict(library.read(lambda conn: similarity.missing(conn, after=0, limit=10**6)))
    library.submit(gallery.actor, Verb.PURGE, gallery.ids, gallery.dataset)


def test_every_pair_is_weighed_and_the_groups_are_those_of_a_plain_search() -> None:
    chance = random.Random(1)
    roots = [chance.getrandbits(256) for _ in range(6)]
    images = [Printed(n, chance.choice(roots) ^ differing(chance.randrange(24), n)) for n in range(1, 120)]
    bounds = Bounds(threshold=0.92, sample=120, neighbours=120, max_pairs=10_000)
    pairs, left_out = similarity.near_pairs(images, bounds)
    prints = {each.id: each.fingerprint for each in images}
    expected = sorted(
        (distance, one, other)
        for one in prints
        for other in prints
        if one < other and (distance := (prints[one] ^ prints[other]).bit_count()) <= 20
    )
    assert ([(it.distance, it.one, it.other) for it in pairs], left_out) == (expected, False)
    assert sorted(members for members, _ in similarity.grouped(pairs)) == components(prints, expected)


def components(images: dict[int, int], pairs: list[tuple[int, int, int]]) -> list[list[int]]:
    """By walking from neighbour to neighbour."""
    near: dict[int, set[int]] = {each: set() for each in images}
    for _, one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    found, seen = [], set()
    for start in images:
        reached, waiting = set(), [start]
        while waiting and start not in seen:
            here = waiting.pop()
            if here not in reached:
                reached.add(here)
                waiting += near[here]
        seen |= reached
        if len(reached) > 1:
            found.append(sorted(reached))
    return sorted(found)
