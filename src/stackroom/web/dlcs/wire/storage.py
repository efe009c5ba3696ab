"""What is stored, and how much may be."""

from msgspec import UNSET, UnsetType, field

from stackroom.web.dlcs.wire.base import Given


class CustomerStorage(Given, frozen=True, kw_only=True):
    """Of a customer, or of a space, which has no policy of its own."""

    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:CustomerStorage")
    storage_policy: str | UnsetType = UNSET
    number_of_stored_images: int
    total_size_of_stored_images: int
    total_size_of_thumbnails: int
    last_calculated: str | UnsetType = UNSET


class StoragePolicy(Given, frozen=True, kw_only=True):
    context: str = field(name="@context")
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="vocab:StoragePolicy")
    maximum_number_of_stored_images: int
    maximum_total_size_of_stored_images: int
