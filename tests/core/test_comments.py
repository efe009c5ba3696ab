"""Comments on annotations: threads, who may change what, and reactions."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select, update

from stackroom import ids
from stackroom.access import Actor, Role
from stackroom.database.schema import api_key, comment_reaction, event, member
from stackroom.errors import Forbidden, Invalid, NotFound
from stackroom.library import annotations, comments, organizations
from stackroom.library.comments import REACTIONS, Comment
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database

UNKNOWN = "0190a000-0000-7000-8000-000000000000"


class Talk:
    """An image with two annotations, `a` and `b`, and people with keys who talk about them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.owner = library.an_actor()
        self.image, self.other = library.a_dataset(self.owner, assets=2).ids
        for image in (self.image, self.other):
            self.annotate(image, "a", "b")
        self.ada, self.bob = self.somebody("Ada's key"), self.somebody("Bob's key")
        self.admin = self.somebody("admin", Role.ADMIN)
        self.viewer = self.somebody("viewer", Role.VIEWER)

    def somebody(self, name: str, role: Role = Role.MEMBER) -> Actor:
        """Whoever has a key of this name."""
        whose = self.library.read(
            lambda conn: organizations.find_organization(conn, ids.text(self.owner.organization_uuid))
        )
        made = self.library.write(
            lambda conn: organizations.create_key(conn, whose, role=role, name=name, now=self.library.now)
        )
        query = select(api_key.c.id).where(api_key.c.uuid == made.uuid)
        number = self.library.read(lambda conn: conn.scalar(query))
        return msgspec.structs.replace(self.owner, key_id=number, role=role)

    def annotate(self, image: str, *names: str) -> None:
        wanted = annotations.read(
            msgspec.json.encode(
                [
                    {"id": name, "name": "car", "type": "keypoint", "keypoint": {"x": 1, "y": 1}}
                    for name in names
                ]
            )
        )
        self.library.write(
            lambda conn: annotations.save(conn, self.owner, image, wanted, now=self.library.now)
        )

    def say(
        self, actor: Actor, body: str, to: Comment | None = None, on: str = "a", image: str | None = None
    ) -> Comment:
        parent = None if to is None else ids.text(to.uuid)
        return self.library.write(
            lambda conn: comments.create(
                conn, actor, image or self.image, on, body, parent=parent, now=self.library.now
            )
        )

    def do(self, verb: Any, actor: Actor, which: Comment | str, *rest: str, **options: Any) -> Comment:
        reference = which if isinstance(which, str) else ids.text(which.uuid)
        done: Comment = self.library.write(
            lambda conn: verb(conn, actor, reference, *rest, **options, now=self.library.now)
        )
        return done

    def seen(self, actor: Actor | None = None) -> list[Comment]:
        return self.library.read(lambda conn: comments.of_asset(conn, actor or self.ada, self.image))

    def bodies(self) -> list[str]:
        return [each.body for each in self.seen()]

    def events(self) -> list[str]:
        mine = event.c.organization_id == self.owner.organization_id
        query = select(event.c.type).where(mine, event.c.type.startswith("comment.")).order_by(event.c.id)
        return list(self.library.read(lambda conn: conn.scalars(query).all()))


@pytest.fixture
def talk(library: Library) -> Talk:
    return Talk(library)


def test_comments_are_listed_oldest_first(talk: Talk) -> None:
    first = talk.say(talk.ada, "too wide?")
    second = talk.say(talk.bob, "and this?", on="b")
    reply = talk.say(talk.bob, "yes", first)
    talk.say(talk.ada, "elsewhere", image=talk.other)
    assert [(each.body, each.annotation_id) for each in talk.seen()] == [
        ("too wide?", "a"),
        ("and this?", "b"),
        ("yes", "a"),
    ]
    assert (first.parent_uuid, reply.parent_uuid) == (None, first.uuid)
    assert [each.mine for each in talk.seen(talk.bob)] == [False, True, True]
    assert (second.author, second.mine, second.deleted_at) == ("Bob's key", True, None)
    assert talk.events() == ["comment.created"] * 4


def test_a_reply_to_a_reply_joins_its_thread(talk: Talk) -> None:
    first = talk.say(talk.ada, "1")
    second = talk.say(talk.bob, "2", first)
    assert talk.say(talk.ada, "3", second).parent_uuid == first.uuid


def test_a_comment_is_on_something_that_is_there(talk: Talk) -> None:
    there = talk.say(talk.ada, "1")
    for wrong in (
        {"on": "c"},
        {"image": UNKNOWN},
        {"image": "no id"},
        {"image": talk.other, "to": there},
        {"on": "b", "to": there},
    ):
        with pytest.raises(NotFound):
            talk.say(talk.ada, "2", **wrong)  # type: ignore[arg-type]  # each has its own types
    with pytest.raises(NotFound):
        talk.library.write(
            lambda conn: comments.create(conn, talk.ada, talk.image, "a", "b", parent="no id", now=1)
        )
    assert talk.bodies() == ["1"]


@pytest.mark.parametrize("body", ["", "  \n", "x" * 10_001, "a\0b"])
def test_a_text_that_is_none_is_refused(talk: Talk, body: str) -> None:
    with pytest.raises(Invalid):
        talk.say(talk.ada, body)
    made = talk.say(talk.ada, "x" * 10_000)
    with pytest.raises(Invalid):
        talk.do(comments.change, talk.ada, made, body=body)


def test_a_thread_outlives_its_annotation(talk: Talk) -> None:
    first = talk.say(talk.ada, "1")
    talk.annotate(talk.image, "b")
    assert talk.say(talk.bob, "2", first).parent_id == first.id
    assert talk.bodies() == ["1", "2"]
    with pytest.raises(NotFound, match="annotation 'a' not found"):
        talk.say(talk.ada, "3")


def test_the_author_and_admins_edit_a_text(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    edited = talk.do(comments.change, talk.ada, made, body="2")
    assert (edited.body, edited.updated_at > edited.created_at) == ("2", True)
    assert talk.do(comments.change, talk.ada, made, body="2") == edited
    with pytest.raises(Forbidden, match="somebody else"):
        talk.do(comments.change, talk.bob, made, body="3", resolved=True)
    assert talk.do(comments.change, talk.admin, made, body="4").author == "Ada's key"
    assert talk.seen()[0].resolved_at is None
    assert talk.events() == ["comment.created", "comment.updated", "comment.updated"]


def test_every_member_resolves_and_reopens(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    resolved = talk.do(comments.change, talk.bob, made, resolved=True)
    assert (resolved.resolved_at, resolved.resolved_by) == (talk.library.now, "Bob's key")
    assert resolved.updated_at == resolved.created_at
    again = talk.do(comments.change, talk.ada, made, resolved=True)
    assert (again.resolved_at, again.resolved_by) == (resolved.resolved_at, "Bob's key")
    reopened = talk.do(comments.change, talk.ada, made, resolved=False)
    assert (reopened.resolved_at, reopened.resolved_by) == (None, None)
    assert talk.events() == ["comment.created", "comment.resolved", "comment.reopened"]


def test_nothing_to_change_is_refused(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    with pytest.raises(Invalid) as refused:
        talk.do(comments.change, talk.ada, made)
    assert refused.value.code == "empty_update"


def test_a_comment_without_replies_is_gone(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    talk.do(comments.react, talk.bob, made, "like")
    with pytest.raises(Forbidden):
        talk.do(comments.remove, talk.bob, made)
    talk.do(comments.remove, talk.ada, made)
    assert talk.seen() == []
    with pytest.raises(NotFound):
        talk.do(comments.remove, talk.ada, made)
    left = talk.library.read(lambda conn: conn.scalars(select(comment_reaction.c.comment_id)).all())
    assert made.id not in left


def test_a_comment_with_replies_keeps_its_place_until_they_are_gone(talk: Talk) -> None:
    first = talk.say(talk.ada, "1")
    second, third = talk.say(talk.bob, "2", first), talk.say(talk.bob, "3", first)
    talk.do(comments.react, talk.bob, first, "like")
    talk.do(comments.remove, talk.admin, first)
    root = talk.seen()[0]
    assert (root.body, root.deleted_at, root.reactions) == ("", talk.library.now, [])
    for verb, rest in ((comments.remove, ()), (comments.react, ("like",)), (comments.unreact, ("like",))):
        with pytest.raises(NotFound):
            talk.do(verb, talk.ada, first, *rest)
    with pytest.raises(NotFound):
        talk.do(comments.change, talk.ada, first, body="again")
    with pytest.raises(NotFound):
        talk.say(talk.ada, "4", first)
    assert talk.say(talk.ada, "4", second).parent_id == first.id
    for each in (second, third):
        talk.do(comments.remove, talk.bob, each)
        assert talk.bodies()[0] == ""
    talk.do(comments.remove, talk.ada, talk.seen()[1])
    assert talk.seen() == []


def test_reactions_are_counted_once_for_each_person(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    for actor in (talk.ada, talk.ada, talk.bob):
        talk.do(comments.react, actor, made, "love")
    for kind in REACTIONS:
        talk.do(comments.react, talk.ada, made, kind)
    [seen] = talk.seen(talk.bob)
    assert [each.kind for each in seen.reactions] == list(REACTIONS)
    assert {each.kind: (each.count, each.mine) for each in seen.reactions} == {
        **dict.fromkeys(REACTIONS, (1, False)),
        "love": (2, True),
    }
    for _ in range(2):
        after = talk.do(comments.unreact, talk.bob, made, "love")
    assert {each.kind: (each.count, each.mine) for each in after.reactions}["love"] == (1, False)
    assert talk.events().count("comment.reaction_added") == len(REACTIONS) + 1
    assert talk.events().count("comment.reaction_removed") == 1
    with pytest.raises(Invalid, match="like, dislike"):
        talk.do(comments.react, talk.ada, made, "sad")
    with pytest.raises(Forbidden, match="needs a key"):
        talk.do(comments.react, talk.owner, made, "like")


def test_the_keys_of_one_member_are_one_person(talk: Talk) -> None:
    second = talk.somebody("Ada's other key")

    def join(conn: Any) -> None:
        row = {
            "uuid": ids.new(),
            "organization_id": talk.owner.organization_id,
            "email": "ada@example.org",
            "full_name": "Ada L.",
            "role": 2,
            "joined_at": talk.library.now,
        }
        number = conn.execute(insert(member).values(row)).inserted_primary_key[0]
        keys = [talk.ada.key_id, second.key_id]
        conn.execute(update(api_key).where(api_key.c.id.in_(keys)).values(member_id=number))

    talk.library.write(join)
    made = talk.say(talk.ada, "1")
    assert made.author == "Ada L."
    assert talk.seen(second)[0].mine
    talk.do(comments.change, second, made, body="2")
    talk.do(comments.react, talk.ada, made, "like")
    assert talk.do(comments.react, second, made, "like").reactions[0].count == 1
    assert talk.do(comments.unreact, second, made, "like").reactions == []
    assert not talk.seen(talk.bob)[0].mine


def test_a_viewer_only_reads_and_a_stranger_finds_nothing(talk: Talk) -> None:
    made = talk.say(talk.ada, "1")
    talk.do(comments.react, talk.ada, made, "like")
    assert len(talk.seen(talk.viewer)) == 1
    stranger = msgspec.structs.replace(talk.library.an_actor(), key_id=talk.bob.key_id)
    writes: list[tuple[Any, tuple[str, ...], dict[str, Any]]] = [
        (comments.change, (), {"resolved": True}),
        (comments.remove, (), {}),
        (comments.react, ("love",), {}),
        (comments.unreact, ("like",), {}),
    ]
    for verb, rest, options in writes:
        for actor, refusal in ((talk.viewer, Forbidden), (stranger, NotFound)):
            with pytest.raises(refusal):
                talk.do(verb, actor, made, *rest, **options)
    for actor, refusal in ((talk.viewer, Forbidden), (stranger, NotFound)):
        with pytest.raises(refusal):
            talk.say(actor, "2")
    with pytest.raises(NotFound):
        talk.seen(stranger)
    [same] = talk.seen()
    assert (same.body, same.resolved_at, len(same.reactions)) == ("1", None, 1)


def test_a_long_talk_is_read_in_as_many_statements_as_a_short_one(talk: Talk) -> None:
    counts = []
    for count in (2, 30):
        for number in range(count):
            made = talk.say(talk.ada, str(number))
            talk.do(comments.react, talk.bob, made, "like")
        with talk.library.statements() as statements:
            seen = talk.library.write(lambda conn: comments.of_asset(conn, talk.ada, talk.image))
        counts.append((len(seen), len(statements)))
    assert [each for each, _ in counts] == [2, 32]
    assert counts[0][1] == counts[1][1] <= 5
