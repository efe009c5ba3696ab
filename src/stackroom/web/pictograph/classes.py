"""Classes of a dataset, renamed, merged and deleted throughout its annotations."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.access import Role
from stackroom.library import classes
from stackroom.web.pictograph.call import Call
from stackroom.web.pictograph.convert import classes as convert
from stackroom.web.pictograph.convert.base import PREFIX, dataset_ref
from stackroom.web.pictograph.wire import classes as wire
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import answer


async def rename(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "renaming a class")
    asked = call.json(wire.RenameClass)
    reference = dataset_ref(asked)
    return await call.write(
        lambda conn, now: answer(
            convert.renamed(
                asked,
                classes.rename(conn, call.actor, reference, asked.old_name, asked.new_name, now=now),
            )
        )
    )


async def merge(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "merging classes")
    asked = call.json(wire.MergeClass)
    reference = dataset_ref(asked)
    return await call.write(
        lambda conn, now: answer(
            convert.merged(
                asked,
                classes.merge(conn, call.actor, reference, asked.source_name, asked.target_name, now=now),
            )
        )
    )


async def remove(request: Request) -> Response:
    call = await Call.begin(request, Role.MEMBER, "deleting a class")
    asked = call.json(wire.DeleteClass)
    reference = dataset_ref(asked)
    return await call.write(
        lambda conn, now: answer(
            convert.deleted(
                asked,
                classes.remove(
                    conn,
                    call.actor,
                    reference,
                    asked.name,
                    kind=asked.class_type,
                    delete_annotations=asked.delete_annotations,
                    now=now,
                ),
            )
        )
    )


def routes() -> list[BaseRoute]:
    base = f"{PREFIX}/annotations"
    return [
        resource(f"{base}/rename-class", POST=rename),
        resource(f"{base}/merge-class", POST=merge),
        resource(f"{base}/delete-class", POST=remove),
    ]
