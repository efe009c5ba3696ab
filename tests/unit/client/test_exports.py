"""`client.exports`, and importing over both clients, against a server of a few lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import ApiError, ExportState, InvalidArgument, PollTimeoutError

from .conftest import StillClock
from .fake_server import HOST, NOW

PREFIX = "/api/v1/developer"


class Exports:
    """Makes one export in as many looks as `states` has; whatever else is asked of it, it keeps."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.requests: list[httpx.Request] = []
        self.failed: list[dict[str, str]] = []
        self.refuse_saves = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        method, path = request.method, request.url.path.removeprefix(PREFIX)
        match (method, path):
            case ("GET", "/storage/exports/1/x.zip"):
                assert "X-API-Key" not in request.headers
                return httpx.Response(200, content=b"zip" * 100)
            case ("GET", _) if path.endswith("/download"):
                return httpx.Response(200, json={"data": {"download_url": f"{HOST}/storage/exports/1/x.zip"}})
            case ("GET", "/exports/"):
                return httpx.Response(200, json={"data": [self._export()], "pagination": {"has_more": False}})
            case ("GET" | "POST", _) if path.startswith("/exports/") and "bulk" not in path:
                return httpx.Response(200, json={"data": self._export()})
            case ("POST", "/exports/bulk-delete"):
                return httpx.Response(200, json={"data": {"deleted": ["a"], "not_found": ["b"], "count": 1}})
            case _:
                return self._library(method, path)

    def _library(self, method: str, path: str) -> httpx.Response:
        dataset = {"id": "ds", "name": "cars", "classes": [{"name": "car"}], "created_at": NOW}
        match (method, path):
            case ("DELETE", _):
                return httpx.Response(204)
            case ("GET" | "PATCH", _) if path.startswith("/datasets/"):
                return httpx.Response(200, json={"data": dataset})
            case ("GET", "/images/"):
                listed = [{"id": f"i{n}", "filename": f"{n}.jpg", "created_at": NOW} for n in range(3)]
                return httpx.Response(200, json={"data": listed, "pagination": {"has_more": False}})
            case ("POST", "/annotations/bulk"):
                if self.refuse_saves:
                    return httpx.Response(self.refuse_saves, json={"error": {"message": "too much"}})
                return httpx.Response(200, json={"saved": [], "failed": self.failed})
        raise AssertionError(f"{method} {path}")

    def _export(self) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "id": "1",
            "dataset_id": "ds",
            "dataset_name": "cars",
            "name": "x",
            "format": "a_format_of_tomorrow",
            "status": state,
            "error_message": "the disk is full" if state == "failed" else None,
            "created_at": NOW,
        }

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(it.content) for it in self.requests if it.url.path.endswith(path) and it.content]


Making = Callable[..., tuple[Any, Exports]]


@pytest.fixture
def made(make_client: Callable[..., Any]) -> Making:
    def make(*states: str) -> tuple[Any, Exports]:
        server = Exports(*states)
        return make_client(transport=httpx.MockTransport(server.handle), max_retries=0), server

    return make


def test_creating_waits_until_it_is_made(made: Making, clock: StillClock) -> None:
    client, server = made("pending", "processing", "processing", "completed")
    seen: list[str] = []
    export = client.exports.create(
        "cars", "x", format="coco", class_filter=("car",), progress=lambda it: seen.append(it.status)
    )
    assert (export.status, export.is_over) == (ExportState.COMPLETED, True)
    assert seen == ["pending", "processing", "processing", "completed"]
    assert len(clock.pauses) == 3
    assert server.bodies("/exports/") == [
        {
            "dataset_name": "cars",
            "name": "x",
            "format": "coco",
            "include_images": False,
            "class_filter": ["car"],
            "organize_by_split": False,
        }
    ]


def test_it_need_not_be_waited_for(made: Making) -> None:
    client, server = made("pending")
    assert not client.exports.create("cars", "x", wait=False).is_over
    assert len(server.requests) == 1


def test_one_that_fails_says_why(made: Making) -> None:
    client, _ = made("pending", "failed")
    with pytest.raises(ApiError, match="the disk is full") as failed:
        client.exports.create("cars", "x")
    assert failed.value.code == "export_failed"


def test_waiting_has_an_end(made: Making, clock: StillClock) -> None:
    client, _ = made("processing")
    with pytest.raises(PollTimeoutError):
        client.exports.create("cars", "x", timeout=5)
    assert sum(clock.pauses) == pytest.approx(5)


def test_a_single_string_is_no_list_of_classes(made: Making) -> None:
    client, server = made("pending")
    with pytest.raises(InvalidArgument):
        client.exports.create("cars", "x", class_filter="car")
    assert server.requests == []


def test_a_download_is_fetched_without_a_key_and_can_be_followed(made: Making, tmp_path: Path) -> None:
    client, server = made("completed")
    seen: list[int] = []
    path = client.exports.download("my cars", "a/b", tmp_path / "x.zip", progress=lambda n, _: seen.append(n))
    assert path.read_bytes() == b"zip" * 100
    assert seen[-1] == 300
    assert server.requests[0].url.raw_path.decode() == f"{PREFIX}/exports/my%20cars/a%2Fb/download"
    assert client.exports.download_by_id("1", tmp_path / "y.zip").exists()


def test_listing_getting_and_deleting(made: Making) -> None:
    client, server = made("completed")
    assert [it.name for it in client.exports.iter(dataset_name="cars", page_size=5)] == ["x"]
    assert client.exports.list(status="completed")[0].format == "a_format_of_tomorrow"
    assert client.exports.get("cars", "x") == client.exports.get_by_id("1")
    client.exports.delete("cars", "x")
    deleted = client.exports.bulk_delete(["a", "b"])
    assert (deleted.succeeded, deleted.not_found, deleted.count) == (["a"], ["b"], 1)
    assert server.requests[0].url.params.get("dataset_name") == "cars"


@pytest.fixture
def coco_file(tmp_path: Path) -> Path:
    document = {
        "images": [{"id": n, "file_name": f"{n}.jpg"} for n in range(4)],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1 + n % 2, "bbox": [1, 2, 3, 4]} for n in range(4)
        ],
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document))
    return path


def test_an_import_says_what_became_of_everything(made: Making, coco_file: Path) -> None:
    client, server = made("pending")
    server.failed = [{"image_id": "i1", "error": "class 'dog' is not in this dataset"}]
    seen: list[tuple[int, int]] = []
    report = client.annotations.import_coco("cars", coco_file, progress=lambda *it: seen.append(it))
    assert (report.images_saved, report.annotations_saved, report.success) == (2, 2, False)
    assert [(it.file_name, it.reason) for it in report.failures] == [
        ("1.jpg", "class 'dog' is not in this dataset")
    ]
    assert (report.unmatched, report.skipped, report.classes_created) == (["3.jpg"], [], [])
    assert seen == [(3, 3)]
    (body,) = server.bodies("/annotations/bulk")
    assert [each["image_id"] for each in body["saves"]] == ["i0", "i1", "i2"]
    assert body["saves"][0]["annotations"][0]["bounding_box"] == {"x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0}


def test_classes_are_added_to_those_that_are_there(made: Making, coco_file: Path) -> None:
    client, server = made("pending")
    report = client.annotations.import_coco("cars", coco_file, create_classes=True)
    assert report.classes_created == ["dog"]
    (body,) = server.bodies("/datasets/by-name/cars")
    assert body["classes"] == [*body["classes_base"], {"name": "dog", "type": "bbox"}]


def test_a_portion_that_is_refused_as_a_whole_is_reported_and_a_broken_server_is_not_hidden(
    made: Making, coco_file: Path
) -> None:
    client, server = made("pending")
    server.refuse_saves = 413
    report = client.annotations.import_coco("cars", coco_file)
    assert {it.reason for it in report.failures} == {"too much"}
    assert (len(report.failures), report.images_saved) == (3, 0)
    server.refuse_saves = 403
    with pytest.raises(ApiError):
        client.annotations.import_coco("cars", coco_file)


def test_a_file_that_is_not_there_asks_the_server_nothing(made: Making, tmp_path: Path) -> None:
    client, server = made("pending")
    with pytest.raises(FileNotFoundError):
        client.annotations.import_coco("cars", tmp_path / "no.json")
    assert server.requests == []
