"""The shape that the design gives this project, kept by tests where a linter cannot: see `make check` for the rest."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stackroom.faults import POINTS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "stackroom"

CORE = {"access", "database", "doctor", "events", "exports", "ingest", "library", "operations", "queue"}
CORE |= {"processing", "webhooks"}
# Who may import what is not ours, by the folder (or module) it is in. The rest nobody has a reason to.
AT_HOME = {
    "alembic": {"database"},
    "asyncpg": {"database", "testing"},
    "av": {"media", "testing"},  # testing makes the recordings that media reads
    "httptools": {"cli"},
    "httpcore": {"network"},
    "httpx": {"cli", "client", "ingest", "network", "testing", "webhooks"},
    "hypothesis": {"testing"},
    "imageio_ffmpeg": {"media", "testing"},
    "numpy": {"library"},
    "obstore": {"storage"},
    "PIL": {"media", "testing"},  # testing makes the pictures that media reads
    "pillow_heif": {"media", "testing"},
    "pypdfium2": {"media"},
    "pytest": {"testing"},
    "python_multipart": {"ingest"},
    "pyvips": {"media"},
    "re2": {"library"},  # patterns that organizations write: a match takes time in proportion to the text
    "rich": {"cli", "client"},
    "sqlalchemy": CORE | {"testing"},
    "starlette": {"web"},
    "typer": {"cli"},
    "uvicorn": {"cli", "testing"},
    "uvloop": {"cli"},
}


@cache
def imported_by(source: Path) -> set[str]:
    """The top-level names of the packages that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", AT_HOME)
def test_a_dependency_is_met_only_where_it_is_at_home(package: str) -> None:
    strays = [
        str(source.relative_to(SOURCE))
        for source in SOURCE.rglob("*.py")
        if package in imported_by(source)
        and source.relative_to(SOURCE).parts[0].removesuffix(".py") not in AT_HOME[package]
    ]
    assert strays == []


def test_the_sdk_is_importable_with_what_the_light_installation_brings() -> None:
    """`pip install stackroom` brings four packages; nothing that a server needs may be met on the way in."""
    heavy = [it for it, homes in AT_HOME.items() if not homes & {"cli", "client"}]
    program = f"import sys, stackroom, stackroom.client; print([it for it in {heavy} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_fault_point_is_reached_by_the_code() -> None:
    """A point that nothing reaches would make its crash test pass without a crash."""
    reached = {
        name
        for source in SOURCE.rglob("*.py")
        if source.name != "faults.py"
        for name in re.findall(r'\breach\(\s*"([^"]+)"', source.read_text())
    }
    assert reached == set(POINTS)


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/**/*.txt")), ids=lambda it: it.stem)
def test_a_lock_pins_everything_by_hash_and_names_no_address(lock: Path) -> None:
    """An address would tie every user to the registry of whoever compiled the lock."""
    # Some clients come as source only; the lock says which, and nothing else of how to install.
    text = re.sub(r"\A(--no-binary [\w.-]+\n)+", "", lock.read_text())
    assert not re.search(r"://|^\s*-|@\s", re.sub(r"--hash=|# .*", "", text), re.MULTILINE)
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert [it.splitlines()[0] for it in requirements if "==" not in it or "--hash=sha256:" not in it] == []


def test_the_development_lock_holds_what_users_get() -> None:
    """Whatever the tests pass with is what `make serve` installs."""
    pins = [
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("server.txt", "dev.txt")
    ]
    assert pins[0] - pins[1] == set()


def test_what_is_tested_is_what_runs_on_every_python() -> None:
    """A package that a lock has in two versions is tried in one of them only: the tests run on one Python at a time."""
    names = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "server.txt").read_text(), re.MULTILINE)
    several = {name for name in names if names.count(name) > 1}
    assert several <= {"numpy"}  # of which we use what has always been there


def test_nothing_is_called_utils() -> None:
    """Name the missing noun first."""
    vague = {"utils", "util", "helpers", "common", "misc"}
    assert [it.name for it in SOURCE.rglob("*.py") if it.stem in vague] == []
