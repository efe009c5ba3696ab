"""One image: registered, changed and processed again while its client waits. Numbers are of the protocol's list."""

import base64
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from stackroom.database import schema
from stackroom.testing.pictures import picture

from .house import Customer, House

SETTINGS = {"workers": 2}
EVERYTHING = [("iiif-img", "default"), ("thumbs", "default")]


@pytest.fixture(scope="module")
def space(house: House) -> int:
    return house.a_space()


def said(house: House, **more: Any) -> dict[str, Any]:
    """The body of a PUT, with a picture for an origin."""
    origin = {} if "origin" in more else {"origin": house.an_original()}
    plain = {"mediaType": "image/png", **origin, **more}
    return {name: value for name, value in plain.items() if value is not ...}


def put(house: House, address: str, body: dict[str, Any], **options: Any) -> httpx.Response:
    return house.ask("PUT", address, json=body, **options)


def patch(house: House, address: str, **body: Any) -> httpx.Response:
    return house.ask("PATCH", address, json=body)


def an_image(house: House, space: int, key: str, **more: Any) -> str:
    """One that is there; its address."""
    address = f"spaces/{space}/images/{key}"
    made = put(house, address, said(house, **more))
    assert made.status_code == 201, made.text
    return address


def channels(image: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["channel"], each["policy"]) for each in image["deliveryChannels"]]


def test_a1_i1_e10_a_new_image_is_there_when_the_answer_comes(house: House, space: int) -> None:
    answer = put(house, f"spaces/{space}/images/a1", said(house, string1="vol1", number1=3, tags=["x"]))
    found = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, found["@id"])
    assert found["@id"] == f"{house.url}/customers/{house.customer.number}/spaces/{space}/images/a1"
    assert (found["maxUnauthorised"], channels(found)) == (-1, EVERYTHING)
    assert (found["width"], found["height"], found["ingesting"], found["error"]) == (40, 30, False, "")
    assert found["finished"] >= found["created"]
    assert (found["string1"], found["number1"], found["tags"], found["family"]) == ("vol1", 3, ["x"], "I")
    assert "batch" not in found
    assert house.get(f"spaces/{space}/images/a1").json() == found


def test_i4_an_unknown_image_takes_the_type_that_it_truly_has(house: House, space: int) -> None:
    made = put(house, f"spaces/{space}/images/i4", said(house, mediaType="image/unknown"))
    assert (made.status_code, made.json()["mediaType"]) == (201, "image/png")


@pytest.mark.parametrize(
    ("origin", "key"),
    [("https://files.example/none.png", "A2 gone"), (b"no picture", "I7 broken"), (b"", "empty")],
    ids=["I7 A2 E13", "broken", "empty"],
)
def test_an_image_that_cannot_be_processed_stays_and_says_why(
    house: House, space: int, origin: str | bytes, key: str
) -> None:
    given = origin if isinstance(origin, str) else house.an_original(content=origin)
    address = f"spaces/{space}/images/{key.replace(' ', '-')}"
    answer = put(house, address, said(house, origin=given))
    refused = answer.json()
    assert (answer.status_code, refused["@type"], refused["statusCode"]) == (500, "Error", 500)
    assert refused["detail"].startswith("Engine could not process asset")
    assert "location" not in answer.headers
    found = house.get(address).json()
    assert (found["width"], found["height"], found["ingesting"]) == (0, 0, False)
    assert "finished" in found
    assert found["error"]
    assert found["error"] in refused["detail"]
    assert house.get(f"{address}/storage").status_code == 404


def test_a9_a_good_origin_clears_the_error(house: House, space: int) -> None:
    address = f"spaces/{space}/images/a9"
    assert put(house, address, said(house, origin="https://files.example/none.png")).status_code == 500
    again = put(house, address, said(house))
    assert (again.status_code, again.json()["error"], again.json()["width"]) == (200, "", 40)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"origin": ...}, "Asset Origin must be supplied.", id="A4"),
        pytest.param({"origin": " "}, "Asset Origin must be supplied.", id="A4 blank"),
        pytest.param(
            {"thumbnailPolicy": "x"}, "thumbnailPolicy is deprecated. Use 'deliveryChannels'", id="A5"
        ),
        pytest.param(
            {"imageOptimisationPolicy": "x"}, "imageOptimisationPolicy is deprecated.", id="A5 again"
        ),
        pytest.param({"mediaType": ...}, "Media type must be specified", id="A7"),
        pytest.param({"deliveryChannels": ["default", "file"]}, "'default' stands alone", id="A8 default"),
        pytest.param({"deliveryChannels": ["none", "file"]}, "'none' stands alone", id="A8 none"),
        pytest.param({"deliveryChannels": ["file", "file"]}, "duplicate", id="A8 twice"),
        pytest.param({"deliveryChannels": ["iiif"]}, "'iiif' is not a valid", id="A8 unknown"),
        pytest.param({"deliveryChannels": ["iiif-av"]}, "'iiif-av' is not a valid", id="A8 unsuited"),
        pytest.param({"deliveryChannels": []}, "cannot be an empty array", id="A8 empty"),
        pytest.param({"deliveryChannels": [{"channel": "file", "policy": "x"}]}, "policy 'x'", id="policy"),
        pytest.param({"id": "another"}, "'id' is 'another'", id="another id"),
        pytest.param({"space": 992}, "'space' is 992", id="another space"),
        pytest.param({"@id": "https://x/customers/1/spaces/1/images/x"}, "'@id' is", id="another address"),
        pytest.param({"width": 3, "duration": 0}, "Should not include width", id="read only"),
        pytest.param({"file": "QUJ"}, "'file' is not base64", id="no base64"),
    ],
)
def test_what_cannot_be_registered_is_refused_and_leaves_nothing(
    house: House, space: int, body: dict[str, Any], message: str
) -> None:
    before = house.counts()
    answer = put(house, f"spaces/{space}/images/refused", said(house, **body))
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error")
    assert message in answer.json()["detail"]
    assert house.counts() == before
    assert house.get(f"spaces/{space}/images/refused").status_code == 404


@pytest.mark.parametrize("key", ["a%20b", "a%5Cb", "%20", "a%0Ab", "a%1Fb"])
def test_a6_some_characters_cannot_be_in_a_new_name(house: House, space: int, key: str) -> None:
    assert put(house, f"spaces/{space}/images/{key}", said(house)).status_code == 400


def test_an_encoded_slash_is_in_no_new_name(house: House, space: int) -> None:
    answer = put(house, f"spaces/{space}/images/a%2Fb", said(house))
    assert answer.status_code == 400
    assert "Asset Id of 'a%2Fb' contains restricted characters" in answer.json()["detail"]
    assert house.get(f"spaces/{space}/images/a%2Fb").status_code == 404


def test_a_space_that_is_not_there_is_named(house: House) -> None:
    answer = put(house, "spaces/992/images/x", said(house))
    detail = f"Target space for asset does not exist: {house.customer.number}/992"
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    theirs = house.a_space(house.stranger)
    if theirs != 1:  # the number may be one of ours as well
        assert put(house, f"spaces/{theirs + 900}/images/x", said(house)).status_code == 400


def test_a10_a11_what_a_put_leaves_out_stays(house: House, space: int) -> None:
    address = an_image(
        house,
        space,
        "a10",
        manifests=["m1", "m2"],
        string1="one",
        tags=["t"],
        deliveryChannels=["iiif-img", "file"],
    )
    kept = put(house, address, said(house, origin=...))
    assert kept.status_code == 200
    found = kept.json()
    assert channels(found) == [("iiif-img", "default"), ("file", "none")]
    assert (found["manifests"], found["string1"], found["tags"]) == (["m1", "m2"], "one", ["t"])
    assert channels(put(house, address, said(house, deliveryChannels=["default"])).json()) == EVERYTHING
    nothing = put(house, address, said(house, deliveryChannels=["none"])).json()
    assert (channels(nothing), nothing["error"]) == ([("none", "none")], "")
    assert put(house, address, said(house, manifests=[])).json()["manifests"] == []
    assert put(house, address, said(house, manifests=["m3"])).json()["manifests"] == ["m3"]


def test_a13_images_are_counted_as_they_come(house: House) -> None:
    space, before = house.a_space(), house.get("storage").json()["numberOfStoredImages"]
    an_image(house, space, "a13")
    assert house.get(f"spaces/{space}").json()["approximateNumberOfImages"] == 1
    assert house.get("storage").json()["numberOfStoredImages"] == before + 1


def test_who_asks_by_date_gets_the_bytes_that_have_come_since(house: House, space: int) -> None:
    """Otherwise a reader keeps the old page, and a download that is taken up again is half of each."""
    address = an_image(house, space, "anew", deliveryChannels=["file", "thumbs"])
    asset = schema.asset
    long_ago = update(asset).where(asset.c.key == "anew").values(created_at=1, updated_at=1)
    house.write(lambda conn: conn.execute(long_ago))
    place = f"{house.customer.number}/{space}/anew"
    ways = [f"/file/{place}", f"/thumbs/{place}/full/max/0/default.jpg"]
    dates = [house.get(way, auth=None).headers["last-modified"] for way in ways]
    there = house.an_original(content=picture("png", 40, 30, seed=9))
    assert put(house, address, said(house, origin=there)).status_code == 200
    for way, date in zip(ways, dates, strict=True):
        for asked in ({"If-Modified-Since": date}, {"If-Range": date, "Range": "bytes=10-"}):
            assert house.get(way, headers=asked, auth=None).status_code == 200, (way, asked)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a14_a_file_may_come_with_the_request(house: House, space: int, method: str) -> None:
    content = picture("png", 60, 20, seed=len(method))
    address = f"spaces/{space}/images/a14-{method}"
    body = {"file": base64.encodebytes(content).decode(), "mediaType": "image/png", "string1": "sent"}
    answer = house.ask(method, address, json=body)
    found = answer.json()
    assert (answer.status_code, answer.headers.get("location")) == (201, found["@id"])
    assert (found["width"], found["height"], found["string1"], found["error"]) == (60, 20, "sent", "")
    assert house.get(f"{address}/storage").json()["size"] == len(content)
    again = house.post(f"{address}/reingest")
    assert (again.status_code, again.json()["width"], again.json()["origin"]) == (200, 60, found["origin"])
    copied = put(house, f"spaces/{space}/images/a14-{method}-copy", said(house, origin=found["origin"]))
    assert (copied.status_code, copied.json()["width"]) == (201, 60)


def test_nobody_elses_file_can_be_had_by_its_origin(house: House, space: int) -> None:
    content = base64.b64encode(picture("png", 50, 50, seed=5)).decode()
    body = {"file": content, "mediaType": "image/png"}
    origin = put(house, f"spaces/{space}/images/mine", body).json()["origin"]
    theirs = house.a_space(house.stranger)
    answer = put(house, f"spaces/{theirs}/images/stolen", said(house, origin=origin), of=house.stranger)
    assert (answer.status_code, answer.json()["code"]) == (500, "no_longer_stored")


def test_a_file_that_was_converted_can_be_processed_again(house: House, space: int) -> None:
    content = base64.b64encode(picture("heic", 64, 48, seed=6)).decode()
    address = f"spaces/{space}/images/heic"
    made = put(house, address, {"file": content, "mediaType": "image/heic"})
    assert (made.status_code, made.json()["width"]) == (201, 64)
    assert house.post(f"{address}/reingest").json()["error"] == ""


def test_a_master_in_jpeg_2000_is_an_image_like_any_other(house: House, space: int) -> None:
    content = picture("jp2", 640, 480, seed=7)
    address = f"spaces/{space}/images/master"
    made = put(house, address, {"file": base64.b64encode(content).decode(), "mediaType": "image/jp2"})
    assert (made.status_code, made.json()["mediaType"], made.json()["width"]) == (201, "image/jp2", 640)
    assert {each["channel"] for each in made.json()["deliveryChannels"]} == {"iiif-img", "thumbs"}
    assert house.post(f"{address}/reingest").json()["error"] == ""


@pytest.mark.parametrize("file", ["", "  ", "QUJ", "data:image/png;base64,QUJD", "QUJD*", "Q=Q="])
def test_a_file_must_be_base64(house: House, space: int, file: str) -> None:
    answer = house.post(f"spaces/{space}/images/bad", {"file": file, "mediaType": "image/png"})
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error")
    missing = house.post(f"spaces/{space}/images/bad", {"file": "QUJD"})
    assert (missing.status_code, missing.json()["detail"]) == (400, "Media type must be specified")


def test_a_post_without_a_file_is_told_to_put(house: House, space: int) -> None:
    answer = house.post(f"spaces/{space}/images/x", said(house))
    assert (answer.status_code, "PUT it" in answer.json()["detail"]) == (400, True)


# --- changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "media_type", "content"),
    [("I", "image/png", None), ("F", "application/pdf", b"%PDF-1.4\n%%EOF\n")],
)
def test_a15_a_change_that_delivery_does_not_depend_on_processes_nothing(
    house: House, space: int, family: str, media_type: str, content: bytes | None
) -> None:
    address = an_image(
        house,
        space,
        f"a15-{family}",
        mediaType=media_type,
        origin=house.an_original(content=content),
        tags=["a"],
    )
    before = house.get(address).json()
    jobs = house.counts()["job"]
    answer = patch(house, address, string1="new", number2=7)
    assert answer.status_code == 200
    assert answer.json() == {**before, "string1": "new", "number2": 7}
    assert (house.counts()["job"], answer.json()["family"]) == (jobs, family)


def test_d25_what_a_patch_leaves_out_stays_and_an_empty_list_clears(house: House, space: int) -> None:
    address = an_image(house, space, "d25", tags=["a"], roles=["r"], manifests=["m"], string1="x", number1=1)
    before = house.get(address).json()
    assert patch(house, address).json() == before
    assert patch(house, address, string1=None, tags=None).json() == before
    assert patch(house, address, tags=[], string1="", number1=0).json() == {
        **before, "tags": [], "string1": "", "number1": 0,
    }  # fmt: skip
    assert patch(house, address, roles=[], manifests=["n", "n"]).json()["manifests"] == ["n"]


def test_a16_a_new_origin_is_fetched_before_the_answer(house: House, space: int) -> None:
    address = an_image(house, space, "a16", string1="kept")
    larger = house.an_original(content=picture("png", 90, 10, seed=1))
    answer = patch(house, address, origin=larger)
    found = answer.json()
    assert (answer.status_code, found["width"], found["origin"]) == (200, 90, larger)
    assert (found["string1"], found["ingesting"]) == ("kept", False)
    failed = patch(house, address, origin="https://files.example/none.png")
    assert failed.status_code == 500
    assert house.get(address).json()["error"]


@pytest.mark.parametrize(
    ("body", "jobs"),
    [
        ({"maxUnauthorised": 400}, 1),
        ({"deliveryChannels": ["iiif-img"]}, 1),
        ({"maxUnauthorised": -1, "deliveryChannels": ["default"]}, 0),
        ({"mediaType": "image/png"}, 0),
    ],
)
def test_only_what_delivery_depends_on_is_reason_to_process_again(
    house: House, space: int, body: dict[str, Any], jobs: int
) -> None:
    address = an_image(house, space, f"again-{jobs}-{len(str(body))}")
    before = house.counts()["job"]
    assert patch(house, address, **body).status_code == 200
    assert house.counts()["job"] == before + jobs


@pytest.mark.parametrize("key", ["none", "refused"], ids=["A18", ""])
def test_an_image_that_is_not_there_cannot_be_changed(house: House, space: int, key: str) -> None:
    assert patch(house, f"spaces/{space}/images/{key}", string1="x").status_code == 404
    assert patch(house, f"spaces/992/images/{key}", string1="x").status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"deliveryChannels": []}, "cannot be an empty array", id="A19"),
        ({"deliveryChannels": ["iiif-av"]}, "'iiif-av' is not a valid"),
        ({"family": "T"}, "Family cannot be edited"),
        ({"mediaType": ""}, "Media type must be specified"),
        ({"error": "mine"}, "Should not include error"),
        ({"height": 12}, "Should not include height"),
        ({"file": "QUJD"}, "'file' cannot be changed"),
        ({"tags": "x"}, "tags"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    house: House, space: int, body: dict[str, Any], message: str
) -> None:
    address = f"spaces/{space}/images/patched"
    if house.get(address).status_code == 404:
        an_image(house, space, "patched")
    before = house.get(address).json()
    answer = patch(house, address, **body)
    assert (answer.status_code, message in answer.json()["detail"]) == (400, True)
    assert house.get(address).json() == before


# --- sound and video -------------------------------------------------------------------------------------------------


def test_a17_sound_and_video_go_the_way_of_the_queue(house: House, space: int) -> None:
    """Each as a batch of its own. They are kept as they came; nothing is made of them yet."""
    film = house.an_original("film.mp4", MP4)
    answer = put(house, f"spaces/{space}/images/film", said(house, mediaType="video/mp4", origin=film))
    made = answer.json()
    assert (answer.status_code, answer.headers["location"], made["family"]) == (201, made["@id"], "T")
    first = house.finished(made["batch"])
    assert (first["count"], first["completed"]) == (1, 1)
    assert house.get(made["@id"]).json()["ingesting"] is False
    unchanged = patch(house, made["@id"], string1="x").json()
    assert unchanged["batch"] == made["batch"]
    changed = patch(house, made["@id"], origin=house.an_original("other.mp4", MP4 + b"\0" * 8)).json()
    assert changed["batch"] not in {None, made["batch"]}
    assert house.finished(changed["batch"])["completed"] == 1


def test_sound_and_video_that_come_with_the_request_are_there_at_once(house: House, space: int) -> None:
    """There is nothing to fetch, and nothing may give their bytes up before somebody looks at them."""
    body = {"file": base64.b64encode(MP4 + b"\1").decode(), "mediaType": "video/mp4"}
    address = f"spaces/{space}/images/film-sent"
    made = put(house, address, body)
    found = made.json()
    assert (made.status_code, found["family"], found["ingesting"], found["error"]) == (201, "T", False, "")
    assert house.get(f"{address}/storage").json()["size"] == len(MP4) + 1
    assert house.count(schema.upload) == 0


def test_a_file_that_is_no_image_is_not_kept(house: House, space: int) -> None:
    before = house.count(schema.blob)
    body = {"file": base64.b64encode(b"no picture").decode(), "mediaType": "image/png"}
    assert put(house, f"spaces/{space}/images/not-kept", body).status_code == 500
    assert (house.count(schema.upload), house.count(schema.blob)) == (0, before)


MP4 = (
    b"\0\0\0\x18ftypisom\0\0\0\0isommp42"
    b"\0\0\0\x08free"
)  # fmt: skip


# --- again -----------------------------------------------------------------------------------------------------------


def test_a25_an_image_is_processed_again_and_belongs_to_no_batch_then(house: House, space: int) -> None:
    name = "late.png"
    made = house.submit(house.a_member(space, "a25", origin=f"https://files.example/{name}")).json()
    assert house.finished(made)["errors"] == 1
    address = f"spaces/{space}/images/a25"
    assert house.get(address).json()["batch"] == made["@id"]
    house.an_original(name)
    answer = house.ask("POST", f"{address}/reingest")
    found = answer.json()
    assert (answer.status_code, found["error"], found["width"], found["ingesting"]) == (200, "", 40, False)
    assert "batch" not in found
    assert house.get(made["images"]).json()["totalItems"] == 0
    assert house.get(made["assets"]).json()["totalItems"] == 1
    assert house.get(made["@id"]).json()["errors"] == 1


def test_a24_only_images_that_there_are_can_be_processed_again(house: House, space: int) -> None:
    text = an_image(
        house,
        space,
        "a24",
        mediaType="application/pdf",
        origin=house.an_original(content=b"%PDF-1.4\n%%EOF\n"),
    )
    film = put(
        house,
        f"spaces/{space}/images/a24-film",
        said(house, mediaType="video/mp4", origin=house.an_original("a24.mp4", MP4)),
    )
    house.finished(film.json()["batch"])
    for address, status in (("spaces/1/images/none", 404), (text, 400), (film.json()["@id"], 400)):
        assert house.post(f"{address}/reingest").status_code == status


def test_a26_an_image_that_cannot_be_processed_again_says_so(house: House, space: int) -> None:
    name = "going.png"
    address = an_image(house, space, "a26", origin=house.an_original(name))
    (house.originals / name).unlink()
    answer = house.post(f"{address}/reingest")
    assert (answer.status_code, answer.json()["@type"]) == (500, "Error")
    assert house.get(address).json()["error"]


# --- callers, repeats ------------------------------------------------------------------------------------------------


def test_only_who_may_write_may_register(house: House, space: int) -> None:
    address, viewer = f"spaces/{space}/images/whose", {"X-API-Key": house.customer.keys["viewer"]}
    for method, path in (
        ("PUT", address),
        ("POST", address),
        ("PATCH", address),
        ("POST", f"{address}/reingest"),
    ):
        assert house.ask(method, path, json={}, auth=None).status_code == 401
        assert house.ask(method, path, json={}, auth=house.stranger.auth).status_code == 401
        assert house.ask(method, path, json={}, auth=None, headers=viewer).status_code == 403


def test_a_repeat_is_given_the_first_answer_and_processes_nothing(house: House, space: int) -> None:
    body, once = said(house), {"Idempotency-Key": "one image"}
    first = put(house, f"spaces/{space}/images/once", body, headers=once)
    jobs = house.counts()["job"]
    again = put(house, f"spaces/{space}/images/once", body, headers=once)
    assert (again.status_code, again.content) == (201, first.content)
    assert (again.headers["idempotent-replayed"], house.counts()["job"]) == ("true", jobs)


def test_a_client_of_old_may_leave_out_the_media_type(house: House) -> None:
    of_old: Customer = house.a_customer(legacy=True)
    space = house.a_space(of_old)
    body = {"origin": house.an_original(), "thumbnailPolicy": "default"}
    answer = put(house, f"spaces/{space}/images/x", body, of=of_old)
    assert (answer.status_code, answer.json()["mediaType"]) == (201, "image/png")
    assert channels(answer.json()) == EVERYTHING
