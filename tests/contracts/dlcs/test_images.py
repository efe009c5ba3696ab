"""Images read, listed, changed and deleted, one and many. Numbers are those of the protocol's list."""

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from stackroom.database import schema

from .house import Customer, House, on_both_databases
from .shelf import names, put_there, uuid_of

pytestmark = on_both_databases
SETTINGS = {"workers": 0, "max_batch": 5}


@pytest.fixture(scope="module")
def mine(house: House) -> Customer:
    return house.a_customer()


@pytest.fixture(scope="module")
def space(house: House, mine: Customer) -> int:
    """Thirty-five images, `i00` to `i34`, of which twenty have something said of them."""
    made = house.a_space(mine)
    said: dict[str, dict[str, Any]] = {}
    for n in range(35):
        said[f"i{n:02}"] = {"string1": f"s{n * 8 % 35:02}", "number2": n * 11 % 35, "width": n * 13 % 35}
        if n < 20:
            said[f"i{n:02}"] |= {
                "string2": f"1-{n % 2 * 10}",
                "string3": "odd" if n % 4 == 1 else "even",
                "number3": 2 if n < 7 else 3,
                "manifests": tuple(f"m{m}" for m in (2, 3, 5) if n % m == 0 and n),
            }
    put_there(house, made, said, of=mine)
    return made


def pages(house: House, path: str, who: Customer, **query: str) -> list[dict[str, Any]]:
    """A page and all that follow it, by their links."""
    found = [house.get(path, params=query, of=who).json()]
    while "next" in found[-1].get("view", {}):
        found.append(house.get(found[-1]["view"]["next"], of=who).json())
    return found


@pytest.mark.parametrize("path", ["spaces/{space}/images", "allImages"])
def test_a28_pages_lead_to_one_another(house: House, mine: Customer, space: int, path: str) -> None:
    path = path.format(space=space)
    seen = pages(house, path, mine, pageSize="10")
    assert [len(each["member"]) for each in seen] == [10, 10, 10, 5]
    assert [image["id"] for each in seen for image in each["member"]] == [f"i{n:02}" for n in range(35)]
    first, _, _, last = seen
    address = f"{house.url}/customers/{mine.number}/{path}"
    assert first["@id"] == address
    assert (first["totalItems"], first["pageSize"], first["view"]["totalPages"]) == (35, 10, 4)
    assert set(first["view"]) == {"@id", "@type", "next", "last", "page", "pageSize", "totalPages"}
    assert set(last["view"]) == {"@id", "@type", "first", "previous", "page", "pageSize", "totalPages"}
    assert last["view"]["previous"] == f"{address}?page=3&pageSize=10"
    beyond = house.get(path, params={"page": "9", "pageSize": "10"}, of=mine).json()
    assert (beyond["member"], beyond["totalItems"]) == ([], 35)
    assert "view" not in house.get(path, of=mine).json()


@pytest.mark.parametrize("size", ["0", "-1", "501", "x", "1e2", "9" * 40, ""])
def test_a_page_size_that_makes_no_sense_is_the_usual(
    house: House, mine: Customer, space: int, size: str
) -> None:
    assert house.get("allImages", params={"pageSize": size, "page": size}, of=mine).json()["pageSize"] == 100


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ({"orderBy": "string1"}, lambda n: n * 8 % 35),
        ({"orderByDescending": "string1"}, lambda n: -(n * 8 % 35)),
        ({"orderByDescending": "width"}, lambda n: -(n * 13 % 35)),
        ({"orderByDescending": "number2"}, lambda n: -(n * 11 % 35)),
        ({"orderByDescending": "created"}, lambda n: -n),
        ({"orderByDescending": "id"}, lambda n: -n),
        ({"orderBy": "id", "orderByDescending": "width"}, lambda n: n),
    ],
)
def test_a29_a34_d34_the_order_is_kept_from_page_to_page(
    house: House, mine: Customer, space: int, query: dict[str, str], order: Any
) -> None:
    seen = pages(house, f"spaces/{space}/images", mine, pageSize="12", **query)
    assert [image["id"] for each in seen for image in each["member"]] == [
        f"i{n:02}" for n in sorted(range(35), key=order)
    ]
    carried = parse_qs(urlsplit(seen[0]["view"]["next"]).query)
    assert carried == {"page": ["2"], "pageSize": ["12"], **{name: [value] for name, value in query.items()}}


def test_names_in_a_query_are_taken_in_any_case(house: House, mine: Customer, space: int) -> None:
    query = {"STRING3": "odd", "pagesize": "2", "Page": "2", "OrderByDescending": "id"}
    found = house.get(f"spaces/{space}/images", params=query, of=mine).json()
    plain = {"string3": "odd", "pageSize": "2", "page": "2", "orderByDescending": "id"}
    assert found == house.get(f"spaces/{space}/images", params=plain, of=mine).json()
    assert (found["totalItems"], len(found["member"]), found["view"]["page"]) == (5, 2, 2)


def test_d32_an_order_that_nothing_has_is_refused(house: House, mine: Customer, space: int) -> None:
    refused = house.get("allImages", params={"orderBy": "tags"}, of=mine)
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_order")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"q": '{"string3":"odd"}'}, 5),
        ({"q": '{"string2": "1-10"}'}, 10),
        ({"q": '{\n "number3" : 2 \n}'}, 7),
        ({"q": '{"number3":2,"string2":"1-10"}'}, 3),
        ({"q": '{"number3":2}', "string2": "1-10"}, 3),
        ({"q": '{"number3":3}', "number3": "2"}, 7),
        ({"string1": "s00"}, 1),
        ({"string3": ""}, 15),
        ({"number3": "0"}, 15),
        ({"q": '{"tags":["x"],"roles":["y"],"id":"z"}'}, 35),
        ({"include": "adjuncts"}, 35),
        ({"q": '{"manifests":["m5"]}'}, 3),
    ],
)
def test_a30_what_a_query_says_of_strings_and_numbers(
    house: House, mine: Customer, space: int, query: dict[str, str], count: int
) -> None:
    for path in (f"spaces/{space}/images", "allImages"):
        assert house.get(path, params=query, of=mine).json()["totalItems"] == count


def test_d34_a_filter_is_kept_from_page_to_page(house: House, mine: Customer, space: int) -> None:
    seen = pages(house, "allImages", mine, q='{"string3":"even"}', number3="3", pageSize="4", orderBy="width")
    found = [image["id"] for each in seen for image in each["member"]]
    expected = sorted((n for n in range(7, 20) if n % 4 != 1), key=lambda n: n * 13 % 35)
    assert found == [f"i{n:02}" for n in expected]
    untold = pages(house, "allImages", mine, string3="", pageSize="6")
    assert [image["id"] for each in untold for image in each["member"]] == [f"i{n}" for n in range(20, 35)]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "{"},
        {"q": '{"string1": ["x"]}'},
        {"q": '{"number1": "x"}'},
        {"q": '{"number1": 1.5}'},
        {"q": "[]"},
        {"number2": "x"},
        {"number2": "9" * 25},
        {"q": '{"number1": 9223372036854775808}'},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    house: House, mine: Customer, space: int, query: dict[str, str]
) -> None:
    for path in (f"spaces/{space}/images", "allImages"):
        refused = house.get(path, params=query, of=mine)
        assert refused.status_code == 400
        assert refused.json()["detail"].startswith("Could not parse query")


@pytest.mark.parametrize(
    ("manifests", "count"), [("", 0), ("m5", 3), ("m2,m3", 12), ("m2,m3,m5,unknown", 13), ("unknown", 0)]
)
def test_a35_an_image_of_any_of_the_manifests(
    house: House, mine: Customer, space: int, manifests: str, count: int
) -> None:
    found = house.get("allImages", params={"manifests": manifests, "pageSize": "5"}, of=mine).json()
    assert found["totalItems"] == count


def test_d35_a_space_in_the_query_counts_everywhere(house: House, mine: Customer, space: int) -> None:
    other = house.a_space(mine)
    for path, where, count in (
        ("allImages", space, 35),
        ("allImages", other, 0),
        ("allImages", 2**40, 0),
        ("allImages", -1, 0),
        (f"spaces/{space}/images", other, 0),
        (f"spaces/{space}/images", space, 35),
    ):
        asked = {"q": f'{{"space":{where}}}'}
        assert house.get(path, params=asked, of=mine).json()["totalItems"] == count


def test_a27_what_is_not_there(house: House, mine: Customer, space: int) -> None:
    for path in (
        f"spaces/{space}/images/none",
        f"spaces/{space + 77}/images/i00",
        f"spaces/{space + 77}/images",
    ):
        missing = house.get(path, of=mine)
        assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    assert house.get(f"spaces/{space}/images/i00").status_code == 404  # another customer's


def test_an_image_has_the_properties_of_the_protocol_in_their_order(
    house: House, mine: Customer, space: int
) -> None:
    shown = house.get(f"spaces/{space}/images/i00?noCache=true", of=mine).json()
    base = f"{house.url}/customers/{mine.number}/spaces/{space}/images/i00"
    assert (shown["@id"], shown["imageService"]) == (
        base,
        f"{house.url}/iiif-img/{mine.number}/{space}/i00",
    )
    assert list(shown) == [
        "@context", "@id", "@type", "id", "space", "imageService", "thumbnailImageService", "created",
        "origin", "maxUnauthorised", "width", "height", "duration", "finished", "ingesting", "error", "tags",
        "string1", "string2", "string3", "number1", "number2", "number3", "roles", "metadata", "storage",
        "manifests", "mediaType", "family", "deliveryChannels",
    ]  # fmt: skip
    assert shown["deliveryChannels"][0] == {
        "@type": "vocab:DeliveryChannel",
        "channel": "iiif-img",
        "policy": "default",
    }


def test_a_name_may_have_any_characters_but_a_slash(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    put_there(house, space, {"ä &+%?#x": {"string1": "odd name"}}, of=mine)
    (found,) = house.get("allImages", params={"string1": "odd name"}, of=mine).json()["member"]
    assert house.get(found["@id"], of=mine).json() == found
    assert house.get(found["storage"], of=mine).json()["@id"] == found["storage"]
    assert house.get(f"spaces/{space}/images/a%2Fb", of=mine).status_code == 404


def test_st1_what_is_stored_is_told_and_what_was_deleted_is_not(house: House) -> None:
    who = house.a_customer()
    space, other = house.a_space(who), house.a_space(who)
    put_there(house, space, {"a": {}, "b": {}}, of=who, size=100)
    account = house.get("storage", of=who).json()
    assert account["@id"] == f"{house.url}/customers/{who.number}/storage"
    assert (account["numberOfStoredImages"], account["totalSizeOfStoredImages"]) == (2, 200)
    assert house.get(account["storagePolicy"], auth=None).status_code == 200
    assert "lastCalculated" in account
    of_space = house.get(f"spaces/{space}/storage", of=who).json()
    assert (of_space["numberOfStoredImages"], of_space["totalSizeOfStoredImages"]) == (2, 200)
    assert house.get(f"spaces/{other}/storage", of=who).json()["numberOfStoredImages"] == 0
    of_image = house.get(f"spaces/{space}/images/a/storage", of=who).json()
    assert (of_image["size"], of_image["thumbnailSize"], of_image["@type"]) == (100, 0, "vocab:ImageStorage")
    house.ask("DELETE", f"spaces/{space}/images/a", of=who)
    after = house.get("storage", of=who).json()
    assert (after["numberOfStoredImages"], after["totalSizeOfStoredImages"]) == (1, 100)
    assert house.get(f"spaces/{space}/images/a/storage", of=who).status_code == 404
    assert house.get(f"spaces/{other + 9}/storage", of=who).status_code == 404


def test_a23_an_image_is_deleted_with_all_that_was_said_of_it(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    put_there(house, space, {"a": {"string1": "x", "manifests": ("m",)}}, of=mine)
    address = f"spaces/{space}/images/a"
    gone = house.ask("DELETE", address, params={"deleteFrom": "cdn,internalCache"}, of=mine)
    assert (gone.status_code, gone.content) == (204, b"")
    assert house.ask("DELETE", address, of=mine).status_code == 404
    counted = house.get(f"spaces/{space}", of=mine).json()
    assert counted["approximateNumberOfImages"] == 0
    for table in (schema.registration, schema.asset_manifest):
        left = select(table.c.asset_id).where(table.c.asset_id.not_in(select(schema.asset.c.id)))
        assert house.read(lambda conn, left=left: conn.scalars(left).all()) == []


def test_only_sound_and_video_have_metadata(house: House, mine: Customer) -> None:
    space = house.a_space(mine)
    put_there(house, space, {"a": {}, "v": {"media_type": "video/mp4", "family": "T"}}, of=mine)
    assert house.get(f"spaces/{space}/images/a/metadata", of=mine).status_code == 400
    assert house.get(f"spaces/{space}/images/v/metadata", of=mine).json()["mediaType"] == "video/mp4"
    assert house.get(f"spaces/{space}/images/none/metadata", of=mine).status_code == 404


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def four(house: House, mine: Customer) -> tuple[int, list[str]]:
    """A space of four images, and their whole ids."""
    space = house.a_space(mine)
    said = {"string1": "before", "number1": 1, "tags": ("t",), "roles": ("r",)}
    put_there(house, space, {each: dict(said) for each in "abcd"}, of=mine)
    return space, [f"{mine.number}/{space}/{each}" for each in "abcd"]


def some(*ids: str) -> dict[str, Any]:
    return {"member": [{"id": each} for each in ids]}


def test_a20_each_image_of_a_space_is_changed_as_is_said(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    space, (_, b, _, _) = four
    said = [
        {"id": "a", "string1": "A", "tags": [], "manifests": ["m"]},
        {"id": b, "number1": 22, "Roles": ["x"]},
        {"modelId": "c", "mediaType": "image/jp2", "width": 0},
        {"id": "nobody", "string1": "x"},
    ]
    changed = house.ask("PATCH", f"spaces/{space}/images", json={"member": said}, of=mine)
    assert names(changed) == ["a", "b", "c"]
    assert changed.json()["totalItems"] == changed.json()["pageSize"] == 3
    assert changed.json()["@id"].startswith(
        f"{house.url}/customers/{mine.number}/spaces/{space}/images?patch_"
    )
    seen = {each["id"]: each for each in house.get(f"spaces/{space}/images", of=mine).json()["member"]}
    told = ("string1", "number1", "tags", "roles", "manifests", "mediaType")
    assert {name: [each[word] for word in told] for name, each in seen.items()} == {
        "a": ["A", 1, [], ["r"], ["m"], "image/png"],
        "b": ["before", 22, ["t"], ["x"], [], "image/png"],
        "c": ["before", 1, ["t"], ["r"], [], "image/jp2"],
        "d": ["before", 1, ["t"], ["r"], [], "image/png"],
    }
    query = select(schema.event.c.asset_uuid).where(
        schema.event.c.type == "asset.updated", schema.event.c.asset_uuid == uuid_of(house, mine, space, "a")
    )
    assert house.read(lambda conn: conn.scalars(query).all())


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"id": "b", "origin": "https://x"}, "'origin' of 'b'"),
        ({"id": "b", "maxUnauthorised": 5}, "'maxUnauthorised' of 'b'"),
        ({"id": "b", "deliveryChannels": ["file"]}, "'deliveryChannels' of 'b'"),
        ({"id": "b", "deliveryChannel": "file"}, "'deliveryChannel' of 'b'"),
        ({"id": "b", "imageOptimisationPolicy": "x"}, "'imageOptimisationPolicy' of 'b'"),
        ({"id": "b", "thumbnailPolicy": "x"}, "'thumbnailPolicy' of 'b'"),
        ({"string1": "x"}, "All assets require a ModelId"),
        ({"id": "", "string1": "x"}, "All assets require a ModelId"),
        ({"id": "a", "string1": "x"}, "duplicate Id(s): a"),
        ({"id": "b", "width": 5}, "width"),
        ({"id": "b", "family": "T"}, "Family cannot be edited"),
        ({"id": "b", "tags": ["x" * 200]}, "'b': tags"),
        ({"id": "b", "string2": "x" * 3000}, "'b': string2"),
        ({"id": "b", "number1": "x"}, "number1"),
        ({"id": "b", "space": 99}, "space"),
        ({"@id": "https://h/customers/1/spaces/1/images/b"}, "@id"),
    ],
)
def test_a21_a22_one_bad_member_is_told_and_nothing_is_changed(
    house: House, mine: Customer, four: tuple[int, list[str]], bad: dict[str, Any], told: str
) -> None:
    space, _ = four
    body = {"member": [{"id": "a", "string1": "changed"}, bad]}
    refused = house.ask("PATCH", f"spaces/{space}/images", json=body, of=mine)
    assert refused.status_code == 400
    assert told in refused.json()["detail"]
    assert house.get(f"spaces/{space}/images/a", of=mine).json()["string1"] == "before"


def test_whose_change_is_refused_is_said_where_the_message_does_not(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    space, _ = four
    body = {"member": [{"id": "a", "width": 5}, {"id": "b", "string1": "x"}, {"id": "c", "width": 5}]}
    refused = house.ask("PATCH", f"spaces/{space}/images", json=body, of=mine).json()
    assert (refused["detail"], refused["hint"]) == (
        "Should not include width",
        "Should not include width: 'a', 'c'.",
    )


def test_no_more_are_changed_at_once_than_may_be(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    space, _ = four
    for body in (some(*"abcdef"), {"member": []}, {}):
        assert house.ask("PATCH", f"spaces/{space}/images", json=body, of=mine).status_code == 400
    assert house.ask("PATCH", "spaces/987654/images", json=some("a"), of=mine).status_code == 404


def test_a31_those_of_the_named_that_there_are(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    space, (a, b, c, _) = four
    nobody = f"{mine.number}/{space}/none"
    found = house.post("allImages", some(c, nobody, a, b), of=mine)
    assert names(found) == ["c", "a", "b"]
    assert (found.json()["totalItems"], found.json()["pageSize"]) == (3, 3)
    nothing = house.post("allImages", {"members": [{"id": nobody}]}, of=mine).json()
    assert (nothing["totalItems"], nothing["pageSize"], nothing["member"]) == (0, 0, [])


BAD_NAMES: list[Any] = [
    {"member": []},
    {},
    {"member": [{}]},
    {"member": [{"id": None}]},
    some("a"),
    some("1/2"),
    some("1/2/3/4"),
    some("x/2/3"),
    {"member": ["a"]},
    some(*(f"1/1/{n}" for n in range(501))),
]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "allImages"), ("POST", "deleteImages"), ("PATCH", "allImages")]
)
def test_a31_a32_names_that_make_no_sense_are_refused(
    house: House, mine: Customer, four: tuple[int, list[str]], method: str, path: str
) -> None:
    extra = {"field": "manifests", "operation": "add", "value": ["x"]} if method == "PATCH" else {}
    space, (a, *_) = four
    strange = f"{house.customer.number}/{space}/a"
    for body in (*BAD_NAMES, some(a, a), some(a, strange)):
        refused = house.ask(method, path, json={**body, **extra}, of=mine)
        assert refused.status_code == 400, body
    assert house.get(f"spaces/{space}/images", of=mine).json()["totalItems"] == 4


def test_a32_many_are_deleted_in_one_operation(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    space, (a, b, c, _) = four
    nobody = f"{mine.number}/{space}/none"
    nothing = house.post("deleteImages", some(nobody), of=mine)
    assert (nothing.status_code, nothing.json()["detail"]) == (400, "No assets found")
    done = house.post("deleteImages", some(a, b, nobody, c), of=mine)
    assert (done.status_code, done.json()) == (200, {"message": "images deleted"})
    assert names(house.get(f"spaces/{space}/images", of=mine)) == ["d"]
    newest = select(schema.operation.c.verb, schema.operation.c.total).order_by(schema.operation.c.id.desc())
    assert house.read(lambda conn: tuple(conn.execute(newest).first())) == ("purge", 3)  # type: ignore[arg-type]  # there is one


@pytest.mark.parametrize(
    ("held", "operation", "value", "becomes"),
    [
        (None, "add", ["x", "x"], ["x"]),
        (["a"], "add", ["b", "a"], ["a", "b"]),
        (["a", "b"], "remove", ["b", "c"], ["a"]),
        (["a"], "remove", [], ["a"]),
        (None, "remove", ["a"], []),
        (["a", "b"], "replace", ["c"], ["c"]),
        (["a"], "replace", [], []),
    ],
)
def test_a33_manifests_are_added_removed_and_replaced(  # noqa: PLR0917 - what a row of the table has
    house: House,
    mine: Customer,
    four: tuple[int, list[str]],
    held: Any,
    operation: str,
    value: Any,
    becomes: Any,
) -> None:
    space, (a, b, *_) = four
    if held:
        said = {"member": [{"id": "a", "manifests": held}]}
        house.ask("PATCH", f"spaces/{space}/images", json=said, of=mine)
    body = {**some(a, b), "field": "manifests", "operation": operation, "value": value}
    changed = house.ask("PATCH", "allImages", json=body, of=mine)
    assert names(changed) == ["a", "b"]
    assert changed.json()["member"][0]["manifests"] == becomes
    assert house.get(f"spaces/{space}/images/a", of=mine).json()["manifests"] == becomes


@pytest.mark.parametrize(
    ("operation", "becomes"),
    [(1, ["x", "y"]), (2, ["y"]), (3, ["x"]), ("Add", ["x", "y"]), ("REPLACE", ["x"])],
)
def test_what_to_do_with_manifests_is_said_by_number_or_in_any_case(
    house: House, mine: Customer, four: tuple[int, list[str]], operation: Any, becomes: list[str]
) -> None:
    """IIIF-Presentation sends the numbers of the original's own enumeration."""
    space, (a, *_) = four
    held = {"member": [{"id": "a", "manifests": ["y"] if operation in {1, "Add"} else ["x", "y"]}]}
    house.ask("PATCH", f"spaces/{space}/images", json=held, of=mine)
    body = {**some(a), "field": "manifests", "operation": operation, "value": ["x"]}
    changed = house.ask("PATCH", "allImages", json=body, of=mine)
    assert (changed.status_code, changed.json()["member"][0]["manifests"]) == (200, becomes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "tags"},
        {"field": None},
        {"operation": "toggle"},
        {"operation": 0},
        {"operation": 4},
        {"operation": 1.0},
        {"operation": True},
        {"value": "x"},
        {"value": [1]},
        {"value": None},
        {"value": ["x" * 2001]},
    ],
)
def test_a33_what_cannot_be_done_to_manifests_is_refused(
    house: House, mine: Customer, four: tuple[int, list[str]], wrong: dict[str, Any]
) -> None:
    _, (a, *_) = four
    body = {**some(a), "field": "manifests", "operation": "add", "value": ["x"], **wrong}
    assert house.ask("PATCH", "allImages", json=body, of=mine).status_code == 400


def test_a_repeat_of_a_deletion_is_given_the_first_answer(
    house: House, mine: Customer, four: tuple[int, list[str]]
) -> None:
    _, (a, *_) = four
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (house.post("deleteImages", some(a), of=mine, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
