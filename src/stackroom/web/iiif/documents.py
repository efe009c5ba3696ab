"""What describes an image service: `info.json` of both versions, at level 2 and, of thumbnails, at level 0."""

from collections.abc import Sequence
from typing import Any

from stackroom.media.examined import THUMBNAIL_SIZES, within
from stackroom.web.iiif.parameters import FORMATS, QUALITIES, Limits, Version

PROTOCOL = "http://iiif.io/api/image"
TILE = 512
_BASICS = "baseUriRedirect cors jsonldMediaType regionByPct regionByPx regionSquare rotationBy90s"
_LEVEL_2 = f"{_BASICS} sizeByConfinedWh sizeByH sizeByPct sizeByW sizeByWh".split()
_BEYOND = ["canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary"]
_TWO_ALONE = ["sizeAboveFull", "sizeByDistortedWh", "sizeByWhListed"]
Size = tuple[int, int]


def context(version: Version) -> str:
    return f"{PROTOCOL}/{version.value}/context.json"


def level(version: Version, number: int) -> str:
    """The address of the document that says what a level of compliance means."""
    return f"{PROTOCOL}/{version.value}/level{number}.json"


def image_info(version: Version, base: str, picture: Size, limits: Limits) -> dict[str, Any]:
    """`info.json` of an image that can be had in any size, region and rotation."""
    factors = _factors(picture)
    sizes = [(max(1, round(picture[0] / it)), max(1, round(picture[1] / it))) for it in reversed(factors)]
    known = _described(version, base, picture, [size for size in sizes if limits.allow(*size)])
    known["tiles"] = [{"width": TILE, "height": TILE, "scaleFactors": factors}]
    most = {"maxWidth": limits.side, "maxHeight": limits.side, "maxArea": limits.area}
    if version is Version.TWO:
        supports = sorted([*_LEVEL_2, *_BEYOND, *_TWO_ALONE])
        extra = {"formats": list(FORMATS), "qualities": list(QUALITIES), "supports": supports}
        return {**known, "profile": [level(version, 2), {**extra, **most}]}
    return {
        **known,
        "profile": "level2",
        **most,
        "preferredFormats": ["jpg"],
        "extraFormats": ["webp"],
        "extraQualities": [each for each in QUALITIES if each != "default"],
        "extraFeatures": [*_BEYOND, "sizeUpscaling"],
    }


def thumbnails_info(version: Version, base: str, picture: Size, sizes: Sequence[Size]) -> dict[str, Any]:
    """`info.json` of the thumbnails of an image: these sizes, and nothing else."""
    known = _described(version, base, picture, sorted(sizes))
    most = {"maxWidth": max(size[0] for size in sizes), "maxHeight": max(size[1] for size in sizes)}
    if version is Version.TWO:
        extra = {"formats": ["jpg"], "qualities": ["default"], "supports": ["cors", "sizeByWhListed"]}
        return {**known, "profile": [level(version, 0), {**extra, **most}]}
    return {**known, "profile": "level0", **most, "extraFeatures": ["cors", "profileLinkHeader"]}


def thumbnail_sizes(picture: Size, longest: int | None = None) -> dict[Size, int]:
    """The sizes in which an image has thumbnails, largest first, each with the box it fits in: none is enlarged.

    `longest` leaves out those with a longer side.
    """
    boxes = [box for box in sorted(THUMBNAIL_SIZES, reverse=True) if box <= max(picture)]
    sizes = {within(*picture, box): box for box in boxes or [min(THUMBNAIL_SIZES)]}
    return {size: box for size, box in sizes.items() if longest is None or max(size) <= longest}


def _described(version: Version, base: str, picture: Size, sizes: Sequence[Size]) -> dict[str, Any]:
    listed = [{"width": width, "height": height} for width, height in sizes]
    whole = {"protocol": PROTOCOL, "width": picture[0], "height": picture[1], "sizes": listed}
    if version is Version.TWO:
        return {"@context": context(version), "@id": base, **whole}
    return {"@context": context(version), "id": base, "type": "ImageService3", **whole}


def _factors(picture: Size) -> list[int]:
    """1, 2, 4 … until the whole image fits in one tile."""
    factors = [1]
    while max(picture) > TILE * factors[-1]:
        factors.append(2 * factors[-1])
    return factors
