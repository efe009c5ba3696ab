"""Between the library's words and Pictograph's, in both directions. Nothing here decides anything."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from stackroom import clock, ids
from stackroom.access import Actor
from stackroom.errors import Invalid
from stackroom.ingest.uploads import TICKET_LIFE, Refused, Ticket, Wanted
from stackroom.library.annotations import Saved
from stackroom.library.assets import Asset
from stackroom.library.datasets import Dataset, DatasetChanges, Totals
from stackroom.library.names import ROOT, ancestors, clean_path, last_part, parent
from stackroom.operations.journal import Operation
from stackroom.operations.outcome import Outcome, reason
from stackroom.operations.remove_dataset import Removed
from stackroom.operations.request import Changes, Collision, Ids, Request, Verb, check_changes, select_ids
from stackroom.web.pictograph import wire
from stackroom.web.shared.signing import Signer
from stackroom.web.transfer.app import download_path, thumbnail_path, upload_path

PREFIX = "/api/v1/developer"
THUMBNAIL = 200
TICKET_PLACE = "uploads/"
FolderRow = tuple[int, bytes, str, int, int]


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

    def upload(self, ticket: Ticket) -> str:
        return self._base + self._signer.sign("PUT", upload_path(ticket.uuid), expires_at=ticket.expires_at)


def raw(value: object) -> Raw:
    """Encoded once, for an answer in which it stands under several names."""
    return Raw(msgspec.json.encode(value))


def moment(at: int) -> str:
    return clock.to_datetime(at).isoformat()


def pagination(limit: int, offset: int, shown: int, total: int) -> wire.Pagination:
    return wire.Pagination(limit=limit, offset=offset, total=total, has_more=offset + shown < total)


# What is asked


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


def folder_path(asked: wire.Place | wire.BulkFile) -> str | None:
    return asked.folder_path if asked.folder_path is not None else asked.directory_path


def changes_of_dataset(asked: wire.DatasetUpdate) -> DatasetChanges:
    return DatasetChanges(
        name=asked.name if asked.new_name is UNSET else asked.new_name,
        description=asked.description,
        readme=asked.readme,
        annotation_types=asked.annotation_types,
        classes=UNSET if asked.classes is UNSET else classes(asked.classes),
        classes_base=UNSET if asked.classes_base is UNSET else classes(asked.classes_base),
    )


def classes(asked: Sequence[wire.DatasetClass] | None) -> list[dict[str, Any]]:
    built: list[dict[str, Any]] = msgspec.to_builtins(asked or [])
    return built


def move(asked: wire.IntoFolder) -> Request:
    return Request(
        verb=Verb.MOVE,
        selection=select_ids(asked.image_ids, dataset_id=None),
        target_folder=_target(asked),
        first_number=1,
        require_match=True,
    )


def copy(asked: wire.BatchCopy) -> Request:
    return Request(
        verb=Verb.COPY,
        selection=select_ids(asked.image_ids, dataset_id=None),
        target_folder=_target(asked),
        on_collision=Collision(asked.duplicate_handling),
        first_number=2,
        copy_annotations=asked.copy_annotations,
        require_match=True,
    )


def delete(asked: wire.BatchDelete) -> Request:
    verb = Verb.PURGE if asked.permanent else Verb.ARCHIVE
    return Request(verb=verb, selection=select_ids(asked.image_ids, dataset_id=None), require_match=True)


def update(asked: wire.BatchUpdate) -> Request:
    wanted = asked.updates
    changes = Changes(status=wanted.status, display_name=wanted.display_name, archived=wanted.is_archived)
    check_changes(changes)
    return Request(
        verb=Verb.UPDATE,
        selection=select_ids(asked.image_ids, dataset_id=None),
        on_collision=Collision.SKIP,
        changes=changes,
        require_match=True,
    )


def delete_one(reference: str, *, permanent: bool) -> Request:
    verb = Verb.PURGE if permanent else Verb.ARCHIVE
    return Request(verb=verb, selection=select_ids([reference], dataset_id=None), single=True)


def within(request: Request, dataset_id: int) -> Request:
    """The request, on the images of one dataset."""
    assert isinstance(request.selection, Ids)
    return msgspec.structs.replace(
        request,
        selection=msgspec.structs.replace(request.selection, dataset_id=dataset_id),
        target_dataset_id=None if request.target_folder is None else dataset_id,
    )


def _target(asked: wire.IntoFolder) -> str:
    given = asked.target_folder_path
    if given is None:
        given = asked.target_directory_path
    return clean_path(ROOT if given is None else given, "target_folder_path")


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


# What is given


def dataset(found: Dataset, totals: Totals, actor: Actor, images: Raw | None = None) -> wire.Dataset:
    return wire.Dataset(
        id=ids.text(found.uuid),
        organization_id=ids.text(actor.organization_uuid),
        name=found.name,
        description=found.description,
        readme=found.readme,
        annotation_types=found.annotation_types,
        classes=found.classes,
        image_count=totals.assets,
        completed_image_count=totals.complete,
        total_size=totals.bytes,
        archived_images=totals.archived,
        archived_image_count=totals.archived,
        is_public=False,
        is_archived=found.archived_at is not None,
        archived_at=None if found.archived_at is None else moment(found.archived_at),
        storage_class="standard",
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
        images=UNSET if images is None else images,
    )


def removed(done: Removed) -> wire.DatasetRemoved:
    identity = ids.text(done.dataset.uuid)
    return wire.DatasetRemoved(
        deleted=wire.RemovedProject(
            project_id=identity, images=done.assets, folders=done.folders, gcs_blobs=done.blobs
        ),
        data=wire.RemovedDataset(
            id=identity,
            name=done.dataset.name,
            images_deleted=done.assets,
            directories_deleted=done.folders,
            gcs_blobs_deleted=done.blobs,
            gcs_blobs_retained_for_forks=done.blobs_kept,
        ),
    )


def image(found: Asset, dataset_id: str, links: Links) -> wire.Image:
    return wire.Image(
        id=ids.text(found.uuid),
        dataset_id=dataset_id,
        filename=found.name,
        display_name=found.display_name,
        status=found.status,
        split=found.split,
        annotation_count=found.annotation_count,
        min_confidence=found.min_confidence,
        file_size=found.size,
        width=found.width,
        height=found.height,
        image_width=found.width,
        image_height=found.height,
        content_type=found.content_type,
        mime_type=found.content_type,
        directory_path=found.folder_path,
        folder_path=found.folder_path,
        virtual_folder_path=found.folder_path,
        virtual_directory_path=found.folder_path,
        tags=[],
        is_archived=found.archived_at is not None,
        image_url=links.image(found),
        thumbnail_url=links.thumbnail(found),
        annotation_url=links.annotations(found),
        created_at=moment(found.created_at),
        updated_at=moment(found.updated_at),
    )


def images(found: Iterable[Asset], dataset: Dataset, links: Links) -> Raw:
    """Thousands of signatures take their time: not for the event loop."""
    identity = ids.text(dataset.uuid)
    return raw([image(each, identity, links) for each in found])


def download_items(found: Iterable[Asset], mode: str, links: Links) -> Raw:
    return raw([_download_item(each, mode, links) for each in found])


def _download_item(found: Asset, mode: str, links: Links) -> wire.DownloadItem:
    return wire.DownloadItem(
        id=ids.text(found.uuid),
        filename=found.name,
        file_size=found.size,
        annotation_count=found.annotation_count,
        directory_path=found.folder_path,
        folder_path=found.folder_path,
        image_url=UNSET if mode == "annotations_only" else links.image(found),
        annotation_url=UNSET if mode == "images_only" else links.annotations(found),
    )


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


def batch_result(
    done: Operation,
    asked: Sequence[str],
    failures: Sequence[tuple[int, Outcome, str | None]],
    *,
    folders: Sequence[str],
    renamed: int = 0,
    created: Sequence[tuple[int, bytes, str]] | None = None,
) -> wire.BatchResult:
    """When nothing failed, `succeeded` is the list that was asked for, and no item is looked at."""
    failing = {position for position, _, _ in failures}
    succeeded = [each for at, each in enumerate(asked) if at not in failing] if failing else asked
    failed = raw([_failure(asked[at], outcome, name) for at, outcome, name in failures])
    return wire.BatchResult(
        success=not failures,
        processed=len(succeeded),
        succeeded=succeeded,
        failed=failed,
        failed_count=len(failures),
        failures=failed,
        affected_folders=folders,
        affected_directories=folders,
        renamed=renamed,
        operation=_DELETED.get(done.verb),
        operation_id=ids.text(done.uuid),
        created=UNSET if created is None else [_created(asked, each) for each in created],
    )


_DELETED = {Verb.ARCHIVE: "archived", Verb.PURGE: "deleted"}


def _failure(asked: str, outcome: Outcome, name: str | None) -> wire.BatchFailure:
    why = reason(outcome, name) or outcome.word
    return wire.BatchFailure(id=asked, image_id=asked, reason=why, code=outcome.word)


def _created(asked: Sequence[str], made: tuple[int, bytes, str]) -> wire.Created:
    position, uuid, name = made
    return wire.Created(source_id=asked[position], id=ids.text(uuid), filename=name)


def annotations_saved(saved: Saved) -> wire.AnnotationsSaved:
    return wire.AnnotationsSaved(
        image_id=ids.text(saved.uuid),
        previous_count=saved.previous_count,
        new_count=saved.new_count,
        status=saved.status,
    )


def folders(
    rows: Sequence[FolderRow], dataset: Dataset, actor: Actor, parent_path: str | None
) -> list[wire.Folder]:
    """All folders but the root, or those directly below one."""
    wanted = None if parent_path is None else clean_path(parent_path, "parent_path")
    nested = nested_counts(rows)
    identities = {path: ids.text(uuid) for _, uuid, path, _, _ in rows if path != ROOT}
    dataset_id, organization_id = ids.text(dataset.uuid), ids.text(actor.organization_uuid)
    return [
        wire.Folder(
            id=identities[path],
            project_id=dataset_id,
            dataset_id=dataset_id,
            organization_id=organization_id,
            name=last_part(path),
            parent_folder_id=identities.get(parent(path)),
            parent_directory_id=identities.get(parent(path)),
            full_path=path,
            directory_path=path,
            image_count=count,
            nested_image_count=nested[path],
            created_by=None,
            created_at=moment(created_at),
            updated_at=None,
        )
        for _, _, path, created_at, count in rows
        if path != ROOT and (wanted is None or parent(path) == wanted)
    ]


def folder_tree(rows: Sequence[FolderRow]) -> list[wire.FolderNode]:
    """The folders below the root, each with those below it."""
    nested = nested_counts(rows)
    children: dict[str, list[wire.FolderNode]] = {path: [] for _, _, path, _, _ in rows}
    # From the deepest up: the children of a folder are complete when it is made itself.
    for _, uuid, path, _, count in sorted(rows, key=lambda row: row[2].count("/"), reverse=True):
        if path != ROOT:
            node = wire.FolderNode(
                id=ids.text(uuid),
                name=last_part(path),
                full_path=path,
                directory_path=path,
                image_count=count,
                nested_image_count=nested[path],
                children=children[path],
            )
            children[parent(path)].append(node)
    return children[ROOT]


def nested_counts(rows: Sequence[FolderRow]) -> Mapping[str, int]:
    """How many images are in each folder and everywhere below it."""
    nested = {path: 0 for _, _, path, _, _ in rows}
    for _, _, path, _, count in rows:
        for above in ancestors(path):
            nested[above] += count
    return nested
