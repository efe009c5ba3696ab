"""Exports: a dataset written out in the format that somebody else reads.

The oldest clients address an export as `{dataset}/{export}`, later ones as `by-name/{dataset}/{export}`, the newest as
`{export}?dataset=`, all but the oldest also by its id. An export may be called `download`: then `{dataset}/download` is
that one, unless the query names a dataset or what stands before is an id.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom import ids
from stackroom.access import Role
from stackroom.database.transaction import Connection
from stackroom.exports import rows
from stackroom.exports.rows import Export
from stackroom.library.answers import Answer
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import exports as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref, pagination, raw
from stackroom.web.pictograph.errors import refuse
from stackroom.web.pictograph.wire import exports as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer, json_reply


async def create(request: Request) -> Response:
    """It is made in the background; this answers at once."""
    call = await Call.begin(request, Role.MEMBER, "making an export")
    asked = call.json(wire.NewExport)
    reference, options = dataset_ref(asked), convert.options(asked)
    try:
        wanted = convert.wanted_format(asked.format)
    except convert.FormatNotOffered as error:
        return refuse(request, error, 501)

    def work(conn: Connection, now: int) -> Answer:
        made = rows.create(conn, call.actor, reference, asked.name, format=wanted, options=options, now=now)
        return answer(_described(call, made), 201)

    response = await call.write(work)
    call.services.exporter.wake()
    return response


async def show_all(request: Request) -> Response:
    """Newest first, of all datasets or of one."""
    call = await Call.begin(request)
    asked = call.query(wire.ExportPage)
    reference = asked.dataset_name or asked.dataset or asked.dataset_id
    found, total = await call.read(
        lambda conn: rows.page(
            conn,
            call.actor,
            dataset_ref=reference,
            state=asked.status,
            limit=asked.limit,
            offset=asked.offset,
        )
    )
    listed = raw([convert.export(each, call.actor, call.links) for each in found])
    pages = pagination(asked.limit, asked.offset, len(found), total)
    return json_reply(wire.ExportList(exports=listed, data=listed, pagination=pages))


async def show(request: Request) -> Response:
    return await _show(request, *_address(request))


async def download(request: Request) -> Response:
    """Where the file is: an address that needs no key, and lasts as long as the export."""
    call = await Call.begin(request)
    which = _which(call, *_address(request))
    found = await call.read(lambda conn: _find(conn, call, *which))
    return json_reply(convert.download(found, call.links))


async def download_or_show(request: Request) -> Response:
    """`{x}/download`: the download of an export `x`, or in older clients' words the export `download` of a dataset."""
    _, first = _address(request)
    names_a_dataset = any(name in request.query_params for name in wire.ExportQuery.__struct_fields__)
    if names_a_dataset or ids.looks_like_id(first):
        return await download(request)
    return await _show(request, first, "download")


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting an export")
    which = _which(call, *_address(request))

    def work(conn: Connection, now: int) -> Answer:
        found = _find(conn, call, *which)
        rows.remove(conn, call.actor, found, now=now)
        return answer(wire.ExportDeleted(id=ids.text(found.uuid)))

    response = await call.write(work)
    call.services.sweep_soon.set()
    return response


async def remove_many(request: Request) -> Response:
    call = await Call.begin(request, Role.ADMIN, "deleting exports")
    asked = call.json(wire.BulkDelete)
    response = await call.write(
        lambda conn, now: answer(
            convert.bulk_deleted(rows.remove_many(conn, call.actor, asked.export_ids, now=now))
        )
    )
    call.services.sweep_soon.set()
    return response


async def _show(request: Request, dataset: str | None, export: str) -> Response:
    call = await Call.begin(request)
    which = _which(call, dataset, export)
    return json_reply(_described(call, await call.read(lambda conn: _find(conn, call, *which))))


def _address(request: Request) -> tuple[str | None, str]:
    """The dataset, if it stands in the address, and the export."""
    return request.path_params.get("dataset"), request.path_params["export"]


def _which(call: Call, dataset: str | None, export: str) -> tuple[str | None, str]:
    """A dataset and a name in it; or None and an id, which no name looks like. Raises `Invalid` where a name stands
    alone."""
    if dataset is None and ids.looks_like_id(export):
        return None, export
    return dataset or dataset_ref(call.query(wire.ExportQuery)), export


def _find(conn: Connection, call: Call, dataset: str | None, export: str) -> Export:
    if dataset is None:
        return rows.get(conn, call.actor, export)
    return rows.find(conn, call.actor, dataset, export)


def _described(call: Call, found: Export) -> wire.ExportAnswer:
    shown = raw(convert.export(found, call.actor, call.links))
    return wire.ExportAnswer(export=shown, data=shown)


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/exports"
    return [
        resource(base, GET=show_all, POST=create),
        resource(f"{base}/bulk-delete", POST=remove_many),
        resource(f"{base}/{{export}}", GET=show, DELETE=remove),
        resource(f"{base}/{{export}}/download", GET=download_or_show),
        resource(f"{base}/by-name/{{dataset}}/{{export}}", GET=show, DELETE=remove),
        resource(f"{base}/by-name/{{dataset}}/{{export}}/download", GET=download),
        resource(f"{base}/{{dataset}}/{{export}}", GET=show, DELETE=remove),
        resource(f"{base}/{{dataset}}/{{export}}/download", GET=download),
    ]
