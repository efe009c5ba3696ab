"""A server in a thread of this process, reached over a real socket as its clients do, with tenants as needed."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx
from sqlalchemy import ColumnElement, Connection, Table, func, select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database import schema
from stackroom.library import organizations
from stackroom.library.organizations import Organization
from stackroom.settings import Settings
from stackroom.testing.processes import wait_until
from stackroom.testing.served import Served

from . import promises

PREFIX = "/api/v0"
NOT_THERE = "Media not found"
FAR_FROM_ANY_LIMIT: dict[str, Any] = {
    "workers": 2,
    "pixel_processes": 1,
    "webhook_allow": "127.0.0.1",
    "requests_per_minute": 0,
    "organization_requests_per_minute": 0,
    "failed_logins": 0,
}
"""What no test of this house is about, unless its module sets it otherwise."""


class Tenant:
    """An organization, and its owner's key."""

    def __init__(self, organization: Organization, key: bytes, token: str) -> None:
        self.organization = organization
        self.id = ids.text(organization.uuid)
        self.key_id = ids.text(key)
        self.token = token

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def actor(self) -> Actor:
        return organizations.system_actor(self.organization)


class House(Served):
    """Ask it anything: `house.get("/media/…", of=tenant)`; a path that is not below the face begins with http.

    Its clock is only ever put further forward: those who wait in the background have looked at it.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        given = {**FAR_FROM_ANY_LIMIT, **settings}
        given = {name: value for name, value in given.items() if name in Settings.__struct_fields__}
        super().__init__(Settings(data_dir=folder / "data", **given))

    def __enter__(self) -> Self:
        super().__enter__()
        self.http.event_hooks = {"response": [promises.keeps]}
        return self

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, *, of: Tenant | None = None, **options: Any) -> httpx.Response:
        """With the tenant's key, or with what the headers say; without either, with no key at all."""
        headers = {**(of.bearer if of else {}), **(options.pop("headers", None) or {})}
        whole = path if path.startswith("http") else PREFIX + path
        return self.http.request(method, whole, headers=headers, **options)

    def get(self, path: str, of: Tenant | None = None, **options: Any) -> httpx.Response:
        return self.ask("GET", path, of=of, **options)

    def post(self, path: str, body: Any = None, of: Tenant | None = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, of=of, **({} if body is None else {"json": body}), **options)

    def put(self, path: str, body: Any = None, of: Tenant | None = None, **options: Any) -> httpx.Response:
        kind = {"Content-Type": "application/json"}  # said here, as of None httpx makes no body
        return self.ask("PUT", path, of=of, content=json.dumps(body).encode(), headers=kind, **options)

    def delete(self, path: str, of: Tenant | None = None, **options: Any) -> httpx.Response:
        return self.ask("DELETE", path, of=of, **options)

    def batch_delete(self, given: list[str], of: Tenant, **options: Any) -> httpx.Response:
        return self.post("/media/batch/delete", {"ids": given}, of, **options)

    def batch_copy(self, given: list[str], of: Tenant, **options: Any) -> httpx.Response:
        return self.post("/media/batch/copy", {"ids": given}, of, **options)

    def copied(self, source: str, of: Tenant) -> str:
        """The id of a new copy."""
        (entry,) = results(self.batch_copy([source], of))
        assert (entry["source_id"], entry["status"]) == (source, 201), entry
        return str(entry["new_id"])

    def at_once(self, *asking: Callable[[], httpx.Response]) -> list[httpx.Response]:
        """Ask side by side."""
        with ThreadPoolExecutor(len(asking)) as pool:
            return [each.result() for each in [pool.submit(ask) for ask in asking]]

    # --- what is there -----------------------------------------------------------------------------------------------

    def a_tenant(self) -> Tenant:
        def work(conn: Connection) -> Tenant:
            made = organizations.create_organization(conn, f"Tenant {uuid.uuid4().hex}", now=self.now())
            key = organizations.create_key(conn, made, role=Role.OWNER, now=self.now())
            return Tenant(made, key.uuid, key.token)

        return self.write(work)

    def upload(
        self, of: Tenant, kind: str, name: str, content: bytes, declared: str, **query: Any
    ) -> httpx.Response:
        return self.ask(
            "POST", f"/{kind}s", of=of, files={"file": (name, content, declared)}, params=query or None
        )

    def count(self, table: Table, *where: ColumnElement[bool]) -> int:
        counting = select(func.count()).select_from(table).where(*where)
        return self.read(lambda conn: conn.scalar(counting) or 0)

    def row_id(self, media: str) -> int:
        """The number of an asset's row; it must be there."""
        of = schema.asset.c.uuid == ids.parse(media)
        return int(self.read(lambda conn: conn.execute(select(schema.asset.c.id).where(of)).scalar_one()))

    def storage_key(self, media: str) -> str:
        """Where the bytes of an asset lie in the store."""
        wanted = (
            select(schema.blob.c.storage_key)
            .join(schema.asset, schema.asset.c.blob_id == schema.blob.c.id)
            .where(schema.asset.c.uuid == ids.parse(media))
        )
        return str(self.read(lambda conn: conn.execute(wanted).scalar_one()))

    def hls_prefix(self, media: str) -> str:
        wanted = select(schema.asset_media.c.hls_prefix).where(
            schema.asset_media.c.asset_id == self.row_id(media)
        )
        return str(self.read(lambda conn: conn.execute(wanted).scalar_one()))

    def stored(self, prefix: str = "") -> set[str]:
        """The keys of what lies in the store."""
        return {each.key for each in self.services.store.objects(prefix)}

    def gone(self, *keys: str) -> bool:
        """Whether none of these lies in the store any more, now or soon."""
        return wait_until(
            lambda: not any((self.settings.storage_dir / key).exists() for key in keys), seconds=20
        )

    def suspend(self, tenant: Tenant) -> None:
        of = schema.organization.c.id == tenant.organization.id
        self.write(
            lambda conn: conn.execute(update(schema.organization).where(of).values(status="suspended"))
        )

    # --- what was told -----------------------------------------------------------------------------------------------

    def audit(self, of: Tenant, *event_types: str, **query: Any) -> list[dict[str, Any]]:
        """Rows of the audit log, the newest first."""
        asked = {"event_type": list(event_types), "limit": 500, **query}
        answer = self.get("/audit-logs", of, params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["logs"]
        return found

    def a_hook(self, of: Tenant, url: str, event: str, secret: str = "") -> str:
        body = {"url": url, "event_type": event} | ({"signing_secret": secret} if secret else {})
        made = self.post("/webhooks", body, of)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def settled(self, *tenants: Tenant) -> bool:
        """Wait until all that has happened to these has been told to whom it may concern; whether it came to that."""
        whose = [each.organization.id for each in tenants]

        def unsettled(conn: Connection) -> bool:
            of = schema.event.c.organization_id.in_(whose) & schema.event.c.untold
            to = schema.delivery.c.organization_id.in_(whose) & schema.delivery.c.finished_at.is_(None)
            found = (
                select(schema.event.c.id).where(of).limit(1),
                select(schema.delivery.c.id).where(to).limit(1),
            )
            return any(conn.execute(each).first() is not None for each in found)

        return wait_until(lambda: not self.read(unsettled), seconds=20)


def results(answer: httpx.Response) -> list[dict[str, Any]]:
    """The entries of a batch that was carried out."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["results"]
    return list(body["results"])


def statuses(answer: httpx.Response) -> list[int]:
    return [each["status"] for each in results(answer)]


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The envelope of a refusal, which must be whole."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    assert isinstance(body["error"], str)
    assert body["error"]
    assert isinstance(body["recoverable"], bool)
    return body
