"""The official clients' environments are built from locks, once."""

from pathlib import Path

import pytest

from stackroom.testing.environments import EnvironmentUnavailable, client_environment


def test_an_environment_is_built_once(tmp_path: Path) -> None:
    lock = tmp_path / "requirements" / "clients" / "nothing-1.0.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("# needs nothing\n")
    python = client_environment("nothing-1.0", root=tmp_path)
    left = python.with_name("left-by-a-test")
    left.touch()
    assert client_environment("nothing-1.0", root=tmp_path) == python
    assert left.exists()


def test_a_client_without_a_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnavailable, match="there is no lock"):
        client_environment("unheard-of-1.0", root=tmp_path)
