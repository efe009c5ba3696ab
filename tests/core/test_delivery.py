"""What is delivered, and by which name; and that finding it never reads through all assets."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text, update

from stackroom import ids
from stackroom.access import Actor
from stackroom.database.schema import asset, dataset, organization
from stackroom.errors import NotFound
from stackroom.library import datasets, delivery, registrations
from stackroom.library.channels import Channel
from stackroom.library.delivery import Delivered
from stackroom.library.registrations import Registration
from stackroom.testing.builders import ADataset, Library, a_library

pytestmark = pytest.mark.every_database


@pytest.fixture
def library(database_url: str) -> Iterator[Library]:
    with a_library(database_url) as opened:
        yield opened


@pytest.fixture
def ada(library: Library) -> Actor:
    return library.an_actor()


@pytest.fixture
def pages(library: Library, ada: Actor) -> ADataset:
    """Two assets: `leaf`, and one without a key."""
    made = library.a_dataset(ada, assets=2)
    set_to(library, made.ids[0], key="leaf")
    return made


def set_to(library: Library, reference: str, **columns: object) -> None:
    raw = ids.parse(reference)
    library.write(lambda conn: conn.execute(update(asset).where(asset.c.uuid == raw).values(**columns)))


def name_of(library: Library, of: ADataset) -> tuple[str, str]:
    """The customer's number and the space's, as in an address."""

    def read(conn: Connection) -> tuple[str, str]:
        space = conn.execute(dataset.select().where(dataset.c.id == of.id)).one()
        owner = conn.execute(organization.select().where(organization.c.id == space.organization_id)).one()
        return str(owner.number), str(space.number)

    return library.read(read)


def find(library: Library, of: ADataset, key: str) -> Delivered:
    customer, space = name_of(library, of)
    return library.read(lambda conn: delivery.find(conn, customer, space, key))


def test_an_asset_is_found_by_its_key_or_without_one_by_its_id(library: Library, pages: ADataset) -> None:
    leaf, unnamed = find(library, pages, "leaf"), find(library, pages, pages.ids[1])
    assert (leaf.key, ids.text(leaf.uuid)) == ("leaf", pages.ids[0])
    assert (unnamed.key, unnamed.width, unnamed.height) == (pages.ids[1], 4, 3)
    assert leaf.storage_key != unnamed.storage_key
    assert (leaf.channels, leaf.open) == ({"iiif-img", "thumbs"}, True)
    with pytest.raises(NotFound):  # it has another name
        find(library, pages, pages.ids[0])


def test_a_customer_is_named_by_number_by_slug_and_by_name(
    library: Library, ada: Actor, pages: ADataset
) -> None:
    customer, space = name_of(library, pages)
    owner = library.read(
        lambda conn: conn.execute(organization.select().where(organization.c.id == ada.organization_id)).one()
    )
    for name in (customer, owner.slug, owner.name):
        assert library.read(lambda conn, it=name: delivery.find(conn, it, space, "leaf")).customer == int(
            customer
        )


@pytest.mark.parametrize(
    "changed", [{"archived_at": 1}, {"state": "ingesting"}, {"state": "error"}, {"blob_id": None}]
)
def test_what_is_archived_or_has_not_arrived_is_not_delivered(
    library: Library, pages: ADataset, changed: dict[str, object]
) -> None:
    set_to(library, pages.ids[0], **changed)
    with pytest.raises(NotFound):
        find(library, pages, "leaf")


def test_nothing_of_an_archived_dataset_or_of_anybody_else_is_delivered(
    library: Library, ada: Actor, pages: ADataset
) -> None:
    customer, space = name_of(library, pages)
    bob = library.a_dataset(library.an_actor(), assets=1)
    others, _ = name_of(library, bob)
    asked = [
        *[
            (others, space, "leaf"),
            (customer, "999", "leaf"),
            ("999999", space, "leaf"),
            ("no such", space, "leaf"),
        ],
        *[
            (customer, "0", "leaf"),
            (customer, "-1", "leaf"),
            (customer, "x", "leaf"),
            (customer, "9" * 5000, "leaf"),
        ],
        *[
            ("9" * 5000, space, "leaf"),
            (customer, space, ""),
            (customer, space, "Leaf"),
            (customer, space, bob.ids[0]),
        ],
    ]
    for each in asked:
        with pytest.raises(NotFound):
            library.read(lambda conn, it=each: delivery.find(conn, *it))
    library.write(
        lambda conn: datasets.set_archived(conn, ada, pages.reference, archived=True, now=library.now)
    )
    with pytest.raises(NotFound):
        find(library, pages, "leaf")


@pytest.mark.parametrize(
    ("said", "channels", "most"),
    [
        (Registration(channels=(Channel("file", "none"),)), {"file"}, -1),
        (Registration(max_unauthorised=400), {"iiif-img", "thumbs"}, 400),
        (Registration(roles=("https://roles/members",)), {"iiif-img", "thumbs"}, 0),
        (Registration(roles=("https://roles/members",), max_unauthorised=100), {"iiif-img", "thumbs"}, 100),
        (Registration(string1="x"), {"iiif-img", "thumbs"}, -1),
    ],
)
def test_a_registration_says_in_which_ways_and_how_large(
    library: Library, pages: ADataset, said: Registration, channels: set[str], most: int
) -> None:
    leaf = find(library, pages, "leaf")
    told = [(leaf.id, pages.id, said)]
    library.write(lambda conn: registrations.write(conn, leaf.organization_id, told, now=library.now))
    found = find(library, pages, "leaf")
    assert (found.channels, found.max_unauthorised, found.open) == (channels, most, most == -1)


def test_finding_reads_through_no_table_of_assets_or_bytes(library: Library, pages: ADataset) -> None:
    customer, space = name_of(library, pages)
    library.add(library.an_actor(), pages, [f"{n}.png" for n in range(300)], content=b"same")
    plans: list[str] = []

    def watched(conn: Connection) -> None:
        on_sqlite = conn.dialect.name == "sqlite"
        if not on_sqlite:
            conn.execute(text("ANALYZE asset, blob, dataset, organization, registration"))
            conn.execute(text("SET LOCAL enable_seqscan = off"))
        for condition, values in (
            (delivery._BY_KEY, {"key": "leaf"}),
            (delivery._BY_ID, {"uuid": ids.parse(pages.ids[1])}),
        ):
            sql = delivery._WANTED.format(customer="o.number = :number", asset=condition)
            rows = conn.execute(
                text(("EXPLAIN QUERY PLAN " if on_sqlite else "EXPLAIN ") + sql),
                {"number": int(customer), "space": int(space), **values},
            )
            plans.append("\n".join(str(row[-1]) for row in rows))

    library.write(watched)
    for plan in plans:
        assert not [
            line for line in plan.splitlines() if line.lstrip().startswith(("SCAN", "->  Seq Scan"))
        ], plan
    assert "asset_key_in_dataset" in plans[0]
