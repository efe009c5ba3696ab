"""Files that come in pieces: what a session takes, and what becomes of its bytes, whatever becomes of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from stackroom.access import Actor
from stackroom.database.schema import loose_bytes, loose_prefix, upload_chunk
from stackroom.errors import Conflict, Invalid, NotFound, StackroomError
from stackroom.ingest.pieces import Pieces
from stackroom.library import upload_sessions
from stackroom.library.sweep import sweep
from stackroom.library.upload_sessions import COMPLETED, FAILED, LIFE, NewSession, Session
from stackroom.media.kinds import Kind
from stackroom.storage.staging import Staging
from stackroom.testing.builders import Library
from stackroom.testing.faulty_store import FaultyStore
from stackroom.testing.memory_store import MemoryStore

pytestmark = pytest.mark.every_database
CONTENT = bytes(range(256)) * 4


class Desk:
    """Where somebody sends a file of 1,024 bytes in pieces of 300."""

    def __init__(self, library: Library, folder: Path) -> None:
        self.library = library
        self.store = FaultyStore(MemoryStore())
        self.staging = Staging(folder, 2**20)
        self.pieces = Pieces(library.database, self.store, self.staging, lambda: library.now)
        self.actor = library.an_actor()
        self.session = self.start()

    def start(self, **what: Any) -> Session:
        wanted = {"filename": "a.png", "content_type": "image/png", "kind": Kind.IMAGE, "store": "auto"}
        new = NewSession(**{**wanted, "size": 1024, "chunk_size": 300, **what})
        return self.library.write(
            lambda conn: upload_sessions.start(conn, self.actor, new, now=self.library.now)
        )

    def send(self, position: int, content: bytes | None = None, *, actor: Actor | None = None) -> None:
        sent = CONTENT[position * 300 :][:300] if content is None else content

        async def stream() -> AsyncIterator[bytes]:
            for at in range(0, len(sent), 7):
                yield sent[at : at + 7]

        self.library.do(self.pieces.receive(actor or self.actor, self.session.uuid, position, stream()))

    def finish(self, state: str = COMPLETED) -> None:
        self.library.write(
            lambda conn: upload_sessions.finish(conn, self.session, state, now=self.library.now)
        )

    def here(self) -> list[int]:
        chunks = self.library.read(lambda conn: upload_sessions.chunks(conn, self.session))
        return [each.position for each in chunks]

    def whole(self) -> bytes:
        chunks = self.library.read(lambda conn: upload_sessions.chunks(conn, self.session))
        with self.staging.receive() as arrival:
            self.library.do(self.pieces.assemble(chunks, arrival))
            return arrival.finish().path.read_bytes()

    def stored(self) -> list[str]:
        return sorted(each.key for each in self.store.objects(self.session.prefix))

    def sweep(self) -> None:
        self.library.do(sweep(self.library.database, self.store, lambda: self.library.now))

    def refusal(self, *what: Any, **how: Any) -> StackroomError:
        with pytest.raises(StackroomError) as refused:
            self.send(*what, **how)
        return refused.value


@pytest.fixture
def desk(library: Library, tmp_path: Path) -> Desk:
    return Desk(library, tmp_path)


def test_pieces_are_one_file_in_the_end_in_whatever_order_they_come(desk: Desk) -> None:
    assert desk.session.chunk_count == 4
    for position in (3, 0, 2, 1):
        desk.send(position)
    assert desk.here() == [0, 1, 2, 3]
    assert desk.whole() == CONTENT


def test_a_piece_that_is_sent_again_replaces_the_first(desk: Desk) -> None:
    desk.send(0, b"x" * 300)
    desk.send(0)
    assert desk.here() == [0]
    assert len(desk.stored()) == 2
    desk.sweep()
    assert len(desk.stored()) == 1
    for position in (1, 2, 3):
        desk.send(position)
    assert desk.whole() == CONTENT


@pytest.mark.parametrize(
    ("position", "content"),
    [(0, b"x" * 299), (0, b"x" * 301), (3, b"x" * 300), (0, b""), (4, b"x"), (-1, b"x")],
)
def test_a_piece_of_the_wrong_length_or_place_is_refused(desk: Desk, position: int, content: bytes) -> None:
    assert isinstance(desk.refusal(position, content), Invalid)
    assert desk.here() == []
    assert desk.stored() == []


@pytest.mark.parametrize("sizes", [{"size": 0}, {"chunk_size": 0}, {"size": 10_001, "chunk_size": 1}])
def test_a_file_that_no_pieces_make_is_not_begun(desk: Desk, sizes: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        desk.start(**sizes)


def test_a_session_is_its_organizations_alone(desk: Desk, library: Library) -> None:
    assert isinstance(desk.refusal(0, actor=library.an_actor()), NotFound)
    assert desk.stored() == []


def test_after_its_day_a_session_is_gone_with_all_its_pieces(desk: Desk, library: Library) -> None:
    desk.send(0)
    desk.send(1)
    library.now += LIFE
    assert isinstance(desk.refusal(2), NotFound)
    desk.sweep()
    library.now += 2 * upload_sessions.prefixes.ARRIVAL_GRACE
    desk.sweep()
    assert desk.stored() == []
    nothing_of = (
        select(func.count()).select_from(upload_chunk).where(upload_chunk.c.session_id == desk.session.id),
        select(func.count()).select_from(loose_prefix).where(loose_prefix.c.prefix == desk.session.prefix),
        select(func.count())
        .select_from(loose_bytes)
        .where(loose_bytes.c.storage_key.startswith(desk.session.prefix)),
    )
    assert [library.read(lambda conn, query=query: conn.scalar(query)) for query in nothing_of] == [0, 0, 0]


def test_when_a_session_is_over_its_pieces_go_and_no_other_comes(desk: Desk) -> None:
    for position in range(3):
        desk.send(position)
    desk.finish()
    assert isinstance(desk.refusal(3), Conflict)
    desk.sweep()
    assert desk.stored() == []


def test_what_a_session_has_become_it_stays(desk: Desk, library: Library) -> None:
    desk.finish()
    desk.finish(FAILED)
    found = library.read(
        lambda conn: upload_sessions.find(conn, desk.actor, desk.session.uuid, now=library.now)
    )
    assert found.state == COMPLETED


def test_a_piece_that_was_on_its_way_when_its_session_ended_is_swept(desk: Desk, library: Library) -> None:
    """Stored after all others were: it is loose by itself."""
    session, key = library.write(
        lambda conn: upload_sessions.announce(conn, desk.actor, desk.session.uuid, 0, now=library.now)
    )
    desk.finish()
    desk.sweep()
    with desk.staging.receive() as arrival:
        arrival.write(CONTENT[:300])
        assert desk.store.put(key, arrival.finish().path)
    chunk = upload_sessions.Chunk(0, session.length(0), key)
    with pytest.raises(Conflict):
        library.write(
            lambda conn: upload_sessions.attach(conn, desk.actor, session.uuid, chunk, now=library.now)
        )
    library.now += upload_sessions.prefixes.ARRIVAL_GRACE
    desk.sweep()
    assert desk.stored() == []


def test_a_full_disk_is_said_and_the_piece_can_be_sent_again(desk: Desk) -> None:
    desk.store.full = True
    assert desk.refusal(0).code == "storage_full"
    desk.store.full = False
    desk.send(0)
    assert desk.here() == [0]
