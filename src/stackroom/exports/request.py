"""What may be asked for. Plain values: an export keeps its options as JSON and can be made again from them."""

import enum
from collections.abc import Sequence

import msgspec

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.library.assets import STATUSES
from stackroom.library.names import clean_name

MAX_NAME = 100


class Format(enum.StrEnum):
    PICTOGRAPH = "pictograph"  # everything there is, as JSON
    COCO = "coco"
    YOLO = "yolo"
    PASCAL_VOC = "pascal_voc"
    CSV = "csv"


FORMATS = tuple(each.value for each in Format)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an export is made. `classes` keeps the annotations of these classes only, `status` the images that have it.

    None means all. With `by_split` there is a folder for each split, and each is complete in itself.
    """

    include_images: bool = False
    classes: tuple[str, ...] | None = None
    status: str | None = None
    by_split: bool = False


def clean_export_name(raw: str) -> str:
    """A name, trimmed. It may not look like an id, so that a reference is always one or the other."""
    name = clean_name(raw.strip(), "name")
    if len(name) > MAX_NAME:
        raise Invalid(f"name: longer than {MAX_NAME} characters", code="invalid_name", hint="Shorten it.")
    if ids.looks_like_id(name):
        raise Invalid(
            f"name: {name!r} looks like an id", code="invalid_name", hint="Choose a name that is not a UUID."
        )
    return name


def check_options(options: Options) -> None:
    """Raise `Invalid` for a selection of nothing, or a status that no image has."""
    if options.classes is not None and not options.classes:
        raise Invalid(
            "class_filter: at least one class is needed",
            code="empty_selection",
            hint="Leave it out to export the annotations of all classes.",
        )
    if options.status is not None and options.status not in STATUSES:
        raise Invalid(
            f"status_filter: {options.status!r} is not one of {', '.join(STATUSES)}", code="invalid_status"
        )


def the_classes(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """The names, each once, in their order."""
    return None if names is None else tuple(dict.fromkeys(names))
