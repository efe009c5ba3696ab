"""Projects, datasets, images, annotations, folders and assets: read, changed, and paged to the end."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import (
    BBoxAnnotation,
    BoundingBox,
    ConflictError,
    DatasetClass,
    EmptyUpdate,
    ForbiddenError,
    InvalidArgument,
    KeypointAnnotation,
    NotFoundError,
    Point,
    Polygon,
    PolygonAnnotation,
    Polyline,
    PolylineAnnotation,
)

from .fake_server import HOST, FakeServer


def test_a_project_reads_with_its_classes_and_its_time_zone(client: Any, server: FakeServer) -> None:
    server.dataset("depot", image_count=12)
    project = client.projects.get("depot")
    assert project.created_at == datetime(2031, 4, 5, 6, 7, 8, tzinfo=UTC)
    assert project.classes == [DatasetClass(name="lorry", type="bbox", color="#3355aa")]
    assert (project.image_count, project.archived_image_count) == (12, 1)


def test_a_project_is_created_changed_archived_restored_and_deleted(client: Any, server: FakeServer) -> None:
    made = client.projects.create(
        "quay",
        description="north",
        annotation_types=("bbox",),
        classes=[DatasetClass("crane"), {"name": "ship"}],
    )
    assert server.body(server.requests[-1]) == {
        "name": "quay",
        "description": "north",
        "annotation_types": ["bbox"],
        "classes": [{"name": "crane"}, {"name": "ship"}],
    }
    assert client.projects.update("quay", new_name="pier").name == "pier"
    assert server.body(server.requests[-1]) == {"name": "pier"}
    assert client.projects.archive("pier").is_archived
    assert [it.name for it in client.projects.list(archived=True)] == ["pier"]
    assert not client.projects.restore("pier").is_archived
    deleted = client.projects.delete("pier")
    assert (deleted.project_id, deleted.images, deleted.folders) == (made.id, 7, 2)


def test_a_taken_name_is_a_conflict_and_a_missing_one_is_not_found(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    with pytest.raises(ConflictError):
        client.projects.create("depot")
    with pytest.raises(NotFoundError):
        client.projects.get("nope")


def test_an_update_of_nothing_is_refused_without_a_request(client: Any, server: FakeServer) -> None:
    with pytest.raises(EmptyUpdate):
        client.projects.update("depot")
    assert server.requests == []


def test_a_dataset_is_found_by_name_and_by_id_and_brings_images_when_asked(
    client: Any, server: FakeServer
) -> None:
    made = server.dataset("depot")
    server.image("depot", "a.jpg", folder="/x")
    assert client.datasets.get("depot") == client.datasets.get_by_id(made["id"])
    assert client.datasets.get("depot").images is None
    (image,) = client.datasets.get("depot", include_images=True, images_limit=5).images
    assert (image.filename, image.folder_path, image.width) == ("a.jpg", "/x", 12)
    assert server.requests[-1].url.query == b"include_images=true&images_limit=5&images_offset=0"


def test_an_image_is_the_same_whichever_words_the_server_uses(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    made = server.image("depot", "a.jpg", folder="/x")
    old = client.images.get(made["id"])
    made |= {"folder_path": "/x", "content_type": "image/jpeg", "width": 12, "height": 7}
    for key in ("virtual_folder_path", "mime_type", "image_width", "image_height"):
        del made[key]
    assert client.images.get(made["id"]) == old
    assert (old.folder_path, old.content_type, old.width, old.height) == ("/x", "image/jpeg", 12, 7)
    assert (old.virtual_folder_path, old.mime_type) == ("/x", "image/jpeg")


def test_a_word_of_a_newer_server_does_not_make_an_image_unreadable(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    made = server.image("depot", "a.jpg", status="quarantined")
    image = client.images.get(made["id"])
    assert f"{image.status}" == "quarantined"


def test_images_are_listed_with_filters_and_paged_to_the_end(client: Any, server: FakeServer) -> None:
    dataset = server.dataset("depot")
    names = [f"{number}.jpg" for number in range(7)]
    for name in names:
        server.image("depot", name, folder="/x")
    server.image("depot", "elsewhere.jpg")
    listed = client.images.iter(
        dataset["id"], folder_path="/x", status="new", include_archived=True, page_size=3
    )
    assert [it.filename for it in listed] == names
    assert len(server.requests) == 3
    assert dict(server.requests[1].url.params) == {
        "dataset_id": dataset["id"],
        "folder_path": "/x",
        "status": "new",
        "include_archived": "true",
        "limit": "3",
        "offset": "3",
    }
    assert len(client.images.list(dataset["id"], limit=2)) == 2


@pytest.mark.parametrize(("projects", "requests"), [(0, 1), (3, 2), (4, 3), (5, 3)])
def test_without_has_more_a_short_or_empty_page_is_the_last(
    client: Any, server: FakeServer, projects: int, requests: int
) -> None:
    for number in range(projects):
        server.dataset(f"d{number}")
    assert len(list(client.projects.iter(page_size=2))) == projects
    assert len(server.requests) == requests


def test_a_full_page_is_the_last_when_the_server_says_so_and_a_short_one_is_not(
    client: Any, server: FakeServer
) -> None:
    dataset = server.dataset("depot")
    rows = [server.image("depot", f"{it}.jpg") for it in range(3)]
    for page, more in (([rows[0]], True), (rows[1:], False)):
        server.script.append(httpx.Response(200, json={"images": page, "pagination": {"has_more": more}}))
    assert len(list(client.images.iter(dataset["id"], page_size=2))) == 3
    assert [it.url.params["offset"] for it in server.requests] == ["0", "1"]


@pytest.mark.parametrize(("most", "requests"), [(0, 0), (2, 1), (3, 2), (99, 3)])
def test_max_total_stops_exactly_there_without_a_request_too_many(
    client: Any, server: FakeServer, most: int, requests: int
) -> None:
    for number in range(5):
        server.dataset(f"d{number}")
    assert len(list(client.datasets.iter(page_size=2, max_total=most))) == min(most, 5)
    assert len(server.requests) == requests


def test_a_page_size_of_nothing_is_refused(client: Any, server: FakeServer) -> None:
    with pytest.raises(InvalidArgument):
        list(client.datasets.iter(page_size=0))
    assert server.requests == []


def test_an_image_is_archived_or_removed(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    made = server.image("depot", "a.jpg")
    assert client.images.delete(made["id"]) is None
    assert server.requests[-1].url.query == b""
    assert client.images.get(made["id"]).is_archived
    client.images.delete(made["id"], permanent=True)
    assert server.requests[-1].url.query == b"permanent=true"
    with pytest.raises(NotFoundError):
        client.images.get(made["id"])


def test_annotations_of_all_shapes_come_back_as_they_were_saved(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    image = server.image("depot", "a.jpg")
    corners = [Point(0, 0), Point(9, 0), Point(4, 7)]
    shapes = [
        BBoxAnnotation(name="lorry", bounding_box=BoundingBox(1, 2, 3, 4), attributes={"wet": True}),
        PolygonAnnotation(name="roof", polygon=Polygon([corners]), confidence=0.5),
        PolylineAnnotation(name="kerb", polyline=Polyline(corners), created_by="ann"),
        KeypointAnnotation(name="tip", keypoint=Point(3, 4), instance_id=2),
    ]
    saved = client.annotations.save(image["id"], shapes)
    assert (saved.previous_count, saved.new_count, saved.status) == (0, 4, "new")
    assert client.annotations.get(image["id"]) == shapes
    assert [it.type for it in shapes] == ["bbox", "polygon", "polyline", "keypoint"]
    assert client.annotations.delete(image["id"]).deleted_count == 4
    assert client.annotations.get(image["id"]) == []


def test_an_annotation_goes_out_without_keys_that_older_readers_refuse(
    client: Any, server: FakeServer
) -> None:
    server.dataset("depot")
    image = server.image("depot", "a.jpg")
    box = BBoxAnnotation(id="a-1", name="lorry", bounding_box=BoundingBox(12, 8.5, 60, 40))
    plain = {"id": "k", "name": "tip", "type": "keypoint", "keypoint": {"x": 1, "y": 2}}
    client.annotations.save(image["id"], [box, plain])
    assert server.body(server.requests[-1]) == {
        "image_id": image["id"],
        "annotations": [
            {
                "id": "a-1",
                "name": "lorry",
                "type": "bbox",
                "bounding_box": {"x": 12, "y": 8.5, "w": 60, "h": 40},
                "confidence": 1.0,
                "attributes": [],
            },
            plain,
        ],
    }


def test_folders_are_listed_flat_and_as_a_tree(client: Any, server: FakeServer) -> None:
    dataset = server.dataset("depot")
    server.image("depot", "a.jpg", folder="/cars")
    (folder,) = client.folders.list(dataset["id"], parent_path="")
    assert server.requests[-1].url.query == b"parent_path="
    assert (folder.full_path, folder.image_count, folder.dataset_id) == ("/cars", 1, dataset["id"])
    (top,) = client.folders.tree(dataset["id"])
    assert [it.full_path for it in top.children] == ["/cars/red"]


def test_assets_are_listed_to_the_end_of_the_cursor(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    names = [f"{it}.jpg" for it in range(5)]
    ids = [server.image("depot", it)["id"] for it in names]
    assert [it.name for it in client.assets.iter("depot", recursive=True, page_size=2)] == names
    assert len(server.requests) == 3
    assert dict(server.requests[1].url.params) == {
        "dataset": "depot",
        "folder": "/",
        "recursive": "true",
        "archived": "false",
        "cursor": "2",
        "limit": "2",
    }
    assert len(list(client.assets.iter("depot", page_size=2, max_total=3))) == 3
    assert [it.name for it in client.assets.list("depot", archived=None, limit=1)] == ["0.jpg"]
    assert server.requests[-1].url.params["archived"] == "all"
    client.assets.list("depot", tags=("night", "fog"))
    assert server.requests[-1].url.params.get_list("tags") == ["night", "fog"]
    assert client.assets.get(ids[3]).name == "3.jpg"


def test_a_batch_call_tells_what_happened_to_each_id(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    one, two = (server.image("depot", name)["id"] for name in ("a.jpg", "b.jpg"))
    result = client.batch.move("depot", (one, "missing", two, one), target_folder_path="/sorted")
    assert result.succeeded == [one, two]
    assert (result.success, result.failed_count, result.processed) == (False, 1, 2)
    assert [(it.image_id, it.reason) for it in result.failures] == [
        ("missing", "Image not found in this dataset")
    ]
    assert result.failed == result.failures
    assert (result.affected_folders, result.renamed, result.operation_id) == (["/", "/sorted"], 0, "op-9")
    assert server.body(server.requests[-1]) == {
        "dataset_name": "depot",
        "image_ids": [one, "missing", two, one],
        "target_folder_path": "/sorted",
    }


def test_a_server_that_lists_failures_only_is_understood(client: Any, server: FakeServer) -> None:
    """What the protocol's own reference server sends."""
    answer = {"success": True, "processed": 2, "failed": [{"id": "b", "reason": "gone"}]}
    server.script.append(httpx.Response(200, json=answer))
    result = client.batch.delete("depot", ["a", "b", "c", "a"])
    assert result.succeeded == ["a", "c"]
    assert [it.image_id for it in result.failures] == ["b"]
    assert (result.failed_count, result.success, result.operation_id) == (1, False, None)


def test_the_bodies_of_batch_calls_are_what_the_protocol_says(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    ids = [server.image("depot", "a.jpg")["id"]]
    start = {"dataset_name": "depot", "image_ids": ids}
    copied = client.batch.copy("depot", ids, duplicate_handling="skip", copy_annotations=True)
    assert server.body(server.requests[-1]) == start | {
        "target_folder_path": "/",
        "duplicate_handling": "skip",
        "copy_annotations": True,
    }
    assert [(it.source_id, it.id) for it in copied.created] == [(ids[0], f"{ids[0]}-copy")]
    client.batch.delete("depot", ids)
    assert server.body(server.requests[-1]) == start | {"permanent": False}
    client.batch.update("depot", ids, status="review", display_name="", is_archived=False)
    assert server.body(server.requests[-1]) == start | {
        "updates": {"status": "review", "display_name": "", "is_archived": False}
    }
    assert server.requests[-1].method == "PATCH"


def test_a_batch_call_that_is_made_again_with_its_key_is_the_same_one(
    client: Any, server: FakeServer
) -> None:
    server.dataset("depot")
    ids = [server.image("depot", "a.jpg")["id"]]
    for call in (
        partial(client.batch.copy, "depot", ids),
        partial(client.batch.move, "depot", ids, target_folder_path="/sorted"),
        partial(client.batch.update, "depot", ids, status="review"),
        partial(client.batch.delete, "depot", ids),
    ):
        key = f"{call.func.__name__}-once"
        first = call(idempotency_key=key)
        assert call(idempotency_key=key) == first
        sent = [each.headers["Idempotency-Key"] for each in server.requests[-2:]]
        assert sent == [key, key]
        call()
        assert server.requests[-1].headers["Idempotency-Key"] not in {"", key}


def test_a_batch_update_of_nothing_is_refused_without_a_request(client: Any, server: FakeServer) -> None:
    with pytest.raises(ValueError, match="None") as caught:
        client.batch.update("depot", ["a"])
    assert isinstance(caught.value, EmptyUpdate)
    assert server.requests == []


def test_one_id_given_as_a_string_is_not_taken_for_its_letters(client: Any, server: FakeServer) -> None:
    with pytest.raises(InvalidArgument):
        client.batch.move("depot", "img-1")
    assert server.requests == []


def test_too_many_ids_are_sent_whole_and_the_refusal_is_raised(client: Any, server: FakeServer) -> None:
    server.dataset("depot")
    with pytest.raises(Exception, match="10000") as caught:
        client.batch.move("depot", [str(it) for it in range(10_001)])
    assert caught.value.status_code == 422
    assert len(server.requests) == 1


def test_all_ids_unknown_is_not_found_and_a_low_role_is_forbidden(
    make_client: Callable[..., Any], server: FakeServer
) -> None:
    server.key = "member"
    client = make_client("member")
    server.dataset("depot")
    with pytest.raises(NotFoundError):
        client.batch.move("depot", ["nope"])
    with pytest.raises(ForbiddenError):
        client.batch.delete("depot", [server.image("depot", "a.jpg")["id"]], permanent=True)


def test_a_dataset_comes_home_with_its_folders_and_annotations(
    client: Any, server: FakeServer, tmp_path: Path
) -> None:
    server.dataset("depot")
    first = server.image("depot", "a.jpg", folder="/cars/red", content=b"red")
    server.image("depot", "a.jpg", folder="/", content=b"root")
    server.annotations[first["id"]] = [{"name": "lorry"}]
    seen: list[tuple[int, int, str]] = []
    report = client.datasets.download("depot", tmp_path / "out", progress=lambda *it: seen.append(it))
    assert (report.success, report.total_items) == (True, 2)
    assert (report.images_downloaded, report.annotations_downloaded) == (2, 2)
    assert (tmp_path / "out/cars/red/a.jpg").read_bytes() == b"red"
    assert (tmp_path / "out/a.jpg").read_bytes() == b"root"
    wanted = '{\n  "annotations": [\n    {\n      "name": "lorry"\n    }\n  ]\n}'
    assert (tmp_path / "out/cars/red/a.jpg.json").read_text() == wanted
    assert sorted(seen) == [(number, 4, "a.jpg") for number in (1, 2, 3, 4)]
    assert all("X-API-Key" not in it.headers for it in server.calls("GET", "/storage/"))
    assert all(it.url.host == "stackroom.test" for it in server.calls("GET", "/annotations/"))


def test_what_would_take_the_place_of_another_file_is_not_brought_and_is_reported(
    client: Any, server: FakeServer, tmp_path: Path
) -> None:
    server.dataset("depot")
    names = ("a.jpg", "a.jpg.json", "a.jpg.part")
    for name in names:
        server.image("depot", name, content=name.encode())
    report = client.datasets.download("depot", tmp_path)
    assert {(it.filename, it.kind) for it in report.failures} == {
        ("a.jpg", "annotation"),
        ("a.jpg.part", "image"),
    }
    assert {it.reason for it in report.failures} == {"another file of the dataset has its place"}
    assert (report.images_downloaded, report.annotations_downloaded) == (2, 2)
    assert [(tmp_path / name).read_bytes() for name in names[:2]] == [b"a.jpg", b"a.jpg.json"]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_dataset_download_keeps_going_and_says_what_is_missing(
    make_client: Callable[..., Any], server: FakeServer, tmp_path: Path
) -> None:
    server.dataset("depot")
    lost = server.image("depot", "lost.jpg")
    server.image("depot", "here.jpg")
    server.ranged = _gone_for(lost["id"], server.ranged)  # type: ignore[method-assign] # a server with a hole
    report = make_client().datasets.download("depot", tmp_path, mode="images_only", max_workers=1)
    assert [(it.filename, it.kind) for it in report.failures] == [("lost.jpg", "image")]
    assert (report.success, report.images_downloaded) == (False, 1)
    assert [it.name for it in tmp_path.iterdir()] == ["here.jpg"]


def _gone_for(image_id: str, ranged: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    def answer(request: httpx.Request, content: bytes) -> httpx.Response:
        return httpx.Response(410) if image_id in str(request.url) else ranged(request, content)

    return answer


def test_only_annotations_are_brought_when_only_they_are_wanted(
    client: Any, server: FakeServer, tmp_path: Path
) -> None:
    server.dataset("depot")
    server.image("depot", "a.jpg")
    report = client.datasets.download("depot", tmp_path, mode="annotations_only", status_filter="new")
    assert (report.images_downloaded, report.annotations_downloaded) == (0, 1)
    assert [it.name for it in tmp_path.iterdir()] == ["a.jpg.json"]
    assert server.requests[0].url.query == b"mode=annotations_only&limit=10000&status_filter=new"


def test_the_report_says_where_the_files_are(
    client: Any, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    server.dataset("depot")
    server.image("depot", "a.jpg")
    report = client.datasets.download("depot", "~/out", mode="images_only")
    assert report.output_dir == tmp_path / "out"
    assert (report.output_dir / "a.jpg").is_file()


def test_names_from_a_server_cannot_leave_the_folder(client: Any, server: FakeServer, tmp_path: Path) -> None:
    server.dataset("depot")
    server.image("depot", "../../evil.jpg", folder="/../../etc")
    server.image("depot", "..", folder="/")
    report = client.datasets.download("depot", tmp_path / "out", mode="images_only")
    assert report.success
    found = sorted(str(it.relative_to(tmp_path)) for it in tmp_path.rglob("*") if it.is_file())
    assert found == ["out/_", "out/etc/.._.._evil.jpg"]


def test_a_listing_that_was_cut_off_is_no_success(client: Any, server: FakeServer, tmp_path: Path) -> None:
    listing = {"dataset_id": "d", "items": [], "total_items": 3}
    server.script.append(httpx.Response(200, json=listing))
    report = client.datasets.download("depot", tmp_path)
    assert (report.truncated, report.success) == (True, False)


def test_a_long_listing_is_read_to_its_end(client: Any, server: FakeServer, tmp_path: Path) -> None:
    server.dataset("depot")
    names = [f"{number}.jpg" for number in range(5)]
    for name in names:
        server.image("depot", name)
    server.most_listed = 2
    report = client.datasets.download("depot", tmp_path, mode="images_only")
    assert (report.success, report.total_items, report.images_downloaded) == (True, 5, 5)
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    listings = server.calls("GET", "/by-name/depot/download")
    assert [each.url.params.get("offset") for each in listings] == [None, "2", "4"]


def test_a_server_that_knows_no_pages_is_not_asked_for_ever(
    client: Any, server: FakeServer, tmp_path: Path
) -> None:
    server.dataset("depot")
    image = server.image("depot", "a.jpg")
    item = {
        "id": image["id"],
        "filename": "a.jpg",
        "image_url": f"{server.host}/storage/{image['id']}?sig=ab",
    }
    server.script += [httpx.Response(200, json={"items": [item], "total_items": 2})] * 2
    report = client.datasets.download("depot", tmp_path, mode="images_only")
    assert (report.images_downloaded, report.truncated) == (1, True)


def test_an_annotation_address_elsewhere_does_not_get_the_key(
    client: Any, server: FakeServer, tmp_path: Path
) -> None:
    item = {"id": "i", "filename": "a.jpg", "annotation_url": "https://evil.example/grab?x=1"}
    server.script.append(httpx.Response(200, json={"items": [item]}))
    client.datasets.download("depot", tmp_path, mode="annotations_only")
    assert str(server.requests[-1].url) == f"{HOST}/grab?x=1"
