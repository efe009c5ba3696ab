"""The engine: any verb, over any selection, in a constant number of statements.

    look      one INSERT … SELECT writes the journal: what each item is now, and the verdict on it
    settle    names that are taken get their outcome under the collision policy (`collisions`)
    apply     the verb changes every item that is still DONE
    finish    the outcomes are counted, the event is written

All of it is one transaction, so effect and outcome exist together or not at all. An operation of more items than
`AT_ONCE` is only begun here; `advance` then takes it forward, one chunk and one transaction at a time.
"""

import hashlib
from types import MappingProxyType
from typing import NoReturn, cast

import msgspec
from sqlalchemy import Connection, delete, select, update

from stackroom import faults
from stackroom.access import Actor, Role, require
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import operation, operation_pending
from stackroom.errors import Conflict, Invalid, NotFound
from stackroom.events import log
from stackroom.operations import (
    archive,
    collisions,
    copy,
    journal,
    move,
    purge,
    restore,
    selection,
    telling,
    undo,
)
from stackroom.operations import tally as tallies
from stackroom.operations import update as update_verb
from stackroom.operations.journal import CANCELLED, PAUSED, RUNNING, Operation
from stackroom.operations.outcome import Outcome
from stackroom.operations.request import (
    AT_ONCE,
    Changes,
    Collision,
    FailedOf,
    Ids,
    Matching,
    Request,
    Verb,
    clean_changes,
)
from stackroom.operations.run import FIELDS, Look, Run, VerbModule
from stackroom.operations.selection import Source
from stackroom.operations.tally import Tally

VERBS = MappingProxyType(
    {
        Verb.MOVE: cast("VerbModule", move),
        Verb.COPY: cast("VerbModule", copy),
        Verb.UPDATE: cast("VerbModule", update_verb),
        Verb.ARCHIVE: cast("VerbModule", archive),
        Verb.RESTORE: cast("VerbModule", restore),
        Verb.PURGE: cast("VerbModule", purge),
        Verb.UNDO: cast("VerbModule", undo),
    }
)
_FIXED_CHANGES = {Verb.ARCHIVE: Changes(archived=True), Verb.RESTORE: Changes(archived=False)}


class DryRun(Exception):
    """What an operation would do, found by doing it. Raised so that the transaction undoes it."""

    def __init__(self, seen: Operation, plan: str, samples: list[journal.Item]) -> None:
        super().__init__("dry run")
        self.operation = seen
        self.plan = plan
        self.samples = samples


def submit(conn: Connection, actor: Actor, request: Request, *, now: int) -> Operation:
    """Run an operation, or begin it if it is large; the operation as it then stands.

    Raises `Forbidden` when the role does not reach the verb, `Invalid` for a request that makes no sense,
    `Conflict` for a guard that does not hold. Then nothing has happened. Repeating it is a new operation: what a
    retry needs is an idempotency key (`library.answers`).
    """
    request = _checked(actor, request)
    source = _resolved(conn, actor, request, now=now)
    request = _placed(conn, request, source)
    if request.plan is not None:
        _check_plan(conn, request, source)
    request = _spelled(conn, request, source)
    operation_id = journal.begin(
        conn, actor, request, dataset_id=_dataset_id(request), total=source.count, now=now
    )
    tally = None
    if source.count > AT_ONCE:
        _begin_large(conn, request, operation_id, source)
    else:
        run = Run(conn, actor, request, operation_id=operation_id, count=source.count, now=now)
        tally = _work(run, source)
        _finish(run, tally)
    done = msgspec.structs.replace(journal.by_id(conn, actor, operation_id), tally=tally)
    if request.require_match and done.outcomes.get(Outcome.NOT_FOUND, 0) == done.total:
        raise NotFound(
            "none of these images is in this dataset",
            hint="Check the ids and the dataset; nothing was changed.",
        )
    return done


def preview(conn: Connection, actor: Actor, request: Request, *, now: int) -> NoReturn:
    """Do the whole operation, raise what it did as `DryRun`, and thereby have it rolled back."""
    request = _checked(actor, request)
    source = _resolved(conn, actor, request, now=now)
    request = _placed(conn, request, source)
    plan = _plan_token(conn, request, source)
    operation_id = journal.begin(
        conn, actor, request, dataset_id=_dataset_id(request), total=source.count, now=now
    )
    run = Run(conn, actor, request, operation_id=operation_id, count=source.count, now=now)
    _show(run, _work(run, source), plan)


def submit_undo(
    conn: Connection, actor: Actor, reference: str, *, dry_run: bool = False, now: int
) -> Operation:
    """Undo an operation: an operation itself. Raises `Conflict` if it is running or undone already, `Invalid` for a
    purge, which nothing brings back."""
    found = journal.hold(conn, actor, reference)
    require(actor, undo.ROLE, "undoing an operation")
    undo.check(found)
    fields = tuple(VERBS[found.verb].changes(found.request))
    request = Request(
        verb=Verb.UNDO,
        selection=Ids(b"", ()),
        undoes=found.verb,
        undone_fields=fields,
        item_events=found.request.item_events,  # who was told what became of an item hears of its end as well
    )
    source = undo.source(conn, found)
    source = msgspec.structs.replace(
        source, parameters={**source.parameters, "organization": actor.organization_id}
    )
    dataset_id = conn.scalar(select(operation.c.dataset_id).where(operation.c.id == found.id))
    operation_id = journal.begin(
        conn, actor, request, dataset_id=dataset_id, total=source.count, undo_of=found.id, now=now
    )
    if source.count > AT_ONCE and not dry_run:
        _snapshot(conn, operation_id, source)
    else:
        run = Run(conn, actor, request, operation_id=operation_id, count=source.count, now=now)
        tally = _work(run, source)
        if dry_run:
            _show(run, tally, "")
        _finish(run, tally)
    return journal.by_id(conn, actor, operation_id)


def advance(conn: Connection, operation_id: int, *, now: int) -> bool:
    """Take a large operation forward by one chunk. False when there is nothing left to do, or somebody is at it.

    A process may die at any point: the chunk's effect, its outcomes and what remains to be done commit together.
    """
    lock = "FOR UPDATE SKIP LOCKED" if flavour.of(conn) is flavour.POSTGRESQL else ""
    row = conn.execute(
        statement(
            f"SELECT actor, request, undo_of FROM operation WHERE id = :id AND state = '{RUNNING}' {lock}"
        ),
        {"id": operation_id},
    ).first()
    if row is None:
        return False
    actor = msgspec.json.decode(row.actor, type=Actor)
    request = msgspec.json.decode(row.request, type=Request)
    start = journal.first_pending(conn, operation_id)
    if start is not None:
        stop = start + AT_ONCE
        run = Run(conn, actor, request, operation_id=operation_id, count=AT_ONCE, start=start, now=now)
        tally = _work(run, _chunk(conn, run, row.undo_of, start, stop))
        mine = operation_pending.c.operation_id == operation_id
        conn.execute(delete(operation_pending).where(mine, operation_pending.c.position < stop))
        if journal.first_pending(conn, operation_id) is not None:
            journal.add_up(conn, operation_id, tally)
            return True
    run = Run(conn, actor, request, operation_id=operation_id, count=0, now=now)
    _finish(run, tallies.count(conn, operation_id))
    return False


def unfinished(conn: Connection) -> dict[int, int]:
    """Large operations with work to do, and the organization of each; the oldest first."""
    running = operation.c.state == RUNNING, operation.c.finished_at.is_(None)  # for the index of these few
    rows = conn.execute(
        select(operation.c.id, operation.c.organization_id).where(*running).order_by(operation.c.id)
    )
    return {row.id: row.organization_id for row in rows}


def set_state(conn: Connection, actor: Actor, reference: str, wanted: str, *, now: int) -> Operation:
    """Pause, resume or cancel a large operation. What is done stays done. Repeating it changes nothing.

    Raises `Conflict` (`already_finished`) when there is nothing left to pause.
    """
    found = journal.hold(conn, actor, reference)
    require(actor, VERBS[found.verb].ROLE, f"changing a running {found.verb.value}")
    if found.state == wanted:
        return found
    if found.finished_at is not None:
        raise Conflict(
            f"this {found.verb.value} has finished", code="already_finished", hint="Undo it instead."
        )
    if wanted in {RUNNING, PAUSED}:
        conn.execute(update(operation).where(operation.c.id == found.id).values(state=wanted))
    else:
        _cancel(conn, actor, found, now=now)
    return journal.by_id(conn, actor, found.id)


def _checked(actor: Actor, request: Request) -> Request:
    verb = VERBS[request.verb]
    role = Role.MEMBER if request.single else verb.ROLE
    name = "a permanent delete" if request.verb is Verb.PURGE else f"{request.verb.value} of images"
    require(actor, role, name)
    in_place = request.verb is Verb.COPY and request.in_place
    if request.verb in {Verb.MOVE, Verb.COPY} and request.target_folder is None and not in_place:
        raise Invalid(f"{request.verb.value}: a target folder is needed", code="missing_target")
    if request.single and (not isinstance(request.selection, Ids) or len(request.selection.asked) != 1):
        raise Invalid("a single request names exactly one item")
    changes = _FIXED_CHANGES.get(request.verb, Changes())
    if request.verb is Verb.UPDATE:
        changes = clean_changes(request.changes)
    selected = request.selection
    if isinstance(selected, Ids) and len(selected.asked) <= AT_ONCE:
        selected = selected.ascending()
    return msgspec.structs.replace(request, changes=changes, selection=selected)


def _resolved(conn: Connection, actor: Actor, request: Request, *, now: int) -> Source:
    # What has expired is gone for all but who removes it.
    return selection.resolve(conn, actor, request.selection, now=None if request.verb is Verb.PURGE else now)


def _placed(conn: Connection, request: Request, source: Source) -> Request:
    """A request that does not say in which dataset its target folder is: the one that the items are in."""
    if request.target_folder is None or request.target_dataset_id is not None:
        return request
    return msgspec.structs.replace(request, target_dataset_id=selection.only_dataset(conn, source))


def _spelled(conn: Connection, request: Request, source: Source) -> Request:
    """A request that knows what of a long operation's items is no id: in the snapshot that stands as `MALFORMED`."""
    failed = request.selection
    if source.count <= AT_ONCE or not isinstance(failed, FailedOf):
        return request
    failed = msgspec.structs.replace(failed, misspelt=selection.misspelt(conn, source))
    return msgspec.structs.replace(request, selection=failed)


def _dataset_id(request: Request) -> int | None:
    match request.selection:
        case Ids(dataset_id=int() as dataset_id):
            return dataset_id
        case Matching():
            return request.selection.filter.dataset_id
        case _:
            return request.target_dataset_id


def _work(run: Run, source: Source) -> Tally:
    """Look, settle, apply; what the items came to."""
    verb = VERBS[run.request.verb]
    if run.how is flavour.POSTGRESQL:
        _lock(run, source)
    _look(run, verb, source)
    faults.reach("apply:between-statements")
    if isinstance(run.request.selection, Ids | FailedOf):
        stop = run.start + run.count
        journal.note_malformed(run.conn, run.operation_id, run.request.selection, run.start, stop)
    seen = tallies.glance(run.conn, run.operation_id, run.start)
    takes_name = verb.takes_name(run)
    first = run.request.first_number or verb.FIRST_NUMBER
    settled = takes_name is not None and collisions.settle(run, seen, takes_name, first)
    tally = tallies.count(run.conn, run.operation_id, run.start, seen=None if settled else seen)
    verb.apply(run, renamed=tally.named > 0)
    telling.tell_of_changes(run)
    faults.reach("apply:before-commit")
    return tally


def _look(run: Run, verb: VerbModule, source: Source) -> None:
    # Where none of the items exists there is no place to put them, and nothing to judge.
    nowhere = run.request.target_folder is not None and run.request.target_dataset_id is None
    look = Look() if nowhere else verb.look(run)
    verdicts = [("a.id IS NULL", Outcome.NOT_FOUND)]
    if run.request.verb is not Verb.PURGE:  # what has expired is gone for all but who removes it
        verdicts.append(("a.expires_at <= :now", Outcome.NOT_FOUND))
    if run.request.verb is Verb.MOVE and not nowhere:  # a move stays in its dataset, whatever was selected
        verdicts.append((f"a.dataset_id <> {run.request.target_dataset_id}", Outcome.NOT_FOUND))
    cases = " ".join(f"WHEN {sql} THEN {int(outcome)}" for sql, outcome in [*verdicts, *look.verdicts])
    before = ", ".join(f"a.{field}" for field in FIELDS)
    sets = "".join(f", {column}" for column in look.sets)
    values = "".join(f", {sql}" for sql in look.sets.values())
    run.execute(
        f"""{run.how.insert} INTO operation_item (operation_id, line, position, asset_id, asset_uuid, asked, outcome,
                {", ".join(FIELDS)}, version, size{sets})
            SELECT CAST(:op AS bigint), r.n, {source.position}, a.id, r.uuid, {source.asked},
                CASE {cases} ELSE {int(Outcome.DONE)} END, {before}, a.version, a.size{values}
            FROM {source.joined()}""",
        **source.parameters,
        **look.parameters,
    )


def _lock(run: Run, source: Source) -> None:
    """Hold the assets in id order, so that two operations over the same ones cannot wait for each other in a ring."""
    run.execute(
        f"SELECT count(*) FROM (SELECT a.id FROM {source.joined('JOIN')} ORDER BY a.id {run.how.lock} OF a) held",
        **source.parameters,
    )


def _finish(run: Run, tally: Tally) -> None:
    journal.finish(run.conn, run.operation_id, tally, now=run.now)
    log.record(
        run.conn,
        run.actor,
        f"operation.{run.request.verb.value}",
        at=run.now,
        operation_id=run.operation_id,
        data={
            "total": sum(tally.outcomes.values()),
            "outcomes": {it.word: n for it, n in tally.outcomes.items()},
        },
    )


def _show(run: Run, tally: Tally, plan: str) -> NoReturn:
    journal.finish(run.conn, run.operation_id, tally, now=run.now)
    seen = journal.by_id(run.conn, run.actor, run.operation_id)
    raise DryRun(seen, plan, journal.items(run.conn, seen, limit=100))


def _begin_large(conn: Connection, request: Request, operation_id: int, source: Source) -> None:
    if request.on_collision is Collision.FAIL:
        raise Invalid(
            f"on_collision fail is for up to {AT_ONCE} items, which are one transaction",
            code="too_many_for_all_or_nothing",
            hint="Look at a dry run first, or ask for skip: skipped items can be retried.",
        )
    _snapshot(conn, operation_id, source)


def _snapshot(conn: Connection, operation_id: int, source: Source) -> None:
    conn.execute(
        statement(f"""INSERT INTO operation_pending (operation_id, position, asset_uuid)
            SELECT CAST(:op AS bigint), r.n, r.uuid FROM {source.rows} r"""),
        {**source.parameters, "op": operation_id},
    )


def _chunk(conn: Connection, run: Run, undo_of: int | None, start: int, stop: int) -> Source:
    if undo_of is None:
        where = selection.restriction(run.request.selection)
        return selection.pending(run.operation_id, run.actor.organization_id, start, stop, dataset_id=where)
    source = undo.source(conn, journal.by_id(conn, run.actor, undo_of))
    parameters = {**source.parameters, "organization": run.actor.organization_id}
    return selection.within(msgspec.structs.replace(source, parameters=parameters), start, stop)


def _cancel(conn: Connection, actor: Actor, found: Operation, *, now: int) -> None:
    conn.execute(
        statement(f"""INSERT INTO operation_item (operation_id, line, position, asset_uuid, outcome)
            SELECT operation_id, position, position, asset_uuid, {int(Outcome.CANCELLED)} FROM operation_pending
            WHERE operation_id = :op"""),
        {"op": found.id},
    )
    conn.execute(delete(operation_pending).where(operation_pending.c.operation_id == found.id))
    if isinstance(found.request.selection, Ids | FailedOf):
        journal.note_malformed(conn, found.id, found.request.selection, 0, found.total)
    journal.finish(conn, found.id, tallies.count(conn, found.id), state=CANCELLED, now=now)
    log.record(conn, actor, "operation.cancelled", at=now, operation_id=found.id)


def _plan_token(conn: Connection, request: Request, source: Source) -> str:
    """Stands for the request and for exactly which items it would touch, in which state."""
    rows = conn.execute(
        statement(f"SELECT r.uuid, a.version FROM {source.joined()} ORDER BY r.n"), source.parameters
    )
    asked = msgspec.structs.replace(request, plan=None, selection=Ids(b"", ()))
    token = hashlib.sha256(msgspec.json.encode(asked))
    for uuid, version in rows:
        token.update(uuid + b"%d;" % (version or 0))
    return token.hexdigest()


def _check_plan(conn: Connection, request: Request, source: Source) -> None:
    if _plan_token(conn, request, source) != request.plan:
        raise Conflict(
            "what matches has changed since the dry run; nothing was changed",
            code="plan_outdated",
            hint="Make the dry run again, look at it, and run that plan.",
        )
