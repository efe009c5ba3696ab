"""Looking at a large library: pages, filters, insights, likeness; and the large writes and exports of annotations."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from bench.client import Client
from bench.library import DATASET, LARGEST, TAG
from bench.memory import MEGABYTE, Watch, held
from bench.operations import PICTOGRAPH, Contest
from bench.pictures import photographs
from bench.report import Table, milliseconds

FACE = "/api/v1/developer"
ANNOTATED = "annotated"
ANNOTATED_IMAGES = 10_000
BOXES = 10
SAVED, BOXES_SAVED = 200, 100


def measure(contest: Contest, workplace: Path, rounds: int, say: Callable[[str], None]) -> Iterator[Table]:
    with Client(contest.port, contest.token) as client:
        yield _reading(contest, client, rounds, say)
        say("ten thousand annotated images")
        images = _annotated_images(client, workplace)
        yield _annotations(contest, client, images, rounds, say)


def _reading(contest: Contest, client: Client, rounds: int, say: Callable[[str], None]) -> Table:
    rows = []
    for name, path in _questions(contest, client):
        say(name)
        rows.append(_row(contest, name, rounds, partial(_ask, client, path)))
    return Table(
        title="Listing, filtering and looking over a dataset",
        text=(
            f"Of the dataset of {contest.chooser.assets:,} images in 1,000 folders, 10 % of them annotated and 1 % "
            "tagged; pages of 100, with their true total, over the Pictograph protocol from the first byte of the "
            "request to the last of the answer. Insights go over every image; near duplicates compare 2,000 with one "
            "another; likeness compares with all images of the largest folder. *Private* is the most that the server "
            f"and its children held of their own meanwhile; idle it was {held(contest.pid).private / MEGABYTE:,.0f} MB."
        ),
        columns=["request", "median", "slowest", "private, peak"],
        rows=rows,
    )


def _questions(contest: Contest, client: Client) -> list[tuple[str, str]]:
    images = f"{FACE}/images?dataset_name={DATASET}&limit=100"
    deep = contest.chooser.assets * 9 // 10
    crowd = f"{images}&folder_path={quote(LARGEST)}"
    one = client.get(crowd)["data"][0]["id"]
    return [
        ("first page", images),
        (f"page at offset {deep:,}", f"{images}&offset={deep}"),
        ("first page of a status", f"{images}&status=review"),
        (f"page of a status at offset {deep // 10:,}", f"{images}&status=review&offset={deep // 10}"),
        ("first page of the largest folder", crowd),
        ("by tag, in the dataset", f"{FACE}/search/by-tags?objects={TAG}&dataset_name={DATASET}&limit=100"),
        ("by tag, in all datasets", f"{FACE}/search/by-tags?objects={TAG}&limit=100"),
        ("insights", f"{FACE}/datasets/{DATASET}/insights"),
        ("near duplicates of 2,000", f"{FACE}/datasets/{DATASET}/duplicates?sample=2000"),
        ("likeness in the largest folder", f"{FACE}/search/similar?image_id={one}&threshold=0.6"),
    ]


def _annotated_images(client: Client, workplace: Path) -> list[str]:
    """The ids of ten thousand images, made of one by copying all there are again and again."""
    dataset = client.send("POST", f"{FACE}/projects", msgspec.json.encode({"name": ANNOTATED})).json()[
        "project"
    ]
    [photo], _ = photographs(1, workplace / "annotated", None)
    about = {"dataset_id": dataset["id"], "filename": photo.name, "content_type": "image/jpeg"}
    ticket = client.send("POST", f"{FACE}/images/upload-url", msgspec.json.encode(about)).json()
    _put(ticket["upload_url"], photo.read_bytes())
    made = client.send("POST", f"{FACE}/images/register", msgspec.json.encode(about)).json()
    ids = [made["image_id"]]
    boxes = msgspec.json.encode({"annotations": _boxes(BOXES)})
    client.send("POST", f"{FACE}/annotations/{ids[0]}", boxes).json()
    while len(ids) < ANNOTATED_IMAGES:
        body = {
            "dataset_name": ANNOTATED,
            "image_ids": ids[: ANNOTATED_IMAGES - len(ids)],
            "target_folder_path": f"/{len(ids)}",
            "copy_annotations": True,
        }
        done = client.send("POST", f"{PICTOGRAPH}/copy", msgspec.json.encode(body)).json()
        ids += [each["id"] for each in done["created"]]
    return ids


def _annotations(
    contest: Contest, client: Client, images: list[str], rounds: int, say: Callable[[str], None]
) -> Table:
    saves = [{"image_id": image, "annotations": _boxes(BOXES_SAVED)} for image in images[:SAVED]]
    body = msgspec.json.encode({"saves": saves})
    say("saving annotations")
    name = f"{SAVED} documents of {BOXES_SAVED} boxes ({len(body) / MEGABYTE:.1f} MB)"
    rows = [_row(contest, name, rounds, partial(_save, client, body))]
    for kind, with_images in (("coco", False), ("yolo", False), ("coco", True)):
        name = f"{len(images):,} images as {kind}{', files included' if with_images else ''}"
        say(name)
        sizes: list[int] = []
        rows.append(_row(contest, name, rounds, partial(_export, client, kind, with_images, sizes)))
        rows[-1][0] += f" ({sizes[-1] / MEGABYTE:,.1f} MB)"
    return Table(
        title="Annotations in bulk, and exports",
        text=(
            "Saving is one request, each time for the same images. An export is measured from the request that asks "
            "for it until the last byte of its file has arrived; it is made in the background, and asked about every "
            f"50 ms. Each of the {len(images):,} images has {BOXES} boxes, but for the {SAVED} that were saved before."
        ),
        columns=["what", "median", "slowest", "private, peak"],
        rows=rows,
    )


def _save(client: Client, body: bytes) -> float:
    answer = client.send("POST", f"{FACE}/annotations/bulk", body)
    answer.json()
    return answer.seconds


def _export(client: Client, kind: str, with_images: bool, sizes: list[int]) -> float:
    began = time.perf_counter()
    asked = {
        "dataset_name": ANNOTATED,
        "name": f"{kind}-{time.time_ns()}",
        "format": kind,
        "include_images": with_images,
    }
    export = client.send("POST", f"{FACE}/exports", msgspec.json.encode(asked)).json()["export"]
    while export["status"] in {"pending", "processing"}:
        time.sleep(0.05)
        export = client.get(f"{FACE}/exports/{export['id']}")["export"]
    if export["status"] != "completed":
        raise RuntimeError(f"the export failed: {export['error_message']}")
    sizes.append(_fetch(client.get(f"{FACE}/exports/{export['id']}/download")["download_url"]))
    took = time.perf_counter() - began
    client.send("DELETE", f"{FACE}/exports/{export['id']}").json()
    return took


def _row(contest: Contest, name: str, rounds: int, work: Callable[[], float]) -> list[str]:
    work()  # warms up, and is not counted
    with Watch(contest.pid) as watch:
        taken = [work() for _ in range(rounds)]
    private = max(watch.peak.private, held(contest.pid).private)  # the watch may blink past a short one
    return [name, milliseconds(taken), milliseconds([max(taken)]), f"{private / MEGABYTE:,.0f} MB"]


def _ask(client: Client, path: str) -> float:
    answer = client.send("GET", path)
    answer.json()
    return answer.seconds


def _boxes(count: int) -> list[dict[str, object]]:
    return [
        {
            "id": str(n),
            "name": f"class {n % 10}",
            "type": "bbox",
            "bounding_box": {"x": n * 7.5, "y": n * 3.25, "w": 120.5, "h": 80.25},
        }
        for n in range(count)
    ]


def _put(url: str, content: bytes) -> None:
    with _connection(url) as connection:
        connection.request("PUT", _path(url), content, {"Content-Type": "image/jpeg"})
        if (status := connection.getresponse().status) >= 300:
            raise RuntimeError(f"the upload was answered with {status}")


def _fetch(url: str) -> int:
    """The bytes of a file, which are looked at by nobody."""
    size = 0
    with _connection(url) as connection:
        connection.request("GET", _path(url))
        response = connection.getresponse()
        while piece := response.read(1 << 20):
            size += len(piece)
    return size


def _connection(url: str) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=300))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
