"""A server of its own process, as clients reach it, with one customer."""

import uuid
from pathlib import Path
from typing import Any

import httpx

from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import picture

FIXTURES = "https://dlcs.github.io/public-docs/doc_fixtures/"
"""Where the sample scripts of the protocol's documentation take their pictures from."""


class Site:
    """`site.get("queue")` is below the customer's own address, "/queue" is not."""

    origin = "https://files.example/"

    def __init__(self, server: LiveServer, originals: Path) -> None:
        made = server.create_organization("Library of Examples")
        self.url = server.url
        self.customer: int = made["customer"]
        self.auth = (str(made["key_id"]), str(made["api_key"]))
        self.originals = originals
        self.http = httpx.Client(base_url=server.url, timeout=30)

    def close(self) -> None:
        self.http.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        options.setdefault("auth", self.auth)
        whole = path.startswith(("/", "http"))
        return self.http.request(method, path if whole else f"/customers/{self.customer}/{path}", **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def a_space(self) -> int:
        made = self.ask("POST", "spaces", json={"name": f"space {uuid.uuid4().hex}"})
        assert made.status_code == 201, made.text
        return int(made.json()["id"])

    def a_picture(self, extension: str = "jpg", name: str = "") -> str:
        """A picture like no other that the server can fetch, and where it believes it to be."""
        name = name or f"{uuid.uuid4().hex}.{extension}"
        kind = {"jpg": "jpeg"}.get(extension, extension)
        (self.originals / name).write_bytes(picture(kind, 60, 40, seed=uuid.uuid4().int % 2**24))
        return self.origin + name
