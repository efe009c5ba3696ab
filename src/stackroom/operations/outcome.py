"""What can happen to one item of an operation. A closed set: every item ends in exactly one."""

import enum


class Outcome(enum.IntEnum):
    COLLIDES = 0  # not an end: the name is taken, and the policy has still to say what becomes of the item
    DONE = 1
    UNCHANGED = 2
    NOT_FOUND = 3
    NAME_TAKEN = 4
    SKIPPED = 5
    ITSELF = 6
    CHANGED_SINCE = 7
    IRREVERSIBLE = 8
    CANCELLED = 9
    NOT_READY = 10

    @property
    def word(self) -> str:
        """The outcome's stable name outside."""
        return self.name.lower()

    @property
    def succeeded(self) -> bool:
        return self in SUCCEEDED


SUCCEEDED = frozenset({Outcome.DONE, Outcome.UNCHANGED})
FAILED = frozenset(Outcome) - SUCCEEDED - {Outcome.COLLIDES}

_REASONS = {
    Outcome.NOT_FOUND: "Image not found in this dataset",
    Outcome.NAME_TAKEN: "Another item of this request already uses or needs the filename '{name}'",
    Outcome.SKIPPED: "Filename '{name}' already exists (skipped)",
    Outcome.ITSELF: "'{name}' would have overwritten itself",
    Outcome.CHANGED_SINCE: "'{name}' has changed since, so it was left as it is",
    Outcome.IRREVERSIBLE: "'{name}' replaced an image that no longer exists, which cannot be undone",
    Outcome.NOT_READY: "'{name}' is still being taken in: there is nothing to copy yet",
    Outcome.CANCELLED: "The operation was cancelled before this item's turn",
}


def reason(outcome: Outcome, name: str | None) -> str | None:
    """Why an item failed, for people; None when it did not."""
    template = _REASONS.get(outcome)
    return None if template is None else template.format(name=name or "")
