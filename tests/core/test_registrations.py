"""What is said of assets when they are registered: kept, merged, found by, and gone with them."""

import itertools
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import (
    asset,
    asset_manifest,
    batch,
    delivery_default,
    job,
    lane,
    registration,
)
from stackroom.database.schema import event as event_table
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.library import channels, registrations
from stackroom.library.channels import Channel
from stackroom.library.registered import ORDERS, Where
from stackroom.library.registrations import Described, Registration
from stackroom.operations import engine
from stackroom.operations.remove_dataset import remove_dataset
from stackroom.operations.request import Collision, Verb
from stackroom.testing.builders import ADataset, Library, a_library
from stackroom.testing.plans import plans_of

pytestmark = pytest.mark.every_database

THUMBS = (Channel("thumbs", "default"),)


class Scene:
    """Two datasets, `here` with a.jpg to d.jpg and `there` with e.jpg; what is said of them stands below."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.actor = library.an_actor()
        self.here = library.a_dataset(self.actor, assets=["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
        self.there = library.a_dataset(self.actor, assets=["e.jpg"])
        self.a, self.b, self.c, self.d = self.here.ids
        (self.e,) = self.there.ids

    def row(self, uuid: str) -> tuple[int, int]:
        query = select(asset.c.id, asset.c.dataset_id).where(asset.c.uuid == ids.parse(uuid))
        return self.library.read(lambda conn: tuple(conn.execute(query).one()))

    def say(self, uuids: str | list[str], **said: Any) -> None:
        wanted = [uuids] if isinstance(uuids, str) else uuids
        rows = [(*self.row(each), Registration(**said)) for each in wanted]
        organization = self.actor.organization_id
        self.library.write(lambda conn: registrations.write(conn, organization, rows, now=self.library.now))

    def name(self, uuid: str, key: str) -> None:
        named = update(asset).where(asset.c.uuid == ids.parse(uuid)).values(key=key)
        self.library.write(lambda conn: conn.execute(named))

    def of(self, uuid: str, actor: Actor | None = None) -> Described:
        asset_id, _ = self.row(uuid)
        organization = (actor or self.actor).organization_id
        return self.library.read(lambda conn: registrations.by_ids(conn, organization, [asset_id]))[asset_id]

    def find(self, space: int, key: str, actor: Actor | None = None) -> Described:
        return self.library.read(lambda conn: registrations.find(conn, actor or self.actor, space, key))

    def page(self, actor: Actor | None = None, **asked: Any) -> tuple[list[str], int]:
        how = {name: asked.pop(name) for name in ("order", "descending", "limit", "offset") if name in asked}
        found, total = self.library.read(
            lambda conn: registrations.page(
                conn, actor or self.actor, Where(**asked), **{"limit": 100, **how}
            )
        )
        return [each.name[0] for each in found], total


@pytest.fixture
def scene(library: Library) -> Scene:
    return Scene(library)


def test_an_asset_of_which_nothing_was_said_is_described_by_defaults(scene: Scene) -> None:
    found = scene.of(scene.a)
    assert (found.key, found.space, found.registered) == (scene.a, 1, False)
    assert (found.origin, found.media_type, found.family) == ("", "image/jpeg", "I")
    assert found.channels == (Channel("iiif-img", "default"), Channel("thumbs", "default"))
    assert (found.max_unauthorised, found.roles, found.tags, found.manifests) == (-1, (), (), ())
    assert (found.string1, found.number3, found.error, found.batch_id) == ("", 0, "", None)
    assert (found.ingesting, found.finished_at) == (False, found.created_at)


def test_what_is_not_said_stays_as_it_was(scene: Scene) -> None:
    scene.say(
        scene.a, origin="https://files.example/1.tif", roles=("clickthrough",), string1="vol1", number2=7
    )
    scene.say(scene.a, channels=THUMBS, tags=("b", "a"), manifests=("m2", "m1", "m1"))
    scene.say(scene.a, string1="vol2", max_unauthorised=0)
    found = scene.of(scene.a)
    assert (found.origin, found.roles, found.number2) == ("https://files.example/1.tif", ("clickthrough",), 7)
    assert (found.string1, found.max_unauthorised, found.channels) == ("vol2", 0, THUMBS)
    assert (found.tags, found.manifests) == (("a", "b"), ("m1", "m2"))
    assert found.registered
    scene.say(scene.a, tags=("c",), manifests=(), roles=())
    found = scene.of(scene.a)
    assert (found.tags, found.manifests, found.roles, found.string1) == (("c",), (), (), "vol2")


def test_the_family_of_what_was_never_registered_follows_its_channels(scene: Scene) -> None:
    scene.say(scene.a, channels=(Channel("file", "none"),))
    scene.say(scene.b, string1="x")
    scene.say(scene.c, media_type="video/mp4")
    assert [scene.of(each).family for each in (scene.a, scene.b, scene.c)] == ["F", "I", "T"]
    assert scene.of(scene.c).channels == (Channel("iiif-av", "default-video"),)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"string2": "é" * 1001}, "text_too_long"),
        ({"manifests": ("x" * 2001,)}, "text_too_long"),
        ({"number3": 2**63}, "number_too_large"),
        ({"max_unauthorised": 2**31}, "number_too_large"),
        ({"tags": ("x" * 101,)}, "invalid_tag"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_said(
    scene: Scene, said: dict[str, Any], code: str
) -> None:
    rows = [(*scene.row(scene.a), Registration(string1="x")), (*scene.row(scene.b), Registration(**said))]
    with pytest.raises(Invalid) as refused:
        scene.library.write(
            lambda conn: registrations.write(conn, scene.actor.organization_id, rows, now=scene.library.now)
        )
    assert refused.value.code == code
    assert not scene.of(scene.a).registered


def test_a_change_raises_the_version_and_is_recorded_of_each_asset(scene: Scene) -> None:
    wanted = [(scene.of(each), Registration(number1=1, tags=("t",))) for each in (scene.a, scene.e)]
    scene.library.write(lambda conn: registrations.change(conn, scene.actor, wanted, now=scene.library.now))
    assert [(scene.of(each).version, scene.of(each).number1) for each in (scene.a, scene.e)] == [(2, 1)] * 2
    assert scene.of(scene.b).version == 1
    query = select(event_table.c.asset_uuid, event_table.c.data).where(
        event_table.c.organization_id == scene.actor.organization_id, event_table.c.type == "asset.updated"
    )
    recorded = scene.library.read(lambda conn: {ids.text(row[0]): row[1] for row in conn.execute(query)})
    assert recorded == dict.fromkeys((scene.a, scene.e), '{"fields":["number1","tags"]}')
    viewer = scene.library.an_actor(Role.VIEWER, of=scene.actor)
    with pytest.raises(Forbidden):
        scene.library.write(lambda conn: registrations.change(conn, viewer, wanted, now=scene.library.now))


def test_a_key_names_one_asset_of_a_space_and_an_id_one_without_a_key(scene: Scene) -> None:
    scene.name(scene.a, "leaf-001")
    scene.name(scene.e, "leaf-001")
    assert scene.find(1, "leaf-001").uuid == ids.parse(scene.a)
    assert scene.find(2, "leaf-001").uuid == ids.parse(scene.e)
    assert scene.find(1, scene.b).uuid == ids.parse(scene.b)
    unknown = [
        (1, scene.a),
        (1, scene.e),
        (2, scene.b),
        (3, "leaf-001"),
        (1, "leaf"),
        (2**40, "leaf-001"),
        (-1, "x"),
    ]
    for space, key in unknown:
        with pytest.raises(NotFound):
            scene.find(space, key)
    with pytest.raises(NotFound):
        scene.find(1, "leaf-001", scene.library.an_actor())
    found = scene.library.read(
        lambda conn: registrations.by_keys(
            conn, scene.actor, [(1, "leaf-001"), (2, "leaf-001"), (1, scene.b), *unknown]
        )
    )
    assert {place: each.name for place, each in found.items()} == {
        (1, "leaf-001"): "a.jpg",
        (2, "leaf-001"): "e.jpg",
        (1, scene.b): "b.jpg",
    }


def test_an_archived_asset_is_not_there(scene: Scene) -> None:
    scene.say(scene.here.ids, string1="x", manifests=("m",))
    scene.library.submit(scene.actor, Verb.ARCHIVE, [scene.a])
    with pytest.raises(NotFound):
        scene.find(1, scene.a)
    for asked in ({}, {"string1": "x"}, {"manifests": ("m",)}, {"space": 1}):
        assert "a" not in scene.page(**asked)[0]


def in_batches(scene: Scene) -> tuple[int, int]:
    """Batch 1 had a, b, c and d, of which it lost d to batch 2; b failed."""
    organization = scene.actor.organization_id

    def work(conn: Connection) -> tuple[int, int]:
        a_lane = {"kind": f"test {ids.new().hex()}", "priority": 1, "organization_id": organization}
        lane_id = conn.execute(insert(lane).values(a_lane)).inserted_primary_key[0]  # type: ignore[index]  # it has one
        made = []
        for members in ([scene.a, scene.b, scene.c, scene.d], [scene.d]):
            row = {
                "uuid": ids.new(),
                "organization_id": organization,
                "priority": 1,
                "count": len(members),
                "completed": len(members) - members.count(scene.b),
                "errors": members.count(scene.b),
                "created_at": 1,
                "finished_at": 2,
            }
            batch_id = conn.execute(insert(batch).values(row)).inserted_primary_key[0]  # type: ignore[index]
            made.append(batch_id)
            for position, each in enumerate(members):
                (asset_id,) = conn.execute(select(asset.c.id).where(asset.c.uuid == ids.parse(each))).one()
                state = 3 if each == scene.b else 2
                item = {"lane_id": lane_id, "batch_id": batch_id, "position": position, "state": state}
                conn.execute(insert(job).values(**item, asset_id=asset_id, task="{}", created_at=1))
                conn.execute(update(asset).where(asset.c.id == asset_id).values(batch_id=batch_id))
        return made[0], made[1]

    return scene.library.write(work)


def test_every_way_to_ask_finds_what_looking_at_each_asset_would(scene: Scene) -> None:
    """Alone and by twos and threes, in different plans, each must find the same."""
    first, _ = in_batches(scene)
    said: dict[str, dict[str, Any]] = {
        "a": {"string1": "vol1", "number1": 10, "manifests": ("m1",)},
        "b": {"string1": "vol1", "number1": 9, "string2": "x", "manifests": ("m1", "m2")},
        "c": {"string1": "vol2", "number1": 10},
        "d": {"number1": 0},
        "e": {"string1": "vol1", "number1": 10, "manifests": ("m2",)},
    }
    for name, each in said.items():
        scene.say(getattr(scene, name), **each)
    questions: dict[str, tuple[Any, set[str]]] = {
        "space": (1, {"a", "b", "c", "d"}),
        "string1": ("vol1", {"a", "b", "e"}),
        "string2": ("", {"a", "c", "d", "e"}),
        "number1": (10, {"a", "c", "e"}),
        "manifests": (("m1", "m2", "m3"), {"a", "b", "e"}),
        "pointer": (first, {"a", "b", "c"}),
        "member_of": (first, {"a", "b", "c", "d"}),
    }
    stranger = scene.library.an_actor()
    for count in (1, 2, 3):
        for names in itertools.combinations(questions, count):
            asked = {name: questions[name][0] for name in names}
            expected = sorted(set.intersection(*(questions[name][1] for name in names)))
            assert scene.page(**asked) == (expected, len(expected)), asked
            assert scene.page(stranger, **asked) == ([], 0)
    assert scene.page(member_of=first, state="completed") == (["a", "c", "d"], 3)
    assert scene.page(member_of=first, state="failed") == (["b"], 1)
    assert scene.page() == (["a", "b", "c", "d", "e"], 5)
    for nothing in (
        {"space": 3},
        {"string1": "vol3"},
        {"manifests": ()},
        {"manifests": ("m4",)},
        {"pointer": -1},
    ):
        assert scene.page(**nothing) == ([], 0)


def test_pages_do_not_overlap_where_assets_are_alike(scene: Scene) -> None:
    for order in ("width", "string1", "created", "mediaType"):
        for descending in (False, True):
            seen = [
                name
                for offset in range(0, 6, 2)
                for name in scene.page(order=order, descending=descending, limit=2, offset=offset)[0]
            ]
            assert seen == list("edcba" if descending else "abcde")


def test_every_order_is_that_of_the_property(scene: Scene) -> None:
    scene.name(scene.b, "b-key")
    said = {"a": 5, "b": 3, "c": 0, "d": 9, "e": 3}
    for name, number in said.items():
        scene.say(getattr(scene, name), number2=number, string3=str(number), origin=f"http://{number}")
    by_number = sorted(said, key=lambda name: (said[name], name))
    for order in ("number2", "NUMBER2", "string3", "origin"):
        assert scene.page(order=order)[0] == by_number
    uuids = {name: getattr(scene, name) for name in "acde"}
    assert scene.page(order="id")[0] == [*sorted(uuids, key=uuids.__getitem__), "b"]
    for order in ORDERS:
        assert sorted(scene.page(order=order)[0]) == list("abcde")
    with pytest.raises(Invalid) as refused:
        scene.page(order="roles")
    assert refused.value.code == "unknown_order"


def test_it_takes_as_many_statements_for_many_as_for_few(scene: Scene) -> None:
    more = scene.library.add(scene.actor, scene.here, [f"{n}.png" for n in range(300)])

    def sent(wanted: list[str], number: int) -> list[str]:
        rows = [
            (*scene.row(each), Registration(string1="x", number1=number, tags=(str(n),), manifests=(str(n),)))
            for n, each in enumerate(wanted)
        ]
        with scene.library.statements() as statements:
            scene.library.write(
                lambda conn: registrations.write(conn, scene.actor.organization_id, rows, now=1)
            )
        return statements

    few, many = sent(scene.here.ids[:2], 1), sent(more, 2)
    assert [each.split("(")[0] for each in many] == [each.split("(")[0] for each in few]
    assert scene.page(number1=2, limit=3)[1] == 300


# --- what becomes of it with its asset --------------------------------------------------------------------------------


@pytest.mark.parametrize("annotated", [True, False])
def test_a_copy_is_described_as_its_original_is(scene: Scene, annotated: bool) -> None:
    """Also a plain one: who may see an image must not be lost on the way."""
    scene.name(scene.a, "leaf-001")
    scene.say(scene.a, origin="https://x", roles=("staff",), string1="vol1", manifests=("m1", "m2"))
    scene.library.submit(
        scene.actor,
        Verb.COPY,
        [scene.a, scene.b],
        scene.here,
        to="/",
        into=scene.there,
        copy_annotations=annotated,
    )
    made = scene.library.live(scene.there)
    copied, plain = scene.of(made["/a.jpg"]), scene.of(made["/b.jpg"])
    assert (copied.origin, copied.roles, copied.string1) == ("https://x", ("staff",), "vol1")
    assert (copied.manifests, copied.space, copied.key) == (("m1", "m2"), 2, made["/a.jpg"])
    assert not plain.registered
    assert scene.page(space=2, string1="vol1") == (["a"], 1)


def test_nothing_is_said_any_more_of_what_was_purged_overwritten_or_undone(scene: Scene) -> None:
    scene.say([*scene.here.ids, scene.e], string1="x", manifests=("m",))
    scene.library.submit(scene.actor, Verb.PURGE, [scene.a])
    assert said_of(scene) == (4, 4)
    copied = scene.library.submit(scene.actor, Verb.COPY, [scene.b, scene.c], scene.here, to="/copies")
    assert said_of(scene) == (6, 6)
    scene.library.write(
        lambda conn: engine.submit_undo(conn, scene.actor, ids.text(copied.uuid), now=scene.library.now)
    )
    assert said_of(scene) == (4, 4)
    scene.library.submit(scene.actor, Verb.MOVE, [scene.b], scene.here, to="/x")
    scene.library.submit(
        scene.actor, Verb.COPY, [scene.b], scene.here, to="/x", on_collision=Collision.RENAME
    )
    assert said_of(scene) == (5, 5)
    scene.library.write(
        lambda conn: remove_dataset(conn, scene.actor, scene.here.reference, now=scene.library.now)
    )
    assert said_of(scene) == (1, 1)
    assert scene.of(scene.e).manifests == ("m",)


def said_of(scene: Scene) -> tuple[int, int]:
    """How many registrations and uses in manifests there are of the scene's assets, and none of others is left."""
    mine = select(registration.c.asset_id).where(
        registration.c.organization_id == scene.actor.organization_id
    )

    def read(conn: Connection) -> tuple[int, int]:
        for table in (registration, asset_manifest):
            stray = select(func.count()).select_from(table).where(table.c.asset_id.not_in(select(asset.c.id)))
            assert conn.scalar(stray) == 0
        used = select(func.count()).select_from(asset_manifest).where(asset_manifest.c.asset_id.in_(mine))
        return len(conn.scalars(mine).all()), conn.scalar(used) or 0

    return scene.library.read(read)


def test_a_dataset_takes_its_own_defaults_with_it(scene: Scene) -> None:
    def row(of: ADataset | None) -> dict[str, Any]:
        return {
            "uuid": ids.new(),
            "organization_id": scene.actor.organization_id,
            "dataset_id": of.id if of else None,
            "channel": "thumbs",
            "policy": "default",
            "media_type": "image/*",
            "created_at": 1,
        }

    scene.library.write(lambda conn: conn.execute(insert(delivery_default), [row(scene.here), row(None)]))
    scene.library.write(
        lambda conn: remove_dataset(conn, scene.actor, scene.here.reference, now=scene.library.now)
    )
    left = select(delivery_default.c.dataset_id).where(
        delivery_default.c.organization_id == scene.actor.organization_id
    )
    assert set(scene.library.read(lambda conn: conn.scalars(left).all())) == {None}


# --- how it is found --------------------------------------------------------------------------------------------------


ASKED = [
    ({"string1": "x"}, "registration_string1"),
    ({"number2": 5, "space": 1}, "registration_number2"),
    ({"manifests": ("m",)}, "asset_manifest_by_name"),
    ({"pointer": 1}, "asset_of_batch"),
    ({"member_of": 1}, "job_of_batch"),
    ({"member_of": 1, "state": "failed"}, "job_"),
    ({"space": 1}, "asset_"),
    ({}, "asset_"),
]


def test_what_is_asked_for_is_looked_up_in_an_index(database_url: str) -> None:
    """In a library of its own: what a planner prefers depends on all that is in a table."""
    with a_library(database_url) as library:
        scene = Scene(library)
        scene.say(scene.here.ids, string1="x", number2=5, manifests=("m",))
        for asked, index in ASKED:
            where = Where(**asked)  # type: ignore[arg-type] # of many types
            plans = plans_of(
                library,
                lambda conn, where=where: registrations.page(conn, scene.actor, where, limit=2),
                without=["seqscan"],
            )
            assert index in plans[0].steps, asked
            found = [each.scans("asset", "registration", "asset_manifest", "job") for each in plans]
            assert found == [[]] * len(plans), asked


# --- channels ---------------------------------------------------------------------------------------------------------


def test_the_nearest_default_counts_and_of_those_the_most_exact() -> None:
    def default(policy: str, media_type: str, dataset_id: int | None = None) -> channels.DefaultChannel:
        return channels.DefaultChannel(
            channel=Channel("iiif-img", policy), media_type=media_type, dataset_id=dataset_id
        )

    mine = [default("of all", "image/*"), default("of tiffs", "image/tiff"), default("of 5", "image/*", 5)]
    known = [*channels.USUAL, *mine]

    def policies(dataset_id: int, media_type: str) -> dict[str, str]:
        return {each.channel: each.policy for each in channels.defaults(known, dataset_id, media_type)}

    assert policies(1, "image/png") == {"iiif-img": "of all", "thumbs": "default"}
    assert policies(1, "image/TIFF") == {"iiif-img": "of tiffs", "thumbs": "default"}
    assert policies(5, "image/tiff") == {"iiif-img": "of 5", "thumbs": "default"}
    assert policies(1, "video/mp4") == {"iiif-av": "default-video"}
    assert policies(1, "application/pdf") == {"file": "none"}


def test_a_default_of_none_stands_alone_and_gives_way_to_what_is_nearer() -> None:
    def default(channel: str, media_type: str, dataset_id: int | None = None) -> channels.DefaultChannel:
        policy = channels.POLICIES[channel][0]
        return channels.DefaultChannel(
            channel=Channel(channel, policy), media_type=media_type, dataset_id=dataset_id
        )

    mine = [default("none", "image/*"), default("file", "image/tiff"), default("thumbs", "image/*", 5)]
    known = [*channels.USUAL, *mine]

    def names(dataset_id: int, media_type: str) -> list[str]:
        return [each.channel for each in channels.defaults(known, dataset_id, media_type)]

    assert names(1, "image/png") == ["none"]
    assert names(1, "image/tiff") == ["file"]
    assert names(5, "image/png") == ["thumbs"]
    assert names(5, "image/tiff") == ["thumbs", "file"]
    assert names(1, "video/mp4") == ["iiif-av"]
