"""Annotations by property: what goes in comes out, and classes are counted as the documents have them."""

import json
from collections import Counter
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from stackroom import ids
from stackroom.database.schema import annotation_class, asset, dataset
from stackroom.errors import Conflict, Invalid, NotFound, StackroomError
from stackroom.library import annotations, classes, datasets
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.strategies import Wire, documents

NAMES = ["car", "bus", "née"]
TYPES = ["bbox", "keypoint"]
IMAGES = 4
names = st.sampled_from(NAMES)
# Few kinds of few classes, so that they meet: several of one in a document, and both of two that are merged.
marks = st.lists(st.tuples(names, st.sampled_from(TYPES), st.sampled_from([0.5, 1.0])), max_size=5)
listings = st.sampled_from([{}, {}, dict.fromkeys(NAMES), {"car": "box", "bus": "keypoint"}])


def said(document: list[Wire]) -> bytes:
    return json.dumps(document).encode()


def expected(each: Wire) -> Wire:
    """What is kept of an annotation: what always is, and what was given."""
    return {"confidence": 1.0, "attributes": [], **each}


@given(document=documents())
def test_what_is_parsed_is_what_was_said(document: list[Wire]) -> None:
    kept = json.loads(annotations.read(said(document)).json)
    for each, before in zip(kept, document, strict=True):
        if "bounding_box" not in before:
            each.pop("bounding_box", None)
        assert each == expected(before)


@given(document=documents())
def test_what_is_kept_is_kept_again_as_it_is(document: list[Wire]) -> None:
    """Whoever gets annotations may save them as they are."""
    kept = annotations.read(said(document)).json
    assert annotations.read(kept.encode()).json == kept


Mark = tuple[str, str, float]
"""Name, type and confidence of an annotation."""


def drawn(marks: list[Mark]) -> list[Wire]:
    """A document with an annotation of each name and type."""
    shapes = {
        "bbox": {"bounding_box": {"x": 1, "y": 1, "w": 1, "h": 1}},
        "keypoint": {"keypoint": {"x": 1, "y": 1}},
    }
    return [
        {"id": str(number), "name": name, "type": kind, "confidence": confidence, **shapes[kind]}
        for number, (name, kind, confidence) in enumerate(marks)
    ]


class ClassMachine(RuleBasedStateMachine):
    """A dataset of a few images, beside one whose annotations must never change."""

    library: ClassVar[Library]

    @initialize(listed=listings, marks=st.lists(marks, min_size=IMAGES, max_size=IMAGES))
    def begin(self, listed: dict[str, str | None], marks: list[list[Mark]]) -> None:
        self.library.tick = 0
        self.actor = self.library.an_actor()
        self.dataset = self.library.a_dataset(self.actor, assets=IMAGES)
        self.beside = self.library.a_dataset(self.actor, assets=1)
        self.documents: list[list[Wire]] = [[] for _ in range(IMAGES)]
        self.versions = [1] * IMAGES
        self.listed: dict[str, str | None] = {}
        self._list(listed)
        self.save_many(list(enumerate(marks)))
        wanted = annotations.read(said(drawn([("car", "bbox", 1.0)])))
        self._do(lambda conn, now: annotations.save(conn, self.actor, self.beside.ids[0], wanted, now=now))

    @rule(listed=listings)
    def list_classes(self, listed: dict[str, str | None]) -> None:
        self._list(listed)

    @rule(which=st.integers(0, IMAGES - 1), marks=marks)
    def save(self, which: int, marks: list[Mark]) -> None:
        document = drawn(marks)
        wanted = annotations.read(said(document))
        done = self._do(
            lambda conn, now: annotations.save(conn, self.actor, self.dataset.ids[which], wanted, now=now)
        )
        self._saved(which, document, refused=isinstance(done, StackroomError))

    @rule(saves=st.lists(st.tuples(st.integers(0, IMAGES - 1), marks), min_size=1, max_size=5))
    def save_many(self, saves: list[tuple[int, list[Mark]]]) -> None:
        documents = [(which, drawn(marks)) for which, marks in saves]
        wanted = [(self.dataset.ids[which], annotations.read(said(it))) for which, it in documents]
        done = self._do(lambda conn, now: annotations.save_many(conn, self.actor, wanted, now=now))
        times = Counter(which for which, _ in saves)
        for (which, document), outcome in zip(documents, done, strict=True):
            if times[which] > 1:
                assert outcome.code == "repeated_image"
            else:
                self._saved(which, document, refused=isinstance(outcome, StackroomError))

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        done = self._do(
            lambda conn, now: classes.rename(conn, self.actor, self.dataset.reference, old, new, now=now)
        )
        if old == new:
            assert isinstance(done, Invalid)
        elif not self._is_known(old):
            assert isinstance(done, NotFound)
        elif self._is_known(new):
            assert isinstance(done, Conflict)
        else:
            self._relabelled(done, old, new)
            self.listed = {new if each == old else each: kind for each, kind in self.listed.items()}

    @rule(source=names, into=names)
    def merge(self, source: str, into: str) -> None:
        done = self._do(
            lambda conn, now: classes.merge(conn, self.actor, self.dataset.reference, source, into, now=now)
        )
        stays = into in self.listed if self.listed else self._is_known(into)
        if source == into:
            assert isinstance(done, Invalid)
        elif not self._is_known(source) or not stays:
            assert isinstance(done, NotFound)
        else:
            self._relabelled(done, source, into)
            self.listed.pop(source, None)

    @rule(name=names, kind=st.sampled_from([None, None, *TYPES]), annotated=st.booleans())
    def remove(self, name: str, kind: str | None, *, annotated: bool) -> None:
        done = self._do(
            lambda conn, now: classes.remove(
                conn,
                self.actor,
                self.dataset.reference,
                name,
                kind=kind,
                delete_annotations=annotated,
                now=now,
            )
        )

        def goes(each: Wire) -> bool:
            return each["name"] == name and kind in {None, each["type"]}

        of_type = self.listed.get(name)
        is_listed = name in self.listed and kind in {None, "bbox" if of_type == "box" else of_type}
        carried = [sum(map(goes, document)) for document in self.documents]
        if not is_listed and not any(carried):
            assert isinstance(done, NotFound)
            return
        assert done.config_updated == is_listed
        if is_listed:
            del self.listed[name]
        removed = carried if annotated else [0] * IMAGES
        self._changed(done, removed)
        if annotated:
            self.documents = [[each for each in it if not goes(each)] for it in self.documents]

    @invariant()
    def documents_and_counts_are_as_they_should_be(self) -> None:
        rows = self._assets(self.dataset)
        for uuid, document, version in zip(self.dataset.ids, self.documents, self.versions, strict=True):
            row = rows[uuid]
            kept = self._stored(uuid)
            assert [(each["id"], each["name"]) for each in kept] == [
                (it["id"], it["name"]) for it in document
            ]
            least = min((each["confidence"] for each in document), default=None)
            assert (row.annotation_count, row.min_confidence) == (len(document), least)
            assert row.version == version
        there = Counter(
            (uuid, each["name"], each["type"])
            for uuid, document in zip(self.dataset.ids, self.documents, strict=True)
            for each in document
        )
        assert self._counted(self.dataset) == there
        assert self._counted(self.beside) == {(self.beside.ids[0], "car", "bbox"): 1}
        query = select(dataset.c.classes).where(dataset.c.id == self.dataset.id)
        listed = json.loads(self.library.read(lambda conn: conn.scalar(query)) or "[]")
        assert {each["name"]: each["type"] for each in listed} == self.listed

    def _saved(self, which: int, document: list[Wire], *, refused: bool) -> None:
        unknown = bool(self.listed) and any(each["name"] not in self.listed for each in document)
        assert refused == unknown
        if not refused:
            self.documents[which] = document
            self.versions[which] += 1

    def _relabelled(self, done: classes.ClassChange, source: str, target: str) -> None:
        assert done.config_updated == (source in self.listed)
        self._changed(done, [sum(it["name"] == source for it in document) for document in self.documents])
        self.documents = [
            [{**each, "name": target} if each["name"] == source else each for each in document]
            for document in self.documents
        ]

    def _changed(self, done: classes.ClassChange, times: list[int]) -> None:
        assert (done.images, done.annotations) == (sum(map(bool, times)), sum(times))
        self.versions = [version + bool(count) for version, count in zip(self.versions, times, strict=True)]

    def _is_known(self, name: str) -> bool:
        return name in self.listed or any(each["name"] == name for it in self.documents for each in it)

    def _list(self, listed: dict[str, str | None]) -> None:
        wanted = [{"name": name, "type": kind} for name, kind in listed.items()]
        self._do(
            lambda conn, now: datasets.change(
                conn,
                self.actor,
                self.dataset.reference,
                datasets.DatasetChanges(classes=wanted),
                now=now,
            )
        )
        self.listed = dict(listed)

    def _do(self, work: Any) -> Any:
        """What comes of it, or the refusal, which has changed nothing."""
        try:
            return self.library.write(lambda conn: work(conn, self.library.now))
        except StackroomError as refusal:
            return refusal

    def _stored(self, uuid: str) -> list[Wire]:
        _, document = self.library.read(lambda conn: annotations.get(conn, self.actor, uuid))
        found: list[Wire] = json.loads(document)
        return found

    def _assets(self, of: ADataset) -> dict[str, Any]:
        query = select(asset).where(asset.c.dataset_id == of.id)
        return {ids.text(row.uuid): row for row in self.library.read(lambda conn: conn.execute(query).all())}

    def _counted(self, of: ADataset) -> dict[tuple[str, str, str], int]:
        rows = annotation_class.c
        query = select(asset.c.uuid, rows.name, rows.type, rows.count).join_from(
            annotation_class, asset, asset.c.id == rows.asset_id
        )
        found = self.library.read(lambda conn: conn.execute(query.where(rows.dataset_id == of.id)).all())
        return {(ids.text(uuid), name, kind): count for uuid, name, kind, count in found}


@pytest.mark.every_database
@pytest.mark.timeout(600)
def test_classes_are_counted_as_the_documents_have_them(
    database_url: str, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "DOCUMENTS_AT_ONCE", 2)
    monkeypatch.setattr(classes, "BYTES_AT_ONCE", 900)
    few = settings(max_examples=40 if database_kind == "sqlite" else 8, stateful_step_count=12)
    with a_library(database_url) as library:
        here = type("ClassMachineHere", (ClassMachine,), {"library": library})
        run_state_machine_as_test(here, settings=few)
