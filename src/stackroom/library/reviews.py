"""Reviews: somebody looks at an asset and either approves it or sends it back with a note.

A review is no operation and cannot be undone: it is a judgement, and the next one replaces it. Its event keeps what
stood there before.
"""

import enum

import msgspec
from sqlalchemy import Connection, update

from stackroom.access import Actor, Role, require
from stackroom.database.schema import asset
from stackroom.errors import Invalid
from stackroom.events import log
from stackroom.library.assets import Asset

MAX_NOTE = 10_000


class Verdict(enum.StrEnum):
    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"


def review(
    conn: Connection, actor: Actor, found: Asset, verdict: Verdict, note: str | None, *, now: int
) -> Asset:
    """Approve an asset, which completes it and clears its note, or have it annotated again, with a note why.

    The asset as it is then. Repeating a review changes nothing. Raises `Invalid` (`note_too_long`).
    """
    require(actor, Role.MEMBER, "reviewing an image")
    if note is not None and len(note) > MAX_NOTE:
        raise Invalid(f"note: at most {MAX_NOTE} characters", code="note_too_long", hint="Shorten it.")
    approved = verdict is Verdict.APPROVE
    judged = {
        "status": "complete" if approved else "annotate",
        "review_note": None if approved else (note or None),
    }
    before = {"status": found.status, "review_note": found.review_note}
    if judged == before:
        return found
    raised = {"version": asset.c.version + 1, "updated_at": now}
    conn.execute(update(asset).where(asset.c.id == found.id).values({**judged, **raised}))
    log.record(
        conn,
        actor,
        "asset.reviewed",
        at=now,
        dataset_id=found.dataset_id,
        asset_uuid=found.uuid,
        data={"verdict": verdict.value, **judged, "before": before},
    )
    return msgspec.structs.replace(found, **judged, version=found.version + 1, updated_at=now)
