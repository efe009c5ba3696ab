"""Presets: transformations by name."""

import pytest
from sqlalchemy import select

from stackroom.access import Actor, Role
from stackroom.database.schema import event
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import presets
from stackroom.library.presets import Preset, PresetChanges
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def make(
    library: Library,
    actor: Actor,
    name: str = "small",
    operations: str = "-/resize/9x",
    description: str | None = None,
) -> Preset:
    return library.write(
        lambda conn: presets.create(conn, actor, name, operations, description, now=library.now)
    )


def change(library: Library, actor: Actor, name: str, **wanted: str | None) -> Preset:
    changes = PresetChanges(**wanted)  # type: ignore[arg-type]  # as the test says
    return library.write(lambda conn: presets.change(conn, actor, name, changes, now=library.now))


def test_a_preset_is_made_found_changed_and_removed(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, description="for lists")
    assert (made.name, made.operations, made.description) == ("small", "-/resize/9x", "for lists")
    changed = change(library, actor, "small", operations="flip")
    assert (changed.operations, changed.description) == ("flip", "for lists")
    assert changed.updated_at > made.updated_at
    assert change(library, actor, "small", description=None).description is None
    make(library, actor, "grey", "grayscale")
    names = [each.name for each in library.read(lambda conn: presets.list_presets(conn, actor))]
    assert names == ["grey", "small"]
    library.write(lambda conn: presets.remove(conn, actor, "small", now=library.now))
    with pytest.raises(NotFound):
        library.read(lambda conn: presets.find(conn, actor, "small"))
    kinds = select(event.c.type).where(event.c.organization_id == actor.organization_id)
    found = set(library.read(lambda conn: conn.scalars(kinds).all()))
    assert {"preset.created", "preset.updated", "preset.deleted"} <= found


@pytest.mark.parametrize("name", ["", "9small", "a b", "a/b", "-", "x" * 101, "é"])
def test_no_preset_has_a_name_that_no_address_could_name(library: Library, name: str) -> None:
    with pytest.raises(Invalid):
        make(library, library.an_actor(), name)


@pytest.mark.parametrize("operations", ["", "preset/other", "resize/0x", "nothing"])
def test_no_preset_does_what_cannot_be_done(library: Library, operations: str) -> None:
    actor = library.an_actor()
    with pytest.raises(Invalid, match="Invalid transformation"):
        make(library, actor, operations=operations)
    make(library, actor)
    with pytest.raises(Invalid, match="Invalid transformation"):
        change(library, actor, "small", operations=operations)


def test_a_name_is_given_once_in_an_organization(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    make(library, actor)
    make(library, stranger, operations="flip")
    with pytest.raises(Conflict):
        make(library, actor)
    mine = library.read(lambda conn: presets.operations_of(conn, actor, ["small"]))
    assert mine == {"small": "-/resize/9x"}


def test_presets_that_there_are_not_are_not_found(library: Library) -> None:
    actor = library.an_actor()
    make(library, actor)
    with pytest.raises(NotFound, match="other"):
        library.read(lambda conn: presets.operations_of(conn, actor, ["small", "other"]))
    with pytest.raises(NotFound):
        change(library, actor, "other", operations="flip")
    with pytest.raises(NotFound):
        library.write(lambda conn: presets.remove(conn, actor, "other", now=library.now))


def test_a_viewer_makes_no_preset(library: Library) -> None:
    with pytest.raises(Forbidden):
        make(library, library.an_actor(Role.VIEWER))
