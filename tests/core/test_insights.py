"""What a dataset consists of: every number against one counted by hand from what was put in."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, update

from stackroom.access import Actor
from stackroom.database.schema import asset
from stackroom.ids import parse
from stackroom.library import annotations, insights
from stackroom.library.insights import ClassCounts, Insights, Range, Size
from stackroom.operations.request import Changes, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database
CORNER = {"x": 1, "y": 1}


def box(name: str = "crane", confidence: float = 1.0) -> dict[str, Any]:
    return {
        "type": "bbox",
        "name": name,
        "confidence": confidence,
        "bounding_box": {**CORNER, "w": 2, "h": 2},
    }


def point(name: str = "crane") -> dict[str, Any]:
    return {"type": "keypoint", "name": name, "keypoint": CORNER}


def of(library: Library, dataset: ADataset) -> Insights:
    return library.read(lambda conn: insights.of_dataset(conn, dataset.id))


def save(library: Library, actor: Actor, image: str, *wanted: dict[str, Any]) -> None:
    parsed = annotations.parse(msgspec.json.encode(wanted))
    library.write(lambda conn: annotations.save(conn, actor, image, parsed, now=library.now))


def measure(library: Library, image: str, **columns: Any) -> None:
    def work(conn: Connection) -> None:
        conn.execute(update(asset).where(asset.c.uuid == parse(image)).values(**columns))

    library.write(work)


def test_a_dataset_with_nothing_in_it_has_nothing_to_tell(library: Library) -> None:
    found = of(library, library.a_dataset(library.an_actor()))
    assert (found.images, found.annotations, found.bytes, found.unannotated) == (0, 0, 0, 0)
    assert found.statuses == {"new": 0, "annotate": 0, "review": 0, "complete": 0}
    assert found.classes == ClassCounts(annotations={}, images={}, types={})
    assert found.densities == (0,) * 7
    assert (found.dimensions.width, found.dimensions.sizes) == (Range(None, None, None), [])
    assert found.confidence is None


def test_images_are_counted_by_status_and_size(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=4)
    library.submit(actor, Verb.UPDATE, dataset.ids[:2], changes=Changes(status="complete"))
    for image, (width, height) in zip(dataset.ids, [(30, 20), (10, 40), (10, 10), (30, 20)], strict=True):
        measure(library, image, width=width, height=height)
    [unmeasured] = library.add(actor, dataset, ["none.jpg"])
    measure(library, unmeasured, width=None, height=None)
    found = of(library, dataset)
    assert (found.images, found.bytes) == (5, 50)
    assert found.statuses == {"new": 3, "annotate": 0, "review": 0, "complete": 2}
    seen = found.dimensions
    assert (seen.width, seen.height) == (Range(10, 30, 20), Range(10, 40, 22))
    assert (seen.landscape, seen.portrait, seen.square) == (2, 1, 1)
    assert (seen.known, seen.unknown, seen.distinct) == (4, 1, 3)
    assert seen.sizes == [Size(30, 20, 2), Size(10, 10, 1), Size(10, 40, 1)]


def test_the_most_frequent_sizes_come_first_and_no_more_than_two_hundred(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=250, content=b"same")
    library.write(
        lambda conn: conn.execute(
            update(asset).where(asset.c.dataset_id == dataset.id).values(width=asset.c.id, height=7)
        )
    )
    for image in dataset.ids[240:]:
        measure(library, image, width=5)
    seen = of(library, dataset).dimensions
    assert (seen.distinct, len(seen.sizes), seen.sizes[0]) == (241, 200, Size(5, 7, 10))
    assert {each.images for each in seen.sizes[1:]} == {1}


def test_classes_are_counted_by_annotation_by_image_and_by_type(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=4)
    one, two, three, hidden = dataset.ids
    save(library, actor, one, box(), box(), point())
    save(library, actor, two, point("ship"))
    save(library, actor, hidden, box(), box("gull"), point("ship"))
    library.submit(actor, Verb.ARCHIVE, [hidden], dataset)
    found = of(library, dataset)
    assert found.classes == ClassCounts(
        annotations={"crane": 3, "ship": 1}, images={"crane": 1, "ship": 1}, types={"bbox": 2, "keypoint": 2}
    )
    assert (found.images, found.annotations, found.unannotated) == (3, 4, 1)
    save(library, actor, three, box("gull"))
    assert of(library, dataset).classes.annotations == {"crane": 3, "gull": 1, "ship": 1}


@pytest.mark.parametrize("edge", [0, 1, 2, 3, 5, 6, 10, 11, 20, 21, 50, 51, 52])
def test_images_are_counted_by_how_many_annotations_they_have(library: Library, edge: int) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=1)
    measure(library, dataset.ids[0], annotation_count=edge)
    where = {0: 0, 1: 1, 2: 1, 3: 2, 5: 2, 6: 3, 10: 3, 11: 4, 20: 4, 21: 5, 50: 5, 51: 6, 52: 6}[edge]
    assert of(library, dataset).densities == tuple(int(n == where) for n in range(7))


def test_images_are_counted_by_their_least_confidence(library: Library) -> None:
    actor = library.an_actor()
    confidences = [0.0, 0.25, 0.5, 0.69, 0.7, 0.9, 0.99, 1.0]
    dataset = library.a_dataset(actor, assets=len(confidences) + 1)
    for image, confidence in zip(dataset.ids, confidences, strict=False):
        save(library, actor, image, box(confidence=1.0), box(confidence=confidence))
    found = of(library, dataset).confidence
    assert found is not None
    assert (found.flagged, found.lowest, found.buckets) == (7, 0.0, (2, 2, 1, 2))
    assert found.mean == pytest.approx(sum(confidences[:-1]) / 7)


def test_who_is_certain_of_everything_has_no_confidence_to_look_at(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    save(library, actor, dataset.ids[0], box())
    assert of(library, dataset).confidence is None


def test_what_is_archived_or_elsewhere_does_not_count(library: Library) -> None:
    actor = library.an_actor()
    dataset, other = library.a_dataset(actor, assets=3), library.a_dataset(actor, assets=2)
    for image in [*dataset.ids, *other.ids]:
        save(library, actor, image, box(confidence=0.5))
    before = of(library, dataset)
    library.submit(actor, Verb.ARCHIVE, dataset.ids, dataset)
    assert of(library, dataset) == of(library, library.a_dataset(actor))
    library.submit(actor, Verb.RESTORE, dataset.ids, dataset)
    assert of(library, dataset) == before


def test_of_many_images_every_number_is_right(library: Library) -> None:
    chance, actor = random.Random(7), library.an_actor()
    dataset = library.a_dataset(actor, assets=60, content=b"same")
    kept: list[tuple[int, int, list[dict[str, Any]]]] = []
    hidden = []
    for image in dataset.ids:
        width, height = chance.choice([(4, 3), (3, 4), (8, 8), (16, 9)])
        measure(library, image, width=width, height=height)
        wanted = [
            chance.choice([box, point])(chance.choice(["a", "b", "é"]))
            for _ in range(chance.choice([0, 0, 1, 2, 7]))
        ]
        save(library, actor, image, *wanted)
        if chance.random() < 0.2:
            hidden.append(image)
        else:
            kept.append((width, height, wanted))
    library.submit(actor, Verb.ARCHIVE, hidden, dataset)
    found = of(library, dataset)
    every = [each for _, _, wanted in kept for each in wanted]
    assert found.images == len(kept)
    assert found.annotations == len(every)
    assert found.classes.annotations == Counter(each["name"] for each in every)
    assert found.classes.types == Counter(each["type"] for each in every)
    assert found.classes.images == Counter(
        name for *_, wanted in kept for name in {it["name"] for it in wanted}
    )
    sizes = Counter((width, height) for width, height, _ in kept)
    assert {(it.width, it.height): it.images for it in found.dimensions.sizes} == sizes
    assert found.unannotated == sum(not wanted for *_, wanted in kept)


def test_it_takes_as_many_statements_for_many_images_as_for_none(library: Library) -> None:
    actor = library.an_actor()
    counts = []
    for dataset in (library.a_dataset(actor), library.a_dataset(actor, assets=300, content=b"same")):
        with library.statements() as sent:
            library.write(lambda conn, it=dataset: insights.of_dataset(conn, it.id))
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 5
