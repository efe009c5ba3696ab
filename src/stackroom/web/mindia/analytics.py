"""What an organization stores, and what it asked lately. Nothing is kept for it: it is counted when it is asked for."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.library import analytics
from stackroom.library.analytics import Numbers, Period, Traffic
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.described import described
from stackroom.web.mindia.wire import analytics as wire
from stackroom.web.mindia.wire import queries
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply

POPULAR, MOST = 20, 1000
_MS = 1000


@described("How much is stored", wire.Storage)
async def storage(request: Request) -> Response:
    call = await Call.begin(request)
    found = await call.read(lambda conn: analytics.storage(conn, call.actor, now=call.now()))
    kinds = {kind: found.of_kind(kind) for kind in ("image", "video", "audio", "document")}
    return json_reply(
        wire.Storage(
            total_files=found.total.count,
            total_storage_bytes=found.total.bytes,
            **{f"{kind}_count": amount.count for kind, amount in kinds.items()},
            **{f"{kind}_bytes": amount.bytes for kind, amount in kinds.items()},
            by_content_type={
                content_type: wire.Amount(count=amount.count, bytes=amount.bytes)
                for content_type, amount in found.by_content_type().items()
            },
        )
    )


@described("Count again", wire.Refreshed, once=False)
async def refresh(request: Request) -> Response:
    """There is nothing to refresh, for nothing is old; who asks is told that all is well."""
    await Call.begin(request)
    return json_reply(wire.Refreshed(message="Storage metrics refreshed successfully"))


@described("What was asked, in numbers", wire.Traffic, query=queries.Traffic, needs=Role.ADMIN)
async def traffic(request: Request) -> Response:
    call = await _begin(request)
    period, limit = _period(call), _limit(call)

    def read(conn: Connection) -> tuple[Traffic, list[tuple[str, Numbers]]]:
        return (
            analytics.traffic(conn, call.actor, period),
            analytics.paths(conn, call.actor, period, limit=limit),
        )

    found, popular = await call.read(read)
    return json_reply(
        wire.Traffic(
            total_requests=found.all.requests,
            total_bytes_sent=found.all.sent,
            total_bytes_received=found.all.received,
            avg_response_time_ms=found.all.average_us / _MS,
            requests_per_method=found.by_method,
            requests_per_status={str(status): count for status, count in found.by_status.items()},
            popular_urls=[_url(*each) for each in popular],
        )
    )


@described("What was asked most, by address", list[wire.Url], query=queries.Traffic, needs=Role.ADMIN)
async def urls(request: Request) -> Response:
    call = await _begin(request)
    period, limit = _period(call), _limit(call)
    found = await call.read(lambda conn: analytics.paths(conn, call.actor, period, limit=limit))
    return json_reply([_url(*each) for each in found])


async def _begin(request: Request) -> Call:
    """What is noted and not yet written is written first, so that a request is counted as soon as it is answered."""
    call = await Call.begin(request, Role.ADMIN, "seeing what was asked")
    await call.services.request_log.flush()
    return call


def _period(call: Call) -> Period:
    return Period(call.moment("start_date"), call.moment("end_date"))


def _limit(call: Call) -> int:
    return call.page(usual=POPULAR, most=MOST).limit


def _url(path: str, numbers: Numbers) -> wire.Url:
    ok, elsewhere, refused, failed = numbers.answered
    return wire.Url(
        path=path,
        request_count=numbers.requests,
        total_bytes_sent=numbers.sent,
        total_bytes_received=numbers.received,
        avg_response_time_ms=numbers.average_us / _MS,
        min_duration_ms=numbers.shortest_us // _MS,
        max_duration_ms=numbers.longest_us // _MS,
        status_2xx=ok,
        status_3xx=elsewhere,
        status_4xx=refused,
        status_5xx=failed,
    )


def routes() -> list[BaseRoute]:
    return [
        resource(f"{PREFIX}/analytics/storage", GET=storage),
        resource(f"{PREFIX}/analytics/storage/refresh", POST=refresh),
        resource(f"{PREFIX}/analytics/traffic", GET=traffic),
        resource(f"{PREFIX}/analytics/urls", GET=urls),
    ]
