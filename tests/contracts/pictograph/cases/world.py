"""What every case is given: a server with keys of every role, files to send, and a view of the wire."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from pictograph import BBoxAnnotation, BoundingBox, Client
from PIL import Image as Picture


class World:
    """A server with two organizations, a folder for files, and what was seen on the wire."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.url = url
        self.keys = keys
        self.folder = Path(tempfile.mkdtemp())
        self.owner = self.client("owner")

    def client(self, role: str, **options: Any) -> Client:
        return Client(api_key=self.keys[role], base_url=self.url, **{"max_retries": 0, **options})

    def picture(self, name: str, size: tuple[int, int] = (8, 6)) -> Path:
        """A fresh image: no two have the same bytes."""
        path = self.folder / uuid.uuid4().hex / name
        path.parent.mkdir()
        picture = Picture.new("RGB", size)
        picture.putpixel((0, 0), tuple(os.urandom(3)))
        picture.putpixel((1, 0), tuple(os.urandom(3)))
        picture.save(path)
        return path

    def dataset(self, **options: Any) -> Any:
        return self.owner.projects.create(f"set {uuid.uuid4().hex}", **options)

    def image(self, dataset: Any, name: str = "a.png", folder_path: str = "/") -> Any:
        return self.owner.images.upload(
            dataset_id=dataset.id, file_path=self.picture(name), folder_path=folder_path
        )

    def raw(self, method: str, path: str, role: str = "owner", **options: Any) -> httpx.Response:
        headers = {"X-API-Key": self.keys[role], **options.pop("headers", {})}
        return httpx.request(method, self.url + "/api/v1/developer" + path, headers=headers, **options)

    def bytes_of(self, image: Any) -> bytes:
        return self.owner.images.download(
            image.id, output_path=self.folder / uuid.uuid4().hex / "out"
        ).read_bytes()

    def names(self, dataset: Any, **options: Any) -> list[str]:
        return sorted(image.filename for image in self.owner.images.list(dataset.id, **options))


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
