"""What comes of batches while they are worked on, as their clients see it. Numbers are those of the protocol's list."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from stackroom.database.schema import event
from stackroom.testing.pictures import picture

from .house import House

SETTINGS = {"workers": 2}


@pytest.fixture(scope="module")
def space(house: House) -> int:
    return house.a_space()


def number_of(made: dict[str, Any]) -> int:
    return int(made["@id"].rpartition("/")[2])


def completions(house: House, made: dict[str, Any]) -> int:
    told = select(event.c.id).where(event.c.batch_id == number_of(made), event.c.type == "batch.finished")
    return len(house.read(lambda conn: conn.execute(told).all()))


def test_e4_e5_e7_e8_i2_every_image_counts_once_as_completed_or_as_an_error(house: House, space: int) -> None:
    """When the last of them is done the batch is finished, and that is told once."""
    broken = house.an_original(content=b"no picture")
    good = [house.a_member(space, name, string1="vol1", number1=n) for n, name in enumerate("ab")]
    made = house.submit(*good, house.a_member(space, "c", origin=broken)).json()
    done = house.finished(made)
    assert (done["count"], done["completed"], done["errors"]) == (3, 2, 1)
    assert "estCompletion" not in done
    assert completions(house, made) == 1
    whole = house.get(made["completedImages"]).json()["member"]
    assert [(each["id"], each["width"], each["height"]) for each in whole] == [("a", 40, 30), ("b", 40, 30)]
    (failed,) = house.get(made["errorImages"]).json()["member"]
    assert failed["id"] == "c"
    assert failed["error"]
    for each in (failed, *whole):
        assert not each["ingesting"]
        assert made["submitted"] <= each["finished"] <= done["finished"]
        assert each["batch"] == made["@id"]
    query = {"q": '{"number1": 1, "string1": "vol1"}'}
    assert house.get(made["images"], params=query).json()["totalItems"] == 1
    assert house.numbers("queue/recent")[0] == number_of(made)
    assert number_of(made) not in house.numbers("queue/active")
    assert house.post(made["test"]).json() == {"success": False}


def test_e9_what_is_processed_again_does_not_change_a_finished_batch(house: House, space: int) -> None:
    made = house.submit(house.a_member(space, "e9"), house.a_member(space, "e9-too")).json()
    done = house.finished(made)
    for origin, status in ((house.an_original(), 200), ("https://files.example/none.png", 500)):
        answer = house.ask("PATCH", f"spaces/{space}/images/e9", json={"origin": origin})
        assert answer.status_code == status
        assert house.get(made["@id"]).json() == done
    assert house.get(f"spaces/{space}/images/e9").json()["batch"] == made["@id"]
    assert completions(house, made) == 1


def test_an_image_in_two_open_batches_lets_both_of_them_finish(house: House, space: int) -> None:
    members = [house.a_member(space, f"both-{n}") for n in range(3)]
    with house.busy():
        first, second = house.submit(*members).json(), house.submit(members[0]).json()
    for made, count in ((first, 3), (second, 1)):
        done = house.finished(made)
        assert (done["count"], done["completed"] + done["errors"]) == (count, count)
        assert completions(house, made) == 1
    assert [each["id"] for each in house.get(second["images"]).json()["member"]] == ["both-0"]
    assert house.get(first["images"]).json()["totalItems"] == 2
    assert house.get(f"spaces/{space}/images/both-0").json()["error"] == ""


def test_a_batch_finishes_whose_image_was_deleted_before_its_turn(house: House, space: int) -> None:
    with house.busy():
        made = house.submit(house.a_member(space, "doomed"), house.a_member(space, "spared")).json()
        assert house.ask("DELETE", f"spaces/{space}/images/doomed").status_code == 204
    done = house.finished(made)
    assert (done["completed"], done["errors"]) == (1, 1)
    assert [each["id"] for each in house.get(made["assets"]).json()["member"]] == ["spared"]


def test_i3_new_bytes_take_the_place_of_old_ones(house: House, space: int) -> None:
    small, large = (picture("png", side, side, seed=side) for side in (20, 200))
    for content in (large, small):
        made = house.submit(house.a_member(space, "i3", origin=house.an_original(content=content))).json()
        assert house.finished(made)["completed"] == 1
        assert house.get(f"spaces/{space}/images/i3/storage").json()["size"] == len(content)
    assert house.get(f"spaces/{space}/images/i3").json()["width"] == 20


def test_e19_what_nobody_is_to_see_is_not_even_fetched(house: House, space: int) -> None:
    member = house.a_member(space, "e19", origin="https://files.example/none.png", deliveryChannels=["none"])
    done = house.finished(house.submit(member).json())
    found = house.get(f"spaces/{space}/images/e19").json()
    assert (done["completed"], found["error"], found["ingesting"], found["width"]) == (1, "", False, 0)
    stored = house.get(found["storage"]).json()
    assert (stored["size"], stored["thumbnailSize"]) == (0, 0)


def test_the_priority_lane_ends_as_the_other_does(house: House, space: int) -> None:
    made = house.submit(house.a_member(space, "urgent"), lane="queue/priority").json()
    assert house.finished(made)["completed"] == 1
    assert house.get("queue/priority").json()["size"] == 0


def test_sound_and_files_are_kept_as_they_came(house: House, space: int) -> None:
    pdf = b"%PDF-1.4\n%%EOF\n"
    file = house.a_member(space, "text", mediaType="application/pdf", origin=house.an_original("a.pdf", pdf))
    assert house.finished(house.submit(file).json())["completed"] == 1
    found = house.get(f"spaces/{space}/images/text").json()
    assert (found["family"], found["mediaType"], found["width"]) == ("F", "application/pdf", 0)
    assert house.get(f"spaces/{space}/images/text/storage").json()["size"] == len(pdf)


def test_a_file_is_handed_out_as_the_type_that_it_was_registered_as_last(house: House, space: int) -> None:
    """The same bytes may be of one type to one image and of another to the next."""
    origin = house.an_original("table.txt", uuid.uuid4().bytes.hex().encode())
    types = ["application/octet-stream", "text/csv", "text/plain; charset=utf-8"]
    # What can stand in no header is told to nobody; then its origin says more.
    for n, media_type in enumerate([*types, "text/csv\r\nX-Own: 1", "text/плейн"]):
        said = {"mediaType": media_type, "origin": origin, "deliveryChannels": ["file"]}
        made = house.ask("PUT", f"spaces/{space}/images/table", json=said)
        assert made.status_code == (200 if n else 201)
        sent = house.get(f"/file/{house.customer.number}/{space}/table", auth=None)
        expected = media_type if media_type in types else "text/plain"
        assert (sent.status_code, sent.headers["content-type"]) == (200, expected), media_type
        assert "x-own" not in sent.headers


def test_what_arrived_here_is_an_image_of_the_library(house: House) -> None:
    """Whoever speaks another protocol finds it in the dataset, and may delete it there."""
    space = house.a_space()
    house.finished(house.submit(house.a_member(space, "shared")).json())
    name = house.get(f"spaces/{space}").json()["name"]
    listing = {"dataset_name": name}
    key = {"X-API-Key": house.customer.keys["owner"]}
    listed = house.get("/api/v1/developer/images", params=listing, auth=None, headers=key).json()["data"]
    assert [each["filename"] for each in listed] == ["shared.png"]
    gone = house.ask("DELETE", f"/api/v1/developer/images/{listed[0]['id']}", auth=None, headers=key)
    assert gone.status_code == 200
    assert house.get(f"spaces/{space}/images/shared").status_code == 404
