"""The examples on the page about the SDK run one after the other, as they stand there, against a live server."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stackroom import Client
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import some_pictures

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sdk.md"
PHOTOS = ("photo.jpg", "more/1.jpg", "more/2.jpg", "photos/cars/a.jpg", "photos/b.jpg")


def test_every_example_runs_in_its_order(tmp_path: Path, live_server: Callable[..., LiveServer]) -> None:
    desk = tmp_path / "desk"
    for name, content in zip(PHOTOS, some_pictures(len(PHOTOS)), strict=True):
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        (desk / name).write_bytes(content)
    readable = {
        "STACKROOM_ORIGIN_ROOTS": str(tmp_path),
        "STACKROOM_ORIGIN_REWRITES": f"https://files.example/=/{tmp_path}/",
    }
    with live_server(tmp_path / "data", environment=readable) as server:
        key: str = server.create_organization("Harbour")["api_key"]
        with Client(key, base_url=server.url) as client:
            client.datasets.create("depot")
        text = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", text + "\nclient.close()"],
            cwd=desk,
            env={**os.environ, "STACKROOM_API_KEY": key, "STACKROOM_BASE_URL": server.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    for line in (
        "photo.jpg new",
        "2 []",
        "2 0 0",
        "pk_live_",
        "Harbour []",
        "ada@example.org True",
        "finished 2 0",
    ):
        assert line in said
    assert sorted(each.name for each in (desk / "out").iterdir()) == ["1.jpg", "2.jpg"]
