"""What the cases of the protocol begin with: tenants A and B, and what is theirs, made when it is first named."""

import json
import uuid
from functools import cached_property
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from stackroom import ids
from stackroom.database import schema
from stackroom.testing.processes import wait_until

from .house import House, Tenant
from .material import a_document, a_sound, a_video, an_image
from .receiver import Received, Receiver

RENDITION = {
    "name": "360p",
    "resolution": "640x360",
    "bitrate": 800,
    "width": 640,
    "height": 360,
    "playlist_path": "360p/index.m3u8",
}
SECRET = "s3cr3t-s3cr3t"
on_both_databases = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


class Shelf:
    """Media are their ids: `shelf.a1` is an image in folder `shelf.folder`, as the page of the protocol names them."""

    def __init__(self, house: House, receiver: Receiver) -> None:
        self.house = house
        self.receiver = receiver
        self.a, self.b = house.a_tenant(), house.a_tenant()
        self.hooks: dict[str, str] = {}

    @property
    def unknown(self) -> str:
        return str(uuid.uuid4())

    @cached_property
    def folder(self) -> str:
        made = self.house.post("/folders", {"name": "F"}, self.a)
        assert made.status_code in {200, 201}, made.text
        return str(made.json()["id"])

    @cached_property
    def a1(self) -> str:
        """An image in a folder, with user metadata."""
        found = self.image(self.a, "a1.png")
        for path, body in (
            (f"/images/{found}/metadata", {"metadata": {"k": "v"}}),
            (f"/media/{found}/folder", {"folder_id": self.folder}),
        ):
            answer = self.house.put(path, body, self.a)
            assert answer.status_code == 200, answer.text
        return found

    @cached_property
    def a2(self) -> str:
        """A sound with an embedding."""
        found = self.sent("audio", "a2.wav", a_sound(), "audio/wav")["id"]
        assert wait_until(lambda: self.embeddings(found) == 1, seconds=20)
        return str(found)

    @cached_property
    def a3(self) -> str:
        """A video with its renditions."""
        return self.finished(self.video("a3.mp4"))

    @cached_property
    def a4(self) -> str:
        """A document that is kept for a day."""
        return str(self.sent("document", "a4.pdf", a_document(), "application/pdf", store="0")["id"])

    @cached_property
    def a5(self) -> str:
        """An image, and nothing else."""
        return self.image(self.a, "a5.png")

    @cached_property
    def b1(self) -> str:
        return self.image(self.b, "b1.png")

    def image(self, of: Tenant, name: str = "x.png") -> str:
        answer = self.house.upload(of, "image", name, an_image(), "image/png")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def images(self, count: int, of: Tenant | None = None) -> list[str]:
        """As many images of one sort: copies, which are quicker to come by."""
        whose = of or self.a
        first = self.image(whose, "many.png")
        found = [first]
        while len(found) < count:
            wanted = [first] * min(50, count - len(found))
            answer = self.house.batch_copy(wanted, whose)
            assert answer.status_code == 200, answer.text
            found += [each["new_id"] for each in answer.json()["results"]]
        return found

    def video(self, name: str = "v.mp4", **shape: Any) -> str:
        return str(self.sent("video", name, a_video(**shape), "video/mp4")["id"])

    def finished(self, video: str) -> str:
        """A video, when it has been processed."""
        assert self.becomes(video, "completed"), self.house.get(f"/videos/{video}", self.a).text
        return video

    def becomes(self, video: str, status: str) -> bool:
        def is_it() -> bool:
            return bool(self.house.get(f"/videos/{video}", self.a).json()["processing_status"] == status)

        return wait_until(is_it, seconds=30)

    def sent(self, kind: str, name: str, content: bytes, declared: str, **query: Any) -> dict[str, Any]:
        answer = self.house.upload(self.a, kind, name, content, declared, **query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def as_if_processed(self, videos: list[str], segments: int) -> list[str]:
        """Give videos renditions of so many segments each, without the labour of it; where these lie."""
        prefixes = [f"hls/{self.a.id}/{each}/{uuid.uuid4()}/" for each in videos]
        row = schema.asset_media.c
        shape = json.dumps([RENDITION])
        for video, prefix in zip(videos, prefixes, strict=True):
            number = self.house.row_id(video)
            values = {"processing": "completed", "renditions": shape, "hls_prefix": prefix}

            def work(conn: Any, number: int = number, values: dict[str, Any] = values) -> None:
                if conn.execute(select(row.asset_id).where(row.asset_id == number)).first() is None:
                    conn.execute(insert(schema.asset_media).values(asset_id=number, **values))
                conn.execute(update(schema.asset_media).where(row.asset_id == number).values(values))

            self.house.write(work)
            folder = self.house.settings.storage_dir / prefix / "360p"
            folder.mkdir(parents=True)
            (folder.parent / "master.m3u8").write_text("#EXTM3U\n")
            for segment in range(segments):
                (folder / f"segment_{segment:03}.ts").touch()
        return prefixes

    def embeddings(self, media: str) -> int:
        which = select(schema.asset.c.id).where(schema.asset.c.uuid == ids.parse(media)).scalar_subquery()
        return self.house.count(schema.embedding, schema.embedding.c.asset_id == which)

    # --- hooks -------------------------------------------------------------------------------------------------------

    def hook(self, event: str, of: Tenant | None = None, *, secret: str = SECRET) -> str:
        """A hook of a tenant with a path of its own at the receiver, which is what is returned."""
        whose = of or self.a
        path = f"/{uuid.uuid4().hex}"
        self.hooks[path] = self.house.a_hook(whose, self.receiver.url + path, event, secret)
        return path

    @cached_property
    def hd(self) -> str:
        return self.hook("file.deleted")

    @cached_property
    def hu(self) -> str:
        return self.hook("file.uploaded")

    def told(self, path: str) -> list[Received]:
        """What has come to a hook when all has been told."""
        assert self.house.settled(self.a, self.b)
        return self.receiver.came(path)
