"""What every answer of this face is made with."""

import msgspec
from msgspec import Raw

from stackroom import clock, ids
from stackroom.errors import Invalid
from stackroom.ingest.uploads import Ticket
from stackroom.library.assets import Asset
from stackroom.web.pictograph.wire import base as wire
from stackroom.web.pictograph.wire.uploads import BulkFile
from stackroom.web.shared.signing import Signer
from stackroom.web.transfer.app import download_path, export_path, thumbnail_path, upload_path

PREFIX = "/api/v1/developer"
ONE_IMAGE = ("{image}", "{dataset}/{path:path}")
"""How an address names an image: by its id, or by its path in a dataset."""


THUMBNAIL = 200


class Links:
    """Addresses that clients may use as they are: absolute, and signed where no key is sent along."""

    def __init__(self, base: str, signer: Signer) -> None:
        self._base = base
        self._signer = signer
        self._lasting = signer.lasting()

    def image(self, found: Asset) -> str:
        return self._base + self._signer.sign(
            "GET", download_path(found.uuid, found.name), expires_at=self._lasting
        )

    def thumbnail(self, found: Asset) -> str:
        return self._base + self._signer.sign(
            "GET", thumbnail_path(found.uuid, THUMBNAIL), expires_at=self._lasting
        )

    def annotations(self, found: Asset) -> str:
        return f"{self._base}{PREFIX}/annotations/{ids.text(found.uuid)}/file"

    def export(self, uuid: bytes, name: str, expires_at: int) -> str:
        return self._base + self._signer.sign("GET", export_path(uuid, name), expires_at=expires_at)

    def upload(self, ticket: Ticket) -> str:
        return self._base + self._signer.sign("PUT", upload_path(ticket.uuid), expires_at=ticket.expires_at)


def raw(value: object) -> Raw:
    """Encoded once, for an answer in which it stands under several names."""
    return Raw(msgspec.json.encode(value))


def moment(at: int) -> str:
    return clock.to_datetime(at).isoformat()


def moment_out(at: int | None) -> str | None:
    return None if at is None else moment(at)


def pagination(limit: int, offset: int, shown: int, total: int) -> wire.Pagination:
    return wire.Pagination(limit=limit, offset=offset, total=total, has_more=offset + shown < total)


def dataset_ref(asked: wire.AboutDataset) -> str:
    """Which dataset is meant, by name or id."""
    given = asked.dataset_name or asked.dataset_id or asked.dataset
    if not given:
        message = "dataset_id: missing"
        location = {"loc": ["body", "dataset_id"], "msg": "missing", "type": "missing"}
        raise Invalid(
            message, hint="Name the dataset in dataset_id or dataset_name.", details={"errors": [location]}
        )
    return given


def folder_path(asked: wire.Place | BulkFile) -> str | None:
    return asked.folder_path if asked.folder_path is not None else asked.directory_path
