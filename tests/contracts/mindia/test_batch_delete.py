"""Deleting many in one request. The numbers are those of the protocol's list of cases."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from stackroom import clock
from stackroom.database import schema
from stackroom.errors import Unavailable
from stackroom.library import organizations
from stackroom.testing.processes import wait_until

from .house import NOT_THERE, House, refused, results, statuses
from .shelf import Shelf, on_both_databases

MIXED = "GET", "POST", "PUT"


def missing(media: str) -> dict[str, Any]:
    return {"id": media, "status": 404, "error": NOT_THERE}


def deleted_rows(shelf: Shelf, media: str) -> list[dict[str, Any]]:
    """What the audit log has of the deletion of one."""
    return [
        each for each in shelf.house.audit(shelf.a, "file_deleted") if each["details"]["file_id"] == media
    ]


def assert_nothing_was_done(shelf: Shelf, *media: str) -> None:
    """Those are still there, nothing is in the audit log, and nobody was told."""
    for each in media:
        assert shelf.house.get(f"/media/{each}", shelf.a).status_code == 200
    assert shelf.house.audit(shelf.a, "file_deleted") == []
    assert shelf.told(shelf.hd) == []


@on_both_databases
def test_c1_c2_c3_c4_c5_what_is_deleted_is_gone_audited_and_told(house: House, shelf: Shelf) -> None:
    key, hook = house.storage_key(shelf.a1), shelf.hd
    answer = house.batch_delete([shelf.a1], shelf.a, headers={"X-Request-ID": "the-request"})
    assert results(answer) == [{"id": shelf.a1, "status": 204}]
    for path in (f"/media/{shelf.a1}", f"/images/{shelf.a1}", f"/images/{shelf.a1}/file"):
        refused(house.get(path, shelf.a), 404, "NOT_FOUND")
    assert house.gone(key)

    (row,) = deleted_rows(shelf, shelf.a1)
    assert (row["event_type"], row["tenant_id"], row["success"]) == ("file_deleted", shelf.a.id, True)
    assert (row["user_id"], row["api_key_id"]) == (shelf.a.key_id, shelf.a.key_id)
    assert (row["details"]["filename"], row["details"]["batch_index"]) == ("a1.png", 0)
    assert (row["method"], row["path"]) == ("POST", "/api/v0/media/batch/delete")
    assert (row["ip_address"], row["request_id"]) == ("127.0.0.1", "the-request")
    assert house.get(f"/audit-logs/{row['id']}", shelf.a).json() == row

    (told,) = shelf.told(hook)
    said = told.json()
    assert (said["hook"]["event"], said["hook"]["project"]) == ("file.deleted", shelf.a.id)
    assert (said["hook"]["id"], said["hook"]["target"]) == (shelf.hooks[hook], shelf.receiver.url + hook)
    assert (said["data"]["id"], said["data"]["filename"]) == (shelf.a1, "a1.png")
    assert (said["data"]["entity_type"], said["initiator"]["type"]) == ("image", "delete")
    assert said["data"]["deleted_at"].endswith("Z")
    assert said["data"]["deleted_at"] > said["data"]["uploaded_at"]


@on_both_databases
def test_c6_c7_an_unknown_id_is_missing_and_leaves_no_trace(house: House, shelf: Shelf) -> None:
    unknown = shelf.unknown
    assert shelf.hd
    assert results(house.batch_delete([unknown], shelf.a)) == [missing(unknown)]
    assert_nothing_was_done(shelf)


@on_both_databases
def test_c8_c72_what_is_anothers_is_missing_and_stays(house: House, shelf: Shelf) -> None:
    hooks = [shelf.hd, shelf.hook("file.deleted", shelf.b)]
    assert results(house.batch_delete([shelf.b1], shelf.a)) == [missing(shelf.b1)]
    assert house.get(f"/images/{shelf.b1}", shelf.b).status_code == 200
    assert house.get(f"/images/{shelf.b1}/file", shelf.b).status_code == 200
    assert [shelf.told(each) for each in hooks] == [[], []]


@on_both_databases
def test_c9_one_that_is_missing_does_not_stop_the_rest(house: House, shelf: Shelf) -> None:
    given, hook = [shelf.a1, shelf.unknown, shelf.a5], shelf.hd
    answer = house.batch_delete(given, shelf.a)
    assert [(each["id"], each["status"]) for each in results(answer)] == list(
        zip(given, (204, 404, 204), strict=True)
    )
    assert {each.json()["data"]["id"] for each in shelf.told(hook)} == {shelf.a1, shelf.a5}
    indexes = [(each["details"]["batch_index"]) for each in house.audit(shelf.a, "file_deleted")]
    assert sorted(indexes) == [0, 2]


@on_both_databases
def test_c10_one_that_is_named_twice_is_gone_the_second_time(house: House, shelf: Shelf) -> None:
    hook = shelf.hd
    answer = house.batch_delete([shelf.a5, shelf.a5], shelf.a)
    assert results(answer) == [{"id": shelf.a5, "status": 204}, missing(shelf.a5)]
    assert len(deleted_rows(shelf, shelf.a5)) == 1
    assert len(shelf.told(hook)) == 1


def test_c11_c55_no_ids_are_no_work(house: House, shelf: Shelf) -> None:
    hooks = shelf.hd, shelf.hu
    for ask in (house.batch_delete, house.batch_copy):
        assert ask([], shelf.a).json() == {"results": []}
    assert [shelf.told(each) for each in hooks] == [[], []]


@on_both_databases
def test_c12_fifty_are_deleted_in_order(house: House, shelf: Shelf) -> None:
    given, hook = shelf.images(50)[::-1], shelf.hd
    assert results(house.batch_delete(given, shelf.a)) == [{"id": each, "status": 204} for each in given]
    assert house.get("/images", shelf.a).json() == []
    assert {each.json()["data"]["id"] for each in shelf.told(hook)} == set(given)
    rows = house.audit(shelf.a, "file_deleted")
    told = {each["details"]["file_id"]: each["details"]["batch_index"] for each in rows}
    assert told == {each: n for n, each in enumerate(given)}


def test_c13_c14_c15_more_than_fifty_are_none(house: House, shelf: Shelf) -> None:
    valid, hook = shelf.images(51), shelf.hd
    for given in (valid, [valid[0]] * 51, [shelf.unknown for _ in range(51)]):
        said = refused(house.batch_delete(given, shelf.a), 400, "BATCH_SIZE_EXCEEDED")
        assert said["error"] == "Batch size exceeds maximum of 50"
        assert (said["recoverable"], "50" in said["suggested_action"]) == (False, True)
    assert_nothing_was_done(shelf, *valid[:2])
    assert shelf.told(hook) == []


@on_both_databases
def test_c16_fifty_with_one_repeated_are_fifty(house: House, shelf: Shelf) -> None:
    given = shelf.images(49)
    given.insert(7, given[3])
    expected = [204] * 50
    expected[7] = 404
    assert statuses(house.batch_delete(given, shelf.a)) == expected


@pytest.mark.parametrize("route", ["delete", "copy"])
def test_c17_c18_c19_c20_what_is_no_list_of_ids_is_refused_whole(
    house: House, shelf: Shelf, route: str
) -> None:
    bodies: list[Any] = [
        {"ids": ["not-a-uuid"]},
        {"ids": [shelf.a1, "nope"]},
        {"ids": [shelf.a1, ""]},
        {"ids": [12]},
        {"ids": [None]},
        {"ids": [[shelf.a1]]},
        {"ids": "x"},
        {"ids": shelf.a1},
        {"ids": {"0": shelf.a1}},
        {"ids": None},
        {},
        [],
        None,
        7,
        "ids",
        {"ids": ["nope"] * 60},
    ]
    hooks = shelf.hd, shelf.hu
    path = f"/media/batch/{route}"
    for body in bodies:
        said_so = {"Content-Type": "application/json"}
        answer = house.ask("POST", path, of=shelf.a, content=json.dumps(body), headers=said_so)
        refused(answer, 400, "INVALID_INPUT")
    said = refused(house.post(path, {"ids": [shelf.a1, "nope"]}, shelf.a), 400, "INVALID_INPUT")
    assert "1" in said["error"]  # the position
    for broken in (b'{"ids": [', b"", b"\xff\xfe", b'{"ids": []} x'):
        kind = {"Content-Type": "application/json"}
        refused(house.ask("POST", path, of=shelf.a, content=broken, headers=kind), 400, "INVALID_INPUT")
    assert_nothing_was_done(shelf, shelf.a1)
    assert [shelf.told(each) for each in hooks] == [[], []]


@pytest.mark.parametrize("route", ["delete", "copy"])
def test_c21_what_is_not_said_to_be_json_is_not_taken(house: House, shelf: Shelf, route: str) -> None:
    body = f'{{"ids": ["{shelf.a5}"]}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        headers = {"Content-Type": kind}
        answer = house.ask("POST", f"/media/batch/{route}", of=shelf.a, content=body, headers=headers)
        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert house.get("/images", shelf.a).json()[0]["id"] == shelf.a5
    charset = {"Content-Type": "application/json; charset=utf-8"}
    taken = house.ask("POST", f"/media/batch/{route}", of=shelf.a, content=body, headers=charset)
    assert taken.status_code == 200


def test_c22_what_is_said_besides_does_not_matter(house: House, shelf: Shelf) -> None:
    answer = house.post("/media/batch/delete", {"ids": [shelf.a5], "force": True, "dry_run": True}, shelf.a)
    assert statuses(answer) == [204]


@pytest.mark.parametrize(
    "spelled",
    [str.upper, lambda it: it.replace("-", ""), lambda it: f"urn:uuid:{it}", lambda it: f"{{{it}}}"],
    ids=["upper case", "bare", "urn", "braces"],
)
def test_c23_an_id_is_taken_however_it_is_spelled(
    house: House, shelf: Shelf, spelled: Callable[[str], str]
) -> None:
    answer = house.batch_delete([spelled(shelf.a5)], shelf.a)
    assert results(answer) == [{"id": shelf.a5, "status": 204}]


def test_c24_without_a_key_nothing_is_done(house: House, shelf: Shelf) -> None:
    for route in ("delete", "copy"):
        answer = house.post(f"/media/batch/{route}", {"ids": [shelf.a5]})
        said = refused(answer, 401, "UNAUTHORIZED")
        assert (said["error"], said["recoverable"]) == ("Missing authorization header", False)
    assert_nothing_was_done(shelf, shelf.a5)


def test_c25_only_a_good_key_counts(house: House, shelf: Shelf) -> None:
    made = house.post("/api-keys", {"name": "for a while", "expires_in_days": 1}, shelf.a)
    assert made.status_code == 201, made.text
    revoked = house.post("/api-keys", {"name": "gone soon"}, shelf.a).json()
    assert house.delete(f"/api-keys/{revoked['id']}", shelf.a).status_code == 200
    good = f"Bearer {shelf.a.token}"
    attempts = {
        good.replace("Bearer", "bearer"): "Invalid authorization header format",
        "Bearer": None,
        "Basic YWRhOnMzY3JldA==": None,
        "Bearer x": "Invalid API key",
        "Bearer mk_live_" + "0" * 40: "Invalid API key",
        f"Bearer {revoked['api_key']}": "Invalid API key",
    }
    for value, words in attempts.items():
        answer = house.post("/media/batch/delete", {"ids": [shelf.a5]}, headers={"Authorization": value})
        said = refused(answer, 401, "UNAUTHORIZED")
        assert words in {None, said["error"]}, (value, said)
    ask = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert house.get("/images", headers=ask).status_code == 200
    house.put_forward += 2 * clock.DAY
    said = refused(house.get("/images", headers=ask), 401, "UNAUTHORIZED")
    assert said["error"] == "API key has expired"
    assert_nothing_was_done(shelf, shelf.a5)


def test_c26_who_is_suspended_is_not_let_in(house: House, shelf: Shelf) -> None:
    image = shelf.a5
    house.suspend(shelf.a)
    said = refused(house.batch_delete([image], shelf.a), 401, "UNAUTHORIZED")
    assert said["error"] == "Tenant is not active"
    assert house.count(schema.asset, schema.asset.c.organization_id == shelf.a.organization.id) == 1


def test_c27_the_batch_routes_are_for_posting(house: House, shelf: Shelf) -> None:
    for route in ("delete", "copy"):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = house.ask(method, f"/media/batch/{route}", of=shelf.a)
            refused(answer, 405, "METHOD_NOT_ALLOWED")


@on_both_databases
def test_c31_c32_what_was_known_of_it_goes_with_it_and_no_search_finds_it(house: House, shelf: Shelf) -> None:
    sound = shelf.a2
    image = shelf.image(shelf.a, "lighthouse.png")
    assert wait_until(lambda: shelf.embeddings(image) == 1, seconds=20)

    def found(words: str) -> set[str]:
        answer = house.get("/search", shelf.a, params={"q": words, "min_similarity": 0.0, "limit": 100})
        assert answer.status_code == 200, answer.text
        return {each["id"] for each in answer.json()["results"]}

    assert sound in found("a2.wav")
    assert image in found("lighthouse")
    numbers = [house.row_id(each) for each in (sound, image)]
    assert statuses(house.batch_delete([sound, image], shelf.a)) == [204, 204]
    assert house.count(schema.embedding, schema.embedding.c.asset_id.in_(numbers)) == 0
    assert not {sound, image} & (found("a2.wav") | found("lighthouse"))


def test_c33_c34_a_store_that_fails_keeps_nobody_from_deleting(
    house: House, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike the original: the bytes go after the commit, and are tried again until they are gone."""
    key = house.storage_key(shelf.a1)

    def fails(_keys: object) -> None:
        raise Unavailable("the disk does not answer", code="storage_unavailable")

    with monkeypatch.context() as broken:
        broken.setattr(house.services.store, "delete", fails)
        assert statuses(house.batch_delete([shelf.a1, shelf.a5], shelf.a)) == [204, 204]
        house.services.sweep_soon.set()
        assert (house.settings.storage_dir / key).exists()
        refused(house.get(f"/images/{shelf.a1}", shelf.a), 404, "NOT_FOUND")
    house.services.sweep_soon.set()
    assert house.gone(key)
    assert len(deleted_rows(shelf, shelf.a1)) == 1


def test_c35_one_whose_bytes_are_gone_is_deleted_as_well(house: House, shelf: Shelf) -> None:
    (house.settings.storage_dir / house.storage_key(shelf.a5)).unlink()
    assert results(house.batch_delete([shelf.a5], shelf.a)) == [{"id": shelf.a5, "status": 204}]


@on_both_databases
def test_c36_of_two_at_once_one_deletes(house: House, shelf: Shelf) -> None:
    media, hook = shelf.images(6), shelf.hd
    first, second = house.at_once(
        lambda: house.batch_delete(media, shelf.a), lambda: house.batch_delete(media[::-1], shelf.a)
    )
    pairs = zip(statuses(first), statuses(second)[::-1], strict=True)
    assert {frozenset(each) for each in pairs} == {frozenset({204, 404})}
    assert len(house.audit(shelf.a, "file_deleted")) == len(media)
    assert sorted(each.json()["data"]["id"] for each in shelf.told(hook)) == sorted(media)


@on_both_databases
def test_c37_a_group_keeps_its_other_members_in_their_places(house: House, shelf: Shelf) -> None:
    made = house.post("/groups", {"files": [shelf.a1, shelf.a5, (last := shelf.image(shelf.a))]}, shelf.a)
    assert made.status_code == 201, made.text
    group = f"/groups/{made.json()['id']}"
    assert statuses(house.batch_delete([shelf.a5], shelf.a)) == [204]
    assert [each["id"] for each in house.get(group, shelf.a).json()["files"]] == [shelf.a1, last]
    assert house.get(f"{group}/nth/2", shelf.a).status_code == 302
    assert house.get(f"{group}/nth/1", shelf.a).status_code == 404


@on_both_databases
def test_c38_c39_c40_c41_a_retry_is_answered_as_the_first_time(house: House, shelf: Shelf) -> None:
    once = {"Idempotency-Key": f"delete {shelf.a5}"}
    first = house.batch_delete([shelf.a5], shelf.a, headers=once)
    assert (statuses(first), first.headers["X-Idempotent-Key"]) == ([204], once["Idempotency-Key"])
    assert "X-Idempotent-Replayed" not in first.headers
    again = house.batch_delete([shelf.a5], shelf.a, headers=once)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["X-Idempotent-Replayed"] == "true"
    assert len(deleted_rows(shelf, shelf.a5)) == 1

    theirs = house.batch_delete([shelf.a5], shelf.b, headers=once)
    assert (statuses(theirs), "X-Idempotent-Replayed" in theirs.headers) == ([404], False)
    refused(house.batch_delete([shelf.a1], shelf.a, headers=once), 422, "IDEMPOTENCY_KEY_REUSED")
    assert house.get(f"/images/{shelf.a1}", shelf.a).status_code == 200
    refused(house.post("/media/batch/delete", {"ids": [shelf.a5]}, headers=once), 401, "UNAUTHORIZED")


def test_an_idempotency_key_has_its_bounds(house: House, shelf: Shelf) -> None:
    for key, code in (("k" * 257, "INVALID_KEY_LENGTH"), ("", "INVALID_KEY_LENGTH")):
        refused(house.batch_delete([], shelf.a, headers={"Idempotency-Key": key}), 400, code)
    assert house.batch_delete([], shelf.a, headers={"Idempotency-Key": "k" * 256}).status_code == 200
    other = house.batch_copy([], shelf.a, headers={"Idempotency-Key": "k" * 256})
    assert "X-Idempotent-Replayed" not in other.headers  # a key counts for one address


@on_both_databases
def test_c69_a_batch_ends_though_nobody_waits_for_it(house: House, shelf: Shelf) -> None:
    media = shelf.images(50)
    once = {"Idempotency-Key": f"copy {media[0]}"}
    with pytest.raises(httpx.ReadTimeout):
        house.batch_copy(media, shelf.a, headers=once, timeout=httpx.Timeout(10, read=0.001))

    def answered() -> bool:
        return house.batch_copy(media, shelf.a, headers=once).status_code == 200

    assert wait_until(answered, seconds=20)
    again = house.batch_copy(media, shelf.a, headers=once)
    assert again.headers["X-Idempotent-Replayed"] == "true"
    copies = {each["new_id"] for each in results(again)}
    of = schema.asset.c.organization_id == shelf.a.organization.id
    assert (len(copies), house.count(schema.asset, of)) == (50, 100)


@on_both_databases
def test_c78_c79_c80_deleting_one_is_as_deleting_many(house: House, shelf: Shelf) -> None:
    hook = shelf.hd
    answer = house.delete(f"/media/{shelf.a1}", shelf.a)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(house.delete(f"/media/{shelf.a1}", shelf.a), 404, "NOT_FOUND")
    for media in (shelf.unknown, shelf.b1):
        said = refused(house.delete(f"/media/{media}", shelf.a), 404, "NOT_FOUND")
        assert said["error"] == NOT_THERE
    refused(house.delete("/media/xyz", shelf.a), 400, "INVALID_INPUT")
    assert statuses(house.batch_delete([shelf.a5], shelf.a)) == [204]
    single, many = (deleted_rows(shelf, each) for each in (shelf.a1, shelf.a5))
    (one,), (other,) = single, many
    assert (one.keys(), one["details"].keys() - {"batch_index"}) == (
        other.keys(),
        other["details"].keys() - {"batch_index"},
    )
    first, second = (each.json() for each in shelf.told(hook))
    assert (first.keys(), first["data"].keys(), first["initiator"]) == (
        second.keys(),
        second["data"].keys(),
        second["initiator"],
    )


def test_each_kind_is_deleted_at_its_own_address(house: House, shelf: Shelf) -> None:
    refused(house.delete(f"/videos/{shelf.a5}", shelf.a), 404, "NOT_FOUND")
    refused(house.delete(f"/images/{shelf.b1}", shelf.a), 404, "NOT_FOUND")
    assert house.delete(f"/images/{shelf.a5}", shelf.a).status_code == 204
    assert house.delete(f"/audios/{shelf.a2}", shelf.a).status_code == 204
    assert house.delete(f"/documents/{shelf.a4}", shelf.a).status_code == 204
    assert house.get("/media", shelf.a).json() == []


def test_a_key_that_may_only_read_deletes_nothing(house: House, shelf: Shelf) -> None:
    from stackroom.access import Role

    viewer = house.write(
        lambda conn: organizations.create_key(conn, shelf.a.organization, role=Role.VIEWER, now=house.now())
    )
    asked = {"Authorization": f"Bearer {viewer.token}"}
    answer = house.post("/media/batch/delete", {"ids": [shelf.a5]}, headers=asked)
    assert answer.status_code == 403
    assert house.get(f"/media/{shelf.a5}", headers=asked).status_code == 200


def test_fifty_take_no_more_statements_than_five(house: House, shelf: Shelf) -> None:
    """But for a few: what goes on in the background is counted with them."""

    def counted(media: list[str]) -> int:
        sent: list[str] = []

        def note(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
            sent.append(sql)

        engine = house.write(lambda conn: conn.engine)
        event.listen(engine, "before_cursor_execute", note)
        try:
            assert set(statuses(house.batch_delete(media, shelf.a))) == {204}
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return len(sent)

    media = shelf.images(55)
    few, many = counted(media[:5]), counted(media[5:])
    assert many < few + 30, (few, many)
