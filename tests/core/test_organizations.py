"""Organizations, and the keys that act for them."""

import pytest

from stackroom import ids
from stackroom.access import Role
from stackroom.clock import DAY
from stackroom.errors import Conflict, Invalid, NotFound, Unauthenticated
from stackroom.library import keys, organizations
from stackroom.library.organizations import NewKey, Organization
from stackroom.testing.builders import Library

pytestmark = pytest.mark.every_database


def a_key(library: Library, owner: Organization, **rest: object) -> NewKey:
    return library.write(
        lambda conn: organizations.create_key(conn, owner, role=Role.MEMBER, now=library.now, **rest)  # type: ignore[arg-type]
    )


def whose(library: Library, token: str) -> organizations.Authenticated:
    return library.read(
        lambda conn: organizations.admit(organizations.by_token(conn, token), now=library.now)
    )


def test_an_organization_is_found_by_all_its_names(library: Library) -> None:
    made = library.an_organization(f"Ünïted Photos {ids.new().hex()}")
    for reference in (
        ids.text(made.uuid),
        ids.text(made.uuid).upper(),
        str(made.number),
        made.slug,
        made.name,
    ):
        assert library.read(lambda conn, it=reference: organizations.find_organization(conn, it)) == made
    assert made.slug.startswith("united-photos-")


@pytest.mark.parametrize("reference", ["nobody", "0", "99999999999999999999", "", "٣٣٣٣٣"])
def test_an_organization_that_is_not_there_is_not_found(library: Library, reference: str) -> None:
    with pytest.raises(NotFound):
        library.read(lambda conn: organizations.find_organization(conn, reference))


def test_organizations_are_listed_by_age_and_counted(library: Library) -> None:
    before = library.read(organizations.count_organizations)
    made = [library.an_organization() for _ in range(2)]
    assert library.read(organizations.count_organizations) == before + 2
    assert library.read(organizations.list_organizations)[-2:] == made


def test_two_organizations_never_read_the_same(library: Library) -> None:
    suffix = ids.new().hex()
    library.an_organization(f"Blue Sky {suffix}")
    for name in (f"Blue Sky {suffix}", f"blue-sky-{suffix}", f" Blue  Sky! {suffix} "):
        with pytest.raises(Conflict):
            library.an_organization(name)


def test_a_name_without_a_latin_letter_has_a_slug_too(library: Library) -> None:
    assert library.an_organization("写真館").slug.startswith("organization-")


@pytest.mark.parametrize("name", [" ", "a\nb", "x" * 201])
def test_a_name_that_no_organization_can_have_is_refused(library: Library, name: str) -> None:
    with pytest.raises(Invalid):
        library.an_organization(name)


def test_a_key_says_whose_it_is_and_how_far_it_reaches(library: Library) -> None:
    owner = library.an_organization()
    made = a_key(library, owner, name="laptop")
    found = whose(library, made.token)
    assert (found.organization, found.key_uuid, found.key_name, found.role) == (
        owner,
        made.uuid,
        "laptop",
        Role.MEMBER,
    )


def test_the_secret_of_a_key_is_kept_nowhere(library: Library) -> None:
    owner = library.an_organization()
    made = a_key(library, owner)
    [listed] = library.read(lambda conn: keys.list_keys(conn, owner))
    assert made.token.startswith(listed.prefix)
    assert len(listed.prefix) < 16 < len(made.token)


def test_a_revoked_key_counts_no_longer(library: Library) -> None:
    made = a_key(library, library.an_organization())
    for _ in range(2):
        library.write(lambda conn: organizations.revoke_key(conn, made.uuid, now=library.now))
    with pytest.raises(Unauthenticated):
        whose(library, made.token)
    with pytest.raises(NotFound):
        library.write(lambda conn: organizations.revoke_key(conn, ids.new(), now=library.now))


def test_a_key_expires(library: Library) -> None:
    made = a_key(library, library.an_organization(), expires_at=library.now + DAY)
    whose(library, made.token)
    library.now += DAY
    with pytest.raises(Unauthenticated, match="expired"):
        whose(library, made.token)


@pytest.mark.parametrize("token", ["", "pk_live_", "x" * 5_000, "a\0b", "é"])
def test_what_is_no_key_is_refused(library: Library, token: str) -> None:
    with pytest.raises(Unauthenticated):
        whose(library, token)


def test_the_use_of_a_key_is_noted_once_a_minute(library: Library) -> None:
    owner = library.an_organization()
    made = a_key(library, owner)
    found = whose(library, made.token)
    assert not found.seen
    library.write(lambda conn: organizations.note_use(conn, found.key_id, now=library.now))
    assert whose(library, made.token).seen
    library.now += organizations.SEEN_EVERY
    assert not whose(library, made.token).seen


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_key_has_a_name(library: Library, name: str) -> None:
    with pytest.raises(Invalid):
        a_key(library, library.an_organization(), name=name)
