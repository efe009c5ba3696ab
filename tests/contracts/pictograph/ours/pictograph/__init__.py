"""Their words, our SDK: Stackroom's client under the names that a script for the official clients uses.

The conformance cases say `import pictograph` and are given this. It renames and reshapes, and decides nothing: every
method hands on to one of ours and returns what came of it. What is not said here is called the same in both.

The version says which cases are meant: it is the last whose words address images by their ids, as ours do.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Final, Generic, TypeVar, get_args

from msgspec import structs

import stackroom
from stackroom.client._sync import (
    annotations,
    api_keys,
    comments,
    datasets,
    exports,
    folders,
    images,
    organizations,
    projects,
    webhooks,
)
from stackroom.client._sync.connection import Connection

__version__ = "1.69.42"
T = TypeVar("T")

PolygonGeometry = stackroom.Polygon
PolylineGeometry = stackroom.Polyline
OrientedBoxGeometry = stackroom.OrientedBox

# What they call an attribute, and where we have it.
ATTRIBUTES: Final[dict[type, dict[str, str]]] = {
    stackroom.BatchFailure: {"id": "image_id"},
    stackroom.BulkUploadReport: {"registered": "images", "failed": "failures"},
    stackroom.ClassesChanged: {"annotations_removed": "annotations_updated"},
    stackroom.Dataset: {"archived_images": "archived_image_count"},
    stackroom.ExportsDeleted: {"deleted": "succeeded"},
    stackroom.FolderStats: {"folders_by_status": "images_by_status"},
    stackroom.NewApiKey: {"key_id": "id", "api_key": "token"},
    stackroom.TaggedImage: {"project_id": "dataset_id"},
    stackroom.UploadFailure: {"filename": "path.name"},
}


def _name_attributes() -> None:
    for kind, names in ATTRIBUTES.items():
        for theirs, ours in names.items():
            setattr(kind, theirs, property(attrgetter(ours)))
    # Their tags are sorted into kinds; what a person gave is an object.
    stackroom.TaggedImage.image_auto_tags = property(lambda image: {"objects": image.tags})
    for kind in get_args(stackroom.Annotation):
        kind.model_copy = _changed


def _changed(value: Any, *, update: dict[str, Any]) -> Any:
    """A copy of a model, in which some fields are others. One that the model has not is theirs to ignore."""
    fields = {name: to for name, to in update.items() if name in value.__struct_fields__}
    return structs.replace(value, **fields)


class Walk(Generic[T]):
    """A walk over pages, which they may have as a list."""

    def __init__(self, rows: Iterator[T]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[T]:
        return self._rows

    def all(self) -> list[T]:
        return list(self._rows)


class Annotations(annotations.Annotations):
    """With what they do here to the classes of a dataset, which ours does where datasets are."""

    def __init__(self, connection: Connection, classes_of: datasets.Datasets) -> None:
        super().__init__(connection)
        self.rename_class = classes_of.rename_class
        self.merge_class = classes_of.merge_class
        self.delete_class = classes_of.delete_class


class AnnotationComments(comments.Comments):
    def resolve(self, comment_id: str, *, resolved: bool = True) -> stackroom.Comment:
        return self.update(comment_id, resolved=resolved)


class ApiKeys(api_keys.ApiKeys):
    def create(self, _organization_id: str, name: str, **wanted: Any) -> stackroom.NewApiKey:
        """Ours are of the organization of the key that makes them."""
        return super().create(name, **wanted)


class Datasets(datasets.Datasets):
    def iter(self, **options: Any) -> Walk[stackroom.Dataset]:
        return Walk(super().iter(**options))

    def insights(self, dataset: str) -> stackroom.Insights:
        found = super().insights(dataset)
        return structs.replace(found, status_counts=SimpleNamespace(**found.status_counts))


class Exports(exports.Exports):
    def create(self, *named: str, poll_interval: float = 0, **wanted: Any) -> stackroom.Export:
        """Ours chooses its pauses itself."""
        del poll_interval
        return super().create(*named, **wanted)

    def iter(self, **options: Any) -> Walk[stackroom.Export]:
        return Walk(super().iter(**options))


class Folders(folders.Folders):
    """By a folder's id, which stands in an address where ours has a dataset, with no path after it."""

    def stats(self, folder_id: str, *, include_subfolders: bool = True) -> stackroom.FolderStats:
        return super().stats(folder_id, recursive=include_subfolders)

    def rename(self, folder_id: str, new_name: str) -> stackroom.Folder:
        return super().rename(folder_id, "/", new_name)

    def delete(self, folder_id: str, *, cascade: bool = False) -> None:
        super().delete(folder_id, "/", cascade=cascade)


class Images(images.Images):
    def iter(self, dataset: str, **options: Any) -> Walk[stackroom.Image]:
        return Walk(super().iter(dataset, **options))

    def bulk_tag(self, dataset: str, ids: list[str], tags: list[str], *, add: bool = True) -> int:
        return (self.tag if add else self.untag)(dataset, ids, tags).processed

    def assign_splits(self, dataset: str, **wanted: int) -> dict[str, int]:
        return structs.asdict(super().assign_splits(dataset, **wanted))


class Organizations(organizations.Organizations):
    def invite(self, email: str, **wanted: Any) -> stackroom.Invite:
        """Theirs comes by mail, so nobody sees its token."""
        return structs.replace(super().invite(email, **wanted), token=None)

    def update_member_role(self, member_id: str, role: stackroom.Role) -> dict[str, Any]:
        return structs.asdict(super().update_member_role(member_id, role))


class Projects(projects.Projects):
    def delete(self, name: str) -> dict[str, Any]:
        return structs.asdict(super().delete(name))

    def archive(self, name: str) -> dict[str, Any]:
        return structs.asdict(super().archive(name))

    def restore(self, name: str) -> dict[str, Any]:
        return structs.asdict(super().restore(name))


class Search:
    """What finds images: a resource of its own with them, a part of `images` with us."""

    def __init__(self, found_by: images.Images) -> None:
        self._images = found_by

    def by_similarity(self, image_id: str, **options: Any) -> list[stackroom.SimilarImage]:
        return self._images.similar(image_id, **options)

    def by_tag(
        self,
        *,
        objects: Iterable[str] = (),
        scenes: Iterable[str] = (),
        attributes: Iterable[str] = (),
        dataset_name: str | None = None,
        **page: int,
    ) -> list[stackroom.TaggedImage]:
        return self._images.search_by_tags([*objects, *scenes, *attributes], dataset=dataset_name, **page)


class Webhooks(webhooks.Webhooks):
    def test(self, endpoint_id: str) -> dict[str, Any]:
        tested = super().test(endpoint_id)
        return {"success": tested.delivered, **structs.asdict(tested)}


class Client(stackroom.Client):
    """It says on the wire that it speaks in their words, as theirs do."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connection._http.headers["User-Agent"] = f"pictograph-python/{__version__}"
        self.annotations = Annotations(self._connection, self.datasets)
        self.annotation_comments = AnnotationComments(self._connection)
        self.api_keys = ApiKeys(self._connection)
        self.datasets = Datasets(self._connection)
        self.exports = Exports(self._connection)
        self.folders = Folders(self._connection)
        self.images = Images(self._connection)
        self.organizations = Organizations(self._connection)
        self.projects = Projects(self._connection)
        self.search = Search(self.images)
        self.webhooks = Webhooks(self._connection)


class AsyncClient(stackroom.AsyncClient):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connection._http.headers["User-Agent"] = f"pictograph-python-async/{__version__}"


def __getattr__(name: str) -> Any:
    """What is called the same in both."""
    return getattr(stackroom, name)


_name_attributes()
