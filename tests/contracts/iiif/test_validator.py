"""The validator of the IIIF, in an environment of its own, against a running server: everything up to level 2."""

import asyncio
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stackroom.settings import Settings
from stackroom.testing.environments import EnvironmentUnavailable, client_environment
from stackroom.testing.live import LiveServer

from .world import Picture, built

IDENTIFIER = "67352ccc-d1b0-11e1-89ae-279075081939"
SIDE, SQUARES = 1000, 10
# The specification says of `!w,h` that the image is as large as possible, but not larger than the region: a page of
# thumbnails relies on it. The validator is older than that sentence, and wants `!2000,3000` to be refused.
CONTRADICTS_THE_SPECIFICATION = {"3.0": {"size_noup"}, "2.0": set()}


def ask(python: Path, *arguments: str) -> Any:
    script = Path(__file__).with_name("validating.py")
    done = subprocess.run(
        [python, script, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def validator() -> Path:
    try:
        return client_environment("iiif-validator-1.0.5")
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))


@pytest.fixture(scope="module")
def server(
    validator: Path, tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]
) -> Iterator[LiveServer]:
    data_dir = tmp_path_factory.mktemp("validator") / "data"
    page = Picture(key=IDENTIFIER, content=test_image(ask(validator, "colours")), size=(SIDE, SIDE))
    asyncio.run(built(Settings(data_dir=data_dir), [page]))
    with live_server(data_dir) as running:
        yield running


def test_image(colours: list[list[list[int]]]) -> bytes:
    """Ten by ten squares, of the colours that the validator looks for."""
    drawn, each = Image.new("RGB", (SIDE, SIDE)), SIDE // SQUARES
    for x, column in enumerate(colours):
        for y, colour in enumerate(column):
            drawn.paste(tuple(colour), (x * each, y * each, (x + 1) * each, (y + 1) * each))
    file = io.BytesIO()
    drawn.save(file, "PNG")
    return file.getvalue()


test_image.__test__ = False  # it makes one, and is none


@pytest.mark.parametrize(("version", "prefix"), [("2.0", "iiif-img/v2/1/1"), ("3.0", "iiif-img/1/1")])
def test_the_validator_finds_nothing_wrong(
    validator: Path, server: LiveServer, version: str, prefix: str
) -> None:
    found = ask(validator, "run", version, "2", f"127.0.0.1:{server.port}", prefix, IDENTIFIER)
    assert len(found) > 25
    failures = {name: why for name, why in found.items() if why}
    assert set(failures) == CONTRADICTS_THE_SPECIFICATION[version], failures
    if "size_noup" in failures:
        assert "/full/!2000,3000/" in failures["size_noup"]
