"""Webhook endpoints: addresses that can be called, secrets that can be rotated, events that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import event
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.events.kinds import KINDS, OF_ELSEWHERE
from stackroom.events.requests import HTTP_REQUEST
from stackroom.library import endpoints
from stackroom.library.endpoints import Endpoint, EndpointChanges
from stackroom.operations.request import Verb
from stackroom.testing.builders import Library

every_database = pytest.mark.every_database
URL = "https://hooks.example/x"
SOURCE = Path(__file__).parents[2] / "src" / "stackroom"


def make(library: Library, actor: Actor, **wanted: Any) -> Endpoint:
    changes = EndpointChanges(**{"url": URL, **wanted})
    return library.write(lambda conn: endpoints.create(conn, actor, changes, now=library.now))


def change(library: Library, actor: Actor, made: Endpoint, **wanted: Any) -> Endpoint:
    reference, changes = ids.text(made.uuid), EndpointChanges(**wanted)
    return library.write(lambda conn: endpoints.change(conn, actor, reference, changes, now=library.now))


def listed(library: Library, actor: Actor) -> list[Endpoint]:
    return library.read(lambda conn: endpoints.list_endpoints(conn, actor))


@every_database
def test_an_endpoint_is_made_found_and_removed(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, description="d", event_types=["asset.created", "asset.created"])
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{44}", made.secret)
    assert (made.secret_prefix, made.secret_version, made.enabled) == (made.secret[:10], 1, True)
    assert (made.event_types, made.auth_headers) == (["asset.created"], {})
    assert listed(library, actor) == [made]
    reference = ids.text(made.uuid)
    library.write(lambda conn: endpoints.remove(conn, actor, reference, now=library.now))
    assert listed(library, actor) == []
    with pytest.raises(NotFound):
        library.write(lambda conn: endpoints.remove(conn, actor, reference, now=library.now))
    kinds = select(event.c.type).where(event.c.organization_id == actor.organization_id).order_by(event.c.id)
    recorded = library.read(lambda conn: list(conn.scalars(kinds)))
    assert recorded[-2:] == ["webhook.created", "webhook.deleted"]


@every_database
def test_an_endpoint_is_changed_field_by_field(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, description="d", event_types=["asset.created"], auth_headers={"X-Token": "t"})
    changed = change(library, actor, made, enabled=False)
    assert (changed.enabled, changed.description, changed.auth_headers) == (False, "d", {"X-Token": "t"})
    changed = change(library, actor, made, description=None, event_types=None, auth_headers=None)
    assert (changed.description, changed.event_types, changed.auth_headers) == (None, [], {})
    assert (changed.secret, changed.enabled) == (made.secret, False)
    assert change(library, actor, made, url=URL).url == URL
    with pytest.raises(Invalid):
        change(library, actor, made)


@every_database
def test_a_rotated_secret_is_another(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor)
    reference = ids.text(made.uuid)
    for version in (2, 3):
        changed = library.write(lambda conn: endpoints.rotate_secret(conn, actor, reference, now=library.now))
        assert changed.secret_version == version
        assert changed.secret != made.secret


@every_database
def test_an_address_stands_once_in_an_organization(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    make(library, actor)
    other = make(library, actor, url=URL + "/2")
    make(library, stranger)
    with pytest.raises(Conflict):
        make(library, actor)
    with pytest.raises(Conflict):
        change(library, actor, other, url=URL)
    assert len(listed(library, actor)) == 2


@every_database
def test_nobody_else_sees_an_endpoint(library: Library) -> None:
    actor, stranger = library.an_actor(), library.an_actor()
    made = make(library, actor)
    reference = ids.text(made.uuid)
    acts: list[Any] = [
        lambda conn: endpoints.find(conn, stranger, reference),
        lambda conn: endpoints.remove(conn, stranger, reference, now=library.now),
        lambda conn: endpoints.rotate_secret(conn, stranger, reference, now=library.now),
        lambda conn: endpoints.change(
            conn, stranger, reference, EndpointChanges(enabled=False), now=library.now
        ),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            library.write(act)
    member = library.an_actor(Role.MEMBER, of=actor)
    for act in (lambda: listed(library, member), lambda: make(library, member, url=URL + "/3")):
        with pytest.raises(Forbidden):
            act()
    assert listed(library, actor) == [made]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/x", "https://hooks.example", "https://[::1]/x?y=1", "HTTPS://Hooks.Example/%20"],
)
def test_addresses_that_can_be_called(url: str) -> None:
    assert endpoints.check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/x",
        "ftp://hooks.example/x",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://ada:secret@hooks.example/x",
        "https://ada@hooks.example/x",
        "https://hooks.example/x#y",
        "https://hooks.example/ x",
        "https://hooks.example\\@inside/x",
        "https://hooks.example/\n",
        "https://höoks.example/",
        "https://hooks.example:99999/",
        "https://hooks.example:x/",
        "https://[::1/",
        "https://hooks.example/" + "x" * 2048,
    ],
)
def test_addresses_that_cannot(url: str) -> None:
    with pytest.raises(Invalid, match="url"):
        endpoints.check_url(url)


@pytest.mark.parametrize(
    "headers",
    [
        {"": "x"},
        {"a b": "x"},
        {"a:": "x"},
        {"Host": "x"},
        {"content-length": "1"},
        {"Webhook-Signature": "x"},
        {"X-Pictograph-Signature": "x"},
        {"X-Token": "a\r\nb"},
        {"X-Token": "é"},
        {"X-Token": "x" * 4097},
        {"X-Token": "1", "x-token": "2"},
        {f"X-{n}": "x" for n in range(21)},
    ],
)
def test_headers_that_no_delivery_can_carry(headers: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="auth_headers"):
        endpoints.check_auth_headers(headers)


def test_an_event_that_never_happens_is_refused() -> None:
    with pytest.raises(Invalid, match=r"image\.created"):
        endpoints.check_event_types(["asset.created", "image.created"])
    assert endpoints.check_event_types(KINDS) == list(KINDS)


def recorded() -> Iterator[str]:
    """Every name that is spelled out where events are recorded, but for what only the server's log is told."""
    for source in SOURCE.rglob("*.py"):
        text = source.read_text()
        if "from stackroom.events import log" in text:
            tree = ast.parse(text)
            logged = {word for node in ast.walk(tree) if _logs(node) for word in ast.walk(node)}
            spelled = (
                each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and each not in logged
            )
            yield from (word for word in spelled if re.fullmatch(r"[a-z_]{2,}\.[a-z_]{2,}", str(word)))


def _logs(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr in {"debug", "info", "warning", "error", "exception"}


def test_the_list_of_events_is_what_is_recorded() -> None:
    """Those of operations are made from their verbs, and some are there for who knows them from elsewhere. A request is
    in the same record, and no webhook hears of it."""
    verbs = {f"operation.{verb}" for verb in Verb}
    assert sorted({*recorded(), *verbs, *OF_ELSEWHERE} - {HTTP_REQUEST}) == list(KINDS)
