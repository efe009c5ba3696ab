"""Classes of a dataset, renamed, merged and deleted."""

from typing import Annotated, Literal

from msgspec import Meta

from stackroom.web.pictograph.wire.base import AboutDataset, Given

ClassName = Annotated[str, Meta(min_length=1)]
NewClassName = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"\S")]


class RenameClass(AboutDataset, frozen=True, kw_only=True):
    old_name: ClassName
    new_name: NewClassName


class MergeClass(AboutDataset, frozen=True, kw_only=True):
    source_name: ClassName
    target_name: ClassName


class DeleteClass(AboutDataset, frozen=True, kw_only=True):
    name: ClassName
    class_type: Literal["bbox", "box", "polygon", "polyline", "keypoint"] | None = None
    delete_annotations: bool = False


class ClassRenamed(Given, frozen=True, kw_only=True):
    dataset_id: str
    old_name: str
    new_name: str
    images_updated: int
    annotations_updated: int
    config_updated: bool


class RenameAnswer(ClassRenamed, frozen=True, kw_only=True):
    success: bool = True
    data: ClassRenamed


class ClassMerged(Given, frozen=True, kw_only=True):
    dataset_id: str
    source_name: str
    target_name: str
    images_updated: int
    annotations_updated: int
    config_updated: bool


class MergeAnswer(ClassMerged, frozen=True, kw_only=True):
    success: bool = True
    data: ClassMerged


class ClassDeleted(Given, frozen=True, kw_only=True):
    dataset_id: str
    name: str
    images_updated: int
    annotations_removed: int
    config_updated: bool


class DeleteAnswer(ClassDeleted, frozen=True, kw_only=True):
    success: bool = True
    data: ClassDeleted
