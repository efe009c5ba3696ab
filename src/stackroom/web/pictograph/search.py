"""Search, by tags and by likeness."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
