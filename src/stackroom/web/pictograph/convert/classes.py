"""Changed classes, in Pictograph's words."""

import msgspec

from stackroom import ids
from stackroom.library.classes import ClassChange
from stackroom.web.pictograph.wire import classes as wire


def renamed(asked: wire.RenameClass, done: ClassChange) -> wire.RenameAnswer:
    data = wire.ClassRenamed(
        dataset_id=ids.text(done.dataset.uuid),
        old_name=asked.old_name,
        new_name=asked.new_name,
        images_updated=done.images,
        annotations_updated=done.annotations,
        config_updated=done.config_updated,
    )
    return wire.RenameAnswer(**msgspec.structs.asdict(data), data=data)


def merged(asked: wire.MergeClass, done: ClassChange) -> wire.MergeAnswer:
    data = wire.ClassMerged(
        dataset_id=ids.text(done.dataset.uuid),
        source_name=asked.source_name,
        target_name=asked.target_name,
        images_updated=done.images,
        annotations_updated=done.annotations,
        config_updated=done.config_updated,
    )
    return wire.MergeAnswer(**msgspec.structs.asdict(data), data=data)


def deleted(asked: wire.DeleteClass, done: ClassChange) -> wire.DeleteAnswer:
    data = wire.ClassDeleted(
        dataset_id=ids.text(done.dataset.uuid),
        name=asked.name,
        images_updated=done.images,
        annotations_removed=done.annotations,
        config_updated=done.config_updated,
    )
    return wire.DeleteAnswer(**msgspec.structs.asdict(data), data=data)
