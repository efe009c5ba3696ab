"""Hypothesis strategies for what clients send: annotations of every shape, as the JSON objects on the wire."""

from typing import Any

import hypothesis.strategies as st

Wire = dict[str, Any]

_numbers = st.floats(-1e6, 1e6) | st.integers(-10_000, 10_000)
_lengths = st.floats(1e-3, 1e6) | st.integers(1, 10_000)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_labels = _texts.filter(lambda text: bool(text.strip()))
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)
points = st.fixed_dictionaries({"x": _numbers, "y": _numbers})
boxes = st.fixed_dictionaries({"x": _numbers, "y": _numbers, "w": _lengths, "h": _lengths})
turned_boxes = st.fixed_dictionaries(
    {
        "cx": _numbers,
        "cy": _numbers,
        "w": _lengths,
        "h": _lengths,
        "angle": st.floats(0, 360, exclude_max=True),
    }
)
_rings = st.lists(points, min_size=3, max_size=6)


def _annotations(
    kind: str, names: st.SearchStrategy[str], shape: Wire, rest: Wire
) -> st.SearchStrategy[Wire]:
    anyone = {
        "confidence": st.floats(0, 1),
        "created_by": _texts,
        "attributes": st.lists(_values, max_size=3) | st.dictionaries(_texts, _values, max_size=3),
    }
    must = {"id": _labels, "name": names, "type": st.just(kind), **shape}
    return st.fixed_dictionaries(must, optional={**anyone, **rest})


def annotations(names: st.SearchStrategy[str] = _labels) -> st.SearchStrategy[Wire]:
    """One annotation of any of the shapes, with an id, and with any of the keys that may be left out."""
    return st.one_of(
        _annotations("bbox", names, {"bounding_box": boxes}, {"oriented_box": turned_boxes}),
        _annotations(
            "polygon",
            names,
            {"polygon": st.fixed_dictionaries({"paths": st.lists(_rings, min_size=1, max_size=3)})},
            {"bounding_box": boxes},
        ),
        _annotations(
            "polyline",
            names,
            {"polyline": st.fixed_dictionaries({"path": st.lists(points, min_size=2, max_size=6)})},
            {"bounding_box": boxes},
        ),
        _annotations("keypoint", names, {"keypoint": points}, {"instance_id": st.integers(1, 10_000)}),
    )


def documents(names: st.SearchStrategy[str] = _labels, *, most: int = 5) -> st.SearchStrategy[list[Wire]]:
    """All annotations of an image: each has an id of its own."""
    return st.lists(annotations(names), max_size=most, unique_by=lambda each: each["id"])
