"""Reviews and splits."""

from typing import Annotated, Literal

from msgspec import Meta

from stackroom.web.pictograph.wire.base import AboutDataset, Asked, Given, Split

Percent = Annotated[int, Meta(ge=0, le=100)]


class Review(Asked, frozen=True, kw_only=True):
    action: Literal["approve", "request_changes"]
    note: str | None = None


class Reviewed(Given, frozen=True, kw_only=True):
    id: str
    status: str
    review_note: str | None
    processed: int = 1


class ReviewAnswer(Reviewed, frozen=True, kw_only=True):
    success: bool = True
    data: Reviewed


class SplitWanted(Asked, frozen=True, kw_only=True):
    """None takes an image out of every split, and must be said."""

    split: Split | None


class SplitSet(Given, frozen=True, kw_only=True):
    id: str
    split: str | None
    operation_id: str


class SplitAnswer(SplitSet, frozen=True, kw_only=True):
    success: bool = True
    data: SplitSet


class Division(AboutDataset, frozen=True, kw_only=True):
    train: Percent = 70
    val: Percent = 20
    test: Percent = 10
    seed: int = 42
    split_mode: Literal["random", "embedding"] = "random"


class Divided(Given, frozen=True, kw_only=True):
    processed: int
    train: int
    val: int
    test: int


class DividedAnswer(Divided, frozen=True, kw_only=True):
    success: bool = True
    data: Divided
