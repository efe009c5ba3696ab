"""What belongs to assets, and comes and goes with them: annotations, the classes counted in them, tags, comments, what
was said of them when they were registered, and what only video, sound and documents have."""

from typing import Any

import msgspec
from sqlalchemy import select, update

from stackroom.database.schema import asset_media, dataset, registration
from stackroom.events import log
from stackroom.operations.outcome import Outcome
from stackroom.operations.run import Run
from stackroom.operations.selection import restriction
from stackroom.queue.jobs import DEFAULT
from stackroom.queue.submit import submit_many

# Tables that do not say of which dataset their rows are.
_ANYWHERE = ("annotation_comment", "registration", "asset_media", "embedding", "file_group_member")
COPIED = f"{{items}} AND i.outcome = {int(Outcome.DONE)}"
TRANSCODE = "transcode"
"""The kind of job that makes a video ready for players: `processing.transcoding` has it."""


def carry(run: Run) -> None:
    """Give the copies what their originals have: annotations with the classes counted in them, and tags.

    Into another dataset these bring along the classes and the tags that it does not know. Comments are about the
    original, and stay with it.
    """
    _keep_classes(run)
    annotated = run.execute(f"""INSERT INTO annotation (asset_id, document, updated_at)
        SELECT made.id, n.document, CAST(:now AS bigint)
        FROM operation_item i CROSS JOIN annotation n CROSS JOIN asset made
        WHERE {COPIED} AND n.asset_id = i.asset_id AND made.uuid = i.new_uuid""").rowcount
    if annotated:
        _add_missing_classes(run)
        run.execute(
            f"""INSERT INTO annotation_class (asset_id, name, type, dataset_id, count)
                SELECT made.id, c.name, c.type, CAST(:dataset AS bigint), c.count
                FROM operation_item i CROSS JOIN annotation_class c CROSS JOIN asset made
                WHERE {COPIED} AND c.asset_id = i.asset_id AND made.uuid = i.new_uuid""",
            dataset=run.request.target_dataset_id,
        )
    if "tag" in _there(run, restriction(run.request.selection)):
        _carry_tags(run)


def carry_always(run: Run) -> None:
    """Give the copies what comes along also where nothing else does: who may see them must not be lost on the way,
    nor how long a recording is. For the end of a copy: lanes are held from here to the commit."""
    there = _there(run)
    if "registration" in there:
        _carry_registrations(run)
    if "asset_media" in there:
        _carry_media(run)


def _carry_registrations(run: Run) -> None:
    own = {"asset_id", "dataset_id"}
    said = [column.name for column in registration.c if column.name not in own]
    theirs = ", ".join(f"r.{name}" for name in said)
    place = "r.dataset_id" if run.request.in_place else "CAST(:dataset AS bigint)"
    run.execute(
        f"""INSERT INTO registration (asset_id, dataset_id, {", ".join(said)})
            SELECT made.id, {place}, {theirs}
            FROM operation_item i CROSS JOIN registration r CROSS JOIN asset made
            WHERE {COPIED} AND r.asset_id = i.asset_id AND made.uuid = i.new_uuid""",
        dataset=run.request.target_dataset_id,
    )
    run.execute(f"""INSERT INTO asset_manifest (asset_id, manifest) SELECT made.id, m.manifest
        FROM operation_item i CROSS JOIN asset_manifest m CROSS JOIN asset made
        WHERE {COPIED} AND m.asset_id = i.asset_id AND made.uuid = i.new_uuid""")


def _carry_media(run: Run) -> None:
    """What a player is shown of a video is the original's alone: the copy has none until it is processed itself."""
    own = {"asset_id", "hls_prefix", "processing"}
    said = [column.name for column in asset_media.c if column.name not in own]
    theirs = ", ".join(f"m.{name}" for name in said)
    run.execute(
        f"""INSERT INTO asset_media (asset_id, processing, {", ".join(said)})
            SELECT made.id, CASE m.processing WHEN 'processing' THEN 'pending' ELSE m.processing END, {theirs}
            FROM operation_item i CROSS JOIN asset_media m CROSS JOIN asset made
            WHERE {COPIED} AND m.asset_id = i.asset_id AND made.uuid = i.new_uuid"""
    )
    _have_processed(run)


def _have_processed(run: Run) -> None:
    """A copy of a video that is not ready for players yet gets a job of its own: that of its original does nothing for
    it, and it would be `pending` for ever."""
    waiting = run.execute(
        f"""SELECT made.id, made.uuid FROM operation_item i CROSS JOIN asset made CROSS JOIN asset_media m
            WHERE {COPIED} AND made.uuid = i.new_uuid AND m.asset_id = made.id AND m.processing = 'pending'
            ORDER BY made.id"""
    ).all()
    submit_many(
        run.conn,
        organization_id=run.actor.organization_id,
        kind=TRANSCODE,
        priority=DEFAULT,
        tasks=[msgspec.json.encode({"asset": row.uuid.hex()}).decode() for row in waiting],
        asset_ids=[row.id for row in waiting],
        positions=[0] * len(waiting),
        batch_id=None,
        now=run.now,
    )


def remove(run: Run, doomed: str) -> None:
    """Remove what belongs to the assets whose ids `doomed` selects. What there is none of is not looked for in each."""
    request = run.request
    here = restriction(request.selection) if request.target_folder is None else request.target_dataset_id
    run.execute(f"DELETE FROM annotation WHERE asset_id IN ({doomed})")
    there = _there(run, here)
    if "annotation_class" in there:
        run.execute(f"DELETE FROM annotation_class WHERE asset_id IN ({doomed})")
    if "tag" in there:
        run.execute(f"DELETE FROM asset_tag WHERE asset_id IN ({doomed})")
    if "annotation_comment" in there:
        comments = f"annotation_comment WHERE asset_id IN ({doomed})"
        run.execute(f"DELETE FROM comment_reaction WHERE comment_id IN (SELECT id FROM {comments})")
        run.execute(f"DELETE FROM {comments}")
    if "registration" in there:  # without one an asset has no manifests
        run.execute(f"DELETE FROM asset_manifest WHERE asset_id IN ({doomed})")
        run.execute(f"DELETE FROM registration WHERE asset_id IN ({doomed})")
    if "asset_media" in there:
        run.execute(
            f"""INSERT INTO loose_prefix (prefix, due_at) SELECT hls_prefix, CAST(:now AS bigint) FROM asset_media
                WHERE asset_id IN ({doomed}) AND hls_prefix IS NOT NULL ON CONFLICT DO NOTHING"""
        )
        run.execute(f"DELETE FROM asset_media WHERE asset_id IN ({doomed})")
    for table in ("embedding", "file_group_member"):
        if table in there:
            run.execute(f"DELETE FROM {table} WHERE asset_id IN ({doomed})")


def forget_words(run: Run) -> None:
    """Remove the vectors of the items that were given other words: they are made anew (`processing.rounds`)."""
    if "embedding" in _there(run):
        run.execute(
            f"DELETE FROM embedding WHERE asset_id IN (SELECT i.asset_id FROM operation_item i WHERE {COPIED})"
        )


def _keep_classes(run: Run) -> None:
    """Have nobody rename classes until the commit: a copy made meanwhile would bring the old name back."""
    places = {run.request.target_dataset_id, restriction(run.request.selection)}
    held = select(dataset.c.id).where(dataset.c.id.in_(places - {None})).order_by(dataset.c.id)
    run.conn.execute(held.with_for_update(read=True))


def _carry_tags(run: Run) -> None:
    theirs = f"""FROM operation_item i CROSS JOIN asset_tag x CROSS JOIN tag t {{more}}
        WHERE {COPIED} AND x.asset_id = i.asset_id AND t.id = x.tag_id"""
    target = run.request.target_dataset_id
    if restriction(run.request.selection) != target:
        run.execute(
            f"""INSERT INTO tag (dataset_id, name)
                SELECT DISTINCT CAST(:dataset AS bigint), t.name {theirs.replace("{more}", "")}
                ON CONFLICT DO NOTHING""",
            dataset=target,
        )
    run.execute(
        f"""INSERT INTO asset_tag (tag_id, asset_id) SELECT k.id, made.id
            {theirs.replace("{more}", "CROSS JOIN tag k CROSS JOIN asset made")}
            AND k.dataset_id = :dataset AND k.name = t.name AND made.uuid = i.new_uuid
            ORDER BY k.id, made.id""",
        dataset=target,
    )


def _add_missing_classes(run: Run) -> None:
    """Add to the target dataset's classes those that come with the copies and that it does not list.

    One that lists none takes any, and must not be made to refuse what it took so far: it gets the classes that
    another lists only where nothing in it is annotated yet.
    """
    target = run.request.target_dataset_id
    coming = run.execute(
        f"""SELECT DISTINCT c.dataset_id, c.name, c.type FROM operation_item i CROSS JOIN annotation_class c
            WHERE {COPIED} AND c.asset_id = i.asset_id AND c.dataset_id <> :dataset""",
        dataset=target,
    ).all()
    if not coming:
        return
    listed = _classes(run, target)
    if not listed and "annotation_class" in _there(run, target):
        return
    described = {
        each["name"]: each
        for source in sorted({row.dataset_id for row in coming})
        for each in _classes(run, source)
    }
    if listed:
        described = {row.name: {"name": row.name, "type": row.type} for row in coming} | described
    known = {each["name"] for each in listed}
    missing = [described[name] for name in sorted({row.name for row in coming} - known) if name in described]
    if not missing:
        return
    values = {"classes": msgspec.json.encode([*listed, *missing]).decode(), "updated_at": run.now}
    run.conn.execute(update(dataset).where(dataset.c.id == target).values(values))
    names = [each["name"] for each in missing]
    data = {"fields": ["classes"], "classes_added": names}
    log.record(run.conn, run.actor, "dataset.updated", at=run.now, dataset_id=target, data=data)


def _classes(run: Run, dataset_id: int | None) -> list[dict[str, Any]]:
    """The classes that a dataset lists, which nobody else changes until the commit."""
    query = select(dataset.c.classes).where(dataset.c.id == dataset_id).with_for_update(key_share=True)
    classes: list[dict[str, Any]] = msgspec.json.decode(run.conn.scalar(query) or "[]")
    return classes


def _there(run: Run, dataset_id: int | None = None) -> set[str]:
    """Those of the tables that have any row, of one dataset where that is known and said there."""
    first = {table: f"SELECT max(asset_id) FROM {table}" for table in _ANYWHERE}
    if dataset_id is None:
        first |= {
            "tag": "SELECT max(dataset_id) FROM tag",
            "annotation_class": "SELECT max(asset_id) FROM annotation_class",
        }
    else:
        here = "SELECT min(dataset_id) FROM {} WHERE dataset_id = :dataset"
        first |= {table: here.format(table) for table in ("tag", "annotation_class")}
    found = run.execute(
        "SELECT " + ", ".join(f"({query}) IS NOT NULL AS has_{table}" for table, query in first.items()),
        **({} if dataset_id is None else {"dataset": dataset_id}),
    ).one()
    return {table for table in first if getattr(found, f"has_{table}")}
