"""Media, as clients are told of them."""

from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from stackroom import ids
from stackroom.ingest.accepted import extension_of
from stackroom.library.media import Media
from stackroom.library.streaming import MASTER, read_renditions
from stackroom.media.kinds import Kind
from stackroom.web.mindia.wire import media as wire
from stackroom.web.mindia.wire.base import moment, moment_or_none, uuid

FILES = "/media"
PLURALS = {Kind.IMAGE: "images", Kind.VIDEO: "videos", Kind.AUDIO: "audios", Kind.DOCUMENT: "documents"}
COMPLETED = "completed"


def file_path(tenant: bytes, media: bytes, filename: str) -> str:
    """The path at which the bytes of an item are served, to whoever has a key: its `url` begins with the server's
    address."""
    extension = extension_of(filename)
    name = f"{ids.text(media)}.{extension}" if extension else ids.text(media)
    return f"{FILES}/{ids.text(tenant)}/{name}"


def media_of_file(name: str) -> bytes | None:
    """Which item the last part of such a path names."""
    return ids.parse(name.partition(".")[0])


def shown(found: Media, *, base: str, tenant: bytes, prefix: str) -> wire.Media:
    """An item. `base` is the server's address, `prefix` that of this protocol in it."""
    expires_at = moment_or_none(found.expires_at)
    return wire.Media(
        id=uuid(found.uuid),
        media_type=found.kind.value,
        filename=found.original_name,
        original_filename=found.original_name,
        url=base + file_path(tenant, found.uuid, found.original_name),
        content_type=found.content_type,
        file_size=found.size,
        **_of_kind(found, prefix),
        uploaded_at=moment(found.created_at),
        store_behavior=found.store_behavior,
        store_permanently=found.expires_at is None,
        expires_at=UNSET if found.kind is Kind.AUDIO and expires_at is None else expires_at,
        folder_id=_or_unset(None if found.folder_uuid is None else uuid(found.folder_uuid)),
        folder_name=_or_unset(found.folder_name),
    )


def completed(found: Media, *, base: str, tenant: bytes) -> wire.Completed:
    return wire.Completed(
        id=uuid(found.uuid),
        url=base + file_path(tenant, found.uuid, found.original_name),
        content_type=found.content_type,
        file_size=found.size,
        uploaded_at=moment(found.created_at),
    )


def document(metadata: dict[str, Any]) -> wire.Document:
    return wire.Document(user=metadata, plugins={})


def metadata(found: Media) -> wire.Metadata:
    return wire.Metadata(id=uuid(found.uuid), metadata=document(found.metadata))


def part_of_metadata(found: Media, namespace: str) -> wire.PartOfMetadata:
    """One part of the document by itself."""
    return wire.PartOfMetadata(id=uuid(found.uuid), metadata=found.metadata if namespace == "user" else {})


def _of_kind(found: Media, prefix: str) -> dict[str, Any]:
    match found.kind:
        case Kind.IMAGE:
            return {"width": found.width, "height": found.height}
        case Kind.VIDEO:
            return {
                "duration": found.duration,
                "width": found.width,
                "height": found.height,
                "processing_status": found.processing,
                "hls_url": _hls_url(found, prefix),
                "variants": _variants(found),
            }
        case Kind.AUDIO:
            known = {
                "duration": found.duration,
                "bitrate": found.bitrate,
                "sample_rate": found.sample_rate,
                "channels": found.channels,
            }
            return {name: value for name, value in known.items() if value is not None}
        case Kind.DOCUMENT:
            return {"page_count": found.page_count}


def _hls_url(found: Media, prefix: str) -> str | None:
    """Only of a video that has something to play: a copy has not, whatever its original had."""
    if found.hls_prefix is None:
        return None
    return f"{prefix}/videos/{ids.text(found.uuid)}/stream/{MASTER}"


def _variants(found: Media) -> list[wire.Variant] | None:
    if found.renditions is None:
        return None
    return [
        wire.Variant(
            name=each.name,
            resolution=each.resolution,
            bitrate=each.bitrate,
            width=each.width,
            height=each.height,
            playlist_path=each.playlist_path,
        )
        for each in read_renditions(found.renditions)
    ]


def _or_unset(value: Any) -> Any | UnsetType:
    return UNSET if value is None else value


def deleted(wanted: bytes, error: tuple[int, str] | None) -> wire.Deleted:
    if error is None:
        return wire.Deleted(id=uuid(wanted), status=204)
    return wire.Deleted(id=uuid(wanted), status=error[0], error=error[1])


def copied(source: bytes, made: str | None, error: tuple[int, str] | None) -> wire.Copied:
    if error is None and made is not None:
        return wire.Copied(source_id=uuid(source), new_id=UUID(made), status=201)
    assert error is not None
    return wire.Copied(source_id=uuid(source), new_id=None, status=error[0], error=error[1])
