#!/usr/bin/env python3
"""Write down what each official client sends: tests/contracts/pictograph/recorded/VERSION.json.

python tools/record_pictograph_clients.py            every client in requirements/clients
python tools/record_pictograph_clients.py 1.60.0     one of them

Needed once for a version that is new here, and whenever the recorder itself has changed; a test says so if it was
forgotten. Builds the clients' environments, so it needs a package index the first time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stackroom.testing.environments import client_environment

ROOT = Path(__file__).parents[1]
HERE = ROOT / "tests" / "contracts" / "pictograph"
CLIENTS = ROOT / "requirements" / "clients"


def versions() -> list[str]:
    """The clients that there are locks for, oldest first."""
    found = [path.stem.removeprefix("pictograph-") for path in CLIENTS.glob("pictograph-*.txt")]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def record(version: str) -> dict[str, Any]:
    """Every request that this version's methods make. Raises `EnvironmentUnavailable`."""
    python = client_environment(f"pictograph-{version}")
    environment = {each: value for each, value in os.environ.items() if not each.startswith("PICTOGRAPH_")}
    done = subprocess.run(  # noqa: S603 - our own script, by an interpreter that we have built
        [python, HERE / "recorder"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the client {version} could not be recorded: {done.stderr}")
    recorded: dict[str, Any] = json.loads(done.stdout)
    return recorded


def place(version: str) -> Path:
    """Where the recording of a version is kept."""
    return HERE / "recorded" / f"{version}.json"


def text(recorded: dict[str, Any]) -> str:
    """A recording as it is kept: a line for each method, so that a change shows what it changed."""
    parts = [f' "version": {json.dumps(recorded["version"])}']
    for side in ("sync", "async"):
        if side in recorded:
            lines = [
                f"  {json.dumps(name)}: {_compact(said)}" for name, said in sorted(recorded[side].items())
            ]
            parts.append(f' "{side}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(said: object) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def main() -> None:
    """The command."""
    for version in sys.argv[1:] or versions():
        place(version).write_text(text(record(version)))
        sys.stdout.write(f"written: {place(version).name}\n")


if __name__ == "__main__":
    main()
