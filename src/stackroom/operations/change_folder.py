"""Renaming a folder, and removing one: a constant number of statements, whatever is in it or below it."""

import msgspec
from sqlalchemy import Connection, select

from stackroom.access import Actor, Role, require
from stackroom.database.schema import operation
from stackroom.errors import Conflict, Invalid
from stackroom.events import log
from stackroom.library import folders
from stackroom.library.folders import Folder
from stackroom.library.listing import Filter
from stackroom.library.names import ROOT, last_part, parent
from stackroom.operations import engine
from stackroom.operations.journal import Operation
from stackroom.operations.request import AT_ONCE, Matching, Request, Verb


class RemovedFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that is gone, and the operation that moved what was in it to its parent, if anything was."""

    folder: Folder
    moved: Operation | None


def rename_folder(conn: Connection, actor: Actor, known: Folder, name: str, *, now: int) -> Folder:
    """Give a folder another (clean) name; everything below comes along. Never merges two folders.

    Raises `Conflict` if there is a folder of that name beside it, or (`operation_running`) if a large operation is on
    its way into it; `Invalid` for the root, or if a path would get too long. Repeating it changes nothing.
    """
    require(actor, Role.MEMBER, "renaming a folder")
    folders.refuse_root(known.path)
    found = _held(conn, known)
    return _put(conn, actor, found, parent(found.path).rstrip("/") + "/" + name, now=now)


def move_folder(
    conn: Connection, actor: Actor, known: Folder, into: Folder, name: str | None = None, *, now: int
) -> Folder:
    """Put a folder, with everything below it, into another one of its dataset, which may be the root, and give it
    another (clean) name if one is given.

    Raises `Invalid` (`folder_cycle`) for a folder into itself or below, `NotFound` if one of the two has just been
    removed, and what `rename_folder` raises. Repeating it changes nothing.
    """
    require(actor, Role.MEMBER, "moving a folder")
    folders.refuse_root(known.path)
    found = _held(conn, known)
    above = folders.again(conn, into)
    if f"{above.path}/".startswith(f"{found.path}/"):
        raise Invalid(
            f"folder {found.path!r} cannot be put below itself",
            code="folder_cycle",
            hint="Choose a folder that is not below it.",
        )
    return _put(conn, actor, found, f"{above.path.rstrip('/')}/{name or last_part(found.path)}", now=now)


def _put(conn: Connection, actor: Actor, found: Folder, path: str, *, now: int) -> Folder:
    """The folder, which the caller holds, at another path, if nothing is in the way."""
    if path == found.path:
        return found
    _refuse_while_at_work(conn, actor, found)
    if folders.find(conn, found.dataset_id, path) is not None:
        raise Conflict(
            f"a folder {path!r} already exists",
            hint="Choose another name, or move the images there.",
            details={"path": path},
        )
    folders.put_elsewhere(conn, found, path, now=now)
    about = {"from": found.path, "to": path}
    log.record(conn, actor, "folder.renamed", at=now, dataset_id=found.dataset_id, data=about)
    return msgspec.structs.replace(found, path=path)


def remove_folder(conn: Connection, actor: Actor, known: Folder, *, cascade: bool, now: int) -> RemovedFolder:
    """Remove an empty folder or, with `cascade`, one with images, which are moved to its parent: an operation like any
    other, under numbered names where theirs are taken. Undoing it brings the folder back.

    Raises `Conflict`: `folder_not_empty` for folders below it, and without `cascade` for images in it, archived ones
    included; `folder_too_large` if they are more than one transaction moves; `operation_running` if a large operation
    is on its way into it. Raises `Invalid` for the root.
    """
    require(actor, Role.MEMBER, "deleting a folder")
    folders.refuse_root(known.path)
    found = _held(conn, known)
    while not folders.hold(conn, [found.id]):
        found = folders.again(conn, found)
    _refuse_while_at_work(conn, actor, found)
    moved = _emptied(conn, actor, found, cascade=cascade, now=now)
    folders.remove(conn, found)
    log.record(
        conn,
        actor,
        "folder.deleted",
        at=now,
        dataset_id=found.dataset_id,
        operation_id=None if moved is None else moved.id,
        data={"path": found.path, "moved": 0 if moved is None else moved.succeeded},
    )
    return RemovedFolder(folder=found, moved=moved)


def _held(conn: Connection, known: Folder) -> Folder:
    """A folder as it is by now, in a tree that nobody else changes."""
    return folders.again(conn, known) if folders.hold_tree(conn, known.dataset_id) else known


def _emptied(conn: Connection, actor: Actor, found: Folder, *, cascade: bool, now: int) -> Operation | None:
    if folders.has_children(conn, found):
        raise _not_empty(found, "has folders below it", "Delete those first.")
    live, archived = folders.count_held(conn, found)
    if not live and not archived:
        return None
    if not cascade:
        held = f"holds {live} live and {archived} archived images"
        raise _not_empty(found, held, f"With cascade they are moved to {parent(found.path)!r}.")
    if live + archived > AT_ONCE:
        raise Conflict(
            f"folder {found.path!r} holds {live + archived} images; {AT_ONCE} can be moved as it is deleted",
            code="folder_too_large",
            hint="Move them first, by an operation of /library/v1, which takes any number; then delete the folder.",
            details={"count": live + archived, "limit": AT_ONCE},
        )
    everything = Filter(dataset_id=found.dataset_id, folder=found.path, archived=None)
    request = Request(
        verb=Verb.MOVE,
        selection=Matching(everything),
        target_dataset_id=found.dataset_id,
        target_folder=parent(found.path),
    )
    return engine.submit(conn, actor, request, now=now)


def _not_empty(found: Folder, why: str, hint: str) -> Conflict:
    return Conflict(f"folder {found.path!r} {why}", code="folder_not_empty", hint=hint)


def _refuse_while_at_work(conn: Connection, actor: Actor, found: Folder) -> None:
    """What a large operation has still to move or copy would make the folder anew, under the path it had."""
    mine = operation.c.organization_id == actor.organization_id
    for asked in conn.scalars(select(operation.c.request).where(mine, operation.c.finished_at.is_(None))):
        request = msgspec.json.decode(asked, type=Request)
        inside = (request.target_folder or ROOT) + "/"
        if request.target_dataset_id == found.dataset_id and inside.startswith(found.path + "/"):
            raise Conflict(
                f"a large {request.verb.value} into {request.target_folder!r} is still at work",
                code="operation_running",
                hint="Wait for it, or cancel it first.",
            )
