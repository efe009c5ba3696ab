#!/usr/bin/env python3
"""Write docs/faces/pictograph-coverage.md: what becomes of every method of every official client that is tested.

python tools/generate_pictograph_coverage.py            write it
python tools/generate_pictograph_coverage.py --check    only say whether it is stale; status 1 if it is

What the clients send was written down by tools/record_pictograph_clients.py; here each request is held against the
table of routes that answers it.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.routing import BaseRoute, Match, Route

from stackroom.web.pictograph.app import known, offered
from stackroom.web.pictograph.convert.base import PREFIX

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "faces" / "pictograph-coverage.md"
RECORDED: Final = ROOT / "tests" / "contracts" / "pictograph" / "recorded"
SIGNED: Final = "/storage/"
HEAD: Final = """# Coverage of the Pictograph clients

<!-- Made by tools/generate_pictograph_coverage.py from what the clients send: `make generate` writes it anew. -->

Every public method of `Client` and `AsyncClient`, in each version that is [tested](pictograph.md). A method was called
in that client's own environment, what it sent was written down, and each request is held against the addresses that
this server answers.

| Sign | Means |
|---|---|
| yes | every request of the method has an answer here, at the addresses in the last column |
| 501 | it is refused with the code `not_offered`, which the client does not try again |
| own | the client does it by itself, with nothing but methods that are offered |
| - | this version has no such method |

"""
# What a client does without a request of its own.
BY_ITSELF: Final = {
    "datasets.as_pytorch": "needs PyTorch beside the client; downloads the dataset, then reads the files",
}
# What asks for more, once it has found something to work on.
ASKS_FOR_MORE: Final = {
    "auto_annotate.dataset": "lists the images, then has each drawn on by a trained model",
}
# Offered, and different on purpose.
DIFFERENT: Final = {
    "api_keys.create": "the key is the organization's and no member's; its role is at most that of the key that asks",
    "credits.balance": "zeros: nothing costs anything; clients ask it to see whether their key is valid",
    "datasets.freeze": "storage has one class here: the answer says that there is nothing to do",
    "datasets.near_duplicates": "by a perceptual fingerprint of the picture, not by a trained model",
    "datasets.restore": "storage has one class here: the answer says that there is nothing to do",
    "datasets.storage_status": "always `standard` and `idle`",
    "exports.create": "native, COCO, YOLO, Pascal VOC and CSV; the hosted service's other formats are refused with 501",
    "images.assign_splits": "at random only: a split by embedding is refused with 409",
    "search.by_similarity": "by a perceptual fingerprint of the picture, not by a trained model",
    "search.by_tag": "objects, scenes and attributes are the tags that an image was given, in one set",
}
# Why a part of the hosted service is not here.
NOT_HERE: Final = {
    "auto-annotate": "drawing by a trained model",
    "connectors": "imports from other hosted services",
    "credits": "nothing is paid for",
    "deployments": "serving of trained models",
    "jobs": "one list of training, imports and exports; batches and operations have their own in the native API",
    "model-evaluations": "trained models",
    "models": "trained models",
    "notifications": "messages in the hosted web application",
    "public": "the hosted service's public catalogue",
    "sam3": "drawing by a trained model",
    "storage-connections": "imports from other people's buckets through the hosted service",
    "tasks": "work shared out among annotators in the hosted web application",
    "tools": "trained models",
    "training": "trained models",
    "video": "frames of videos",
    "workflows": "pipelines of trained models",
}


class Fate(Enum):
    """What becomes of a method."""

    OFFERED = "yes"
    NOT_OFFERED = "501"
    BY_ITSELF = "own"
    ABSENT = "-"


class Unanswered(Exception):
    """A client sends something of which this face knows nothing; the message says what."""


@dataclass(frozen=True)
class Answered:
    """The route that a request meets."""

    address: str
    offered: bool


@dataclass(frozen=True)
class Method:
    """A method of one version: its fate, the addresses it needs, and whether the async client has it."""

    fate: Fate
    addresses: tuple[str, ...]
    asynchronous: bool


def versions() -> list[str]:
    """Those that were recorded, oldest first."""
    return sorted((path.stem for path in RECORDED.glob("*.json")), key=_number)


@cache
def recording(version: str) -> dict[str, Any]:
    """What was written down of a version."""
    found: dict[str, Any] = json.loads((RECORDED / f"{version}.json").read_text())
    return found


def requests(recorded: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """All that a method sends, of both clients."""
    said = [recorded[side].get(name) for side in ("sync", "async") if side in recorded]
    return [each for one in said if isinstance(one, dict) for each in one["requests"]]


def answered(method: str, path: str, routes: Sequence[tuple[BaseRoute, bool]]) -> Answered:
    """The first route that takes this request, as the face itself looks for it. Raises `Unanswered`."""
    if path.startswith(SIGNED):
        return Answered(f"{method} {SIGNED}…", offered=True)
    whole = path if path.startswith("/api/") else PREFIX + path
    place = "/".join(unquote(part) for part in whole.rstrip("/").split("/"))
    for route, is_offered in routes:
        if isinstance(route, Route) and route.matches(_scope(method, place))[0] is Match.FULL:
            return Answered(f"{method} {route.path.removeprefix(PREFIX).replace(':path', '')}", is_offered)
    raise Unanswered(f"{method} {path}")


@cache
def all_routes() -> tuple[tuple[BaseRoute, bool], ...]:
    """The face's routes in its own order, and whether each is offered."""
    return (*((route, True) for route in offered()), *((route, False) for route in known()))


def methods(version: str, routes: Sequence[tuple[BaseRoute, bool]]) -> dict[str, Method]:
    """What becomes of each method of a version. Raises `Unanswered`."""
    recorded = recording(version)
    names = sorted({*recorded["sync"], *recorded.get("async", {})})
    found = {
        name: [answered(each["method"], each["path"], routes) for each in requests(recorded, name)]
        for name in names
    }
    return {
        name: Method(_fate(name, met, found), _addresses(met), name in recorded.get("async", {}))
        for name, met in found.items()
    }


def _fate(name: str, met: list[Answered], others: dict[str, list[Answered]]) -> Fate:
    if name in ASKS_FOR_MORE:
        return Fate.NOT_OFFERED
    if met:
        return Fate.OFFERED if all(each.offered for each in met) else Fate.NOT_OFFERED
    if name in BY_ITSELF:
        return Fate.BY_ITSELF
    part = name.partition(".")[0]
    siblings = [met for other, met in others.items() if other.startswith(f"{part}.") and met]
    if any(all(each.offered for each in met) for met in siblings):
        raise Unanswered(f"nothing was recorded of {name}, and nothing says why")
    return Fate.NOT_OFFERED


def _addresses(met: Iterable[Answered]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.address for each in met if each.offered))


def _scope(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def page() -> str:
    """What the page should hold. Raises `Unanswered`."""
    routes = all_routes()
    tested = {version: methods(version, routes) for version in versions()}
    names = sorted({name for found in tested.values() for name in found})
    parts = sorted({name.partition(".")[0] for name in names})
    here = [part for part in parts if _is_here(part, tested)]
    tables = [_table(part, [name for name in names if name.startswith(f"{part}.")], tested) for part in here]
    return HEAD + _summary(tested) + "".join(tables) + _elsewhere(tested)


def _summary(tested: dict[str, dict[str, Method]]) -> str:
    rows = [
        f"| {fate.value} | " + " | ".join(_count(found, fate) for found in tested.values()) + " |"
        for fate in _COUNTED
    ]
    head = "| | " + " | ".join(f"**{version}**" for version in tested) + " |"
    return "\n".join([head, "|---|" + "---|" * len(tested), *rows]) + "\n"


_COUNTED: Final = (Fate.OFFERED, Fate.BY_ITSELF, Fate.NOT_OFFERED)


def _count(found: dict[str, Method], fate: Fate) -> str:
    return str(sum(method.fate is fate for method in found.values()))


def _is_here(part: str, tested: dict[str, dict[str, Method]]) -> bool:
    return any(
        method.fate is Fate.OFFERED
        for found in tested.values()
        for name, method in found.items()
        if name.startswith(f"{part}.")
    )


def _table(part: str, names: list[str], tested: dict[str, dict[str, Method]]) -> str:
    head = f"| Method | {' | '.join(tested)} | Addresses |"
    rows = [_row(name, tested) for name in names]
    notes = [f"- `{name}`: {_note(name)}." for name in names if _note(name)]
    lines = [f"\n## {part}\n", head, "|---|" + "---|" * (len(tested) + 1), *rows]
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def _note(name: str) -> str:
    return DIFFERENT.get(name, "") or BY_ITSELF.get(name, "")


def _row(name: str, tested: dict[str, dict[str, Method]]) -> str:
    found = [each.get(name) for each in tested.values()]
    signs = [(Fate.ABSENT if each is None else each.fate).value for each in found]
    addresses = dict.fromkeys(address for each in found if each for address in each.addresses)
    last = next(each for each in reversed(found) if each)
    called = f"`{name}`" if last.asynchronous else f"`{name}` (sync only)"
    return f"| {called} | {' | '.join(signs)} | {'<br>'.join(f'`{each}`' for each in addresses)} |"


def _elsewhere(tested: dict[str, dict[str, Method]]) -> str:
    """The parts of which nothing is offered: no addresses to show, so a line each."""
    names = sorted({name for found in tested.values() for name in found})
    parts = sorted({name.partition(".")[0] for name in names})
    lines = ["\n## Not offered\n", "| Resource | Methods | |", "|---|---|---|"]
    for part in parts:
        if not _is_here(part, tested):
            own = [name.partition(".")[2] for name in names if name.startswith(f"{part}.")]
            lines.append(f"| `{part}` | {', '.join(f'`{each}`' for each in own)} | {_reason(part, tested)} |")
    return "\n".join(lines) + "\n"


def _reason(part: str, tested: dict[str, dict[str, Method]]) -> str:
    """By the addresses that the methods ask for, since a resource need not be called as they are."""
    asked = {
        each["path"].strip("/").partition("/")[0]
        for version in tested
        for name in recording(version)["sync"]
        if name.startswith(f"{part}.")
        for each in requests(recording(version), name)
    }
    return next(NOT_HERE[each] for each in sorted(asked) if each in NOT_HERE)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write the coverage page of the Pictograph face.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is stale")
    only_check = parser.parse_args().check
    wanted = page()
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    sys.stdout.write(f"{'stale' if only_check else 'written'}: {PAGE.name}\n")
    if not only_check:
        PAGE.write_text(wanted)
    return int(only_check)


if __name__ == "__main__":
    sys.exit(main())
