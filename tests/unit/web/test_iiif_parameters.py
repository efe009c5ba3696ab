"""Image requests: what is understood, as what, and that nothing else ever is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from stackroom.errors import Invalid
from stackroom.media.rendering import Box, Rendering
from stackroom.web.iiif.documents import TILE, image_info, thumbnail_sizes, thumbnails_info
from stackroom.web.iiif.errors import refuse
from stackroom.web.iiif.parameters import Asked, Limits, Version, understand

TWO, THREE = Version.TWO, Version.THREE
PICTURE = (600, 400)
LIMITS = Limits(5000, 1_000_000)


def asked(
    version: Version = THREE,
    region: str = "full",
    size: str = "max",
    rotation: str = "0",
    quality: str = "default.jpg",
    *,
    picture: tuple[int, int] = PICTURE,
    limits: Limits = LIMITS,
) -> Asked:
    return understand(version, (region, size, rotation, quality), picture, limits)


def refusal(*parts: object, **named: object) -> str:
    with pytest.raises(Invalid) as refused:
        asked(*parts, **named)
    assert (refused.value.code, bool(refused.value.hint)) == ("bad_image_request", True)
    return str(refused.value.details["part"])


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("full", None),
        ("square", Box(100, 0, 400, 400)),
        ("0,0,600,400", None),
        ("10,20,30,40", Box(10, 20, 30, 40)),
        ("599,399,1,1", Box(599, 399, 1, 1)),
        ("500,300,200,200", Box(500, 300, 100, 100)),
        ("pct:0,0,100,100", None),
        ("pct:25,25,50,50", Box(150, 100, 300, 200)),
        ("pct:41.6,7.5,40,70", Box(250, 30, 240, 280)),
        ("pct:0,0,.1,.1", Box(0, 0, 1, 1)),
        ("pct:50,50,80,80", Box(300, 200, 300, 200)),
    ],
)
@pytest.mark.parametrize("version", Version)
def test_regions(version: Version, text: str, box: Box | None) -> None:
    assert asked(version, region=text).rendering.region == box


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Full",
            "all",
            "1,2,3",
            "1,2,3,4,5",
            "a,b,c,d",
            "-1,0,5,5",
            "1.5,0,5,5",
            " 0,0,5,5",
            "0,0,5,5\n",
        ),
        *("0,0,0,5", "0,0,5,0", "600,0,5,5", "0,400,5,5", "pct:0,0,0,5", "pct:100,0,5,5", "pct:-1,0,5,5"),
        *(
            "pct:1,2,3",
            "pct:1e1,0,5,5",
            "pct:nan,0,5,5",
            "0,0,9999999999,5",
            "\u0660,\u0660,\u0665,\u0665",
            "square,",
            "+1,0,5,5",
        ),
    ],
)
def test_what_is_no_region(version: Version, text: str) -> None:
    assert refusal(version, region=text) == "region"


BOTH = [
    ("max", (600, 400)),
    ("300,", (300, 200)),
    (",200", (300, 200)),
    ("1,", (1, 1)),
    ("pct:50", (300, 200)),
    ("pct:33.3", (200, 133)),
    ("300,300", (300, 300)),
    ("!300,300", (300, 200)),
    ("!100,50", (75, 50)),
    ("!2000,3000", (600, 400)),
    ("600,400", (600, 400)),
]


@pytest.mark.parametrize(("text", "size"), BOTH)
@pytest.mark.parametrize("version", Version)
def test_sizes_of_both_versions(version: Version, text: str, size: tuple[int, int]) -> None:
    wanted = asked(version, size=text).rendering
    assert (wanted.width, wanted.height) == size


@pytest.mark.parametrize(
    ("version", "text", "size"),
    [
        (TWO, "full", (600, 400)),
        (TWO, "900,", (900, 600)),
        (TWO, ",800", (1200, 800)),
        (TWO, "pct:150", (900, 600)),
        (TWO, "700,100", (700, 100)),
        (THREE, "^900,", (900, 600)),
        (THREE, "^,800", (1200, 800)),
        (THREE, "^pct:150", (900, 600)),
        (THREE, "^700,100", (700, 100)),
        (THREE, "^!900,900", (900, 600)),
        (THREE, "^!30,30", (30, 20)),
        (THREE, "^!5000,5000", (1224, 816)),
        (THREE, "^max", (1224, 816)),
        (THREE, "^300,", (300, 200)),
    ],
)
def test_sizes_of_one_version(version: Version, text: str, size: tuple[int, int]) -> None:
    wanted = asked(version, size=text).rendering
    assert (wanted.width, wanted.height) == size


@pytest.mark.parametrize(
    ("version", "text"),
    [
        *(
            (version, text)
            for version in Version
            for text in ("", ",", "0,", ",0", "0,0", "!5,", "!,5", "!0,5")
        ),
        *(
            (version, text)
            for version in Version
            for text in ("pct:0", "pct:0.01", "pct:-5", "a,", "1.5,", "5001,5")
        ),
        *(
            (version, text)
            for version in Version
            for text in ("5", "maximum", "9999999999,", "1,2,3", "\u0663,", "300,\n")
        ),
        *((TWO, text) for text in ("^max", "^300,", "^full", "2000,", "pct:300")),
        *(
            (THREE, text)
            for text in ("full", "601,", ",401", "601,400", "pct:101", "^^max", "^", "!^5,5", "^2000,")
        ),
    ],
)
def test_what_is_no_size(version: Version, text: str) -> None:
    assert refusal(version, size=text) == "size"


def test_limits_reduce_what_is_as_large_as_can_be_and_refuse_what_is_asked_for_by_number() -> None:
    large = {"picture": (30_000, 20_000), "limits": Limits(5000, 6_000_000)}
    wanted = asked(THREE, size="max", **large).rendering
    assert (wanted.width, wanted.height) == (3000, 2000)
    assert asked(TWO, size="max", **large).rendering == wanted
    assert asked(THREE, size="!10000,10000", **large).rendering == wanted
    assert refusal(THREE, size="3001,", **large) == "size"
    assert refusal(TWO, size="full", **large) == "size"
    assert asked(TWO, region="0,0,1000,1000", size="full", **large).rendering.width == 1000


@pytest.mark.parametrize(
    ("text", "mirrored", "rotation"),
    [
        ("0", False, 0),
        ("90", False, 90),
        ("22.5", False, 22.5),
        ("!0", True, 0),
        ("!180", True, 180),
        ("360", False, 0),
    ],
)
@pytest.mark.parametrize("version", Version)
def test_rotations(version: Version, text: str, mirrored: bool, rotation: float) -> None:
    wanted = asked(version, rotation=text).rendering
    assert (wanted.mirrored, wanted.rotation) == (mirrored, rotation)


@pytest.mark.parametrize(
    "text", ["", "!", "-90", "361", "360.1", "90deg", "nan", "1e2", "!!0", "0!", "90 ", "inf"]
)
@pytest.mark.parametrize("version", Version)
def test_what_is_no_rotation(version: Version, text: str) -> None:
    assert refusal(version, rotation=text) == "rotation"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        *[
            ("default.gif", "format"),
            ("default.tif", "format"),
            ("default.", "format"),
            ("default.JPG", "format"),
        ],
        *[
            ("default.jpg.exe", "quality"),
            ("grey.jpg", "quality"),
            ("native.jpg", "quality"),
            ("default", "quality"),
        ],
        *[("", "quality"), (".jpg", "quality"), ("jpg", "quality")],
    ],
)
@pytest.mark.parametrize("version", Version)
def test_what_is_no_quality_or_format(version: Version, text: str, part: str) -> None:
    assert refusal(version, quality=text) == part


@pytest.mark.parametrize(
    ("version", "parts", "canonical"),
    [
        (THREE, ("full", "max", "0", "default.jpg"), "full/max/0/default.jpg"),
        (THREE, ("0,0,600,400", "600,400", "0", "color.jpg"), "full/max/0/default.jpg"),
        (THREE, ("pct:25,25,50,50", "150,", "!90.50", "gray.png"), "150,100,300,200/150,100/!90.5/gray.png"),
        (THREE, ("square", "^800,", "360", "bitonal.webp"), "100,0,400,400/^800,800/0/bitonal.webp"),
        (THREE, ("full", "^max", "0", "default.jpg"), "full/^max/0/default.jpg"),
        (THREE, ("full", "!300,300", "22.50", "default.jpg"), "full/300,200/22.5/default.jpg"),
        (TWO, ("full", "max", "0", "default.jpg"), "full/full/0/default.jpg"),
        (TWO, ("full", "!300,300", "0", "default.jpg"), "full/300,/0/default.jpg"),
        (TWO, ("0,0,100,100", "50,70", "0", "default.jpg"), "0,0,100,100/50,70/0/default.jpg"),
        (TWO, ("full", "900,", "0", "default.jpg"), "full/900,/0/default.jpg"),
    ],
)
def test_the_canonical_form(version: Version, parts: tuple[str, str, str, str], canonical: str) -> None:
    found = understand(version, parts, PICTURE, LIMITS)
    assert found.canonical == canonical
    again = understand(version, tuple(canonical.split("/")), PICTURE, LIMITS)
    assert (again.rendering, again.canonical) == (found.rendering, canonical)


SIDES = st.integers(1, 100_000)
NUMBERS = st.one_of(st.integers(0, 10**10).map(str), st.floats(0, 400).map(lambda it: f"{it:.3f}"))
REGIONS = st.one_of(
    st.sampled_from(["full", "square"]),
    st.lists(NUMBERS, min_size=4, max_size=4).map(",".join),
    st.lists(NUMBERS, min_size=4, max_size=4).map(lambda it: "pct:" + ",".join(it)),
)
SIZES = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "^", "!", "^!"]),
    st.one_of(
        st.sampled_from(["max", "full"]),
        NUMBERS.map(lambda it: f"pct:{it}"),
        st.tuples(st.one_of(st.just(""), NUMBERS), st.one_of(st.just(""), NUMBERS)).map(",".join),
    ),
)
ANYTHING = st.text(max_size=30)


@given(
    version=st.sampled_from(list(Version)),
    parts=st.tuples(
        st.one_of(REGIONS, ANYTHING),
        st.one_of(SIZES, ANYTHING),
        st.one_of(NUMBERS, NUMBERS.map(lambda it: f"!{it}"), ANYTHING),
        st.one_of(
            st.sampled_from(["default.jpg", "gray.png", "bitonal.webp", "color.jpg"]),
            ANYTHING,
        ),
    ),
    picture=st.tuples(SIDES, SIDES),
    limits=st.builds(Limits, st.integers(1, 65_500), st.integers(1, 10**8)),
)
def test_whatever_is_asked_is_understood_within_the_limits_or_refused(
    version: Version, parts: tuple[str, str, str, str], picture: tuple[int, int], limits: Limits
) -> None:
    try:
        found = understand(version, parts, picture, limits)
    except Invalid:
        return
    wanted = found.rendering
    within_the_limits(wanted, limits)
    if (box := wanted.region) is not None:
        assert box.left >= 0 <= box.top
        assert box.left + box.width <= picture[0]
        assert box.top + box.height <= picture[1]
        assert min(box.width, box.height) >= 1
    again = understand(version, tuple(found.canonical.split("/")), picture, limits)
    assert (again.rendering, again.canonical) == (wanted, found.canonical)


def within_the_limits(wanted: Rendering, limits: Limits) -> None:
    assert 1 <= wanted.width <= limits.side
    assert 1 <= wanted.height <= limits.side
    assert wanted.width * wanted.height <= limits.area
    wide, high = wanted.extent
    # A square that stands on its corner needs twice the room, and a line that lies askew a square.
    side = math.hypot(wanted.width, wanted.height) + 1
    assert max(wide, high) <= side
    if wanted.rotation % 90 == 0:
        assert sorted((wide, high)) == sorted((wanted.width, wanted.height))


@pytest.mark.parametrize("version", Version)
@given(picture=st.tuples(SIDES, SIDES), limits=st.builds(Limits, st.integers(1000, 65_500), st.just(10**7)))
def test_everything_that_is_listed_can_be_asked_for(
    version: Version, picture: tuple[int, int], limits: Limits
) -> None:
    info = image_info(version, "https://here/iiif-img/1/1/page", picture, limits)
    for size in info["sizes"]:
        wanted = asked(
            version, size=f"{size['width']},{size['height']}", picture=picture, limits=limits
        ).rendering
        assert (wanted.width, wanted.height) == (size["width"], size["height"])
    factors = info["tiles"][0]["scaleFactors"]
    assert max(picture) <= factors[-1] * TILE < max(2 * max(picture), 2 * TILE)
    sizes = thumbnail_sizes(picture)
    assert list(sizes) == sorted(sizes, key=max, reverse=True)
    for width, height in sizes:
        assert width <= picture[0]
        assert height <= picture[1]
    assert len(thumbnails_info(version, "https://here", picture, list(sizes))["sizes"]) == len(sizes)


def test_thumbnails_are_those_that_need_not_be_enlarged() -> None:
    assert thumbnail_sizes((500, 1000)) == {(200, 400): 400, (100, 200): 200, (50, 100): 100}
    assert thumbnail_sizes((4000, 2000)) == {
        (1024, 512): 1024,
        (400, 200): 400,
        (200, 100): 200,
        (100, 50): 100,
    }
    assert thumbnail_sizes((40, 30)) == {(40, 30): 100}
    assert thumbnail_sizes((4000, 2000), longest=250) == {(200, 100): 200, (100, 50): 100}
    assert thumbnail_sizes((4000, 2000), longest=0) == {}


def test_a_stored_file_that_has_become_empty_is_no_mistake_of_who_asks() -> None:
    gone_bad = Invalid("The file is empty.", code="empty_file")
    assert refuse(Request({"type": "http"}), gone_bad, None).status_code == 500
    assert refuse(Request({"type": "http"}), Invalid("?", code="bad_image_request"), None).status_code == 400
