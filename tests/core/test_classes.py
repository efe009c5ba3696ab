"""Classes renamed, merged and deleted: in the dataset's list, and throughout its annotations."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom.access import Actor, Role
from stackroom.database.schema import event
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import annotations, classes, datasets
from stackroom.library.classes import ClassChange
from stackroom.library.datasets import DatasetChanges
from stackroom.operations.request import Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database

SKELETON = {
    "nodes": [{"name": "nose", "x": 0.5, "y": 0.5}, {"name": "ear", "x": 0, "y": 0}],
    "edges": [[0, 1]],
}


def point(number: int, name: str, confidence: float = 1.0) -> dict[str, Any]:
    return {
        "id": str(number),
        "name": name,
        "type": "keypoint",
        "keypoint": {"x": 1, "y": 1},
        "confidence": confidence,
    }


def box(number: int, name: str, confidence: float = 1.0) -> dict[str, Any]:
    shape = {"x": 1, "y": 2, "w": 3, "h": 4}
    return {
        "id": str(number),
        "name": name,
        "type": "bbox",
        "bounding_box": shape,
        "confidence": confidence,
        "attributes": {"name": "crane"},
    }


class Yard:
    """A dataset whose second image is archived, and whose third has no cranes."""

    def __init__(self, library: Library, listed: list[dict[str, Any]] | None = None) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.dataset: ADataset = library.a_dataset(self.actor, assets=4)
        self.save(0, box(1, "crane", 0.5), box(2, "ship"), point(3, "crane", 0.9))
        self.save(1, box(1, "crane"))
        self.save(2, box(1, "ship"))
        library.submit(self.actor, Verb.ARCHIVE, self.dataset.ids[1:2], self.dataset)
        if listed is not None:
            self.list_classes(*listed)

    def save(self, which: int, *documents: dict[str, Any]) -> None:
        wanted = annotations.read(msgspec.json.encode(documents))
        asset = self.dataset.ids[which]
        self.library.write(
            lambda conn: annotations.save(conn, self.actor, asset, wanted, now=self.library.now)
        )

    def list_classes(self, *listed: dict[str, Any]) -> None:
        wanted = DatasetChanges(classes=list(listed))
        self.library.write(
            lambda conn: datasets.change(
                conn, self.actor, self.dataset.reference, wanted, now=self.library.now
            )
        )

    def do(self, verb: Any, *names: str, actor: Actor | None = None, **options: Any) -> ClassChange:
        done: ClassChange = self.library.write(
            lambda conn: verb(
                conn, actor or self.actor, self.dataset.reference, *names, **options, now=self.library.now
            )
        )
        return done

    def names(self) -> list[list[str]]:
        """The classes in each image's document."""
        documents = [
            self.library.read(lambda conn, asset=asset: annotations.get(conn, self.actor, asset))[1]
            for asset in self.dataset.ids
        ]
        return [[each["name"] for each in msgspec.json.decode(document)] for document in documents]

    def listed(self) -> list[dict[str, Any]]:
        return self.library.read(lambda conn: datasets.find(conn, self.actor, self.dataset.reference)).classes

    def column(self, name: str) -> list[Any]:
        rows = self.library.rows(self.actor)
        return [rows[asset][name] for asset in self.dataset.ids]

    def last_event(self) -> tuple[str, int, dict[str, Any]]:
        mine = event.c.organization_id == self.actor.organization_id
        query = select(event).where(mine).order_by(event.c.id.desc()).limit(1)
        row = self.library.read(lambda conn: conn.execute(query).one())
        return row.type, row.dataset_id, msgspec.json.decode(row.data)


def test_a_class_has_another_name_everywhere(library: Library) -> None:
    yard = Yard(library, [{"name": "crane", "type": "bbox", "color": "#f00"}, {"name": "ship"}])
    before = yard.column("version")
    done = yard.do(classes.rename, "crane", "gantry")
    assert (done.images, done.annotations, done.config_updated) == (2, 3, True)
    assert yard.names() == [["gantry", "ship", "gantry"], ["gantry"], ["ship"], []]
    assert yard.listed() == [{"name": "gantry", "type": "bbox", "color": "#f00"}, {"name": "ship"}]
    raised = [after - earlier for after, earlier in zip(yard.column("version"), before, strict=True)]
    assert raised == [1, 1, 0, 0]
    assert [moment == library.now for moment in yard.column("updated_at")] == [True, True, False, False]
    kind, about, data = yard.last_event()
    assert (kind, about) == ("class.renamed", yard.dataset.id)
    assert data == {
        "old_name": "crane",
        "new_name": "gantry",
        "images": 2,
        "annotations": 3,
        "config_updated": True,
    }


def test_what_else_is_called_so_keeps_its_name(library: Library) -> None:
    yard = Yard(library)
    _, before = library.read(lambda conn: annotations.get(conn, yard.actor, yard.dataset.ids[0]))
    yard.do(classes.rename, "crane", "gantry")
    _, after = library.read(lambda conn: annotations.get(conn, yard.actor, yard.dataset.ids[0]))
    assert after == before.replace(b'"name":"crane"', b'"name":"gantry"').replace(
        b'"attributes":{"name":"gantry"}', b'"attributes":{"name":"crane"}'
    )


def test_a_skeleton_follows_the_class_of_its_joint(library: Library) -> None:
    yard = Yard(
        library, [{"name": "face", "skeleton": SKELETON}, {"name": "nose"}, {"name": "ear", "skeleton": None}]
    )
    yard.do(classes.rename, "nose", "snout")
    face, snout, _ = yard.listed()
    assert [node["name"] for node in face["skeleton"]["nodes"]] == ["snout", "ear"]
    assert snout == {"name": "snout"}


def test_a_class_that_only_annotations_have_can_be_renamed(library: Library) -> None:
    yard = Yard(library)
    done = yard.do(classes.rename, "crane", "gantry")
    assert (done.images, done.config_updated) == (2, False)
    only_listed = Yard(library, [{"name": "tug"}])
    done = only_listed.do(classes.rename, "tug", "barge")
    assert (done.images, done.annotations, done.config_updated) == (0, 0, True)


def test_two_classes_become_one(library: Library) -> None:
    yard = Yard(library, [{"name": "crane"}, {"name": "ship"}])
    done = yard.do(classes.merge, "crane", "ship")
    assert (done.images, done.annotations, done.config_updated) == (2, 3, True)
    assert yard.names() == [["ship"] * 3, ["ship"], ["ship"], []]
    assert yard.listed() == [{"name": "ship"}]
    assert yard.last_event()[0] == "class.merged"
    with pytest.raises(NotFound, match="class 'crane' not found"):
        yard.do(classes.merge, "crane", "ship")


def test_a_class_leaves_the_list_and_its_annotations_stay(library: Library) -> None:
    yard = Yard(library, [{"name": "crane"}, {"name": "ship"}])
    done = yard.do(classes.remove, "crane")
    assert (done.images, done.annotations, done.config_updated) == (0, 0, True)
    assert yard.names()[0] == ["crane", "ship", "crane"]
    assert yard.listed() == [{"name": "ship"}]
    with pytest.raises(Invalid, match="'crane' is not in this dataset"):
        yard.save(0, box(1, "crane"))
    again = yard.do(classes.remove, "crane")
    assert (again.images, again.config_updated) == (0, False)


def test_a_class_leaves_with_its_annotations(library: Library) -> None:
    yard = Yard(library, [{"name": "crane"}, {"name": "ship"}])
    done = yard.do(classes.remove, "crane", delete_annotations=True)
    assert (done.images, done.annotations, done.config_updated) == (2, 3, True)
    assert yard.names() == [["ship"], [], ["ship"], []]
    assert yard.column("annotation_count") == [1, 0, 1, 0]
    assert yard.column("min_confidence") == [1.0, None, 1.0, None]
    assert yard.last_event()[0] == "class.deleted"
    with pytest.raises(NotFound):
        yard.do(classes.remove, "crane", delete_annotations=True)


@pytest.mark.parametrize("kind", ["box", "bbox"])
def test_one_type_of_a_class_leaves_alone(library: Library, kind: str) -> None:
    yard = Yard(library, [{"name": "crane", "type": "keypoint"}, {"name": "ship", "type": "box"}])
    done = yard.do(classes.remove, "crane", kind=kind, delete_annotations=True)
    assert (done.images, done.annotations, done.config_updated) == (2, 2, False)
    assert yard.names() == [["ship", "crane"], [], ["ship"], []]
    assert yard.column("min_confidence") == [0.9, None, 1.0, None]
    assert len(yard.listed()) == 2
    assert yard.do(classes.remove, "ship", kind=kind).config_updated


@pytest.mark.parametrize(
    ("verb", "names", "refusal"),
    [
        (classes.rename, ("crane", "ship"), Conflict),
        (classes.rename, ("crane", "tug"), Conflict),
        (classes.rename, ("boat", "tug"), NotFound),
        (classes.rename, ("Crane", "boat"), NotFound),
        (classes.rename, ("crane", "crane"), Invalid),
        (classes.rename, ("crane", " "), Invalid),
        (classes.rename, ("crane", "x" * 121), Invalid),
        (classes.rename, ("crane", "a\0b"), Invalid),
        (classes.merge, ("crane", "crane"), Invalid),
        (classes.merge, ("boat", "ship"), NotFound),
        (classes.merge, ("crane", "boat"), NotFound),
        (classes.merge, ("tug", "ship"), NotFound),
        (classes.remove, ("boat",), NotFound),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    library: Library, verb: Any, names: tuple[str, ...], refusal: type[Exception]
) -> None:
    """A ship is only in annotations here, and a tug only in the list."""
    yard = Yard(library, [{"name": "crane"}, {"name": "tug"}])
    before = yard.names(), yard.listed(), yard.column("version"), yard.last_event()
    with pytest.raises(refusal):
        yard.do(verb, *names)
    assert (yard.names(), yard.listed(), yard.column("version"), yard.last_event()) == before


@pytest.mark.parametrize(
    ("verb", "names"),
    [(classes.rename, ("crane", "x")), (classes.merge, ("crane", "ship")), (classes.remove, ("crane",))],
)
def test_a_viewer_may_not_and_a_stranger_finds_nothing(
    library: Library, verb: Any, names: tuple[str, ...]
) -> None:
    yard = Yard(library)
    with pytest.raises(Forbidden):
        yard.do(verb, *names, actor=library.an_actor(Role.VIEWER, of=yard.actor))
    with pytest.raises(NotFound, match="dataset"):
        yard.do(verb, *names, actor=library.an_actor())
    done = yard.do(verb, *names, actor=library.an_actor(Role.MEMBER, of=yard.actor))
    assert done.dataset.id == yard.dataset.id


def test_another_dataset_keeps_its_classes(library: Library) -> None:
    yard = Yard(library)
    beside = library.a_dataset(yard.actor, assets=1)
    wanted = annotations.read(msgspec.json.encode([box(1, "crane")]))
    library.write(lambda conn: annotations.save(conn, yard.actor, beside.ids[0], wanted, now=library.now))
    yard.do(classes.remove, "crane", delete_annotations=True)
    assert library.rows(yard.actor)[beside.ids[0]]["annotation_count"] == 1


def test_documents_are_rewritten_a_few_at_a_time(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, and however large: a few statements for each group that fits into memory."""
    actor = library.an_actor()
    sent = []
    wanted = annotations.read(msgspec.json.encode([box(1, "crane"), box(2, "ship")]))
    for count in (10, 200):
        dataset = library.a_dataset(actor, assets=count, content=b"same")
        saves = [(each, wanted) for each in dataset.ids]
        library.write(lambda conn, saves=saves: annotations.save_many(conn, actor, saves, now=library.now))
        for names in (("crane", "gantry"), ("gantry", "crane")):
            with library.statements() as statements:
                done = library.write(
                    lambda conn, dataset=dataset, names=names: classes.rename(
                        conn, actor, dataset.reference, *names, now=library.now
                    )
                )
            assert done.images == count
            sent.append(len(statements))
            monkeypatch.setattr(classes, "DOCUMENTS_AT_ONCE", count // 5)
        monkeypatch.undo()
    assert sent[0] == sent[2] <= 15
    assert sent[1] == sent[3] == sent[0] + 4 * 4
    monkeypatch.setattr(classes, "BYTES_AT_ONCE", 1)
    with library.statements() as statements:
        library.write(
            lambda conn: classes.rename(conn, actor, dataset.reference, "ship", "boat", now=library.now)
        )
    assert sum("annotation.document" in each and "length" not in each for each in statements) == 200
