"""What each method of the newer resources asks, and what it makes of the answer: the same from both clients."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
import pytest

from stackroom import (
    AnnotationsNotSaved,
    AnnotationsSaved,
    BBoxAnnotation,
    BoundingBox,
    ServerError,
)

from .fake_server import NOW, FakeServer

DEV = "/api/v1/developer"
AT = datetime(2031, 4, 5, 6, 7, 8, tzinfo=UTC)
DATASET = {"id": "d1", "name": "quay", "created_at": NOW, "a_key_of_tomorrow": 1}
FOLDER = {"id": "f1", "name": "b", "full_path": "/a/b", "project_id": "d1", "created_at": NOW}
KEY = {
    "id": "k1",
    "name": "ci",
    "role": "viewer",
    "key_prefix": "pk_live_ab",
    "rate_limit": 9,
    "is_active": True,
    "created_at": NOW,
}
ORGANIZATION = {"id": "o1", "name": "Harbour", "slug": "harbour", "created_at": NOW, "credits_remaining": 0}
MEMBER = {"id": "m1", "role": "owner", "joined_at": NOW, "email": "a@b.example"}
INVITE = {
    "id": "v1",
    "email": "c@d.example",
    "role": "member",
    "status": "pending",
    "created_at": NOW,
    "expires_at": NOW,
}
ENDPOINT = {"id": "w1", "url": "https://hooks.example/x"}
DELIVERY = {
    "id": "l1",
    "endpoint_id": "w1",
    "event_type": "asset.created",
    "delivery_id": "e1",
    "status": "failed",
}
EVENT = {"number": 7, "id": "e1", "type": "asset.deleted", "at": NOW, "data": {"filename": "a.png"}}
COMMENT = {
    "id": "c1",
    "annotation_id": "a1",
    "body": "tighten",
    "reactions": [{"reaction": "like", "count": 2}],
}
FOUND = {
    "id": "i1",
    "project_id": "d1",
    "filename": "a.png",
    "virtual_folder_path": "/a",
    "image_auto_tags": {"objects": ["crane"]},
    "similarity": 0.5,
}
CHANGE = {"data": {"dataset_id": "d1", "images_updated": 1, "annotations_updated": 2, "config_updated": True}}
BATCH = {
    "succeeded": ["i1"],
    "failed": [],
    "processed": 1,
    "target_dataset": "gold",
    "classes_added": ["crane"],
}


class Case(NamedTuple):
    """A call, what it asks (without a body: None), the answer, and what is read out of it."""

    call: Callable[[Any], Any]
    method: str
    address: str
    body: Any
    answer: Any
    seen: Callable[[Any], Any]
    expected: Any


CALLS = [
    Case(
        lambda it: it.datasets.create("quay", readme="# Q", annotation_types=("bbox",), classes=[]),
        "POST",
        f"{DEV}/datasets/",
        {"name": "quay", "readme": "# Q", "annotation_types": ["bbox"], "classes": []},
        {"data": DATASET},
        lambda got: (got.id, got.created_at),
        ("d1", AT),
    ),
    Case(
        lambda it: it.datasets.update("a/b", new_name="quay", description=None, classes_base=[{"name": "x"}]),
        "PATCH",
        f"{DEV}/datasets/by-name/a%2Fb",
        {"new_name": "quay", "description": None, "classes_base": [{"name": "x"}]},
        {"dataset": DATASET},
        lambda got: got.name,
        "quay",
    ),
    Case(
        lambda it: it.datasets.delete("quay"),
        "DELETE",
        f"{DEV}/datasets/by-name/quay",
        None,
        {"data": {"id": "d1", "name": "quay", "images_deleted": 3, "directories_deleted": 2}},
        lambda got: (got.images_deleted, got.folders_deleted),
        (3, 2),
    ),
    Case(
        lambda it: it.datasets.archive("quay"),
        "POST",
        f"{DEV}/datasets/by-name/quay/archive",
        None,
        {"data": {**DATASET, "is_archived": True}},
        lambda got: got.is_archived,
        True,
    ),
    Case(
        lambda it: it.datasets.restore("quay"),
        "POST",
        f"{DEV}/datasets/by-name/quay/restore",
        None,
        {"data": DATASET},
        lambda got: got.is_archived,
        False,
    ),
    Case(
        lambda it: it.datasets.list(archived=True),
        "GET",
        f"{DEV}/datasets/?limit=100&offset=0&archived=true",
        None,
        {"data": [DATASET]},
        lambda got: [each.id for each in got],
        ["d1"],
    ),
    Case(
        lambda it: it.datasets.insights("quay"),
        "GET",
        f"{DEV}/datasets/by-name/quay/insights",
        None,
        {"data": {"total_images": 7, "dimensions": {"sizes": [{"w": 4, "h": 3, "count": 7}]}}},
        lambda got: (got.total_images, got.dimensions.sizes[0].count, got.model_confidence),
        (7, 7, None),
    ),
    Case(
        lambda it: it.datasets.near_duplicates("quay", threshold=0.9, folder_path="/a"),
        "GET",
        f"{DEV}/datasets/by-name/quay/duplicates?threshold=0.9&sample=1000&neighbors=10&max_pairs=2000&folder_path=%2Fa",
        None,
        {
            "data": {
                "groups": [
                    {
                        "members": [{"id": "i1", "filename": "a.png", "virtual_directory_path": "/a"}],
                        "size": 1,
                        "max_similarity": 0.95,
                    }
                ],
                "directory_path": "/a",
            }
        },
        lambda got: (got.folder_path, got.groups[0].members[0].folder_path),
        ("/a", "/a"),
    ),
    Case(
        lambda it: it.datasets.rename_class("quay", "a", "b"),
        "POST",
        f"{DEV}/annotations/rename-class",
        {"dataset": "quay", "old_name": "a", "new_name": "b"},
        CHANGE,
        lambda got: (got.images_updated, got.annotations_updated),
        (1, 2),
    ),
    Case(
        lambda it: it.datasets.merge_class("quay", "a", "b"),
        "POST",
        f"{DEV}/annotations/merge-class",
        {"dataset": "quay", "source_name": "a", "target_name": "b"},
        CHANGE,
        lambda got: got.config_updated,
        True,
    ),
    Case(
        lambda it: it.datasets.delete_class("quay", "a", class_type="bbox", delete_annotations=True),
        "POST",
        f"{DEV}/annotations/delete-class",
        {"dataset": "quay", "name": "a", "class_type": "bbox", "delete_annotations": True},
        {"data": {"dataset_id": "d1", "images_updated": 1, "annotations_removed": 4}},
        lambda got: got.annotations_updated,
        4,
    ),
    Case(
        lambda it: it.folders.stats("quay", "/a b/c", recursive=False),
        "GET",
        f"{DEV}/folders/quay/a%20b/c/stats?include_subfolders=false",
        None,
        {
            "total_directories": 2,
            "total_images": 3,
            "total_size_bytes": 5,
            "directories_by_status": {"new": 3},
        },
        lambda got: (got.total_folders, got.images_by_status),
        (2, {"new": 3}),
    ),
    Case(
        lambda it: it.folders.create("quay", "/a/b"),
        "POST",
        f"{DEV}/folders/",
        {"dataset": "quay", "folder_path": "/a/b"},
        {"data": FOLDER},
        lambda got: (got.full_path, got.dataset_id),
        ("/a/b", "d1"),
    ),
    Case(
        lambda it: it.folders.rename("quay", "/a/x", "b"),
        "PATCH",
        f"{DEV}/folders/quay/a/x/rename",
        {"new_name": "b"},
        {"data": FOLDER},
        lambda got: got.name,
        "b",
    ),
    Case(
        lambda it: it.folders.delete("quay", "a//b/", cascade=True),
        "DELETE",
        f"{DEV}/folders/quay/a/b?cascade=true",
        None,
        {"success": True, "directory_id": "f1", "images_moved": 2},
        lambda got: (got.folder_id, got.images_moved, got.operation_id),
        ("f1", 2, None),
    ),
    Case(
        lambda it: it.images.list("d1", filename="a.png", tags=("a", "b"), min_confidence_lt=0.5),
        "GET",
        f"{DEV}/images/?dataset_id=d1&filename=a.png&tags=a&tags=b&min_confidence_lt=0.5&limit=100&offset=0",
        None,
        {"images": []},
        lambda got: got,
        [],
    ),
    Case(
        lambda it: it.images.tag("quay", ("i1", "x"), ("night",)),
        "POST",
        f"{DEV}/images/bulk-tag",
        {"dataset": "quay", "image_ids": ["i1", "x"], "tags": ["night"], "add": True},
        {"processed": 1, "tags": ["night"], "added": True, "failed": [{"id": "x", "reason": "gone"}]},
        lambda got: (got.processed, [each.image_id for each in got.failures], got.success),
        (1, ["x"], False),
    ),
    Case(
        lambda it: it.images.untag("quay", ["i1"], ["night"]),
        "POST",
        f"{DEV}/images/bulk-tag",
        {"dataset": "quay", "image_ids": ["i1"], "tags": ["night"], "add": False},
        {"processed": 1, "tags": ["night"], "added": False},
        lambda got: (got.added, got.success),
        (False, True),
    ),
    Case(
        lambda it: it.images.review("i1", "request_changes", note="loose"),
        "POST",
        f"{DEV}/images/i1/review",
        {"action": "request_changes", "note": "loose"},
        {"data": {"id": "i1", "status": "annotate", "review_note": "loose"}},
        lambda got: (got.status, got.review_note),
        ("annotate", "loose"),
    ),
    Case(
        lambda it: it.images.set_split("i1", None),
        "POST",
        f"{DEV}/images/i1/split",
        {"split": None},
        {"data": {"id": "i1", "split": None}},
        lambda got: got.split,
        None,
    ),
    Case(
        lambda it: it.images.assign_splits("quay", train=80, val=20, test=0),
        "POST",
        f"{DEV}/images/assign-splits",
        {"dataset": "quay", "train": 80, "val": 20, "test": 0, "seed": 42},
        {"data": {"processed": 5, "train": 4, "val": 1, "test": 0}},
        lambda got: (got.processed, got.train),
        (5, 4),
    ),
    Case(
        lambda it: it.images.similar("i1", folder_path="/a"),
        "GET",
        f"{DEV}/search/similar?image_id=i1&threshold=0.6&limit=50&folder_path=%2Fa",
        None,
        {"results": [FOUND], "count": 1},
        lambda got: [(each.id, each.similarity, each.folder_path, each.tags) for each in got],
        [("i1", 0.5, "/a", ["crane"])],
    ),
    Case(
        lambda it: it.images.search_by_tags(["night", "fog"], dataset="quay"),
        "GET",
        f"{DEV}/search/by-tags?objects=night&objects=fog&dataset_name=quay&limit=50&offset=0",
        None,
        {"results": [{**FOUND, "image_auto_tags": None}], "count": 1},
        lambda got: [(each.id, each.dataset_id, each.tags) for each in got],
        [("i1", "d1", [])],
    ),
    Case(
        lambda it: it.batch.copy_to_dataset("quay", ["i1"], "gold", target_folder_path="/in"),
        "POST",
        f"{DEV}/batch/images/copy-to-dataset",
        {
            "dataset_name": "quay",
            "image_ids": ["i1"],
            "target_dataset_name": "gold",
            "target_directory_path": "/in",
        },
        BATCH,
        lambda got: (got.target_dataset, got.classes_added, got.succeeded),
        ("gold", ["crane"], ["i1"]),
    ),
    Case(
        lambda it: it.comments.list("i1"),
        "GET",
        f"{DEV}/annotation-comments?image_id=i1",
        None,
        {"comments": [COMMENT]},
        lambda got: [(each.body, each.reactions[0].count) for each in got],
        [("tighten", 2)],
    ),
    Case(
        lambda it: it.comments.create("i1", "a1", "tighten", parent_comment_id="c0"),
        "POST",
        f"{DEV}/annotation-comments",
        {"image_id": "i1", "annotation_id": "a1", "body": "tighten", "parent_comment_id": "c0"},
        {"comment": COMMENT},
        lambda got: got.id,
        "c1",
    ),
    Case(
        lambda it: it.comments.update("c1", resolved=False),
        "PATCH",
        f"{DEV}/annotation-comments/c1",
        {"resolved": False},
        {"comment": COMMENT},
        lambda got: got.resolved,
        False,
    ),
    Case(
        lambda it: it.comments.delete("c1"),
        "DELETE",
        f"{DEV}/annotation-comments/c1",
        None,
        None,
        lambda got: got,
        None,
    ),
    Case(
        lambda it: it.comments.react("c1", "like"),
        "PUT",
        f"{DEV}/annotation-comments/c1/reactions/like",
        None,
        {"comment": COMMENT},
        lambda got: got.id,
        "c1",
    ),
    Case(
        lambda it: it.comments.unreact("c1", "like"),
        "DELETE",
        f"{DEV}/annotation-comments/c1/reactions/like",
        None,
        {"comment": COMMENT},
        lambda got: got.id,
        "c1",
    ),
    Case(
        lambda it: it.api_keys.list(),
        "GET",
        "/api/v1/api-keys/",
        None,
        {"api_keys": [KEY]},
        lambda got: [each.rate_limit for each in got],
        [9],
    ),
    Case(
        lambda it: it.api_keys.get("k1"),
        "GET",
        "/api/v1/api-keys/k1",
        None,
        {"api_key": KEY},
        lambda got: got.created_at,
        AT,
    ),
    Case(
        lambda it: it.api_keys.create("ci", role="viewer", expires_at=AT),
        "POST",
        "/api/v1/api-keys/",
        {"name": "ci", "role": "viewer", "expires_at": NOW},
        {**KEY, "id": None, "key_id": "k1", "api_key": "pk_live_abcdef"},
        lambda got: (got.id, got.token, "abcdef" in repr(got)),
        ("k1", "pk_live_abcdef", False),
    ),
    Case(
        lambda it: it.api_keys.update("k1", rate_limit=None),
        "PATCH",
        "/api/v1/api-keys/k1",
        {"rate_limit": None},
        {"api_key": KEY},
        lambda got: got.name,
        "ci",
    ),
    Case(
        lambda it: it.api_keys.delete("k1"),
        "DELETE",
        "/api/v1/api-keys/k1",
        None,
        None,
        lambda got: got,
        None,
    ),
    Case(
        lambda it: it.organizations.me(),
        "GET",
        f"{DEV}/organizations/me",
        None,
        {"organization": ORGANIZATION},
        lambda got: got.slug,
        "harbour",
    ),
    Case(
        lambda it: it.organizations.update(name="Pier", description=None),
        "PATCH",
        f"{DEV}/organizations/me",
        {"name": "Pier", "description": None},
        {"organization": ORGANIZATION},
        lambda got: got.id,
        "o1",
    ),
    Case(
        lambda it: it.organizations.list_members(),
        "GET",
        f"{DEV}/organizations/members",
        None,
        {"members": [MEMBER]},
        lambda got: [each.email for each in got],
        ["a@b.example"],
    ),
    Case(
        lambda it: it.organizations.update_member_role("m1", "admin"),
        "PATCH",
        f"{DEV}/organizations/members/m1",
        {"role": "admin"},
        {"member": {**MEMBER, "role": "admin"}},
        lambda got: (got.id, got.role),
        ("m1", "admin"),
    ),
    Case(
        lambda it: it.organizations.remove_member("m1"),
        "DELETE",
        f"{DEV}/organizations/members/m1",
        None,
        None,
        lambda got: got,
        None,
    ),
    Case(
        lambda it: it.organizations.list_invites(status="pending"),
        "GET",
        f"{DEV}/organizations/invites?status=pending",
        None,
        {"invites": [INVITE]},
        lambda got: [(each.status, each.token) for each in got],
        [("pending", None)],
    ),
    Case(
        lambda it: it.organizations.invite("c@d.example"),
        "POST",
        f"{DEV}/organizations/invites",
        {"email": "c@d.example", "role": "member"},
        {"invite": INVITE, "token": "once"},
        lambda got: (got.id, got.token),
        ("v1", "once"),
    ),
    Case(
        lambda it: it.organizations.revoke_invite("v1"),
        "DELETE",
        f"{DEV}/organizations/invites/v1",
        None,
        None,
        lambda got: got,
        None,
    ),
    Case(
        lambda it: it.webhooks.list(),
        "GET",
        f"{DEV}/webhooks/endpoints",
        None,
        {"endpoints": [ENDPOINT]},
        lambda got: [each.enabled for each in got],
        [True],
    ),
    Case(
        lambda it: it.webhooks.get("w1"),
        "GET",
        f"{DEV}/webhooks/endpoints/w1",
        None,
        {"endpoint": ENDPOINT},
        lambda got: got.url,
        ENDPOINT["url"],
    ),
    Case(
        lambda it: it.webhooks.create(
            ENDPOINT["url"], event_types=("asset.created",), auth_headers={"A": "b"}
        ),
        "POST",
        f"{DEV}/webhooks/endpoints",
        {"url": ENDPOINT["url"], "event_types": ["asset.created"], "auth_headers": {"A": "b"}},
        {"endpoint": ENDPOINT, "secret": "whsec_ab"},
        lambda got: (got.endpoint.id, got.secret, "whsec" in repr(got)),
        ("w1", "whsec_ab", False),
    ),
    Case(
        lambda it: it.webhooks.update("w1", event_types=None, enabled=False),
        "PATCH",
        f"{DEV}/webhooks/endpoints/w1",
        {"event_types": None, "enabled": False},
        {"endpoint": ENDPOINT},
        lambda got: got.id,
        "w1",
    ),
    Case(
        lambda it: it.webhooks.update("w1", event_types=("a",)),
        "PATCH",
        f"{DEV}/webhooks/endpoints/w1",
        {"event_types": ["a"]},
        {"endpoint": ENDPOINT},
        lambda got: got.id,
        "w1",
    ),
    Case(
        lambda it: it.webhooks.delete("w1"),
        "DELETE",
        f"{DEV}/webhooks/endpoints/w1",
        None,
        None,
        lambda got: got,
        None,
    ),
    Case(
        lambda it: it.webhooks.rotate_secret("w1"),
        "POST",
        f"{DEV}/webhooks/endpoints/w1/rotate-secret",
        None,
        {"endpoint": ENDPOINT, "secret": "whsec_cd"},
        lambda got: got.secret,
        "whsec_cd",
    ),
    Case(
        lambda it: it.webhooks.test("w1"),
        "POST",
        f"{DEV}/webhooks/endpoints/w1/test",
        None,
        {"success": True, "delivered": False, "status_code": 500, "error": "no"},
        lambda got: (got.delivered, got.status_code, got.error),
        (False, 500, "no"),
    ),
    Case(
        lambda it: it.webhooks.create(ENDPOINT["url"], per_item=True, asset_kind="video"),
        "POST",
        f"{DEV}/webhooks/endpoints",
        {"url": ENDPOINT["url"], "per_item": True, "asset_kind": "video"},
        {"endpoint": {**ENDPOINT, "per_item": True}, "secret": "whsec_ab"},
        lambda got: got.endpoint.per_item,
        True,
    ),
    Case(
        lambda it: it.events.list(types=["a", "b"], since=AT, status=204, requests=True, limit=2),
        "GET",
        "/library/v1/events?type=a&type=b&since=2031-04-05T06%3A07%3A08%2B00%3A00&status=204&requests=true&limit=2",
        None,
        {"events": [EVENT], "next": None},
        lambda got: [(each.number, each.type, each.at, each.data) for each in got],
        [(7, "asset.deleted", AT, {"filename": "a.png"})],
    ),
    Case(
        lambda it: list(it.events.iter(asset="a1", page_size=9, max_total=1)),
        "GET",
        "/library/v1/events?asset=a1&limit=9",
        None,
        {"events": [EVENT], "next": 7},
        lambda got: [each.number for each in got],
        [7],
    ),
    Case(
        lambda it: it.webhooks.event_types(),
        "GET",
        f"{DEV}/webhooks/event-types",
        None,
        {"event_types": ["asset.created"]},
        lambda got: got,
        ["asset.created"],
    ),
    Case(
        lambda it: list(it.webhooks.deliveries(status="failed")),
        "GET",
        f"{DEV}/webhooks/deliveries?limit=50&offset=0&status=failed",
        None,
        {"deliveries": [DELIVERY]},
        lambda got: [(each.status, each.attempts) for each in got],
        [("failed", 0)],
    ),
    Case(
        lambda it: it.webhooks.replay("l1"),
        "POST",
        f"{DEV}/webhooks/deliveries/l1/replay",
        None,
        {},
        lambda got: got,
        None,
    ),
]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: f"{case.method} {case.address}")
def test_what_is_asked_and_what_is_made_of_the_answer(client: Any, server: FakeServer, case: Case) -> None:
    answer = httpx.Response(204) if case.answer is None else httpx.Response(200, json=case.answer)
    server.script.append(answer)
    got = case.call(client)
    (request,) = server.requests
    assert (request.method, request.url.raw_path.decode()) == (case.method, case.address)
    assert (server.body(request) if request.content else None) == case.body
    assert case.seen(got) == case.expected


def test_many_documents_go_two_hundred_at_a_time(client: Any, server: FakeServer) -> None:
    """Each answer is added to the ones before."""
    ids = [f"i{number}" for number in range(450)]
    for chunk in (ids[:200], ids[200:400], ids[400:]):
        saved = [{"image_id": it, "previous_count": 0, "new_count": 1, "status": "new"} for it in chunk[1:]]
        failed = [{"image_id": chunk[0], "error": "gone"}]
        server.script.append(httpx.Response(200, json={"saved": saved, "failed": failed}))
    box = BBoxAnnotation(id="a", name="crane", bounding_box=BoundingBox(1, 2, 3, 4))
    done = client.annotations.bulk_save({it: [box] for it in ids})
    assert [len(server.body(each)["saves"]) for each in server.requests] == [200, 200, 50]
    assert server.body(server.requests[0])["saves"][0]["annotations"][0]["type"] == "bbox"
    assert done.failed == [AnnotationsNotSaved(it, "gone") for it in ("i0", "i200", "i400")]
    assert done.saved[0] == AnnotationsSaved("i1", 0, 1, "new")  # type: ignore[arg-type] # the enum's own word
    assert (len(done.saved), done.success) == (447, False)


def test_documents_go_as_many_at_a_time_as_a_request_holds(
    client: Any, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that no request holds fails alone."""
    monkeypatch.setattr("stackroom.client.saves.MOST_BYTES", 400)
    small, large = ([{"name": "x" * size}] for size in (100, 500))
    saved = [{"image_id": it, "previous_count": 0, "new_count": 1, "status": "new"} for it in "abde"]
    server.script += [
        httpx.Response(200, json={"saved": saved[:2], "failed": []}),
        httpx.Response(413, json={"error": {"message": "larger than 16 MB"}}),
        httpx.Response(200, json={"saved": saved[2:], "failed": []}),
    ]
    done = client.annotations.bulk_save({it: large if it == "c" else small for it in "abcde"})
    sent = [[save["image_id"] for save in server.body(each)["saves"]] for each in server.requests]
    assert sent == [["a", "b"], ["c"], ["d", "e"]]
    assert [each.image_id for each in done.saved] == ["a", "b", "d", "e"]
    assert done.failed == [AnnotationsNotSaved("c", "larger than 16 MB")]


def test_a_search_goes_on_as_long_as_the_server_says_that_there_is_more(
    client: Any, server: FakeServer
) -> None:
    for more in (True, False):
        server.script.append(httpx.Response(200, json={"results": [FOUND], "has_more": more}))
    assert len(list(client.images.iter_by_tags(["night"], page_size=1))) == 2
    assert [each.url.params["offset"] for each in server.requests] == ["0", "1"]


def test_a_search_result_that_does_not_fit_is_an_error_of_the_server(client: Any, server: FakeServer) -> None:
    server.script.append(httpx.Response(200, json={"results": [{"id": 1}]}))
    with pytest.raises(ServerError):
        client.images.similar("i1")


def test_following_begins_after_the_newest_of_all_numbers_and_repeats_nothing(
    client: Any, server: FakeServer
) -> None:
    """Requests are numbered as well: with those of before the first page would begin."""
    pages: list[list[int]] = [[7], [8, 9], [], [12]]
    for page in pages:
        rows = [{**EVENT, "number": number} for number in page]
        server.script.append(httpx.Response(200, json={"events": rows, "next": None}))
    following = iter(client.events.tail(requests=True))
    assert [next(following).number for _ in range(3)] == [8, 9, 12]
    asked = [each.url.params for each in server.requests]
    assert (asked[0]["requests"], asked[0]["limit"]) == ("true", "1")
    assert [each.get("after") for each in asked] == [None, "7", "9", "9"]
    assert all(each["requests"] == "true" for each in asked)
