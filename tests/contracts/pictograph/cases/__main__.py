"""The conformance cases, run by the official client's own Python, with the facts on standard input.

Prints one line of JSON for each case: its name, and what went wrong if anything did. Nothing of Stackroom is
imported here, so nothing can be right only because both sides come from one hand.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Callable

import annotations
import batch
import images
import projects
import transport
from world import World

warnings.simplefilter("ignore")  # the client warns of names that its next version drops


def main() -> None:
    facts = json.load(sys.stdin)
    world = World(facts["url"], facts["keys"])
    for module in (transport, projects, images, batch, annotations):
        for name, case in list(vars(module).items()):
            if name.startswith("test_case_"):
                print(json.dumps({"case": name, "problem": problem_of(case, world)}), flush=True)  # noqa: T201


def problem_of(case: Callable[[World], None], world: World) -> str | None:
    try:
        case(world)
    except Exception:  # noqa: BLE001 - whatever it is, it is this case's
        return traceback.format_exc()
    return None


main()
