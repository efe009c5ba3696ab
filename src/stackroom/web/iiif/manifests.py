"""The manifest of a single asset: Presentation 3, and 2.1 for viewers that know no other."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from stackroom.web.iiif.documents import Size, level
from stackroom.web.iiif.parameters import Version

CONTEXTS = {
    Version.TWO: "http://iiif.io/api/presentation/2/context.json",
    Version.THREE: "http://iiif.io/api/presentation/3/context.json",
}
PLACEHOLDER = (1000, 1000)
"""The canvas of what is not shown: sound, documents, and images that can only be had as files."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says. Addresses are absolute; `image` and `thumbs` are those of the two services, by version."""

    label: str
    facts: Sequence[tuple[str, str]]
    picture: Size | None
    image: dict[Version, str]
    thumbs: dict[Version, str]
    thumbnails: Sequence[Size]
    """Largest first."""
    file: tuple[str, str] | None = None
    """Where the original is, and its type."""


def manifest(version: Version, address: str, subject: Subject) -> dict[str, Any]:
    return _three(address, subject) if version is Version.THREE else _two(address, subject)


def _three(address: str, subject: Subject) -> dict[str, Any]:
    canvas = f"{address}/canvas/c/1"
    width, height = subject.picture or PLACEHOLDER
    known: dict[str, Any] = {
        "@context": CONTEXTS[Version.THREE],
        "id": address,
        "type": "Manifest",
        "label": _said(subject.label),
        "metadata": [{"label": _said(name), "value": _said(value)} for name, value in subject.facts],
    }
    page: dict[str, Any] = {
        "id": canvas,
        "type": "Canvas",
        "label": _said(subject.label),
        "width": width,
        "height": height,
    }
    if thumbnail := _thumbnail_in_three(subject):
        known["thumbnail"] = page["thumbnail"] = [thumbnail]
    if subject.file is not None:
        place, content_type = subject.file
        original = {"id": place, "type": _kind(content_type), "format": content_type}
        page["rendering"] = [{**original, "label": {"en": ["Original"]}}]
    painted = [_painting_in_three(canvas, subject)] if subject.image or subject.thumbs else []
    page["items"] = [{"id": f"{canvas}/page", "type": "AnnotationPage", "items": painted}]
    return {**known, "items": [page]}


def _painting_in_three(canvas: str, subject: Subject) -> dict[str, Any]:
    return {
        "id": f"{canvas}/page/image",
        "type": "Annotation",
        "motivation": "painting",
        "target": canvas,
        "body": {**_image_in_three(subject, subject.image or subject.thumbs, 2 if subject.image else 0)},
    }


def _thumbnail_in_three(subject: Subject) -> dict[str, Any] | None:
    if not subject.thumbs or not subject.thumbnails:
        return None
    return _image_in_three(subject, subject.thumbs, 0)


def _image_in_three(subject: Subject, services: dict[Version, str], number: int) -> dict[str, Any]:
    width, height = _shown(subject)
    return {
        "id": f"{services[Version.THREE]}/full/{width},{height}/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        "width": width,
        "height": height,
        "service": list(_services(services, number)),
    }


def _shown(subject: Subject) -> Size:
    """The largest that is small enough to be shown at once."""
    return subject.thumbnails[0] if subject.thumbnails else subject.picture or PLACEHOLDER


def _services(services: dict[Version, str], number: int) -> Iterator[dict[str, Any]]:
    two, three = services[Version.TWO], services[Version.THREE]
    yield {"@id": two, "@type": "ImageService2", "profile": level(Version.TWO, number)}
    yield {"id": three, "type": "ImageService3", "profile": f"level{number}"}


def _two(address: str, subject: Subject) -> dict[str, Any]:
    canvas = f"{address}/canvas/c/1"
    width, height = subject.picture or PLACEHOLDER
    page: dict[str, Any] = {
        "@id": canvas,
        "@type": "sc:Canvas",
        "label": subject.label,
        "width": width,
        "height": height,
    }
    known: dict[str, Any] = {
        "@context": CONTEXTS[Version.TWO],
        "@id": address,
        "@type": "sc:Manifest",
        "label": subject.label,
        "metadata": [{"label": name, "value": value} for name, value in subject.facts],
    }
    if subject.thumbs and subject.thumbnails:
        picture = _image_in_two(subject, subject.thumbs, 0)
        known["thumbnail"] = page["thumbnail"] = {"@id": picture["@id"], "service": picture["service"]}
    if subject.file is not None:
        place, content_type = subject.file
        page["rendering"] = {"@id": place, "format": content_type, "label": "Original"}
    page["images"] = []
    if services := subject.image or subject.thumbs:
        painting = {"@id": f"{canvas}/image", "@type": "oa:Annotation", "motivation": "sc:painting"}
        resource = _image_in_two(subject, services, 2 if subject.image else 0)
        page["images"] = [{**painting, "on": canvas, "resource": resource}]
    sequence = {"@id": f"{address}/sequence/s0", "@type": "sc:Sequence", "canvases": [page]}
    return {**known, "sequences": [sequence]}


def _image_in_two(subject: Subject, services: dict[Version, str], number: int) -> dict[str, Any]:
    width, height = _shown(subject)
    service = services[Version.TWO]
    return {
        "@id": f"{service}/full/{width},{height}/0/default.jpg",
        "@type": "dctypes:Image",
        "format": "image/jpeg",
        "width": width,
        "height": height,
        "service": {
            "@context": "http://iiif.io/api/image/2/context.json",
            "@id": service,
            "profile": level(Version.TWO, number),
        },
    }


def _said(value: str) -> dict[str, list[str]]:
    return {"none": [value]}


def _kind(content_type: str) -> str:
    kinds = {"image": "Image", "video": "Video", "audio": "Sound", "text": "Text"}
    return kinds.get(
        content_type.partition("/")[0], "Dataset" if content_type != "application/pdf" else "Text"
    )
