"""What bringing annotations in came to."""

from msgspec import Struct


class ImportFailure(Struct, frozen=True):
    """An image whose annotations the server did not take, and why."""

    file_name: str
    reason: str


class SkippedAnnotation(Struct, frozen=True):
    """An annotation, or a part of one, that has no place here."""

    file_name: str
    annotation: str
    reason: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What became of a file's annotations. `unmatched` are its annotated images that the dataset does not have."""

    images_saved: int = 0
    annotations_saved: int = 0
    classes_created: list[str] = []
    failures: list[ImportFailure] = []
    unmatched: list[str] = []
    skipped: list[SkippedAnnotation] = []

    @property
    def success(self) -> bool:
        """Whether everything in the file is in the dataset now."""
        return not (self.failures or self.unmatched or self.skipped)
