"""Annotations: one document per asset, replaced as a whole, in shapes that are checked."""

from typing import Any

import msgspec
import pytest

from stackroom.access import Actor, Role
from stackroom.errors import Forbidden, Invalid, NotFound, TooLarge
from stackroom.library import annotations, datasets
from stackroom.operations import journal
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library

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
    ],
    ids=str,
)
def test_a_shape_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"^annotations: ") as refused:
        parsed(BOX, wrong)
    assert "$[1]" in refused.value.message


def test_what_is_no_list_is_refused() -> None:
    for document in (b"", b"{}", b"[", b"\xff"):
        with pytest.raises(Invalid):
            annotations.parse(document)


def test_a_document_past_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "MAX_DOCUMENT", 2**20)
    with pytest.raises(TooLarge, match="1 MB"):
        annotations.parse(b"[" + b" " * 2**20 + b"]")


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
    assert len(library.read(lambda conn: journal.created(conn, done.id))) == 2
