"""Submitting: what it takes until a batch is accepted, and until one says how it stands, over HTTP."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bench.report import Table, milliseconds
from stackroom.testing.live import LiveServer

FEW, MANY = 250, 100_000
READS = 200
ORIGIN = "https://files.example/volume"


def measure(workplace: Path, rounds: int, say: Callable[[str], None]) -> Table:
    few: list[float] = []
    many: list[float] = []
    with LiveServer(workplace / "submitting", arguments=["--workers", "0"]) as server:
        key = server.create_organization("Submitting")
        customer = f"/customers/{key['customer']}"
        with httpx.Client(base_url=server.url, headers={"X-API-Key": key["api_key"]}, timeout=300) as client:
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                space = _answered(client.post(f"{customer}/spaces", json={"name": f"round {number}"}))["id"]
                members = [_member(space, n) for n in range(FEW)]
                small, seconds = _posted(client, f"{customer}/queue", {"member": members})
                few.append(seconds)
                items = [{"origin": f"{ORIGIN}/{n}.jpg", "key": f"leaf-{n}"} for n in range(FEW, FEW + MANY)]
                body = {"dataset": f"round {number}", "items": items}
                large, seconds = _posted(client, "/library/v1/batches", body)
                many.append(seconds)
            looks = [_looked(client, f"/library/v1/batches/{it}") for it in (_number(small), large["number"])]
    ratio = statistics.median(looks[1]) / statistics.median(looks[0])
    rows = [
        [f"POST of {FEW} members to a queue of the DLCS protocol", milliseconds(few), _rate(FEW, few)],
        [f"POST of {MANY:,} items, native", milliseconds(many), _rate(MANY, many)],
        [f"GET of a batch of {FEW}", milliseconds(looks[0]), ""],
        [f"GET of a batch of {MANY:,}", milliseconds(looks[1]), f"{ratio:.2f} times the one above"],
    ]
    return Table(
        title="Submitting",
        text=(
            "Over HTTP, to a server without workers, into new datasets: read, checked, and committed to the disk with "
            "an asset, a job and an event for each item, in one transaction."
        ),
        columns=["what", "median", "that is"],
        rows=rows,
    )


def _member(space: int, n: int) -> dict[str, Any]:
    return {
        "id": f"leaf-{n}",
        "space": space,
        "origin": f"{ORIGIN}/{n}.jpg",
        "mediaType": "image/jpeg",
        "string1": "volume",
        "number1": n,
    }


def _posted(client: httpx.Client, path: str, body: Any) -> tuple[dict[str, Any], float]:
    began = time.perf_counter()
    answer = client.post(path, json=body)
    return _answered(answer), time.perf_counter() - began


def _looked(client: httpx.Client, path: str) -> list[float]:
    seconds = []
    for _ in range(READS):
        began = time.perf_counter()
        _answered(client.get(path))
        seconds.append(time.perf_counter() - began)
    return seconds


def _answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _number(batch: dict[str, Any]) -> int:
    return int(batch["@id"].rpartition("/")[2])


def _rate(count: int, seconds: list[float]) -> str:
    return f"{count / statistics.median(seconds):,.0f} items/s"
