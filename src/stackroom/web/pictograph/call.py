"""One call of a client: who asks, what it says, and how it reaches the library."""

from collections.abc import Callable
from contextlib import suppress
from typing import Self, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound
from stackroom.library import assets
from stackroom.library.answers import Answer
from stackroom.library.assets import Asset
from stackroom.web.pictograph.convert.base import Links
from stackroom.web.pictograph.generation import Generation
from stackroom.web.shared import requests
from stackroom.web.shared.replies import Complete, Once
from stackroom.web.shared.services import Services

T = TypeVar("T")


class Call:
    """A request of somebody whose key is known and reaches as far as its address needs."""

    def __init__(self, request: Request, services: Services, actor: Actor, body: bytes) -> None:
        self.services = services
        self.actor = actor
        self._request = request
        self._body = body

    @classmethod
    async def begin(cls, request: Request, role: Role = Role.VIEWER, action: str = "reading") -> Self:
        """Find out who asks before anything else is looked at. Raises `Unauthenticated` or `Forbidden`."""
        actor, _ = await requests.authenticate(request)
        require(actor, role, action)
        body = b"" if request.method in {"GET", "HEAD"} else await requests.read_body(request)
        return cls(request, requests.services_of(request), actor, body)

    @property
    def links(self) -> Links:
        return Links(requests.base_url(self._request), self.services.signer)

    def once(self, complete: Complete | None = None) -> Once:
        return Once(self._request, self.actor, self._body, complete)

    def place(self, name: str) -> str:
        """A part of the address, decoded."""
        value: str = self._request.path_params[name]
        return value

    @property
    def generation(self) -> Generation:
        """Which envelopes the client reads: for long lists, so that they are not given twice."""
        return Generation.of(self._request.headers.get("user-agent", ""), self._request.query_params)

    def image(self, conn: Connection) -> Asset:
        """The image that the address names: by `image`, its id, or by `dataset` and `path` in it."""
        if "image" in self._request.path_params:
            return self.kept(assets.find(conn, self.actor, self.place("image")))
        return self.kept(assets.at(conn, self.actor, self.place("dataset"), self.place("path")))

    def image_or_file(self, conn: Connection, word: str) -> tuple[Asset, bool]:
        """The image of an address that ends in `word`, and whether `word` is the image's own name, as a file may be
        called whatever it likes. Then it is the image itself that is asked for.

        An id is an image's before it is a dataset's.
        """
        by_id = "image" in self._request.path_params
        place = (
            (self.place("image"), word) if by_id else (self.place("dataset"), f"{self.place('path')}/{word}")
        )
        if not by_id:
            with suppress(NotFound):
                return self.kept(assets.at(conn, self.actor, *place)), True
        try:
            return self.image(conn), False
        except NotFound:
            if by_id:
                with suppress(NotFound):
                    return self.kept(assets.at(conn, self.actor, *place)), True
            raise

    def kept(self, found: Asset) -> Asset:
        """Raises `NotFound` for what has expired."""
        assets.refuse_expired(found.expires_at, self.services.now(), ids.text(found.uuid))
        return found

    def json(self, kind: type[T]) -> T:
        return requests.decode(self._body, kind)

    def query(self, kind: type[T]) -> T:
        return requests.convert(dict(self._request.query_params), kind)

    def each(self, name: str) -> list[str]:
        """The values of a key of the query that may stand there several times."""
        values = self._request.query_params.getlist(name)
        requests.convert({name: "".join(values)}, dict[str, str])  # no NUL in any of them
        return values

    def form_or_json(self, kind: type[T]) -> T:
        """A body in either encoding. An empty form field is one that was not given."""
        content_type = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/x-www-form-urlencoded":
            return self.json(kind)
        fields = dict(parse_qsl(self._body.decode(errors="replace")))
        return requests.convert(fields, kind, "body")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def look_up(self, work: Callable[[Connection], T]) -> T:
        """`read`, where nothing but the caller's organization and the address decides what `work` finds."""
        subject = self.actor.organization_id, self._request.method, self._request.scope["path"]
        return await self.services.database.look_up(subject, work)

    async def write(
        self, work: Callable[[Connection, int], Answer], complete: Complete | None = None
    ) -> Response:
        """Run `work` with the present moment; a repeat of this call gets its answer again."""
        now = self.services.now
        return await self.once(complete).write(lambda conn: work(conn, now()))
