"""Projects: datasets under their older name, with everything that changes one."""

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from stackroom.client.errors import EmptyUpdate
from stackroom.client.models import DatasetClass, Project, ProjectArchived, ProjectDeleted
from stackroom.client.wire import (
    DATASET,
    DEVELOPER,
    Call,
    Page,
    Shape,
    classes_on_wire,
    given,
    many,
    one,
    segment,
)

from .connection import AsyncConnection
from .paging import by_offset

_PROJECTS = f"{DEVELOPER}/projects/"
_PROJECT = one(DATASET, "project", "dataset", "data")
_PAGE = many(DATASET, "projects", "datasets", "data")
_DELETED = one(Shape(ProjectDeleted), "deleted", "data")
_ARCHIVED = one(Shape(ProjectArchived, {"project_id": ("id", "dataset_id")}))

Classes = Iterable[DatasetClass | Mapping[str, Any]]


class AsyncProjects:
    """`client.projects`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(
        self, *, limit: int = 50, offset: int = 0, archived: bool = False
    ) -> builtins.list[Project]:
        """One page of projects; `archived=True` lists the archived ones instead."""
        return (await self._page(limit, offset, archived=archived)).rows

    def iter(
        self, *, page_size: int = 50, max_total: int | None = None, archived: bool = False
    ) -> AsyncIterator[Project]:
        """All projects, page by page."""

        async def fetch(limit: int, offset: int) -> Page[Project]:
            return await self._page(limit, offset, archived=archived)

        return by_offset(fetch, page_size=page_size, max_total=max_total)

    async def get(self, name: str) -> Project:
        """The project of this name. Raises NotFoundError."""
        return await self._connection.call(Call(method="GET", path=_path(name), reply=_PROJECT))

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        annotation_types: Iterable[str] | None = None,
        classes: Classes | None = None,
    ) -> Project:
        """A new, empty project. Raises ConflictError if the name is taken."""
        body = _body(name, description, annotation_types, classes)
        return await self._connection.call(Call(method="POST", path=_PROJECTS, json=body, reply=_PROJECT))

    async def update(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        annotation_types: Iterable[str] | None = None,
        classes: Classes | None = None,
    ) -> Project:
        """Change what is given; `classes` replaces the whole list. Raises EmptyUpdate if nothing is."""
        body = _body(new_name, description, annotation_types, classes)
        if not body:
            raise EmptyUpdate("There is nothing to change.")
        return await self._connection.call(Call(method="PATCH", path=_path(name), json=body, reply=_PROJECT))

    async def delete(self, name: str) -> ProjectDeleted:
        """Remove a project for good, with all its images. Needs the admin role."""
        return await self._connection.call(Call(method="DELETE", path=_path(name), reply=_DELETED))

    async def archive(self, name: str) -> ProjectArchived:
        """Hide a project; its images stay. Doing it again changes nothing."""
        return await self._connection.call(
            Call(method="POST", path=f"{_path(name)}/archive", reply=_ARCHIVED)
        )

    async def restore(self, name: str) -> ProjectArchived:
        """Bring an archived project back."""
        return await self._connection.call(
            Call(method="POST", path=f"{_path(name)}/restore", reply=_ARCHIVED)
        )

    async def _page(self, limit: int, offset: int, *, archived: bool) -> Page[Project]:
        query = {"limit": limit, "offset": offset, "archived": archived or None}
        return await self._connection.call(Call(method="GET", path=_PROJECTS, query=query, reply=_PAGE))


def _path(name: str) -> str:
    return _PROJECTS + segment(name, "project name")


def _body(
    name: str | None,
    description: str | None,
    annotation_types: Iterable[str] | None,
    classes: Classes | None,
) -> dict[str, Any]:
    types = None if annotation_types is None else list(annotation_types)
    return given(name=name, description=description, annotation_types=types, classes=classes_on_wire(classes))
