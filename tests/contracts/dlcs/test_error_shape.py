"""Whatever goes wrong, at whatever address, the answer has one shape; and what belongs to others is not there."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from stackroom.web.dlcs.app import PARTS_NOT_OFFERED, offered

from .house import Customer, House
from .shelf import put_there

SETTINGS = {"workers": 1}
Places = dict[str, str]

ROUTES = [route for route in offered() if isinstance(route, Route)]
ADDRESSES = sorted((method, it.path) for it in ROUTES for method in (it.methods or set()) - {"HEAD"})
OF_CUSTOMERS = [each for each in ADDRESSES if "{customer}" in each[1]]
WRITES = [
    each for each in OF_CUSTOMERS if each[0] != "GET" and each != ("POST", "/customers/{customer}/allImages")
]
NOBODYS = {
    "space": "987654",
    "image": "no-such-image",
    "batch": "987654",
    "key": str(uuid.uuid4()),
    "default": str(uuid.uuid4()),
    "strategy": str(uuid.uuid4()),
    "channel": "no-such-channel",
    "policy": "no-such-policy",
    "name": "no-such-name",
}


def filled(path: str, customer: int | str, places: Places) -> str:
    return path.format(customer=customer, **places)


def assert_shape(answer: httpx.Response, status: int | None = None) -> None:
    body = answer.json()
    assert answer.status_code == (status or answer.status_code), answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert body["@type"] == "Error"
    assert body["statusCode"] == body["status"] == answer.status_code
    assert body["description"] == body["detail"]
    assert body["title"] and body["detail"] and body["code"]  # noqa: PT018 - none of them is empty
    assert body["instance"] == str(answer.request.url).rstrip("/")


@pytest.mark.parametrize(("method", "path"), OF_CUSTOMERS)
def test_no_key_and_another_customers_key(house: House, method: str, path: str) -> None:
    mine = filled(path, house.customer.number, NOBODYS)
    for options in ({"auth": None}, {"auth": ("x", "y")}, {"of": house.stranger}):
        refused = house.ask(method, mine, **options)
        assert_shape(refused, 401)
        assert refused.headers["www-authenticate"] == 'Basic realm="DLCS-API"'


@pytest.mark.parametrize("path", sorted({path for _, path in ADDRESSES}))
def test_a_wrong_method_is_told_the_right_ones(house: House, path: str) -> None:
    refused = house.ask("OPTIONS", filled(path, house.customer.number, NOBODYS))
    assert_shape(refused, 405)
    right = {method for method, other in ADDRESSES if other == path}
    assert set(refused.headers["allow"].split(", ")) == right | ({"HEAD"} if "GET" in right else set())


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_viewer_can_only_read(house: House, method: str, path: str) -> None:
    """Before anything is looked at: neither the body nor what is named need be any good."""
    key = {"X-API-Key": house.customer.keys["viewer"]}
    address = filled(path, house.customer.number, NOBODYS)
    assert_shape(house.ask(method, address, auth=None, headers=key, content=b"{"), 403)


@pytest.mark.parametrize(
    "path",
    ["/customers/{customer}/nothing", "/queue/x", "/customers/{customer}/spaces/1/x", "/ping/x", "/contexts"],
)
def test_an_address_that_nothing_is_at(house: House, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert_shape(house.ask(method, filled(path, house.customer.number, NOBODYS)), 404)


# --- whatever a client sends ------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["", "a", "1/1/a", "image/png", "manifests", "add", "default", "-1", "9" * 40, "é", "\x00", "\\"]
)
NAMES = st.sampled_from(
    [
        "member", "members", "id", "@id", "space", "origin", "mediaType", "deliveryChannels", "channel", "policy",
        "string1", "number1", "tags", "roles", "manifests", "field", "operation", "value", "name", "displayName",
        "defaultTags", "maxUnauthorised", "regex", "strategy", "credentials", "order", "file", "family", "width",
    ]
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)
LISTINGS = [
    path for method, path in OF_CUSTOMERS if method == "GET" and path.endswith(("mages", "ssets", "spaces"))
]
QUERY = st.dictionaries(
    st.sampled_from(
        ["q", "page", "pageSize", "orderBy", "orderByDescending", "string1", "number1", "manifests"]
    ),
    WORDS | VALUES.map(json.dumps) | st.sampled_from(["created", "id", "width", "500", "2"]),
)


@pytest.fixture(scope="module")
def somebody(house: House) -> Customer:
    """Who sends it. Of what the addresses name there is one of each, so that bodies are looked at."""
    who = house.a_customer()
    house.ask("PUT", "spaces/1", json={"name": "one"}, of=who)
    put_there(house, 1, {"a": {}}, of=who)
    return who


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(address=st.sampled_from([each for each in WRITES if each[0] != "DELETE"]), body=BODIES)
def test_no_body_makes_us_fail(
    house: House, somebody: Customer, address: tuple[str, str], body: bytes
) -> None:
    method, path = address
    places = {**NOBODYS, "space": "1", "image": "a", "channel": "thumbs", "policy": "default"}
    answer = house.ask(method, filled(path, somebody.number, places), content=body, of=somebody)
    # A file that an origin does not give is told as the engine's failure; that is in the protocol.
    assert answer.status_code < 500 or "Engine could not process" in answer.text, answer.text
    if answer.status_code >= 400:
        assert_shape(answer)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(LISTINGS), query=QUERY)
def test_no_query_makes_us_fail(house: House, somebody: Customer, path: str, query: dict[str, str]) -> None:
    address = filled(path, somebody.number, {**NOBODYS, "space": "1"})
    answer = house.get(address, params=query, of=somebody)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert_shape(answer)


@pytest.mark.parametrize("depth", [200, 400, 800, 1600, 100_000])
def test_a_body_that_is_nested_too_deeply(house: House, depth: int) -> None:
    body = b'{"member":' + b"[" * depth + b"]" * depth + b"}"
    assert_shape(house.ask("POST", "allImages", content=body), 400)
    assert_shape(house.ask("POST", "allImages", content=body[:-2] + b",}"), 400)


# --- what is there ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mine(house: House) -> Places:
    """One of everything that an address can name."""
    house.ask("PUT", "spaces/41", json={"name": "forty-one"})
    batch = house.submit(house.a_member(41, "leaf")).json()
    house.finished(batch)
    default = {"channel": "thumbs", "policy": "default", "mediaType": "image/x"}
    strategy = {"regex": "^https://x/", "strategy": "default"}
    return {
        **NOBODYS,
        "space": "41",
        "image": "leaf",
        "batch": batch["@id"].rpartition("/")[2],
        "key": house.post("keys").json()["key"],
        "default": house.post("spaces/41/defaultDeliveryChannels", default).json()["@id"].rpartition("/")[2],
        "strategy": house.post("originStrategies", strategy).json()["id"],
        "channel": "thumbs",
        "policy": "default",
        "name": "default",
    }


READS = [path for method, path in OF_CUSTOMERS if method == "GET"]


@pytest.mark.parametrize("path", READS)
def test_what_is_asked_for_below_is_there(house: House, mine: Places, path: str) -> None:
    """Otherwise the next tests would find that nothing is not there."""
    seen = house.get(filled(path, house.customer.number, mine))
    of_a_space = path == "/customers/{customer}/defaultDeliveryChannels/{default}"
    expected = 400 if path.endswith("{image}/metadata") else 404 if of_a_space else 200
    assert seen.status_code == expected, seen.text


@pytest.mark.parametrize(
    ("method", "path"), [each for each in OF_CUSTOMERS if any(f"{{{name}}}" in each[1] for name in NOBODYS)]
)
def test_what_belongs_to_another_customer_is_not_there(
    house: House, mine: Places, method: str, path: str
) -> None:
    """Below the asker's own address, with the names of what somebody else has: as for names that nobody has."""
    body = {
        "POST": {"channel": "file", "policy": "none", "mediaType": "image/x"},
        "PUT": {"name": None, "channel": "file", "policy": "none", "mediaType": "image/x",
                "regex": "^https://y/", "strategy": "default", "origin": "https://files.example/none"},
        "PATCH": {"string1": "x", "member": [{"id": "leaf", "string1": "x"}], "order": 3},
    }.get(method)  # fmt: skip
    shared = {**mine, "channel": NOBODYS["channel"], "policy": NOBODYS["policy"]}
    answers = []
    for places in (shared, NOBODYS):
        address = filled(path, house.stranger.number, places)
        answer = house.ask(method, address, of=house.stranger, json=body)
        if (method, path) == ("DELETE", "/customers/{customer}/keys/{key}"):
            assert answer.status_code == 204  # as for a key that nobody has
            continue
        assert_shape(answer)
        assert answer.status_code in {400, 404}
        answers.append((answer.status_code, answer.json()["code"]))
    assert len(set(answers)) <= 1
    assert house.get("spaces/41/images/leaf").json()["string1"] == ""
    assert house.get("spaces", auth=house.customer.auth).status_code == 200


def addresses_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every address in a document, with the name that it stands under."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from addresses_in(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from addresses_in(each, name)
    elif isinstance(value, str) and value.startswith("http"):
        yield name, value


def test_every_link_in_every_answer_leads_somewhere(house: House, mine: Places) -> None:
    """From the entry point on, as a client would come upon them."""
    ahead, seen, dead = [("", f"{house.url}/")], set(), []
    while ahead:
        name, address = ahead.pop()
        bare = address.partition("?")[0] if "patch_" in address else address
        if bare in seen or not bare.startswith(house.url) or name == "origin":
            continue
        seen.add(bare)
        whose = house.stranger if f"/customers/{house.stranger.number}" in bare else house.customer
        answer = house.ask("POST" if name == "test" else "GET", bare, of=whose)
        if answer.status_code == 401 and bare.rpartition("/")[0] == f"{house.url}/customers":
            continue  # another module's customer
        if answer.status_code in {401, 404, 405} or answer.status_code >= 500:
            dead.append((answer.status_code, bare))
        elif (
            "json" in answer.headers.get("content-type", "") and "/iiif" not in bare and "/thumbs" not in bare
        ):
            ahead += addresses_in(answer.json())
    assert dead == []
    assert len(seen) > 60
    for part in ("spaces/41/images/leaf", "/storage", "/batches/", "/contexts/Image.jsonld", "/iiif-img/"):
        assert [address for address in seen if part in address], part


@pytest.mark.parametrize("part", PARTS_NOT_OFFERED)
def test_a_part_that_is_not_offered_says_so(house: House, part: str) -> None:
    address = filled(
        "/customers/{customer}/" + part.replace(":path", ""), house.customer.number, {**NOBODYS, "rest": "x"}
    )
    for method in ("POST", "PUT"):
        assert_shape(house.ask(method, address, json={}), 501)
        assert_shape(house.ask(method, address, auth=None), 401)
