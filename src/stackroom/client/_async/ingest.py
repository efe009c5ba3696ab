"""Taking collections in: a batch of origins that the server fetches, watched until the last item is settled."""

import builtins
from collections.abc import AsyncIterator, Callable, Iterable

from stackroom.client.arrivals import arrivals_body
from stackroom.client.models import Arrival, Batch, BatchesOf, BatchItem, ItemState
from stackroom.client.wire import LIBRARY, Call, CursorPage, Shape, cursored, one, segment

from .connection import AsyncConnection
from .following import follow
from .paging import by_cursor

_BATCHES = f"{LIBRARY}/batches"
_BATCH = one(Shape(Batch))
_PAGE = cursored(Shape(Batch), str, "batches")
_ITEMS = cursored(Shape(BatchItem), int, "items")


class AsyncIngest:
    """`client.ingest`.

    `submit` names what is to come; the server fetches, verifies and stores it in the background, whoever is
    connected. An item that cannot be taken in is counted in `errors`, with a reason, and stops no other.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def submit(
        self,
        dataset: str,
        arrivals: Iterable[str | Arrival],
        *,
        folder: str = "/",
        name: str | None = None,
        priority: bool = False,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Accept a batch, whole or not at all: up to 100,000 origins, or mappings that say more, see `Arrival`.

        With `priority` it goes before what waits without it. Raises InvalidArgument, without a request, if there is
        nothing to take in; NotFoundError for an unknown dataset; ApiError `origin_not_allowed` for an origin that the
        server may not read. `stackroom.client.arrivals` reads folders and manifests.
        """
        body = arrivals_body(dataset, arrivals, folder=folder, name=name, priority=priority)
        return await self._connection.call(
            Call(method="POST", path=_BATCHES, json=body, idempotency_key=idempotency_key, reply=_BATCH)
        )

    async def get(self, batch_id: str | int) -> Batch:
        """How a batch stands, by id or number; as quick for a million items as for one. Raises NotFoundError."""
        return await self._connection.call(Call(method="GET", path=_path(batch_id), reply=_BATCH))

    async def list(self, *, which: BatchesOf = "all", limit: int = 50) -> builtins.list[Batch]:
        """The newest batches: of all, of those still at work, or of those that are over."""
        return (await self._page(which, None, limit)).rows

    def iter(
        self, *, which: BatchesOf = "all", page_size: int = 50, max_total: int | None = None
    ) -> AsyncIterator[Batch]:
        """All batches, newest first, page by page."""

        async def fetch(cursor: str | None) -> CursorPage[Batch, str]:
            return await self._page(which, cursor, page_size)

        return by_cursor(fetch, max_total=max_total)

    def items(
        self, batch_id: str | int, *, state: ItemState | str | None = None, page_size: int = 1000
    ) -> AsyncIterator[BatchItem]:
        """All items of a batch in their order; `state="failed"` gives every one that failed, and why."""

        async def fetch(after: int | None) -> CursorPage[BatchItem, int]:
            query = {"state": state, "after": after, "limit": page_size}
            return await self._connection.call(
                Call(method="GET", path=f"{_path(batch_id)}/items", query=query, reply=_ITEMS)
            )

        return by_cursor(fetch)

    async def watch(
        self,
        batch: Batch | str | int,
        progress: Callable[[Batch], None] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature without async
    ) -> Batch:
        """Follow a batch until it is over; `progress` is called with each state seen.

        Raises PollTimeoutError after `timeout` seconds; the batch goes on then.
        """
        return await follow(
            batch if isinstance(batch, Batch) else await self.get(batch),
            lambda it: self.get(it.id),
            lambda it: it.is_over,
            progress=progress,
            timeout=timeout,
            late=lambda it: f"Batch {it.number} is not over after {timeout} seconds.",
            clock=self._connection.clock,
        )

    async def wait(
        self,
        batch: Batch | str | int,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the same signature without async
    ) -> Batch:
        """The batch once it is over. Raises PollTimeoutError."""
        return await self.watch(batch, timeout=timeout)

    async def retry_failed(self, batch_id: str | int, *, idempotency_key: str | None = None) -> Batch:
        """Submit the failed items once more, as a batch of their own. Raises ConflictError where none failed."""
        return await self._connection.call(
            Call(
                method="POST",
                path=f"{_path(batch_id)}/retry",
                idempotency_key=idempotency_key,
                reply=_BATCH,
            )
        )

    async def cancel(self, batch_id: str | int) -> Batch:
        """Give up what has not been taken in yet; what has stays. Cancelling again changes nothing."""
        return await self._connection.call(
            Call(method="POST", path=f"{_path(batch_id)}/cancel", reply=_BATCH)
        )

    async def _page(self, which: BatchesOf, cursor: str | None, limit: int) -> CursorPage[Batch, str]:
        query = {"which": which, "cursor": cursor, "limit": limit}
        return await self._connection.call(Call(method="GET", path=_BATCHES, query=query, reply=_PAGE))


def _path(batch_id: str | int) -> str:
    return f"{_BATCHES}/{segment(str(batch_id), 'batch')}"
