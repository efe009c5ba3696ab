"""What has expired is gone for everybody at that moment, in every protocol, also before it is cleaned away."""

import asyncio
import hashlib
from pathlib import Path

import httpx
from sqlalchemy import Connection, update

from stackroom import ids
from stackroom.access import Role
from stackroom.app import open_library
from stackroom.clock import HOUR, SECOND
from stackroom.database.schema import asset
from stackroom.library import assets, blobs, datasets, folders, organizations
from stackroom.library.assets import NewAsset
from stackroom.library.blobs import Arrival
from stackroom.settings import Settings
from stackroom.testing.pictures import picture
from stackroom.web.server import make_server
from stackroom.web.shared.services import Services
from stackroom.web.transfer.app import PREFIX

NOON = 1_700_000_000 * SECOND
CONTENT = picture("jpeg", 64, 48)


def furnish(conn: Connection, services: Services) -> tuple[str, str, str, int, int]:
    """A key, the id of an image that expires in an hour and of one that stays, the customer and the space."""
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
    return key, ids.text(late), ids.text(kept), here.number, space.number


def test_nobody_is_shown_or_given_what_has_expired(tmp_path: Path) -> None:
    """Without the server's own duties nothing is cleaned away here."""
    now = NOON

    async def scenario() -> None:
        nonlocal now
        settings = Settings(data_dir=tmp_path, pixel_processes=1)
        async with open_library(settings, lambda: now) as services:
            key, late, kept, customer, space = await services.database.write(
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

                assert await statuses(late, "late.jpg") == {200}
                now += HOUR
                assert await statuses(late, "late.jpg") == {404}
                assert await statuses(kept, "kept.jpg") == {200}

    asyncio.run(scenario())
