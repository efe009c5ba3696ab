"""Whatever goes wrong, and wherever: one envelope. The addresses come from the face's own table of routes.

A route that is new must say below what a good request to it looks like; until then these tests fail.
"""

import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from stackroom.web.pictograph.app import ADDRESSES_NOT_OFFERED, PARTS_NOT_OFFERED, offered

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
MAKES_SOMETHING_OF_ITS_OWN = {
    ("POST", "/projects"),
    ("POST", "/datasets"),
    ("POST", "/api/v1/api-keys"),
    ("POST", "/organizations/invites"),
    ("POST", "/webhooks/endpoints"),
}
ANSWERS_ITEM_BY_ITEM = {("POST", "/annotations/bulk"), ("POST", "/exports/bulk-delete")}
ABOUT_NOBODYS_THINGS = {
    "/projects",
    "/datasets",
    "/credits/balance",
    "/exports",
    "/api/v1/api-keys",
    "/organizations/me",
    "/organizations/members",
    "/organizations/invites",
    "/webhooks/endpoints",
    "/webhooks/event-types",
    "/webhooks/deliveries",
}
ADDRESSES = [
    (method, route.path.removeprefix(PREFIX))
    for route in offered()
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"HEAD"})
]
WRITES = [(method, path) for method, path in ADDRESSES if method != "GET"]


def filled(path: str, dataset: str = ID, image: str = ID) -> str:
    """The address with something in every place; a path leads to the image that `mine` has made."""
    filled_in = path.replace("{dataset}", dataset).replace("{image}", image).replace("{path:path}", "a.png")
    filled_in = filled_in.replace("{reaction}", "like")
    return re.sub(r"\{\w+(:\w+)?\}", ID, filled_in)


def body_of(method: str, path: str, dataset: str = ID, image: str = ID) -> Any:
    if method == "DELETE":
        return None
    body = BODIES[method, path]
    if body is None:
        return None
    query = {"DATASET": dataset, "IDS": [image], "IMAGE": image}
    text = {key: query.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
    if "saves" in text:
        text["saves"] = [{**each, "image_id": image} for each in text["saves"]]
    return text


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


@pytest.fixture(scope="module")
def mine(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    """A dataset and an image in it."""
    dataset = house.a_dataset()
    return dataset, house.an_image(dataset)


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_no_key(house: House, method: str, path: str) -> None:
    assert_shape(house.ask(method, filled(path), role=None), 401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_an_unknown_key(house: House, method: str, path: str) -> None:
    answer = house.ask(method, filled(path), role=None, headers={"X-API-Key": "pk_live_no"})
    assert_shape(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted({path for _, path in ADDRESSES}))
def test_a_wrong_method_is_told_the_right_ones(house: House, path: str) -> None:
    answer = house.ask("OPTIONS", filled(path))
    assert_shape(answer, 405, "method_not_allowed")
    offered = {method for method, other in ADDRESSES if other == path}
    assert offered <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_viewer_can_only_read(house: House, method: str, path: str) -> None:
    """Before anything is looked at: neither the body nor the dataset need be any good."""
    answer = house.ask(method, filled(path), role="viewer", content=b"{")
    assert_shape(answer, 403, "forbidden")
    assert answer.json()["error"]["details"]["role"] == "viewer"


@pytest.mark.parametrize(
    ("method", "path"), [each for each in WRITES if each[0] != "DELETE" and BODIES[each] is not None]
)
@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"{'a': 1}"])
def test_a_body_that_is_no_json(house: House, method: str, path: str, body: bytes) -> None:
    assert_shape(house.ask(method, filled(path), content=body), 400, "malformed_json")


@pytest.mark.parametrize(
    ("method", "path"), [each for each in WRITES if each[0] != "DELETE" and BODIES[each] is not None]
)
@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"null", b'{"name": 1, "images": 1, "updates": 1, "saves": 1, "resolved": 1}']
)
def test_a_body_of_the_wrong_shape(house: House, method: str, path: str, body: bytes) -> None:
    assert_shape(house.ask(method, filled(path), content=body), 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        each
        for each in ADDRESSES
        if each not in MAKES_SOMETHING_OF_ITS_OWN | ANSWERS_ITEM_BY_ITEM
        and each[1] not in ABOUT_NOBODYS_THINGS
    ],
)
def test_what_belongs_to_somebody_else_is_not_there(
    house: House, mine: tuple[dict[str, Any], dict[str, Any]], method: str, path: str
) -> None:
    """Not forbidden: not there. The answer is that for an id which nobody has."""
    dataset, image = mine[0]["id"], mine[1]["id"]
    answers = []
    for whose, what in ((dataset, image), (ID, ID)):
        params = {"/images": {"dataset_id": whose}, "/annotation-comments": {"image_id": what}}.get(path)
        body = None if method == "GET" else body_of(method, path, whose, what)
        place = filled(path, whose, what)
        answers.append(house.ask(method, place, role="stranger", params=params, json=body))
    for answer in answers:
        assert_shape(answer, 404, "not_found")
    theirs, nobodys = (answer.text.replace(dataset, ID).replace(image, ID) for answer in answers)
    assert theirs == nobodys
    assert house.get(f"/images/{image}/metadata").json()["image"]["id"] == image


def test_many_annotations_of_somebody_else_are_not_there(
    house: House, mine: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    body = {"saves": [{"image_id": mine[1]["id"], "annotations": []}]}
    answer = house.post("/annotations/bulk", body, role="stranger").json()
    assert answer["saved"] == []
    assert [each["code"] for each in answer["failed"]] == ["not_found"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "/", "/nothing", "/batch/images/explode", f"/projects/{ID}/x", "/%2F"])
def test_an_unknown_address(house: House, method: str, path: str) -> None:
    assert_shape(house.ask(method, PREFIX + path), 404, "unknown_path")


@pytest.mark.parametrize("part", PARTS_NOT_OFFERED)
def test_a_part_that_is_not_offered_says_so(house: House, part: str) -> None:
    for path in (f"/{part}", f"/{part}/", f"/{part}/a/b"):
        assert_shape(house.ask("DELETE", path), 501, "not_offered")
    assert_shape(house.ask("POST", f"/{part}", role=None), 401)


@pytest.mark.parametrize("path", [PREFIX + path for path in ADDRESSES_NOT_OFFERED])
def test_an_address_that_is_not_offered_says_so(house: House, path: str) -> None:
    """Not 404, which would say that the image is not there."""
    place = re.sub(r"\{\w+\}", ID, path)
    assert_shape(house.post(place, {}), 501, "not_offered")


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
