"""What a method is called with, from the names and kinds of its parameters."""

import inspect
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pictograph import BBoxAnnotation, BoundingBox

IMAGE = "11111111-2222-4333-8444-555555555555"
DATASET = "0c9d8e7f-1111-4222-8333-444455556666"
OTHER = "9a9a9a9a-0000-4000-8000-000000000001"
Given = dict[str, Any]
MADE_UP = (
    "00000000-0000-4000-8000-000000000000"  # stands for an id that the client makes, different in every run
)
_ROOM = tempfile.TemporaryDirectory()  # goes with this process
FOLDER = Path(_ROOM.name)


class NotKnown(Exception):
    """A parameter of a kind for which nothing here has a value; the message names it."""


def a_picture() -> bytes:
    """A PNG of one pixel, the same on every machine."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0", 0))
    return b"\x89PNG\r\n\x1a\n" + size + pixels + chunk(b"IEND", b"")


PICTURE = FOLDER / "tree" / "a.png"
PICTURE.parent.mkdir()
PICTURE.write_bytes(a_picture())
BOX = BBoxAnnotation(id="a-1", name="lorry", bounding_box=BoundingBox(x=1, y=2, w=3, h=4))
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 6}],
    "categories": [{"id": 1, "name": "lorry"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
}
CLASSES = [{"name": "lorry", "type": "bbox"}]
VOC = (
    "<annotation><size><width>8</width><height>6</height></size><object><name>lorry</name>"
    "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object></annotation>"
)

BY_NAME: dict[str, Any] = {
    "action": "request_changes",
    "add": False,
    "annotation_id": "a-1",
    "annotation_types": ["bbox"],
    "annotations": [BOX],
    "archived": True,
    "attributes": ["large"],
    "auth_headers": {"Authorization": "Bearer x"},
    "body": "tighten",
    "cascade": True,
    "class_filter": ["lorry"],
    "class_names": ["lorry"],
    "class_type": "bbox",
    "classes": CLASSES,
    "classes_base": CLASSES,
    "coco": COCO,
    "copy_annotations": True,
    "dataset_id": DATASET,
    "dataset_name": "set",
    "delete_annotations": True,
    "description": "d",
    "directory": PICTURE.parent,
    "directory_path": "/cars",
    "display_name": "B",
    "duplicate_handling": "skip",
    "email": "a@b.example",
    "enabled": False,
    "endpoint": OTHER,
    "event_types": ["asset.created"],
    "expires_at": "2032-01-01T00:00:00+00:00",
    "export_ids": [OTHER],
    "export_name": "v1",
    "file_path": PICTURE,
    "file_paths": [PICTURE],
    "filename": "b.png",
    "export_id": OTHER,
    "folder": PICTURE.parent,
    "folder_path": "/cars",
    "image": "cars/a.png",
    "image_id": IMAGE,
    "image_ids": [IMAGE],
    "images_limit": 10,
    "images_offset": 5,
    "include_archived": True,
    "include_images": True,
    "is_active": False,
    "is_archived": False,
    "is_public": False,
    "labels": {"a.png": "0 0.5 0.5 0.25 0.25"},
    "limit": 10,
    "max_pairs": 100,
    "max_total": 1,
    "min_confidence_lt": 0.5,
    "mode": "full",
    "name": "set",
    "neighbors": 5,
    "new_name": "renamed",
    "note": "too loose",
    "objects": ["crane", "ship"],
    "offset": 5,
    "old_name": "lorry",
    "organization": OTHER,
    "organization_id": OTHER,
    "organize_by_split": True,
    "output_dir": FOLDER / "out",
    "output_path": FOLDER / "out" / "file",
    "page_size": 10,
    "parent_comment_id": OTHER,
    "parent_path": "/cars",
    "permanent": True,
    "preserve_structure": True,
    "project_id": DATASET,
    "rate_limit": 500,
    "reaction": "like",
    "readme": "# Set",
    "resolved": False,
    "role": "viewer",
    "sample": 100,
    "saves": {IMAGE: [BOX]},
    "scenes": ["quay"],
    "seed": 7,
    "source_name": "gantry",
    "split": "val",
    "tags": ["night"],
    "target_dataset_name": "gold",
    "target_directory_path": "/sorted",
    "target_folder_path": "/sorted",
    "target_name": "lorry",
    "test": 5,
    "threshold": 0.9,
    "train": 80,
    "url": "https://hooks.example/x",
    "val": 15,
    "xml_by_filename": {"a.png": VOC},
}
# Where one name means different things.
BY_METHOD: dict[str, dict[str, Any]] = {
    "annotation_comments.update": {"resolved": True},
    "annotations.delete_class": {"name": "lorry"},
    "api_keys.create": {"name": "ci"},
    "api_keys.update": {"name": "ci"},
    "datasets.download": {"status_filter": "complete"},
    "exports.create": {"name": "v1", "format": "coco", "status_filter": "complete"},
    "exports.iter": {"status": "completed"},
    "exports.list": {"status": "completed"},
    "images.assign_splits": {"mode": "random"},
    "images.iter": {"status": "review"},
    "images.list": {"status": "review"},
    "auto_annotate.dataset": {"classes": [("lorry", "bbox")]},
    "auto_annotate.quote_similar": {"reference_class": "lorry"},
    "auto_annotate.similar": {"reference_class": "lorry"},
    "batch.update": {"status": "review"},
    "organizations.list_invites": {"status": "pending"},
    "organizations.update": {"name": "Harbour"},
    "models.predict": {"image": PICTURE},
    "sam3.predict": {"image": PICTURE, "text": "crane"},
    "tools.describe": {"tool": "sam3"},
    "webhooks.deliveries": {"status": "failed"},
    "webhooks.update": {"description": "d"},
}
ALWAYS: dict[str, Any] = {
    "wait": False,
    "timeout": 0.01,
    "poll_interval": 0.01,
    "max_workers": 1,
    "parallel": False,
}
# Given alone, never beside what they stand for.
INSTEAD = {"dataset_id": "name", "clear_rate_limit": "rate_limit"}


def arguments(method: Callable[..., Any], name: str) -> tuple[list[Given], list[Given]]:
    """The ways to call it: with what it must have, by id as well as by place, and with everything.

    And those to try if that does not do: with each of what it may have, by itself. Raises `NotKnown` if it must have
    something of which nothing here is known.
    """
    parameters = inspect.signature(method).parameters
    always = {each: value for each, value in ALWAYS.items() if each in parameters}
    if "sleep" in parameters:
        always["sleep"] = lambda _: None
    needed = [each for each in parameters.values() if each.default is each.empty]
    least = {each.name: value_of(each, name) for each in needed} | always
    optional = [each.name for each in parameters.values() if each.default is not each.empty]
    more = {
        each: value for each in optional if (value := known(each, name)) is not None and each not in always
    }
    instead = {each: more.pop(each) for each in list(more) if INSTEAD.get(each) in parameters}
    ways = [least]
    if "image" in least:
        ways.append({**least, "image": IMAGE})
    if more:
        ways.append({**least, **more})
    for each, value in instead.items():
        ways.append({**least, **{key: more[key] for key in more if key != INSTEAD[each]}, each: value})
    return ways, [{**least, each: value} for each, value in {**more, **instead}.items()]


def known(parameter: str, method: str) -> Any:
    return BY_METHOD.get(method, {}).get(parameter, BY_NAME.get(parameter))


def value_of(parameter: inspect.Parameter, method: str) -> Any:
    found = known(parameter.name, method)
    return by_kind(parameter, method) if found is None else found


def by_kind(parameter: inspect.Parameter, method: str) -> Any:
    """Something of the kind that the signature asks for: enough to make a client of it send a request."""
    kind = str(parameter.annotation)
    if choices := re.search(r"Literal\['([^']*)'", kind):
        return choices[1]
    for start, value in (
        ("str | Path", PICTURE),
        ("str", OTHER if parameter.name.endswith("_id") else "text"),
        ("int", 1),
        ("float", 0.5),
        ("bool", True),
        ("dict", {"x": 0.1, "y": 0.1, "w": 0.5, "h": 0.5}),
        ("Mapping", {"a": "text"}),
        ("Sequence[str]", [OTHER]),
        ("Sequence[RemoteDataset", [{"id": "1", "name": "n", "slug": "n"}]),
        ("Sequence[BatchClass", [{"name": "lorry", "output_type": "bbox"}]),
        ("Sequence", []),
        ("list[str]", [OTHER]),
        ("list", []),
    ):
        if kind.startswith(start):
            return value
    if parameter.name in OF_ANOTHER_KIND:
        return OF_ANOTHER_KIND[parameter.name]
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        return {}
    raise NotKnown(f"{method}({parameter.name}: {kind})")


OF_ANOTHER_KIND: dict[str, Any] = {
    "deployment": OTHER,
    "image": PICTURE,
    "pipeline_type": "object_detection",
    "provider": "roboflow",
    "source": {"kind": "image", "url": "https://pictures.example/x"},
    "task": "detection",
    "workflow": OTHER,
}
