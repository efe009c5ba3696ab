"""A server serves more than a thousand at once, also where a shell lets a process have a thousand files open."""

import resource
from collections.abc import Iterator

import pytest

from stackroom.cli.serve import allow_open_files

_, MOST = resource.getrlimit(resource.RLIMIT_NOFILE)


def allowed() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@pytest.fixture
def few() -> Iterator[int]:
    before = allowed()
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, MOST))
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, MOST))


def test_a_server_asks_for_as_many_open_files_as_it_may_have(few: int) -> None:
    allow_open_files()
    assert allowed() == min(65_536, MOST) > few


def test_it_does_not_ask_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    before = allowed()
    monkeypatch.setattr("stackroom.cli.serve._OPEN_FILES", 100)
    allow_open_files()
    assert allowed() == before
