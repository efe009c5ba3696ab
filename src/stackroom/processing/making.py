"""Making the vectors of a round: a few seconds of it at a time, in small transactions."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection

from stackroom import faults
from stackroom.clock import Clock
from stackroom.database.transaction import Database
from stackroom.errors import Unavailable
from stackroom.library import embeddings, vectors
from stackroom.library.embeddings import Embedder, Said, Subject
from stackroom.library.vectors import Made, Model
from stackroom.processing import embedding, rounds
from stackroom.processing.embedding import put_off
from stackroom.processing.rounds import Round
from stackroom.queue.jobs import Claimed, Result, State

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 5
PAGE: Final = 1_000
"""How many assets are looked at together, at most."""
PORTION: Final = 100
"""How many vectors one transaction keeps: some milliseconds of SQLite's one writer."""
BUSY: Final = 0.1
"""Seconds that a portion is not kept for unless others are writing, too. They go first: it rests for as long again."""
TURN: Final = 2.0
"""Seconds after which it is another organization's turn."""
OWN_JOB: Final = f"""EXISTS (SELECT 1 FROM job j JOIN lane l ON l.id = j.lane_id
    WHERE j.asset_id = b.id AND j.state IN (0, 1, 5) AND l.kind = '{embedding.KIND}')"""
"""That an asset `b` waits for a job of its own, which a round leaves it to."""


class Page(msgspec.Struct, frozen=True):
    """Assets that are to get their vectors, those that have the same as another already, and where it goes on: at a
    kind, after a row id. None if that was the last page."""

    found: list[Subject]
    same: dict[bytes, int]
    then: tuple[str, int] | None


class Making:
    """Handles jobs of kind `embed-missing` (`queue.jobs.Handler`)."""

    max_attempts = ATTEMPTS

    def __init__(self, database: Database, embedder: Embedder | None, now: Clock) -> None:
        self._database = database
        self._embedder = embedder
        self._now = now

    async def run(self, job: Claimed) -> Result:
        """Take the round of the job's organization further. Raises `Unavailable` if the embedder fails at anything:
        then it is tried again, as often as it takes."""
        seen, model = await self._database.read(partial(_standing, organization_id=job.organization_id))
        if seen is None or seen.state != rounds.RUNNING or model is None:
            return Result(job=job, state=State.DONE)
        if self._embedder is None or not model.is_of(self._embedder):
            why = f"the library's embedder is {model.name}"
            return put_off(job, self._now(), embedding.ELSEWHERE, "other_embedder", why)
        begun, made, failed = time.monotonic(), 0, 0
        kind, after = seen.kind, seen.after_id
        while True:
            look = partial(page, seen=seen, model=model, kind=kind, after=after)
            found = await self._database.read(look)
            kept = await self._keep(found, model, self._embedder)
            made, failed = made + kept[0], failed + kept[1]
            if found.then is None:
                end = partial(rounds.finish, seen=seen, done=made, failed=failed)
                return Result(job=job, state=State.DONE, effect=end)
            kind, after = found.then
            if time.monotonic() - begun >= TURN:
                break
        far = partial(rounds.advance, seen=seen, kind=kind, after=after, done=made, failed=failed)
        more = put_off(job, self._now(), 0, "going_on", "its next turn comes at once")
        return msgspec.structs.replace(more, effect=far)

    def given_up(self, conn: Connection, job: Claimed, code: str, reason: str, now: int) -> None:
        """What lacks a vector still does, and a later round makes it."""
        rounds.give_up(conn, job.organization_id, f"{code}: {reason}", now=now)

    def cancelled(self, conn: Connection, jobs: Sequence[Claimed], now: int) -> None:
        """Whoever ended the round has noted that."""

    async def _keep(self, found: Page, model: Model, embedder: Embedder) -> tuple[int, int]:
        """Keep the vectors of a page; how many, and of how many assets none can be made."""
        kept = failed = 0
        known: dict[bytes, bytes | None] = {}
        for start in range(0, len(found.found), PORTION):
            portion = found.found[start : start + PORTION]
            made = await asyncio.to_thread(_made, embedder, portion, found.same, known)
            began = time.monotonic()
            kept += await self._database.write(partial(self._put, model=model, made=made))
            faults.reach("embed:after-portion")
            waited = time.monotonic() - began
            if waited > BUSY:
                await asyncio.sleep(min(waited, TURN))
            failed += sum(each.vector is None and each.same_as is None for each in made)
        return max(kept - failed, 0), failed

    def _put(self, conn: Connection, *, model: Model, made: Sequence[Made]) -> int:
        return vectors.put_all(conn, model, made, now=self._now())


def page(conn: Connection, *, seen: Round, model: Model, kind: str, after: int, limit: int = PAGE) -> Page:
    """The next assets of a round that are to get their vectors. Three or four statements, whatever their number; there
    may be none of them, and more on the next page."""
    whose = seen.organization_id
    if seen.again:
        window = vectors.following(conn, whose, kind=kind, after=after, limit=limit)
    else:
        window = vectors.lacking(conn, whose, model.name, kind=kind, after=after, limit=limit, unless=OWN_JOB)
    found = embeddings.subjects(conn, window.asset_ids)
    digests = sorted({embeddings.digest(each.said) for each in found})
    # Made again must be what was made before the round began.
    since = seen.began_at if seen.again else 0
    same = vectors.alike(conn, whose, model, digests, since=since)
    return Page(found, same, _then(kind, window.up_to))


def lacks(
    conn: Connection, *, whose: int, model: Model, kind: str, after: int
) -> tuple[bool, tuple[str, int] | None]:
    """Whether an asset of the next window lacks its vector; and if not, where to look next, None if nowhere."""
    window = vectors.lacking(conn, whose, model.name, kind=kind, after=after, limit=1, unless=OWN_JOB)
    return bool(window.asset_ids), _then(kind, window.up_to)


def _then(kind: str, up_to: int | None) -> tuple[str, int] | None:
    if up_to is not None:
        return kind, up_to
    later = rounds.KINDS[rounds.KINDS.index(kind) + 1 :]
    return (later[0], 0) if later else None


def _standing(conn: Connection, organization_id: int) -> tuple[Round | None, Model | None]:
    return rounds.find(conn, organization_id), vectors.chosen(conn)


def _made(
    embedder: Embedder, found: Sequence[Subject], same: Mapping[bytes, int], known: dict[bytes, bytes | None]
) -> list[Made]:
    """What is to be kept of each. What the embedder fails at twice, while it does not fail at something else, has no
    vector. Raises `Unavailable` if it fails at that as well."""
    failed: dict[bytes, Subject] = {}
    for about in found:
        said = embeddings.digest(about.said)
        if said in same or said in known:
            continue
        known[said] = _vector(embedder, about.said)
        if known[said] is None:
            failed[said] = about
        time.sleep(0)  # the server's own thread has its turn after each, and not when it insists
    if failed:
        if _vector(embedder, Said(name="picture")) is None:
            for said in failed:
                del known[said]
            raise Unavailable("the embedder fails at everything", code="embedder_unavailable")
        for said, about in failed.items():
            known[said] = _vector(embedder, about.said, last=True)
    return [_kept(about, same, known) for about in found]


def _kept(about: Subject, same: Mapping[bytes, int], known: Mapping[bytes, bytes | None]) -> Made:
    said = embeddings.digest(about.said)
    return Made(about, known.get(said), same.get(said))


def _vector(embedder: Embedder, said: Said, *, last: bool = False) -> bytes | None:
    try:
        return embeddings.packed(embedder.of_asset(said), embedder.dim)
    except Exception as error:  # noqa: BLE001 - whatever an embedder of somebody's raises
        if last:
            log.warning("embedding.failed", name=said.name, error=repr(error))
        return None
