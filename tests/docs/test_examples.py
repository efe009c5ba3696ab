"""The examples of the documentation run as they stand there, against a live server, or say why they do not."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from stackroom import Client
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import some_pictures

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
RUN_HERE = (
    "README.md",
    *(f"docs/howto/{it}.md" for it in ("bulk-changes", "exports", "ingest", "run-a-server")),
)
RUN_ELSEWHERE = {
    "docs/howto/search.md": "tests/docs/test_search_page.py",
    "docs/reference/sdk.md": "tests/docs/test_sdk_page.py",
}
RUNNABLE = {"python", "console"}
BLOCK = re.compile(
    r"(?P<why><!-- not run: [^>]+ -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)


class Example(NamedTuple):
    page: str
    language: str
    text: str
    excused: bool


def examples() -> Iterator[Example]:
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text()):
            if block["language"] in RUNNABLE:
                name = str(page.relative_to(ROOT))
                yield Example(name, block["language"], block["text"], block["why"] is not None)


EXAMPLES = list(examples())
RUN = [each for each in EXAMPLES if each.page in RUN_HERE and not each.excused]


class Desk:
    """A folder to type examples in: with a server's data, photographs, and a dataset that some of them expect."""

    def __init__(self, folder: Path, server: LiveServer) -> None:
        self._folder = folder
        self._key: str = server.create_organization("Examples")["api_key"]
        self._url = server.url
        self._filled = 0
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        for name, content in zip(("cars/1.jpg", "dogs/2.jpg"), some_pictures(2), strict=True):
            photo = folder / "photos" / name
            photo.parent.mkdir(parents=True)
            photo.write_bytes(content)

    def fill(self, dataset: str) -> str:
        """Put something new into `/inbox` and `/rejected` of a dataset; the id of an operation on it."""
        self._filled += 1
        photo = self._folder / f"{self._filled}.jpg"
        photo.write_bytes(some_pictures(1)[0])
        with Client(self._key, base_url=self._url) as client:
            if dataset not in {each.name for each in client.projects.iter()}:
                client.projects.create(dataset)
            dataset_id = client.projects.get(dataset).id
            made = [
                client.images.upload(dataset_id=dataset_id, file_path=photo, folder_path=place)
                for place in ("/inbox", "/rejected")
            ]
            return client.batch.update(dataset, [each.id for each in made], status="review").operation_id

    def folders(self, dataset: str) -> set[str]:
        """Where the images of a dataset are."""
        with Client(self._key, base_url=self._url) as client:
            return {image.folder_path for image in client.images.iter(client.projects.get(dataset).id)}

    def run(self, example: Example) -> str:
        """Run an example as its reader would, and return what it prints. Every command must end well."""
        text, variables = example.text, {"STACKROOM_API_KEY": self._key, "STACKROOM_BASE_URL": self._url}
        if example.language == "python":
            command = [sys.executable, "-c", text]
        else:
            lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
            script = "\n".join(lines).replace("pk_live_…", self._key)
            command = ["bash", "-e", "-c", script.replace("0199…", self.fill("another"))]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=self._folder,
            env={**os.environ, **variables, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer]) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with live_server(folder / "data", environment={"STACKROOM_ORIGIN_ROOTS": str(folder)}) as server:
        yield Desk(folder, server)


@pytest.mark.parametrize("example", RUN, ids=[f"{each.page}-{n}" for n, each in enumerate(RUN)])
def test_an_example_runs_as_it_stands(desk: Desk, example: Example) -> None:
    desk.fill("my-dataset")
    desk.run(example)


def test_the_example_of_the_readme_uploads_moves_and_takes_back(desk: Desk) -> None:
    (example,) = (each for each in RUN if each.page == "README.md" and each.language == "python")
    fresh = example._replace(text=example.text.replace("my-dataset", "from-python"))
    uploaded, moved = desk.run(fresh).splitlines()
    assert uploaded == "2 0"
    ids, failed = moved[: moved.index("]") + 1], moved[moved.index("]") + 1 :]
    assert (len(json.loads(ids.replace("'", '"'))), failed.strip()) == (2, "0 []")
    assert desk.folders("from-python") == {"/cars", "/dogs"}


def test_every_other_example_runs_elsewhere_or_says_why_not() -> None:
    others = {each.page for each in EXAMPLES if not each.excused} - set(RUN_HERE)
    assert others == set(RUN_ELSEWHERE)
    for page, test in RUN_ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text()
