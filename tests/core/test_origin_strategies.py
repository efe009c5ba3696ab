"""Origin strategies: who is asked how, what is refused, and what nobody gets to see."""

import time
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import event
from stackroom.errors import Conflict, Forbidden, Invalid, NotFound
from stackroom.library import origin_strategies
from stackroom.library.origin_strategies import (
    HIDDEN,
    Approach,
    Credentials,
    OriginStrategy,
    Strategy,
    StrategyChanges,
    credentials_from,
)
from stackroom.testing.builders import Library

every_database = pytest.mark.every_database
ADA = Credentials("ada", "s3cret")
BASIC = {"strategy": "basic-http-authentication", "credentials": ADA}


def make(library: Library, actor: Actor, pattern: str = "a", **wanted: Any) -> OriginStrategy:
    changes = StrategyChanges(**{"regex": pattern, "strategy": "default", **wanted})
    return library.write(lambda conn: origin_strategies.create(conn, actor, changes, now=library.now))


def change(library: Library, actor: Actor, made: OriginStrategy, **wanted: Any) -> OriginStrategy:
    reference, changes = ids.text(made.uuid), StrategyChanges(**wanted)
    return library.write(
        lambda conn: origin_strategies.change(conn, actor, reference, changes, now=library.now)
    )


def replace(library: Library, actor: Actor, made: OriginStrategy, **wanted: Any) -> OriginStrategy:
    reference, changes = ids.text(made.uuid), StrategyChanges(**wanted)
    return library.write(
        lambda conn: origin_strategies.replace(conn, actor, reference, changes, now=library.now)
    )


def listed(library: Library, actor: Actor) -> list[OriginStrategy]:
    return library.read(lambda conn: origin_strategies.list_strategies(conn, actor))


def chosen(library: Library, actor: Actor, origin: str) -> Approach:
    return library.read(lambda conn: origin_strategies.choose(conn, actor.organization_id, origin))


@every_database
def test_a_strategy_is_made_found_changed_and_removed(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, "^https://files\\.example/", **BASIC)
    assert (made.strategy, made.credentials, made.optimised, made.order) == (Strategy.BASIC, ADA, False, 0)
    reference = ids.text(made.uuid)
    assert library.read(lambda conn: origin_strategies.find(conn, actor, reference)) == made
    changed = change(library, actor, made, regex="files")
    assert changed.updated_at > made.updated_at
    assert listed(library, actor) == [changed]
    library.write(lambda conn: origin_strategies.remove(conn, actor, reference, now=library.now))
    assert listed(library, actor) == []
    with pytest.raises(NotFound):
        library.write(lambda conn: origin_strategies.remove(conn, actor, reference, now=library.now))
    mine = event.c.organization_id == actor.organization_id
    about = select(event.c.type, event.c.data).where(mine, event.c.type.startswith("origin_strategy"))
    recorded = library.read(lambda conn: list(conn.execute(about.order_by(event.c.id))))
    assert [each.type.partition(".")[2] for each in recorded] == ["created", "updated", "deleted"]
    assert not any(ADA.password in each.data for each in recorded)


@every_database
def test_the_first_pattern_found_in_an_origin_counts(library: Library) -> None:
    actor = library.an_actor()
    make(library, actor, r"files\.example")
    make(library, actor, r"^https://files\.example/private/", order=0, **BASIC)
    make(library, actor, "s3", strategy="s3-ambient", optimised=True)
    assert [each.order for each in listed(library, actor)] == [0, 0, 1]
    assert chosen(library, actor, "https://files.example/private/a.jpg") == Approach()
    change(library, actor, listed(library, actor)[0], order=5)
    private = chosen(library, actor, "HTTPS://FILES.example/Private/a.jpg")
    assert private == Approach(strategy=Strategy.BASIC, credentials=ADA)
    assert chosen(library, actor, "https://files.example/a.jpg") == Approach()
    assert chosen(library, actor, "s3://bucket/a.jpg") == Approach(strategy=Strategy.S3, optimised=True)
    assert chosen(library, actor, "https://elsewhere.example/") == Approach()
    assert chosen(library, library.an_actor(), "s3://bucket/a.jpg") == Approach()


def test_a_catastrophic_pattern_takes_no_time(library: Library) -> None:
    actor = library.an_actor()
    for regex in ("(a+)+$", "(a|a)*b", "(.*)*,(.*)*;", "((a?){30}){20}b"):
        make(library, actor, regex)
    began = time.process_time()
    assert chosen(library, actor, "https://files.example/" + "a" * 20_000 + "!") == Approach()
    assert time.process_time() - began < 5  # in Python's own engine: years


@pytest.mark.parametrize(
    "wanted",
    [
        {"regex": ""},
        {"regex": "a" * 1001},
        {"regex": "("},
        {"regex": "a\0"},
        {"regex": "(?=a)b"},
        {"regex": r"(a)\1"},
        {"regex": "((a{1000}){1000}){1000}"},
        {"strategy": "sftp", "credentials": ADA},
        {"strategy": "ftp"},
        {"strategy": "basic-http-authentication"},
        {"strategy": "basic-http-authentication", "credentials": HIDDEN},
        {"credentials": ADA},
        {"optimised": True},
        {"order": -1},
        {"order": 2**31},
    ],
    ids=str,
)
def test_what_no_strategy_can_be_is_refused(library: Library, wanted: dict[str, Any]) -> None:
    actor = library.an_actor()
    with pytest.raises(Invalid):
        make(library, actor, **wanted)
    assert listed(library, actor) == []


def test_sftp_is_known_and_not_offered(library: Library) -> None:
    with pytest.raises(Invalid, match="sftp is not offered"):
        make(library, library.an_actor(), "sftp://", strategy="sftp", credentials=ADA)


@pytest.mark.parametrize("field", ["regex", "strategy"])
def test_a_strategy_without_its_parts_is_refused(library: Library, field: str) -> None:
    actor = library.an_actor()
    with pytest.raises(Invalid, match=f"{field}: missing"):
        make(library, actor, **{field: msgspec.UNSET})
    made = make(library, actor, "a")
    with pytest.raises(Invalid, match=f"{field}: missing"):
        replace(library, actor, made, **{"regex": "a", "strategy": "default", field: msgspec.UNSET})


@every_database
def test_a_pattern_is_there_once(library: Library) -> None:
    actor = library.an_actor()
    make(library, actor, "a")
    other = make(library, actor, "b")
    with pytest.raises(Conflict):
        make(library, actor, "a")
    with pytest.raises(Conflict):
        change(library, actor, other, regex="a")
    assert change(library, actor, other, regex="b").regex == "b"
    make(library, library.an_actor(), "a")


def test_a_change_keeps_credentials_with_their_strategy_only(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, "a", **BASIC)
    assert change(library, actor, made, regex="b").credentials == ADA
    assert change(library, actor, made, credentials=HIDDEN).credentials == ADA
    assert change(library, actor, made, strategy=made.strategy.value).credentials == ADA
    assert change(library, actor, made, strategy="s3-ambient", optimised=True).credentials is None
    assert change(library, actor, made, strategy="default").optimised is False
    with pytest.raises(Invalid, match="credentials"):
        change(library, actor, made, strategy="basic-http-authentication")
    with pytest.raises(Invalid, match="nothing to change"):
        change(library, actor, made)


def test_a_replacement_leaves_nothing_but_order_and_hidden_credentials(library: Library) -> None:
    actor = library.an_actor()
    made = make(library, actor, "a", order=7, **BASIC)
    same = replace(library, actor, made, regex="b", strategy=made.strategy.value, credentials=HIDDEN)
    assert (same.regex, same.credentials, same.order) == ("b", ADA, 7)
    with pytest.raises(Invalid, match="credentials"):
        replace(library, actor, made, regex="b", strategy=made.strategy.value)
    plain = replace(library, actor, made, regex="b", strategy="default", order=1)
    assert (plain.strategy, plain.credentials, plain.order) == (Strategy.DEFAULT, None, 1)


def test_another_organizations_strategies_are_unknown(library: Library) -> None:
    made = make(library, library.an_actor(), "a")
    other = library.an_actor()
    with pytest.raises(NotFound):
        change(library, other, made, regex="b")
    with pytest.raises(NotFound):
        library.read(lambda conn: origin_strategies.find(conn, other, "x"))
    assert listed(library, other) == []


def test_only_admins_have_to_do_with_strategies(library: Library) -> None:
    owner = library.an_actor()
    made = make(library, owner, "a")
    member = library.an_actor(Role.MEMBER, of=owner)
    for attempt in (
        lambda: make(library, member, "b"),
        lambda: change(library, member, made, regex="b"),
        lambda: replace(library, member, made, regex="b", strategy="default"),
        lambda: listed(library, member),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_there_is_a_limit_to_strategies(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin_strategies, "MAX_STRATEGIES", 2)
    actor = library.an_actor()
    make(library, actor, "a")
    make(library, actor, "b")
    with pytest.raises(Conflict, match="at most 2"):
        make(library, actor, "c")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, None),
        ("", None),
        ("xxx", HIDDEN),
        ('{"user": "ada", "password": "s3cret"}', ADA),
        ({"user": "ada", "password": "s3cret", "more": 1}, ADA),
    ],
)
def test_credentials_are_read_in_all_their_forms(given: object, found: object) -> None:
    assert credentials_from(given) == found


@pytest.mark.parametrize(
    "given",
    [
        "ada:s3cret",
        "{",
        7,
        {"user": "ada"},
        {"user": "a:da", "password": "s3cret"},
        {"user": "", "password": "s3cret"},
        {"user": "ada", "password": "s3cret\r\nX-Other: 1"},
        {"user": "ada", "password": "s3cret" * 1000},
        "\ud800",
    ],
    ids=repr,
)
def test_bad_credentials_are_refused_and_not_repeated(given: object) -> None:
    with pytest.raises(Invalid) as refused:
        credentials_from(given)
    assert "s3cret" not in refused.value.message
    assert refused.value.__cause__ is None


def test_no_log_shows_credentials() -> None:
    assert "s3cret" not in repr(Approach(strategy=Strategy.BASIC, credentials=ADA))
