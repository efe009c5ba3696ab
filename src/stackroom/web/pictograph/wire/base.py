"""The words that every part of the Pictograph protocol uses.

Clients of two generations read the same answer: one knows folders, the other directories; one looks for `image`,
the other for `data`. Everything is accepted in either spelling and given in both.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Status = Literal["new", "annotate", "review", "complete"]


Split = Literal["train", "val", "test"]


Limit = Annotated[int, Meta(ge=1, le=1000)]


Offset = Annotated[int, Meta(ge=0, le=2**53)]


TenThousand = Annotated[int, Meta(ge=1, le=10_000)]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client sends. Keys that only another generation knows are ignored."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Something a client is sent."""


class AboutDataset(Asked, frozen=True, kw_only=True):
    """Names a dataset, by name or id, in any of three spellings."""

    dataset: str | None = None
    dataset_id: str | None = None
    dataset_name: str | None = None


class Place(AboutDataset, frozen=True, kw_only=True):
    """Names a folder of a dataset, in either spelling."""

    folder_path: str | None = None
    directory_path: str | None = None


class Pagination(Given, frozen=True, kw_only=True):
    limit: int
    offset: int
    total: int
    has_more: bool
