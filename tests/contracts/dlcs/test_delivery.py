"""How new images are delivered, and how their origins are reached: what a customer and a space say of it."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from stackroom.database import schema

from .house import Customer, House

SETTINGS = {"workers": 0}


@pytest.fixture
def mine(house: House) -> Customer:
    return house.a_customer()


@pytest.fixture(params=["customer", "space"])
def place(request: pytest.FixtureRequest, house: House, mine: Customer) -> str:
    """Where the defaults are that a test is about."""
    return "" if request.param == "customer" else f"spaces/{house.a_space(mine)}/"


def said(policy: str = "default-video", **rest: Any) -> dict[str, Any]:
    return {"channel": "iiif-av", "policy": policy, "mediaType": "application/mp4", **rest}


def test_a_default_is_made_read_replaced_and_removed(house: House, mine: Customer, place: str) -> None:
    collection = house.get(f"{place}defaultDeliveryChannels", of=mine).json()
    before = collection["member"]
    policy = f"{house.url}/customers/{mine.number}/deliveryChannelPolicies/iiif-av/default-video"
    made = house.post(collection["@id"], said(policy), of=mine)
    body = made.json()
    assert (made.status_code, made.headers["location"]) == (201, body["@id"])
    assert body["@id"].startswith(f"{collection['@id']}/")
    assert (body["@type"], body["policy"]) == ("vocab:DefaultDeliveryChannel", "default-video")
    assert house.get(body["@id"], of=mine).json() == body
    again = house.post(collection["@id"], said(), of=mine)
    assert (again.status_code, again.json()["title"]) == (
        409,
        "Create default delivery channel failed: Conflict",
    )
    changed = house.ask("PUT", body["@id"], json=said(mediaType="video/mp4"), of=mine)
    assert (changed.status_code, changed.json()["mediaType"]) == (200, "video/mp4")
    listed = house.get(collection["@id"], of=mine).json()
    assert (listed["totalItems"], listed["member"]) == (len(before) + 1, [*before, changed.json()])
    gone = house.ask("DELETE", body["@id"], of=mine)
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "PUT", "DELETE"):
        assert house.ask(method, body["@id"], json=said(), of=mine).status_code == 404
    kinds = select(schema.event.c.type).where(
        schema.event.c.organization_id == mine.organization.id, schema.event.c.type.like("delivery%")
    )
    assert house.read(lambda conn: conn.scalars(kinds.order_by(schema.event.c.id)).all()) == [
        "delivery_default.created",
        "delivery_default.updated",
        "delivery_default.deleted",
    ]


def test_a_customer_begins_with_the_usual_ones_and_may_change_them(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    assert house.get(f"spaces/{space}/defaultDeliveryChannels", of=mine).json()["member"] == []
    usual = house.get("defaultDeliveryChannels", of=mine).json()["member"]
    assert [(each["channel"], each["policy"], each["mediaType"]) for each in usual] == [
        ("iiif-img", "default", "image/*"),
        ("thumbs", "default", "image/*"),
        ("iiif-av", "default-video", "video/*"),
        ("iiif-av", "default-audio", "audio/*"),
    ]
    same = {name: usual[0][name] for name in ("channel", "policy", "mediaType")}
    assert house.post("defaultDeliveryChannels", same, of=mine).status_code == 409
    assert house.ask("DELETE", usual[1]["@id"], of=mine).status_code == 204

    def channels_of(key: str) -> list[str]:
        assert house.submit(house.a_member(space, key), of=mine).status_code == 201
        shown = house.get(f"spaces/{space}/images/{key}", of=mine).json()["deliveryChannels"]
        return [each["channel"] for each in shown]

    assert channels_of("without-thumbs") == ["iiif-img"]
    assert house.ask("DELETE", usual[0]["@id"], of=mine).status_code == 204
    assert channels_of("as-a-file") == ["file"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        said(id="x"),
        {"@id": "x", **said()},
        said(channel="none-such"),
        said(policy="none-such"),
        said(policy=""),
        said(mediaType="mp4"),
        said(mediaType="image/?"),
        said(mediaType="image/*/x"),
        said(channel=5),
        [],
    ],
)
def test_a_default_that_cannot_be_is_refused(house: House, mine: Customer, place: str, body: Any) -> None:
    address = f"{place}defaultDeliveryChannels"
    before = house.get(address, of=mine).json()
    assert house.post(address, body, of=mine).status_code == 400
    unknown = f"{address}/{uuid.uuid4()}"
    assert house.ask("PUT", unknown, json=body, of=mine).status_code == 400
    assert house.get(address, of=mine).json() == before


def test_a_default_is_found_in_its_own_place_only(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    made = house.post("defaultDeliveryChannels", said(), of=mine).json()["@id"].rpartition("/")[2]
    assert house.get(f"defaultDeliveryChannels/{made}", of=mine).status_code == 200
    assert house.get(f"spaces/{space}/defaultDeliveryChannels/{made}", of=mine).status_code == 404
    assert house.get(f"defaultDeliveryChannels/{made}").status_code == 404  # another customer
    assert house.get("defaultDeliveryChannels/no-id", of=mine).status_code == 400
    assert house.get(f"spaces/{space + 9}/defaultDeliveryChannels", of=mine).status_code == 404


def test_the_nearest_default_decides_how_a_new_image_is_delivered(house: House, mine: Customer) -> None:
    space, other = house.a_space(mine), house.a_space(mine)
    house.post(
        "defaultDeliveryChannels",
        said(channel="iiif-img", policy="use-original", mediaType="image/*"),
        of=mine,
    )
    house.post(f"spaces/{space}/defaultDeliveryChannels",
               said(channel="iiif-img", policy="default", mediaType="image/png"), of=mine)  # fmt: skip
    members = [house.a_member(space, "a"), house.a_member(other, "b")]
    assert house.submit(*members, of=mine).status_code == 201
    shown = {
        each["id"]: each["deliveryChannels"] for each in house.get("allImages", of=mine).json()["member"]
    }
    assert {key: {it["channel"]: it["policy"] for it in value} for key, value in shown.items()} == {
        "a": {"iiif-img": "default", "thumbs": "default"},
        "b": {"iiif-img": "use-original", "thumbs": "default"},
    }


def test_policies_are_listed_by_channel(house: House, mine: Customer) -> None:
    listed = house.get("deliveryChannelPolicies", of=mine).json()
    found = {policy["@id"]: policy for channel in listed["member"] for policy in channel["member"]}
    base = f"{house.url}/customers/{mine.number}/deliveryChannelPolicies"
    assert set(found) == {
        f"{base}/{each}"
        for each in (
            "iiif-img/default",
            "iiif-img/use-original",
            "thumbs/default",
            "iiif-av/default-video",
            "iiif-av/default-audio",
            "file/none",
            "none/none",
        )
    }
    for address, policy in found.items():
        assert house.get(address, of=mine).json() == policy
    for unknown in ("none-such", "thumbs/none-such"):
        assert house.get(f"{base}/{unknown}", of=mine).status_code == 404


# --- origin strategies ------------------------------------------------------------------------------------------------


def a_rule(**rest: Any) -> dict[str, Any]:
    return {
        "regex": f"^https://{uuid.uuid4().hex}/",
        "strategy": "basic-http-authentication",
        "credentials": '{"user": "u", "password": "s3cret"}',
        "order": 1,
        **rest,
    }


def test_an_origin_strategy_is_made_changed_and_removed_and_never_tells_its_password(
    house: House, mine: Customer
) -> None:
    rule = a_rule(strategy=f"{house.url}/originStrategies/basic-http-authentication")
    made = house.post("originStrategies", rule, of=mine)
    body = made.json()
    assert (made.status_code, made.headers["location"]) == (201, body["@id"])
    assert (body["credentials"], body["regex"], body["order"]) == ("xxx", rule["regex"], 1)
    assert house.get(body["strategy"], auth=None).status_code == 200
    put = house.ask("PUT", body["@id"], json={**rule, "credentials": "xxx", "order": 5}, of=mine)
    assert (put.status_code, put.json()["order"]) == (200, 5)
    patched = house.ask("PATCH", body["@id"], json={"credentials": {"user": "v", "password": "t"}}, of=mine)
    assert patched.status_code == 200
    listed = house.get("originStrategies", of=mine)
    assert listed.json()["member"] == [patched.json()]
    for each in (made, put, patched, listed):
        assert "s3cret" not in each.text
    assert house.ask("DELETE", body["@id"], of=mine).status_code == 204
    assert house.get(body["@id"], of=mine).status_code == 404


def test_a_strategy_without_credentials_can_be_put_back_as_it_was_shown(house: House, mine: Customer) -> None:
    rule = {"regex": f"^https://{uuid.uuid4().hex}/", "strategy": "default", "order": 3}
    made = house.post("originStrategies", rule, of=mine)
    assert (made.status_code, made.json()["credentials"]) == (201, "xxx")
    again = house.ask("PUT", made.json()["@id"], json=made.json(), of=mine)
    assert (again.status_code, again.json()) == (200, made.json())
    assert house.ask("DELETE", made.json()["@id"], of=mine).status_code == 204


@pytest.mark.parametrize(
    "rule",
    [
        {},
        a_rule(strategy="sftp"),
        a_rule(strategy="none-such"),
        a_rule(regex="("),
        a_rule(credentials="{"),
        a_rule(credentials={}),
        a_rule(order="x"),
        [],
    ],
)
def test_an_origin_strategy_that_cannot_be_is_refused(house: House, mine: Customer, rule: Any) -> None:
    refused = house.post("originStrategies", rule, of=mine)
    assert refused.status_code == 400
    assert "s3cret" not in refused.text
    assert house.get("originStrategies", of=mine).json()["totalItems"] == 0
