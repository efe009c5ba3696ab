"""Images in the words of the protocol."""

from msgspec import UNSET

from stackroom.library.channels import THUMBS
from stackroom.library.registrations import Described
from stackroom.web.dlcs.convert.base import moment
from stackroom.web.dlcs.links import Links
from stackroom.web.dlcs.wire import images as wire


def image(found: Described, links: Links) -> wire.Image:
    place = found.space, found.key
    thumbs = any(each.channel == THUMBS for each in found.channels)
    return wire.Image(
        context=links.context("Image"),
        at_id=links.image(*place),
        id=found.key,
        space=found.space,
        image_service=links.delivery("iiif-img", *place),
        thumbnail_image_service=links.delivery("thumbs", *place) if thumbs else UNSET,
        created=moment(found.created_at),
        origin=found.origin,
        max_unauthorised=found.max_unauthorised,
        width=found.width or 0,
        height=found.height or 0,
        duration=round((found.duration or 0) * 1000),
        finished=UNSET if found.finished_at is None else moment(found.finished_at),
        ingesting=found.ingesting,
        error=found.error,
        tags=list(found.tags),
        string1=found.string1,
        string2=found.string2,
        string3=found.string3,
        number1=found.number1,
        number2=found.number2,
        number3=found.number3,
        roles=list(found.roles),
        batch=UNSET if found.batch_id is None else links.batch(found.batch_id),
        metadata=links.image(*place, "metadata"),
        storage=links.image(*place, "storage"),
        manifests=list(found.manifests),
        media_type=found.media_type,
        family=found.family,
        delivery_channels=[wire.Channel(channel=each.channel, policy=each.policy) for each in found.channels],
    )
