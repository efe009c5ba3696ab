"""A library to deliver from: what each asset is called says what is special about it."""

import hashlib
import io
from collections.abc import Mapping, Sequence

import msgspec
from PIL import Image
from sqlalchemy import Connection, select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.app import open_library
from stackroom.database.schema import asset
from stackroom.library import assets, blobs, datasets, folders, organizations, registrations
from stackroom.library.assets import NewAsset
from stackroom.library.blobs import Arrival
from stackroom.library.channels import Channel
from stackroom.library.registrations import Registration
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.web.shared.services import Services

SMALL, LARGE = (600, 400), (2600, 1700)
STRANGE = "a b%c+ü;1"
COLOURS = {"R": (220, 30, 30), "G": (30, 180, 30), "B": (30, 30, 220), "Y": (220, 220, 30)}
_FILE = Channel("file", "none")
_IMAGE = Channel("iiif-img", "default")
_THUMBS = Channel("thumbs", "default")


def corners(size: tuple[int, int], kind: str = "PNG", *, clear: bool = False) -> bytes:
    """Red and green above, blue and yellow below; the first is transparent instead, if asked for."""
    width, height = size
    drawn = Image.new("RGBA" if clear else "RGB", size)
    places = [(0, 0), (width // 2, 0), (0, height // 2), (width // 2, height // 2)]
    for (left, top), colour in zip(places, COLOURS.values(), strict=True):
        drawn.paste(colour, (left, top, left + width // 2 + 1, top + height // 2 + 1))
    if clear:
        drawn.paste((0, 0, 0, 0), (0, 0, width // 2, height // 2))
    file = io.BytesIO()
    drawn.save(file, kind)
    return file.getvalue()


def quarters(content: bytes) -> list[str]:
    """The colours of the quarters, row by row, by their names."""
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGB")
    found = []
    for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        pixel = image.getpixel((int(image.width * x), int(image.height * y)))
        near = [
            name
            for name, colour in COLOURS.items()
            if max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 26
        ]
        found.append(near[0] if near else str(pixel))
    return found


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An asset to make. `size` None is what nobody can look at."""

    key: str | None
    content: bytes
    size: tuple[int, int] | None = SMALL
    content_type: str = "image/png"
    kind: str = "image"
    said: Registration | None = None
    changed: Mapping[str, object] = {}
    """Columns that are not as they are after an arrival."""


PAGES = (
    Picture(key="small", content=corners(SMALL)),
    Picture(key="large", content=corners(LARGE, "JPEG"), size=LARGE, content_type="image/jpeg"),
    Picture(key="master", content=corners(LARGE, "JPEG2000"), size=LARGE, content_type="image/jp2"),
    Picture(key="clear", content=corners(SMALL, clear=True)),
    Picture(key="tiny", content=picture("png", 40, 30), size=(40, 30)),
    Picture(key=STRANGE, content=corners(SMALL)),
    Picture(key=None, content=corners((500, 300)), size=(500, 300)),
    Picture(
        key="described",
        content=corners(SMALL),
        said=Registration(string1="vol 1", number2=7, tags=("old", "red")),
    ),
    Picture(key="file", content=corners(SMALL), said=Registration(channels=(_FILE,))),
    Picture(key="both", content=corners(SMALL), said=Registration(channels=(_FILE, _IMAGE))),
    Picture(key="nothing", content=corners(SMALL), said=Registration(channels=(Channel("none", "none"),))),
    Picture(
        key="closed",
        content=corners(SMALL),
        said=Registration(channels=(_FILE, _IMAGE, _THUMBS), roles=("members",)),
    ),
    Picture(key="reduced", content=corners(SMALL), said=Registration(max_unauthorised=250)),
    Picture(key="archived", content=corners(SMALL), changed={"archived_at": 2}),
    Picture(key="ingesting", content=corners(SMALL), changed={"state": "ingesting"}),
    Picture(key="broken", content=corners(SMALL), changed={"state": "error", "error": "it is damaged"}),
    Picture(key="spoilt", content=corners(LARGE, "JPEG")[:20_000], size=LARGE, content_type="image/jpeg"),
    Picture(
        key="page",
        content=b"<script>fetch('/customers/1')</script>",
        size=None,
        content_type="text/html",
        kind="document",
        said=Registration(channels=(_FILE,)),
    ),
    Picture(
        key="text",
        content=b"%PDF-1.7",
        size=None,
        content_type="application/pdf",
        kind="document",
        said=Registration(channels=(_FILE,)),
    ),
    Picture(key="film", content=b"no film", size=None, content_type="video/mp4", kind="video"),
)


class World(msgspec.Struct, frozen=True):
    """Keys of an owner of the organization, and of another organization; the id of the asset without a key."""

    owner: str
    stranger: str
    unnamed: str


async def built(settings: Settings, pages: Sequence[Picture] = PAGES) -> World:
    """Organization 1, "City Archive", has `pages` in space 1, and in the archived space 2 one that is named `page`."""
    async with open_library(settings) as services:
        return await services.database.write(lambda conn: _build(conn, services, pages))


def _build(conn: Connection, services: Services, pages: Sequence[Picture]) -> World:
    here, elsewhere = (
        organizations.create_organization(conn, name, now=1) for name in ("City Archive", "Elsewhere")
    )
    actor = organizations.system_actor(here)
    space, gone = (datasets.create(conn, actor, name, now=1) for name in ("pages", "gone"))
    unnamed = [_add(conn, services, actor, space.id, each) for each in pages if each.key is None]
    for each in pages:
        if each.key is not None:
            _add(conn, services, actor, space.id, each)
    _add(conn, services, actor, gone.id, Picture(key="page", content=corners(SMALL)))
    datasets.set_archived(conn, actor, ids.text(gone.uuid), archived=True, now=2)
    owner, stranger = (
        organizations.create_key(conn, each, role=Role.OWNER, now=1).token for each in (here, elsewhere)
    )
    return World(owner, stranger, *unnamed or [""])


def _add(conn: Connection, services: Services, actor: Actor, dataset_id: int, wanted: Picture) -> str:
    sha256 = hashlib.sha256(wanted.content).digest()
    blob = blobs.find(conn, actor.organization_id, sha256)
    if blob is None:
        key = blobs.announce(conn, actor.organization_uuid, sha256, now=1)
        with services.staging.workspace() as folder:
            (folder / "content").write_bytes(wanted.content)
            services.store.put(key, folder / "content")
        arrival = Arrival(sha256=sha256, size=len(wanted.content), content_type=wanted.content_type)
        blob = blobs.adopt(conn, actor.organization_id, arrival, key, now=1)
    made, name = ids.new(), f"{dataset_id}-{wanted.key or 'unnamed'}.png"
    width, height = wanted.size or (None, None)
    new = NewAsset(
        uuid=made,
        folder_id=folders.ensure(conn, dataset_id, "/", now=1),
        name=name,
        original_name=name,
        blob_id=blob.id,
        size=blob.size,
        content_type=wanted.content_type,
        width=width,
        height=height,
        kind=wanted.kind,
    )
    assets.add(conn, actor, dataset_id, [new], now=1)
    conn.execute(update(asset).where(asset.c.uuid == made).values(key=wanted.key, **wanted.changed))
    if wanted.said is not None:
        row = conn.scalar(select(asset.c.id).where(asset.c.uuid == made))
        registrations.write(conn, actor.organization_id, [(row, dataset_id, wanted.said)], now=1)
    return ids.text(made)
