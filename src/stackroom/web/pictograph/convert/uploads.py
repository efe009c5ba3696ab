"""Uploads, between the library's words and Pictograph's."""

from collections.abc import Sequence

from stackroom import clock, ids
from stackroom.ingest.uploads import TICKET_LIFE, Refused, Ticket, Wanted
from stackroom.library.assets import Asset
from stackroom.library.names import ROOT
from stackroom.web.pictograph.convert.base import Links, folder_path
from stackroom.web.pictograph.convert.images import image
from stackroom.web.pictograph.wire import uploads as wire

TICKET_PLACE = "uploads/"


def upload(asked: wire.UploadWanted | wire.BulkFile) -> Wanted:
    return Wanted(
        folder_path=folder_path(asked) or ROOT,
        name=asked.filename,
        content_type=asked.content_type or asked.mime_type,
    )


def registration(asked: wire.UploadRegistration) -> Wanted:
    given = asked.gcs_path
    return Wanted(
        folder_path=folder_path(asked) or ROOT,
        name=asked.filename,
        size=asked.file_size,
        ticket=None if given is None else given.removeprefix(TICKET_PLACE),
    )


def bulk_registration(asked: wire.BulkFile) -> Wanted:
    return Wanted(folder_path=folder_path(asked) or ROOT, name=asked.filename, size=asked.file_size)


def upload_url(ticket: Ticket, links: Links) -> wire.UploadUrl:
    place = TICKET_PLACE + ids.text(ticket.uuid)
    return wire.UploadUrl(
        upload_url=links.upload(ticket),
        gcs_bucket="stackroom",
        gcs_path=place,
        gcs_uri=f"stackroom://{place}",
        filename=ticket.name,
        folder_path=ticket.folder_path,
        directory_path=ticket.folder_path,
        expires_in_minutes=TICKET_LIFE // (60 * clock.SECOND),
    )


def bulk_registered(
    results: Sequence[Asset | Refused], dataset_id: str, links: Links
) -> wire.BulkRegistration:
    made = [image(each, dataset_id, links) for each in results if isinstance(each, Asset)]
    failed = [_refused(each) for each in results if isinstance(each, Refused)]
    registered = [
        wire.BulkRegisteredItem(
            filename=each.filename,
            image_id=each.id,
            folder_path=each.folder_path,
            directory_path=each.folder_path,
            status=each.status,
            image_url=each.image_url,
        )
        for each in made
    ]
    data = wire.BulkRegistrationData(succeeded=made, failed=failed, count=len(made))
    return wire.BulkRegistration(success=not failed, registered=registered, failed=failed, data=data)


def _refused(each: Refused) -> wire.BulkRefusedItem:
    return wire.BulkRefusedItem(
        filename=each.wanted.name,
        folder_path=each.wanted.folder_path,
        directory_path=each.wanted.folder_path,
        error=each.error.message,
        code=each.error.code,
    )
