"""One library: what came in through one face is seen, moved, taken back and deleted through the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackroom import Client, NotFoundError
from stackroom.testing.pictures import picture

from .house import House, on_both_databases

pytestmark = on_both_databases


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """Our SDK, with the same key."""
    with Client(house.customer.auth[1], base_url=house.url) as opened:
        yield opened


def dataset_of(house: House, client: Client, space: int) -> str:
    """The name of the dataset that is this space."""
    return str(house.get(f"spaces/{space}").json()["name"])


def keys_of(house: House, space: int) -> set[str]:
    return {each["id"] for each in house.get(f"spaces/{space}/images").json()["member"]}


def delivered(house: House, space: int, key: str) -> int:
    """The status of the image's own address, for everybody."""
    address = f"/iiif-img/{house.customer.number}/{space}/{key}/full/max/0/default.jpg"
    return house.get(address, auth=None).status_code


def test_what_a_batch_brought_is_moved_taken_back_hidden_and_deleted_elsewhere(
    house: House, client: Client
) -> None:
    space = house.a_space()
    submitted = house.submit(*(house.a_member(space, key, tags=["vol1"]) for key in ("leaf-1", "leaf-2")))
    assert house.finished(submitted.json())["completed"] == 2
    name = dataset_of(house, client, space)
    images = {each.filename: each for each in client.images.iter(client.projects.get(name).id)}
    assert {each.rpartition(".")[0] or each for each in images} == {"leaf-1", "leaf-2"}
    first = images[min(images)]
    assert (first.width, first.height) == (40, 30)

    moved = client.batch.move(name, [first.id], target_folder_path="/elsewhere")
    assert moved.success
    assert (keys_of(house, space), delivered(house, space, "leaf-1")) == ({"leaf-1", "leaf-2"}, 200)
    assert client.operations.undo(moved.operation_id).success
    assert client.images.get(first.id).folder_path == "/"

    hidden = client.operations.archive(ids=[first.id])
    assert (keys_of(house, space), delivered(house, space, "leaf-1")) == ({"leaf-2"}, 404)
    assert house.get(f"spaces/{space}/images/leaf-1").status_code == 404
    client.operations.undo(hidden.id)
    assert (keys_of(house, space), delivered(house, space, "leaf-1")) == ({"leaf-1", "leaf-2"}, 200)

    assert house.ask("DELETE", f"spaces/{space}/images/leaf-1").status_code == 204
    with pytest.raises(NotFoundError):
        client.images.get(first.id)
    assert client.operations.purge(ids=[images[max(images)].id]).success
    assert (keys_of(house, space), delivered(house, space, "leaf-2")) == (set(), 404)


def test_an_upload_is_an_image_of_its_space(house: House, client: Client, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture("png", 64, 48))
    made = client.projects.create(f"uploads-{house.a_space()}")
    uploaded = client.images.upload(made.id, photo)
    [space] = [
        each["id"]
        for each in house.get("spaces", params={"pageSize": 500}).json()["member"]
        if each["name"] == made.name
    ]
    seen: dict[str, Any] = house.get(f"spaces/{space}/images/{uploaded.id}").json()
    assert (seen["width"], seen["height"], seen["ingesting"], seen["mediaType"]) == (
        64,
        48,
        False,
        "image/png",
    )
    assert keys_of(house, space) == {uploaded.id}
    assert delivered(house, space, uploaded.id) == 200
    said = {"@type": "Collection", "member": [{"id": uploaded.id, "string1": "found"}]}
    assert house.ask("PATCH", f"spaces/{space}/images", json=said).status_code == 200
    found = house.get("allImages", params={"string1": "found"}).json()["member"]
    assert [each["id"] for each in found] == [uploaded.id]
    change = {"string2": "too", "maxUnauthorised": 0}
    changed = house.ask("PATCH", f"spaces/{space}/images/{uploaded.id}", json=change)
    assert (changed.status_code, changed.json()) == (200, {**found[0], **change})
    assert delivered(house, space, uploaded.id) == 401
    again = house.ask("PUT", f"spaces/{space}/images/{uploaded.id}", json={"mediaType": "image/png"})
    assert (again.status_code, again.json()["code"]) == (400, "origin_missing")

    copied = client.batch.copy(made.name, [uploaded.id], target_folder_path="/copy")
    both = house.get("allImages", params={"string1": "found"}).json()["member"]
    assert copied.success
    assert len({each["id"] for each in both}) == 2
    gone = house.post("deleteImages", {"member": [{"id": f"{house.customer.number}/{space}/{uploaded.id}"}]})
    assert gone.json() == {"message": "images deleted"}
    assert len(keys_of(house, space)) == 1


def test_batches_are_the_same_in_both_protocols(house: House, client: Client) -> None:
    space = house.a_space()
    name = dataset_of(house, client, space)
    batch = client.ingest.submit(
        name, [house.an_original("native.png"), {"origin": house.an_original() + ".not", "key": "missing"}]
    )
    batch = client.ingest.wait(batch, timeout=30)
    assert (batch.completed, batch.errors) == (1, 1)
    address = f"queue/batches/{batch.number}"
    seen = house.get(address).json()
    assert {key: seen[key] for key in ("count", "completed", "errors")} == {
        "count": 2,
        "completed": 1,
        "errors": 1,
    }
    [failed] = house.get(f"{address}/errorImages").json()["member"]
    [item] = client.ingest.items(batch.number, state="failed")
    assert (failed["id"], item.key, item.code) == ("missing", "missing", "origin_not_found")
    assert failed["error"] == item.reason

    (house.originals / house.settings.data_dir.name).mkdir(exist_ok=True)
    again = house.submit(house.a_member(space, "missing"))
    assert house.finished(again.json())["completed"] == 1
    assert client.ingest.get(int(again.json()["@id"].rpartition("/")[2])).success
    assert [each.state for each in client.ingest.items(batch.id)] == ["completed", "failed"]


def test_what_has_not_come_yet_is_there_and_cannot_be_copied(house: House, client: Client) -> None:
    space = house.a_space()
    name = dataset_of(house, client, space)
    with house.busy():
        submitted = house.submit(house.a_member(space, "slow"))
        [image] = client.images.iter(client.projects.get(name).id)
        assert (image.width, delivered(house, space, "slow")) == (None, 404)
        assert client.operations.move("/later", dataset=name, folder="/").success
        copied = client.operations.copy("/copies", ids=[image.id])
        assert copied.outcomes == {"not_ready": 1}
    assert house.finished(submitted.json())["completed"] == 1
    assert client.images.get(image.id).folder_path == "/later"
    assert delivered(house, space, "slow") == 200
