"""What a batch call came to: every id asked for either succeeded or failed, with a reason."""

from typing import Literal

from msgspec import Struct

DuplicateHandling = Literal["rename", "skip", "overwrite"]


class BatchFailure(Struct, frozen=True, kw_only=True):
    """An image that the call did not change, and why."""

    image_id: str
    reason: str


class CreatedCopy(Struct, frozen=True, kw_only=True):
    """A copy: the image it was made of, its own id, and the name it got."""

    source_id: str
    id: str
    filename: str | None = None


class BatchResult(Struct, frozen=True, kw_only=True):
    """The outcome of one call over many images. A partial success does not raise."""

    succeeded: list[str] = []
    failed_count: int = 0
    failures: list[BatchFailure] = []
    processed: int = 0
    affected_folders: list[str] = []
    renamed: int = 0
    created: list[CreatedCopy] = []
    target_dataset: str | None = None
    classes_added: list[str] = []
    operation: str | None = None
    operation_id: str | None = None

    @property
    def success(self) -> bool:
        """Whether nothing failed."""
        return self.failed_count == 0

    @property
    def failed(self) -> list[BatchFailure]:
        """The same as `failures`."""
        return self.failures


class TagResult(Struct, frozen=True, kw_only=True):
    """What giving tags to images, or taking them away, came to. A partial success does not raise."""

    processed: int
    tags: list[str]
    added: bool
    failures: list[BatchFailure] = []
    operation_id: str | None = None

    @property
    def success(self) -> bool:
        """Whether nothing failed."""
        return not self.failures
