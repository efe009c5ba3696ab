"""What the bulk engine should do, in dictionaries: the same promises, one item after the other, without SQL.

It is written to be read, not to be fast, and shares no code with the engine. A property test does the same to
both and compares.
"""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("folder", "name", "status", "display_name", "split", "archived_at")
FIRST_NUMBER = {"copy": 2, "move": 1, "update": 1, "undo": 1}
FAILURES = {"not_found", "name_taken", "skipped", "itself", "changed_since", "irreversible", "cancelled"}


class Refused(Exception):
    """The whole operation is refused, and nothing changes."""


@dataclass(kw_only=True)
class ModelAsset:
    organization: str
    dataset: str
    folder: str
    name: str
    content: str
    status: str = "new"
    display_name: str | None = None
    split: str | None = None
    archived_at: int | None = None
    annotations: int = 0
    tags: frozenset[str] = frozenset()
    version: int = 1

    @property
    def live(self) -> bool:
        return self.archived_at is None


@dataclass(kw_only=True)
class ModelItem:
    """What happened to one item: `before` and `after` hold the FIELDS that the operation is about.

    `given` and `taken` are the tags that it really got and lost.
    """

    asked: str
    outcome: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    made: str | None = None
    overwrote: bool = False
    given: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class ModelOperation:
    organization: str
    verb: str
    items: list[ModelItem]
    fields: tuple[str, ...] = ()
    undoes: str | None = None
    undone: bool = False

    @property
    def failed(self) -> list[str]:
        return [item.asked for item in self.items if item.outcome in FAILURES]


@dataclass(kw_only=True)
class Job:
    """One operation at work. `wants` are what a verb sets; `fresh` are the ids that the real library gave."""

    verb: str
    organization: str
    dataset: str | None = None
    target: tuple[str, str] | None = None
    policy: str = "rename"
    wants: dict[str, Any] = field(default_factory=dict)
    annotated: bool = False
    gives: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    fresh: Iterator[str] = field(default_factory=lambda: iter(()))
    undone: dict[str, ModelItem] = field(default_factory=dict)


class ModelLibrary:
    """Assets by id, in the order in which they came. `at_once` is how many items one chunk takes."""

    def __init__(self, at_once: int) -> None:
        self.assets: dict[str, ModelAsset] = {}
        self.at_once = at_once

    def matching(self, organization: str, dataset: str, where: dict[str, Any]) -> list[str]:
        return [key for key, it in self.assets.items() if _matches(it, organization, dataset, where)]

    def run(self, job: Job, asked: Sequence[str]) -> ModelOperation:
        """Do a job over ids, each taken once, chunk by chunk."""
        items = [ModelItem(asked=each) for each in dict.fromkeys(asked)]
        if job.policy == "fail" and len(items) > self.at_once:
            raise Refused
        backup = {key: ModelAsset(**vars(it)) for key, it in self.assets.items()}
        try:
            for start in range(0, len(items), self.at_once):
                self._chunk(job, items[start : start + self.at_once], items)
        except Refused:
            self.assets = backup
            raise
        fields = {"move": ("folder", "name"), "copy": (), "purge": ()}.get(job.verb, tuple(job.wants))
        if "archived_at" in fields and "name" not in fields:
            fields += ("name",)
        return ModelOperation(organization=job.organization, verb=job.verb, items=items, fields=fields)

    def undo(self, done: ModelOperation) -> ModelOperation:
        """Put back what an operation changed. Raises `Refused` for a purge and for what is undone, at least partly."""
        if done.verb == "purge" or done.undoes == "copy" or done.undone:
            raise Refused
        changed = {item.made or item.asked: item for item in done.items if item.outcome == "done"}
        job = Job(verb="undo", organization=done.organization, undone=changed)
        job.wants = dict.fromkeys(done.fields)
        undone = self.run(job, list(changed))
        undone.fields, undone.undoes = done.fields, done.verb
        done.undone = any(item.outcome == "done" for item in undone.items)
        return undone

    def _chunk(self, job: Job, chunk: list[ModelItem], request: list[ModelItem]) -> None:
        coming = []
        for item in chunk:
            it = self._found(job, item.asked)
            item.outcome = "not_found" if it is None else self._judge(job, item, it)
            if it is not None:
                item.before = {name: getattr(it, name) for name in FIELDS}
                item.after = self._wanted(job, item, it)
                if item.outcome in {"done", "collides"} and self._comes(job, it, item.after):
                    coming.append(item)
        self._settle(job, coming, request)
        done = [item for item in chunk if item.outcome == "done"]
        if job.verb == "copy":  # ids in the order of the request, assets in the order of their originals
            for item in done:
                item.made = next(job.fresh, f"missing {len(self.assets)}")
            age = {key: n for n, key in enumerate(self.assets)}
            done.sort(key=lambda item: age[item.asked])
        for item in done:
            self._apply(job, item)

    def _found(self, job: Job, asked: str) -> ModelAsset | None:
        it = self.assets.get(asked)
        if it is None or it.organization != job.organization or job.dataset not in {None, it.dataset}:
            return None
        if job.verb == "move" and job.target and it.dataset != job.target[0]:
            return None
        return it

    def _wanted(self, job: Job, item: ModelItem, it: ModelAsset) -> dict[str, Any]:
        """The fields as they should become."""
        if job.verb == "undo":
            was = job.undone[item.asked].before
            return {name: was[name] for name in job.wants if name in was}
        wanted = dict(job.wants)
        if job.target is not None:
            wanted["folder"] = job.target[1]
        if wanted.get("archived_at") is not None and not it.live:
            wanted["archived_at"] = it.archived_at
        return (
            {"name": it.name, **wanted} if job.verb in {"move", "copy"} or "archived_at" in wanted else wanted
        )

    def _judge(self, job: Job, item: ModelItem, it: ModelAsset) -> str:
        after = self._wanted(job, item, it)
        if job.verb == "undo" and (refusal := self._not_undone(job, item, it)):
            return refusal
        tagged = (it.tags | job.gives) - job.takes == it.tags
        same = tagged and all(getattr(it, n) == after[n] for n in after if n != "name")
        if job.verb in {"move", "update"} and same:
            return "unchanged"
        place = self._place(job, it, after)
        if job.verb == "copy" and job.policy == "overwrite" and it.live and place == _place(it):
            return "itself"
        holder = self._holder(place) if self._comes(job, it, after) else None
        return "done" if holder is None or (holder == item.asked and job.verb != "copy") else "collides"

    def _not_undone(self, job: Job, item: ModelItem, it: ModelAsset) -> str | None:
        undone = job.undone[item.asked]
        if undone.made is not None and undone.overwrote:
            return "irreversible"
        if undone.made is not None and it.version != 1:
            return "changed_since"
        as_set = all(getattr(it, name) == undone.after[name] for name in job.wants)
        as_set = as_set and undone.given <= it.tags and not undone.taken & it.tags
        return None if as_set else "changed_since"

    def _comes(self, job: Job, it: ModelAsset, after: dict[str, Any]) -> bool:
        """Whether the item will hold a live name in a place that it does not hold now."""
        if job.verb == "copy":
            return True
        live_after = after.get("archived_at", it.archived_at) is None
        if "archived_at" in after:
            return live_after and not it.live
        return live_after and "folder" in after

    def _settle(self, job: Job, coming: list[ModelItem], request: list[ModelItem]) -> None:
        places = {item.asked: self._place(job, self.assets[item.asked], item.after) for item in coming}
        seen = set()
        for item in coming:
            if job.policy == "overwrite" and places[item.asked] in seen:
                item.outcome = "name_taken"
            elif item.outcome == "done" and places[item.asked] in seen:
                item.outcome = "collides"
            if item.outcome == "done" or job.policy == "overwrite":
                seen.add(places[item.asked])
        colliding = [item for item in coming if item.outcome == "collides"]
        held = {_place(it) for it in self.assets.values() if it.live}
        held |= {places[item.asked] for item in coming if item.outcome == "done"}
        if colliding and job.policy == "fail":
            raise Refused
        for item in colliding:
            dataset, folder, name = places[item.asked]
            if job.policy == "rename":
                siblings = {each for *place, each in held if place == [dataset, folder]}
                item.after["name"] = _free(name, FIRST_NUMBER[job.verb], siblings)
                held.add((dataset, folder, item.after["name"]))
                item.outcome = "done"
            elif job.policy == "skip":
                item.outcome = "skipped"
            else:
                self._overwrite(item, places[item.asked], request)

    def _overwrite(self, item: ModelItem, place: tuple[str, str, str], request: list[ModelItem]) -> None:
        holder = self._holder(place)
        protected = {each.asked for each in request} | {each.made for each in request}
        if holder is None or holder in protected:
            item.outcome = "name_taken"
        else:
            del self.assets[holder]
            item.outcome, item.overwrote = "done", True

    def _apply(self, job: Job, item: ModelItem) -> None:
        it = self.assets[item.asked]
        if job.verb == "purge" or (job.verb == "undo" and job.undone[item.asked].made is not None):
            del self.assets[item.asked]
        elif job.verb == "copy":
            assert item.made is not None
            made = self.assets[item.made] = ModelAsset(
                organization=it.organization,
                dataset=job.target[0] if job.target else it.dataset,
                folder=item.after["folder"],
                name=item.after["name"],
                content=it.content,
                display_name=it.display_name,
            )
            if job.annotated:
                made.status, made.split, made.annotations = it.status, it.split, it.annotations
                made.tags = it.tags
        else:
            for name, value in item.after.items():
                setattr(it, name, value)
            undone = job.undone.get(item.asked)
            gives, takes = (undone.taken, undone.given) if undone else (job.gives, job.takes)
            item.given, item.taken = gives - it.tags, takes & it.tags
            it.tags = (it.tags | gives) - takes
            it.version += 1

    def _place(self, job: Job, it: ModelAsset, after: dict[str, Any]) -> tuple[str, str, str]:
        dataset = job.target[0] if job.verb == "copy" and job.target else it.dataset
        return dataset, after.get("folder", it.folder), after.get("name", it.name)

    def _holder(self, place: tuple[str, str, str]) -> str | None:
        return next((key for key, it in self.assets.items() if it.live and _place(it) == place), None)


def _place(it: ModelAsset) -> tuple[str, str, str]:
    return it.dataset, it.folder, it.name


def _free(name: str, first: int, taken: set[str]) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    number = first
    while f"{stem}-{number}{dot}{extension}" in taken:
        number += 1
    return f"{stem}-{number}{dot}{extension}"


def _matches(it: ModelAsset, organization: str, dataset: str, where: dict[str, Any]) -> bool:
    if (it.organization, it.dataset) != (organization, dataset) or not it.tags.issuperset(
        where.get("tags", ())
    ):
        return False
    if where.get("archived", False) is not None and where.get("archived", False) == it.live:
        return False
    if "status" in where and it.status != where["status"]:
        return False
    if "glob" in where and not fnmatch.fnmatchcase(it.name, where["glob"].replace("[", "[[]")):
        return False
    if "folder" not in where or it.folder == where["folder"]:
        return True
    return bool(where.get("recursive")) and it.folder.startswith(where["folder"].rstrip("/") + "/")
