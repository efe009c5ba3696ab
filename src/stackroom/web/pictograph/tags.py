"""Tags, given to many images at once."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
