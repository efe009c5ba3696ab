"""What belongs to assets comes along with copies, goes with what is removed, and is never left behind."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select

from stackroom import ids
from stackroom.clock import DAY
from stackroom.database.schema import (
    annotation,
    annotation_class,
    annotation_comment,
    asset,
    asset_tag,
    comment_reaction,
    dataset_export,
    event,
    loose_bytes,
    operation_tag,
    tag,
)
from stackroom.library import annotations, comments, datasets
from stackroom.library.datasets import DatasetChanges
from stackroom.operations import forgetting
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Changes, Collision, Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database

BELONGINGS = (annotation, annotation_class, annotation_comment, comment_reaction, asset_tag)


class Scene:
    """A dataset of two assets; the first is annotated with a car and two lorries, commented on, tagged and reviewed."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.here = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg"])
        self.there = library.a_dataset(self.actor)
        self.a, self.b = self.here.ids
        self.annotate(self.a, "car", "lorry", "lorry")
        self.update(self.a, Changes(status="review", split="val", add_tags=("night", "rain")))
        library.write(self._comment)

    def annotate(self, key: str, *classes: str) -> None:
        wanted = annotations.parse(msgspec.json.encode([a_point(name, n) for n, name in enumerate(classes)]))
        self.library.write(lambda conn: annotations.save(conn, self.actor, key, wanted, now=self.library.now))

    def _comment(self, conn: Connection) -> None:
        made = comments.create(conn, self.actor, self.a, "0", "Is it?", now=self.library.now)
        reply = comments.create(
            conn, self.actor, self.a, "0", "It is.", parent=ids.text(made.uuid), now=self.library.now
        )
        row = select(annotation_comment.c.id).where(annotation_comment.c.uuid == reply.uuid)
        conn.execute(
            insert(comment_reaction), {"comment_id": conn.scalar(row), "key_id": 1, "kind": "thumbs_up"}
        )

    def update(self, key: str, changes: Changes) -> None:
        self.library.submit(self.actor, Verb.UPDATE, [key], changes=changes)

    def copy(self, target: ADataset, *asked: str, **rest: Any) -> Any:
        options = {"to": "/", "into": target, "copy_annotations": True, **rest}
        return self.library.submit(self.actor, Verb.COPY, asked or self.here.ids, self.here, **options)

    def list_classes(self, of: ADataset, *names: str) -> None:
        changes = DatasetChanges(classes=[{"name": name, "color": f"of {name}"} for name in names])
        self.library.write(
            lambda conn: datasets.change(conn, self.actor, of.reference, changes, now=self.library.now)
        )

    def classes(self, of: ADataset) -> list[dict[str, Any]]:
        return self.library.read(lambda conn: datasets.find(conn, self.actor, of.reference).classes)

    def counted(self, key: str) -> list[tuple[str, str, int, int]]:
        """What is counted in the annotations of an asset: class, type, how often, and in which dataset."""
        rows = annotation_class.c
        query = (
            select(rows.name, rows.type, rows.count, rows.dataset_id)
            .join(asset, asset.c.id == rows.asset_id)
            .where(asset.c.uuid == ids.parse(key))
            .order_by(rows.name)
        )
        return self.library.read(lambda conn: [tuple(row) for row in conn.execute(query)])


def count(library: Library, *tables: Any) -> list[int]:
    return library.read(
        lambda conn: [conn.scalar(select(func.count()).select_from(each)) or 0 for each in tables]
    )


def a_point(name: str, number: int) -> dict[str, Any]:
    return {"id": str(number), "name": name, "type": "keypoint", "keypoint": {"x": 1, "y": 1}}


@pytest.fixture
def scene(library: Library) -> Scene:
    return Scene(library)


def test_a_copy_with_annotations_is_described_as_its_original_is(scene: Scene) -> None:
    scene.copy(scene.there)
    made = scene.library.live(scene.there)
    rows = scene.library.rows(scene.actor)
    of_a, of_b = rows[made["/a.jpg"]], rows[made["/b.jpg"]]
    assert (of_a["status"], of_a["split"], of_a["annotation_count"]) == ("review", "val", 3)
    assert (of_b["status"], of_b["split"], of_b["annotation_count"]) == ("new", None, 0)
    tagged = scene.library.tags(scene.actor)
    assert [tagged[made["/a.jpg"]], tagged[made["/b.jpg"]]] == [["night", "rain"], []]
    there = scene.there.id
    assert scene.counted(made["/a.jpg"]) == [("car", "keypoint", 1, there), ("lorry", "keypoint", 2, there)]
    original = scene.library.read(lambda conn: annotations.get(conn, scene.actor, scene.a)[1])
    assert scene.library.read(lambda conn: annotations.get(conn, scene.actor, made["/a.jpg"])[1]) == original
    assert (
        scene.library.read(lambda conn: comments.of_asset(conn, scene.actor, made["/a.jpg"])) == []
    )  # those are about the original


def test_a_note_of_a_review_comes_along(scene: Scene) -> None:
    noted = asset.update().where(asset.c.uuid == ids.parse(scene.a)).values(review_note="Too dark")
    scene.library.write(lambda conn: conn.execute(noted))
    for options, expected in (({}, "Too dark"), ({"copy_annotations": False}, None)):
        scene.copy(scene.there, scene.a, to=f"/{expected}", **options)
        made = scene.library.live(scene.there)[f"/{expected}/a.jpg"]
        assert scene.library.rows(scene.actor)[made]["review_note"] == expected


def test_a_plain_copy_has_neither_tags_nor_classes(scene: Scene) -> None:
    scene.copy(scene.there, copy_annotations=False)
    made = scene.library.live(scene.there)["/a.jpg"]
    assert (scene.library.tags(scene.actor)[made], scene.counted(made)) == ([], [])
    assert scene.classes(scene.there) == []


def test_a_copy_in_its_own_dataset_has_the_same_tags(scene: Scene) -> None:
    scene.copy(scene.here, to="/copies")
    made = scene.library.live(scene.here)["/copies/a.jpg"]
    assert scene.library.tags(scene.actor)[made] == ["night", "rain"]
    names = select(tag.c.name).where(tag.c.dataset_id == scene.here.id).order_by(tag.c.name)
    assert scene.library.read(lambda conn: conn.scalars(names).all()) == ["night", "rain"]


def test_tags_that_both_datasets_know_stay_one(scene: Scene) -> None:
    [known] = scene.library.add(scene.actor, scene.there, ["known.jpg"])
    scene.update(known, Changes(add_tags=("night",)))
    scene.copy(scene.there)
    names = select(tag.c.name).where(tag.c.dataset_id == scene.there.id).order_by(tag.c.name)
    assert scene.library.read(lambda conn: conn.scalars(names).all()) == ["night", "rain"]


def test_classes_that_the_target_lacks_are_added_as_they_are_described(scene: Scene) -> None:
    scene.list_classes(scene.here, "car", "lorry", "ship")
    scene.list_classes(scene.there, "car")
    scene.copy(scene.there)
    assert scene.classes(scene.there) == [
        {"name": "car", "color": "of car"},
        {"name": "lorry", "color": "of lorry"},
    ]
    changed = select(event.c.data).where(event.c.dataset_id == scene.there.id).order_by(event.c.id.desc())
    data = msgspec.json.decode(scene.library.read(lambda conn: conn.scalar(changed)) or "{}")
    assert data == {"fields": ["classes"], "classes_added": ["lorry"]}
    before = scene.library.read(lambda conn: datasets.find(conn, scene.actor, scene.there.reference))
    scene.copy(scene.there)
    assert scene.library.read(lambda conn: datasets.find(conn, scene.actor, scene.there.reference)) == before


def test_a_class_that_nobody_described_is_added_by_its_name(scene: Scene) -> None:
    scene.list_classes(scene.there, "car")
    scene.copy(scene.there)
    assert scene.classes(scene.there)[1:] == [{"name": "lorry", "type": "keypoint"}]


def test_an_empty_dataset_takes_over_the_classes_that_another_lists(scene: Scene) -> None:
    scene.list_classes(scene.here, "car", "lorry")
    scene.copy(scene.there)
    assert [each["name"] for each in scene.classes(scene.there)] == ["car", "lorry"]


def test_a_dataset_that_takes_any_class_goes_on_doing_so(scene: Scene) -> None:
    """Given a list, it would refuse the classes of its own annotations."""
    scene.copy(scene.there)
    assert scene.classes(scene.there) == []  # neither of the two lists any
    scene.list_classes(scene.here, "car", "lorry")
    scene.copy(scene.there)
    assert scene.classes(scene.there) == []


def test_a_copy_to_its_own_dataset_adds_no_class(scene: Scene) -> None:
    scene.copy(scene.here, to="/copies")
    assert scene.classes(scene.here) == []


def test_undoing_a_copy_leaves_nothing_of_it(scene: Scene) -> None:
    before = count(scene.library, *BELONGINGS)
    done = scene.copy(scene.there)
    assert count(scene.library, *BELONGINGS) != before
    undone = scene.library.undo(scene.actor, done)
    assert scene.library.words(undone) == ["done", "done"]
    assert count(scene.library, *BELONGINGS) == before


def test_what_is_purged_takes_along_what_belongs_to_it(library: Library) -> None:
    before = count(library, *BELONGINGS)
    scene = Scene(library)
    library.submit(scene.actor, Verb.PURGE, scene.here.ids)
    assert count(scene.library, *BELONGINGS) == before


def test_what_is_overwritten_takes_along_what_belongs_to_it(library: Library) -> None:
    before = count(library, *BELONGINGS)
    scene = Scene(library)
    library.add(scene.actor, scene.here, ["a.jpg"], folder="/new")
    newer = library.live(scene.here)["/new/a.jpg"]
    library.submit(scene.actor, Verb.MOVE, [newer], scene.here, to="/", on_collision=Collision.OVERWRITE)
    assert count(scene.library, *BELONGINGS) == before


def test_a_removed_dataset_leaves_nothing_that_belonged_to_it(library: Library) -> None:
    tables = (*BELONGINGS, tag, dataset_export)
    before = count(library, *tables)
    scene = Scene(library)
    key = f"exports/{ids.new().hex()}"
    export = {
        "uuid": ids.new(),
        "organization_id": scene.actor.organization_id,
        "dataset_id": scene.here.id,
        "name": "all",
        "format": "coco",
        "options": "{}",
        "created_at": 1,
    }
    library.write(lambda conn: conn.execute(insert(dataset_export), {**export, "storage_key": key}))
    unfinished = {**export, "uuid": ids.new(), "name": "unfinished", "storage_key": None}
    library.write(lambda conn: conn.execute(insert(dataset_export), unfinished))
    library.write(lambda conn: remove_dataset(conn, scene.actor, scene.here.reference, now=library.now))
    assert count(scene.library, *tables) == before
    due = select(loose_bytes.c.due_at).where(loose_bytes.c.storage_key == key)
    assert library.read(lambda conn: conn.scalar(due)) == library.now


def test_an_old_journal_is_forgotten_with_its_tags(scene: Scene) -> None:
    assert count(scene.library, operation_tag) != [0]
    late = scene.library.now + forgetting.KEPT_FOR + DAY
    scene.library.write(lambda conn: forgetting.forget(conn, now=late))
    assert count(scene.library, operation_tag) == [0]
