"""A walk over every address of every face, with one organization's key and what belongs to another.

The addresses are those that the faces give to `make_face` when a server is put together, so that a new one cannot
escape: an address whose parts the walk has no word for fails it, and so does a new address for writing whose body
nobody has thought about.

Whatever is asked, the answer is the same as for names that nobody has, nothing of what the other has written is in it,
and when all has been asked the other's rows are as they were.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import Connection, select, update
from starlette.routing import Route

from stackroom import Client, ids
from stackroom.database import schema
from stackroom.library import vectors
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until
from stackroom.web.server import make_server
from stackroom.web.shared import face
from stackroom.webhooks import telling

from .house import House, Tenant
from .receiver import Receiver
from .shelf import Shelf

MARK = "zzsecretzz"
"""In every word that the other organization has written."""
Names = dict[str, str]


class Address(NamedTuple):
    method: str
    path: str


# By the beginning of an address and the name of a part of it: which of somebody's belongings it names. The first that
# fits counts.
PARTS: list[tuple[str, str, str]] = [
    ("/api/v1/developer/exports/by-name", "export", "export_name"),
    ("/api/v1/developer/exports/{dataset}", "export", "export_name"),
    ("/api/v1/developer", "export", "export"),
    ("/api/v1/developer/organizations", "member", "member"),
    ("/api/v1/developer/organizations", "invite", "invite"),
    ("/api/v1/developer/webhooks", "endpoint", "endpoint"),
    ("/api/v1/developer/webhooks", "delivery", "delivery"),
    ("/api/v1/developer/annotation-comments", "comment", "comment"),
    ("/api/v1/developer/annotation-comments", "reaction", "reaction"),
    ("/api/v1/developer", "reference", "dataset"),
    ("/api/v1/developer/folders", "path", "folder_path"),
    ("/api/v1/developer/directories", "path", "folder_path"),
    ("/api/v1/developer", "path", "image_path"),
    ("/api/v1/developer", "dataset", "dataset"),
    ("/api/v1/developer", "image", "image"),
    ("/api/v1/api-keys", "key", "key"),
    ("/library/v1/admin", "organization", "organization"),
    ("/library/v1", "key", "key"),
    ("/library/v1", "operation", "operation"),
    ("/library/v1", "dataset", "dataset"),
    ("/library/v1", "asset", "image"),
    ("/library/v1", "batch", "batch"),
    ("/library/v1/webhooks", "endpoint", "endpoint"),
    ("/library/v1", "endpoint", "endpoint"),
    ("/library/v1", "webhook", "endpoint"),
    ("/library/v1", "delivery", "delivery"),
    ("/library/v1", "event", "audit"),
    ("/storage/uploads", "ticket", "session"),
    ("/storage", "asset", "image"),
    ("/storage", "export", "export"),
    ("/storage", "name", "image_name"),
    ("/storage", "size:int", "size"),
    ("/customers", "customer", "customer"),
    ("/customers", "space", "space"),
    ("/customers", "image", "image_key"),
    ("/customers", "batch", "batch_number"),
    ("/customers", "key", "key"),
    ("/customers", "strategy", "strategy"),
    ("/customers", "default", "default"),
    ("/customers", "channel", "channel"),
    ("/customers", "policy", "policy"),
    ("/api/v0/folders", "id", "folder_id"),
    ("/api/v0/webhooks", "id", "hook"),
    ("/api/v0/webhooks", "event", "delivery"),
    ("/api/v0/webhooks", "event_id", "delivery"),
    ("/api/v0/audit-logs", "id", "audit"),
    ("/api/v0/api-keys", "id", "key"),
    ("/api/v0/tasks", "id", "task"),
    ("/api/v0/groups", "id", "group"),
    ("/api/v0/groups", "index", "index"),
    ("/api/v0/groups", "format", "archive"),
    ("/api/v0/presets", "name", "preset"),
    ("/api/v0/uploads", "session", "session"),
    ("/api/v0/uploads", "index", "index"),
    ("/api/v0/uploads", "i", "index"),
    ("/api/v0/uploads", "chunk", "index"),
    ("/api/v0/videos", "id", "video"),
    ("/api/v0/videos", "variant", "variant"),
    ("/api/v0/videos", "name", "playlist"),
    ("/media", "tenant", "organization"),
    ("/media", "name", "stored_name"),
    ("/api/v0", "id", "image"),
    ("/api/v0", "key", "metadata_key"),
    ("/api/v0/images", "operations", "operations"),
    ("/api/v0/images", "operations:path", "operations"),
]
NOBODYS: Names = {
    **dict.fromkeys(("dataset", "export_name", "preset", "image_key"), "nobody-has-it"),
    **dict.fromkeys(("customer", "space", "batch_number", "audit"), "987654"),
    "task": str(uuid.uuid4()),
    "folder_path": "nowhere",
    "image_path": "nowhere/none.png",
}
SHARED = {
    "reaction": "like",
    "size": "200",
    "channel": "thumbs",
    "policy": "default",
    "index": "0",
    "archive": "zip",
    "playlist": "index.m3u8",
    "metadata_key": "k",
    "operations": "-/resize/4x4",
    "image_name": "x.png",
}
"""What everybody has."""
FOR_EVERYBODY = re.compile(
    r"/(contexts|ping|originStrategies|storagePolicies|imageOptimisationPolicies|thumbnailPolicies|queue)\b"
    r"|/(iiif-img|thumbs|file|iiif-manifest|iiif-av)\b"  # delivery: without a key, for whom an asset's roles allow
    r"|/library/v1/(openapi\.json|join)$|/$|/customers$|/api/v0/public/file$"
    r"|/(live|ready|health|health/deep|docs|api/openapi\.json|llms\.txt|\.well-known/llms\.txt)$"
)
"""What is there without any key, or shows nothing of anybody."""
# The bodies of addresses that name in them what they are about. Words in braces are belongings.
BODIES: dict[str, Any] = {
    "/api/v0/media/batch/delete": {"ids": ["{image}", "{video}"]},
    "/api/v0/media/batch/copy": {"ids": ["{image}", "{video}"]},
    "/api/v0/groups": {"files": ["{image}"]},
    "/api/v0/folders": {"name": "mine", "parent_id": "{folder_id}"},
    "/api/v0/uploads/chunked/{session}/complete": {"upload_id": "{session}"},
    "/api/v0/uploads/chunked/start": {
        "filename": "x.png", "content_type": "image/png", "file_size": 9, "media_type": "image", "chunk_size": 9,
        "folder_id": "{folder_id}",
    },
    "/api/v0/presets/{name}": {"name": "{preset}", "operations": "resize/4x4"},
    "/api/v0/media/{id}/folder": {"folder_id": None},
    "/api/v0/media/{id}/metadata/{key}": 1,
    "/api/v0/folders/{id}": {"name": "stolen"},
    "/api/v0/webhooks/{id}": {"is_active": False},
    "/api/v1/developer/images/upload-url": {
        "dataset_name": "{dataset}", "filename": "x.png", "content_type": "image/png",
    },
    "/api/v1/developer/images/register": {
        "dataset_name": "{dataset}", "filename": "x.png", "gcs_path": "x", "file_size": 9,
    },
    "/api/v1/developer/images/bulk-upload-url": {
        "dataset_name": "{dataset}", "images": [{"filename": "x.png", "content_type": "image/png"}],
    },
    "/api/v1/developer/images/bulk-register": {
        "dataset_name": "{dataset}", "images": [{"filename": "x.png", "gcs_path": "x", "file_size": 9}],
    },
    "/api/v1/developer/images/bulk-tag": {"dataset": "{dataset}", "image_ids": ["{image}"], "tags": ["t"], "add": True},
    "/api/v1/developer/images/assign-splits": {"dataset": "{dataset}"},
    "/api/v1/developer/images/{image}/review": {"action": "approve"},
    "/api/v1/developer/images/{image}/split": {"split": "train"},
    "/api/v1/developer/batch/images/move": {
        "dataset_name": "{dataset}", "image_ids": ["{image}"], "target_folder_path": "/x",
    },
    "/api/v1/developer/batch/images/copy": {
        "dataset_name": "{dataset}", "image_ids": ["{image}"], "target_folder_path": "/x",
    },
    "/api/v1/developer/batch/images/copy-to-dataset": {
        "dataset_name": "{dataset}", "image_ids": ["{image}"], "target_dataset_name": "{dataset}",
    },
    "/api/v1/developer/batch/images/delete": {"dataset_name": "{dataset}", "image_ids": ["{image}"], "permanent": True},
    "/api/v1/developer/batch/images/update": {
        "dataset_name": "{dataset}", "image_ids": ["{image}"], "updates": {"status": "complete"},
    },
    "/api/v1/developer/annotations/rename-class": {"dataset": "{dataset}", "old_name": "a", "new_name": "b"},
    "/api/v1/developer/annotations/merge-class": {"dataset": "{dataset}", "source": "a", "target": "b"},
    "/api/v1/developer/annotations/delete-class": {"dataset": "{dataset}", "class_name": "a"},
    "/api/v1/developer/annotation-comments": {"image_id": "{image}", "annotation_id": "x", "body": "mine"},
    "/api/v1/developer/annotation-comments/{comment}": {"body": "mine"},
    "/api/v1/developer/annotations/bulk": {"saves": [{"image_id": "{image}", "annotations": []}]},
    "/api/v1/developer/annotations/{image}": {"annotations": []},
    "/api/v1/developer/folders": {"dataset": "{dataset}", "folder_path": "/x"},
    "/api/v1/developer/directories": {"dataset": "{dataset}", "folder_path": "/x"},
    "/api/v1/developer/folders/{reference}/rename": {"new_name": "mine"},
    "/api/v1/developer/directories/{reference}/rename": {"new_name": "mine"},
    "/api/v1/developer/exports": {"dataset_name": "{dataset}", "name": "x", "format": "coco"},
    "/api/v1/developer/exports/bulk-delete": {"export_ids": ["{export}"]},
    "/library/v1/operations": {"verb": "purge", "selection": {"ids": ["{image}", "{video}"]}},
    "/library/v1/batches": {"dataset": "{dataset}", "items": [{"origin": "https://x.example/a.png"}]},
    "/library/v1/admin/embeddings/rebuild": {"organization": "{organization}"},
    "/library/v1/admin/embeddings/cancel": {"organization": "{organization}"},
    "/library/v1/admin/keys": {"organization": "{organization}", "role": "owner", "name": "mine"},
    "/library/v1/admin/organizations/{organization}": {"administrator": True},
    "/customers/{customer}/allImages": {"member": [{"id": "{customer}/{space}/{image_key}"}], "field": "manifests",
                                        "operation": "add", "value": ["mine"]},
    "/customers/{customer}/deleteImages": {"member": [{"id": "{customer}/{space}/{image_key}"}]},
}  # fmt: skip
# Writes that name nothing of anybody: they make something of the asker's own.
OF_ONES_OWN = {
    "/api/v1/api-keys",
    "/api/v1/developer/organizations/me",
    "/api/v1/developer/organizations/invites",
    "/api/v1/developer/webhooks/endpoints",
    "/api/v1/developer/projects",
    "/api/v1/developer/datasets",
    "/library/v1/datasets",
    "/library/v1/invites",
    "/library/v1/join",
    "/library/v1/webhooks",
    "/library/v1/admin/organizations",
    "/customers",
    "/api/v0/images",
    "/api/v0/videos",
    "/api/v0/audios",
    "/api/v0/documents",
    "/api/v0/images/from-url",
    "/api/v0/webhooks",
    "/api/v0/api-keys",
    "/api/v0/presets",
    "/api/v0/analytics/storage/refresh",
    "/api/v0/plugins",
    "/api/v0/workflows",
}


# What the walk names there is of another kind, or another place: it is not there for its owner either.
OF_ANOTHER_KIND = {
    "/api/v0/audios/{id}",
    "/api/v0/audios/{id}/file",
    "/api/v0/documents/{id}",
    "/api/v0/documents/{id}/file",
    "/customers/{customer}/defaultDeliveryChannels/{default}",
    "/customers/{customer}/spaces/{space}/images/{image}/storage",  # an image that never came
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("walk"), workers=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def addresses(house: House) -> list[Address]:
    """All that this server has an answer to."""
    given: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        whole = face._Branches

        def noting(routes: Sequence[Any]) -> Any:
            given.extend(routes)
            return whole(routes)

        patch.setattr(face, "_Branches", noting)
        make_server(house.services)
    assert all(isinstance(each, Route) for each in given)
    found = [
        Address(method, it.path) for it in given for method in (it.methods or {"GET"}) if method != "HEAD"
    ]
    return sorted(set(found))


@pytest.fixture(scope="module")
def victim(house: House, receiver: Receiver) -> tuple[Tenant, Names]:
    """Who has one of everything that an address can name."""
    shelf = Shelf(house, receiver)
    with Client(shelf.a.token, base_url=house.url) as client:
        known = _of_the_library(house, client)
        known |= _of_media(shelf, known) | _of_dlcs(house, shelf.a)
        assert wait_until(lambda: _at_rest(house, shelf.a), seconds=60)
        known |= _of_ingest(house, client, shelf.a, known)
    return shelf.a, {**known, **SHARED}


@pytest.fixture(scope="module")
def asker(house: House) -> Tenant:
    return house.a_tenant()


def _of_the_library(house: House, client: Client) -> Names:
    made = client.datasets.create(
        f"{MARK}-harbour", annotation_types=["bbox"], classes=[{"name": MARK}], description=MARK
    )
    place = house.settings.data_dir / f"{MARK}.png"
    place.write_bytes(picture("png", 40, 30, seed=77))
    image = client.images.upload(made.id, place, folder_path=f"/{MARK}")
    box = {"id": "x", "name": MARK, "type": "bbox", "bounding_box": {"x": 1, "y": 1, "w": 2, "h": 2}}
    client.annotations.save(image.id, [box])
    client.images.tag(made.name, [image.id], [MARK])
    comment = client.comments.create(image.id, client.annotations.get(image.id)[0].id, MARK)
    export = client.exports.create(made.name, f"{MARK}-export", format="coco")
    moved = client.operations.update({"status": "review"}, ids=[image.id])
    key = client.api_keys.create(f"{MARK} key")
    invite = client.organizations.invite(f"{MARK}@example.org")
    client.organizations.invite(f"{MARK}-two@example.org")
    endpoint = client.webhooks.create("https://hooks.example/" + MARK).endpoint
    folder = client.folders.list(made.name)[0]
    return {
        "dataset": made.name,
        "image": image.id,
        "image_path": f"{MARK}/{MARK}.png",
        "folder": folder.id,
        "folder_path": MARK,
        "comment": comment.id,
        "export": export.id,
        "export_name": export.name,
        "operation": moved.id,
        "key": key.id,
        "invite": invite.id,
        "endpoint": endpoint.id,
    }


def _at_rest(house: House, who: Tenant) -> bool:
    """Whether nothing is done any more for an organization, nor about to be, but for telling who does not listen."""
    lanes = select(schema.lane.c.id).where(
        schema.lane.c.organization_id == who.organization.id, schema.lane.c.kind != telling.KIND
    )
    jobs = schema.job.c.finished_at.is_(None) & schema.job.c.lane_id.in_(lanes)
    return house.count(schema.job, jobs) == 0 and not house.read(lambda conn: _wait_for_vectors(conn, who))


def _wait_for_vectors(conn: Connection, who: Tenant) -> int:
    model = vectors.chosen(conn)
    assert model is not None
    return vectors.standing(conn, model, who.organization.id)[who.organization.id].waiting


def _of_ingest(house: House, client: Client, who: Tenant, known: Names) -> Names:
    """A batch that nobody begins: what fetches it would go on changing it while others look."""
    mine = schema.organization.c.id == who.organization.id
    house.write(lambda conn: conn.execute(update(schema.organization).where(mine).values(max_running=0)))
    batch = client.ingest.submit(known["dataset"], [f"https://nowhere.invalid/{MARK}.png"])
    return {"batch": str(batch.id), "batch_number": str(batch.number)}


def _of_media(shelf: Shelf, known: Names) -> Names:
    house, who = shelf.house, shelf.a
    folder = house.post("/folders", {"name": MARK}, who).json()["id"]
    image = shelf.image(who, f"{MARK}.png")
    for each in (image, known["image"]):
        assert house.put(f"/images/{each}/metadata", {"metadata": {"k": MARK}}, who).status_code == 200
    house.put(f"/media/{image}/folder", {"folder_id": folder}, who)
    video = shelf.finished(shelf.video(f"{MARK}.mp4", width=64, height=64, seconds=0.5))
    hook = shelf.hook("file.deleted")
    house.delete(f"/media/{shelf.image(who)}", who)
    assert house.settled(who) or True
    started = {"filename": f"{MARK}.png", "content_type": "image/png", "file_size": 9, "media_type": "image"}
    session = house.post("/uploads/chunked/start", {**started, "chunk_size": 9}, who).json()["session_id"]
    house.post("/presets", {"name": MARK, "operations": "resize/4x4", "description": MARK}, who)
    tasks = house.get("/tasks", who).json()["tasks"]
    return {
        "folder_id": folder,
        "video": video,
        "variant": house.get(f"/videos/{video}", who).json()["variants"][0]["name"],
        "stored_name": house.get(f"/images/{image}", who).json()["url"].rpartition("/")[2],
        "hook": shelf.hooks[hook],
        "delivery": house.get(f"/webhooks/{shelf.hooks[hook]}/events", who).json()[0]["id"],
        "session": session,
        "group": house.post("/groups", {"files": [image]}, who).json()["id"],
        "preset": MARK,
        "task": tasks[0]["id"],
        "audit": str(house.audit(who)[0]["id"]),
        "organization": who.id,
    }


def _of_dlcs(house: House, who: Tenant) -> Names:
    base = f"{house.url}/customers/{who.organization.number}"

    def put(method: str, path: str, body: Any) -> Any:
        answer = house.ask(method, f"{base}/{path}", of=who, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    put("PUT", "spaces/41", {"name": f"{MARK} space"})
    picture_of_it = {
        "file": ids.uuid(ids.new()).hex,
        "mediaType": "image/png",
        "origin": "https://nowhere.invalid/x",
    }
    house.ask("PUT", f"{base}/spaces/41/images/{MARK}", of=who, json=picture_of_it)
    default = {"channel": "thumbs", "policy": "default", "mediaType": "image/x"}
    made = put("POST", "spaces/41/defaultDeliveryChannels", default)
    strategy = put("POST", "originStrategies", {"regex": f"^https://{MARK}/", "strategy": "default"})
    member = house.write(lambda conn: _a_member(conn, who))
    return {
        "customer": str(who.organization.number),
        "space": "41",
        "image_key": MARK,
        "default": made["@id"].rpartition("/")[2],
        "strategy": strategy["id"],
        "member": member,
    }


def _a_member(conn: Connection, who: Tenant) -> str:
    raw = ids.new()
    row = {
        "uuid": raw,
        "organization_id": who.organization.id,
        "email": f"{MARK}@x.example",
        "role": 1,
        "joined_at": 1,
    }
    conn.execute(schema.member.insert().values(row))
    return ids.text(raw)


def belonging(path: str, part: str) -> str:
    for beginning, name, which in PARTS:
        if path.startswith(beginning) and name in {part, part.partition(":")[0]}:
            return which
    raise AssertionError(f"the walk has no word for {{{part}}} of {path}: add it to PARTS")


def filled(path: str, names: Names) -> str:
    return re.sub(r"{([^}]+)}", lambda part: names[belonging(path, part[1])], path)


def said(body: Any, names: Names) -> Any:
    """A body with the names of somebody's belongings."""
    if isinstance(body, dict):
        return {key: said(each, names) for key, each in body.items()}
    if isinstance(body, list):
        return [said(each, names) for each in body]
    return re.sub(r"{(\w+)}", lambda name: names[name[1]], body) if isinstance(body, str) else body


def ask(house: House, who: Tenant, address: Address, names: Names) -> httpx.Response:
    method, path = address
    options: dict[str, Any] = {}
    if method in {"POST", "PUT", "PATCH"}:
        options["json"] = said(BODIES.get(path, {"member": [], "name": "mine", "metadata": {}}), names)
    query = {"dataset_id": names["dataset"], "image_id": names["image"], "folder_id": names["folder_id"]}
    if method == "GET" and "{" not in path:
        options["params"] = query
    return house.ask(method, house.url + filled(path, names), of=who, **options)


def not_echoed(answer: httpx.Response, names: Names) -> str:
    """What an answer says that was not said by the asker before."""
    text, asked = answer.text, unquote(str(answer.request.url)) + answer.request.content.decode()
    for value in names.values():
        if value in asked:
            text = text.replace(value, "")
    return text


def told(answer: httpx.Response, names: Names) -> tuple[int, str]:
    """An answer without what the asker has said, and without what differs from call to call."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "THEN", answer.text)
    text = re.sub(r'"(request_id|instance|operation_id|id|@id|new_id|source_id)": ?"[^"]*"', "", text)
    for name, value in names.items():
        if name not in SHARED and name != "customer":
            text = re.sub(rf"\b{re.escape(value)}\b", "NAME", text)
    return answer.status_code, text


def names_something(path: str) -> bool:
    """Whether what is asked there is about something that belongs to somebody."""
    of_the_path = {belonging(path, part) for part in re.findall(r"{([^}]+)}", path)}
    return bool(of_the_path - SHARED.keys() - {"customer"}) or "{" in str(BODIES.get(path, ""))


def rows_of(conn: Connection, who: Tenant) -> dict[str, list[str]]:
    """Everything that an organization has, by table."""
    mine = [who.organization.id]
    assets = select(schema.asset.c.id).where(schema.asset.c.organization_id.in_(mine))
    rows = {}
    for table in schema.metadata.sorted_tables:
        if table.name in {"event", "job", "delivery", "answer", "lane"}:
            continue  # these go on by themselves
        # as these do: a webhook that nobody hears is tried again, and its failures are counted
        columns = [each for each in table.c if each.name not in {"last_used_at", "failures"}]
        if "organization_id" in table.c:
            found = select(*columns).where(table.c.organization_id.in_(mine))
        elif "asset_id" in table.c:
            found = select(*columns).where(table.c.asset_id.in_(assets))
        else:
            continue
        rows[table.name] = sorted(map(repr, conn.execute(found).all()))
    return rows


def test_every_address_for_writing_has_a_body_that_was_thought_about(addresses: list[Address]) -> None:
    new = {
        path
        for method, path in addresses
        if method in {"POST", "PUT", "PATCH"} and "{" not in path and path not in {*BODIES, *OF_ONES_OWN}
    }
    parts_not_offered = {path for path in new if ("GET", path) in addresses and ("DELETE", path) in addresses}
    assert new - parts_not_offered == set()


def test_every_face_is_walked(addresses: list[Address]) -> None:
    faces = {each.parent.name for each in Path(face.__file__).parents[1].glob("*/app.py")}
    assert faces == {"dlcs", "iiif", "mindia", "native", "pictograph", "transfer"}
    begun = ("/customers", "/thumbs", "/api/v0", "/library/v1", "/api/v1/developer", "/storage")
    assert all(any(path.startswith(each) for _, path in addresses) for each in begun)


def test_what_belongs_to_another_organization_is_as_if_it_were_not_there(
    house: House, addresses: list[Address], victim: tuple[Tenant, Names], asker: Tenant
) -> None:
    whose, theirs = victim
    nobodys = {**{name: str(uuid.uuid4()) for name in theirs}, **NOBODYS, **SHARED}
    before = house.read(lambda conn: rows_of(conn, whose))
    differ, leak, failed = [], [], []
    for address in addresses:
        if FOR_EVERYBODY.match(address.path) or "{rest" in address.path:
            continue
        mine = {**theirs, "customer": str(asker.organization.number)}
        for names in (theirs, mine) if "{customer}" in address.path else (theirs,):
            unknown = {**nobodys, "customer": names["customer"]}
            found, missing = (ask(house, asker, address, each) for each in (names, unknown))
            if MARK in not_echoed(found, names):
                leak.append((address, found.status_code, found.text[:300]))
            if found.status_code >= 500 and found.status_code != 501:
                failed.append((address, found.text[:300]))
            if names_something(address.path) and told(found, names) != told(missing, unknown):
                differ.append((address, told(found, names), told(missing, unknown)))
    for wrong in (leak, failed, differ):
        assert not wrong, "\n".join(map(str, wrong))
    after = house.read(lambda conn: rows_of(conn, whose))
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


def test_without_a_key_nothing_is_there_at_all(
    house: House, addresses: list[Address], victim: tuple[Tenant, Names]
) -> None:
    _, theirs = victim
    nobody = None
    open_doors = []
    for method, path in addresses:
        if FOR_EVERYBODY.match(path) or "{rest" in path:
            continue
        query = {"dataset": theirs["dataset"]}
        answer = house.ask(method, house.url + filled(path, theirs), of=nobody, params=query)
        if answer.status_code not in {401, 403} or MARK in not_echoed(answer, theirs):
            open_doors.append((method, path, answer.status_code, answer.text[:200]))
    assert not open_doors, "\n".join(map(str, open_doors))


def test_the_owner_finds_what_the_walk_has_named(
    house: House, addresses: list[Address], victim: tuple[Tenant, Names]
) -> None:
    """Else the walk would have found that nothing is not there."""
    whose, theirs = victim
    absent = []
    for method, path in addresses:
        if method != "GET" or "{" not in path or FOR_EVERYBODY.match(path) or path.startswith("/storage"):
            continue
        if "{rest" in path or "{path" in path or path in OF_ANOTHER_KIND:
            continue
        answer = house.ask(method, house.url + filled(path, theirs), of=whose)
        if answer.status_code == 404:
            absent.append((path, answer.text[:200]))
    assert not absent, "\n".join(map(str, absent))
