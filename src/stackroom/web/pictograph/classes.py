"""Classes of a dataset, renamed, merged and deleted throughout its annotations."""

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    return []
