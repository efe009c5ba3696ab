"""Search by meaning finds what came through any protocol; who owns the library sees that, and has it made again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from stackroom import Client
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

from .conftest import QuickShell


class House:
    """An organization with an image `harbour.png` that the Pictograph protocol has brought."""

    def __init__(self, server: LiveServer, name: str, files: Path) -> None:
        made = server.create_organization(name)
        self.name, self.key, self.id = name, made["api_key"], made["organization_id"]
        self.url = server.url
        self.run = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
        (files / "harbour.png").write_bytes(picture("png", 20, 10, seed=len(name)))
        with self.client() as client:
            dataset = client.projects.create("ships")
            self.image = client.images.upload(dataset.id, files / "harbour.png").id

    def client(self) -> Client:
        return Client(self.key, base_url=self.url)

    def found(self, query: str) -> set[str]:
        """What a search by meaning finds."""
        asked = {"q": query, "search_mode": "semantic"}
        answer = httpx.get(
            f"{self.url}/api/v0/search", params=asked, headers={"X-API-Key": self.key}, timeout=30
        )
        return {each["id"] for each in answer.raise_for_status().json()["results"]}

    def standing(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.run("embeddings", "status", "--org", self.id, "--json").json
        assert (seen["model"], seen["dim"]) == ("stackroom-ngrams-1", 768)
        (mine,) = seen["organizations"]
        return dict(mine)


@pytest.fixture
def house(server: LiveServer, tmp_path: Path) -> House:
    return House(server, f"House of {tmp_path.name}", tmp_path)


def test_what_another_protocol_brought_is_found_and_copies_by_their_own_words(house: House) -> None:
    assert wait_until(lambda: house.found("harbour") == {house.image}, seconds=20)
    with house.client() as client:
        client.operations.copy("/copies", ids=[house.image])
        (copy,) = [each.id for each in client.media.iter() if each.id != house.image]
        client.operations.update({"display_name": "Lighthouse"}, ids=[copy])
        assert wait_until(lambda: house.found("lighthouse") == {copy}, seconds=20)
        assert house.found("harbour") == {house.image, copy}
        client.operations.purge(ids=[house.image])
        assert house.found("harbour") == {copy}


def test_who_has_never_searched_by_meaning_has_no_vectors(house: House) -> None:
    assert (house.standing()["searched"], house.standing()["round"]) == (False, None)
    assert "not searched by meaning" in house.run("embeddings", "status", "--org", house.id).out
    house.found("harbour")
    assert house.standing()["searched"]


def test_all_is_made_again_and_waited_for(house: House) -> None:
    assert wait_until(lambda: house.found("harbour") == {house.image}, seconds=20)
    done = house.run("embeddings", "rebuild", "--org", house.name, "--wait", "--json")
    assert done.code == 0
    (mine,) = done.json["organizations"]
    assert (mine["organization_id"], mine["embedded"], mine["waiting"]) == (house.id, 1, 0)
    assert (mine["round"]["state"], mine["round"]["again"], mine["round"]["done"]) == ("finished", True, 1)
    told = house.run("embeddings", "rebuild", "--org", house.name, "--wait")
    assert "1 of 1 asset have vectors" in told.out
    assert house.name in house.run("embeddings", "status").out
    assert house.run("embeddings", "rebuild", "--org", "nobody", "--json").code == 4


def test_without_a_server_it_is_noted_and_nobody_waits(
    tmp_path: Path, live_server: Callable[..., LiveServer]
) -> None:
    server = live_server(tmp_path / "data")
    with server:
        house = House(server, "Afterwards", tmp_path)
        assert wait_until(lambda: house.found("harbour") == {house.image}, seconds=20)
    refused = house.run("embeddings", "rebuild", "--wait")
    assert refused.code == 5
    assert house.run("embeddings", "rebuild", "--json").json == {"organizations": [house.id]}
    assert house.standing()["round"]["state"] == "running"
    assert house.run("embeddings", "cancel", "--json").json == {"organizations": [house.id]}
    assert house.run("embeddings", "cancel", "--json").json == {"organizations": []}
    assert house.standing()["round"]["state"] == "cancelled"


def test_a_library_in_which_nothing_is_embedded_says_so(
    tmp_path: Path, live_server: Callable[..., LiveServer]
) -> None:
    with live_server(tmp_path / "data", arguments=["--embedder", "none"]) as server:
        house = House(server, "Plain", tmp_path)
        assert house.run("embeddings", "status", "--json").json == {
            "model": None,
            "dim": None,
            "organizations": [],
        }
        refused = house.run("embeddings", "rebuild", "--json")
        assert (refused.code, "nothing_embedded" in refused.out + refused.err) == (5, True)
