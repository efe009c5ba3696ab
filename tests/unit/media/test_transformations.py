"""What the words of an address ask for, without a pixel being touched."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.media.transformations import (
    MAX_AREA,
    MAX_SIDE,
    Size,
    Transformation,
    Watermark,
    checked_preset,
    expand,
    parse,
    presets_of,
)

MARK = bytes.fromhex("019aa0b1c2d37e4f8a5b6c7d8e9f0a1b")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("-/resize/400x300", Transformation(resize=Size(400, 300))),
        ("-/resize/400x/", Transformation(resize=Size(400, None))),
        ("-/resize/x300", Transformation(resize=Size(None, 300))),
        ("-/stretch/off/-/resize/8x", Transformation(resize=Size(8, None), stretch="off")),
        ("-/stretch/sideways", Transformation(stretch="on")),
        ("-/format/jpg", Transformation(format="jpeg")),
        ("-/format/auto/quality/best", Transformation(format="auto", quality="best")),
        ("-/quality/medium", Transformation(quality="normal")),
        ("-/rotate/270/-/flip/-/mirror", Transformation(rotate=270, flip=True, mirror=True)),
        ("-/autorotate/no", Transformation(autorotate=False)),
        ("-/crop/smart/30x20", Transformation(crop=(30, 20))),
        ("-/blur/2.5/sharpen/1", Transformation(blur=2.5, sharpen=1)),
        ("-/brightness/-100/contrast/100", Transformation(brightness=-100, contrast=100)),
        ("-/saturation/-1.5", Transformation(saturation=-1.5)),
        ("-/grayscale/sepia/invert", Transformation(grayscale=True, sepia=True, invert=True)),
        (f"-/watermark/{ids.text(MARK)}", Transformation(watermark=Watermark(image=MARK))),
        (
            f"-/watermark/{MARK.hex()}/position/5,7/size/20%/opacity/1/flip",
            Transformation(watermark=Watermark(image=MARK, place=(5, 7), size=20.0, opacity=1), flip=True),
        ),
        (
            f"-/watermark/{ids.text(MARK)}/size/30x10/position/center",
            Transformation(watermark=Watermark(image=MARK, place="center", size=(30, 10))),
        ),
        ("-/resize/1x/-/resize/2x", Transformation(resize=Size(2, None))),
        ("-/resize/9x/format/gif", Transformation(resize=Size(9, None))),
        ("-/format/gif", Transformation()),
        ("-/watermark/logo", Transformation()),
        ("-/flip/-/watermark/logo/size/5%", Transformation(flip=True)),
    ],
)
def test_words_say_what_is_made(words: str, wanted: Transformation) -> None:
    assert parse(words) == wanted


@pytest.mark.parametrize(
    "words",
    [
        "",
        "-",
        "-/-",
        "-/enlarge/2x",
        "-/resize",
        "-/resize/x",
        "-/resize/0x10",
        "-/resize/-5x10",
        "-/resize/400",
        "-/resize/4e2x",
        f"-/resize/{MAX_SIDE + 1}x",
        f"-/resize/{MAX_SIDE}x{MAX_AREA // MAX_SIDE + 1}",
        "-/rotate/45",
        "-/autorotate/maybe",
        "-/crop/smart/10x",
        "-/crop/face/10x10",
        "-/blur/101",
        "-/blur/nan",
        "-/sharpen/1.5",
        "-/brightness/1.5",
        "-/contrast/-101",
        f"-/watermark/{ids.text(MARK)}/position/middle",
        f"-/watermark/{ids.text(MARK)}/size/0%",
        f"-/watermark/{ids.text(MARK)}/size/10x",
        f"-/watermark/{ids.text(MARK)}/opacity/2",
        "-/" + "flip/" * 201,
    ],
)
def test_what_cannot_be_made_is_refused_in_the_words_of_the_protocol(words: str) -> None:
    with pytest.raises(Invalid, match=r"^Invalid transformation: ") as refused:
        parse(words)
    assert refused.value.code == "invalid_transformation"


@given(
    st.lists(
        st.sampled_from(["-", "resize", "9x", "crop", "smart", "watermark", "size", "5%", "flip", "é", "9"])
    )
)
def test_no_words_end_otherwise_than_in_a_transformation_or_a_refusal(words: list[str]) -> None:
    with suppress(Invalid):
        assert isinstance(parse("/".join(words)), Transformation)


def test_presets_are_put_where_their_names_stand() -> None:
    words = "-/preset/small/-/flip/-/preset/grey"
    assert presets_of(words) == ["small", "grey"]
    expanded = expand(words, {"small": "resize/8x", "grey": "grayscale"})
    assert parse(expanded) == Transformation(resize=Size(8, None), flip=True, grayscale=True)


def test_a_preset_without_a_name_is_refused() -> None:
    with pytest.raises(Invalid, match="preset needs a name"):
        presets_of("-/flip/-/preset")


@pytest.mark.parametrize(
    "operations",
    ["preset/other", "flip/-/preset/other", "", "wobble/9", "-/preset", f"flip/-/format/{'x' * 4000}"],
    ids=["another", "another behind", "nothing", "unknown", "no name", "too long"],
)
def test_what_no_preset_can_be_is_refused(operations: str) -> None:
    with pytest.raises(Invalid, match=r"^Invalid transformation"):
        checked_preset(operations)


def test_a_preset_is_kept_as_it_was_said() -> None:
    assert checked_preset(" /-/resize/9x/ ") == "/-/resize/9x/"
