"""What every test may ask for, and what none may do: reach another machine, or leave a process behind.

- `database_url`: a migrated database of the test's own, on SQLite; for tests that are marked `every_database`
  on PostgreSQL as well.
- `empty_database_url`: the same without a schema. `postgres_url`: a migrated PostgreSQL database.
- `live_server`: makes servers that start quickly: from the `nursery`, with one process for pixels, and with tables
  that are up to date.
"""

import ipaddress
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from structlog.testing import capture_logs

from stackroom.testing.live import LiveServer
from stackroom.testing.nursery import Nursery
from stackroom.testing.postgres import (
    PostgresUnavailable,
    RunningPostgres,
    running_postgres,
    scratch,
    shared_postgres,
)
from stackroom.testing.processes import wait_until
from stackroom.testing.s3 import RunningS3, S3Unavailable, running_s3

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=60, deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

HERE = Path(__file__).parent
# Names this run, in the environment of all its processes: how those left behind are found, and where the
# workers find the database server that they share.
RUN = "STACKROOM_TEST_RUN"
TEMPLATE = "stackroom_template"
LONG_FIRST = (
    HERE / "crash",
    HERE / "contracts" / "pictograph" / "test_official_client.py",
    HERE / "properties",
    HERE / "acceptance",
    HERE / "docs",
    HERE / "testing",
    HERE / "contracts",
    HERE,
)
# What is encrypted here brings its own certificates. Every HTTP client that is made, in this process or another,
# would read the whole world's first, for 60 ms: these variables name a folder where there are none.
os.environ |= {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(HERE)}


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        os.environ[RUN] = f"{os.getpid()}-{secrets.token_hex(4)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames:
        everywhere = metafunc.definition.get_closest_marker("every_database")
        metafunc.parametrize("database_kind", ["sqlite", "postgresql"] if everywhere else ["sqlite"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first: at the end of a run the workers share what is short."""

    @cache  # thousands of tests are in a few hundred files
    def rank(path: Path) -> int:
        return next(n for n, each in enumerate(LONG_FIRST) if path.is_relative_to(each))

    items.sort(key=lambda item: rank(item.path))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the last worker: end the database server, and fail the run if a process outlives it."""
    if _is_worker(session.config):
        return
    if server := running_postgres(_run_directory()):
        server.stop()
    if not wait_until(lambda: not _left_behind(), seconds=5):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for pid, command in _left_behind().items():
            sys.stderr.write(f"\nThe tests left a process behind: {pid} {command}\n")
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningS3]:
    """An S3 server; what is to reach it needs its `environment`."""
    try:
        with running_s3(tmp_path_factory.mktemp("s3")) as server:
            yield server
    except S3Unavailable as unavailable:
        pytest.skip(str(unavailable))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _run_directory() -> Path:
    return scratch(f"stackroom-tests-{os.environ[RUN]}")


def _left_behind() -> dict[int, str]:
    """This run's processes but for this one, and for Python's own helpers, which end with whom they help."""
    mark = f"{RUN}={os.environ[RUN]}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended, or it is none of ours
            continue
        if mark in environment and int(process.name) != os.getpid() and "multiprocessing" not in command:
            found[int(process.name)] = command
    return found


def _stay_on_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: it sees every connection that Python's own sockets make (uvloop's are not Python's)."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise PermissionError(f"a test tried to reach {host}: tests stay on this machine")


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if name in {"localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_stay_on_this_machine)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What is logged meanwhile, and printed nowhere."""
    before = structlog.get_config()  # a server that other tests have in this process may have made it quiet
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    with capture_logs() as entries:
        yield entries
    structlog.configure(**before)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """For processes whose start is not what is tested."""
    with Nursery() as opened:
        yield opened


@pytest.fixture(scope="session")
def live_server(nursery: Nursery, sqlite_template: Path) -> Callable[..., LiveServer]:
    def make(data_dir: Path, *, arguments: Sequence[str] = (), **options: Any) -> LiveServer:
        few = ["--pixel-processes", "1", *arguments]
        return LiveServer(data_dir, arguments=few, nursery=nursery, template=sqlite_template, **options)

    return make


@pytest.fixture(scope="session")
def postgres() -> RunningPostgres:
    """The PostgreSQL server of this run; its template database is migrated once."""

    from stackroom.database.connect import migrate

    def make_template(server: RunningPostgres) -> None:
        server.drop(TEMPLATE)
        migrate(server.create(TEMPLATE))
        server.freeze(TEMPLATE)

    owner = int(os.environ[RUN].partition("-")[0])
    try:
        return shared_postgres(_run_directory(), owner=owner, prepare=make_template)
    except PostgresUnavailable as unavailable:
        pytest.skip(f"no PostgreSQL here: {unavailable}")


@pytest.fixture
def new_postgres_database(postgres: RunningPostgres) -> Iterator[Callable[[str], str]]:
    """Makes databases from a template, and drops them after the test."""
    made = []

    def make(template: str) -> str:
        made.append(f"test_{secrets.token_hex(6)}")
        return postgres.create(made[-1], template=template)

    yield make
    for database in made:
        postgres.drop(database)


@pytest.fixture(scope="session")
def new_library_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Makes migrated databases of a kind, which are there until the end of the run."""
    made: list[tuple[RunningPostgres, str]] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            library = tmp_path_factory.mktemp("library") / "library.db"
            shutil.copyfile(request.getfixturevalue("sqlite_template"), library)
            return f"sqlite:///{library}"
        server: RunningPostgres = request.getfixturevalue("postgres")
        made.append((server, f"library_{secrets.token_hex(6)}"))
        return server.create(made[-1][1], template=TEMPLATE)

    yield make
    for server, name in made:
        server.drop(name)


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[str], str]) -> str:
    return new_postgres_database(TEMPLATE)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from stackroom.database.connect import migrate

    library = tmp_path_factory.mktemp("template") / "library.db"
    migrate(f"sqlite:///{library}")
    return library


@pytest.fixture
def database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if database_kind == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    library = tmp_path / "library.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), library)
    return f"sqlite:///{library}"


@pytest.fixture
def empty_database_url(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if database_kind == "postgresql":
        return str(request.getfixturevalue("new_postgres_database")("template1"))
    return f"sqlite:///{tmp_path / 'library.db'}"
