"""What the sample scripts of the protocol's documentation send, in their order, and what they need in the answers.

Each test is one script. They read every body as JSON, whatever the status, and use links as they are given.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from stackroom.testing.processes import wait_until

from .live import FIXTURES, Site

SPACE = 98765
PUT_EXAMPLE = "put-example-1-rusty-boat"
QUEUED = "post-to-queue-example-1-rhine"
PAGES = ("page_01", "page_02", "page_03")
CATALOGUE = "catalogue-1985"


class Script:
    """As the scripts ask: JSON whenever they write, also with no body."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.url = f"{site.url}/customers/{site.customer}"
        self.space = f"{self.url}/spaces/{SPACE}"

    def ask(self, method: str, address: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The body of the answer, which must be JSON unless something was deleted."""
        headers = {} if method == "GET" else {"Content-Type": "application/json"}
        sent = {} if body is None else {"json": body}
        answer = self._site.ask(method, address, headers=headers, **sent, **options)
        assert answer.status_code == status, answer.text
        return None if status == httpx.codes.NO_CONTENT else answer.json()

    def get(self, address: str, *, status: int = 200, **query: Any) -> Any:
        return self.ask("GET", address, status=status, params=query or None)

    def ensure_space(self) -> None:
        if self._site.get(self.space).status_code == httpx.codes.NOT_FOUND:
            made = self.ask("PUT", self.space, {"name": "Space created by documentation example"}, status=201)
            assert made["id"] == SPACE
        assert self.get(self.space)["id"] == SPACE

    def ensure_queued(self) -> None:
        if self._site.get(f"{self.space}/images/{QUEUED}").status_code == httpx.codes.NOT_FOUND:
            self.queue("queue", QUEUED)

    def ensure_put(self) -> dict[str, Any]:
        self.ensure_space()
        body = {"mediaType": "image/jpeg", "origin": self._site.a_picture(name="rusty-boat.jpg")}
        body["origin"] = f"{FIXTURES}rusty-boat.jpg"
        address = f"{self.space}/images/{PUT_EXAMPLE}"
        new = self._site.get(address).status_code == httpx.codes.NOT_FOUND
        found: dict[str, Any] = self.ask("PUT", address, body, status=201 if new else 200)
        return found

    def queue(self, lane: str, *names: str, kind: str = "Collection", **said: Any) -> dict[str, Any]:
        """Post to a queue and poll until all of it is completed, as `wait_for_value` does."""
        self.ensure_space()
        members = []
        for number, name in enumerate(names, 1):
            self._site.a_picture(name=f"{name}.jpg")
            member = {
                "id": name,
                "space": SPACE,
                "origin": f"{FIXTURES}{name}.jpg",
                "mediaType": "image/jpeg",
            }
            members.append(member | ({**said, "number1": number} if said else {}))
        batch = self.ask("POST", f"{self.url}/{lane}", {"@type": kind, "member": members}, status=201)
        assert batch["count"] == len(names)
        assert wait_until(lambda: self.get(batch["@id"])["completed"] == len(names), seconds=30)
        return dict(batch)


@pytest.fixture
def script(site: Site) -> Script:
    return Script(site)


def test_p01_overview(script: Script, site: Site) -> None:
    entry = script.get("/")
    customers = script.get(entry["customers"])
    first = site.get(customers["member"][0]["@id"])  # perhaps somebody else's
    assert first.json()["@type"] in {"vocab:Customer", "Error"}
    assert script.get(script.url)["@type"] == "vocab:Customer"


def test_p04_entrypoint(script: Script) -> None:
    entry = script.get("/")
    for name in ("customers", "originStrategies", "storagePolicies"):
        assert script.get(entry[name])["@type"] == "Collection"
    assert script.get(entry["@id"] + "/queue")["@type"] == "vocab:QueueSummary"


def test_p02_put(script: Script) -> None:
    found = script.ensure_put()
    assert (found["id"], found["ingesting"], found["width"]) == (PUT_EXAMPLE, False, 60)


def test_p02_post(script: Script) -> None:
    script.ensure_space()
    refused = script.ask("POST", f"{script.space}/images", {"id": "x"}, status=405)
    assert refused["@type"] == "Error"


def test_p02_post_to_queue(script: Script) -> None:
    batch = script.queue("queue", QUEUED)
    assert "finished" in script.get(batch["@id"])


def test_p02_queue_multiple_assets(script: Script) -> None:
    batch = script.queue("queue", *PAGES, kind="hydra:Collection", string1=CATALOGUE)
    assert script.get(batch["@id"])["completed"] == 3


def test_p05_customer(script: Script) -> None:
    customer = script.get(script.url)
    for name in ("queue", "spaces", "allImages", "storage", "keys"):
        assert script.get(customer[name])["@type"]
    assert script.get(f"{script.url}/storage")["storagePolicy"]


def test_p05_all_images(script: Script, site: Site) -> None:
    script.queue("queue", *PAGES, string1=CATALOGUE)
    wanted = {
        "@type": "Collection",
        "member": [{"id": f"{site.customer}/{SPACE}/{each}"} for each in PAGES[:2]],
    }
    assert len(script.ask("POST", f"{script.url}/allImages", wanted)["member"]) == 2
    assert len(script.get(f"{script.url}/allImages")["member"]) >= 3
    found = script.get(f"{script.url}/allImages", q=f'{{"string1":"{CATALOGUE}"}}')
    assert {each["id"] for each in found["member"]} >= set(PAGES)


def test_p05_keys(script: Script) -> None:
    before = len(script.get(f"{script.url}/keys")["member"])
    made = script.ask("POST", f"{script.url}/keys")
    assert len(script.get(f"{script.url}/keys")["member"]) == before + 1
    script.ask("DELETE", made["@id"], status=204)
    assert len(script.get(f"{script.url}/keys")["member"]) == before


def test_p06_space(script: Script, site: Site) -> None:
    script.ensure_space()
    temporary = f"{script.url}/spaces/314159"
    body = {"name": "Temporary space", "id": 7}
    script.ask("PUT", temporary, body, status=201)
    assert script.ask("PUT", temporary, body)["id"] == 314159
    assert script.ask("PATCH", temporary, {"name": "Renamed"})["name"] == "Renamed"
    script.ask("DELETE", temporary, status=204)
    roles = ["https://api.example/roles/clickthrough"]
    for given in (roles, []):
        script.ask("PATCH", script.space, {"defaultRoles": given})
        assert script.get(script.space)["defaultRoles"] == given
    assert script.get(script.get(script.space)["storage"])["@type"] == "vocab:CustomerStorage"


def test_p06_space_images(script: Script, site: Site) -> None:
    script.queue("queue", *PAGES, string1=CATALOGUE)
    images = script.get(script.space)["images"]
    assert script.get(images)["member"]
    assert script.get(images, q=f'{{"string1":"{CATALOGUE}"}}')["member"]
    names = [f"bulk-patch-example-{number}" for number in (1, 2)]
    for name in names:
        body = {"mediaType": "image/jpeg", "origin": site.a_picture()}
        script.ask("PUT", f"{images}/{name}", body, status=201)
    changes = {"member": [{"id": name, "string2": "changed", "tags": ["bulk"]} for name in names]}
    changed = script.ask("PATCH", images, {"@type": "Collection", **changes})
    assert [each["string2"] for each in changed["member"]] == ["changed", "changed"]
    origins = {"member": [{"id": name, "origin": "https://files.example/x.jpg"} for name in names]}
    assert script.ask("PATCH", images, {"@type": "Collection", **origins}, status=400)["@type"] == "Error"


def test_p06_space_default_delivery_channels(script: Script) -> None:
    script.ensure_space()
    channels = script.get(script.get(script.space)["defaultDeliveryChannels"])
    policy = f"{script.url}/deliveryChannelPolicies/iiif-av/default-video"
    body = {"channel": "iiif-av", "policy": policy, "mediaType": "application/mp4"}
    made = script.ask("POST", channels["@id"], body, status=201)
    assert made["@id"] in {each["@id"] for each in script.get(channels["@id"])["member"]}
    script.ask("DELETE", made["@id"], status=204)


def test_p07_get_asset_batch(script: Script) -> None:
    script.ensure_queued()
    found = script.get(f"{script.space}/images/{QUEUED}")
    assert script.get(found["batch"])["@type"] == "vocab:Batch"


def test_p07_get_put_patch_delete_asset(script: Script, site: Site) -> None:
    script.ensure_space()
    address = f"{script.space}/images/docs-example-image"
    body = {"mediaType": "image/png", "origin": site.a_picture("png")}
    script.ask("PUT", address, body, status=201)
    script.get(address)
    script.ask("PUT", address, body)
    changed = script.ask("PATCH", address, {"tags": ["a", "b"], "string1": "changed"})
    assert (changed["tags"], changed["string1"]) == (["a", "b"], "changed")
    script.get(address)
    script.ask("DELETE", address, status=204)
    assert script.get(address, status=404)["@type"] == "Error"


@pytest.mark.parametrize("lane", ["queue", "queue/priority"])
def test_p08_get_and_post_queue(script: Script, lane: str) -> None:
    script.get(f"{script.url}/{lane}")
    script.queue(lane, f"{lane.rpartition('/')[2]}-example")
    assert script.get(f"{script.url}/{lane}")["size"] == 0


@pytest.mark.parametrize("which", ["batches", "active", "recent"])
def test_p08_get_batches(script: Script, which: str) -> None:
    assert script.get(f"{script.url}/queue/{which}")["@type"] == "Collection"
    assert script.get("/queue")["@type"] == "vocab:QueueSummary"


def test_p09_batch_operations(script: Script) -> None:
    script.ensure_queued()
    batch = script.get(script.get(f"{script.url}/queue/batches")["member"][0]["@id"])
    assert script.get(batch["images"])["@type"] == "Collection"
    assert script.get(batch["@id"] + "/assets")["member"]
    assert isinstance(script.ask("POST", batch["test"], {})["success"], bool)


def test_p15_asset_queries(script: Script) -> None:
    script.queue("queue", *PAGES, string1=CATALOGUE)
    images = script.get(script.space)["images"]
    queries: list[tuple[dict[str, Any], Callable[[int, int], bool]]] = [
        ({"string1": CATALOGUE}, lambda found, _: found == 3),
        ({"q": f'{{"string1": "{CATALOGUE}",\n "number1": 2}}'}, lambda found, _: found == 1),
        ({"pageSize": 10, "page": 1}, lambda found, everything: found == everything),
        ({"orderByDescending": "width"}, lambda found, everything: found == everything),
        ({"include": "adjuncts"}, lambda found, everything: found == everything),
        *(
            ({"q": f'{{"{name}": ["x"]}}'}, lambda found, everything: found == everything)
            for name in ("tags", "roles", "id")
        ),
    ]
    everything = script.get(images)["totalItems"]
    for query, right in queries:
        assert right(script.get(images, **query)["totalItems"], everything), query
    assert script.get(images, status=400, q='{"string1": ["a", "b"]}')["@type"] == "Error"
    assert script.get(f"{script.url}/allImages", string1=CATALOGUE)["totalItems"] == 3


def test_p17_single_asset_manifest(script: Script, site: Site) -> None:
    script.ensure_put()
    script.get(f"{script.space}/images/{PUT_EXAMPLE}")
    manifest = script.ask("GET", f"/iiif-manifest/{site.customer}/{SPACE}/{PUT_EXAMPLE}", auth=None)
    assert manifest["type"] == "Manifest"


def test_p18_storage(script: Script) -> None:
    script.ensure_put()
    storage = script.get(f"{script.url}/storage")
    assert script.get(script.get(script.space)["storage"])["numberOfStoredImages"]
    assert script.get(f"{script.space}/images/{PUT_EXAMPLE}/storage")["size"]
    assert script.get(storage["storagePolicy"])["@type"] == "vocab:StoragePolicy"
