"""What every case is given: a server with keys of every role, files to send, and a view of the wire."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pictograph
from pictograph import BBoxAnnotation, BoundingBox, Client
from PIL import Image as Picture
from speaker import Speaker

PREFIX = "/api/v1/developer"


class World:
    """A server with two organizations, a folder for files, and what was seen on the wire."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.url = url
        self.keys = keys
        self.version = pictograph.__version__
        self._room = tempfile.TemporaryDirectory()  # goes with this object
        self.folder = Path(self._room.name)
        self.owner = self.user("owner")

    def user(self, role: str, **options: Any) -> Speaker:
        return Speaker(Client(api_key=self.keys[role], base_url=self.url, **{"max_retries": 0, **options}))

    def name(self) -> str:
        """One that no dataset has."""
        return f"set {uuid.uuid4().hex}"

    def picture(self, name: str = "a.png", size: tuple[int, int] = (8, 6)) -> Path:
        """A fresh image: no two have the same bytes."""
        path = self.folder / uuid.uuid4().hex / name
        path.parent.mkdir()
        picture = Picture.new("RGB", size)
        picture.putpixel((0, 0), tuple(os.urandom(3)))
        picture.putpixel((1, 0), tuple(os.urandom(3)))
        picture.save(path)
        return path

    def dataset(self, **described: Any) -> Any:
        return self.owner.create(self.name(), **described)

    def image(self, made: Any, name: str = "a.png", folder: str = "/") -> Any:
        return self.owner.upload(made, self.picture(name), folder)

    def raw(self, method: str, path: str, role: str = "owner", **options: Any) -> httpx.Response:
        headers = {"X-API-Key": self.keys[role], **options.pop("headers", {})}
        return httpx.request(method, self.url + PREFIX + path, headers=headers, **options)

    def shown(self, image: Any) -> dict[str, Any]:
        """All that the server says of an image, whatever this version's models leave out."""
        body: dict[str, Any] = self.raw("GET", f"/images/{image.id}/metadata").json()["image"]
        return body

    def bytes_of(self, made: Any, image: Any) -> bytes:
        return self.owner.download(made, image, self.folder / uuid.uuid4().hex / "out").read_bytes()


@contextmanager
def recorded(answers: list[httpx.Response] | None = None) -> Iterator[list[httpx.Request]]:
    """Every request that goes out, in order. The first ones are given `answers` instead of being sent."""
    seen: list[httpx.Request] = []
    waiting = list(answers or [])
    send, send_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return waiting.pop(0) if waiting else send(self, request)

    async def handle_async(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return await send_async(self, request)

    httpx.HTTPTransport.handle_request = handle
    httpx.AsyncHTTPTransport.handle_async_request = handle_async
    try:
        yield seen
    finally:
        httpx.HTTPTransport.handle_request = send
        httpx.AsyncHTTPTransport.handle_async_request = send_async


def asked(seen: list[httpx.Request]) -> list[str]:
    """Methods and addresses of what was recorded, below the prefix that they share."""
    return [f"{each.method} {each.url.path.removeprefix(PREFIX)}" for each in seen]


@contextmanager
def raises(kind: type[Exception], *, status: int | None = None, text: str = "") -> Iterator[list[Exception]]:
    caught: list[Exception] = []
    try:
        yield caught
    except kind as error:
        if status not in {None, getattr(error, "status_code", None)} or text not in str(error):
            raise AssertionError(f"not as expected: {error}") from error
        caught.append(error)
    else:
        raise AssertionError(f"no {kind.__name__} was raised")


def box(name: str = "lorry") -> BBoxAnnotation:
    return BBoxAnnotation(name=name, bounding_box=BoundingBox(x=1, y=2, w=3, h=4))
