"""A library with two organizations and a key of every role, served in this process."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import httpx

from stackroom import clock
from stackroom.access import Role
from stackroom.app import open_library
from stackroom.database.transaction import Connection
from stackroom.library.organizations import create_key, create_organization
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.testing.served import Served

PREFIX = "/api/v1/developer"
MANY_SEEDS = 2**24


def make_keys(conn: Connection) -> dict[str, str]:
    here, elsewhere = (create_organization(conn, name, now=clock.now()) for name in ("Here", "Elsewhere"))
    keys = {role.word: create_key(conn, here, role=role, now=clock.now()).token for role in Role}
    return {**keys, "stranger": create_key(conn, elsewhere, role=Role.OWNER, now=clock.now()).token}


async def prepared(settings: Settings) -> dict[str, str]:
    """A new library with its keys, closed again."""
    async with open_library(settings) as services:
        return await services.database.write(make_keys)


class House(Served):
    """Ask it anything: `house.ask("POST", "/projects", json=…)`, as an owner unless told otherwise."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.keys = self.write(make_keys)
        return self

    def ask(self, method: str, path: str, *, role: str | None = "owner", **options: Any) -> httpx.Response:
        """`role` None sends no key; a path that begins with the prefix or with http is taken as it is."""
        headers = {} if role is None else {"X-API-Key": self.keys[role]}
        headers |= options.pop("headers", None) or {}
        whole = path.startswith((PREFIX, "http", "/storage/", "/api"))
        return self.http.request(method, path if whole else PREFIX + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **options)

    def at_once(self, *requests: httpx.Request) -> list[httpx.Response]:
        """Send requests side by side."""
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(self.http.send, requests))

    def request(self, method: str, path: str, **options: Any) -> httpx.Request:
        headers = {"X-API-Key": self.keys["owner"], **options.pop("headers", {})}
        return self.http.build_request(method, PREFIX + path, headers=headers, **options)

    def a_dataset(self, **described: Any) -> dict[str, Any]:
        made = self.post("/projects", {"name": f"set {uuid.uuid4().hex}", **described})
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()["project"]
        return body

    def ticket(
        self, dataset: dict[str, Any], name: str = "a.png", *, folder: str = "/", kind: str = "image/png"
    ) -> dict[str, Any]:
        asked = {"dataset_id": dataset["id"], "filename": name, "folder_path": folder, "content_type": kind}
        given = self.post("/images/upload-url", asked)
        assert given.status_code == 200, given.text
        body: dict[str, Any] = given.json()
        return body

    def put(self, ticket: dict[str, Any], content: bytes, kind: str = "image/png") -> httpx.Response:
        return self.http.put(ticket["upload_url"], content=content, headers={"Content-Type": kind})

    def registration(self, dataset: dict[str, Any], ticket: dict[str, Any], content: bytes) -> dict[str, Any]:
        return {
            "dataset_id": dataset["id"],
            "filename": ticket["filename"],
            "folder_path": ticket["folder_path"],
            "gcs_path": ticket["gcs_path"],
            "file_size": len(content),
        }

    def upload(
        self,
        dataset: dict[str, Any],
        name: str = "a.png",
        content: bytes | None = None,
        *,
        folder: str = "/",
        kind: str = "image/png",
    ) -> httpx.Response:
        """All three steps; the answer of the last, or of the one that was refused."""
        content = a_picture() if content is None else content
        ticket = self.ticket(dataset, name, folder=folder, kind=kind)
        put = self.put(ticket, content, kind)
        if put.status_code != 200:
            return put
        return self.post("/images/register", self.registration(dataset, ticket, content))

    def an_image(self, dataset: dict[str, Any], name: str = "a.png", **options: Any) -> dict[str, Any]:
        made = self.upload(dataset, name, **options)
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()["image"]
        return body

    def names(self, dataset: dict[str, Any], **query: Any) -> list[str]:
        listed = self.get("/images", params={"dataset_id": dataset["id"], **query}).json()["images"]
        return sorted(each["filename"] for each in listed)


def a_picture(kind: str = "png", width: int = 200, height: int = 8) -> bytes:
    """A picture like no other."""
    return picture(kind, width, height, seed=int.from_bytes(os.urandom(3)) % MANY_SEEDS)
