"""What was asked and what was changed is in one record, which each tenant reads for itself."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event as sql
from sqlalchemy import insert

from stackroom import clock, ids
from stackroom.access import Actor
from stackroom.database.schema import event
from stackroom.database.transaction import Connection
from stackroom.events import log

from .house import Face, Tenant, envelope, on_both_databases

pytestmark = on_both_databases
REQUESTS = {"event_type": "http_request"}


def rows(face: Face, of: Tenant | None = None, **filters: Any) -> list[dict[str, Any]]:
    answer = face.get("/audit-logs", of=of, params=filters)
    assert answer.status_code == 200
    logs: list[dict[str, Any]] = answer.json()["logs"]
    return logs


def test_a_request_is_recorded_with_who_asked_what_and_what_came_of_it(face: Face) -> None:
    tenant = face.a_tenant()
    headers = {"User-Agent": "probe/1", "X-Request-ID": "r-1"}
    query = "limit=2&token=abc&My-Secret=1&note="
    asked = face.ask("GET", f"/api-keys?{query}", of=tenant, headers=headers)
    key = tenant.key_ids["owner"]
    [row] = rows(face, tenant, **REQUESTS)
    assert row.pop("id") > 0
    assert row.pop("duration_ms") >= 0
    assert row.pop("created_at").endswith("Z")
    assert row == {
        "event_type": "http_request",
        "request_id": "r-1",
        "tenant_id": tenant.id,
        "method": "GET",
        "path": "/api/v0/api-keys",
        "normalized_path": "/api/v0/api-keys",
        "query_string": "limit=2&token=***MASKED***&My-Secret=***MASKED***&note=",
        "status_code": 200,
        "request_size_bytes": 0,
        "response_size_bytes": len(asked.content),
        "user_agent": "probe/1",
        "ip_address": "198.51.100.7",
        "user_id": key,
        "api_key_id": key,
        "success": True,
        "error_message": None,
        "details": None,
    }


def test_a_change_is_recorded_beside_its_request_and_by_the_same_id(face: Face) -> None:
    made = face.post("/api-keys", {"name": "new"}, headers={"X-Request-ID": "r-2"}).json()
    face.delete(f"/api-keys/{made['id']}", headers={"X-Request-ID": "r-3"})
    change, request = rows(face, request_id="r-2")
    assert (request["event_type"], request["status_code"]) == ("http_request", 201)
    assert (change["event_type"], change["status_code"]) == ("api_key_created", 201)
    assert change["details"]["key"] == made["id"]
    assert (change["method"], change["path"]) == ("POST", "/api/v0/api-keys")
    revoked = rows(face, event_type="api_key_revoked")[0]
    assert revoked["normalized_path"] == "/api/v0/api-keys/:id"
    assert revoked["request_id"] == "r-3"
    assert "api_key" not in str(change["details"])


def test_what_became_of_a_file_is_told_in_the_words_of_the_protocol(face: Face) -> None:
    tenant, file = face.a_tenant(), ids.new()
    actor = Actor(**{**_fields(tenant.actor), "path": "/api/v0/media/batch/delete", "method": "POST"})
    about = {"filename": "a.jpg", "size": 12, "content_type": "image/jpeg", "initiator": "delete"}
    kept = {"uploaded_at": 1_772_616_930_123_456, "expires_at": None}

    def work(conn: Connection) -> None:
        log.record(conn, actor, "asset.created", at=face.moment, asset_uuid=ids.new(), data=about)
        log.record(
            conn,
            actor,
            "asset.deleted",
            at=face.moment,
            asset_uuid=file,
            data={**about, **kept, "position": 3},
        )

    face.write(work)
    [row] = rows(face, tenant, media_id=ids.text(file))
    assert (row["event_type"], row["status_code"], row["success"]) == ("file_deleted", 204, True)
    assert row["user_id"] is None
    assert row["details"] == {
        "file_id": ids.text(file),
        "filename": "a.jpg",
        "file_size": 12,
        "content_type": "image/jpeg",
        "batch_index": 3,
        "initiator": "delete",
        "uploaded_at": "2026-03-04T09:35:30.123456Z",
        "expires_at": None,
    }
    types = {"event_type": ["file_uploaded", "file_deleted"]}
    assert [each["event_type"] for each in rows(face, tenant, **types)] == ["file_deleted", "file_uploaded"]
    assert [each["event_type"] for each in rows(face, tenant, status_code=204)] == ["file_deleted"]
    one = face.get(f"/audit-logs/{row['id']}", of=tenant)
    assert one.json() == row


def test_it_is_looked_through_by_time_method_status_and_path(face: Face) -> None:
    tenant = face.a_tenant()
    began = clock.to_datetime(face.moment)
    for path in ("/config", "/api-keys/00000000-0000-4000-8000-00000000000A", "/api-keys?x=1"):
        face.wait(10)
        face.get(path, of=tenant)
    face.wait(10)
    face.post("/api-keys", {}, of=tenant)
    assert [each["status_code"] for each in rows(face, tenant, **REQUESTS)] == [400, 200, 404, 200]
    assert [each["status_code"] for each in rows(face, tenant, method="post")] == [400]
    assert [each["path"] for each in rows(face, tenant, status_code=404)] == [
        "/api/v0/api-keys/00000000-0000-4000-8000-00000000000A"
    ]
    assert len(rows(face, tenant, path_filter="API-KEYS", status_code=200)) == 1
    assert [each["status_code"] for each in rows(face, tenant, path_filter="keys/:ID")] == [404]
    assert rows(face, tenant, path_filter="%") == rows(face, tenant, path_filter="api_keys") == []
    window = {
        "start_date": (began + timedelta(seconds=15)).isoformat(),
        "end_date": (began + timedelta(seconds=30)).isoformat().replace("+00:00", "Z"),
    }
    assert [each["status_code"] for each in rows(face, tenant, path_filter="api-keys", **window)] == [
        200,
        404,
    ]


def _fill(face: Face, tenant: Tenant, count: int) -> None:
    whose = {"organization_id": tenant.actor.organization_id, "type": "http.request", "at": 1, "data": "{}"}
    made = [{**whose, "uuid": ids.new(), "status": 200, "untold": False} for _ in range(count)]
    face.write(lambda conn: conn.execute(insert(event), made))


def test_it_comes_in_pages_and_says_how_many_there_are(face: Face) -> None:
    tenant = face.a_tenant()
    _fill(face, tenant, 520)
    told = face.get("/audit-logs", of=tenant, params={"limit": 10_000, "offset": -3, **REQUESTS}).json()
    assert (len(told["logs"]), told["total"], told["limit"], told["offset"]) == (500, 520, 10_000, 0)
    numbers = [each["id"] for each in told["logs"]]
    assert numbers == sorted(numbers, reverse=True)
    last = face.get("/audit-logs", of=tenant, params={"limit": 0, "offset": 520, **REQUESTS}).json()
    assert (len(last["logs"]), last["total"], last["limit"]) == (1, 521, 0)


def test_a_page_is_newest_first_though_a_request_is_written_after_what_it_changed(face: Face) -> None:
    tenant = face.a_tenant()

    def later(conn: Connection) -> None:
        log.record(conn, tenant.actor, "asset.created", at=clock.now() + clock.SECOND, data={})

    face.write(later)
    _fill(face, tenant, 3)
    told = [each["created_at"] for each in rows(face, tenant)]
    assert len(told) >= 4
    assert told == sorted(told, reverse=True)


def test_a_page_costs_the_same_however_much_is_on_it(face: Face) -> None:
    tenant = face.a_tenant()
    _fill(face, tenant, 100)

    def cost(limit: int) -> int:
        rows(face, tenant, limit=limit)  # which writes what is waiting
        sent: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
            if statement.startswith("SELECT") and "FROM event" in statement:
                sent.append(statement)

        engine = face.read(lambda conn: conn.engine)
        sql.listen(engine, "before_cursor_execute", note)
        rows(face, tenant, limit=limit)
        sql.remove(engine, "before_cursor_execute", note)
        return len(sent)

    assert cost(100) == cost(1) <= 3


def test_nobody_reads_anothers(face: Face) -> None:
    face.get("/config")
    mine = rows(face)[0]["id"]
    assert face.get(f"/audit-logs/{mine}").status_code == 200
    said = envelope(face.get(f"/audit-logs/{mine}", of=face.stranger), 404, "NOT_FOUND")
    assert said["error"] == "Audit log not found"
    assert {each["tenant_id"] for each in rows(face, face.stranger)} <= {face.stranger.id}
    envelope(face.get("/audit-logs/999999999999999999"), 404, "NOT_FOUND")


def test_what_nobody_is_known_to_have_asked_is_in_nobodys_record(face: Face) -> None:
    before = [len(rows(face, each)) for each in (face.tenant, face.stranger)]
    face.raw("GET", "/api/v0/config")
    face.raw("GET", "/api/v0/config", headers={"Authorization": "Bearer mk_live_x"})
    after = [len(rows(face, each)) for each in (face.tenant, face.stranger)]
    assert after == [count + 1 for count in before]  # the first look itself


def _fields(actor: Actor) -> dict[str, Any]:
    return {name: getattr(actor, name) for name in Actor.__struct_fields__}
