"""Uploads."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Raw

from stackroom.web.pictograph.wire.base import AboutDataset, Asked, Given, Place
from stackroom.web.pictograph.wire.images import Image


class UploadWanted(Place, frozen=True, kw_only=True):
    filename: str
    content_type: str | None = None
    mime_type: str | None = None


class UploadRegistration(Place, frozen=True, kw_only=True):
    """The sizes in pixels that clients send are not read: the image is measured."""

    filename: str
    file_size: Annotated[int, Meta(ge=0)] | None = None
    gcs_path: str | None = None


class BulkFile(Asked, frozen=True, kw_only=True):
    folder_path: str | None = None
    directory_path: str | None = None
    filename: str
    content_type: str | None = None
    mime_type: str | None = None
    file_size: Annotated[int, Meta(ge=0)] | None = None


class BulkFiles(AboutDataset, frozen=True, kw_only=True):
    images: Annotated[list[BulkFile], Meta(min_length=1, max_length=500)]


class UploadUrl(Given, frozen=True, kw_only=True):
    """The three `gcs_…` are opaque to clients; `gcs_path` names the upload when it is registered."""

    success: bool = True
    upload_url: str
    gcs_bucket: str
    gcs_path: str
    gcs_uri: str
    filename: str
    folder_path: str
    directory_path: str
    expires_in_minutes: int


class UploadUrlAnswer(UploadUrl, frozen=True, kw_only=True):
    data: UploadUrl


class BulkUrls(Given, frozen=True, kw_only=True):
    upload_urls: Sequence[UploadUrl]
    expires_in_minutes: int


class BulkUrlsAnswer(Given, frozen=True, kw_only=True):
    success: bool = True
    upload_urls: Sequence[UploadUrl]
    data: BulkUrls


class Registered(Given, frozen=True, kw_only=True):
    success: bool = True
    image_id: str
    filename: str
    image: Raw
    data: Raw


class BulkRegisteredItem(Given, frozen=True, kw_only=True):
    filename: str
    image_id: str
    folder_path: str
    directory_path: str
    status: str
    image_url: str


class BulkRefusedItem(Given, frozen=True, kw_only=True):
    filename: str
    folder_path: str
    directory_path: str
    error: str
    code: str


class BulkRegistrationData(Given, frozen=True, kw_only=True):
    succeeded: Sequence[Image]
    failed: Sequence[BulkRefusedItem]
    count: int


class BulkRegistration(Given, frozen=True, kw_only=True):
    success: bool
    registered: Sequence[BulkRegisteredItem]
    failed: Sequence[BulkRefusedItem]
    data: BulkRegistrationData
