"""The bulk engine against the model: whatever is done to both, in whatever order, they agree."""

import hashlib
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete, func, select

from stackroom import ids
from stackroom.clock import SECOND
from stackroom.database.schema import annotation_class, asset, event, loose_bytes
from stackroom.errors import Conflict, Invalid
from stackroom.library import annotations, assets, folders
from stackroom.library.listing import Filter
from stackroom.library.names import clean_name
from stackroom.operations import engine
from stackroom.operations.journal import Item, Operation
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Changes, Collision, FailedOf, Matching, Request, Verb
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.model import Job, ModelAsset, ModelItem, ModelLibrary, ModelOperation, Refused

FOLDERS = ["/", "/a", "/a/b"]
NAMES = ["a.jpg", "a-1.jpg", "a-2.jpg", "A.jpg", "a", "a-1", "\u00e9.jpg", "e\u0301.jpg"]
UNKNOWN = "0190a000-0000-7000-8000-000000000000"
MALFORMED = ["no id", "ä\0ä", "{0190a000-0000-7000-8000-000000000000}"]
A_BOX = b'[{"id": "1", "name": "car", "type": "bbox", "bounding_box": {"x": 1, "y": 1, "w": 1, "h": 1}}]'

ODD = dict(enumerate(["unknown", "foreign", *MALFORMED], start=30))
pick = st.integers(0, 29 + len(ODD)).map(lambda n: ODD.get(n, n))  # one in seven is not ours
filters = st.fixed_dictionaries(
    {"archived": st.sampled_from([False, False, True, None])},
    optional={
        "folder": st.sampled_from(FOLDERS),
        "recursive": st.booleans(),
        "status": st.sampled_from(["new", "complete"]),
        "glob": st.sampled_from(["a*", "*.jpg", "a-?.jpg", "a", "[a]*"]),
        "tags": st.sampled_from([("night",), ("rain", "night"), ("Night",), ("of nobody",)]),
    },
)
some_ids = st.tuples(st.just("ids"), st.lists(pick, min_size=1, max_size=8), st.booleans())
chosen = st.one_of(
    some_ids,
    st.tuples(st.just("filter"), filters, st.lists(st.integers(0, 15), max_size=2)),
    some_ids,
    st.tuples(st.just("failed_of"), st.integers(0, 3), st.none()),
)
datasets = st.sampled_from([0, 0, 0, 1])
changes = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["new", "complete"]),
        "display_name": st.sampled_from([None, "shown"]),
        "split": st.sampled_from([None, "train"]),
        "archived": st.booleans(),
        "add_tags": st.sampled_from([("night",), ("night", "rain"), ("Night", "rain")]),
        "remove_tags": st.sampled_from([("rain",), ("night",), ("of nobody", "Night")]),
    },
).filter(lambda it: it and not set(it.get("add_tags", ())) & set(it.get("remove_tags", ())))

retagging = st.sampled_from(
    [
        {"add_tags": ("night",)},
        {"add_tags": ("night", "rain")},
        {"remove_tags": ("night",)},
        {"add_tags": ("rain",), "remove_tags": ("night",)},
    ]
)


class BulkMachine(RuleBasedStateMachine):
    """Two organizations in one library; everything is done by the first, and nothing may happen to the second."""

    library: ClassVar[Library]

    @initialize(at_once=st.sampled_from([2, 3, engine.AT_ONCE]))
    def begin(self, at_once: int) -> None:
        engine.AT_ONCE = at_once
        self.library.tick = 0
        self.actor, self.other = self.library.an_actor(), self.library.an_actor()
        self.mine = [self.library.a_dataset(self.actor), self.library.a_dataset(self.actor)]
        self.theirs = self.library.a_dataset(self.other, assets=2)
        self.untouched = self.library.rows(self.other)
        self.model = ModelLibrary(at_once)
        self.operations: list[tuple[Operation, ModelOperation]] = []
        self.keys: dict[str, bytes] = {}
        for folder in FOLDERS:
            self.add(0, folder, NAMES[: 2 + FOLDERS.index(folder)], "one")
        self.add(1, "/a", ["a.jpg"], "two")

    def teardown(self) -> None:
        """Nothing stays behind that the next one would have to look through."""
        engine.AT_ONCE = 10_000

        def remove(conn: Connection) -> None:
            for actor, place in [
                (self.actor, self.mine[0]),
                (self.actor, self.mine[1]),
                (self.other, self.theirs),
            ]:
                remove_dataset(conn, actor, place.reference, now=self.library.now)
            conn.execute(delete(loose_bytes))

        self.library.write(remove)

    @rule(
        number=datasets,
        folder=st.sampled_from(FOLDERS),
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6),
        content=st.sampled_from(["one", "two", "three"]),
    )
    def add(self, number: int, folder: str, names: list[str], content: str) -> None:
        self._later()
        to = self.mine[number]
        for raw in names:
            name = clean_name(raw)
            place = self.library.write(lambda conn: folders.ensure(conn, to.id, folder, now=self.library.now))
            taken = self.library.read(lambda conn, name=name, place=place: assets.is_taken(conn, place, name))
            held = {(it.dataset, it.folder, it.name) for it in self.model.assets.values() if it.live}
            assert taken == ((to.reference, folder, name) in held)
            if not taken:
                [made] = self.library.add(self.actor, to, [name], folder=folder, content=content.encode())
                self.model.assets[made] = ModelAsset(
                    organization="mine", dataset=to.reference, folder=folder, name=name, content=content
                )

    @rule(which=st.integers(0, 15))
    def annotate(self, which: int) -> None:
        if self.model.assets:
            self._later()
            key = self._nth(which)
            wanted = annotations.parse(A_BOX)
            self.library.write(
                lambda conn: annotations.save(conn, self.actor, key, wanted, now=self.library.now)
            )
            self.model.assets[key].annotations = 1
            self.model.assets[key].version += 1

    @rule(
        selection=chosen,
        number=datasets,
        folder=st.sampled_from(FOLDERS),
        policy=st.sampled_from(Collision),
        dry=st.booleans(),
    )
    def move(self, selection: Any, number: int, folder: str, policy: Collision, *, dry: bool) -> None:
        self._operate(Verb.MOVE, selection, number, to=folder, on_collision=policy, dry=dry)

    @rule(
        selection=chosen,
        number=datasets,
        into=datasets,
        folder=st.sampled_from(FOLDERS),
        policy=st.sampled_from(Collision),
        annotated=st.booleans(),
        dry=st.booleans(),
    )
    def copy(
        self,
        selection: Any,
        number: int,
        into: int,
        folder: str,
        policy: Collision,
        *,
        annotated: bool,
        dry: bool,
    ) -> None:
        self._operate(
            Verb.COPY,
            selection,
            number,
            to=folder,
            into=self.mine[into],
            on_collision=policy,
            copy_annotations=annotated,
            dry=dry,
        )

    @rule(selection=chosen, number=datasets, changes=changes, policy=st.sampled_from(Collision))
    def update(self, selection: Any, number: int, changes: dict[str, Any], policy: Collision) -> None:
        self._operate(Verb.UPDATE, selection, number, changes=Changes(**changes), on_collision=policy)

    @rule(selection=chosen, number=datasets, dry=st.booleans())
    def archive(self, selection: Any, number: int, *, dry: bool) -> None:
        self._operate(Verb.ARCHIVE, selection, number, dry=dry)

    @rule(selection=chosen, number=datasets, policy=st.sampled_from(Collision), dry=st.booleans())
    def restore(self, selection: Any, number: int, policy: Collision, *, dry: bool) -> None:
        self._operate(Verb.RESTORE, selection, number, on_collision=policy, dry=dry)

    @rule(picks=st.lists(pick, min_size=1, max_size=2), number=datasets)
    def purge(self, picks: list[int | str], number: int) -> None:
        self._operate(Verb.PURGE, ("ids", picks, False), number)

    @rule()
    def undo_the_last(self) -> None:
        self.undo(0)

    @rule(which=st.integers(0, 5))
    def undo(self, which: int) -> None:
        """Any of the last operations, undos among them."""
        if not self.operations:
            return
        self._later()
        done, expected = self.operations[-1 - which % len(self.operations)]
        try:
            undone = self.library.undo(self.actor, done)
        except (Conflict, Invalid):
            with pytest.raises(Refused):
                self.model.undo(expected)
            return
        self._agree(undone, self.model.undo(expected))

    @invariant()
    def the_library_is_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = self.library.rows(self.actor)
        assert {key: _of_row(row) for key, row in rows.items()} == {
            key: _of_model(it) for key, it in self.model.assets.items()
        }
        assert list(rows) == list(self.model.assets)
        live = [(row["folder_id"], row["name"]) for row in rows.values() if row["archived_at"] is None]
        assert len(live) == len(set(live))

    @invariant()
    def what_belongs_to_assets_is_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        tagged = self.library.tags(self.actor)
        assert {key: frozenset(names) for key, names in tagged.items()} == {
            key: it.tags for key, it in self.model.assets.items()
        }
        mine = asset.c.organization_id == self.actor.organization_id
        counted = select(asset.c.uuid, asset.c.dataset_id == annotation_class.c.dataset_id).join(
            annotation_class, annotation_class.c.asset_id == asset.c.id
        )
        rows = self.library.read(lambda conn: conn.execute(counted.where(mine)).all())
        assert {ids.text(uuid): at_home for uuid, at_home in rows} == {
            key: True for key, it in self.model.assets.items() if it.annotations
        }

    @invariant()
    def bytes_are_kept_exactly_as_long_as_an_asset_has_them(self) -> None:
        if not hasattr(self, "model"):
            return
        kept = self.library.blob_keys(self.actor)
        assert set(kept) == {_hash(it.content) for it in self.model.assets.values()}
        self.keys |= {key: sha256 for sha256, key in kept.items()}
        assert set(self.keys) - set(kept.values()) == set(self.keys) & self.library.loose_keys(self.actor)

    @invariant()
    def nothing_happens_to_others(self) -> None:
        if hasattr(self, "untouched"):
            assert self.library.rows(self.other) == self.untouched

    def _operate(
        self,
        verb: Verb,
        selection: Any,
        number: int,
        *,
        to: str | None = None,
        dry: bool = False,
        **rest: Any,
    ) -> None:
        self._later()
        found = self._select(selection, number)
        if found is None:
            return
        real, asked, within = found
        target = rest.pop("into", self.mine[number])
        request = self.library.request(verb, real, within, to=to, into=target, **rest)
        job = self._job(request, within, target)
        canonical = [_canonical(each) for each in asked]
        previewed = None
        try:
            if dry and len(dict.fromkeys(canonical)) <= engine.AT_ONCE:
                before = self.library.rows(self.actor), self.library.loose_keys(self.actor)
                seen = self.library.preview(self.actor, request)
                assert (self.library.rows(self.actor), self.library.loose_keys(self.actor)) == before
                previewed = [(item.asked, item.outcome, item.after) for item in seen.samples]
                assert sum(seen.operation.outcomes.values()) == seen.operation.total == len(previewed)
                request = self.library.request(verb, real, within, to=to, into=target, plan=seen.plan, **rest)
            done = self.library.run(self.actor, request)
        except (Conflict, Invalid):
            with pytest.raises(Refused):
                self.model.run(job, canonical)
            return
        items = self._agree_after(done, job, canonical)
        spelled: dict[str, str] = {}
        for each in asked:
            spelled.setdefault(_canonical(each), each.replace("\0", "\ufffd"))
        if selection[0] != "failed_of":
            assert [item.asked for item in items] == list(spelled.values())
        if previewed is not None:
            assert [(item.asked, item.outcome, item.after) for item in items] == previewed

    def _agree_after(self, done: Operation, job: Job, asked: list[str]) -> list[Item]:
        items = self.library.items(done)
        made = [ids.text(item.new_uuid) for item in items if item.new_uuid and item.outcome.word == "done"]
        job.fresh = iter(made)
        self._agree(done, self.model.run(job, asked))
        return items

    def _agree(self, done: Operation, expected: ModelOperation) -> None:
        items = self.library.items(done)
        assert [item.outcome.word for item in items] == [item.outcome for item in expected.items]
        if done.undo_of is None:  # the items of an undo stand where they stood in what it undoes
            assert [item.position for item in items] == list(range(done.total))
        assert sum(done.outcomes.values()) == done.total == done.succeeded + done.failed
        for item, wanted in zip(items, expected.items, strict=True):
            _explains(item, wanted)
            assert item.before is None or item.asked not in self.untouched
        self.operations.append((done, expected))
        mine = event.c.operation_id == done.id
        assert self.library.read(lambda conn: conn.scalar(select(func.count()).where(mine))) == 1

    def _select(self, selection: Any, number: int) -> tuple[Any, list[str], ADataset | None] | None:
        kind, what, more = selection
        within = self.mine[number]
        if kind == "filter":
            asked = self.model.matching("mine", within.reference, what)
            excepted = [self._nth(each) for each in more if self.model.assets]
            where = Filter(dataset_id=within.id, **what)
            packed = tuple(bytes.fromhex(each.replace("-", "")) for each in excepted)
            real = Matching(where, packed, expect_count=len(set(asked) - set(excepted)))
            return real, [each for each in asked if each not in excepted], within
        if kind == "failed_of":
            if not self.operations:
                return None
            done, expected = self.operations[-1 - what % len(self.operations)]
            return FailedOf(done.id), expected.failed, None
        spelled = {
            "unknown": UNKNOWN,
            "foreign": self.theirs.ids[0],
            "upper": self._nth(0).upper() if self.model.assets else UNKNOWN,
        }
        asked = [spelled.get(each, each) if isinstance(each, str) else self._nth(each) for each in what]
        return asked, asked, within if more else None

    def _job(self, request: Request, within: ADataset | None, target: ADataset) -> Job:
        wants: dict[str, Any] = {}
        given = request.changes
        for name in ("status", "display_name", "split"):
            if isinstance(getattr(given, name), str | None):
                wants[name] = getattr(given, name)
        archived = {Verb.ARCHIVE: True, Verb.RESTORE: False}.get(request.verb, given.archived)
        if isinstance(archived, bool):
            wants["archived_at"] = self.library.now if archived else None
        verb = "update" if request.verb in {Verb.ARCHIVE, Verb.RESTORE} else request.verb.value
        return Job(
            verb=verb,
            organization="mine",
            dataset=within.reference if within is not None else None,
            target=(target.reference, request.target_folder) if request.target_folder else None,
            policy=request.on_collision.value,
            wants=wants,
            annotated=request.copy_annotations,
            gives=frozenset(given.add_tags),
            takes=frozenset(given.remove_tags),
        )

    def _nth(self, which: int) -> str:
        """One of our assets; an unknown one where there are none."""
        known = list(self.model.assets)
        return known[which % len(known)] if known else UNKNOWN

    def _later(self) -> None:
        self.library.now += SECOND


def _canonical(asked: str) -> str:
    return asked.lower() if ids.looks_like_id(asked) else asked


def _of_row(row: dict[str, Any]) -> tuple[Any, ...]:
    fields = (
        "name",
        "status",
        "display_name",
        "split",
        "archived_at",
        "annotation_count",
        "version",
        "sha256",
    )
    return ids.text(row["dataset_uuid"]), row["path"], *(row[each] for each in fields)


def _of_model(it: ModelAsset) -> tuple[Any, ...]:
    described = (it.name, it.status, it.display_name, it.split, it.archived_at, it.annotations, it.version)
    return it.dataset, it.folder, *described, _hash(it.content)


def _hash(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def _explains(item: Item, expected: ModelItem) -> None:
    """The journal says why an item failed, and what became of one that did not."""
    assert (item.reason is None) == item.outcome.succeeded
    if item.outcome.word == "done" and item.after is not None and item.after.get("name"):
        assert item.after["name"] == expected.after["name"]
    if item.outcome.word == "done":
        after = item.after or {}
        assert frozenset(after.get("added_tags", ())) == expected.given
        assert frozenset(after.get("removed_tags", ())) == expected.taken
    if expected.before:
        assert item.before is not None
        assert (item.before["folder"], item.before["name"]) == (
            expected.before["folder"],
            expected.before["name"],
        )


def _machine(library: Library) -> type[BulkMachine]:
    return type("BulkMachineHere", (BulkMachine,), {"library": library})


@pytest.mark.every_database
@pytest.mark.timeout(600)
def test_the_engine_agrees_with_the_model(database_url: str, database_kind: str) -> None:
    usual = settings.default.max_examples
    examples = usual if database_kind == "sqlite" else max(10, usual // 5)
    with a_library(database_url) as library:
        run_state_machine_as_test(
            _machine(library), settings=settings(max_examples=examples, stateful_step_count=25, deadline=None)
        )


tagged = st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=3), retagging)
undone = st.integers(0, 4)


@pytest.mark.every_database
@pytest.mark.timeout(600)
def test_tags_that_meet_tags_agree_with_the_model(database_url: str, database_kind: str) -> None:
    """Nothing but tags, on three assets: where each undo finds what later operations have left."""
    usual = settings.default.max_examples
    with a_library(database_url) as library:

        @settings(max_examples=usual if database_kind == "sqlite" else usual // 5, deadline=None)
        @given(steps=st.lists(st.one_of(tagged, tagged, undone), min_size=3, max_size=10))
        def agree(steps: list[Any]) -> None:
            actor = library.an_actor()
            place, model = library.a_dataset(actor, assets=3), ModelLibrary(engine.AT_ONCE)
            for n, key in enumerate(place.ids, start=1):
                model.assets[key] = ModelAsset(
                    organization="mine", dataset=place.reference, folder="/", name=f"{n}.jpg", content=""
                )
            known: list[tuple[Operation, ModelOperation]] = []
            for step in steps:
                if isinstance(step, tuple):
                    asked = [place.ids[each] for each in step[0]]
                    done = library.submit(actor, Verb.UPDATE, asked, place, changes=Changes(**step[1]))
                    gives, takes = (frozenset(step[1].get(it, ())) for it in ("add_tags", "remove_tags"))
                    job = Job(verb="update", organization="mine", gives=gives, takes=takes)
                    expected = model.run(job, asked)
                elif step < len(known) and not known[-1 - step][1].undone:
                    earlier, expected_then = known[-1 - step]
                    done, expected = library.undo(actor, earlier), model.undo(expected_then)
                else:
                    continue
                known.append((done, expected))
                assert library.words(done) == [item.outcome for item in expected.items]
                for item, wanted in zip(library.items(done), expected.items, strict=True):
                    _explains(item, wanted)
                tags = {key: frozenset(names) for key, names in library.tags(actor).items()}
                assert tags == {key: it.tags for key, it in model.assets.items()}

        agree()
