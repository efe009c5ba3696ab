"""Reviews: approved, or sent back with a note."""

import msgspec
import pytest
from sqlalchemy import select

from stackroom.access import Actor, Role
from stackroom.database.schema import event
from stackroom.errors import Forbidden, Invalid
from stackroom.library import assets, reviews
from stackroom.library.assets import Asset
from stackroom.library.reviews import Verdict
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def judge(library: Library, actor: Actor, asset: str, verdict: Verdict, note: str | None = None) -> Asset:
    return library.write(
        lambda conn: reviews.review(
            conn, actor, assets.find(conn, actor, asset), verdict, note, now=library.now
        )
    )


def test_an_asset_is_sent_back_with_a_note_and_completed_without(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    for verdict, note, status, kept in (
        (Verdict.REQUEST_CHANGES, "box too loose", "annotate", "box too loose"),
        (Verdict.APPROVE, "good", "complete", None),
        (Verdict.REQUEST_CHANGES, "", "annotate", None),
    ):
        judged = judge(library, actor, asset, verdict, note)
        assert (judged.status, judged.review_note) == (status, kept)
        assert library.read(lambda conn: assets.find(conn, actor, asset)) == judged


def test_a_repeated_review_changes_nothing(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    first = judge(library, actor, asset, Verdict.APPROVE)
    assert judge(library, actor, asset, Verdict.APPROVE) == first


def test_the_event_of_a_review_keeps_what_stood_there_before(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    judge(library, actor, asset, Verdict.REQUEST_CHANGES, "blurred")
    judge(library, actor, asset, Verdict.APPROVE)
    mine = event.c.organization_id == actor.organization_id
    query = select(event.c.data).where(mine, event.c.type == "asset.reviewed").order_by(event.c.id)
    first, second = library.read(lambda conn: [msgspec.json.decode(it) for it in conn.scalars(query)])
    assert first["before"] == {"status": "new", "review_note": None}
    assert second["before"] == {"status": "annotate", "review_note": "blurred"}
    assert second["verdict"] == "approve"


def test_a_review_needs_a_member_and_a_note_of_some_length(library: Library) -> None:
    actor = library.an_actor()
    [asset] = library.a_dataset(actor, assets=1).ids
    with pytest.raises(Forbidden):
        judge(library, library.an_actor(Role.VIEWER, of=actor), asset, Verdict.APPROVE)
    with pytest.raises(Invalid, match="at most 10000 characters"):
        judge(library, actor, asset, Verdict.REQUEST_CHANGES, "x" * 10_001)
    assert library.rows(actor)[asset]["version"] == 1
