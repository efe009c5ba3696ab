"""The examples of the two pages that this SDK answers to, run as they stand, over a real socket.

The snippets are the pages' own, with the package's name in place of theirs.
"""

from pathlib import Path
from typing import Any

import pytest

from stackroom import ApiError, ConflictError, ForbiddenError, NotFoundError, ValidationError

from .fake_server import FakeServer

CLIENT = """
from stackroom import Client
client = Client()
"""


def run(*snippets: str) -> dict[str, Any]:
    """What the snippets leave behind, run one after another in one place."""
    names: dict[str, Any] = {}
    for snippet in (CLIENT, *snippets):
        exec(compile(snippet, "page", "exec"), names)
    names["client"].close()
    return names


def images(server: FakeServer, *ids: str) -> None:
    for image_id in ids:
        server.image("my-dataset", f"{image_id}.jpg", id=image_id)
        server.images[image_id] = server.images.pop(image_id)


def test_batch_move(live: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    images(live, "img-1", "img-3")
    run("""
result = client.batch.move(
    dataset_name="my-dataset",
    image_ids=["img-1", "img-2", "img-3"],
    target_folder_path="/sorted/cars",
)
print(result.succeeded, result.failed_count, result.failures)
""")
    assert capsys.readouterr().out == (
        "['img-1', 'img-3'] 1 [BatchFailure(image_id='img-2', reason='Image not found in this dataset')]\n"
    )
    assert {it["virtual_folder_path"] for it in live.images.values()} == {"/sorted/cars"}


def test_batch_copy(live: FakeServer) -> None:
    images(live, "img-1", "img-2")
    result = run("""
result = client.batch.copy(
    dataset_name="my-dataset",
    image_ids=["img-1", "img-2"],
    target_folder_path="/cars-copy",
    duplicate_handling="rename",   # collision policy in the destination
    copy_annotations=False,        # destination images start without annotations
)
""")["result"]
    assert result.success
    assert [it.source_id for it in result.created] == ["img-1", "img-2"]


def test_batch_delete(live: FakeServer) -> None:
    images(live, "img-1", "img-2", "img-3")
    result = run("""
result = client.batch.delete(
    dataset_name="my-dataset",
    image_ids=["img-1", "img-2", "img-3"],
    permanent=False,                 # archive (recoverable)
)
""")["result"]
    assert result.success
    assert all(it["is_archived"] for it in live.images.values())


def test_batch_update(live: FakeServer) -> None:
    images(live, "img-1", "img-2")
    result = run("""
result = client.batch.update(
    dataset_name="my-dataset",
    image_ids=["img-1", "img-2"],
    status="complete",
    is_archived=False,
)
""")["result"]
    assert (result.success, result.failed_count) == (True, 0)
    assert {it["status"] for it in live.images.values()} == {"complete"}


def test_images_get(live: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    images(live, "img-uuid-1")
    run("""
image = client.images.get("img-uuid-1")
print(image.filename, image.status, image.annotation_count)
""")
    assert capsys.readouterr().out == "img-uuid-1.jpg new 0\n"


def test_images_upload(live: FakeServer) -> None:
    Path("photo.jpg").write_bytes(b"pixels" * 300_000)
    image = run("""
from pathlib import Path

project = client.projects.get("my-dataset")
image = client.images.upload(
    dataset_id=project.id,
    file_path=Path("./photo.jpg"),
    folder_path="/cars",          # virtual folder on the dataset
)
""")["image"]
    assert live.bytes[image.id] == b"pixels" * 300_000
    sent = live.calls("PUT")[0].headers
    assert sent["Content-Length"] == "1800000"
    assert "Transfer-Encoding" not in sent


def test_images_download(live: FakeServer) -> None:
    images(live, "img-uuid-1")
    run("""
client.images.download("img-uuid-1", output_path="./photo.jpg")
""")
    assert Path("photo.jpg").read_bytes() == b"pixels"


def test_images_delete(live: FakeServer) -> None:
    images(live, "img-uuid-1")
    run("""
client.images.delete("img-uuid-1")                  # archive (recoverable)
client.images.delete("img-uuid-1", permanent=True)  # permanent
""")
    assert live.images == {}


def test_bulk_uploads(live: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jpg", "cars/b.jpg"):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", name).write_bytes(b"pixels")
    run("""
from stackroom.workflows import upload_dataset_from_folder

report = upload_dataset_from_folder(
    client,
    "my-dataset",
    folder="./photos",
    organize_by_class=True,   # subdirectory → virtual folder
    parallel=True,
    max_workers=8,
)
print(report.images_uploaded, len(report.failures))
""")
    assert capsys.readouterr().out == "2 0\n"


def test_the_errors_of_both_pages(live: FakeServer) -> None:
    client = run()["client"].__class__()
    images(live, "img-1")
    Path("img-1.jpg").touch()
    Path("notes.txt").touch()
    dataset_id = live.datasets["my-dataset"]["id"]
    with client:
        for expected, call in (
            (NotFoundError, lambda: client.images.get("nope")),
            (NotFoundError, lambda: client.batch.move("nope", ["img-1"])),
            (NotFoundError, lambda: client.batch.move("my-dataset", ["nope"])),
            (ConflictError, lambda: client.images.upload(dataset_id, "img-1.jpg")),
            (ValidationError, lambda: client.images.upload(dataset_id, "notes.txt")),
            (ValidationError, lambda: client.batch.update("my-dataset", ["img-1"], status="bogus")),
            (ValidationError, lambda: client.batch.update("my-dataset", ["img-1"])),
        ):
            with pytest.raises(ApiError) as caught:
                call()
            assert isinstance(caught.value, expected)
    assert issubclass(ForbiddenError, ApiError)
