"""What is recorded: who asked for it, whether anybody is to be told, and each item of an operation where asked."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import event, webhook_endpoint
from stackroom.events import log
from stackroom.library import endpoints
from stackroom.library.endpoints import EndpointChanges
from stackroom.operations.request import Changes, Collision, Verb
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def an_endpoint(library: Library, actor: Actor, *, per_item: bool = False, enabled: bool = True) -> bytes:
    wanted = EndpointChanges(url="https://hooks.example/x", enabled=enabled)
    made = library.write(lambda conn: endpoints.create(conn, actor, wanted, now=library.now))
    this = webhook_endpoint.c.uuid == made.uuid
    library.write(lambda conn: conn.execute(webhook_endpoint.update().where(this).values(per_item=per_item)))
    return made.uuid


def told(library: Library, actor: Actor, kind: str) -> list[Any]:
    mine = event.c.organization_id == actor.organization_id
    query = select(event).where(mine, event.c.type == kind).order_by(event.c.id)
    return library.read(lambda conn: list(conn.execute(query)))


def data(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(row.data)
    return found


def happen(library: Library, actor: Actor, how: str) -> None:
    """Two things happen to assets, recorded by each of the functions that there are for it."""
    kind, about = "asset.reviewed", [(ids.new(), {"n": n}) for n in range(2)]
    match how:
        case "record":
            for uuid, said in about:
                library.write(
                    lambda conn, uuid=uuid, said=said: log.record(
                        conn, actor, kind, at=library.now, asset_uuid=uuid, data=said
                    )
                )
        case "each":
            library.write(lambda conn: log.record_each(conn, actor, kind, about, at=library.now))
        case "all":
            happened = [
                log.Happening(kind=kind, dataset_id=None, asset_uuid=uuid, data=said) for uuid, said in about
            ]
            library.write(lambda conn: log.record_all(conn, actor, happened, at=library.now))
        case "assets":
            library.write(
                lambda conn: log.record_assets(
                    conn,
                    actor,
                    kinds=[kind] * 2,
                    dataset_ids=[1, 1],
                    asset_uuids=b"".join(uuid for uuid, _ in about),
                    data=[msgspec.json.encode(said).decode() for _, said in about],
                    batch_id=None,
                    at=library.now,
                )
            )


@pytest.mark.parametrize("how", ["record", "each", "all", "assets"])
@pytest.mark.parametrize("enabled", [None, False, True])
def test_an_event_says_what_was_asked_and_waits_for_telling_where_somebody_listens(
    library: Library, how: str, enabled: bool | None
) -> None:
    actor = msgspec.structs.replace(library.an_actor(), method="POST", path="/x", request_id="r", ip="::1")
    if enabled is not None:
        an_endpoint(library, actor, enabled=enabled)
        an_endpoint(library, library.an_actor())  # whose organization's business this is not
    happen(library, actor, how)
    rows = told(library, actor, "asset.reviewed")
    assert [data(row) for row in rows] == [{"n": 0}, {"n": 1}]
    for row in rows:
        assert (row.method, row.path, row.request_id, row.ip) == ("POST", "/x", "r", "::1")
        assert row.untold == (enabled is True)
        assert len(row.uuid) == len(row.asset_uuid) == 16


ITEMS: list[tuple[Verb, dict[str, Any], str, str | None]] = [
    (Verb.MOVE, {"to": "/new"}, "asset.moved", "asset.moved"),
    (Verb.COPY, {"to": "/new"}, "asset.copied", "asset.deleted"),
    (Verb.UPDATE, {"changes": Changes(status="complete")}, "asset.updated", "asset.updated"),
    (Verb.ARCHIVE, {}, "asset.archived", "asset.restored"),
    (Verb.PURGE, {}, "asset.deleted", None),
]


@pytest.mark.parametrize("asked", ["by the request", "by an endpoint", "by nobody"])
@pytest.mark.parametrize("case", ITEMS, ids=[str(each[0]) for each in ITEMS])
def test_each_item_is_an_event_where_somebody_asks_for_that(
    library: Library, case: tuple[Verb, dict[str, Any], str, str | None], asked: str
) -> None:
    verb, rest, kind, undone = case
    actor = library.an_actor()
    an_endpoint(library, actor, per_item=asked == "by an endpoint")
    dataset = library.a_dataset(actor, assets=3)
    wanted = [dataset.ids[2], ids.text(ids.new()), dataset.ids[0]]
    request = library.request(verb, wanted, dataset, **rest)
    if asked == "by the request":
        request = msgspec.structs.replace(request, item_events=True, initiator="batch")
    done = library.begin(actor, request)
    rows = told(library, actor, kind)
    assert [data(row)["position"] for row in rows] == ([] if asked == "by nobody" else [0, 2])
    initiator = "batch" if asked == "by the request" else verb.value
    for row, name, source in zip(rows, ["3.jpg", "1.jpg"], [wanted[0], wanted[2]], strict=False):
        said = data(row)
        assert (said["filename"], said["size"], said["kind"], said["width"]) == (name, 10, "image", 4)
        assert (said["initiator"], said["content_type"]) == (initiator, "image/jpeg")
        assert said.get("source_id") == (source if verb is Verb.COPY else None)
        assert (ids.text(row.asset_uuid) == source) == (verb is not Verb.COPY)
        assert row.untold
        assert row.dataset_id == dataset.id
        assert row.operation_id == done.id
        assert said["uploaded_at"] <= library.now
    if undone is not None:
        library.undo(actor, done)
        said = [data(row) for row in told(library, actor, undone) if data(row)["initiator"] == "undo"]
        assert [each["position"] for each in said] == ([] if asked == "by nobody" else [0, 2])


def test_what_is_overwritten_is_told_as_deleted(library: Library) -> None:
    actor = library.an_actor()
    an_endpoint(library, actor, per_item=True)
    dataset = library.a_dataset(actor, assets=2)
    [taken] = library.add(actor, dataset, ["2.jpg"], folder="/new")
    library.submit(actor, Verb.MOVE, dataset.ids, dataset, to="/new", on_collision=Collision.OVERWRITE)
    [gone] = told(library, actor, "asset.deleted")
    assert ids.text(gone.asset_uuid) == taken
    assert (data(gone)["initiator"], data(gone)["position"]) == ("overwrite", 1)
    assert len(told(library, actor, "asset.moved")) == 2
    assert len(told(library, actor, "operation.move")) == 1


def test_items_take_as_many_statements_whatever_their_number(library: Library) -> None:
    actor = library.an_actor()
    counts = []
    for count in (3, 300):
        dataset = library.a_dataset(actor, assets=count, content=b"same")
        request = library.request(Verb.PURGE, dataset.ids, dataset)
        for wanted in (False, True):
            with library.statements() as sent:
                library.begin(actor, msgspec.structs.replace(request, item_events=wanted))
            counts.append(len(sent))
            dataset = library.a_dataset(actor, assets=count, content=b"same")
            request = library.request(Verb.PURGE, dataset.ids, dataset)
    # One question, or one INSERT: it is never more than one statement.
    assert len(set(counts)) == 1
    assert len(told(library, actor, "asset.deleted")) == 303
