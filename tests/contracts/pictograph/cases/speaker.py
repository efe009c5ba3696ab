"""A client of any version, asked in one way.

What the versions share is called directly, as a user would. What they say differently, and nothing else, is said
here: folders and directories, projects and datasets, an image's id and its place.
"""

import inspect
from pathlib import Path
from typing import Any


class Speaker:
    """Whoever holds one key."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.word = "directory" if hasattr(client, "directories") else "folder"
        self.words = "directories" if hasattr(client, "directories") else "folders"
        self.by_place = "dataset_name" in inspect.signature(client.images.get).parameters
        self.sets = getattr(client, "projects", client.datasets)
        self.has_projects = hasattr(client, "projects")
        self.lists_images = hasattr(client.images, "list")

    def called(self, made: Any) -> str:
        """What names a dataset among images: its name, for those who address images by their place."""
        return str(made.name if self.by_place else made.id)

    def on(self, made: Any, image: Any) -> tuple[str, ...]:
        """What names an image, by itself or as an id."""
        identity = getattr(image, "id", image)
        return (made.name, identity) if self.by_place else (identity,)

    # --- datasets ---------------------------------------------------------------------------------------------

    def create(self, name: str, **described: Any) -> Any:
        return self.sets.create(name, **described)

    def find(self, name: str) -> Any:
        return self.sets.get(name)

    def change(self, name: str, **described: Any) -> Any:
        return self.sets.update(name, **described)

    def remove(self, name: str) -> dict[str, Any]:
        gone: dict[str, Any] = self.sets.delete(name)
        return gone

    def hide(self, name: str) -> Any:
        return self.sets.archive(name)

    def show(self, name: str) -> Any:
        return self.sets.restore(name) if self.has_projects else self.sets.unarchive(name)

    def archived_images(self, made: Any) -> int:
        found = self.find(made.name)
        return int(found.archived_images if self.has_projects else found.archived_image_count)

    # --- images -----------------------------------------------------------------------------------------------

    def upload(self, made: Any, file: Path, folder: str = "/", **options: Any) -> Any:
        return self.client.images.upload(self.called(made), file, **{f"{self.word}_path": folder}, **options)

    def upload_many(self, made: Any, files: list[Path], folder: str = "/") -> tuple[list[str], list[str]]:
        """The names of those that are there, and of those that are not."""
        result = self.client.images.bulk_upload(self.called(made), files, **{f"{self.word}_path": folder})
        there = getattr(result, "registered", None) or getattr(result, "succeeded", [])
        return [each.filename for each in there], [each.filename for each in result.failed]

    def upload_tree(self, name: str, root: Path, **options: Any) -> Any:
        images = self.client.images
        for method in ("upload_from_directory", "upload_from_folder"):
            if hasattr(images, method):
                return getattr(images, method)(name, root, **options)
        from pictograph.workflows import upload_dataset_from_folder

        return upload_dataset_from_folder(self.client, name, root, **options)

    def image(self, made: Any, image: Any) -> Any:
        return self.client.images.get(*self.on(made, image))

    def images(self, made: Any, folder: str | None = None, **filters: Any) -> list[Any]:
        if not self.lists_images:  # it has them in a dataset only
            whole = self.client.datasets.get(made.name, include_images=True, **filters).images or []
            return [each for each in whole if folder in {None, self.place(each)}]
        if folder is not None:
            filters[f"{self.word}_path"] = folder
        found: list[Any] = self.client.images.list(self.called(made), **filters)
        return found

    def names(self, made: Any, folder: str | None = None, **filters: Any) -> list[str]:
        return sorted(each.filename for each in self.images(made, folder, **filters))

    def place(self, image: Any) -> str | None:
        """The folder that an image is in."""
        for word in ("directory_path", "folder_path", "virtual_folder_path"):
            if hasattr(image, word):
                return str(getattr(image, word))
        return None

    def download(self, made: Any, image: Any, out: Path) -> Path:
        return Path(self.client.images.download(*self.on(made, image), out))

    def delete(self, made: Any, image: Any, **options: Any) -> None:
        self.client.images.delete(*self.on(made, image), **options)

    # --- many images ------------------------------------------------------------------------------------------

    def move(self, name: str, ids: list[str], folder: str = "/") -> Any:
        return self.client.batch.move(name, ids, **{f"target_{self.word}_path": folder})

    def copy(self, name: str, ids: list[str], folder: str = "/", **options: Any) -> Any:
        return self.client.batch.copy(name, ids, **{f"target_{self.word}_path": folder}, **options)

    def set(self, name: str, ids: list[str], **updates: Any) -> Any:
        return self.client.batch.update(name, ids, **updates)

    def archive(self, name: str, ids: list[str], **options: Any) -> Any:
        return self.client.batch.delete(name, ids, **options)

    def affected(self, result: Any) -> list[str]:
        return list(getattr(result, f"affected_{self.words}"))

    # --- annotations ------------------------------------------------------------------------------------------

    def save(self, made: Any, image: Any, annotations: list[Any]) -> Any:
        return self.client.annotations.save(*self.on(made, image), annotations)

    def annotations(self, made: Any, image: Any) -> list[Any]:
        found: list[Any] = self.client.annotations.get(*self.on(made, image))
        return found

    def clear(self, made: Any, image: Any) -> Any:
        return self.client.annotations.delete(*self.on(made, image))

    # --- folders ----------------------------------------------------------------------------------------------

    def folders(self, made: Any, **options: Any) -> list[Any]:
        return list(self.places.list(self.called(made), **options))

    def tree(self, made: Any) -> list[Any]:
        return list(self.places.tree(self.called(made)))

    def folder(self, made: Any, path: str) -> tuple[str, ...]:
        """What names a folder: its path in a dataset, or in older words its id."""
        if self.word == "directory":
            return (made.name, path)
        return tuple(each.id for each in self.folders(made) if each.full_path == path)

    @property
    def places(self) -> Any:
        """What asks about folders."""
        return getattr(self.client, self.words)

    def comment(self, made: Any, image: Any, body: str, **about: Any) -> Any:
        create = self.client.annotation_comments.create
        on = {} if self.by_place else {"image_id": image.id}
        return create(*(self.on(made, image) if self.by_place else ()), **on, body=body, **about)
