"""Annotations of many images, in as many requests as it takes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Raw, Struct

from stackroom.client.exchange import encoded
from stackroom.client.models import Annotation
from stackroom.client.models.annotations import annotation_on_wire

MOST_SAVES_AT_ONCE = 200
MOST_BYTES = 8 * 1024 * 1024
"""Of one request: the server takes 16 MB."""


class Save(Struct, frozen=True):
    """All annotations of one image, ready to be sent."""

    image_id: str
    body: Raw


def portions(
    saves: Mapping[str, Iterable[Annotation | Mapping[str, Any]]],
) -> Iterator[list[Save]]:
    """As much as fits a request, at least one image each."""
    portion: list[Save] = []
    weight = 0
    for image_id, annotations in saves.items():
        marks = [annotation_on_wire(each) for each in annotations]
        body = encoded({"image_id": image_id, "annotations": marks})
        if portion and (len(portion) == MOST_SAVES_AT_ONCE or weight + len(body) > MOST_BYTES):
            yield portion
            portion, weight = [], 0
        portion.append(Save(image_id, Raw(body)))
        weight += len(body)
    if portion:
        yield portion
