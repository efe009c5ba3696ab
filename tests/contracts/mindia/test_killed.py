"""A server that dies in a batch or right after it. The numbers are those of the protocol's list of cases."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from stackroom.doctor import examine
from stackroom.faults import EXIT_CODE, VARIABLE
from stackroom.settings import Settings
from stackroom.testing.live import LiveServer
from stackroom.testing.processes import wait_until

from .house import PREFIX
from .material import an_image
from .receiver import Receiver

SETTINGS = {
    "STACKROOM_REQUESTS_PER_MINUTE": "0",
    "STACKROOM_ORGANIZATION_REQUESTS_PER_MINUTE": "0",
    "STACKROOM_WEBHOOK_ALLOW": "127.0.0.1",
}


class Site:
    """A server that may be killed, its first owner, and fifty images."""

    def __init__(self, server: LiveServer, receiver: Receiver) -> None:
        self.server = server.start()
        self.key = self.server.create_organization("Harbour")["api_key"]
        self.settings = Settings(data_dir=server.data_dir)
        self.receiver = receiver
        # No connection outlives its answer: one that a dead server had would fail twice.
        self.http = httpx.Client(
            limits=httpx.Limits(max_keepalive_connections=0), timeout=60, trust_env=False
        )

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        given = {"json": body} if body is not None else {}
        return self.http.request(method, self.server.url + PREFIX + path, headers=headers, **given, **options)

    def batch(self, verb: str, media: list[str], once: str) -> httpx.Response:
        return self.ask("POST", f"/media/batch/{verb}", {"ids": media}, headers={"Idempotency-Key": once})

    def fifty(self) -> list[str]:
        sent = self.ask("POST", "/images", files={"file": ("x.png", an_image(), "image/png")})
        assert sent.status_code == 200, sent.text
        copied = self.batch("copy", [sent.json()["id"]] * 49, f"fifty of {sent.json()['id']}")
        return [sent.json()["id"], *(each["new_id"] for each in copied.json()["results"])]

    def hook(self, event: str, path: str) -> None:
        made = self.ask("POST", "/webhooks", {"url": self.receiver.url + path, "event_type": event})
        assert made.status_code == 201, made.text

    def told(self, path: str) -> set[str]:
        return {each.json()["data"]["id"] for each in self.receiver.came(path)}

    def images(self) -> set[str]:
        pages = [self.ask("GET", "/images", params={"limit": 100, "offset": n}).json() for n in (0, 100, 200)]
        return {each["id"] for page in pages for each in page}


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer], receiver: Receiver
) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("killed") / "data"
    opened = Site(live_server(data, environment=SETTINGS, patience=60), receiver)
    yield opened
    opened.http.close()
    if opened.server.running:
        opened.server.kill()


def test_c67_what_was_deleted_is_told_though_the_server_died_after_its_answer(site: Site) -> None:
    media = site.fifty()
    site.hook("file.deleted", "/c67")
    answer = site.batch("delete", media, "delete")
    site.server.kill()
    assert [each["status"] for each in answer.json()["results"]] == [204] * 50
    site.server.start()
    assert wait_until(lambda: site.told("/c67") == set(media), seconds=60), len(site.told("/c67"))
    logs = site.ask("GET", "/audit-logs", params={"event_type": "file_deleted", "limit": 500}).json()["logs"]
    assert sorted(each["details"]["file_id"] for each in logs) == sorted(media)
    assert examine(site.settings, deep=True) == []


def test_c68_a_copy_that_dies_on_its_way_is_whole_or_was_not_made(site: Site) -> None:
    media = site.fifty()
    site.hook("file.uploaded", "/c68")
    for fault in ("apply:between-statements", "apply:before-commit", "answer:after-commit"):
        site.server.restart(**{VARIABLE: fault})
        with pytest.raises(httpx.TransportError):
            site.batch("copy", media, "copy")
        assert site.server.wait() == EXIT_CODE, fault
    site.server.start()
    answer = site.batch("copy", media, "copy")
    assert answer.headers["X-Idempotent-Replayed"] == "true"
    copies = {each["new_id"] for each in answer.json()["results"]}
    assert (len(copies), site.images()) == (50, copies | set(media))
    assert wait_until(lambda: site.told("/c68") == copies, seconds=30), len(site.told("/c68"))
    for each in (media[0], *sorted(copies)[:2]):
        assert site.ask("GET", f"/images/{each}/file").status_code == 200
    assert examine(site.settings, deep=True) == []
