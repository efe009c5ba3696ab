"""Customers, their keys, and who may ask what. Numbers are those of the protocol's list."""

import base64
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from stackroom.database import schema

from .house import Customer, House

SETTINGS = {"workers": 0}


@pytest.fixture(scope="module")
def admin(house: House) -> Customer:
    return house.a_customer(administrator=True)


def a_name() -> str:
    return f"c-{uuid.uuid4().hex}"


def test_c1_clients_begin_at_the_entry_point(house: House) -> None:
    entry = house.get("/", auth=None)
    assert entry.status_code == 200
    assert entry.json() == {
        "@context": f"{house.url}/contexts/EntryPoint.jsonld",
        "@id": house.url,
        "@type": "vocab:EntryPoint",
        "customers": f"{house.url}/customers",
        "originStrategies": f"{house.url}/originStrategies",
        "storagePolicies": f"{house.url}/storagePolicies",
        "queue": f"{house.url}/queue",
    }
    assert house.get("/", auth=None, headers={"Accept": "*/*"}).json() == entry.json()


def test_a_browser_is_shown_what_runs_here(house: House) -> None:
    page = house.get("/", auth=None, headers={"Accept": "text/html,*/*;q=0.8", "Host": "a<b"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "a<b" not in page.text
    for said in ("Stackroom", "version", "/library/v1", "/health"):
        assert said in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/customers",
        "/queue",
        "/originStrategies",
        "/originStrategies/s3-ambient",
        "/storagePolicies",
        "/storagePolicies/default",
        "/imageOptimisationPolicies",
        "/imageOptimisationPolicies/fast-higher",
        "/thumbnailPolicies/default",
        "/ping",
        "/contexts/Image.jsonld",
    ],
)
def test_what_anybody_may_read(house: House, path: str) -> None:
    assert house.get(path, auth=None).status_code == 200
    assert house.get(path, auth=("nobody", "nothing")).status_code == 200
    if path != "/customers":  # where what is below needs a key
        assert house.get(f"{path}/unknown", auth=None).status_code == 404


def test_storage_policies_and_strategies_say_what_they_are(house: House) -> None:
    policy = house.get("/storagePolicies/default", auth=None).json()
    assert policy["maximumNumberOfStoredImages"] == policy["maximumTotalSizeOfStoredImages"] == 2**53 - 1
    listed = house.get("/originStrategies", auth=None).json()
    assert {each["@id"].rpartition("/")[2]: each["requiresCredentials"] for each in listed["member"]} == {
        "default": False,
        "basic-http-authentication": True,
        "s3-ambient": False,
        "sftp": True,
    }


def test_c2_customers_are_named_by_number_to_anybody_and_described_to_themselves(
    house: House, admin: Customer
) -> None:
    listed = house.get("/customers", auth=None).json()
    assert listed["totalItems"] == listed["pageSize"] == len(listed["member"]) >= 3
    mine = f"{house.url}/customers/{house.customer.number}"
    assert {"@id": mine, "@type": "vocab:Customer"} in listed["member"]
    seen = house.get(mine).json()
    assert (seen["@id"], seen["@type"], seen["administrator"]) == (mine, "vocab:Customer", False)
    assert (seen["name"], seen["spaces"]) == (house.customer.organization.name, f"{mine}/spaces")
    assert not [name for name in seen if name != name.strip()]
    assert house.get(mine, of=admin).json() == seen
    assert house.get("/customers/987654", of=admin).status_code == 404


def test_c3_an_administrator_makes_customers(house: House, admin: Customer) -> None:
    said = {"@context": "x", "@type": "vocab:Customer", "name": a_name(), "displayName": "Some Library"}
    made = house.post("/customers", said, of=admin)
    body = made.json()
    assert (made.status_code, made.headers["location"]) == (201, body["@id"])
    assert (body["name"], body["displayName"]) == (said["name"], "Some Library")
    assert house.get(body["queue"], of=admin).status_code == 200
    assert house.get(body["defaultDeliveryChannels"], of=admin).status_code == 200
    for again in (said, {**said, "name": said["name"].upper()}):
        taken = house.post("/customers", again, of=admin)
        assert (taken.status_code, taken.json()["title"]) == (409, "Create customer failed: Conflict")
    forbidden = house.post("/customers", said)
    assert (forbidden.status_code, forbidden.json()["@type"]) == (403, "Error")
    assert house.post("/customers", said, auth=None).status_code == 401


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_an_administrators_key_that_may_do_less_makes_no_customers(
    house: House, admin: Customer, role: str
) -> None:
    said = {"name": a_name(), "displayName": "Some Library"}
    key = {"X-API-Key": admin.keys[role]}
    refused = house.post("/customers", said, auth=None, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert house.post("/customers", said, of=admin).status_code == 201


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"name": "x"},
        {"displayName": "x"},
        {"name": "x", "displayName": " "},
        {"name": "a b", "displayName": "x"},
        {"name": "x" * 61, "displayName": "x"},
        {"name": "Admin", "displayName": "x"},
        {"name": "v2-archive", "displayName": "x"},
        {"name": "fine", "displayName": "x", "administrator": True},
        {"name": "fine", "displayName": "x", "created": "2020-01-01"},
        {"name": 5, "displayName": "x"},
    ],
)
def test_c3_a_customer_that_cannot_be_is_refused(house: House, admin: Customer, said: Any) -> None:
    count = select(func.count()).select_from(schema.organization)
    before = house.read(lambda conn: conn.scalar(count))
    refused = house.post("/customers", said, of=admin)
    assert (refused.status_code, refused.json()["@type"]) == (400, "Error")
    assert house.read(lambda conn: conn.scalar(count)) == before


def test_c4_only_the_display_name_of_a_customer_changes(house: House, admin: Customer) -> None:
    who = house.a_customer()
    address = f"/customers/{who.number}"
    changed = house.ask("PATCH", address, json={"displayName": "Grand Library"}, of=who)
    assert (changed.status_code, changed.json()["displayName"]) == (200, "Grand Library")
    assert house.get(address, of=who).json()["displayName"] == "Grand Library"
    for said in ({"name": "x"}, {"displayName": "x", "administrator": True}, {}):
        assert house.ask("PATCH", address, json=said, of=who).status_code == 400
    assert house.get(address, of=who).json()["displayName"] == "Grand Library"
    assert house.ask("PATCH", "/customers/987654", json={"displayName": "x"}, of=admin).status_code == 404


def test_k1_k2_a_key_is_made_shown_once_and_works(house: House) -> None:
    for options in ({}, {"json": {}}, {"content": b"", "headers": {"Content-Type": "application/json"}}):
        made = house.post("keys", **options)
        assert made.status_code == 200
        key = made.json()
        assert set(key) == {"@context", "@id", "@type", "key", "secret"}
        assert house.get(key["@context"], auth=None).status_code == 200
        shown = {name: value for name, value in key.items() if name != "secret"}
        assert house.get(key["@id"]).json() == shown
        assert house.get("spaces", auth=(key["key"], key["secret"])).status_code == 200
        listed = house.get("keys")
        assert {"@id": key["@id"], "@type": "vocab:Key", "key": key["key"]} in listed.json()["member"]
        assert key["secret"] not in listed.text


def test_k3_a_key_is_deleted_but_not_the_last(house: House) -> None:
    who = house.a_customer()
    key = house.post("keys", of=who).json()
    for _ in range(2):
        gone = house.ask("DELETE", key["@id"], of=who, headers={"Content-Type": "application/json"})
        assert (gone.status_code, gone.content) == (204, b"")
    assert house.get("keys", auth=(key["key"], key["secret"]), of=who).status_code == 401
    assert house.ask("DELETE", "keys/no-such-key", of=who).status_code == 204
    last = house.ask("DELETE", f"keys/{who.auth[0]}", of=who)
    assert (last.status_code, last.json()["code"]) == (400, "last_owner_key")
    assert house.get("keys", of=who).status_code == 200


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_every_way_to_send_a_key_is_taken(house: House) -> None:
    key, token = house.customer.auth
    for headers in (
        basic(f"{key}:{token}"),
        basic(f"{key.upper()}:{token}"),
        {"Authorization": f"Bearer {token}"},
        {"X-API-Key": token},
    ):
        assert house.get("spaces", auth=None, headers=headers).status_code == 200


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(house: House) -> None:
    key, token = house.customer.auth
    other, _ = house.stranger.auth
    wrong = [basic(text) for text in (f"{key}:{token}x", f"{other}:{token}", f":{token}", key, f"{key}:")]
    for headers in (
        {},
        *wrong,
        {"Authorization": "Basic !"},
        {"X-API-Key": "x"},
    ):
        refused = house.get("spaces", auth=None, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="DLCS-API"'
        assert refused.json()["@type"] == "Error"
    for path in (f"/customers/{house.stranger.number}", "/customers/987654/spaces", "/customers/x/queue"):
        assert house.get(path).status_code == 401
    assert house.post("/customers", {"name": "x"}, auth=("x", "y")).status_code == 401


def test_an_administrator_acts_for_every_customer(house: House, admin: Customer) -> None:
    address = f"/customers/{house.customer.number}/spaces"
    made = house.post(address, {"name": a_name()}, of=admin)
    assert made.status_code == 201
    assert made.json()["@id"].startswith(f"{house.url}{address}/")
    assert house.get(made.json()["@id"]).status_code == 200
    query = select(schema.event.c.organization_id).where(schema.event.c.type == "dataset.created")
    recorded = house.read(lambda conn: conn.scalars(query.order_by(schema.event.c.id.desc())).first())
    assert recorded == house.customer.organization.id


def test_a_key_that_may_only_read_is_told_so(house: House) -> None:
    viewer = {"headers": {"X-API-Key": house.customer.keys["viewer"]}, "auth": None}
    assert house.get("spaces", **viewer).status_code == 200
    for method, path in (("POST", "spaces"), ("PUT", "spaces/9"), ("POST", "keys"), ("POST", "deleteImages")):
        refused = house.ask(method, path, content=b"{", **viewer)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_a_repeat_gets_the_first_answer_secrets_too(house: House) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (house.post("keys", headers=headers) for _ in range(2))
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    made, repeated = (
        house.post("spaces", {"name": headers["Idempotency-Key"]}, headers=headers) for _ in range(2)
    )
    assert (repeated.status_code, repeated.headers["location"]) == (201, made.headers["location"])


def test_links_are_as_the_client_reaches_the_server(house: House) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "dlcs.example, inner"}
    assert house.get("/", auth=None, headers=headers).json()["@id"] == "https://dlcs.example"
    assert (
        house.get("/", auth=None, headers={"Host": "here.example:99"}).json()["@id"]
        == "http://here.example:99"
    )
    odd = {"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": 'a"b'}
    assert house.get("/", auth=None, headers=odd).json()["@id"] == house.url
