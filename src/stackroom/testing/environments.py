"""Environments of their own for the official clients that we promise to please: their pins are not ours.

Each is described by a lock, `requirements/clients/NAME.txt`, and built once per checkout under `.venvs/NAME`;
after that nothing is fetched.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]


class EnvironmentUnavailable(Exception):
    """The environment could not be built; the message is what the installer said."""


def client_environment(name: str, *, root: Path = ROOT) -> Path:
    """The Python in which the client of this name can be imported, such as `pictograph-1.60.0`.

    Safe to call from several processes at once: the first builds, the others wait. A changed lock, or another
    version of Python, means building it again. Raises `EnvironmentUnavailable`.
    """
    lock = root / "requirements" / "clients" / f"{name}.txt"
    if not lock.exists():
        raise EnvironmentUnavailable(f"there is no lock for {name}: {lock}")
    home = root / ".venvs" / name
    home.parent.mkdir(exist_ok=True)
    with home.with_name(f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        wanted = f"{sys.version}\n{hashlib.sha256(lock.read_bytes()).hexdigest()}\n"
        built = home / "built-from"
        if not built.exists() or built.read_text() != wanted:
            _build(home, lock)
            built.write_text(wanted)
    return home / "bin" / "python"


def _build(home: Path, lock: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, symlinks=True)  # without an installer: ours does it, which saves a third of the time
    if "--no-binary" not in lock.read_text():
        _install(home, lock)
        return
    # One that comes as source only is built with what our own package is built with, locked as well.
    _install(home, lock.parents[1] / "build.txt")
    _install(home, lock, "--no-build-isolation")


def _install(home: Path, lock: Path, *options: str) -> None:
    install = ["install", "--quiet", "--no-compile", "--only-binary=:all:", "--require-hashes", *options]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", home / "bin" / "python", *install, "--requirement", lock],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EnvironmentUnavailable(f"{lock.name} could not be installed: {done.stderr.strip()}")
