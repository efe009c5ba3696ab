"""Keys, between the library's words and Pictograph's."""

from datetime import UTC, datetime

from stackroom import clock, ids
from stackroom.access import Actor
from stackroom.library import organizations
from stackroom.library.keys import Key, KeyChanges
from stackroom.library.organizations import MAX_RATE_LIMIT
from stackroom.web.pictograph.convert.base import moment
from stackroom.web.pictograph.wire import api_keys as wire


def key(found: Key, actor: Actor) -> wire.Key:
    return wire.Key(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        name=found.name,
        key_prefix=found.prefix,
        role=found.role.word,
        rate_limit=_limit(found.rate_limit),
        is_active=found.active,
        last_used_at=None if found.last_used_at is None else moment(found.last_used_at),
        expires_at=None if found.expires_at is None else moment(found.expires_at),
        created_at=moment(found.created_at),
    )


def made(new: organizations.NewKey) -> wire.MadeKey:
    return wire.MadeKey(
        api_key=new.token,
        key_id=ids.text(new.uuid),
        key_prefix=new.prefix,
        name=new.name,
        role=new.role.word,
        rate_limit=_limit(new.rate_limit),
        expires_at=None if new.expires_at is None else moment(new.expires_at),
        created_at=moment(new.created_at),
    )


def changes(asked: wire.KeyUpdate) -> KeyChanges:
    return KeyChanges(name=asked.name, rate_limit=asked.rate_limit, active=asked.is_active)


def expiry(given: datetime | None) -> int | None:
    if given is None:
        return None
    return clock.from_datetime(given if given.tzinfo else given.replace(tzinfo=UTC))


def _limit(limit: int | None) -> int:
    return MAX_RATE_LIMIT if limit is None else limit
