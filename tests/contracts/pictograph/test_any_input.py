"""Whatever a body or a query says, the answer is never a failure of ours."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .house import House

UNKNOWN = "0c9d8e7f-1111-4222-8333-444455556666"
WORDS = st.sampled_from(
    [
        "",
        "/",
        "..",
        "a.png",
        "rename",
        "full",
        "new",
        "image/png",
        UNKNOWN,
        "true",
        "-1",
        "9" * 40,
        "é",
        "a\x01",
        "\x00",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FILE = ("filename", "folder_path", "directory_path", "content_type", "file_size", "gcs_path")
BATCH = ("target_folder_path", "target_directory_path", "duplicate_handling", "copy_annotations", "permanent")
KEYS = {
    "POST /projects": ("name", "description", "annotation_types", "classes", "readme"),
    "PATCH /projects/{dataset}": ("name", "description", "annotation_types", "classes", "classes_base"),
    "POST /images/upload-url": ("dataset_id", *FILE),
    "POST /images/register": ("dataset_id", *FILE),
    "POST /images/bulk-upload-url": ("dataset_id", "images"),
    "POST /images/bulk-register": ("dataset_id", "images"),
    "POST /batch/images/move": ("image_ids", *BATCH),
    "POST /batch/images/copy": ("image_ids", *BATCH),
    "POST /batch/images/copy-to-dataset": ("image_ids", "target_dataset_name", "target_directory_path"),
    "POST /batch/images/delete": ("image_ids", *BATCH),
    "PATCH /batch/images/update": ("image_ids", "updates"),
    "POST /images/bulk-tag": ("image_ids", "tags", "add"),
    "POST /images/{image}/review": ("action", "note"),
    "POST /images/{dataset}/a.png/split": ("split",),
    "POST /images/assign-splits": ("dataset", "train", "val", "test", "seed", "split_mode"),
    "POST /annotations/{image}": ("annotations", "image_id"),
    "POST /annotations/bulk": ("saves",),
    "POST /api/v1/api-keys": ("organization_id", "name", "role", "rate_limit", "expires_at"),
    "PATCH /organizations/me": ("description", "is_public"),
    "POST /organizations/invites": ("email", "role"),
    "POST /webhooks/endpoints": (
        "url",
        "description",
        "event_types",
        "auth_headers",
        "per_item",
        "asset_kind",
    ),
    "POST /annotations/rename-class": ("dataset", "old_name", "new_name"),
    "POST /annotations/merge-class": ("dataset", "source_name", "target_name"),
    "POST /annotations/delete-class": ("dataset", "name", "class_type", "delete_annotations"),
    "POST /folders": ("dataset", "dataset_id", "folder_path", "directory_path"),
    "PATCH /folders/{dataset}/none/rename": ("new_name",),
    "POST /annotation-comments": ("image_id", "annotation_id", "body", "parent_comment_id"),
    f"PATCH /annotation-comments/{UNKNOWN}": ("body", "resolved"),
}
QUERIES = {
    "/projects": ("limit", "offset", "archived"),
    "/images": (
        "dataset_id",
        "limit",
        "offset",
        "folder_path",
        "filename",
        "status",
        "split",
        "min_confidence_lt",
        "directory_path",
        "include_archived",
        "tags",
    ),
    "/datasets/{dataset}": ("include_images", "images_limit", "images_offset"),
    "/datasets/{dataset}/duplicates": ("threshold", "sample", "neighbors", "max_pairs", "folder_path"),
    "/search/similar": ("image_id", "threshold", "limit", "folder_path", "directory_path"),
    "/search/by-tags": ("objects", "scenes", "attributes", "dataset_name", "limit", "offset"),
    "/datasets/{dataset}/download": ("mode", "limit", "offset", "status_filter"),
    "/folders/list/{dataset}": ("parent_path",),
    "/api/v1/api-keys": ("organization_id",),
    "/organizations/invites": ("status",),
    "/webhooks/deliveries": ("endpoint_id", "status", "limit", "offset"),
    "/folders/{dataset}/stats": ("include_subfolders", "include_subdirectories"),
    "/annotation-comments": ("image_id",),
}
EXAMPLES = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def things(house: House) -> tuple[dict[str, Any], dict[str, Any]]:
    dataset = house.a_dataset()
    return dataset, house.an_image(dataset)


def filled(path: str, things: tuple[dict[str, Any], dict[str, Any]]) -> str:
    return path.replace("{dataset}", things[0]["id"]).replace("{image}", things[1]["id"])


@pytest.mark.parametrize("address", KEYS)
@EXAMPLES
@given(data=st.data())
def test_any_body(
    house: House, things: tuple[dict[str, Any], dict[str, Any]], address: str, data: st.DataObject
) -> None:
    method, path = filled(address, things).split()
    body = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS[address], VALUES)))
    if "image_ids" in KEYS[address] and data.draw(st.booleans()):
        body |= {"dataset_name": things[0]["name"], "image_ids": [things[1]["id"], UNKNOWN, "x"]}
    answer = house.ask(method, path, json=body)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", QUERIES)
@EXAMPLES
@given(data=st.data())
def test_any_query(
    house: House, things: tuple[dict[str, Any], dict[str, Any]], path: str, data: st.DataObject
) -> None:
    query = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(QUERIES[path], st.text() | WORDS)))
    answer = house.get(filled(path, things), params={"dataset_id": things[0]["id"], **query})
    assert answer.status_code < 500, answer.text


@EXAMPLES
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_any_name(house: House, name: str) -> None:
    """A dataset is made and found under it, or it is refused."""
    made = house.post("/projects", {"name": name})
    assert made.status_code in {201, 409, 422}, made.text
    if made.status_code == 201:
        listed = house.get(f"/datasets/{made.json()['project']['id']}").json()["data"]["name"]
        assert listed == made.json()["project"]["name"]


@pytest.mark.parametrize("suffix", ["", "/metadata", "/data-bundle"])
@EXAMPLES
@given(path=st.text(min_size=1) | WORDS.filter(bool) | st.lists(WORDS, min_size=1).map("/".join))
def test_any_path(
    house: House, things: tuple[dict[str, Any], dict[str, Any]], path: str, suffix: str
) -> None:
    wanted = quote(path, safe="/")
    answer = house.get(f"/images/{things[0]['id']}/{wanted}{suffix}")
    assert answer.status_code in {200, 404, 405, 422}, answer.text
