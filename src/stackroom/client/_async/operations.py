"""Changes over any number of assets: dry run, progress, outcome of each item, undo."""

import builtins
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Unpack

from stackroom.client.models import (
    OnCollision,
    Operation,
    OperationItem,
    Outcome,
    ReportFormat,
    Verb,
)
from stackroom.client.selection import Changes, Destination, Run, checked_changes, operation_body
from stackroom.client.wire import LIBRARY, Call, CursorPage, Shape, cursored, one, segment

from .connection import AsyncConnection
from .following import follow
from .paging import by_cursor

_OPERATIONS = f"{LIBRARY}/operations"
_OPERATION = one(Shape(Operation))
_PAGE = cursored(Shape(Operation), str, "operations")
_ITEMS = cursored(Shape(OperationItem), int, "items")


class AsyncOperations:
    """`client.operations`.

    `move`, `copy`, `update`, `archive`, `restore` and `purge` take ids or a filter of any size, see `Run`.
    Up to 10,000 items are done when the call returns; above that the operation is `running`, and `wait`
    follows it. With `dry_run=True` nothing changes: the answer counts what would happen and holds a `plan`,
    with which the same call runs only if the same items still match. An item that fails stops no other.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, *, limit: int = 50, before: str | None = None) -> builtins.list[Operation]:
        """The newest operations, or the newest ones `before` an operation."""
        return (await self._page(before, limit)).rows

    def iter(self, *, page_size: int = 50, max_total: int | None = None) -> AsyncIterator[Operation]:
        """All operations, newest first, page by page."""

        async def fetch(before: str | None) -> CursorPage[Operation, str]:
            return await self._page(before, page_size)

        return by_cursor(fetch, max_total=max_total)

    async def get(self, operation_id: str) -> Operation:
        """How an operation stands. Raises NotFoundError."""
        return await self._connection.call(Call(method="GET", path=_path(operation_id), reply=_OPERATION))

    def items(
        self, operation_id: str, *, outcome: Outcome | str | None = None, page_size: int = 1000
    ) -> AsyncIterator[OperationItem]:
        """All items of an operation in their order; `outcome="failed"` gives every item that failed."""

        async def fetch(after: int | None) -> CursorPage[OperationItem, int]:
            query = {"outcome": outcome, "after": after, "limit": page_size}
            return await self._connection.call(
                Call(method="GET", path=f"{_path(operation_id)}/items", query=query, reply=_ITEMS)
            )

        return by_cursor(fetch)

    async def report(
        self,
        operation_id: str,
        output_path: str | Path,
        *,
        file_format: ReportFormat = "jsonl",
        outcome: Outcome | str | None = None,
    ) -> Path:
        """Stream the outcomes of all items into a local file, as JSON lines or CSV."""
        query = {"format": file_format, "outcome": outcome}
        return await self._connection.download(f"{_path(operation_id)}/report", output_path, query=query)

    async def undo(self, operation_id: str, *, dry_run: bool = False) -> Operation:
        """Put back what an operation changed; items that have changed since are left and say so.

        Itself an operation. Raises ConflictError where there is nothing to undo, as after a purge.
        """
        return await self._steer(operation_id, "undo", json={"dry_run": dry_run})

    async def pause(self, operation_id: str) -> Operation:
        """Stop a running operation after the chunk it is at."""
        return await self._steer(operation_id, "pause")

    async def resume(self, operation_id: str) -> Operation:
        """Go on with a paused operation."""
        return await self._steer(operation_id, "resume")

    async def cancel(self, operation_id: str) -> Operation:
        """End an operation; what it has done stays done, the rest comes out as cancelled."""
        return await self._steer(operation_id, "cancel")

    async def wait(
        self,
        operation: Operation | str,
        *,
        progress: Callable[[Operation], None] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature without async
    ) -> Operation:
        """The operation once it is over; one that is paused is waited for.

        `progress` is called with each state seen. Raises PollTimeoutError after `timeout` seconds; the
        operation goes on then.
        """
        return await follow(
            await self.get(operation) if isinstance(operation, str) else operation,
            lambda it: self.get(it.id),
            lambda it: it.is_over,
            progress=progress,
            timeout=timeout,
            late=lambda it: f"Operation {it.id} is not over after {timeout} seconds.",
            clock=self._connection.clock,
        )

    async def run(
        self,
        verb: Verb | str,
        *,
        to: Destination | None = None,
        on_collision: OnCollision | None = None,
        changes: Changes | None = None,
        copy_annotations: bool | None = None,
        **run: Unpack[Run],
    ) -> Operation:
        """Run any verb; the methods below say what each needs.

        Raises InvalidArgument, without a request, if nothing is selected; NotFoundError for an unknown
        dataset; ConflictError if `expect_count` or `plan` no longer hold, or if `on_collision="fail"` and a
        name is taken.
        """
        body = operation_body(
            verb,
            run,
            to=to,
            on_collision=on_collision,
            changes=changes,
            copy_annotations=copy_annotations,
        )
        return await self._connection.call(
            Call(
                method="POST",
                path=_OPERATIONS,
                json=body,
                idempotency_key=run.get("idempotency_key"),
                reply=_OPERATION,
            )
        )

    async def move(self, to: str, *, on_collision: OnCollision = "rename", **run: Unpack[Run]) -> Operation:
        """Move assets to the folder `to` of their dataset."""
        return await self.run(Verb.MOVE, to={"folder": to}, on_collision=on_collision, **run)

    async def copy(
        self,
        to: str,
        *,
        to_dataset: str | None = None,
        on_collision: OnCollision = "rename",
        copy_annotations: bool = False,
        **run: Unpack[Run],
    ) -> Operation:
        """Copy assets to the folder `to`, of their dataset or of another."""
        destination: Destination = {"folder": to}
        if to_dataset is not None:
            destination["dataset"] = to_dataset
        return await self.run(
            Verb.COPY,
            to=destination,
            on_collision=on_collision,
            copy_annotations=copy_annotations,
            **run,
        )

    async def update(self, changes: Changes, **run: Unpack[Run]) -> Operation:
        """Write `{"status": …, "display_name": …, "split": …, "add_tags": …, "remove_tags": …}`, those that are there.

        Raises EmptyUpdate, without a request, if none is.
        """
        return await self.run(Verb.UPDATE, changes=checked_changes(changes), **run)

    async def archive(self, **run: Unpack[Run]) -> Operation:
        """Hide assets; `restore` brings them back."""
        return await self.run(Verb.ARCHIVE, **run)

    async def restore(self, *, on_collision: OnCollision = "rename", **run: Unpack[Run]) -> Operation:
        """Bring archived assets back. A filter means the archived ones unless it says otherwise."""
        return await self.run(Verb.RESTORE, on_collision=on_collision, **run)

    async def purge(self, **run: Unpack[Run]) -> Operation:
        """Remove assets and their bytes for good. Needs the admin role and cannot be undone."""
        return await self.run(Verb.PURGE, **run)

    async def _page(self, before: str | None, limit: int) -> CursorPage[Operation, str]:
        query = {"limit": limit, "before": before}
        return await self._connection.call(Call(method="GET", path=_OPERATIONS, query=query, reply=_PAGE))

    async def _steer(self, operation_id: str, word: str, **body: Any) -> Operation:
        path = f"{_path(operation_id)}/{word}"
        return await self._connection.call(Call(method="POST", path=path, reply=_OPERATION, **body))


def _path(operation_id: str) -> str:
    return f"{_OPERATIONS}/{segment(operation_id, 'operation id')}"
