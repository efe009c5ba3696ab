"""Finding assets by their tags, in one dataset or in all of an organization."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, exists, select

from stackroom.access import Actor
from stackroom.database.schema import LIVE, asset, asset_tag, dataset, tag
from stackroom.library import assets, datasets, listing
from stackroom.library.assets import Asset
from stackroom.library.listing import TAGGED, Filter


def with_all(
    conn: Connection,
    actor: Actor,
    tags: Sequence[str],
    *,
    dataset_ref: str | None,
    limit: int,
    offset: int = 0,
    now: int | None = None,
) -> list[tuple[Asset, bytes]]:
    """Live assets that have all of these (clean) tags, at least one, newest first: each with its dataset's id.

    Without a dataset, of all datasets. Raises `NotFound` for an unknown one.
    """
    if dataset_ref is not None:
        found = datasets.find(conn, actor, dataset_ref)
        wanted = Filter(dataset_id=found.id, tags=tuple(tags))
        return [
            (each, found.uuid) for each in listing.page(conn, wanted, limit=limit, offset=offset, now=now)
        ]
    chosen = (
        _everywhere(actor, tags).where(*listing.unexpired(conn, now)).limit(limit).offset(offset).subquery()
    )
    query = assets.query().add_columns(dataset.c.uuid.label("owner")).join(chosen, chosen.c.id == asset.c.id)
    rows = conn.execute(query.join(dataset, dataset.c.id == asset.c.dataset_id).order_by(asset.c.id.desc()))
    return [(_asset(row._asdict()), row.owner) for row in rows]


def _everywhere(actor: Actor, tags: Sequence[str]) -> Select[tuple[int]]:
    """Row ids, found in the index of the first tag: a tag is another one in each dataset."""
    mine = select(tag.c.id).join_from(dataset, tag, tag.c.dataset_id == dataset.c.id)
    mine = mine.where(dataset.c.organization_id == actor.organization_id)
    first, *others = [mine.where(tag.c.name == name) for name in tags]
    query = select(TAGGED.c.asset_id.label("id")).join_from(TAGGED, asset, asset.c.id == TAGGED.c.asset_id)
    query = query.where(TAGGED.c.tag_id.in_(first), LIVE)
    for other in others:
        also = asset_tag.alias()
        query = query.where(exists().where(also.c.tag_id.in_(other), also.c.asset_id == TAGGED.c.asset_id))
    return query.order_by(TAGGED.c.asset_id.desc())


def _asset(columns: dict[str, Any]) -> Asset:
    return Asset(**{name: columns[name] for name in Asset.__struct_fields__})
