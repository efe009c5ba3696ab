"""Which assets an operation is about: ids, a filter, or what failed in an earlier operation."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from .errors import EmptyUpdate, InvalidArgument
from .wire import id_list


class Selection(TypedDict, total=False):
    """Name exactly one of: `ids`, a filter (which needs `dataset`), or `failed_of`.

    - `ids`: asset ids, any number. With `dataset`, ids of other datasets come out as not found.
    - `dataset` (name or id) and any of `folder`, `recursive` (True unless you say otherwise), `status`,
      `kind`, `name` (a pattern such as `*.jpg`), `tags` (all of them must be there), `created_after`,
      `created_before`, `archived` (False, True or, for both, None; left out it is what the verb is for: archived
      ones to restore, else live ones); with `exclude` (ids to leave out) and `expect_count` (refuse if the
      number of matches differs).
    - `failed_of`: the id of an operation whose failed items are to be tried again.
    """

    ids: Iterable[str]
    dataset: str
    folder: str
    recursive: bool
    status: str
    kind: str
    name: str
    tags: Iterable[str]
    created_after: datetime | str
    created_before: datetime | str
    archived: bool | None
    exclude: Iterable[str]
    expect_count: int
    failed_of: str


class Run(Selection, total=False):
    """A selection; and `dry_run`, the `plan` of an earlier dry run, an `idempotency_key` of your own."""

    dry_run: bool
    plan: str
    idempotency_key: str


class Changes(TypedDict, total=False):
    """What an update writes; None clears `display_name` and `split`. Tags that are not named stay as they are."""

    status: str
    display_name: str | None
    split: str | None
    add_tags: Iterable[str]
    remove_tags: Iterable[str]


class Destination(TypedDict, total=False):
    """Where a move or a copy goes."""

    folder: str
    dataset: str


_FILTER_KEYS = (
    "dataset",
    "folder",
    "recursive",
    "status",
    "kind",
    "name",
    "tags",
    "created_after",
    "created_before",
    "archived",
)
_RUN_KEYS = ("dry_run", "plan", "idempotency_key")


def operation_body(verb: str, run: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    """The body of a request to run an operation. Raises InvalidArgument for a selection that is none."""
    body: dict[str, Any] = {"verb": str(verb), "selection": selection_body(run)}
    body.update({key: value for key, value in parts.items() if value is not None})
    if run.get("dry_run"):
        body["dry_run"] = True
    if run.get("plan") is not None:
        body["plan"] = run["plan"]
    return body


def selection_body(run: Mapping[str, Any]) -> dict[str, Any]:
    """The selection as the server reads it.

    Raises InvalidArgument when nothing is selected: an empty selection is never everything.
    """
    chosen = {key: value for key, value in run.items() if key not in _RUN_KEYS}
    # A misspelt key must not quietly leave a wider selection.
    unknown = sorted(set(chosen) - set(Selection.__annotations__))
    if unknown:
        raise InvalidArgument(f"{', '.join(unknown)} is no part of a selection.")
    if "failed_of" in chosen:
        return {"failed_of": _alone(chosen, "failed_of", {"failed_of"})}
    if "ids" in chosen:
        ids = id_list(_alone(chosen, "ids", {"ids", "dataset"}), "ids")
        return {"ids": ids, **{key: chosen[key] for key in ("dataset",) if key in chosen}}
    return _filter_body(chosen)


def _alone(chosen: Mapping[str, Any], kind: str, allowed: set[str]) -> Any:
    extra = sorted(set(chosen) - allowed)
    if extra:
        raise InvalidArgument(f"{', '.join(extra)} cannot narrow a selection by {kind}.")
    if chosen[kind] is None:
        raise InvalidArgument(f"{kind} is None.", fix="Leave it out to select by a filter.")
    return chosen[kind]


def _filter_body(chosen: Mapping[str, Any]) -> dict[str, Any]:
    if not chosen.get("dataset"):
        raise InvalidArgument(
            "Nothing is selected.", fix="Pass ids=, or dataset= with what narrows it, or failed_of=."
        )
    narrow = {key: _plain(chosen[key]) for key in _FILTER_KEYS if key in chosen}
    if "tags" in chosen:
        narrow["tags"] = wanted_tags(chosen["tags"])
    body: dict[str, Any] = {"filter": narrow}
    if "exclude" in chosen:
        body["except"] = id_list(chosen["exclude"], "exclude")
    if "expect_count" in chosen:
        body["expect_count"] = chosen["expect_count"]
    return body


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgument(f"{value} has no time zone.", fix="Use datetime.now(UTC) or .astimezone().")
        return value.isoformat()
    return value


def wanted_tags(tags: Iterable[str]) -> list[str]:
    """The tags that items must have. Raises InvalidArgument for none, which would match every item."""
    wanted = id_list(tags, "tags")
    if not wanted:
        raise InvalidArgument("tags is empty; name at least one, or leave it out.")
    return wanted


def checked_changes(changes: Changes) -> Changes:
    """The changes with their tags as lists. Raises EmptyUpdate when there is nothing to change."""
    checked = changes.copy()
    if "add_tags" in checked:
        checked["add_tags"] = id_list(checked["add_tags"], "add_tags")
    if "remove_tags" in checked:
        checked["remove_tags"] = id_list(checked["remove_tags"], "remove_tags")
    if all(key in {"add_tags", "remove_tags"} and not value for key, value in checked.items()):
        raise EmptyUpdate("There is nothing to change.")
    return checked
