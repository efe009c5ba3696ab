"""The words that every part of the DLCS protocol uses.

What a client sends is spelled in any case, and null is the same as absent; what it is sent leaves out what is not
known, and its members stand in the order of the fields here.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType, field

HYDRA = "http://www.w3.org/ns/hydra/context.jsonld"


class Asked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something a client sends. What is not known is ignored."""


class Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something a client is sent."""


class View(Given, frozen=True, kw_only=True):
    """Where a page of a collection is, and the pages around it."""

    at_id: str = field(name="@id")
    type: str = field(name="@type", default="PartialCollectionView")
    first: str | UnsetType = UNSET
    previous: str | UnsetType = UNSET
    next: str | UnsetType = UNSET
    last: str | UnsetType = UNSET
    page: int
    page_size: int
    total_pages: int


class Collection(Given, frozen=True, kw_only=True):
    """Many of something, or a page of them."""

    context: str = field(name="@context", default=HYDRA)
    at_id: str = field(name="@id")
    type: str = field(name="@type", default="Collection")
    total_items: int
    page_size: int
    member: list[Any]
    view: View | UnsetType = UNSET


class Error(Given, frozen=True, kw_only=True):
    """What every refusal looks like. Clients know it by its type, and show the title or one of the descriptions."""

    type: Literal["Error"] = field(name="@type", default="Error")
    status_code: int
    title: str
    description: str
    status: int
    detail: str
    instance: str
    code: str
    hint: str | UnsetType = UNSET
