"""Exports, between the library's words and Pictograph's."""

import msgspec

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import Conflict, Invalid, StackroomError
from stackroom.exports.request import FORMATS, Format, Options, the_classes
from stackroom.exports.rows import COMPLETED, Export, Removed
from stackroom.web.pictograph.convert.base import Links, moment
from stackroom.web.pictograph.wire import exports as wire

NOT_OFFERED = ("darwin", "yolo_obb", "yolo_pose", "dota", "cvat", "datumaro", "labelme")


class FormatNotOffered(StackroomError):
    """A format that the hosted service writes and this server does not."""

    code = "not_offered"


def wanted_format(name: str) -> Format:
    """Raises `FormatNotOffered`, or `Invalid` for what is no format anywhere."""
    if name in FORMATS:
        return Format(name)
    offered = ", ".join(FORMATS)
    if name in NOT_OFFERED:
        raise FormatNotOffered(
            f"format: {name} is not offered by this server; it writes {offered}",
            hint=f"Use one of {offered}.",
        )
    raise Invalid(f"format: {name!r} is not one of {offered}", hint=f"Use one of {offered}.")


def options(asked: wire.NewExport) -> Options:
    return Options(
        include_images=asked.include_images,
        classes=the_classes(asked.class_filter),
        status=asked.status_filter,
        by_split=asked.organize_by_split,
    )


def export(found: Export, actor: Actor, links: Links) -> wire.Export:
    dataset_id = ids.text(found.dataset_uuid)
    return wire.Export(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        project_id=dataset_id,
        dataset_id=dataset_id,
        dataset_name=found.dataset_name,
        name=found.name,
        format=found.format.value,
        include_images=found.options.include_images,
        class_filter=found.options.classes,
        status_filter=found.options.status,
        organize_by_split=found.options.by_split,
        status=found.state,
        error_message=found.error,
        file_size=found.size,
        image_count=found.image_count,
        annotation_count=found.annotation_count,
        created_at=moment(found.created_at),
        completed_at=None if found.finished_at is None else moment(found.finished_at),
        expires_at=moment(found.expires_at),
        download_url=_url(found, links) if found.state == COMPLETED else None,
    )


def download(found: Export, links: Links) -> wire.DownloadAnswer:
    """Raises `Conflict` (`export_not_ready`) while there is nothing to fetch."""
    if found.state != COMPLETED:
        raise Conflict(
            f"export {found.name!r} is {found.state}, so there is no file",
            code="export_not_ready",
            hint="Wait until its status is completed." if found.error is None else found.error,
        )
    url = _url(found, links)
    data = wire.Download(download_url=url, expires_at=moment(found.expires_at), file_size=found.size)
    return wire.DownloadAnswer(download_url=url, data=data)


def bulk_deleted(done: Removed) -> wire.BulkDeleted:
    data = wire.Deleted(
        succeeded=done.removed, deleted=done.removed, not_found=done.not_found, count=len(done.removed)
    )
    return wire.BulkDeleted(**msgspec.structs.asdict(data), data=data)


def _url(found: Export, links: Links) -> str:
    return links.export(found.uuid, found.name, found.expires_at)
