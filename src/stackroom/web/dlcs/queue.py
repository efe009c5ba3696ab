"""The queue of a customer, and its batches."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
