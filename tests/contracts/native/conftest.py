"""The native face over an open library, in this process: `face.get(...)`, `face.post(...)` as some organization."""

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.app import open_library
from stackroom.database.transaction import Connection, T, Work
from stackroom.library import assets, blobs, datasets, folders, organizations
from stackroom.operations import engine
from stackroom.settings import Settings
from stackroom.testing.postgres import RunningPostgres
from stackroom.web.server import make_server
from stackroom.web.shared.services import Services

CONTROL_TOKEN = "the token of the control file"
PREFIX = "/library/v1"


class Place:
    """A dataset with assets, as a test refers to it."""

    def __init__(self, reference: str, row_id: int, made: list[str]) -> None:
        self.id = reference
        self.row_id = row_id
        self.ids = made


class Tenant:
    """An organization with a key for each role."""

    def __init__(self, name: str, actor: Actor, keys: dict[str, str]) -> None:
        self.name = name
        self.actor = actor
        self.keys = keys


class Face:
    """The face, asked as `tenant`; a path is one below /library/v1."""

    def __init__(self, settings: Settings) -> None:
        self.runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.services = self._do(self._open.enter_async_context(open_library(settings)))
        self.services = _with_control(self.services)
        self.tenant = self.a_tenant("Ada")
        transport = httpx.ASGITransport(make_server(self.services), client=("127.0.0.1", 4711))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://library.example")
        self._made = 0

    def close(self) -> None:
        self._do(self.http.aclose())
        self._do(self._open.aclose())
        self.runner.close()

    def get(self, path: str, **query: object) -> httpx.Response:
        return self.ask("GET", path, params={key: value for key, value in query.items() if value is not None})

    def post(self, path: str, body: object = None, *, once: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": once} if once else {}
        return self.ask("POST", path, headers=headers, **({} if body is None else {"json": body}))

    def operate(self, verb: str, **body: object) -> httpx.Response:
        return self.post("/operations", {"verb": verb, **body})

    def ask(
        self,
        method: str,
        path: str,
        *,
        role: str = "owner",
        of: Tenant | None = None,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        signed = {"X-API-Key": (of or self.tenant).keys[role], **(headers or {})}
        return self.raw(method, PREFIX + path, headers=signed, **rest)

    def raw(self, method: str, url: str, **rest: Any) -> httpx.Response:
        return self._do(self.http.request(method, url, **rest))

    def admin(
        self, method: str, path: str, body: object = None, *, token: str = CONTROL_TOKEN
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.raw(method, f"{PREFIX}/admin{path}", headers=headers, **({"json": body} if body else {}))

    def a_tenant(self, name: str | None = None) -> Tenant:
        name = name or f"tenant {ids.new().hex()}"

        def work(conn: Connection) -> Tenant:
            owner = organizations.create_organization(conn, name, now=1)
            made = {
                role.word: organizations.create_key(conn, owner, role=role, name=role.word, now=1).token
                for role in Role
            }
            return Tenant(name, organizations.system_actor(owner), made)

        return self.write(work)

    def a_dataset(
        self, name: str = "photos", names: Sequence[str] = (), *, folder: str = "/", of: Tenant | None = None
    ) -> Place:
        actor = (of or self.tenant).actor
        made = self.write(lambda conn: datasets.create(conn, actor, name, now=self.services.now()))
        empty = Place(ids.text(made.uuid), made.id, [])
        return self.add(empty, names, folder=folder, of=of)

    def add(
        self,
        to: Place,
        names: Sequence[str],
        *,
        folder: str = "/",
        content: bytes = b"",
        of: Tenant | None = None,
    ) -> Place:
        """The dataset, with assets of these names; `content`, if given, is really stored."""
        actor = (of or self.tenant).actor

        def work(conn: Connection) -> list[str]:
            now = self.services.now()
            blob = self._blob(conn, actor, content, now)
            place = folders.ensure(conn, to.row_id, folder, now=now)
            made = [
                assets.NewAsset(
                    uuid=ids.new(),
                    folder_id=place,
                    name=name,
                    original_name=name,
                    blob_id=blob,
                    size=len(content) or 10,
                    content_type="image/jpeg",
                    width=4,
                    height=3,
                )
                for name in names
            ]
            if made:
                assets.add(conn, actor, to.row_id, made, now=now)
            return [ids.text(each.uuid) for each in made]

        return Place(to.id, to.row_id, [*to.ids, *self.write(work)])

    def _blob(self, conn: Connection, actor: Actor, content: bytes, now: int) -> int:
        sha256 = hashlib.sha256(content).digest()
        known = blobs.find(conn, actor.organization_id, sha256)
        if known is not None:
            return known.id
        key = blobs.announce(conn, actor.organization_uuid, sha256, now=now)
        file = self.services.settings.data_dir / "content"
        file.write_bytes(content)
        self.services.store.put(key, file)
        arrival = blobs.Arrival(sha256=sha256, size=len(content), content_type="image/jpeg")
        return blobs.adopt(conn, actor.organization_id, arrival, key, now=now).id

    def places(self, dataset: str, archived: str = "false") -> dict[str, str]:
        """Where each asset of a dataset is: its id, and `folder/name`."""
        listed = self.get("/assets", dataset=dataset, recursive=True, limit=1000, archived=archived).json()[
            "assets"
        ]
        return {each["id"]: f"{each['folder'].rstrip('/')}/{each['name']}" for each in listed}

    def advance(self) -> bool:
        """Take what is running forward by one chunk, as the runner would."""
        running = self._do(self.services.database.read(engine.unfinished))
        return any(
            self.write(lambda conn, each=each: engine.advance(conn, each, now=self.services.now()))
            for each in running
        )

    def write(self, work: Work[T]) -> T:
        return self._do(self.services.database.write(work))

    def _do(self, work: Any) -> Any:
        # Not by the runner: watching for an interrupt costs it as much as a small request.
        return self.runner.get_loop().run_until_complete(work)


def _with_control(services: Services) -> Services:
    import msgspec

    return msgspec.structs.replace(services, control_token=CONTROL_TOKEN)


@pytest.fixture
def face(database_url: str, tmp_path: Path) -> Iterator[Face]:
    """Over a library of the test's own."""
    with _a_face(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def shared_face(database_kind: str, request: pytest.FixtureRequest) -> Face:
    """Over one library for all tests that are content with an organization of their own."""
    opened = cast("Face", request.getfixturevalue(f"{database_kind}_face"))
    opened.tenant = opened.a_tenant()
    return opened


@pytest.fixture(scope="session")
def sqlite_face(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    folder = tmp_path_factory.mktemp("native")
    shutil.copyfile(sqlite_template, folder / "library.db")
    with _a_face(f"sqlite:///{folder / 'library.db'}", folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql_face(postgres: RunningPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    name = f"native_{secrets.token_hex(6)}"
    url = postgres.create(name, template="stackroom_template")
    with _a_face(url, tmp_path_factory.mktemp("native")) as opened:
        yield opened
    postgres.drop(name)


@contextmanager
def _a_face(database_url: str, folder: Path) -> Iterator[Face]:
    (folder / "data").mkdir()
    opened = Face(Settings(data_dir=folder / "data", database_url=database_url, webhook_allow="127.0.0.1"))
    yield opened
    opened.close()
