"""What may stand in the query of an address. These describe it; most is read one by one, by `Call`."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from stackroom.web.mindia.wire.base import Asked, Moment
from stackroom.web.mindia.wire.tasks import Wanted

Offset = Annotated[int, Meta(description="How many to leave out. What is below 0 is 0.")]
Limit = Annotated[
    int, Meta(description="How many at most, 1 to 100. What is out of range is brought into it.")
]
Limit500 = Annotated[
    int, Meta(description="How many at most, 1 to 500. What is out of range is brought into it.")
]
Limit1000 = Annotated[
    int, Meta(description="How many at most, 1 to 1000. What is out of range is brought into it.")
]
Since = Annotated[Moment, Meta(description="Not before that moment.")]
Until = Annotated[Moment, Meta(description="Not after that moment.")]
MediaType = Literal["image", "video", "audio", "document"]


class Page(Asked, frozen=True, kw_only=True):
    limit: Limit = 50
    offset: Offset = 0


class MediaPage(Page, frozen=True, kw_only=True):
    folder_id: (
        Annotated[
            str, Meta(description="A folder's id: exactly what is in it. `none`: what is in no folder.")
        ]
        | UnsetType
    ) = UNSET


class TaskPage(Wanted, frozen=True, kw_only=True):
    limit: Limit1000 = 50
    offset: Offset = 0


class Upload(Asked, frozen=True, kw_only=True):
    store: Annotated[
        str, Meta(description="`1` stays, `0` goes after 24 hours, `auto` as the operator has decided.")
    ] = "auto"
    folder_id: Annotated[UUID, Meta(description="The folder it goes into.")] | UnsetType = UNSET


class UploadFromUrl(Upload, frozen=True, kw_only=True):
    url: Annotated[
        str,
        Meta(description="A public address, http or https.", examples=["https://example.com/harbour.jpg"]),
    ]


class Namespace(Asked, frozen=True, kw_only=True):
    namespace: (
        Annotated[Literal["user", "plugins"], Meta(description="This part of the document alone.")]
        | UnsetType
    ) = UNSET


class Children(Asked, frozen=True, kw_only=True):
    parent_id: (
        Annotated[str, Meta(description="A folder's id: those right below it. `null`: those at the top.")]
        | UnsetType
    ) = UNSET


class Token(Asked, frozen=True, kw_only=True):
    token: Annotated[str, Meta(description="As a public link has it.")]


class Piece(Asked, frozen=True, kw_only=True):
    token: Annotated[str, Meta(description="As `chunk_urls` has it, in place of a key.")] | UnsetType = UNSET


class Traffic(Asked, frozen=True, kw_only=True):
    start_date: Since | UnsetType = UNSET
    end_date: Until | UnsetType = UNSET
    limit: Limit1000 = 20


class Audit(Asked, frozen=True, kw_only=True):
    start_date: Since | UnsetType = UNSET
    end_date: Until | UnsetType = UNSET
    method: Annotated[str, Meta(description="The method of the request.")] | UnsetType = UNSET
    status_code: Annotated[int, Meta(ge=100, le=599)] | UnsetType = UNSET
    path_filter: Annotated[str, Meta(description="What the path contains, in any case.")] | UnsetType = UNSET
    event_type: (
        Annotated[list[str], Meta(description="Such as `file_deleted`; may stand there several times.")]
        | UnsetType
    ) = UNSET
    request_id: str | UnsetType = UNSET
    media_id: Annotated[UUID, Meta(description="What happened to that item.")] | UnsetType = UNSET
    limit: Limit500 = 50
    offset: Offset = 0


class Search(Asked, frozen=True, kw_only=True):
    q: Annotated[str, Meta(description="What to search for, in words.", examples=["harbour"])] | UnsetType = (
        UNSET
    )
    search_mode: Literal["semantic", "metadata", "both"] = "both"
    type: MediaType | UnsetType = UNSET
    folder_id: UUID | UnsetType = UNSET
    min_similarity: Annotated[float, Meta(ge=0, le=1)] = 0.3
    metadata: (
        Annotated[
            dict[str, str],
            Meta(
                description="`metadata.KEY=…` is equal, `metadata_min.KEY=…` and `metadata_max.KEY=…` are bounds, "
                "`metadata_contains.KEY=…` is a part of it in any case. At most ten.",
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    offset: Annotated[int, Meta(ge=0)] = 0
