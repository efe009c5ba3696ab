"""Annotations: one document per asset, replaced as a whole, in shapes that are checked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import annotation_class, asset, event
from stackroom.errors import Forbidden, Invalid, NotFound, StackroomError, TooLarge
from stackroom.library import annotations, datasets, shapes
from stackroom.operations import journal
from stackroom.operations.request import Verb
from stackroom.testing.builders import ADataset, Library

pytestmark = pytest.mark.every_database

BOX = {
    "id": "1",
    "name": "car",
    "type": "bbox",
    "confidence": 0.5,
    "bounding_box": {"x": 1, "y": 2, "w": 3, "h": 4},
}
POLYGON = {
    "id": "2",
    "name": "road",
    "type": "polygon",
    "polygon": {"paths": [[{"x": 0, "y": 0}, {"x": 4, "y": 0}, {"x": 4, "y": 2}]]},
}
LINE = {
    "id": "3",
    "name": "lane",
    "type": "polyline",
    "polyline": {"path": [{"x": 0, "y": 1}, {"x": 9, "y": 1}]},
}
POINT = {"id": "4", "name": "light", "type": "keypoint", "keypoint": {"x": 1, "y": 1}}


def parsed(*documents: dict[str, Any]) -> list[annotations.AnyAnnotation]:
    return annotations.parse(msgspec.json.encode(documents))


def save(library: Library, actor: Actor, asset: str, *documents: dict[str, Any]) -> annotations.Saved:
    wanted = parsed(*documents)
    return library.write(lambda conn: annotations.save(conn, actor, asset, wanted, now=library.now))


def stored(library: Library, actor: Actor, asset: str) -> list[dict[str, Any]]:
    _, document = library.read(lambda conn: annotations.get(conn, actor, asset))
    found: list[dict[str, Any]] = msgspec.json.decode(document)
    return found


def test_what_is_saved_is_what_is_found(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    assert stored(library, actor, asset) == []
    saved = save(library, actor, asset, BOX, POINT)
    assert (saved.previous_count, saved.new_count, saved.status) == (0, 2, "new")
    found = stored(library, actor, asset)
    assert [each["id"] for each in found] == ["1", "4"]
    assert found[0]["bounding_box"] == {"x": 1, "y": 2, "w": 3, "h": 4}
    row = library.rows(actor)[asset]
    assert (row["annotation_count"], row["min_confidence"], row["version"]) == (2, 0.5, 2)


def test_saving_replaces_everything_and_saving_again_changes_nothing_more(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    save(library, actor, asset, BOX, POINT)
    first = save(library, actor, asset, LINE)
    document = stored(library, actor, asset)
    again = save(library, actor, asset, LINE)
    assert (first.previous_count, again.previous_count, again.new_count) == (2, 1, 1)
    assert stored(library, actor, asset) == document


def test_removing_leaves_none_and_removing_none_is_no_error(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    save(library, actor, asset, BOX)
    counts = [
        library.write(lambda conn: annotations.remove(conn, actor, asset, now=library.now)).previous_count
        for _ in range(2)
    ]
    assert counts == [1, 0]
    row = library.rows(actor)[asset]
    assert (row["annotation_count"], row["min_confidence"]) == (0, None)


def test_saving_needs_a_member_and_removing_an_admin(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    with pytest.raises(Forbidden):
        save(library, library.an_actor(Role.VIEWER, of=actor), asset, BOX)
    member = library.an_actor(Role.MEMBER, of=actor)
    save(library, member, asset, BOX)
    with pytest.raises(Forbidden):
        library.write(lambda conn: annotations.remove(conn, member, asset, now=library.now))


def test_a_strangers_image_is_unknown(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    with pytest.raises(NotFound):
        save(library, stranger, asset, BOX)
    with pytest.raises(NotFound):
        stored(library, stranger, asset)


def test_a_dataset_that_lists_its_classes_takes_no_others(library: Library) -> None:
    actor = library.an_actor()
    made = library.write(
        lambda conn: datasets.create(conn, actor, "cars", classes=[{"name": "car"}], now=library.now)
    )
    dataset = library.a_dataset(actor)
    dataset = msgspec.structs.replace(dataset, id=made.id)
    [asset] = library.add(actor, dataset, ["a.jpg"])
    save(library, actor, asset, BOX)
    with pytest.raises(Invalid, match="'road' is not in this dataset") as refused:
        save(library, actor, asset, BOX, POLYGON)
    assert refused.value.code == "unknown_class"
    assert len(stored(library, actor, asset)) == 1


def test_an_outline_gets_the_box_that_encloses_it(library: Library) -> None:
    polygon, line, point = parsed(POLYGON, LINE, POINT)
    assert msgspec.to_builtins(polygon)["bounding_box"] == {"x": 0, "y": 0, "w": 4, "h": 2}
    assert "bounding_box" not in msgspec.to_builtins(line)  # a straight line encloses nothing
    assert "bounding_box" not in msgspec.to_builtins(point)
    given = {"x": 0, "y": 0, "w": 9, "h": 9}
    [kept] = parsed({**POLYGON, "bounding_box": given})
    assert msgspec.to_builtins(kept)["bounding_box"] == given


@pytest.mark.parametrize(
    "wrong",
    [
        {**BOX, "type": "circle"},
        {**BOX, "confidence": 1.5},
        {**BOX, "name": " "},
        {**BOX, "id": ""},
        {**BOX, "colour": "red"},
        {**BOX, "bounding_box": {"x": 1, "y": 2, "w": 0, "h": 4}},
        {**BOX, "bounding_box": {"x": 1, "y": 2, "w": 1, "h": 4, "z": 1}},
        {**POLYGON, "polygon": {"paths": [[{"x": 0, "y": 0}, {"x": 4, "y": 0}]]}},
        {**POLYGON, "polygon": {"paths": []}},
        {**LINE, "polyline": {"path": [{"x": 0, "y": 1}]}},
        {**POINT, "instance_id": 0},
        {"id": "1", "name": "car", "type": "bbox"},
        {**BOX, "id": " "},
        {**BOX, "id": None},
        {**BOX, "name": "x" * 121},
        {**BOX, "name": "a\0b"},
        {**BOX, "bounding_box": {"x": 1, "y": 2, "w": -1, "h": 4}},
        {**BOX, "bounding_box": {"x": None, "y": 2, "w": 1, "h": 4}},
        {**BOX, "bounding_box": {"x": "1", "y": 2, "w": 1, "h": 4}},
        {**BOX, "oriented_box": {"cx": 1, "cy": 2, "w": 3, "h": 4, "angle": 360}},
        {**BOX, "oriented_box": {"cx": 1, "cy": 2, "w": 3, "h": 0, "angle": 0}},
        {**BOX, "attributes": "red"},
        {**BOX, "instance_id": 1},
        {**POINT, "bounding_box": BOX["bounding_box"]},
        {**POLYGON, "oriented_box": {"cx": 1, "cy": 2, "w": 3, "h": 4, "angle": 0}},
    ],
    ids=str,
)
def test_a_shape_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"^annotations: ") as refused:
        parsed({**POINT, "id": "0"}, wrong)
    assert "$[1]" in refused.value.message


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400, "1" + "0" * 5000]
)
@pytest.mark.parametrize("key", ["confidence", "x", "attributes"])
def test_a_number_that_no_json_can_give_back_is_refused(number: str, key: str) -> None:
    if key == "attributes" and number[0] == "1" and len(number) == 401:
        return  # a whole number as it stands
    values = {"confidence": "1", "x": "1", "attributes": "0", key: number}
    document = """[{"name": "a", "type": "keypoint", "keypoint": {"x": %(x)s, "y": 1},
        "confidence": %(confidence)s, "attributes": [%(attributes)s]}]"""
    with pytest.raises(Invalid):
        annotations.parse((document % values).encode())


def test_an_annotation_without_an_id_is_given_one() -> None:
    without = {key: value for key, value in BOX.items() if key != "id"}
    first, second = parsed(without, without)
    assert first.id != second.id
    assert UUID(first.id).version == UUID(second.id).version == 4


def test_an_id_names_one_annotation_of_its_image() -> None:
    with pytest.raises(Invalid, match=r"the id '1' appears twice - at `\$\[2\].id`"):
        parsed(BOX, POINT, {**LINE, "id": "1"})


def test_what_is_null_is_not_kept_and_what_was_not_given_is_not_there() -> None:
    nothing = {"created_by": None, "oriented_box": None}
    [box] = parsed({**BOX, **nothing})
    [point] = parsed({**POINT, "created_by": None, "instance_id": None})
    [line] = parsed({**LINE, "bounding_box": None})
    common = {"type", "id", "name", "confidence", "attributes"}
    assert set(msgspec.to_builtins(box)) == {*common, "bounding_box"}
    assert set(msgspec.to_builtins(point)) == {*common, "keypoint"}
    assert set(msgspec.to_builtins(line)) == {*common, "polyline"}


def test_an_outline_across_all_numbers_has_no_box() -> None:
    far = [{"x": -1.5e308, "y": 0}, {"x": 1.5e308, "y": 0}, {"x": 0, "y": 1}]
    [polygon] = parsed({**POLYGON, "polygon": {"paths": [far]}})
    assert b"null" not in msgspec.json.encode(polygon)


def test_what_is_no_list_is_refused() -> None:
    for document in (b"", b"{}", b"[", b"\xff"):
        with pytest.raises(Invalid):
            annotations.parse(document)


def test_a_document_past_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MAX_DOCUMENT", 2**20)
    with pytest.raises(TooLarge, match="1 MB"):
        annotations.parse(b"[" + b" " * 2**20 + b"]")


# Many at once


def save_many(
    library: Library, actor: Actor, *wanted: tuple[str, Any]
) -> list[annotations.Saved | StackroomError]:
    return library.write(lambda conn: annotations.save_many(conn, actor, wanted, now=library.now))


def words(outcomes: Sequence[annotations.Saved | StackroomError]) -> list[str]:
    return [each.code if isinstance(each, StackroomError) else "saved" for each in outcomes]


def events(library: Library, actor: Actor) -> list[tuple[str, bytes | None, dict[str, Any]]]:
    mine = event.c.organization_id == actor.organization_id
    query = select(event.c.type, event.c.asset_uuid, event.c.data).where(mine).order_by(event.c.id)
    rows = library.read(lambda conn: conn.execute(query).all())
    return [(row.type, row.asset_uuid, msgspec.json.decode(row.data)) for row in rows]


def test_what_cannot_be_saved_does_not_stop_the_others(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    strict = library.write(
        lambda conn: datasets.create(conn, actor, "strict", classes=[{"name": "car"}], now=library.now)
    )
    free = library.a_dataset(actor, assets=4)
    listed = library.add(actor, msgspec.structs.replace(free, id=strict.id), ["1.jpg", "2.jpg"])
    [foreign] = library.a_dataset(stranger, assets=1).ids
    save(library, actor, free.ids[1], BOX, POINT)
    before = library.rows(actor)
    outcomes = save_many(
        library,
        actor,
        (free.ids[0].upper(), parsed(LINE)),
        ("no id", parsed(BOX)),
        (free.ids[1], []),
        (foreign, parsed(BOX)),
        (listed[0], parsed(BOX)),
        (listed[1], parsed(POLYGON)),
        (free.ids[2], parsed(BOX)),
        (str(uuid4()), parsed(BOX)),
        (free.ids[2].upper(), parsed(POINT)),
        (free.ids[3], TooLarge("much too large")),
    )
    assert words(outcomes) == [
        "saved",
        "not_found",
        "saved",
        "not_found",
        "saved",
        "unknown_class",
        "repeated_image",
        "not_found",
        "repeated_image",
        "payload_too_large",
    ]
    saved = [each for each in outcomes if isinstance(each, annotations.Saved)]
    assert [(each.previous_count, each.new_count) for each in saved] == [(0, 1), (2, 0), (0, 1)]
    assert [each["id"] for each in stored(library, actor, free.ids[0])] == ["3"]
    after = library.rows(actor)
    changed = {free.ids[0], free.ids[1], listed[0]}
    assert {each for each in after if after[each] != before[each]} == changed
    assert stored(library, stranger, foreign) == []
    assert [(kind, ids.text(uuid or b"")) for kind, uuid, _ in events(library, actor)][-3:] == [
        ("annotations.saved", free.ids[0]),
        ("annotations.deleted", free.ids[1]),
        ("annotations.saved", listed[0]),
    ]


def test_nothing_to_save_changes_nothing(library: Library) -> None:
    actor = library.an_actor()
    assert words(save_many(library, actor, ("no id", []))) == ["not_found"]
    assert save_many(library, actor) == []
    with pytest.raises(Forbidden):
        save_many(library, library.an_actor(Role.VIEWER, of=actor))


def test_two_hundred_documents_take_as_many_statements_as_ten(library: Library) -> None:
    actor = library.an_actor()
    sent = []
    for count in (10, 200):
        spread = [library.a_dataset(actor, assets=count // 5, content=b"same") for _ in range(5)]
        wanted = [(each, parsed(BOX, POINT)) for dataset in spread for each in dataset.ids]
        wanted += [("no id", parsed(BOX)), (str(uuid4()), [])]
        save_many(library, actor, *wanted[: count // 2])
        with library.statements() as statements:
            assert words(save_many(library, actor, *wanted)).count("saved") == count
        sent.append(statements)
    assert len(sent[0]) == len(sent[1]) <= 10


def test_the_classes_of_each_document_are_counted(library: Library) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    second = {**BOX, "id": "5"}
    save(library, actor, dataset.ids[0], BOX, second, {**POINT, "name": "car"}, LINE)
    assert counted(library, dataset) == {
        ("1.jpg", "car", "bbox"): 2,
        ("1.jpg", "car", "keypoint"): 1,
        ("1.jpg", "lane", "polyline"): 1,
    }
    save_many(library, actor, (dataset.ids[0], parsed(LINE)), (dataset.ids[1], parsed(BOX)))
    assert counted(library, dataset) == {("1.jpg", "lane", "polyline"): 1, ("2.jpg", "car", "bbox"): 1}
    library.write(lambda conn: annotations.remove(conn, actor, dataset.ids[1], now=library.now))
    assert counted(library, dataset) == {("1.jpg", "lane", "polyline"): 1}


def counted(library: Library, dataset: ADataset) -> dict[tuple[str, str, str], int]:
    rows = annotation_class.c
    query = select(asset.c.name, rows.name.label("class"), rows.type, rows.count).join_from(
        annotation_class, asset, asset.c.id == rows.asset_id
    )
    found = library.read(lambda conn: conn.execute(query.where(rows.dataset_id == dataset.id)).all())
    return {(name, label, kind): count for name, label, kind, count in found}


@pytest.mark.parametrize("annotated", [True, False])
def test_a_copy_takes_annotations_along_if_asked_to(library: Library, *, annotated: bool) -> None:
    actor = library.an_actor()
    dataset = library.a_dataset(actor, assets=2)
    save(library, actor, dataset.ids[0], BOX, POINT)
    done = library.submit(actor, Verb.COPY, dataset.ids, dataset, to="/new", copy_annotations=annotated)
    copies = [row for row in library.rows(actor).values() if row["path"] == "/new"]
    expected = [2, 0] if annotated else [0, 0]
    assert [row["annotation_count"] for row in copies] == expected
    made = library.live(dataset)
    assert [len(stored(library, actor, made[f"/new/{n}.jpg"])) for n in (1, 2)] == expected
    save(library, actor, dataset.ids[0])
    assert len(stored(library, actor, made["/new/1.jpg"])) == expected[0]
    assert len(library.read(lambda conn: journal.created(conn, done.uuid).each())) == 2
