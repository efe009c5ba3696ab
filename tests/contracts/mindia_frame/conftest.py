"""A library with the Mindia face for each module: with its `SETTINGS`, and on SQLite unless it asks for both databases.

SETTINGS = {"requests_per_minute": 100}     # else there are no limits
pytestmark = on_both_databases
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from stackroom.settings import Settings

from .house import NO_LIMITS, Face


@pytest.fixture(scope="session")
def new_database_url(
    request: pytest.FixtureRequest, new_library_url: Callable[[str], str]
) -> Callable[[], str]:
    """Makes a place for a library."""
    return partial(new_library_url, getattr(request, "param", "sqlite"))


@pytest.fixture(scope="module")
def face(
    request: pytest.FixtureRequest,
    new_database_url: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Face]:
    """Over a library of the module's own."""
    chosen = {**NO_LIMITS, **getattr(request.module, "SETTINGS", {})}
    folder = tmp_path_factory.mktemp("mindia")
    opened = Face(Settings(data_dir=folder, database_url=new_database_url(), workers=0, **chosen))
    yield opened
    opened.close()
