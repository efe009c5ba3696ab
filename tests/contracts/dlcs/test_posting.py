"""What a POST to a queue takes and refuses; nothing is processed here. Numbers are those of the protocol's list."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import select

from stackroom.database import schema
from stackroom.ingest import batches

from .house import Customer, House, on_both_databases

SETTINGS = {"workers": 0, "max_batch": 5}
pytestmark = on_both_databases

CHANNELS = {
    "image": [("iiif-img", "default"), ("thumbs", "default")],
    "video": [("iiif-av", "default-video")],
    "audio": [("iiif-av", "default-audio")],
    "application": [("file", "none")],
}


@pytest.fixture(scope="module")
def space(house: House) -> int:
    return house.a_space()


@pytest.fixture(scope="module")
def of_old(house: House) -> Customer:
    """A customer whose clients may leave out what older servers guessed."""
    return house.a_customer(legacy=True)


def channels(image: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["channel"], each["policy"]) for each in image["deliveryChannels"]]


def assets(house: House, made: dict[str, Any], of: Customer | None = None) -> dict[str, dict[str, Any]]:
    """The members of a batch, by their ids."""
    found = house.get(made["assets"], of=of)
    assert found.status_code == 200, found.text
    return {each["id"]: each for each in found.json()["member"]}


def test_p13_images_sound_and_files_are_accepted_together(house: House) -> None:
    space = house.a_space()
    queued = house.get("queue").json()["size"]
    stored = house.get("storage").json()["numberOfStoredImages"]
    before = house.counts()
    answer = house.submit(
        house.a_member(space, "film", mediaType="video/mp4", family="T"),
        house.a_member(space, "leaf", family="I"),
        house.a_member(space, "text", mediaType="application/pdf", family="F"),
    )
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, made["@id"])
    assert (made["@type"], made["count"], made["completed"], made["errors"]) == ("vocab:Batch", 3, 0, 0)
    assert made["superseded"] is False
    assert "finished" not in made
    assert made["estCompletion"] >= made["submitted"][:19]
    assert house.get(made["@id"]).json()["count"] == 3
    found = assets(house, made)
    assert {key: each["family"] for key, each in found.items()} == {"film": "T", "leaf": "I", "text": "F"}
    for each in found.values():
        assert (each["ingesting"], each["error"], each["batch"]) == (True, "", made["@id"])
        assert "finished" not in each
    assert channels(found["film"]) == CHANNELS["video"]
    assert channels(found["leaf"]) == CHANNELS["image"]
    assert channels(found["text"]) == CHANNELS["application"]
    after = house.counts()
    assert {name: after[name] - before[name] for name in after} == {
        "asset": 3, "batch": 1, "job": 3, "registration": 3, "event": 4,
    }  # fmt: skip
    assert house.get("queue").json()["size"] == queued + 3
    assert house.get("storage").json()["numberOfStoredImages"] == stored + 3
    assert made["@id"] in [each["@id"] for each in house.get("queue/active").json()["member"]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({"mediaType": ...}, "Media type must be specified", id="P1"),
        pytest.param({"origin": ...}, "Asset Origin must be supplied.", id="P2"),
        pytest.param({"origin": " "}, "Asset Origin must be supplied.", id="a blank origin"),
        pytest.param({"id": " "}, "Asset Id cannot be empty", id="P6"),
        pytest.param({"id": "a b"}, "restricted characters", id="P8 a space"),
        pytest.param({"id": "a\\b"}, "restricted characters", id="P8 a backslash"),
        pytest.param({"space": 992}, "The following space(s) could not be found: 992", id="P10"),
        *(
            pytest.param({name: "x", "family": family}, f"{name} is deprecated.", id=f"{number} {family}")
            for number, name in (("P11", "thumbnailPolicy"), ("P12", "imageOptimisationPolicy"))
            for family in "ITF"
        ),
        pytest.param({"string1": "x" * 3000}, "member 2 ('bad')", id="a string too long"),
        pytest.param({"tags": ["x" * 200]}, "member 2 ('bad')", id="a tag too long"),
        pytest.param({"width": 4}, "Should not include width", id="what only the server says"),
        pytest.param(
            {"deliveryChannels": [{"channel": "thumbs", "policy": "x"}]}, "policy 'x'", id="a policy"
        ),
        pytest.param({"id": "good"}, "duplicate Id(s): Id:good,Space:", id="the same twice"),
        pytest.param({"space": "one"}, "member[1].space", id="a wrong type"),
    ],
)
def test_one_bad_member_is_told_and_nothing_is_accepted(
    house: House, space: int, said: dict[str, Any], message: str
) -> None:
    before = house.counts()
    good, bad = house.a_member(space, "good"), house.a_member(space, "bad") | said
    answer = house.submit(good, {name: value for name, value in bad.items() if value is not ...})
    body = answer.json()
    assert (answer.status_code, body["@type"], body["statusCode"], body["status"]) == (400, "Error", 400, 400)
    assert message in body["detail"]
    assert body["description"] == body["detail"]
    assert body["instance"] == f"{house.url}/customers/{house.customer.number}/queue"
    assert house.counts() == before


def test_whoever_is_at_fault_is_named_beside_the_words_of_the_protocol(house: House, space: int) -> None:
    """The message of the original says what is wrong and not with which of hundreds."""
    refused = house.submit(
        house.a_member(space, "good"),
        house.a_member(space, "wide", width=4),
        house.a_member(space, "old", thumbnailPolicy="x", width=4),
        house.a_member(space, "odd", deliveryChannels=["iiif"]),
    ).json()
    assert refused["detail"].startswith("Should not include width. thumbnailPolicy is deprecated.")
    assert refused["hint"] == (
        "Should not include width: member 2 ('wide'), member 3 ('old'). "
        "thumbnailPolicy is deprecated. Use 'deliveryChannels' instead: member 3 ('old')."
    )


def test_what_is_wrong_with_a_request_and_what_with_the_world_have_titles_of_their_own(
    house: House, space: int
) -> None:
    titles = [
        house.submit(house.a_member(each, "x", **said), lane=lane).json()["title"]
        for each, lane, said in [
            (space, "queue", {"width": 1}),
            (992, "queue", {}),
            (992, "queue/priority", {}),
            (space, "queue/priority", {"mediaType": "text/plain"}),
        ]
    ]
    assert titles == [
        "Bad request",
        "Create batch failed: Validation failed",
        "Create priority batch failed: Validation failed",
        "Create priority batch failed: Validation failed",
    ]


@pytest.mark.parametrize("lane", ["queue", "queue/priority"])
def test_p9_an_empty_list_is_refused(house: House, lane: str) -> None:
    for body in ({"member": []}, {"member": None}, {}, None):
        answer = house.post(lane, body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["detail"]) == (400, "Members cannot be empty")


def test_v3_v4_more_than_the_limit_is_refused_and_exactly_the_limit_is_not(house: House, space: int) -> None:
    many = [house.a_member(space, f"many-{n}", origin="https://files.example/x.png") for n in range(6)]
    refused = house.submit(*many)
    assert (refused.status_code, refused.json()["detail"]) == (400, "Maximum assets in single batch is 5")
    assert house.submit(*many[:5]).json()["count"] == 5


def test_p7_p17_images_without_a_name_get_one(house: House, space: int) -> None:
    for lane in ("queue", "queue/priority"):
        nameless, empty = (house.a_member(space, "") for _ in range(2))
        del nameless["id"]
        made = house.submit(nameless, empty, house.a_member(space, f"some {lane}"[:4]), lane=lane).json()
        found = assets(house, made)
        assert sorted(map(len, found)) == [4, 36, 36]


def test_p15_the_priority_lane_is_for_images_alone(house: House, space: int) -> None:
    before = house.counts()
    for media_type, family in (("video/mp4", "T"), ("application/pdf", "F")):
        answer = house.submit(
            house.a_member(space, "one"),
            house.a_member(space, "two", mediaType=media_type, family=family),
            lane="queue/priority",
        )
        assert (answer.status_code, answer.json()["detail"]) == (
            400,
            "Priority queue only supports image assets",
        )
    assert house.counts() == before
    anything = [house.a_member(992, "a"), house.a_member(992, "b", mediaType="video/mp4")]
    assert house.submit(*anything).status_code == 400


def test_p18_images_for_the_priority_lane_are_known_by_any_of_three_signs(house: House) -> None:
    space, before = house.a_space(), house.get("queue/priority").json()
    stored = house.get("storage").json()["numberOfStoredImages"]
    answer = house.submit(
        house.a_member(space, "both", family="I", deliveryChannels=["iiif-img"]),
        house.a_member(space, "channels", deliveryChannels=["iiif-img", "thumbs"]),
        house.a_member(space, "family", family="I"),
        house.a_member(space, "neither"),
        lane="queue/priority",
    )
    made = answer.json()
    assert (answer.status_code, made["count"], made["completed"]) == (201, 4, 0)
    found = assets(house, made)
    assert all(each["ingesting"] for each in found.values())
    assert channels(found["both"]) == [("iiif-img", "default")]
    after = house.get("queue/priority").json()
    assert (after["size"], after["batchesWaiting"]) == (before["size"] + 4, before["batchesWaiting"] + 1)
    assert after["imagesWaiting"] == before["imagesWaiting"] + 4
    assert house.get("storage").json()["numberOfStoredImages"] == stored + 4
    assert house.get("/queue", auth=None).json()["priority"] >= 4


def test_members_may_be_in_several_spaces(house: House, space: int) -> None:
    made = house.submit(house.a_member(space, "same"), house.a_member(house.a_space(), "same")).json()
    shown = house.get(made["images"], params={"q": json.dumps({"space": space})}).json()
    assert (made["count"], shown["totalItems"]) == (2, 1)


def test_q20_q21_q22_q25_q26_q27_the_images_of_a_batch_are_paged_and_filtered(
    house: House, space: int
) -> None:
    other = house.a_space()
    numbers = [(space, 10), (space, 9), (space, 10), (other, 10)]
    made = house.submit(
        *(house.a_member(where, f"page-{n}", number1=it) for n, (where, it) in enumerate(numbers))
    ).json()
    for link in (made["images"], made["assets"]):
        assert house.get(link).json()["totalItems"] == 4
        page = house.get(link, params={"pageSize": 3, "page": 2}).json()
        assert (page["totalItems"], [each["id"] for each in page["member"]]) == (4, ["page-3"])
        query = {"q": json.dumps({"number1": 10, "space": space})}
        assert [each["id"] for each in house.get(link, params=query).json()["member"]] == ["page-0", "page-2"]
        assert house.get(link, params={"q": "{"}).status_code == 400
    for nothing in ("completedImages", "errorImages"):
        assert house.get(made[nothing]).json()["totalItems"] == 0


def test_an_image_belongs_to_the_last_batch_that_it_was_in(house: House, space: int) -> None:
    """The older batch has it among its assets still, and what was said of it stays where nothing else is said."""
    first = house.submit(
        house.a_member(space, "moving", string1="one", tags=["a"]), house.a_member(space, "staying")
    ).json()
    second = house.submit(house.a_member(space, "moving", string2="two")).json()
    assert [each["id"] for each in house.get(first["images"]).json()["member"]] == ["staying"]
    assert set(assets(house, first)) == {"moving", "staying"}
    moved = assets(house, second)["moving"]
    assert (moved["batch"], moved["string1"], moved["string2"], moved["tags"]) == (
        second["@id"], "one", "two", ["a"],
    )  # fmt: skip
    again = house.submit({"id": "moving", "space": space, "mediaType": "image/png"})
    assert again.status_code == 201  # from where it came before
    refused = house.submit(house.a_member(space, "moving", family="T"))
    assert (refused.status_code, "Family cannot be edited" in refused.json()["detail"]) == (400, True)


# --- clients of old --------------------------------------------------------------------------------------------------


def test_p4_an_empty_batch_is_finished_when_it_is_submitted(house: House, of_old: Customer) -> None:
    answer = house.submit(of=of_old)
    made = answer.json()
    assert (answer.status_code, made["count"], made["finished"]) == (201, 0, made["submitted"])


@pytest.mark.parametrize(
    ("lane", "said", "media_type", "expected"),
    [
        pytest.param(
            "queue",
            {"origin": "https://files.example/1.mp4", "family": "T"},
            "video/mp4",
            CHANNELS["video"],
            id="P3",
        ),
        pytest.param(
            "queue/priority",
            {"origin": "https://files.example/1.jpg"},
            "image/jpeg",
            CHANNELS["image"],
            id="P16",
        ),
        pytest.param(
            "queue",
            {"origin": "https://files.example/1.jpg", "imageOptimisationPolicy": "fast-higher"},
            "image/jpeg",
            CHANNELS["image"],
            id="P19",
        ),
        pytest.param(
            "queue",
            {"origin": "https://files.example/1.jpg", "thumbnailPolicy": "default"},
            "image/jpeg",
            CHANNELS["image"],
            id="P20",
        ),
        pytest.param(
            "queue",
            {"origin": "https://files.example/1.mp4", "family": "T", "imageOptimisationPolicy": "video-max"},
            "video/mp4",
            CHANNELS["video"],
            id="P21",
        ),
        pytest.param(
            "queue",
            {"origin": "https://files.example/1.mp3", "family": "T", "imageOptimisationPolicy": "audio-max"},
            "audio/mpeg",
            CHANNELS["audio"],
            id="P22",
        ),
    ],
)
def test_what_clients_of_old_leave_out_is_guessed(  # noqa: PLR0917 - a table of as many columns
    house: House,
    of_old: Customer,
    lane: str,
    said: dict[str, Any],
    media_type: str,
    expected: list[tuple[str, str]],
) -> None:
    member = {"id": "old", "space": house.a_space(of_old), **said}
    made = house.submit(member, lane=lane, of=of_old)
    assert made.status_code == 201, made.text
    found = assets(house, made.json(), of_old)["old"]
    assert (found["mediaType"], channels(found)) == (media_type, expected)


def test_p5_an_address_on_any_host_is_a_name(house: House, of_old: Customer) -> None:
    space = house.a_space(of_old)
    uri = f"https://any.example/customers/{of_old.number}/spaces/{space}/images/leaf-001"
    member = {"@id": uri, "space": space, "origin": "https://files.example/1.jpg"}
    made = house.submit(member, of=of_old).json()
    assert set(assets(house, made, of_old)) == {"leaf-001"}


def test_a_policy_of_old_that_means_nothing_is_a_failure_to_convert(house: House, of_old: Customer) -> None:
    member = house.a_member(house.a_space(of_old), "x", imageOptimisationPolicy="video-max")
    answer = house.submit(member, of=of_old)
    assert (answer.status_code, answer.json()["title"]) == (400, "Failed to convert legacy asset")


# --- bodies, callers, repeats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "text/json", "application/ld+json", None]
)
def test_a_body_is_json_whatever_it_is_called(house: House, space: int, kind: str | None) -> None:
    """Names in any case, commas too many, and what nobody knows: all is taken."""
    name = f"loose-{kind}".replace("/", "-").replace(" ", "")
    raw = """{"@type": "hydra:Collection", "total_items": 1, "MEMBER": [
        {"ID": "%s", "space": %d, "origin": "https://files.example/1.png", "mediatype": "image/png", "x": {}, },
    ],}"""
    headers = {} if kind is None else {"Content-Type": kind}
    answer = house.post("queue", content=(raw % (name, space)).encode(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert set(assets(house, answer.json())) == {name}


def test_a_byte_order_mark_is_passed_over(house: House, space: int) -> None:
    member = house.a_member(space, "marked")
    answer = house.post("queue", content=b"\xef\xbb\xbf" + json.dumps({"member": [member]}).encode())
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'"x"', b'{"member": {}}', b'{"member": [7]}', b"\xff", b'{"a":"\\u0000"}']
)
def test_what_is_no_collection_is_refused(house: House, raw: bytes) -> None:
    answer = house.post("queue", content=raw, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["@type"], answer.json()["title"]) == (
        400,
        "Error",
        "Bad request",
    )


def test_only_who_may_write_may_submit(house: House, space: int) -> None:
    member = house.a_member(space, "whose")
    before = house.counts()
    for lane in ("queue", "queue/priority"):
        assert house.submit(member, lane=lane, auth=None).status_code == 401
        assert house.submit(member, lane=lane, auth=house.stranger.auth).status_code == 401
        viewer = house.submit(
            member, lane=lane, auth=None, headers={"X-API-Key": house.customer.keys["viewer"]}
        )
        assert (viewer.status_code, viewer.json()["@type"]) == (403, "Error")
        # Who asks is looked at before what is asked.
        assert (
            house.post(lane, {}, auth=None, headers={"X-API-Key": house.customer.keys["viewer"]}).status_code
            == 403
        )
    theirs = house.submit(member, of=house.stranger)
    assert (theirs.status_code, "could not be found" in theirs.json()["detail"]) == (400, True)
    assert house.counts() == before


def test_a_repeat_of_a_submission_is_given_the_first_answer(house: House, space: int) -> None:
    member, once = house.a_member(space, "once"), {"Idempotency-Key": "batch-1"}
    first, again = (house.submit(member, headers=once) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.json()["@id"]
    other = house.submit(house.a_member(space, "another"), headers=once)
    assert (other.status_code, other.json()["code"]) == (400, "idempotency_key_reused")


def test_links_are_as_the_client_reaches_the_server(house: House, space: int) -> None:
    through = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.org"}
    made = house.submit(house.a_member(space, "proxied"), headers=through).json()
    assert made["@id"].startswith(f"https://api.example.org/customers/{house.customer.number}/queue/batches/")


def test_the_events_name_the_batch(house: House, space: int) -> None:
    made = house.submit(house.a_member(space, "told"), house.a_member(space, "told-too")).json()
    number = int(made["@id"].rpartition("/")[2])
    recorded = select(schema.event.c.type).where(schema.event.c.batch_id == number)
    found = house.read(lambda conn: sorted(conn.scalars(recorded)))
    assert found == ["asset.created", "asset.created", "batch.created"]


def test_a_batch_is_accepted_by_as_many_statements_whatever_its_size(house: House, space: int) -> None:
    house.submit(house.a_member(space, "who-asks-is-known-by-now"))
    asked = []
    for count in (1, 5):
        members = [house.a_member(space, f"counted-{count}-{n}") for n in range(count)]
        for _ in range(2):  # new ones, and the same again
            with house.transactions() as ran:
                assert house.submit(*members).status_code == 201
            [accepting] = [sent for sent in ran if any("INTO batch " in sql for sql in sent)]
            asked.append(len(accepting))
    assert asked[:2] == asked[2:]


def test_who_registers_one_image_at_the_same_time_registers_one_image(house: House, space: int) -> None:
    """Each has a batch; the image belongs to one of them."""
    members = [house.a_member(space, "contested", number1=n) for n in range(6)]
    with ThreadPoolExecutor(len(members)) as pool:
        answers = list(pool.map(house.submit, members))
    assert [each.status_code for each in answers] == [201] * 6
    found = house.get(f"spaces/{space}/images/contested").json()
    assert found["batch"] in {each.json()["@id"] for each in answers}
    listed = house.get(f"spaces/{space}/images", params={"orderBy": "id", "pageSize": 500}).json()["member"]
    assert [each["id"] for each in listed].count("contested") == 1
    for each in answers:
        assert house.get(each.json()["assets"]).json()["totalItems"] == 1


def test_what_was_cancelled_is_among_the_images_with_errors(house: House, space: int) -> None:
    made = house.submit(house.a_member(space, "given-up"), house.a_member(space, "given-up-too")).json()
    number = int(made["@id"].rpartition("/")[2])
    house.write(lambda conn: batches.cancel(conn, house.customer.actor, number, now=house.now()))
    done = house.get(made["@id"]).json()
    assert (done["completed"], done["errors"], "finished" in done) == (0, 2, True)
    failed = house.get(made["errorImages"]).json()["member"]
    assert [(each["id"], each["ingesting"]) for each in failed] == [
        ("given-up", False),
        ("given-up-too", False),
    ]
    assert all(each["error"] for each in failed)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.one_of(st.text(max_size=9), st.integers(), st.dictionaries(st.text(), st.text())), max_size=3),
)  # fmt: skip
MEANINGFUL = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.text(max_size=12), ANYTHING),
        "@id": st.one_of(st.just("https://x/customers/1/spaces/1/images/%zz"), ANYTHING),
        "mediaType": st.one_of(st.sampled_from(["image/png", "video/mp4", "x"]), ANYTHING),
        "family": st.one_of(st.sampled_from("ITF"), ANYTHING),
        "origin": st.one_of(
            st.sampled_from(["https://files.example/1.png", "file:///etc/passwd", "[", ""]), ANYTHING
        ),
        "deliveryChannels": st.one_of(
            st.lists(st.sampled_from(["iiif-img", "file", "none", "default", "x"]), max_size=3),
            st.lists(st.fixed_dictionaries({"channel": ANYTHING, "policy": ANYTHING}), max_size=2),
            ANYTHING,
        ),
        **dict.fromkeys(
            ("tags", "roles", "manifests", "maxUnauthorised", "batch", "width", "error"), ANYTHING
        ),
        **dict.fromkeys(("string1", "number1", "thumbnailPolicy", "imageOptimisationPolicy"), ANYTHING),
    },
)


@hypothesis.given(st.lists(MEANINGFUL, min_size=1, max_size=3), st.booleans())
@hypothesis.settings(max_examples=40, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_whatever_members_say_is_accepted_or_refused(
    house: House, space: int, of_old: Customer, members: list[dict[str, Any]], legacy: bool
) -> None:
    who = of_old if legacy else house.customer
    answer = house.submit(*({"space": space, **each} for each in members), of=who)
    assert answer.status_code in {201, 400}, (answer.text, members)
    assert answer.json()["@type"] == ("vocab:Batch" if answer.status_code == 201 else "Error")
