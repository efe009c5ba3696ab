"""A library with two customers, and a folder that it believes to be a host, served in this process."""

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from sqlalchemy import Connection, Table, event, func, insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database import schema
from stackroom.library import organizations
from stackroom.library.organizations import Organization
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until
from stackroom.testing.served import Served

on_both_databases = pytest.mark.parametrize(
    "new_database_url", ["sqlite", "postgresql"], indirect=True, scope="session"
)
_STATEMENT = "before_cursor_execute"
ORIGIN = "https://files.example/"
"""What is here is in the folder `House.originals`, as far as the server can tell."""


class Customer:
    """An organization, and what its owner's key is sent as: `auth` for Basic."""

    def __init__(self, organization: Organization, key_id: str, token: str, keys: dict[str, str]) -> None:
        self.organization = organization
        self.number = organization.number
        self.auth = (key_id, token)
        self.keys = keys

    @property
    def actor(self) -> Actor:
        return organizations.system_actor(self.organization)


class House(Served):
    """Ask it anything: `house.post("queue", …)` is below the customer's own address, "/queue" is not."""

    LOGGED = logging.ERROR

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.originals = folder / "originals"
        self.originals.mkdir()
        super().__init__(
            Settings(
                data_dir=folder / "data",
                origin_rewrites=f"{ORIGIN}={self.originals}/",
                pixel_processes=1,
                **settings,
            )
        )

    def __enter__(self) -> Self:
        super().__enter__()
        self.customer, self.stranger = self.a_customer(), self.a_customer()
        return self

    @contextmanager
    def transactions(self) -> Iterator[list[list[str]]]:
        """Collects the transactions that the server runs meanwhile, each by its statements. Some are nobody's whom the
        test knows: the server looks around by itself."""
        ran: list[list[str]] = []
        running: dict[object, list[str]] = {}

        def begin(conn: object) -> None:
            running[conn] = []
            ran.append(running[conn])

        def note(conn: object, _cursor: object, sql: str, *_rest: object) -> None:
            # SQLite's is said before `begin` is: it would be noted as the last transaction's.
            if not sql.startswith("BEGIN"):
                running.setdefault(conn, []).append(sql)

        engines = {self.read(lambda conn: conn.engine), self.write(lambda conn: conn.engine)}
        heard = [(each, what, do) for each in engines for what, do in (("begin", begin), (_STATEMENT, note))]
        for each, what, do in heard:
            event.listen(each, what, do)
        try:
            yield ran
        finally:
            for each, what, do in heard:
                event.remove(each, what, do)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """What is begun meanwhile gets no further than that."""
        gate, pipeline = asyncio.Event(), self.services.pipeline
        attempt = pipeline._attempt

        async def held(job: Any) -> Any:
            await gate.wait()
            return await attempt(job)

        pipeline._attempt = held  # type: ignore[method-assign]  # for a moment
        try:
            yield
        finally:
            pipeline._attempt = attempt  # type: ignore[method-assign]
            self._loop.call_soon_threadsafe(gate.set)

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, *, of: Customer | None = None, **options: Any) -> httpx.Response:
        """As an owner of the customer, unless `auth` or headers say otherwise; `auth=None` sends no key at all."""
        who = of or self.customer
        options.setdefault("auth", who.auth)
        whole = path.startswith(("/", "http"))
        return self.http.request(method, path if whole else f"/customers/{who.number}/{path}", **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **({} if body is None else {"json": body}), **options)

    def submit(self, *members: dict[str, Any], lane: str = "queue", **options: Any) -> httpx.Response:
        return self.post(lane, {"@type": "Collection", "member": list(members)}, **options)

    def numbers(self, path: str, **query: Any) -> list[int]:
        """The batches of a list, by their numbers, in its order."""
        found = self.get(path, params=query)
        assert found.status_code == 200, found.text
        return [int(each["@id"].rpartition("/")[2]) for each in found.json()["member"]]

    def finished(self, batch: str | dict[str, Any], of: Customer | None = None) -> dict[str, Any]:
        """A batch, when it is."""
        address = batch if isinstance(batch, str) else batch["@id"]
        done = wait_until(lambda: "finished" in self.get(address, of=of).json(), seconds=30)
        body: dict[str, Any] = self.get(address, of=of).json()
        assert done, body
        return body

    # --- what is there -----------------------------------------------------------------------------------------------

    def a_customer(self, **columns: Any) -> Customer:
        """Another organization with a key of every role; `legacy=True` for one with clients of old."""

        def work(conn: Connection) -> Customer:
            made = organizations.create_organization(conn, f"Customer {uuid.uuid4().hex}", now=self.now())
            if columns:
                where = schema.organization.c.id == made.id
                conn.execute(update(schema.organization).where(where).values(**columns))
            keys = {
                role.word: organizations.create_key(conn, made, role=role, now=self.now()) for role in Role
            }
            owner = keys["owner"]
            return Customer(
                organizations.by_id(conn, made.id),
                ids.text(owner.uuid),
                owner.token,
                {role: each.token for role, each in keys.items()},
            )

        return self.write(work)

    def a_space(self, of: Customer | None = None) -> int:
        made = self.post("spaces", {"name": f"space {uuid.uuid4().hex}"}, of=of)
        assert made.status_code == 201, made.text
        return int(made.json()["id"])

    def an_original(self, name: str = "", content: bytes | None = None) -> str:
        """A file that the server can fetch, and where it believes it to be."""
        name = name or f"{uuid.uuid4().hex}.png"
        seed = uuid.uuid4().int % 2**24
        (self.originals / name).write_bytes(picture("png", 40, 30, seed=seed) if content is None else content)
        return ORIGIN + name

    def a_member(self, space: int, key: str, **said: Any) -> dict[str, Any]:
        """A member of a POST to a queue, with a picture for an origin."""
        plain = {"id": key, "space": space, "mediaType": "image/png"}
        origin = {} if "origin" in said else {"origin": self.an_original()}
        return {name: value for name, value in {**plain, **origin, **said}.items() if value is not ...}

    def a_batch(self, of: Customer | None = None, **columns: Any) -> int:
        """A batch as the database may hold it, whatever led to that."""
        who = of or self.customer
        row = {
            "uuid": ids.new(),
            "organization_id": who.organization.id,
            "priority": 1,
            "count": 0,
            "created_at": self.now(),
            **columns,
        }
        return self.write(lambda conn: int(conn.execute(insert(schema.batch), row).inserted_primary_key[0]))

    def counts(self) -> dict[str, int]:
        """How many there are of all that accepting a batch makes."""
        tables = schema.asset, schema.batch, schema.job, schema.event, schema.registration
        return {each.name: self.count(each) for each in tables}

    def count(self, table: Table) -> int:
        return self.read(lambda conn: conn.scalar(select(func.count()).select_from(table)) or 0)

    def batch_row(self, number: int) -> Any:
        return self.read(
            lambda conn: conn.execute(select(schema.batch).where(schema.batch.c.id == number)).one()
        )
