"""Spaces. Numbers are those of the protocol's list."""

from typing import Any

import pytest
from sqlalchemy import select

from stackroom.database import schema
from stackroom.library import datasets

from .house import Customer, House, on_both_databases
from .shelf import put_there

pytestmark = on_both_databases
SETTINGS = {"workers": 0}


@pytest.fixture
def mine(house: House) -> Customer:
    """A customer without any spaces."""
    return house.a_customer()


def test_s1_a_space_is_made_and_told_where_it_is(house: House, mine: Customer) -> None:
    made = house.post("spaces", {"name": "first"}, of=mine)
    body = made.json()
    address = f"{house.url}/customers/{mine.number}/spaces/1"
    assert (made.status_code, made.headers["location"], body["@id"]) == (201, address, address)
    assert made.headers["content-type"] == "application/json; charset=utf-8"
    assert {**body, "created": "…"} == {
        "@context": f"{house.url}/contexts/Space.jsonld",
        "@id": address,
        "@type": "vocab:Space",
        "id": 1,
        "name": "first",
        "created": "…",
        "defaultTags": [],
        "defaultRoles": [],
        "maxUnauthorised": -1,
        "approximateNumberOfImages": 0,
        "images": f"{address}/images",
        "storage": f"{address}/storage",
        "metadata": f"{address}/metadata",
        "defaultDeliveryChannels": f"{address}/defaultDeliveryChannels",
    }
    for name in ("images", "storage", "metadata", "defaultDeliveryChannels"):
        assert house.get(body[name], of=mine).status_code == 200
    assert len(body["created"].partition(".")[2]) == 8  # seven digits and a Z


def test_s2_what_is_said_of_new_images_is_kept(house: House, mine: Customer) -> None:
    said = {"name": "x", "defaultTags": ["a", "b"], "DefaultRoles": ["https://r/1"], "maxunauthorised": 400}
    made = house.post("spaces", said, of=mine).json()
    seen = house.get(made["@id"], of=mine).json()
    for each in (made, seen):
        assert (each["defaultTags"], each["defaultRoles"]) == (["a", "b"], ["https://r/1"])
        assert each["maxUnauthorised"] == 400


def test_s3_spaces_are_paged_in_the_order_asked_for(house: House, mine: Customer) -> None:
    for name in "cabed":
        house.post("spaces", {"name": name}, of=mine)
    for query, expected in (
        ({}, "cabed"),
        ({"orderByDescending": "created"}, "debac"),
        ({"orderBy": "name"}, "abcde"),
        ({"orderByDescending": "Name"}, "edcba"),
        ({"orderBy": "images"}, "cabed"),
        ({"pageSize": "-1"}, "cabed"),
    ):
        page, seen = house.get("spaces", params={"pageSize": "2", **query}, of=mine).json(), ""
        while True:
            seen += "".join(each["name"] for each in page["member"])
            assert page["totalItems"] == 5
            if "view" not in page or "next" not in page["view"]:
                break
            assert ("orderBy" in query) is ("orderBy=" in page["view"]["next"]) or "images" in query.values()
            page = house.get(page["view"]["next"], of=mine).json()
        assert seen == expected


def test_s4_a_space_is_changed_and_the_rest_stays(house: House, mine: Customer) -> None:
    made = house.post("spaces", {"name": "x", "defaultTags": ["a"], "maxUnauthorised": 5}, of=mine).json()
    house.post("spaces", {"name": "taken"}, of=mine)
    for method in ("PATCH", "PUT"):
        changed = house.ask(method, made["@id"], json={"name": f"by {method}", "id": 77}, of=mine)
        assert changed.status_code == 200
        assert "approximateNumberOfImages" not in changed.json()
        seen = house.get(made["@id"], of=mine).json()
        assert (seen["name"], seen["defaultTags"], seen["maxUnauthorised"]) == (f"by {method}", ["a"], 5)
        conflict = house.ask(method, made["@id"], json={"name": "taken"}, of=mine)
        assert (conflict.status_code, conflict.json()["title"][-16:]) == (409, "failed: Conflict")
        assert house.ask(method, made["@id"], json={}, of=mine).json()["name"] == f"by {method}"
    cleared = house.ask("PATCH", made["@id"], json={"defaultTags": []}, of=mine).json()
    assert (cleared["defaultTags"], cleared["name"]) == ([], "by PUT")


def test_s5_a_space_may_be_put_under_a_number_of_its_own(house: House, mine: Customer) -> None:
    made = house.ask("PUT", "spaces/98765", content=b'{"name": "far out",}', of=mine)
    assert (made.status_code, made.json()["id"]) == (201, 98765)
    assert made.headers["location"].endswith("/spaces/98765")
    assert house.post("spaces", {"name": "next"}, of=mine).json()["id"] == 1
    nameless = house.ask("PUT", "spaces/5", json={}, of=mine)
    assert (nameless.status_code, nameless.json()["detail"]) == (400, "A space must have a name.")
    taken = house.ask("PUT", "spaces/5", json={"name": "next"}, of=mine)
    assert taken.status_code == 409


def test_a_space_that_somebody_else_makes_at_the_same_moment_is_the_one_put(
    house: House, mine: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several programs begin by making sure of their space, and all of them find none."""
    first = house.ask("PUT", "spaces/41", json={"name": "shared"}, of=mine)
    look = datasets.by_numbers
    looks: list[dict[int, Any]] = [{}]
    monkeypatch.setattr(datasets, "by_numbers", lambda *asked: looks.pop() if looks else look(*asked))
    second = house.ask("PUT", "spaces/41", json={"name": "shared", "maxUnauthorised": 7}, of=mine)
    assert (first.status_code, second.status_code, second.json()["maxUnauthorised"]) == (201, 200, 7)
    looks.append({})
    other = house.ask("PUT", "spaces/42", json={"name": "shared"}, of=mine)
    assert (other.status_code, looks) == (409, [])


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "9" * 30, "x", "1.0", "٣"])
def test_what_is_no_number_of_a_space_is_not_found_or_refused(house: House, number: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        assert house.ask(method, f"spaces/{number}", json={"name": "x"}).status_code == 404
    assert house.ask("PUT", f"spaces/{number}", json={"name": "x"}).status_code in {400, 404}
    for part in ("images", "storage", "defaultDeliveryChannels"):
        assert house.get(f"spaces/{number}/{part}").status_code == 404


def test_s6_an_empty_space_is_deleted_and_one_with_images_is_not(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    put_there(house, space, {"a": {}}, of=mine)
    kept = house.ask("DELETE", f"spaces/{space}", of=mine)
    assert (kept.status_code, kept.json()["detail"]) == (409, "Cannot delete a space with images")
    assert house.ask("DELETE", f"spaces/{space}/images/a", of=mine).status_code == 204
    gone = house.ask("DELETE", f"spaces/{space}", of=mine)
    assert (gone.status_code, gone.content) == (204, b"")
    assert house.ask("DELETE", f"spaces/{space}", of=mine).status_code == 404
    assert house.get(f"spaces/{space}/images", of=mine).status_code == 404


def test_what_is_archived_in_a_space_is_not_deleted_with_it(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    put_there(house, space, {"a": {}}, of=mine)
    hidden = schema.asset.update().where(schema.asset.c.organization_id == mine.organization.id)
    house.write(lambda conn: conn.execute(hidden.values(archived_at=1)))
    assert house.get(f"spaces/{space}/images", of=mine).json()["totalItems"] == 0
    kept = house.ask("DELETE", f"spaces/{space}", of=mine)
    assert (kept.status_code, kept.json()["code"]) == (409, "space_not_empty")


def test_s7_d39_the_number_of_a_deleted_space_is_given_to_no_other(house: House, mine: Customer) -> None:
    first, last = house.a_space(mine), house.a_space(mine)
    house.ask("PUT", "spaces/4", json={"name": "four"}, of=mine)
    for number in (last, 4):
        assert house.ask("DELETE", f"spaces/{number}", of=mine).status_code == 204
    assert [first, last, house.a_space(mine), house.a_space(mine)] == [1, 2, 3, 5]
    again = house.ask("PUT", "spaces/4", json={"name": "four"}, of=mine)  # who asks for it gets it
    assert again.status_code == 201


def test_a_dataset_of_another_face_is_a_space(house: House, mine: Customer) -> None:
    made = house.ask(
        "POST",
        "/api/v1/developer/projects",
        json={"name": "cats"},
        auth=None,
        headers={"X-API-Key": mine.keys["owner"]},
    )
    assert made.status_code == 201
    (space,) = house.get("spaces", of=mine).json()["member"]
    assert (space["name"], space["id"]) == ("cats", 1)


def test_everything_done_to_a_space_is_recorded(house: House, mine: Customer) -> None:
    made = house.post("spaces", {"name": "x"}, of=mine).json()
    house.ask("PATCH", made["@id"], json={"defaultRoles": ["r"]}, of=mine)
    house.ask("DELETE", made["@id"], of=mine)
    query = select(schema.event.c.type).where(schema.event.c.organization_id == mine.organization.id)
    kinds = house.read(lambda conn: conn.scalars(query.order_by(schema.event.c.id)).all())
    assert [each for each in kinds if each.startswith("dataset")] == [
        "dataset.created",
        "dataset.updated",
        "dataset.deleted",
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"name": 5},
        {"name": "x", "defaultTags": "a"},
        {"name": "x", "maxUnauthorised": -2},
        {"name": "a/b"},
        [],
    ],
)
def test_a_space_that_cannot_be_is_refused(house: House, said: Any) -> None:
    refused = house.post("spaces", said)
    assert (refused.status_code, refused.json()["@type"]) == (400, "Error")
