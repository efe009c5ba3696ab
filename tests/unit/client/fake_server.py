"""A server of the protocols the SDK speaks, in memory: small, but honest about envelopes and keys."""

import json
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import httpx

NOW = "2031-04-05T06:07:08Z"
HOST = "http://stackroom.test"
Json = dict[str, Any]
Scripted = httpx.Response | Exception | None


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class FakeServer:
    """`handle` answers a request; `requests` keeps them; `script` is answered first, None is "as usual"."""

    def __init__(self, host: str = HOST, key: str = "secret") -> None:
        self.host, self.key = host, key
        self.requests: list[httpx.Request] = []
        self.script: deque[Scripted] = deque()
        self.most_listed = 10_000
        self.datasets: dict[str, Json] = {}
        self.images: dict[str, Json] = {}
        self.bytes: dict[str, bytes] = {}
        self.annotations: dict[str, list[Json]] = {}
        self.signed: dict[str, Json] = {}
        self.operations: dict[str, Json] = {}
        self.items: dict[str, list[Json]] = {}
        self.always_items: list[Json] = []
        self.etags = True
        self._answers: dict[tuple[str, str], tuple[bytes, httpx.Response]] = {}
        self._serial = 0
        self._lock = threading.RLock()

    # --- what tests put in and look at -------------------------------------------------------------------

    def dataset(self, name: str, **more: Any) -> Json:
        made = {
            "id": f"ds-{self._next()}",
            "organization_id": "org-1",
            "name": name,
            "annotation_types": ["bbox"],
            "classes": [{"name": "lorry", "type": "bbox", "color": "#3355aa", "attributes": None}],
            "image_count": 0,
            "archived_images": 1,
            "is_archived": False,
            "created_at": NOW,
            "a_key_of_tomorrow": True,
        } | more
        self.datasets[name] = made
        return made

    def image(
        self, dataset: str, filename: str, *, folder: str = "/", content: bytes = b"pixels", **more: Any
    ) -> Json:
        made = {
            "id": f"img-{self._next()}",
            "dataset_id": self.datasets[dataset]["id"],
            "filename": filename,
            "display_name": None,
            "status": "new",
            "annotation_count": 0,
            "file_size": len(content),
            "image_width": 12,
            "image_height": 7,
            "mime_type": "image/jpeg",
            "virtual_folder_path": folder,
            "is_archived": False,
            "created_at": NOW,
        } | more
        made["image_url"] = f"{self.host}/api/v1/developer/images/{made['id']}"
        self.images[made["id"]] = made
        self.bytes[made["id"]] = content
        return made

    def calls(self, method: str | None = None, path: str = "") -> list[httpx.Request]:
        return [it for it in self.requests if method in {None, it.method} and path in it.url.path]

    @staticmethod
    def body(request: httpx.Request) -> Any:
        return json.loads(request.content)

    # --- answering -----------------------------------------------------------------------------------------

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
            scripted = self.script.popleft() if self.script else None
            if isinstance(scripted, Exception):
                raise scripted
            response = scripted or self._answer(request)
            response.headers.setdefault("X-Request-Id", f"req-{len(self.requests)}")
            return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            signed = request.url.path.startswith("/storage/")
            return self._storage(request) if signed else self._once(request)
        except Refused as refused:
            error = {"code": refused.code, "message": refused.message, "details": {}}
            return httpx.Response(refused.status, json={"error": error, "detail": refused.message})

    def _once(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("X-API-Key") != self.key:
            raise Refused(401, "unauthorized", "unknown or inactive API key")
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return self._route(request)
        place = (key, request.url.path)
        if place in self._answers:
            body, answer = self._answers[place]
            if body != request.content:
                raise Refused(422, "idempotency_key_reused", "this key came with another body")
            return httpx.Response(
                answer.status_code, content=answer.content, headers={"Idempotent-Replayed": "true"}
            )
        answer = self._route(request)
        self._answers[place] = (request.content, answer)
        return answer

    def _route(self, request: httpx.Request) -> httpx.Response:
        held = Counter(it["dataset_id"] for it in self.images.values())
        for dataset in self.datasets.values():
            dataset["image_count"] = held[dataset["id"]] or dataset["image_count"]
        path = request.url.raw_path.decode().partition("?")[0]
        for method, pattern, act in self._routes():
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                answer = act(request, *map(unquote, found.groups()))
                return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)
        raise Refused(404, "not_found", f"no such path: {request.method} {path}")

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Any]]]:
        dev, lib = "/api/v1/developer", "/library/v1"
        yield "GET", f"{dev}/projects/", self._list_projects
        yield "POST", f"{dev}/projects/", self._create_project
        yield "GET", f"{dev}/projects/([^/]+)", lambda _, name: {"project": self._dataset(name)}
        yield "PATCH", f"{dev}/projects/([^/]+)", self._update_project
        yield "DELETE", f"{dev}/projects/([^/]+)", self._delete_project
        yield "POST", f"{dev}/projects/([^/]+)/(archive|restore)", self._archive_project
        yield "GET", f"{dev}/datasets/", self._list_datasets
        yield "GET", f"{dev}/datasets/by-name/([^/]+)", self._get_dataset
        yield "GET", f"{dev}/datasets/by-name/([^/]+)/download", self._download_listing
        yield "GET", f"{dev}/datasets/([^/]+)", lambda _, it: {"dataset": self._dataset_by_id(it)}
        yield "GET", f"{dev}/images/", self._list_images
        yield "POST", f"{dev}/images/upload-url", self._upload_url
        yield "POST", f"{dev}/images/register", self._register
        yield "POST", f"{dev}/images/bulk-upload-url", self._bulk_upload_url
        yield "POST", f"{dev}/images/bulk-register", self._bulk_register
        yield "GET", f"{dev}/images/([^/]+)/metadata", self._metadata
        yield "GET", f"{dev}/images/([^/]+)", self._image_bytes
        yield "DELETE", f"{dev}/images/([^/]+)", self._delete_image
        yield "POST", f"{dev}/batch/images/(move|copy|delete)", self._batch
        yield "PATCH", f"{dev}/batch/images/(update)", self._batch
        yield (
            "GET",
            f"{dev}/annotations/([^/]+)/file",
            lambda _, it: {"annotations": self.annotations.get(it, [])},
        )
        yield "GET", f"{dev}/annotations/([^/]+)", self._get_annotations
        yield "POST", f"{dev}/annotations/([^/]+)", self._save_annotations
        yield "DELETE", f"{dev}/annotations/([^/]+)", self._delete_annotations
        yield "GET", f"{dev}/folders/([^/]+)", self._list_folders
        yield "GET", f"{dev}/folders/([^/]+)/tree", self._folder_tree
        yield "POST", f"{lib}/operations", self._run
        yield "GET", f"{lib}/operations", self._list_operations
        yield "GET", f"{lib}/operations/([^/]+)", self._get_operation
        yield "GET", f"{lib}/operations/([^/]+)/items", self._list_items
        yield "GET", f"{lib}/operations/([^/]+)/report", self._report
        yield "POST", f"{lib}/operations/([^/]+)/(undo|pause|resume|cancel)", self._steer
        yield "GET", f"{lib}/assets", self._list_assets
        yield "GET", f"{lib}/assets/([^/]+)", lambda _, it: _asset(self._image(it))

    # --- projects and datasets -----------------------------------------------------------------------------

    def _dataset(self, name: str) -> Json:
        if name not in self.datasets:
            raise Refused(404, "not_found", f"dataset '{name}' not found")
        return self.datasets[name]

    def _dataset_by_id(self, dataset_id: str) -> Json:
        for dataset in self.datasets.values():
            if dataset["id"] == dataset_id:
                return dataset
        raise Refused(404, "not_found", "dataset not found")

    def _list_projects(self, request: httpx.Request) -> Json:
        wanted = request.url.params.get("archived") == "true"
        rows = [it for it in self.datasets.values() if it["is_archived"] == wanted]
        return {"projects": _slice(request, rows), "pagination": {"limit": 0, "offset": 0}}

    def _create_project(self, request: httpx.Request) -> httpx.Response:
        body = self.body(request)
        if body["name"] in self.datasets:
            raise Refused(409, "conflict", f"a dataset named '{body['name']}' already exists")
        return httpx.Response(201, json={"success": True, "project": self.dataset(**body)})

    def _update_project(self, request: httpx.Request, name: str) -> Json:
        dataset = self._dataset(name)
        dataset.update(self.body(request))
        self.datasets[dataset["name"]] = self.datasets.pop(name)
        return {"project": dataset}

    def _delete_project(self, _: httpx.Request, name: str) -> Json:
        gone = self._dataset(name)
        del self.datasets[name]
        return {
            "success": True,
            "deleted": {"project_id": gone["id"], "images": 7, "folders": 2, "gcs_blobs": 7},
        }

    def _archive_project(self, _: httpx.Request, name: str, verb: str) -> Json:
        dataset = self._dataset(name)
        dataset["is_archived"] = verb == "archive"
        return {"success": True, "project_id": dataset["id"], "is_archived": dataset["is_archived"]}

    def _list_datasets(self, request: httpx.Request) -> Json:
        rows = _slice(request, list(self.datasets.values()))
        return {"success": True, "datasets": rows, "data": rows}

    def _get_dataset(self, request: httpx.Request, name: str) -> Json:
        dataset = dict(self._dataset(name))
        if request.url.params.get("include_images") == "true":
            dataset["images"] = [it for it in self.images.values() if it["dataset_id"] == dataset["id"]]
        return {"success": True, "dataset": dataset}

    def _download_listing(self, request: httpx.Request, name: str) -> Json:
        dataset = self._dataset(name)
        items = [
            {
                "id": it["id"],
                "filename": it["filename"],
                "directory_path": it["virtual_folder_path"],
                "image_url": f"{self.host}/storage/{it['id']}?sig=ab",
                "annotation_url": f"{HOST}/api/v1/developer/annotations/{it['id']}/file",
            }
            for it in self.images.values()
            if it["dataset_id"] == dataset["id"]
        ]
        start = int(request.url.params.get("offset", 0))
        shown = items[start : start + self.most_listed]
        return {"success": True, "dataset_id": dataset["id"], "items": shown, "total_items": len(items)}

    # --- images --------------------------------------------------------------------------------------------

    def _image(self, image_id: str) -> Json:
        if image_id not in self.images:
            raise Refused(404, "not_found", f"image {image_id} not found")
        return self.images[image_id]

    def _list_images(self, request: httpx.Request) -> Json:
        wanted = request.url.params
        rows = [it for it in self.images.values() if it["dataset_id"] == wanted["dataset_id"]]
        if "folder_path" in wanted:
            rows = [it for it in rows if it["virtual_folder_path"] == wanted["folder_path"]]
        limit, offset = int(wanted["limit"]), int(wanted["offset"])
        page = rows[offset : offset + limit]
        more = offset + limit < len(rows)
        return {
            "images": page,
            "data": page,
            "pagination": {"limit": limit, "offset": offset, "has_more": more},
        }

    def _metadata(self, _: httpx.Request, image_id: str) -> Json:
        return {"success": True, "image": self._image(image_id), "data": self._image(image_id)}

    def _image_bytes(self, request: httpx.Request, image_id: str) -> httpx.Response:
        self._image(image_id)
        return self.ranged(request, self.bytes[image_id])

    def ranged(self, request: httpx.Request, content: bytes) -> httpx.Response:
        headers = {"ETag": '"v1"'} if self.etags else {"ETag": 'W/"v1"'}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if wanted and request.headers.get("If-Range") == headers["ETag"]:
            start = int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return httpx.Response(206, content=content[start:], headers=headers)
        return httpx.Response(200, content=content, headers=headers)

    def _delete_image(self, request: httpx.Request, image_id: str) -> httpx.Response:
        image = self._image(image_id)
        image["is_archived"] = True
        if request.url.params.get("permanent") == "true":
            del self.images[image_id]
        return httpx.Response(204)

    def _free(self, dataset_id: str, folder: str, filename: str) -> None:
        for image in self.images.values():
            taken = (image["dataset_id"], image["virtual_folder_path"], image["filename"])
            if taken == (dataset_id, folder, filename) and not image["is_archived"]:
                raise Refused(409, "conflict", f"'{filename}' already exists in {folder}")

    def _sign(self, dataset_id: str, image: Json) -> Json:
        token = f"up-{self._next()}"
        self.signed[token] = {"dataset_id": dataset_id, **image}
        return {"upload_url": f"{self.host}/storage/{token}?sig=ab", "filename": image["filename"]}

    def _upload_url(self, request: httpx.Request) -> Json:
        body = self.body(request)
        dataset = self._dataset_by_id(body.pop("dataset_id"))
        self._free(dataset["id"], body["folder_path"], body["filename"])
        target = self._sign(dataset["id"], body)
        return {"success": True, **target, "gcs_bucket": "local", "data": target}

    def _storage(self, request: httpx.Request) -> httpx.Response:
        token = request.url.path.rsplit("/", 1)[1]
        if request.method == "GET":
            return self.ranged(request, self.bytes[token])
        signed = self.signed[token]
        if signed.get("used_up"):
            raise Refused(403, "forbidden", "this address has been used")
        if request.headers["Content-Type"] != signed["content_type"]:
            raise Refused(403, "forbidden", "signed for another type")
        signed["content"] = request.content
        return httpx.Response(200)

    def _registered(self, dataset_id: str, body: Json) -> Json:
        self._free(dataset_id, body["folder_path"], body["filename"])
        place = (dataset_id, body["folder_path"], body["filename"])
        for signed in self.signed.values():
            mine = (signed["dataset_id"], signed["folder_path"], signed["filename"]) == place
            if mine and len(signed.get("content", b"")) == body["file_size"]:
                dataset = next(name for name, it in self.datasets.items() if it["id"] == dataset_id)
                signed["used_up"] = True
                return self.image(
                    dataset,
                    body["filename"],
                    folder=body["folder_path"],
                    content=signed["content"],
                    image_width=body["width"],
                    image_height=body["height"],
                    mime_type=body["content_type"],
                )
        raise Refused(400, "upload_missing", "the bytes have not come")

    def _register(self, request: httpx.Request) -> httpx.Response:
        body = self.body(request)
        image = self._registered(self._dataset_by_id(body["dataset_id"])["id"], body)
        answer = {"success": True, "image_id": image["id"], "image": image, "data": image}
        return httpx.Response(201, json=answer)

    def _bulk_upload_url(self, request: httpx.Request) -> Json:
        body = self.body(request)
        if len(body["images"]) > 500:
            raise Refused(422, "validation_error", "at most 500 images")
        dataset = self._dataset_by_id(body["dataset_id"])
        targets = [self._sign(dataset["id"], it) for it in body["images"]]
        return {"upload_urls": targets, "data": {"upload_urls": targets, "expires_in_minutes": 15}}

    def _bulk_register(self, request: httpx.Request) -> httpx.Response:
        body = self.body(request)
        succeeded, failed = [], []
        for each in body["images"]:
            try:
                succeeded.append(self._registered(body["dataset_id"], each))
            except Refused as refused:
                failed.append({"filename": each["filename"], "error": refused.message})
        data = {"succeeded": succeeded, "failed": failed, "count": len(succeeded)}
        return httpx.Response(201, json={"success": not failed, "failed": failed, "data": data})

    # --- batch, annotations, folders -----------------------------------------------------------------------

    def _batch(self, request: httpx.Request, verb: str) -> Json:
        body = self.body(request)
        dataset = self._dataset(body["dataset_name"])
        if not 1 <= len(body["image_ids"]) <= 10_000:
            raise Refused(422, "validation_error", "image_ids: 1 to 10000 entries")
        mine = {it["id"] for it in self.images.values() if it["dataset_id"] == dataset["id"]}
        ids = list(dict.fromkeys(body["image_ids"]))
        found = [it for it in ids if it in mine]
        if not found:
            raise Refused(404, "not_found", f"no matching images in '{dataset['name']}'")
        if body.get("permanent") and self.key == "member":
            raise Refused(403, "forbidden", "permanent delete needs role admin or owner")
        if body.get("updates", {}).get("status") == "bogus":
            raise Refused(422, "validation_error", "status: not one of new, annotate, review, complete")
        for image_id in found:
            self._apply(verb, image_id, body)
        reason = "Image not found in this dataset"
        failed = [{"id": it, "image_id": it, "reason": reason} for it in ids if it not in mine]
        return {
            "success": not failed,
            "processed": len(found),
            "succeeded": found,
            "failed": failed,
            "failed_count": len(failed),
            "failures": failed,
            "affected_folders": ["/", body.get("target_folder_path", "/")],
            "renamed": 0,
            "created": [
                {"source_id": it, "id": f"{it}-copy", "filename": "c.jpg"} for it in found if verb == "copy"
            ],
            "operation": None,
            "operation_id": "op-9",
        }

    def _apply(self, verb: str, image_id: str, body: Json) -> None:
        image = self.images[image_id]
        if verb == "move":
            image["virtual_folder_path"] = body["target_folder_path"]
        elif verb == "update":
            image.update(body["updates"])
        elif verb == "delete":
            image["is_archived"] = True

    def _get_annotations(self, _: httpx.Request, image_id: str) -> Json:
        self._image(image_id)
        return {"success": True, "image_id": image_id, "annotations": self.annotations.get(image_id, [])}

    def _save_annotations(self, request: httpx.Request, image_id: str) -> Json:
        image, new = self._image(image_id), self.body(request)["annotations"]
        previous = self.annotations.get(image_id, [])
        self.annotations[image_id] = new
        image["annotation_count"] = len(new)
        counts = {"previous_count": len(previous), "new_count": len(new)}
        return {"success": True, "image_id": image_id, **counts, "status": image["status"]}

    def _delete_annotations(self, _: httpx.Request, image_id: str) -> Json:
        return {
            "success": True,
            "image_id": image_id,
            "deleted_count": len(self.annotations.pop(image_id, [])),
        }

    def _folder(self, path: str) -> Json:
        inside = [it for it in self.images.values() if it["virtual_folder_path"] == path]
        return {
            "id": f"f-{path}",
            "name": path.rsplit("/", 1)[1],
            "full_path": path,
            "image_count": len(inside),
        }

    def _list_folders(self, _: httpx.Request, dataset_id: str) -> httpx.Response:
        paths = sorted({it["virtual_folder_path"] for it in self.images.values()} - {"/"})
        extra = {"project_id": dataset_id, "parent_folder_id": None, "created_at": NOW}
        return httpx.Response(200, json=[self._folder(it) | extra for it in paths])

    def _folder_tree(self, _: httpx.Request, _dataset_id: str) -> httpx.Response:
        child = {**self._folder("/cars/red"), "children": []}
        return httpx.Response(200, json=[{**self._folder("/cars"), "children": [child]}])

    # --- the native face -----------------------------------------------------------------------------------

    def operation(self, verb: str = "move", **more: Any) -> Json:
        made = {
            "id": f"op-{self._next()}",
            "verb": verb,
            "state": "finished",
            "dry_run": False,
            "dataset": {"id": "ds-1", "name": "depot"},
            "total": 3,
            "succeeded": 2,
            "failed": 1,
            "pending": 0,
            "outcomes": {"done": 2, "not_found": 1},
            "bytes": 99,
            "undoable": True,
            "created_at": NOW,
            "finished_at": NOW,
        } | more
        self.operations[made["id"]] = made
        return made

    def _run(self, request: httpx.Request) -> Json:
        body = self.body(request)
        return self.operation(body["verb"], dry_run=body.get("dry_run", False), plan=body.get("plan"))

    def _get_operation(self, _: httpx.Request, operation_id: str) -> Json:
        if operation_id not in self.operations:
            raise Refused(404, "not_found", "operation not found")
        found = self.operations[operation_id]
        if found.get("later"):
            found |= found["later"].pop(0)
        return found

    def _list_operations(self, request: httpx.Request) -> Json:
        newest_first = list(reversed(self.operations.values()))
        ids = [it["id"] for it in newest_first]
        before = request.url.params.get("before")
        start = ids.index(before) + 1 if before else 0
        page = newest_first[start : start + int(request.url.params["limit"])]
        more = start + len(page) < len(ids)
        return {"operations": page, "next": page[-1]["id"] if more else None}

    def _list_items(self, request: httpx.Request, operation_id: str) -> Json:
        wanted = request.url.params
        after = int(wanted.get("after", -1))
        rows = [it for it in self.items.get(operation_id, self.always_items) if it["position"] > after]
        if wanted.get("outcome") == "failed":
            rows = [it for it in rows if it["outcome"] not in {"done", "unchanged"}]
        page = rows[: int(wanted["limit"])]
        return {"items": page, "next": page[-1]["position"] if len(page) < len(rows) else None}

    def _report(self, request: httpx.Request, operation_id: str) -> httpx.Response:
        if request.url.params["format"] == "csv":
            return httpx.Response(200, text="position,id\n")
        return httpx.Response(200, text="".join(json.dumps(it) + "\n" for it in self.items[operation_id]))

    def _steer(self, _: httpx.Request, operation_id: str, word: str) -> Json:
        if word == "undo":
            return self.operation("undo", undo_of=operation_id)
        states = {"pause": "paused", "resume": "running", "cancel": "cancelled"}
        return self.operations[operation_id] | {"state": states[word]}

    def _list_assets(self, request: httpx.Request) -> Json:
        rows = [_asset(it) for it in self.images.values()]
        start = int(request.url.params.get("cursor", 0))
        end = start + int(request.url.params["limit"])
        return {"assets": rows[start:end], "next": str(end) if end < len(rows) else None}

    def _next(self) -> int:
        self._serial += 1
        return self._serial


def _slice(request: httpx.Request, rows: list[Json]) -> list[Json]:
    offset = int(request.url.params.get("offset", 0))
    return rows[offset : offset + int(request.url.params["limit"])]


def _asset(image: Json) -> Json:
    return {
        "id": image["id"],
        "dataset_id": image["dataset_id"],
        "folder": image["virtual_folder_path"],
        "name": image["filename"],
        "kind": "image",
        "size": image["file_size"],
        "created_at": NOW,
    }


class BrokenOff(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that stops in the middle, as when a connection breaks."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self.content
        raise httpx.ReadError("connection reset")

    async def __aiter__(self) -> Any:
        yield self.content
        raise httpx.ReadError("connection reset")


def serve(server: FakeServer) -> ThreadingHTTPServer:
    """The same over a real socket, for what only real HTTP shows. Not started yet."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = httpx.Request(
                self.command,
                server.host + self.path,
                headers=self.headers.items(),
                content=self.rfile.read(length),
            )
            response = server.handle(request)
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the base class's names

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.host = f"http://127.0.0.1:{listening.server_port}"
    return listening
