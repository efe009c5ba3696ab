"""One image: registering it, changing it, and having it processed again."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
