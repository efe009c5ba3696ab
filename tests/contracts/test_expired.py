"""What has expired is gone for everybody at that moment, in every protocol, also before it is cleaned away."""

import asyncio
import hashlib
from pathlib import Path
from typing import NamedTuple

import httpx
from sqlalchemy import Connection, insert, literal, select, update

from stackroom import ids
from stackroom.access import Role
from stackroom.app import open_library
from stackroom.clock import HOUR, SECOND
from stackroom.database.schema import asset, asset_tag, tag
from stackroom.library import assets, blobs, datasets, folders, organizations, similarity
from stackroom.library.assets import NewAsset
from stackroom.library.blobs import Arrival
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.web.server import make_server
from stackroom.web.shared.services import Services
from stackroom.web.transfer.app import PREFIX

NOON = 1_700_000_000 * SECOND
CONTENT = picture("jpeg", 64, 48)


class Furnished(NamedTuple):
    """A key, the ids of an image that expires in an hour and of one that stays, and where they are."""

    key: str
    late: str
    kept: str
    customer: int
    space: int
    dataset: str


def furnish(conn: Connection, services: Services) -> Furnished:
    here = organizations.create_organization(conn, "Here", now=NOON)
    actor = organizations.system_actor(here)
    space = datasets.create(conn, actor, "photos", now=NOON)
    sha256 = hashlib.sha256(CONTENT).digest()
    place = blobs.announce(conn, actor.organization_uuid, sha256, now=NOON)
    with services.staging.workspace() as folder:
        (folder / "content").write_bytes(CONTENT)
        services.store.put(place, folder / "content")
    arrival = Arrival(sha256=sha256, size=len(CONTENT), content_type="image/jpeg")
    blob = blobs.adopt(conn, actor.organization_id, arrival, place, now=NOON)
    made = [
        NewAsset(
            uuid=ids.new(),
            folder_id=folders.ensure(conn, space.id, "/", now=NOON),
            name=name,
            original_name=name,
            blob_id=blob.id,
            size=blob.size,
            content_type="image/jpeg",
            width=64,
            height=48,
        )
        for name in ("late.jpg", "kept.jpg")
    ]
    assets.add(conn, actor, space.id, made, now=NOON)
    late, kept = (each.uuid for each in made)
    conn.execute(update(asset).where(asset.c.uuid == late).values(expires_at=NOON + HOUR))
    key = organizations.create_key(conn, here, role=Role.OWNER, now=NOON).token
    similarity.note(conn, {blob.id: bytes(8)})
    quay = conn.execute(insert(tag).values(dataset_id=space.id, name="quay").returning(tag.c.id)).scalar_one()
    conn.execute(insert(asset_tag).from_select(["tag_id", "asset_id"], select(literal(quay), asset.c.id)))
    return Furnished(key, ids.text(late), ids.text(kept), here.number, space.number, ids.text(space.uuid))


def test_nobody_is_shown_or_given_what_has_expired(tmp_path: Path) -> None:
    """Without the server's own duties nothing is cleaned away here."""
    now = NOON

    async def scenario() -> None:
        nonlocal now
        settings = Settings(data_dir=tmp_path, pixel_processes=1)
        async with open_library(settings, lambda: now) as services:
            key, late, kept, customer, space, dataset = await services.database.write(
                lambda conn: furnish(conn, services)
            )
            transport = httpx.ASGITransport(make_server(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
                client.headers["X-API-Key"] = key

                async def statuses(reference: str, name: str) -> set[int]:
                    paths = [
                        f"/library/v1/assets/{reference}",
                        f"/api/v1/developer/images/{reference}",
                        f"/api/v0/images/{reference}",
                        f"/api/v0/images/{reference}/file",
                        f"/customers/{customer}/spaces/{space}/images/{reference}",
                        f"/iiif-img/{customer}/{space}/{reference}/full/max/0/default.jpg",
                        f"/iiif-img/{customer}/{space}/{reference}/info.json",
                        *(
                            services.signer.sign("GET", path, expires_at=NOON + 9 * HOUR)
                            for path in (
                                f"{PREFIX}/assets/{reference}/{name}",
                                f"{PREFIX}/thumbnails/{reference}/200",
                            )
                        ),
                    ]
                    return {(await client.get(path)).status_code for path in paths}

                async def lists_that_name(reference: str) -> list[str]:
                    mine = f"dataset_id={dataset}"
                    paths = [
                        f"/library/v1/assets?dataset={dataset}",
                        f"/api/v1/developer/images/?{mine}",
                        f"/api/v1/developer/datasets/{dataset}?include_images=true",
                        f"/api/v1/developer/datasets/{dataset}/download",
                        f"/api/v1/developer/search/by-tags?objects=quay&{mine}",
                        "/api/v1/developer/search/by-tags?objects=quay",
                        f"/api/v1/developer/search/similar?image_id={kept}&threshold=0.5",
                        f"/customers/{customer}/spaces/{space}/images",
                        f"/customers/{customer}/allImages",
                        "/api/v0/images",
                        "/api/v0/media",
                    ]
                    found = {path: await client.get(path) for path in paths}
                    named = {"member": [{"id": f"{customer}/{space}/{reference}"}]}
                    found["named"] = await client.post(f"/customers/{customer}/allImages", json=named)
                    return [path for path, answer in found.items() if reference in answer.text]

                assert await statuses(late, "late.jpg") == {200}
                before = await lists_that_name(late)
                now += HOUR
                assert await statuses(late, "late.jpg") == {404}
                assert await statuses(kept, "kept.jpg") == {200}
                assert await lists_that_name(late) == []
                assert len(before) == 12

    asyncio.run(scenario())
