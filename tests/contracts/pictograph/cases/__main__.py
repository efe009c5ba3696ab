"""The conformance cases, run by an official client's own Python, with the facts on standard input.

Prints one line of JSON for each case that concerns this version: its name, and what went wrong if anything did.
Nothing of Stackroom is imported here, so nothing can be right only because both sides come from one hand.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pictograph
from marks import Case, concerns
from world import World

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path != Path(__file__))
warnings.simplefilter("ignore")  # a client warns of names that its next version drops


def cases(version: str) -> Iterator[tuple[str, Case]]:
    for name in MODULES:
        for each, case in list(vars(import_module(name)).items()):
            marks = {which: getattr(case, which, None) for which in ("first", "last")}
            if each.startswith("test_case_") and concerns(version, **marks):
                yield each, case


def problem_of(case: Case, world: World) -> str | None:
    try:
        case(world)
    except Exception:  # noqa: BLE001 - whatever it is, it is this case's
        return traceback.format_exc()
    return None


def main() -> None:
    facts = json.load(sys.stdin)
    world = World(facts["url"], facts["keys"])
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for name, case in cases(pictograph.__version__):
        if wanted not in name:
            continue
        print(json.dumps({"case": name, "problem": problem_of(case, world)}), flush=True)  # noqa: T201


main()
