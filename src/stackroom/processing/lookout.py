"""The lookout: sees that assets lack their vectors, and has a round begun that makes them.

Nobody announces anything to it. It reads what has been recorded since it last looked: every change writes its event in
its own transaction, whoever makes it. Where something has happened that may have brought assets or given them other
words, it looks for one that lacks its vector, and only if there is one a round is begun. At the start, and every hour,
it looks everywhere. Organizations that do not search by meaning (`vectors.SEARCHED`) are left alone.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection

from stackroom.clock import Clock
from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.transaction import Database
from stackroom.library import vectors
from stackroom.library.embeddings import Embedder
from stackroom.library.vectors import Model
from stackroom.processing import making, rounds

log = structlog.get_logger(__name__)

IDLE: Final = 1.0
"""Seconds between looks."""
EVERYWHERE: Final = 3600.0
"""Seconds after which all organizations are looked through, whether or not anything is recorded."""
LATE: Final = 30.0
"""Seconds after which it is looked again where others may have written meanwhile: with PostgreSQL an event may be seen
after one that was recorded later."""
REST: Final = 20
"""An organization is looked through again after so many times as long as that has taken: so looking never takes more
than a twentieth of anybody's time, however large an organization is and however much comes in."""


class News(msgspec.Struct, frozen=True):
    """What has been recorded: up to which event, and of whom since the last time. `late`: events may yet be seen that
    were recorded before these."""

    newest: int
    whose: list[int]
    late: bool


class Lookout:
    """One task of a server. `when_begun` is told that there is a round to be made. Any number of servers may do this
    at once: what they begin is one row."""

    def __init__(
        self, database: Database, embedder: Embedder | None, when_begun: Callable[[], None], now: Clock
    ) -> None:
        self._database = database
        self._model = (None, 0) if embedder is None else (embedder.model, embedder.dim)
        self._when_begun = when_begun
        self._now = now
        self._seen = 0
        self._everywhere_at = 0.0
        self._due: dict[int, float] = {}
        """When to look through which organization; `_late`: and when once more. `_rested`: not before that."""
        self._late: dict[int, float] = {}
        self._rested: dict[int, float] = {}

    async def run(self) -> None:
        """Work until cancelled. What fails is logged, and tried again a second later."""
        started = False
        while True:
            try:
                if not started:
                    await self.start()
                    started = True
                await self.look()
            except Exception:
                log.exception("embedding.not_looked")
            await asyncio.sleep(IDLE)

    async def start(self) -> None:
        """Say what makes the vectors from now on. Whichever server has started last is right."""
        name, dim = self._model
        before = await self._database.read(vectors.chosen)
        if _named(before) == self._model:
            return
        changed = await self._database.write(lambda conn: rounds.choose(conn, name, dim, now=self._now()))
        if changed:
            log.info("embedding.chosen", model=name, before=None if before is None else before.name)

    async def look(self) -> int:
        """Look wherever it is time to; how many rounds were begun or gone on with."""
        model = await self._database.read(vectors.chosen)
        if model is None or _named(model) != self._model:
            return 0  # nothing is embedded, or by another server's model: that one looks out
        await self._note_news()
        running = await self._database.read(rounds.under_way)
        begun = 0
        for whose in [each for each, has_job in running.items() if not has_job]:
            await self._database.write(partial(rounds.resume, organization_id=whose, now=self._now()))
            begun += 1
        for whose in self._ready():
            if whose not in running:  # else it is looked through when that is over
                begun += await self._look_through(whose, model)
        if begun:
            self._when_begun()
        return begun

    async def _note_news(self) -> None:
        at = time.monotonic()
        everywhere = at >= self._everywhere_at
        news = await self._database.read(partial(_news, after=self._seen, everywhere=everywhere))
        self._seen = news.newest
        if everywhere:
            self._everywhere_at = at + EVERYWHERE
        for whose in news.whose:
            self._due[whose] = at
            if news.late and not everywhere:
                self._late[whose] = at + LATE

    def _ready(self) -> list[int]:
        at = time.monotonic()
        for whose in [each for each, late in self._late.items() if late <= at]:
            self._due.setdefault(whose, self._late.pop(whose))
        return [each for each in self._due if self._rested.get(each, 0.0) <= at]

    async def _look_through(self, whose: int, model: Model) -> bool:
        """Begin a round at the first asset of an organization that lacks its vector; whether there is one."""
        began = time.monotonic()
        where: tuple[str, int] | None = (rounds.KINDS[0], 0)
        found = False
        while where is not None:
            kind, after = where
            look = partial(making.lacks, whose=whose, model=model, kind=kind, after=after)
            found, where = await self._database.read(look)
            if found:
                begin = partial(rounds.begin, organization_id=whose, kind=kind, after=after, now=self._now())
                await self._database.write(begin)
                break
        # What happens from here on is news. If another server was quicker, its round is running.
        self._due.pop(whose, None)
        ended = time.monotonic()
        self._rested[whose] = ended + REST * (ended - began)
        return found


def _named(model: Model | None) -> tuple[str | None, int]:
    return (None, 0) if model is None else (model.name, model.dim)


def _news(conn: Connection, after: int, *, everywhere: bool) -> News:
    """One or two statements."""
    late = flavour.of(conn) is flavour.POSTGRESQL
    newest = conn.scalar(statement("SELECT max(id) FROM event")) or 0
    if everywhere:
        return News(newest, sorted(vectors.searched(conn)), late)
    if newest <= after:
        return News(newest, [], late)
    happened = f"""SELECT o.id FROM organization o WHERE {vectors.SEARCHED} AND o.id IN
        (SELECT organization_id FROM event WHERE id > :after
            AND (substr(type, 1, 6) = 'asset.' OR substr(type, 1, 10) = 'operation.'))"""
    return News(newest, list(conn.scalars(statement(happened), {"after": after})), late)
