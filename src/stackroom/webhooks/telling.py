"""From events to deliveries: who wants to be told of what has happened.

An event that somebody may want to hear of is `untold` until this has looked at it. What it makes of it, a delivery for
each endpoint that wants it and the job that brings it there, stands in the transaction that says that it is told: so
nothing is lost and nothing made twice, whoever dies, and several servers may do this at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, Row

from stackroom import faults, ids
from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.columns import columns, take_numbers
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.events.kinds import OF_ITEMS
from stackroom.queue.jobs import DEFAULT
from stackroom.queue.submit import submit_many

log = structlog.get_logger(__name__)

KIND: Final = "delivery"
IDLE: Final = 1.0
"""Seconds between looks for events that nobody announced."""
PAUSE: Final = 0.02
"""Seconds between a wake and the look, for others that may come along."""
PORTION: Final = 500
"""How many events one transaction tells, at most."""
MOST: Final = 10_000
"""How many deliveries it makes of them, unless a single event has more."""


class Task(msgspec.Struct, frozen=True):
    """What a job of this kind is about."""

    delivery: int
    endpoint: int


class Told(msgspec.Struct, frozen=True):
    """How many events were told, and how many deliveries that makes."""

    events: int = 0
    deliveries: int = 0


class Teller:
    """One task of a server. `wake` says that something may have happened; otherwise it looks after `idle` seconds."""

    def __init__(
        self, database: Database, deliver: Callable[[], None], now: Clock, *, idle: float = IDLE
    ) -> None:
        self._database = database
        self._deliver = deliver
        self._now = now
        self._idle = idle
        self._awake = asyncio.Event()

    def wake(self) -> None:
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled. What fails is logged, and tried again a second later."""
        while True:
            self._awake.clear()
            try:
                await self._tell()
            except Exception:
                log.exception("webhooks.not_told")
                await asyncio.sleep(self._idle)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), self._idle)
            await asyncio.sleep(PAUSE)

    async def _tell(self) -> None:
        # A write goes to the disk even if it changes nothing, so looking comes first.
        while await self._database.read(any_untold):
            told = await self._database.write(lambda conn: tell(conn, now=self._now()))
            if told.deliveries:
                self._deliver()
            if not told.events:  # another server has them in hand, and may not come to its end
                return


def any_untold(conn: Connection) -> bool:
    return bool(conn.scalar(statement("SELECT EXISTS (SELECT 1 FROM event WHERE untold)")))


def tell(conn: Connection, *, limit: int = PORTION, now: int) -> Told:
    """Make the deliveries of up to so many untold events, oldest first, but for those that another server has in hand.
    A constant number of statements for each organization."""
    how = flavour.of(conn)
    events = conn.execute(
        statement(
            f"""SELECT id, organization_id, type, at, asset_uuid, operation_id, data FROM event WHERE untold
                ORDER BY id LIMIT :limit {how.skip}"""
        ),
        {"limit": limit},
    ).all()
    if not events:
        return Told()
    told, wanted = _wanted(conn, events)
    conn.execute(
        statement(f"{how.update} event SET untold = false WHERE id {how.among.format(name='events')}"),
        {"events": _json(told)},
    )
    _deliver(conn, wanted, now=now)
    faults.reach("tell:before-commit")
    return Told(len(told), sum(map(len, wanted.values())))


def _wanted(
    conn: Connection, events: Sequence[Row[Any]]
) -> tuple[list[int], dict[int, list[tuple[int, int]]]]:
    """The events that can be told together, and for each organization, which of them goes to which endpoint: in the
    order of events, and of endpoints."""
    how = flavour.of(conn)
    rows = conn.execute(
        statement(
            f"""SELECT id, uuid, organization_id, event_types, per_item, asset_kind, created_at FROM webhook_endpoint
                WHERE organization_id {how.among.format(name="organizations")} AND enabled ORDER BY id"""
        ),
        {"organizations": _json(sorted({each.organization_id for each in events}))},
    )
    listening = defaultdict(list)
    for row in rows:
        listening[row.organization_id].append(Listener(row))
    particular = {each for each, them in listening.items() if any(it.asset_kind for it in them)}
    kinds = _kinds(conn, [each for each in events if each.organization_id in particular])
    told: list[int] = []
    wanted: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    count = 0
    for event in events:
        listeners = [it for it in listening[event.organization_id] if it.wants(event, kinds.get(event.id))]
        count += len(listeners)
        if told and count > MOST:
            break
        told.append(event.id)
        for each in listeners:
            wanted[event.organization_id].append((event.id, each.id))
    return told, wanted


class Listener:
    """An endpoint, as far as it matters for what it wants to be told of."""

    def __init__(self, row: Row[Any]) -> None:
        self.id: int = row.id
        self.asset_kind: str | None = row.asset_kind
        self._name = ids.text(row.uuid)
        self._types: Collection[str] = frozenset(msgspec.json.decode(row.event_types))
        self._per_item: bool = row.per_item
        self._since: int = row.created_at

    def wants(self, event: Row[Any], kind: str | None) -> bool:
        """`kind` is that of the asset that the event is about, if it is about one."""
        if self._types and event.type not in self._types:
            return False
        if event.at < self._since or (event.type == "webhook.created" and self._name in event.data):
            return False  # it was not there yet
        if kind is not None and self.asset_kind not in {None, kind}:
            return False
        if event.type.startswith("operation."):
            return not self._per_item
        item = event.operation_id is not None and event.type in OF_ITEMS
        return self._per_item or not item


def _kinds(conn: Connection, events: Sequence[Row[Any]]) -> dict[int, str]:
    """Of which kind the asset of each event is: as the event says, or as the asset is; "image" if neither can tell."""
    of_assets = [each for each in events if each.asset_uuid is not None]
    said = {each.id: msgspec.json.decode(each.data, type=_OfKind).kind for each in of_assets}
    silent = list({each.asset_uuid for each in of_assets if said[each.id] is None})
    found: dict[bytes, str] = {}
    if silent:
        how = flavour.of(conn)
        there = how.probe.format(table="asset", alias="a", where="a.uuid = p.uuid")
        rows = conn.execute(
            statement(f"SELECT a.uuid, a.kind FROM {how.packed} p {there}"),
            {"packed": b"".join(silent), "count": len(silent)},
        )
        found = {row.uuid: row.kind for row in rows}
    return {each.id: said[each.id] or found.get(each.asset_uuid, "image") for each in of_assets}


class _OfKind(msgspec.Struct, frozen=True):
    kind: str | None = None


def _deliver(conn: Connection, wanted: Mapping[int, Sequence[tuple[int, int]]], *, now: int) -> None:
    count = sum(map(len, wanted.values()))
    numbers = iter(take_numbers(conn, "delivery", count))
    job_numbers = iter(take_numbers(conn, "job", count))
    tasks: dict[int, list[Task]] = {}
    job_ids: dict[int, list[int]] = {}
    for organization_id in sorted(wanted):  # who holds several lanes must take them in one order
        pairs = wanted[organization_id]
        tasks[organization_id] = [Task(next(numbers), endpoint_id) for _, endpoint_id in pairs]
        job_ids[organization_id] = [next(job_numbers) for _ in pairs]
        _insert(conn, organization_id, pairs, tasks[organization_id], job_ids[organization_id], now=now)
    for organization_id, theirs in tasks.items():
        submit_many(
            conn,
            organization_id=organization_id,
            kind=KIND,
            priority=DEFAULT,
            tasks=[_json(each) for each in theirs],
            asset_ids=[None] * len(theirs),
            positions=[0] * len(theirs),
            job_ids=job_ids[organization_id],
            batch_id=None,
            now=now,
        )


def _insert(
    conn: Connection,
    organization_id: int,
    pairs: Sequence[tuple[int, int]],
    tasks: Sequence[Task],
    job_ids: Sequence[int],
    *,
    now: int,
) -> None:
    how = flavour.of(conn)
    said, parameters = columns(
        how,
        "rows",
        len(pairs),
        numbers={
            "id": [each.delivery for each in tasks],
            "event_id": [event_id for event_id, _ in pairs],
            "endpoint_id": [endpoint_id for _, endpoint_id in pairs],
            "job_id": job_ids,
        },
        uuids={"uuid": ids.new_block(len(pairs))},
    )
    conn.execute(
        statement(
            f"""{how.insert} INTO delivery
                    (id, uuid, organization_id, endpoint_id, event_id, job_id, created_at, next_at)
                SELECT r.id, r.uuid, CAST(:organization AS bigint), r.endpoint_id, r.event_id, r.job_id,
                    CAST(:now AS bigint), CAST(:now AS bigint) FROM {said} r"""
        ),
        {"organization": organization_id, "now": now, **parameters},
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
