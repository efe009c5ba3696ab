"""Answers that fit as many of the client's models as possible, so that a method goes on to its next request."""

import re
from typing import Any

import httpx
from arguments import DATASET, IMAGE, OTHER, PICTURE

BASE = "http://recorder.invalid"
WHEN = "2031-01-01T00:00:00Z"
PAGE = {"limit": 10, "offset": 0, "total": 1, "has_more": False}
THING: dict[str, Any] = {
    "id": IMAGE,
    "dataset_id": DATASET,
    "project_id": DATASET,
    "organization_id": OTHER,
    "user_id": OTHER,
    "endpoint_id": OTHER,
    "annotation_id": "a-1",
    "delivery_id": OTHER,
    "name": "set",
    "slug": "set",
    "filename": "a.png",
    "width": 8,
    "height": 6,
    "full_path": "/cars",
    "directory_path": "/cars",
    "folder_path": "/cars",
    "virtual_folder_path": "/cars",
    "status": "new",
    "image_url": f"{BASE}/storage/1",
    "url": "https://hooks.example/x",
    "email": "a@b.example",
    "role": "viewer",
    "body": "tighten",
    "key_prefix": "pk_live_Zq3x",
    "rate_limit": 500,
    "is_active": True,
    "format": "coco",
    "event_type": "image.created",
    "classes": [{"name": "lorry", "type": "bbox"}],
    "subscription_tier": "enterprise",
    **dict.fromkeys(("credits_remaining", "credits_monthly_allowance", "max_images", "max_storage_bytes"), 0),
    **dict.fromkeys(("member_count", "pending_invite_count", "annotation_count", "image_count"), 0),
    **dict.fromkeys(("total_images", "total_size_bytes", "total_directories", "total_folders"), 0),
    **dict.fromkeys(("images_updated", "annotations_updated", "annotations_removed", "processed"), 0),
    **dict.fromkeys(("group_count", "analyzed", "threshold", "similarity"), 0),
    **dict.fromkeys(("train", "val", "test", "count", "deleted_count"), 0),
    "deleted": {},
    "dataset_name": "set",
    "max_users": 1,
    "old_name": "lorry",
    "new_name": "gantry",
    "source_name": "gantry",
    "target_name": "lorry",
    "config_updated": True,
    "storage_state": "idle",
    "storage_class": "standard",
    "job_id": OTHER,
    "split": "val",
    "created_at": WHEN,
    "updated_at": WHEN,
    "joined_at": WHEN,
    "expires_at": WHEN,
    "download_url": f"{BASE}/storage/2",
    "export_name": "v1",
    "include_images": False,
    "upload_url": f"{BASE}/storage/3",
    "items": [
        {
            "id": IMAGE,
            "filename": "a.png",
            "file_size": 1,
            "annotation_count": 0,
            "image_url": f"{BASE}/storage/1",
            "annotation_url": f"/api/v1/developer/annotations/{IMAGE}/file",
        }
    ],
    "total_items": 1,
    "upload_urls": [{"filename": "a.png", "directory_path": "/cars", "upload_url": f"{BASE}/storage/3"}],
    "succeeded": [],
    "failed": [],
    "groups": [],
}
ONE = dict.fromkeys(
    ("image", "dataset", "project", "organization", "invite", "endpoint", "comment", "export"), THING
)
SCALARS: dict[str, Any] = {
    "success": True,
    "secret": "whsec_9k",
    "image_id": IMAGE,
    "key_id": OTHER,
    "gcs_bucket": "local",
    "gcs_path": "1",
    "gcs_uri": "local://1",
    "previous_count": 0,
    "new_count": 1,
    "saved": [],
    "registered": [],
    "results": [],
    "annotations": [],
    "deliveries": [],
    "members": [THING],
    "target_dataset": "gold",
    "member": {"id": OTHER, "role": "viewer"},
}
LISTS = re.compile(
    r"/(datasets|projects|images|exports|api-keys|endpoints|invites|annotation-comments|event-types)/?$"
)
FOLDERS = re.compile(r"^/(folders|directories)/((list|tree)/[^/]+|[^/]+(/tree)?)$")
BYTES = re.compile(r"^/images/([0-9a-f-]{36}|[^/]+/[^/]+/[^/]+[.]png)$")
STATUS = {"exports": "completed", "invites": "pending"}


def answer_to(method: str, path: str) -> httpx.Response:
    if path.startswith("/storage/"):
        return httpx.Response(200, content=b"bytes")
    if method == "GET" and FOLDERS.search(path):
        return httpx.Response(200, json=[{**THING, "children": []}])
    if method == "GET" and BYTES.search(path):
        return httpx.Response(200, content=PICTURE.read_bytes())
    status = next((status for part, status in STATUS.items() if part in path), "new")
    identity = DATASET if path.startswith(("/datasets", "/projects")) else IMAGE
    thing = {**THING, "id": identity, "status": status}
    body = {**thing, **ONE, **SCALARS, "data": thing, "pagination": PAGE}
    body |= dict.fromkeys(ONE, thing)
    if path.endswith("/bulk-delete"):
        body["deleted"] = []
    body["api_key"] = "pk_live_1" if method == "POST" else thing
    if method == "GET" and (found := LISTS.search(path)):
        named = found[1].replace("-", "_").removeprefix("annotation_")
        body |= {named: ["image.created"] if named == "event_types" else [thing], "data": [thing]}
    return httpx.Response(200, json=body)
