"""Whatever goes wrong, and wherever: one envelope. The addresses come from the face's own table of routes.

A route that is new must say below what a good request to it looks like; until then these tests fail.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Route

from stackroom import clock, ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import members, organizations
from stackroom.testing.processes import wait_until
from stackroom.web.pictograph.app import PARTS_NOT_OFFERED, offered

from .house import PREFIX, House

ID = "0c9d8e7f-1111-4222-8333-444455556666"
# What a good request says; `IDS` and `DATASET` become those of a real image and its dataset.
ABOUT = {"dataset_name": "DATASET", "image_ids": "IDS"}
FILES = {"dataset_id": "DATASET", "images": [{"filename": "a.png", "content_type": "image/png"}]}
CHANGE = {"description": "d"}
ANNOTATIONS: dict[str, Any] = {"annotations": []}
BODIES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("POST", "/projects"): {"name": "new"},
    ("POST", "/datasets"): {"name": "new"},
    ("PATCH", "/projects/{dataset}"): CHANGE,
    ("PATCH", "/datasets/{dataset}"): CHANGE,
    ("PATCH", "/datasets/by-name/{dataset}"): CHANGE,
    ("POST", "/images/upload-url"): {
        "dataset_id": "DATASET",
        "filename": "n.png",
        "content_type": "image/png",
    },
    ("POST", "/images/register"): {"dataset_id": "DATASET", "filename": "n.png"},
    ("POST", "/images/bulk-upload-url"): FILES,
    ("POST", "/images/bulk-register"): FILES,
    ("POST", "/batch/images/move"): {**ABOUT, "target_folder_path": "/x"},
    ("POST", "/batch/images/copy"): {**ABOUT, "target_folder_path": "/x"},
    ("POST", "/batch/images/copy-to-dataset"): {**ABOUT, "target_dataset_name": "DATASET"},
    ("POST", "/batch/images/delete"): ABOUT,
    ("PATCH", "/batch/images/update"): {**ABOUT, "updates": {"status": "new"}},
    ("POST", "/images/assign-splits"): {"dataset_id": "DATASET"},
    ("POST", "/images/bulk-tag"): {**ABOUT, "tags": ["night"]},
    **{
        ("POST", f"/images/{place}/{what}"): body
        for place in ("{image}", "{dataset}/{path:path}")
        for what, body in (("review", {"action": "approve"}), ("split", {"split": None}))
    },
    ("POST", "/api/v1/api-keys"): {"name": "made"},
    ("PATCH", "/api/v1/api-keys/{key}"): {"name": "changed"},
    ("PATCH", "/organizations/me"): {"description": "d"},
    ("PATCH", "/organizations/members/{member}"): {"role": "viewer"},
    ("POST", "/organizations/invites"): {"email": "ada@example.org"},
    ("POST", "/webhooks/endpoints"): {"url": "https://hooks.example/x"},
    ("PATCH", "/webhooks/endpoints/{endpoint}"): {"enabled": False},
    ("POST", "/webhooks/endpoints/{endpoint}/test"): None,
    ("POST", "/webhooks/endpoints/{endpoint}/rotate-secret"): None,
    ("POST", "/webhooks/deliveries/{delivery}/replay"): None,
    ("POST", "/annotations/bulk"): {"saves": [{"image_id": "IMAGE", "annotations": []}]},
    ("POST", "/annotations/{image}"): ANNOTATIONS,
    ("POST", "/annotations/{dataset}/{path:path}"): ANNOTATIONS,
    ("POST", "/annotations/rename-class"): {"dataset": "DATASET", "old_name": "a", "new_name": "b"},
    ("POST", "/annotations/merge-class"): {"dataset": "DATASET", "source_name": "a", "target_name": "b"},
    ("POST", "/annotations/delete-class"): {"dataset": "DATASET", "name": "a"},
    ("POST", "/exports"): {"dataset_name": "DATASET", "name": "nightly"},
    ("POST", "/exports/bulk-delete"): {"export_ids": "IDS"},
    ("POST", "/annotation-comments"): {"image_id": "IMAGE", "annotation_id": "a", "body": "b"},
    ("PATCH", "/annotation-comments/{comment}"): {"resolved": True},
    ("PUT", "/annotation-comments/{comment}/reactions/{reaction}"): None,
    **{
        (method, f"/{word}{address}"): body
        for word in ("folders", "directories")
        for method, address, body in (
            ("POST", "", {"dataset": "DATASET", "folder_path": "/x"}),
            ("PATCH", "/{reference}/rename", {"new_name": "y"}),
            ("PATCH", "/{dataset}/{path:path}/rename", {"new_name": "y"}),
        )
    },
    **{
        ("POST", f"/{kind}/{{dataset}}/{verb}"): None
        for kind in ("projects", "datasets", "datasets/by-name")
        for verb in ("archive", "restore", "unarchive")
    },
    **{
        ("POST", f"/{kind}/{{dataset}}/storage/{verb}"): None
        for kind in ("datasets", "datasets/by-name")
        for verb in ("freeze", "restore")
    },
}
OF_ITS_OWN = {
    ("POST", "/projects"),
    ("POST", "/datasets"),
    ("POST", "/api/v1/api-keys"),
    ("POST", "/organizations/invites"),
    ("POST", "/webhooks/endpoints"),
}
ITEM_BY_ITEM = {("POST", "/annotations/bulk"), ("POST", "/exports/bulk-delete")}
ABOUT_NOBODYS_THINGS = {
    ("GET", "/projects"),
    ("GET", "/datasets"),
    ("GET", "/credits/balance"),
    ("GET", "/api/v1/api-keys"),
    ("GET", "/organizations/me"),
    ("PATCH", "/organizations/me"),
    ("GET", "/organizations/members"),
    ("GET", "/organizations/invites"),
    ("GET", "/webhooks/endpoints"),
    ("GET", "/webhooks/event-types"),
    ("GET", "/webhooks/deliveries"),
}
# What a query must say for its address to be about something.
QUERIES = {
    ("GET", "/images"): {"dataset_id": "DATASET"},
    ("GET", "/exports"): {"dataset_name": "DATASET"},
    ("GET", "/annotation-comments"): {"image_id": "IMAGE"},
    ("GET", "/search/similar"): {"image_id": "IMAGE"},
    ("GET", "/search/by-tags"): {"objects": "crane", "dataset_name": "DATASET"},
}
Places = dict[str, str]
# What stands in an address, by the name of its place, when there is nothing of the kind.
KINDS = (
    "comment",
    "dataset",
    "delivery",
    "endpoint",
    "export",
    "image",
    "invite",
    "key",
    "member",
    "reference",
)
SHARED = {"path", "path of a folder", "reaction", "export of a dataset"}
NOBODYS: Places = {
    **dict.fromkeys(KINDS, ID),
    "path": "a.png",
    "path of a folder": "x",
    "reaction": "like",
    "export of a dataset": "nightly",
}
ADDRESSES = [
    (method, route.path.removeprefix(PREFIX))
    for route in offered()
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"HEAD"})
]
WRITES = [(method, path) for method, path in ADDRESSES if method != "GET"]


def filled(path: str, places: Places = NOBODYS) -> str:
    """The address with something in every place. A kind of place that is new must be added to `NOBODYS` and `mine`."""

    def what(found: re.Match[str]) -> str:
        word = found[1]
        if word == "export" and "{dataset}" in path:
            word = "export of a dataset"
        if word == "path" and path.startswith(("/folders", "/directories")):
            word = "path of a folder"
        return quote(places[word])

    return re.sub(r"\{(\w+)(?::path)?\}", what, path)


def body_of(method: str, path: str, places: Places = NOBODYS) -> Any:
    if method in {"GET", "DELETE"}:
        return None
    body = BODIES[method, path]
    if body is None:
        return None
    return {key: with_ids(value, places) for key, value in body.items()}


def with_ids(value: Any, places: Places) -> Any:
    """`DATASET`, `IMAGE` and `IDS` replaced by real ones, at any depth."""
    match value:
        case "DATASET":
            return places["dataset"]
        case "IMAGE":
            return places["image"]
        case "IDS":
            return [places["image"]]
        case list():
            return [with_ids(each, places) for each in value]
        case dict():
            return {key: with_ids(each, places) for key, each in value.items()}
        case _:
            return value


def assert_shape(answer: httpx.Response, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[0-9a-f]{24}", answer.headers["x-request-id"])
    body = answer.json()
    assert set(body) == {"error", "detail"}
    assert set(body["error"]) == {"code", "message", "hint", "details"}
    assert body["detail"] == body["error"]["message"] != ""
    assert isinstance(body["error"]["details"], dict)
    assert "Traceback" not in answer.text
    if code is not None:
        assert body["error"]["code"] == code


# What is refused before the library is asked, or by the same question at every address.
on_one_database = pytest.mark.parametrize("new_database_url", ["sqlite"], indirect=True, scope="session")


@pytest.fixture(scope="module")
def mine(house: House) -> Places:
    """One of everything that an address can name."""
    dataset = house.a_dataset()
    image = house.an_image(dataset, folder="/x")
    house.an_image(dataset)
    named, about = {"dataset_name": dataset["name"], "name": "nightly"}, {"image_id": image["id"]}
    box = {"id": "a", "name": "lorry", "type": "bbox", "bounding_box": {"x": 1, "y": 1, "w": 2, "h": 2}}
    house.post(f"/annotations/{image['id']}", {"annotations": [box]})
    comment = house.post("/annotation-comments", {**about, "annotation_id": "a", "body": "b"}).json()[
        "comment"
    ]
    export = house.post("/exports", named).json()["data"]
    wait_until(
        lambda: house.get(f"/exports/{export['id']}").json()["data"]["status"] == "completed", seconds=20
    )
    key = house.post("/api/v1/api-keys", {"name": "mine"}).json()
    invite = house.post("/organizations/invites", {"email": "mine@example.org"}).json()["invite"]
    endpoint = house.post("/webhooks/endpoints", {"url": "https://hooks.example/mine"}).json()["endpoint"]
    organization = house.get("/organizations/me").json()["organization"]["id"]
    member = house.write(lambda conn: a_member(conn, organization))
    (folder,) = house.get(f"/directories/list/{dataset['id']}").json()
    return {
        **NOBODYS,
        "dataset": dataset["id"],
        "image": image["id"],
        "reference": folder["id"],
        "path of a folder": "x",
        "comment": comment["id"],
        "export": export["id"],
        "export of a dataset": "nightly",
        "key": key["key_id"],
        "invite": invite["id"],
        "endpoint": endpoint["id"],
        "member": member,
        "name": dataset["name"],
    }


def a_member(conn: Connection, organization: str) -> str:
    """People come by an invitation; this one is there already."""
    actor = organizations.system_actor(organizations.find_organization(conn, organization))
    return ids.text(members.add(conn, actor, "mine@example.com", role=Role.VIEWER, now=clock.now()).uuid)


def by_name(places: Places) -> Places:
    """The same by the other ways to name them."""
    return {**places, "dataset": places["name"], "reference": places["dataset"]}


@on_one_database
@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_no_key(house: House, method: str, path: str) -> None:
    assert_shape(house.ask(method, filled(path), role=None), 401, "unauthorized")


@on_one_database
@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_unknown_key(house: House, method: str, path: str) -> None:
    answer = house.ask(method, filled(path), role=None, headers={"X-API-Key": "pk_live_no"})
    assert_shape(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@on_one_database
@pytest.mark.parametrize("path", sorted({path for _, path in ADDRESSES}))
def test_a_wrong_method_is_told_the_right_ones(house: House, path: str) -> None:
    answer = house.ask("OPTIONS", filled(path))
    assert_shape(answer, 405, "method_not_allowed")
    offered = {method for method, other in ADDRESSES if other == path}
    assert offered <= set(answer.headers["allow"].split(", "))


@on_one_database
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_viewer_can_only_read(house: House, method: str, path: str) -> None:
    """Before anything is looked at: neither the body nor the dataset need be any good."""
    answer = house.ask(method, filled(path), role="viewer", content=b"{")
    assert_shape(answer, 403, "forbidden")
    assert answer.json()["error"]["details"]["role"] == "viewer"


@on_one_database
@pytest.mark.parametrize(
    ("method", "path"), [each for each in WRITES if each[0] != "DELETE" and BODIES[each] is not None]
)
@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"{'a': 1}"])
def test_a_body_that_is_no_json(house: House, method: str, path: str, body: bytes) -> None:
    assert_shape(house.ask(method, filled(path), content=body), 400, "malformed_json")


@on_one_database
@pytest.mark.parametrize(
    ("method", "path"), [each for each in WRITES if each[0] != "DELETE" and BODIES[each] is not None]
)
@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"null", b'{"name": 1, "images": 1, "updates": 1, "saves": 1, "resolved": 1}']
)
def test_a_body_of_the_wrong_shape(house: House, method: str, path: str, body: bytes) -> None:
    assert_shape(house.ask(method, filled(path), content=body), 422)


@pytest.mark.parametrize("path", [path for method, path in ADDRESSES if method == "GET" and "{" in path])
def test_what_is_asked_for_below_is_there(house: House, mine: Places, path: str) -> None:
    """Otherwise the next tests would find that nothing is not there."""
    answers = [house.get(filled(path, places)) for places in (mine, by_name(mine))]
    assert 200 in {answer.status_code for answer in answers}, answers[0].text


@pytest.mark.parametrize("naming", [dict, by_name], ids=["by-id", "by-name"])
@pytest.mark.parametrize(
    ("method", "path"),
    [each for each in ADDRESSES if each not in OF_ITS_OWN | ITEM_BY_ITEM | ABOUT_NOBODYS_THINGS],
)
def test_what_belongs_to_somebody_else_is_not_there(
    house: House, mine: Places, naming: Callable[[Places], Places], method: str, path: str
) -> None:
    """Not forbidden: not there. The answer is that for an id which nobody has."""
    answers = []
    for places in (naming(mine), naming({**NOBODYS, "name": "no such set"})):
        params = {key: with_ids(value, places) for key, value in QUERIES.get((method, path), {}).items()}
        body = body_of(method, path, places)
        answer = house.ask(method, filled(path, places), role="stranger", params=params, json=body)
        assert_shape(answer, 404, "not_found")
        answers.append(without_names(answer.text, places))
    theirs, nobodys = answers
    assert theirs == nobodys
    assert house.get(f"/images/{mine['image']}/metadata").json()["image"]["id"] == mine["image"]


def without_names(text: str, places: Places) -> str:
    for each in sorted({value for key, value in places.items() if key not in SHARED}, key=len, reverse=True):
        text = text.replace(each, "…")
    return text


@pytest.mark.parametrize(("method", "path"), sorted(ITEM_BY_ITEM))
def test_items_of_somebody_else_are_not_there_one_by_one(
    house: House, mine: Places, method: str, path: str
) -> None:
    places = {**mine, "image": mine["export"]} if "exports" in path else mine
    answer = house.ask(method, path, json=body_of(method, path, places), role="stranger")
    assert answer.status_code == 200
    shown = answer.json()
    assert not shown.get("saved")
    assert not shown.get("deleted")
    assert len(shown.get("failed") or shown.get("not_found")) == 1
    assert house.get(f"/exports/{mine['export']}").status_code == 200


@on_one_database
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "/", "/nothing", "/batch/images/explode", f"/projects/{ID}/x", "/%2F"])
def test_an_unknown_address(house: House, method: str, path: str) -> None:
    assert_shape(house.ask(method, PREFIX + path), 404, "unknown_path")


@on_one_database
@pytest.mark.parametrize("part", PARTS_NOT_OFFERED)
def test_a_part_that_is_not_offered_says_so(house: House, part: str) -> None:
    for path in (f"/{part}", f"/{part}/", f"/{part}/a/b"):
        assert_shape(house.ask("DELETE", path), 501, "not_offered")
    assert_shape(house.ask("POST", f"/{part}", role=None), 401)


def test_an_address_outside_every_face(house: House) -> None:
    answer = house.ask("GET", "/api/v2/x")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_path"
    assert answer.headers["x-request-id"]


def test_too_large_a_body_is_refused_before_it_has_come(house: House) -> None:
    answer = house.ask("POST", "/batch/images/move", content=b" " * (16 * 2**20 + 1))
    assert_shape(answer, 413, "payload_too_large")


def test_our_own_failure(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is one, and nothing of the inside."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("stackroom.library.datasets.page", fail)
    answer = house.get("/projects")
    assert_shape(answer, 500, "internal_error")
    assert "secret" not in answer.text
