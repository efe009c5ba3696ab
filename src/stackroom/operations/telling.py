"""What is recorded of each item of an operation, for those who want to be told of items and not of operations.

One INSERT … SELECT out of the journal, in the operation's transaction. Nobody else pays for it but with the question
whether there is anybody who wants it.
"""

from types import MappingProxyType

from stackroom import ids
from stackroom.database.flavour import statement
from stackroom.events import log
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import Verb
from stackroom.operations.run import Run

DONE = f"FROM operation_item i WHERE {{items}} AND i.outcome = {int(Outcome.DONE)}"

# What an operation that removes nothing has done to its items; and what undoing it does to them.
_DOING = MappingProxyType(
    {
        Verb.MOVE: "asset.moved",
        Verb.COPY: "asset.copied",
        Verb.UPDATE: "asset.updated",
        Verb.ARCHIVE: "asset.archived",
        Verb.RESTORE: "asset.restored",
    }
)
_UNDOING = MappingProxyType({**_DOING, Verb.ARCHIVE: "asset.restored", Verb.RESTORE: "asset.archived"})


def tell_of_changes(run: Run) -> None:
    """Record what has become of each item that is DONE, in their order. For after `apply`, and of what removes
    items nothing: that is recorded before they go."""
    request = run.request
    if request.verb is Verb.UNDO:
        kind = None if request.undoes in {None, Verb.COPY} else _UNDOING.get(request.undoes)
    else:
        kind = _DOING.get(request.verb)
    if kind is None or not _is_wanted(run):
        return
    if request.verb is Verb.COPY:
        _record(run, kind, DONE, found="a.uuid = s.new_uuid", source=True)
    else:
        _record(run, kind, DONE)


def tell_of_removal(run: Run, column: str, items: str) -> None:
    """Record that the assets whose ids are `column` of these journal rows `i` are deleted. For before they go."""
    if _is_wanted(run):
        initiator = "overwrite" if run.request.verb not in {Verb.PURGE, Verb.UNDO} else None
        _record(run, "asset.deleted", items, column=column, initiator=initiator)


def _is_wanted(run: Run) -> bool:
    if run.request.item_events:
        return True
    return bool(
        run.conn.scalar(
            statement("""SELECT EXISTS (SELECT 1 FROM webhook_endpoint
                WHERE organization_id = :organization AND enabled AND per_item)"""),
            {"organization": run.actor.organization_id},
        )
    )


def _record(
    run: Run,
    kind: str,
    items: str,
    *,
    column: str = "i.asset_id",
    found: str = "a.id = s.asset_id",
    source: bool = False,
    initiator: str | None = None,
) -> None:
    how = run.how
    said = {
        "filename": "a.original_name",
        "content_type": "a.content_type",
        "size": "a.size",
        "kind": "a.kind",
        "width": "a.width",
        "height": "a.height",
        "uploaded_at": "a.created_at",
        "expires_at": "a.expires_at",
        "processing": "(SELECT m.processing FROM asset_media m WHERE m.asset_id = a.id)",
        **({"source_id": how.id_text.format(uuid="s.asset_uuid")} if source else {}),
        "initiator": "CAST(:initiator AS text)",
        "position": "s.position",
    }
    data = how.document.format(pairs=", ".join(f"'{name}', {sql}" for name, sql in said.items()))
    run.execute(
        f"""{how.insert} INTO event (uuid, type, dataset_id, asset_uuid, operation_id, data,
                {log.OF_THE_REQUEST}, untold)
            SELECT {how.slice.format(name="event_ids", n="s.n")}, CAST(:kind AS text), a.dataset_id,
                a.uuid, CAST(:op AS bigint), {data}, {log.BOUND}, {log.UNTOLD}
            FROM (SELECT row_number() OVER (ORDER BY i.position) - 1 AS n, i.position, {column} AS asset_id,
                i.asset_uuid, i.new_uuid {items} ORDER BY i.position {how.fence}) s
            {how.probe.format(table="asset", alias="a", where=found)}
            ORDER BY s.position""",
        kind=kind,
        initiator=initiator or run.request.initiator or run.request.verb.value,
        event_ids=ids.new_block(run.count),
        **log.request_values(run.actor, run.now),
    )
