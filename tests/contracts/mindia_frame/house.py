"""The Mindia face over an open library, in this process: `face.get(...)`, at a time that stands still."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import structlog

from stackroom import clock, ids
from stackroom.access import Actor, Role
from stackroom.app import open_library
from stackroom.database.transaction import Connection, T, Work
from stackroom.library import organizations
from stackroom.settings import Settings
from stackroom.web.server import make_server

PREFIX = "/api/v0"
on_both_databases = pytest.mark.parametrize(
    "new_database_url", ["sqlite", "postgresql"], indirect=True, scope="session"
)
NO_LIMITS = {"requests_per_minute": 0, "organization_requests_per_minute": 0, "failed_logins": 0}


class Tenant:
    """An organization with a key for each role."""

    def __init__(self, actor: Actor, keys: dict[str, tuple[str, str]]) -> None:
        self.actor = actor
        self.id = ids.text(actor.organization_uuid)
        self.keys = {role: token for role, (token, _) in keys.items()}
        self.key_ids = {role: key_id for role, (_, key_id) in keys.items()}


class Face:
    """The face, asked as `tenant`; a path is one below /api/v0."""

    def __init__(self, settings: Settings) -> None:
        # What is refused and what breaks here does so on purpose.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.moment = clock.now()
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        self.services = self.do(self._open.enter_async_context(open_library(settings, lambda: self.moment)))
        self.server = make_server(self.services)
        self.http = self.client("198.51.100.7")
        self.tenant, self.stranger = self.a_tenant(), self.a_tenant()

    def client(self, address: str) -> httpx.AsyncClient:
        """Somebody who calls from there."""
        transport = httpx.ASGITransport(self.server, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://library.example")

    def close(self) -> None:
        self.do(self.http.aclose())
        self.do(self._open.aclose())
        self._loop.close()
        structlog.reset_defaults()

    def do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def wait(self, seconds: float) -> None:
        self.moment += round(seconds * clock.SECOND)

    def read(self, work: Work[T]) -> T:
        return self.do(self.services.database.read(work))  # type: ignore[no-any-return]  # `do` runs anything

    def write(self, work: Work[T]) -> T:
        return self.do(self.services.database.write(work))  # type: ignore[no-any-return]  # the same

    def a_tenant(self) -> Tenant:
        def work(conn: Connection) -> Tenant:
            owner = organizations.create_organization(conn, f"tenant {ids.new().hex()}", now=1)
            keys = {}
            for role in Role:
                made = organizations.create_key(conn, owner, role=role, name=role.word, now=1)
                keys[role.word] = made.token, ids.text(made.uuid)
            return Tenant(organizations.system_actor(owner), keys)

        return self.write(work)

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.ask("GET", path, **rest)

    def post(self, path: str, body: object = None, **rest: Any) -> httpx.Response:
        return self.ask("POST", path, **({} if body is None else {"json": body}), **rest)

    def delete(self, path: str, **rest: Any) -> httpx.Response:
        return self.ask("DELETE", path, **rest)

    def ask(
        self,
        method: str,
        path: str,
        *,
        role: str = "owner",
        of: Tenant | None = None,
        key: str | None = None,
        once: str | None = None,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        signed = {"Authorization": f"Bearer {key or (of or self.tenant).keys[role]}"}
        named = {} if once is None else {"Idempotency-Key": once}
        return self.raw(method, PREFIX + path, headers={**signed, **named, **(headers or {})}, **rest)

    def raw(
        self, method: str, url: str, *, client: httpx.AsyncClient | None = None, **rest: Any
    ) -> httpx.Response:
        answer: httpx.Response = self.do((client or self.http).request(method, url, **rest))
        return answer


def envelope(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's body, which is the error envelope and nothing else."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert set(body) == {"error", "details", "error_type", "code", "recoverable", "suggested_action"}
    assert body["error"]
    assert body["suggested_action"]
    return body
