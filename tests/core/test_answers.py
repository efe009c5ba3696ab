"""Answers already given: the same write twice has one effect and one answer."""

import msgspec
import pytest
from sqlalchemy import select

from stackroom.clock import DAY
from stackroom.database.schema import answer
from stackroom.errors import Invalid
from stackroom.library import answers
from stackroom.library.answers import Answer, Request, identify
from stackroom.library.sweep import expire
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database

GIVEN = Answer(
    status=201, headers={"Location": "/x", "Content-Type": "application/json"}, body=b'{"a": "\xc3\xa9"}\0'
)


def recall(library: Library, request: Request, *, later: int = 0) -> Answer | None:
    return library.read(lambda conn: answers.recall(conn, request, now=library.now + later))


def remember(library: Library, request: Request, *, later: int = 0) -> None:
    library.write(lambda conn: answers.remember(conn, request, GIVEN, now=library.now + later))


def test_an_answer_is_given_again_exactly(library: Library) -> None:
    actor = library.an_actor()
    request = identify(actor, "key ä", "POST", "/x", b"body")
    assert recall(library, request) is None
    remember(library, request)
    assert recall(library, request) == GIVEN


def test_a_secret_answer_is_for_who_got_it_alone(library: Library) -> None:
    """Not for who reads the database, and not for another key, should it ever get so far."""
    actor = library.an_actor()
    request = identify(actor, "key", "POST", "/x", b"body", token="pk_live_mine")
    given = Answer(status=201, headers={"Location": "/x"}, body=b'{"api_key": "pk_live_made"}\0', secret=True)
    for later in (0, answers.KEPT_FOR):  # what is kept anew is veiled anew
        library.write(lambda conn, at=later: answers.remember(conn, request, given, now=library.now + at))
        assert recall(library, request, later=later) == given
        row = library.read(lambda conn: conn.execute(select(answer).where(answer.c.key == request.key)).one())
        assert b"pk_live" not in row.body + row.headers.encode()
        stranger = msgspec.structs.replace(request, token="pk_live_other")
        found = recall(library, stranger, later=later)
        assert found is not None
        assert b"pk_live" not in found.body


def test_a_key_is_for_one_request(library: Library) -> None:
    actor = library.an_actor()
    remember(library, identify(actor, "key", "POST", "/x", b"body"))
    with pytest.raises(Invalid) as refused:
        recall(library, identify(actor, "key", "POST", "/x", b"other"))
    assert refused.value.code == "idempotency_key_reused"


@pytest.mark.parametrize(("method", "path"), [("PUT", "/x"), ("POST", "/y")])
def test_a_key_counts_at_one_address(library: Library, method: str, path: str) -> None:
    actor = library.an_actor()
    remember(library, identify(actor, "key", "POST", "/x", b"body"))
    assert recall(library, identify(actor, "key", method, path, b"body")) is None


def test_another_organizations_key_is_another_key(library: Library) -> None:
    one, other = library.an_actor(), library.an_actor()
    remember(library, identify(one, "key", "POST", "/x", b""))
    assert recall(library, identify(other, "key", "POST", "/x", b"")) is None


def test_an_answer_is_kept_for_a_day(library: Library) -> None:
    actor = library.an_actor()
    request = identify(actor, "key", "POST", "/x", b"")
    remember(library, request)
    assert recall(library, request, later=DAY - 1) == GIVEN
    assert recall(library, request, later=DAY) is None
    remember(library, request, later=DAY)
    assert recall(library, request, later=DAY) == GIVEN


def test_old_answers_are_forgotten(library: Library) -> None:
    actor = library.an_actor()
    request = identify(actor, "key", "POST", "/x", b"")
    remember(library, request)
    library.write(lambda conn: expire(conn, now=library.now + DAY - 2_000_000))
    assert recall(library, request) == GIVEN
    library.write(lambda conn: expire(conn, now=library.now + DAY))
    assert recall(library, request) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", "a\nb"])
def test_a_key_has_a_shape(library: Library, key: str) -> None:
    with pytest.raises(Invalid) as refused:
        identify(library.an_actor(), key, "POST", "/x", b"")
    assert refused.value.code == "bad_idempotency_key"
