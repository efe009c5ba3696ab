# Made from ../_async/batch.py by tools/generate_sync_client.py: change it there.

"""One call over many images of a dataset."""

from collections.abc import Iterable, Mapping

from stackroom.client.errors import EmptyUpdate
from stackroom.client.models import BatchResult, DuplicateHandling
from stackroom.client.wire import DEVELOPER, Call, batch_result, given, id_list

from .connection import Connection

_BATCH = f"{DEVELOPER}/batch/images"


class Batch:
    """`client.batch`: up to 10,000 images in one call, with an outcome for each.

    A partial success does not raise. All calls raise NotFoundError for an unknown dataset or when none of
    the ids is an image of it, ForbiddenError if the key's role is too low, and ValidationError for values
    that cannot be, such as more than 10,000 ids: nothing is cut off or split behind your back.
    `client.operations` takes any number, or a filter, and can be undone. With an `idempotency_key` of your own, doing
    it again gives the same result instead of, say, a second copy.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def move(
        self,
        dataset_name: str,
        image_ids: Iterable[str],
        *,
        target_folder_path: str = "/",
        idempotency_key: str | None = None,
    ) -> BatchResult:
        """Move images to another folder of the dataset. A newcomer whose name is taken there is renamed."""
        body = {"target_folder_path": target_folder_path}
        return self._run("move", dataset_name, image_ids, body, idempotency_key)

    def copy(
        self,
        dataset_name: str,
        image_ids: Iterable[str],
        *,
        target_folder_path: str = "/",
        duplicate_handling: DuplicateHandling = "rename",
        copy_annotations: bool = False,
        idempotency_key: str | None = None,
    ) -> BatchResult:
        """Copy images to a folder of the dataset; `result.created` names the copies.

        `duplicate_handling` says what happens where a name is taken; `copy_annotations` takes annotations and
        status along.
        """
        body = {
            "target_folder_path": target_folder_path,
            "duplicate_handling": duplicate_handling,
            "copy_annotations": copy_annotations,
        }
        return self._run("copy", dataset_name, image_ids, body, idempotency_key)

    def copy_to_dataset(
        self,
        dataset_name: str,
        image_ids: Iterable[str],
        target_dataset_name: str,
        *,
        target_folder_path: str = "/",
        idempotency_key: str | None = None,
    ) -> BatchResult:
        """Copy images to another dataset, with annotations, tags, split and status.

        A copy whose name is taken there is renamed. Classes that the other dataset does not list are added to it:
        `result.classes_added`.
        """
        body = {"target_dataset_name": target_dataset_name, "target_directory_path": target_folder_path}
        return self._run("copy-to-dataset", dataset_name, image_ids, body, idempotency_key)

    def delete(
        self,
        dataset_name: str,
        image_ids: Iterable[str],
        *,
        permanent: bool = False,
        idempotency_key: str | None = None,
    ) -> BatchResult:
        """Archive images; `permanent=True`, with the admin role, removes them for good."""
        body = {"permanent": permanent}
        return self._run("delete", dataset_name, image_ids, body, idempotency_key)

    def update(
        self,
        dataset_name: str,
        image_ids: Iterable[str],
        *,
        status: str | None = None,
        display_name: str | None = None,
        is_archived: bool | None = None,
        idempotency_key: str | None = None,
    ) -> BatchResult:
        """Write the fields that are given; `is_archived=False` restores.

        Raises EmptyUpdate, without a request, if none is.
        """
        updates = given(status=status, display_name=display_name, is_archived=is_archived)
        if not updates:
            raise EmptyUpdate(
                "There is nothing to change: status, display_name and is_archived are all None."
            )
        body = {"updates": updates}
        return self._run("update", dataset_name, image_ids, body, idempotency_key, method="PATCH")

    def _run(
        self,
        verb: str,
        dataset_name: str,
        image_ids: Iterable[str],
        body: Mapping[str, object],
        key: str | None,
        *,
        method: str = "POST",
    ) -> BatchResult:
        ids = id_list(image_ids)
        whole = {"dataset_name": dataset_name, "image_ids": ids, **body}
        return self._connection.call(
            Call(
                method=method,
                path=f"{_BATCH}/{verb}",
                json=whole,
                idempotency_key=key,
                reply=batch_result(ids),
            )
        )
