"""What a dataset consists of, counted where the rows are: four statements, whatever their number.

Counts and sizes come from the index of statuses, classes from the counts that are kept beside the annotations, and
everything that only the rows themselves know from one pass over them, which puts them together by their size.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
)

from stackroom.database.schema import ARCHIVED, LIVE, annotation_class, asset
from stackroom.library.assets import STATUSES

TOP_SIZES = 200
DENSITIES = (0, 1, 3, 6, 11, 21, 51)
"""From how many annotations of an image on each step begins."""
CERTAIN = 1.0
CONFIDENCES = (0.5, 0.7, 0.9, CERTAIN)
"""Below which confidence each step ends."""
_DENSITIES = [f"density_{n}" for n in range(len(DENSITIES))]
_CONFIDENCES = [f"confidence_{n}" for n in range(len(CONFIDENCES))]


class Size(msgspec.Struct, frozen=True):
    width: int
    height: int
    images: int


class Range(msgspec.Struct, frozen=True):
    """Over the images whose size is known; None where there are none."""

    least: int | None
    most: int | None
    mean: int | None


class Dimensions(msgspec.Struct, frozen=True, kw_only=True):
    """`sizes` are the most frequent ones, at most `TOP_SIZES` of the `distinct` there are."""

    width: Range
    height: Range
    landscape: int
    portrait: int
    square: int
    sizes: list[Size]
    distinct: int
    known: int
    unknown: int


class Confidence(msgspec.Struct, frozen=True, kw_only=True):
    """Images with an annotation of which somebody was less than certain, by the least of their confidences."""

    flagged: int
    lowest: float
    mean: float
    buckets: tuple[int, ...]
    """As many as `CONFIDENCES`."""


class ClassCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How often each class and each type occurs, and in how many images each class, in order of their names."""

    annotations: dict[str, int]
    images: dict[str, int]
    types: dict[str, int]


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """Of the live images of a dataset."""

    images: int
    annotations: int
    bytes: int
    statuses: dict[str, int]
    classes: ClassCounts
    densities: tuple[int, ...]
    """As many as `DENSITIES`."""
    dimensions: Dimensions
    confidence: Confidence | None
    """None where nobody was less than certain of anything."""

    @property
    def unannotated(self) -> int:
        return self.densities[0]


def of_dataset(conn: Connection, dataset_id: int) -> Insights:
    statuses, size = _statuses(conn, dataset_id)
    rows = conn.execute(_looked_at(dataset_id)).all()
    whole = rows[0]._asdict()
    return Insights(
        images=sum(statuses.values()),
        annotations=_number(whole["annotations"]),
        bytes=size,
        statuses=statuses,
        classes=_classes(conn, dataset_id),
        densities=_steps([_number(whole[name]) for name in _DENSITIES]),
        dimensions=_dimensions(whole, [Size(row.w, row.h, row.n) for row in rows if row.n is not None]),
        confidence=_confidence(whole),
    )


def _statuses(conn: Connection, dataset_id: int) -> tuple[dict[str, int], int]:
    """How many images have each status, and the bytes of all."""
    counted = select(asset.c.status, func.count(), func.sum(asset.c.size))
    rows = conn.execute(counted.where(asset.c.dataset_id == dataset_id, LIVE).group_by(asset.c.status)).all()
    found = {status: count for status, count, _ in rows}
    return {status: found.get(status, 0) for status in STATUSES}, sum(int(size) for *_, size in rows)


def _looked_at(dataset_id: int) -> Select[Any]:
    """One row for each of the most frequent sizes, or one at least, and in every one what is true of all images."""
    sized = _sized(dataset_id)
    known = and_(sized.c.w.is_not(None), sized.c.h.is_not(None))
    top = select(sized.c.w, sized.c.h, sized.c.n).where(known).limit(TOP_SIZES)
    top_sizes = top.order_by(sized.c.n.desc(), sized.c.w, sized.c.h).subquery("top")
    whole = select(*_of_all(sized, known)).subquery("whole")
    joined = select(whole, top_sizes).join_from(whole, top_sizes, true(), isouter=True)
    return joined.order_by(top_sizes.c.n.desc(), top_sizes.c.w, top_sizes.c.h)


def _sized(dataset_id: int) -> CTE:
    """The one pass: images of one size together."""
    # Steps are counted one above the other, which costs next to nothing for a row that is in none of them.
    count, least = asset.c.annotation_count, asset.c.min_confidence
    steps = [
        func.count().filter(count >= low).label(name) for name, low in zip(_DENSITIES, DENSITIES, strict=True)
    ]
    steps += [
        func.count().filter(least < high).label(name)
        for name, high in zip(_CONFIDENCES, CONFIDENCES, strict=True)
    ]
    return (
        select(
            asset.c.width.label("w"),
            asset.c.height.label("h"),
            func.count().label("n"),
            func.sum(count).label("annotations"),
            func.min(least).label("lowest"),
            func.sum(least).filter(least < CERTAIN).label("flagged_sum"),
            *steps,
        )
        .where(asset.c.dataset_id == dataset_id, LIVE)
        .group_by(asset.c.width, asset.c.height)
        .cte("sized")
    )


def _of_all(sized: CTE, known: ColumnElement[bool]) -> Iterator[ColumnElement[Any]]:
    """The columns that put all sizes together."""
    n, w, h = sized.c.n, sized.c.w, sized.c.h
    for name in (*_DENSITIES, *_CONFIDENCES, "annotations", "flagged_sum"):
        yield func.sum(sized.c[name]).label(name)
    yield func.min(sized.c.lowest).label("lowest")
    yield func.sum(case((known, 1), else_=0)).label("distinct")
    yield func.sum(case((known, n), else_=0)).label("known")
    yield func.sum(case((known, 0), else_=n)).label("unknown")
    for name, condition in (("landscape", w > h), ("portrait", w < h), ("square", w == h)):
        yield func.sum(case((condition, n), else_=0)).label(name)
    for name, side in (("width", w), ("height", h)):
        measured = case((known, side))
        yield func.min(measured).label(f"least_{name}")
        yield func.max(measured).label(f"most_{name}")
        yield func.sum(measured * n).label(f"sum_{name}")


def _dimensions(whole: Mapping[str, Any], sizes: list[Size]) -> Dimensions:
    return Dimensions(
        width=_range(whole, "width"),
        height=_range(whole, "height"),
        landscape=_number(whole["landscape"]),
        portrait=_number(whole["portrait"]),
        square=_number(whole["square"]),
        sizes=sizes,
        distinct=_number(whole["distinct"]),
        known=_number(whole["known"]),
        unknown=_number(whole["unknown"]),
    )


def _range(whole: Mapping[str, Any], side: str) -> Range:
    if not whole["known"]:
        return Range(None, None, None)
    mean = round(whole[f"sum_{side}"] / whole["known"])
    return Range(whole[f"least_{side}"], whole[f"most_{side}"], mean)


def _confidence(whole: Mapping[str, Any]) -> Confidence | None:
    counted = [_number(whole[name]) for name in _CONFIDENCES]
    flagged = counted[-1]
    if not flagged:
        return None
    steps = _steps(counted[::-1])[::-1]
    return Confidence(
        flagged=flagged, lowest=whole["lowest"], mean=whole["flagged_sum"] / flagged, buckets=steps
    )


def _number(sum_: Any) -> int:
    """Of nothing there is no sum, and PostgreSQL's sums are decimal."""
    return int(sum_ or 0)


def _steps(counted: Sequence[int]) -> tuple[int, ...]:
    """From how many are in this step or further on, how many are in it."""
    return tuple(here - further for here, further in pairwise([*counted, 0]))


def _classes(conn: Connection, dataset_id: int) -> ClassCounts:
    """All but those of archived images: the counts of a dataset stand in an index, and archived images are few."""
    every = select(annotation_class).where(annotation_class.c.dataset_id == dataset_id).subquery()
    hidden = select(annotation_class).join_from(
        asset, annotation_class, annotation_class.c.asset_id == asset.c.id
    )
    archived = hidden.where(asset.c.dataset_id == dataset_id, ARCHIVED).subquery()
    names: Counter[str] = Counter()
    images: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for source, sign in ((every, 1), (archived, -1)):
        for name, kind, annotations, of in conn.execute(_counted(source)):
            if name is None:
                types[kind] += sign * int(annotations)
            else:
                names[name] += sign * int(annotations)
                images[name] += sign * of
    return ClassCounts(annotations=_sorted(names), images=_sorted(images), types=_sorted(types))


def _counted(source: Subquery) -> CompoundSelect[Any]:
    """Rows (class, None, annotations, images), then rows (None, type, annotations, 0)."""
    many = func.sum(source.c["count"])
    by_name = select(source.c.name, null().label("type"), many, func.count(source.c.asset_id.distinct()))
    by_type = select(null().label("name"), source.c.type, many, literal_column("0"))
    return union_all(by_name.group_by(source.c.name), by_type.group_by(source.c.type))


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
