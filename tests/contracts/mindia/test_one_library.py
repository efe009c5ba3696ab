"""What was made by another protocol is media here, and what goes here is gone there."""

from pathlib import Path
from typing import Any

import pytest

from stackroom import Client, NotFoundError
from stackroom.database.schema import embedding
from stackroom.testing.pictures import picture

from .house import House, refused, statuses
from .receiver import Received
from .shelf import Shelf, on_both_databases


@on_both_databases
def test_media_are_the_assets_of_all_datasets(house: House, shelf: Shelf, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(picture("png", 20, 10, seed=number))
    hook = shelf.hd
    with Client(shelf.a.token, base_url=house.url) as client:
        dataset = client.datasets.create("elsewhere")
        made = [client.images.upload(dataset.id, path).id for path in sorted(tmp_path.glob("*.png"))]
        assert [each["id"] for each in house.get("/images", shelf.a).json()] == made[::-1]

        client.operations.archive(ids=[made[0]])
        refused(house.get(f"/media/{made[0]}", shelf.a), 404, "NOT_FOUND")
        assert statuses(house.batch_delete(made[:2], shelf.a)) == [404, 204]
        client.operations.restore(ids=[made[0]])
        assert house.get(f"/media/{made[0]}", shelf.a).status_code == 200
        with pytest.raises(NotFoundError):
            client.images.get(made[1])

        client.operations.purge(ids=[made[2]])
        refused(house.get(f"/media/{made[2]}", shelf.a), 404, "NOT_FOUND")
        # However they went, each was told once, and to hooks of this protocol in its own words.
        told = [each.json()["data"]["id"] for each in shelf.told(hook)]
        assert sorted(told) == sorted(made[1:])
        uploaded = client.media.upload(tmp_path / "0.png")
        assert {each.name for each in client.datasets.list()} == {"elsewhere", "media"}
        assert client.images.get(uploaded.id).filename == "0.png"


def test_whatever_deletes_an_asset_search_forgets_it(house: House, shelf: Shelf) -> None:
    sound = shelf.a2
    row = house.row_id(sound)
    assert shelf.embeddings(sound) == 1
    with Client(shelf.a.token, base_url=house.url) as client:
        assert client.operations.purge(ids=[sound]).succeeded == 1
    assert house.count(embedding, embedding.c.asset_id == row) == 0
    assert house.get("/media", shelf.a).json() == []


def test_a_hook_is_told_what_was_uploaded_by_another_protocol(
    house: House, shelf: Shelf, tmp_path: Path
) -> None:
    (tmp_path / "a b.png").write_bytes(picture("png", 20, 10))
    hook = shelf.hu
    with Client(shelf.a.token, base_url=house.url) as client:
        made = client.images.upload(client.datasets.create("elsewhere").id, tmp_path / "a b.png").id
    shown = house.get(f"/media/{made}", shelf.a).json()
    ((told, initiator),) = [(it["data"], it["initiator"]["type"]) for it in map(_json, shelf.told(hook))]
    same = {"id", "filename", "content_type", "file_size", "uploaded_at"}
    assert {name: told[name] for name in told if name != "url"} == {name: shown[name] for name in same} | {
        "entity_type": "image",
        "stored_at": shown["uploaded_at"],
    }
    assert initiator == "upload"


def _json(came: Received) -> Any:
    return came.json()
