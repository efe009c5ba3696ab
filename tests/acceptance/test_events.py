"""What happened, and being told of it, from a shell: a live server, a real receiver."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackroom.testing.live import LiveServer
from stackroom.testing.processes import wait_until
from stackroom.testing.receiver import Receiver

from .conftest import QuickShell


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, live_server: Callable[..., LiveServer], receiver: Receiver
) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("library") / "data"
    arguments = ["--webhook-allow", receiver.host, "--webhook-minute", "0.05", "--webhook-attempts", "2"]
    with live_server(data, arguments=arguments) as running:
        yield running


def test_what_happens_is_told_listed_and_exported(
    server: LiveServer, receiver: Receiver, tmp_path: Path
) -> None:
    key = server.create_organization("Events")["api_key"]
    shell = QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)
    url = receiver.url("fail/1/hooks")
    made = shell("webhook", "create", url, "--event", "dataset.created", "--json").json
    shell("dataset", "create", "photos")
    assert wait_until(lambda: len(receiver.heard_at("fail/1/hooks")) == 2, seconds=30)
    first, second = receiver.heard_at("fail/1/hooks")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.json()["data"]["name"] == "photos"

    def states() -> list[tuple[str, int]]:
        found = shell("webhook", "deliveries", "--to", url, "--json").json["deliveries"]
        return [(each["status"], each["attempts"]) for each in found]

    assert wait_until(lambda: states() == [("delivered", 2)], seconds=30)
    [delivery] = shell("webhook", "deliveries", "--json").json["deliveries"]
    assert shell("webhook", "replay", delivery["id"], "--json").json["replayed"] is True
    assert wait_until(lambda: states() == [("delivered", 1), ("delivered", 2)], seconds=30)
    assert "delivered" in shell("webhook", "deliveries", "--status", "delivered").out
    assert shell("webhook", "replay", made["endpoint"]["id"]).code == 4
    tested = shell("webhook", "test", url)
    assert (tested.code, "204" in tested.out) == (0, True)
    shell("webhook", "update", url, "--url", "http://10.0.0.1/x", "--per-item", "--asset-kind", "video")
    refused = shell("webhook", "test", made["endpoint"]["id"], "--json")
    assert (refused.code, refused.json["delivered"]) == (1, False)
    [shown] = shell("webhook", "list", "--json").json["endpoints"]
    assert (shown["per_item"], shown["asset_kind"]) == (True, "video")

    listed = shell("events", "list", "--type", "dataset.created", "--json").json["events"]
    assert [each["data"]["name"] for each in listed] == ["photos"]
    assert (listed[0]["method"], listed[0]["id"]) == ("POST", first.headers["webhook-id"])
    assert "dataset.created" in shell("events", "list", "--since", "2020-01-01").out
    assert shell("events", "list", "--until", "2020-01-01", "--json").json == {"events": []}
    assert shell("events", "list", "--since", "yesterday").code == 2
    file = tmp_path / "events.jsonl"
    assert shell("events", "export", file, "--json").json == {"path": str(file)}
    kinds = [json.loads(line)["type"] for line in file.read_text().splitlines()]
    assert kinds[0] == "organization.created"
    assert kinds.index("webhook.created") < kinds.index("dataset.created") < kinds.index("webhook.updated")
    tail = shell("events", "tail", "--after", "0", "-n", str(len(kinds)), "--json").out
    assert [json.loads(line)["type"] for line in tail.splitlines()] == kinds
    viewer = QuickShell(
        STACKROOM_API_KEY=server.create_key("Events", "viewer")["api_key"], STACKROOM_BASE_URL=server.url
    )
    assert viewer("events", "list").code == 3
    assert viewer("events", "tail").code == 3


def test_a_receiver_that_never_answers_well_is_given_up(server: LiveServer, receiver: Receiver) -> None:
    key = server.create_organization("Gone")["api_key"]
    shell = QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)
    url = receiver.url("status/410/gone")
    shell("webhook", "create", url, "--event", "dataset.created")
    shell("dataset", "create", "photos")

    def off() -> bool:
        [shown] = shell("webhook", "list", "--json").json["endpoints"]
        return not shown["enabled"] and "2 times" in shown["disabled_reason"]

    assert wait_until(off, seconds=30)
    assert len(receiver.heard_at("status/410/gone")) == 2
    [event] = shell("events", "list", "--type", "webhook.deactivated", "--json").json["events"]
    assert event["key_id"] is None
    assert "on, all events" in shell("webhook", "update", url, "--on", "--all-events").out
