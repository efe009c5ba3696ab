"""Which store a library has."""

from stackroom.settings import Settings
from stackroom.storage.blobstore import BlobStore
from stackroom.storage.bucket import BucketStore
from stackroom.storage.copies import Copies
from stackroom.storage.local import LocalStore


def store_of(settings: Settings) -> BlobStore:
    """The store that the settings name, not tried yet: that is `check`. Raises Unavailable (`storage_unusable`) for a
    bucket that no client can be made for."""
    if settings.bucket is None:
        return LocalStore(settings.storage_dir)
    return BucketStore(settings.bucket, Copies(settings.copies_dir, settings.most_copied_bytes))
