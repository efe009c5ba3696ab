"""The client that is about, PyPI's `dlcs` 0.4, unchanged and in an environment of its own, against a running server.

It sends its JSON without a Content-Type and its images without a media type, and reads no status: a refusal would
go unnoticed.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stackroom.testing.environments import EnvironmentUnavailable, client_environment

from .live import Site

PROGRAM = """
import json, sys, time
from dlcs import Batch, Image, ImageCollection
from dlcs.client import register_collection

asked = json.load(sys.stdin)
batch = register_collection(ImageCollection([Image(**each) for each in asked["images"]]))
first = dict(vars(batch))
until = time.monotonic() + 30
while not hasattr(batch, "finished") and time.monotonic() < until:
    time.sleep(0.05)
    batch.update()
again = Batch(batch_id=batch.id)
print(json.dumps({"first": first, "last": vars(batch), "completed": batch.is_completed(), "again": vars(again)}))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return client_environment("dlcs-0.4")
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))


def register(site: Site, python: Path, folder: Path, *images: dict[str, Any]) -> dict[str, Any]:
    settings = {
        "DLCS_API_KEY": site.auth[0],
        "DLCS_API_SECRET": site.auth[1],
        "DLCS_ENTRY": f"{site.url}/",
        "DLCS_CUSTOMER_ID": site.customer,
    }
    (folder / "settings.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    done = subprocess.run(
        [python, "-c", PROGRAM],
        input=json.dumps({"images": images}),
        env={**os.environ, "PYTHONPATH": str(folder), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_it_registers_a_collection_and_sees_it_through(site: Site, python: Path, tmp_path: Path) -> None:
    space = site.a_space()
    images = [
        {
            "id": f"page_{n}",
            "space": space,
            "origin": site.a_picture("jpg"),
            "tags": ["vol1"],
            "string_1": "vol1",
        }
        | {"string_2": "x", "number_1": n, "number_2": 0}
        for n in range(3)
    ]
    done = register(site, python, tmp_path, *images)
    first, last = done["first"], done["last"]
    assert (first["count"], first["completed"], first["type"]) == (3, 0, "vocab:Batch")
    assert first["id"].startswith(f"{site.url}/customers/{site.customer}/queue/batches/")
    assert first["error_images"] == f"{first['id']}/errorImages"
    assert first["completed_images"] == f"{first['id']}/completedImages"
    assert (done["completed"], last["completed"], last["errors"]) == (True, 3, 0)
    assert (done["again"]["id"], done["again"]["finished"]) == (first["id"], last["finished"])
    found = site.get(f"spaces/{space}/images?orderBy=number1").json()["member"]
    assert [(each["id"], each["number1"], each["string1"], each["tags"]) for each in found] == [
        (f"page_{n}", n, "vol1", ["vol1"]) for n in range(3)
    ]
    assert {(each["mediaType"], each["family"]) for each in found} == {("image/jpeg", "I")}


def test_it_never_sees_a_batch_with_errors_completed(site: Site, python: Path, tmp_path: Path) -> None:
    """A known gap of the client: what failed is told apart from what is completed."""
    space = site.a_space()
    good = {"id": "good", "space": space, "origin": site.a_picture("png")}
    bad = {"id": "bad", "space": space, "origin": f"{site.origin}none.tif"}
    done = register(site, python, tmp_path, good, bad)
    assert (done["completed"], done["last"]["completed"], done["last"]["errors"]) == (False, 1, 1)
    (failed,) = site.get(done["last"]["error_images"]).json()["member"]
    assert (failed["id"], failed["mediaType"]) == ("bad", "image/tiff")
