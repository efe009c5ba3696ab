"""A library with things in it, for tests: say what must be there, and get it.

Everything goes through the core's own functions, one transaction at a time, and a test needs no event loop:

    with a_library(url) as library:
        ada = library.an_actor()
        photos = library.a_dataset(ada, assets=3)
        moved = library.submit(ada, Verb.MOVE, photos.ids, photos, to="/sorted")
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, event, select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.clock import SECOND
from stackroom.database.connect import connect
from stackroom.database.schema import asset, blob, dataset, folder, loose_bytes
from stackroom.database.transaction import T, Work
from stackroom.library import assets, blobs, datasets, folders, organizations, tags
from stackroom.library.names import clean_path
from stackroom.library.organizations import Organization
from stackroom.operations import engine as bulk
from stackroom.operations import journal
from stackroom.operations.journal import Item, Operation
from stackroom.operations.request import Request, Selection, Verb, select_ids

NOON = 1_700_000_000 * SECOND


class ADataset(msgspec.Struct, frozen=True):
    """A dataset, and the ids of the assets it was made with."""

    id: int
    reference: str
    ids: list[str]


class Library:
    """An open library whose clock goes forward by `tick` with every write: a second, unless a test sets it."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.database = self._runner.run(connect(url))
        self.now = NOON
        self.tick = SECOND
        self._made = 0

    def read(self, work: Work[T]) -> T:
        return self.do(self.database.read(work))

    def write(self, work: Work[T]) -> T:
        self.now += self.tick
        return self.do(self.database.write(work))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What makes its own transactions, and is waited for."""
        # Not by the runner: watching for an interrupt costs it as much as a small transaction.
        return self._runner.get_loop().run_until_complete(work)

    def close(self) -> None:
        self._runner.run(self.database.close())
        self._runner.close()

    def an_organization(self, name: str | None = None) -> Organization:
        given = name or f"Organization {self._count()} of {ids.new().hex()}"
        return self.write(lambda conn: organizations.create_organization(conn, given, now=self.now))

    def an_actor(self, role: Role = Role.OWNER, *, of: Actor | None = None) -> Actor:
        """Somebody of a new organization, or of the organization of another."""
        if of is not None:
            return msgspec.structs.replace(of, role=role)
        owner = organizations.system_actor(self.an_organization())
        return msgspec.structs.replace(owner, role=role)

    def a_dataset(
        self,
        actor: Actor,
        name: str | None = None,
        *,
        assets: int | Sequence[str] = (),
        folder: str = "/",
        content: bytes | None = None,
    ) -> ADataset:
        """A dataset with assets `1.jpg`, `2.jpg` … or of the given names, each with bytes of its own, or with these."""
        given = name or f"dataset {self._count()}"
        owner = msgspec.structs.replace(actor, role=Role.OWNER)
        made = self.write(lambda conn: datasets.create(conn, owner, given, now=self.now))
        names = [f"{n + 1}.jpg" for n in range(assets)] if isinstance(assets, int) else assets
        empty = ADataset(made.id, ids.text(made.uuid), [])
        return msgspec.structs.replace(
            empty, ids=self.add(actor, empty, names, folder=folder, content=content)
        )

    def add(
        self,
        actor: Actor,
        to: ADataset,
        names: Sequence[str],
        *,
        folder: str = "/",
        content: bytes | None = None,
        size: int = 10,
    ) -> list[str]:
        """Assets of these (clean, free) names; all with the same `content`, if given. Their ids."""

        places = [(folder, name) for name in names]
        return self._add(actor, to, places, content, size)

    def add_everywhere(self, actor: Actor, to: ADataset, name: str, into: Sequence[str]) -> list[str]:
        """An asset of this name in each of these folders; all have the same bytes."""
        return self._add(actor, to, [(folder, name) for folder in into], name.encode(), 10)

    def _add(
        self,
        actor: Actor,
        to: ADataset,
        places: Sequence[tuple[str, str]],
        content: bytes | None,
        size: int,
    ) -> list[str]:
        def work(conn: Connection) -> list[str]:
            paths = {folder: clean_path(folder) for folder, _ in places}
            known = folders.ensure_many(conn, to.id, set(paths.values()), now=self.now)
            shared = None if content is None else self._blob(conn, actor, content, size)
            made = [
                assets.NewAsset(
                    uuid=ids.new(),
                    folder_id=known[paths[folder]],
                    name=name,
                    original_name=name,
                    blob_id=shared or self._blob(conn, actor, ids.new(), size),
                    size=size,
                    content_type="image/jpeg",
                    width=4,
                    height=3,
                )
                for folder, name in places
            ]
            if made:
                assets.add(conn, actor, to.id, made, now=self.now)
            return [ids.text(each.uuid) for each in made]

        return self.write(work)

    def request(
        self,
        verb: Verb,
        chosen: Sequence[str] | Selection,
        within: ADataset | None = None,
        *,
        to: str | None = None,
        into: ADataset | None = None,
        **rest: Any,
    ) -> Request:
        """A request for these ids, or for this selection, of the dataset `within`, if given."""
        dataset_id = within.id if within is not None else None
        selection = chosen
        if not isinstance(chosen, Selection):
            selection = select_ids(chosen, dataset_id=dataset_id, limit=None)
        return Request(
            verb=verb,
            selection=selection,  # type: ignore[arg-type]  # the line above has made it one
            target_dataset_id=into.id if into is not None else dataset_id,
            target_folder=to,
            **rest,
        )

    def submit(
        self,
        actor: Actor,
        verb: Verb,
        chosen: Sequence[str] | Selection,
        within: ADataset | None = None,
        **rest: Any,
    ) -> Operation:
        """Run an operation to its end, chunk by chunk if it is large."""
        request = self.request(verb, chosen, within, **rest)
        return self.run(actor, request)

    def run(self, actor: Actor, request: Request) -> Operation:
        return self.finish(actor, self.begin(actor, request))

    def begin(self, actor: Actor, request: Request) -> Operation:
        return self.write(lambda conn: bulk.submit(conn, actor, request, now=self.now))

    def preview(self, actor: Actor, request: Request) -> bulk.DryRun:
        """What a request would do."""
        try:
            self.write(lambda conn: bulk.preview(conn, actor, request, now=self.now))
        except bulk.DryRun as seen:
            return seen

    def undo(self, actor: Actor, done: Operation) -> Operation:
        reference = ids.text(done.uuid)
        return self.finish(
            actor, self.write(lambda conn: bulk.submit_undo(conn, actor, reference, now=self.now))
        )

    def finish(self, actor: Actor, begun: Operation) -> Operation:
        """The operation as it is when nothing is left to do."""
        if begun.state != journal.RUNNING:
            return begun
        while self.advance(begun):
            pass
        return self.again(actor, begun)

    def advance(self, begun: Operation) -> bool:
        """Take a large operation forward by one chunk."""
        return self.write(lambda conn: bulk.advance(conn, begun.id, now=self.now))

    def again(self, actor: Actor, known: Operation) -> Operation:
        """The operation as it is by now."""
        return self.read(lambda conn: journal.get(conn, actor, ids.text(known.uuid)))

    def items(self, done: Operation) -> list[Item]:
        return self.read(lambda conn: list(journal.all_items(conn, done)))

    def words(self, done: Operation) -> list[str]:
        """The outcome of each item, in order."""
        return [item.outcome.word for item in self.items(done)]

    def live(self, of: ADataset) -> dict[str, str]:
        """Where each live asset of a dataset is: `/folder/name` and its id."""
        return {place: uuid for uuid, place in self._places(of, archived=False)}

    def archived(self, of: ADataset) -> dict[str, str]:
        """The id of each archived asset, and where it is. Several may have the same place."""
        return dict(self._places(of, archived=True))

    def paths(self, of: ADataset) -> list[str]:
        """The paths of the live assets, sorted."""
        return sorted(self.live(of))

    def rows(self, actor: Actor) -> dict[str, dict[str, Any]]:
        """All there is to know of an organization's assets, by id, oldest first."""
        query = (
            select(asset, folder.c.path, dataset.c.uuid.label("dataset_uuid"), blob.c.sha256)
            .join_from(asset, folder, folder.c.id == asset.c.folder_id)
            .join(dataset, dataset.c.id == asset.c.dataset_id)
            .outerjoin(blob, blob.c.id == asset.c.blob_id)
            .where(asset.c.organization_id == actor.organization_id)
            .order_by(asset.c.id)
        )
        return self.read(lambda conn: {ids.text(row.uuid): row._asdict() for row in conn.execute(query)})

    def tags(self, actor: Actor) -> dict[str, list[str]]:
        """The tags of each of an organization's assets, sorted."""
        mine = select(asset.c.id, asset.c.uuid).where(asset.c.organization_id == actor.organization_id)

        def read(conn: Connection) -> dict[str, list[str]]:
            rows = conn.execute(mine).all()
            tagged = tags.of(conn, [row.id for row in rows])
            return {ids.text(row.uuid): tagged.get(row.id, []) for row in rows}

        return self.read(read)

    def blob_keys(self, actor: Actor) -> dict[bytes, str]:
        """The storage key of each blob of an organization, by hash."""
        mine = blob.c.organization_id == actor.organization_id
        query = select(blob.c.sha256, blob.c.storage_key).where(mine)
        return self.read(lambda conn: {row.sha256: row.storage_key for row in conn.execute(query)})

    def loose_keys(self, actor: Actor) -> set[str]:
        """Where bytes of an organization stand that no blob owns."""
        mine = loose_bytes.c.storage_key.contains(ids.text(actor.organization_uuid))
        return self.read(lambda conn: set(conn.scalars(select(loose_bytes.c.storage_key).where(mine))))

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collects the statements that writes send meanwhile."""
        sent: list[str] = []

        def note(_conn: object, _cursor: object, sql: str, *_rest: object) -> None:
            sent.append(sql)

        engine = self.write(lambda conn: conn.engine)
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)

    def _blob(self, conn: Connection, actor: Actor, content: bytes, size: int) -> int:
        sha256 = hashlib.sha256(content).digest()
        known = blobs.find(conn, actor.organization_id, sha256)
        if known is not None:
            return known.id
        key = blobs.announce(conn, actor.organization_uuid, sha256, now=self.now)
        arrival = blobs.Arrival(sha256=sha256, size=size, content_type="image/jpeg")
        return blobs.adopt(conn, actor.organization_id, arrival, key, now=self.now).id

    def _places(self, of: ADataset, *, archived: bool) -> list[tuple[str, str]]:
        query = (
            select(folder.c.path, asset.c.name, asset.c.uuid)
            .join_from(asset, folder, folder.c.id == asset.c.folder_id)
            .where(asset.c.dataset_id == of.id, asset.c.archived_at.is_not(None) == archived)
            .order_by(asset.c.id)
        )
        rows = self.read(lambda conn: conn.execute(query).all())
        return [(ids.text(uuid), f"{path.rstrip('/')}/{name}") for path, name, uuid in rows]

    def _count(self) -> int:
        self._made += 1
        return self._made


@contextmanager
def a_library(url: str) -> Iterator[Library]:
    library = Library(url)
    try:
        yield library
    finally:
        library.close()
