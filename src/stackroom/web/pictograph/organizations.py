"""The organization, its members and who is invited."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
