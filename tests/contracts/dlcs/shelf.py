"""Images that are there already, whatever brought them in: many, and at once."""

import uuid
from typing import Any

from sqlalchemy import Connection, select, update

from stackroom import ids
from stackroom.database import schema
from stackroom.library import assets, blobs, datasets, folders, registrations
from stackroom.library.registrations import Described, Registration

from .house import Customer, House


def put_there(
    house: House, space: int, said: dict[str, dict[str, Any]], *, of: Customer | None = None, size: int = 10
) -> None:
    """Finished images of a space by their keys, each with what was said of it; `width` is the asset's own."""
    who = of or house.customer
    actor = who.actor

    def work(conn: Connection) -> None:
        place = datasets.by_number(conn, actor, space)
        folder = folders.ensure_many(conn, place.id, {"/"}, now=house.now())["/"]
        arrival = blobs.Arrival(sha256=ids.new() * 2, size=size, content_type="image/png")
        key = blobs.announce(conn, actor.organization_uuid, arrival.sha256, now=house.now())
        held = blobs.adopt(conn, actor.organization_id, arrival, key, now=house.now())
        made = [
            assets.NewAsset(
                uuid=ids.new(),
                folder_id=folder,
                name=f"{uuid.uuid4().hex}.png",
                original_name=name,
                blob_id=held.id,
                size=size,
                content_type="image/png",
                width=each.get("width", 4),
                height=3,
            )
            for name, each in said.items()
        ]
        assets.add(conn, actor, place.id, made, now=house.now())
        rows = []
        for asset, (name, each) in zip(made, said.items(), strict=True):
            mine = schema.asset.c.uuid == asset.uuid
            conn.execute(update(schema.asset).where(mine).values(key=name))
            row_id: int = conn.execute(select(schema.asset.c.id).where(mine)).scalar_one()
            registered = {word: value for word, value in each.items() if word != "width"}
            rows.append((row_id, place.id, Registration(**registered)))
        registrations.write(conn, actor.organization_id, rows, now=house.now())

    house.write(work)


def names(answer: Any) -> list[str]:
    """The short ids of the images of a collection, in its order."""
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["member"]]


def uuid_of(house: House, of: Customer, space: int, key: str) -> bytes:
    found: Described = house.read(lambda conn: registrations.find(conn, of.actor, space, key))
    return found.uuid
