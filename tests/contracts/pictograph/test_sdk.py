"""Our own SDK, in our own words, over this face: every method that stage two has brought, against a real server."""

import asyncio
import json
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stackroom import (
    AsyncClient,
    AuthError,
    BBoxAnnotation,
    BoundingBox,
    Client,
    ConflictError,
    Dataset,
    EmptyUpdate,
    Image,
    InvalidArgument,
    NotFoundError,
    ValidationError,
)

from .house import House, a_picture


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(house.keys["owner"], base_url=house.url, max_retries=0) as made:
        yield made


@pytest.fixture
def dataset(client: Client) -> Dataset:
    return client.datasets.create(f"set {uuid.uuid4().hex}", classes=[{"name": "crane"}, {"name": "ship"}])


@pytest.fixture
def images(client: Client, dataset: Dataset, tmp_path: Path) -> list[Image]:
    """`a.png` and `b.png` in `/quay`, `c.png` at the root."""
    made = []
    for name, folder in (("a", "/quay"), ("b", "/quay"), ("c", "/")):
        file = tmp_path / f"{name}.png"
        file.write_bytes(a_picture())
        made.append(client.images.upload(dataset.id, file, folder_path=folder))
    return made


def a_box(name: str = "crane", **more: float) -> BBoxAnnotation:
    return BBoxAnnotation(name=name, bounding_box=BoundingBox(1, 2, 3, 4), **more)  # type: ignore[arg-type] # only floats


def test_a_dataset_is_made_changed_hidden_brought_back_and_deleted(client: Client) -> None:
    name = f"set {uuid.uuid4().hex}"
    made = client.datasets.create(name, description="north", readme="# Quay", annotation_types=["bbox"])
    assert (made.name, made.description, made.readme) == (name, "north", "# Quay")
    with pytest.raises(ConflictError):
        client.datasets.create(name)
    changed = client.datasets.update(name, description=None, classes=[{"name": "crane"}])
    assert (changed.description, changed.readme) == (None, "# Quay")
    assert [each.name for each in changed.classes] == ["crane"]
    base = changed.classes
    client.datasets.update(name, classes=[*base, {"name": "ship"}])
    merged = client.datasets.update(made.id, classes=[*base, {"name": "lorry"}], classes_base=base)
    assert sorted(each.name for each in merged.classes) == ["crane", "lorry", "ship"]
    renamed = client.datasets.update(name, new_name=f"{name}!")
    assert client.datasets.get(f"{name}!").id == renamed.id == made.id
    assert client.datasets.archive(made.id).is_archived
    assert made.id in {each.id for each in client.datasets.iter(archived=True)}
    assert made.id not in {each.id for each in client.datasets.list(limit=1000)}
    assert not client.datasets.restore(made.id).is_archived
    gone = client.datasets.delete(made.id)
    assert (gone.id, gone.images_deleted, gone.folders_deleted) == (made.id, 0, 0)
    with pytest.raises(NotFoundError):
        client.datasets.get(made.id)


def test_an_update_of_nothing_makes_no_request() -> None:
    with Client("k", base_url="http://127.0.0.1:9") as client:
        for update in (
            lambda: client.datasets.update("x"),
            lambda: client.comments.update("x"),
            lambda: client.api_keys.update("x"),
            client.organizations.update,
            lambda: client.webhooks.update("x"),
        ):
            with pytest.raises(EmptyUpdate):
                update()


def test_folders_are_made_counted_renamed_and_deleted(
    client: Client, dataset: Dataset, images: list[Image]
) -> None:
    made = client.folders.create(dataset.name, "/quay/north")
    assert (made.full_path, made.image_count, made.dataset_id) == ("/quay/north", 0, dataset.id)
    assert client.folders.create(dataset.id, "quay/north/") == made
    assert [each.full_path for each in client.folders.list(dataset.name)] == ["/quay", "/quay/north"]
    assert [each.full_path for each in client.folders.list(dataset.id, parent_path="")] == ["/quay"]
    (top,) = client.folders.tree(dataset.name)
    assert (top.nested_image_count, [each.name for each in top.children]) == (2, ["north"])
    stats = client.folders.stats(dataset.name, "/quay")
    assert (stats.total_folders, stats.total_images, stats.images_by_status) == (2, 2, {"new": 2})
    assert client.folders.stats(dataset.name).total_images == 3
    assert client.folders.stats(dataset.name, "/quay", recursive=False).total_folders == 1
    assert client.folders.rename(dataset.name, "/quay", "pier").full_path == "/pier"
    with pytest.raises(ValidationError):
        client.folders.delete(dataset.name, "/pier")
    assert client.folders.delete(dataset.id, "/pier/north").operation_id is None
    gone = client.folders.delete(dataset.name, "/pier", cascade=True)
    assert (gone.images_moved, client.folders.list(dataset.id)) == (2, [])
    assert gone.operation_id is not None
    client.operations.undo(gone.operation_id)
    assert [each.full_path for each in client.folders.list(dataset.id)] == ["/pier"]
    with pytest.raises(NotFoundError):
        client.folders.delete(dataset.id, "/none")
    with pytest.raises(InvalidArgument):
        client.folders.stats(dataset.id, "/../x")


@pytest.mark.parametrize("name", ["list", "tree", "a b%2F", "é #?"])
def test_folders_and_datasets_of_any_name_are_reached(client: Client, name: str) -> None:
    called = f"{name.replace('%2F', '%')} {uuid.uuid4().hex}" if " " in name else name
    made = client.datasets.create(called)
    folder = client.folders.create(called, f"/{name}/stats")
    assert client.folders.stats(called, f"/{name}").total_folders == 2
    assert client.folders.rename(called, folder.full_path, "tree").full_path == f"/{name}/tree"
    assert client.folders.tree(called)[0].children[0].name == "tree"
    client.folders.delete(called, f"/{name}/tree")
    assert [each.full_path for each in client.folders.list(called)] == [f"/{name}"]
    client.datasets.delete(made.id)


def test_what_a_dataset_consists_of(client: Client, dataset: Dataset, images: list[Image]) -> None:
    client.annotations.save(images[0].id, [a_box(), a_box("ship", confidence=0.4)])
    seen = client.datasets.insights(dataset.name)
    assert (seen.total_images, seen.total_annotations, seen.annotated_images) == (3, 2, 1)
    assert seen.class_annotation_counts == {"crane": 1, "ship": 1}
    assert seen.status_counts == {"new": 3, "annotate": 0, "review": 0, "complete": 0}
    assert [(each.w, each.h, each.count) for each in seen.dimensions.sizes] == [(200, 8, 3)]
    assert seen.dimensions.orientation.landscape == 3
    assert seen.model_confidence is not None
    assert (seen.model_confidence.flagged, seen.model_confidence.lowest) == (1, 0.4)
    assert [each.id for each in client.images.list(dataset.id, min_confidence_lt=0.5)] == [images[0].id]
    assert client.datasets.insights(dataset.id) == seen


def test_images_that_look_alike_are_found(
    client: Client, dataset: Dataset, images: list[Image], tmp_path: Path
) -> None:
    client.images.download(images[0].id, tmp_path / "same.png")
    again = client.images.upload(dataset.id, tmp_path / "same.png", folder_path="/quay")
    found = client.datasets.near_duplicates(dataset.name, threshold=0.99, folder_path="/quay")
    assert (found.group_count, found.folder_path, found.sample_capped) == (1, "/quay", False)
    assert {each.id for each in found.groups[0].members} == {images[0].id, again.id}
    assert found.groups[0].members[0].folder_path == "/quay"
    best = client.images.similar(images[0].id, threshold=0.99)[0]
    assert (best.id, best.similarity, best.folder_path) == (again.id, 1.0, "/quay")
    assert client.images.similar(images[0].id, folder_path="/none") == []


def test_classes_are_renamed_merged_and_deleted(
    client: Client, dataset: Dataset, images: list[Image]
) -> None:
    client.annotations.save(images[0].id, [a_box(), a_box("ship")])
    done = client.datasets.rename_class(dataset.name, "crane", "gantry")
    assert (done.images_updated, done.annotations_updated, done.config_updated) == (1, 1, True)
    assert done.dataset_id == dataset.id
    assert client.datasets.merge_class(dataset.id, "ship", "gantry").annotations_updated == 1
    assert [each.name for each in client.datasets.get(dataset.name).classes] == ["gantry"]
    gone = client.datasets.delete_class(dataset.id, "gantry", delete_annotations=True)
    assert (gone.annotations_updated, client.annotations.get(images[0].id)) == (2, [])


def test_images_are_tagged_found_by_tag_and_untagged(
    client: Client, dataset: Dataset, images: list[Image]
) -> None:
    ids = [each.id for each in images]
    done = client.images.tag(dataset.name, [*ids[:2], "gone"], ["night", "fog"])
    assert (done.processed, done.added, done.success) == (2, True, False)
    assert sorted(done.tags) == ["fog", "night"]
    assert [(each.image_id, bool(each.reason)) for each in done.failures] == [("gone", True)]
    assert sorted(client.images.get(ids[0]).tags) == ["fog", "night"]
    page = client.images.search_by_tags(["night"], dataset=dataset.name)
    assert [each.id for each in page] == [ids[1], ids[0]]
    assert (page[0].dataset_id, page[0].folder_path, sorted(page[0].tags)) == (
        dataset.id,
        "/quay",
        ["fog", "night"],
    )
    assert [each.id for each in client.images.iter_by_tags(["fog", "night"], page_size=1)][:2] == [
        ids[1],
        ids[0],
    ]
    assert not client.images.untag(dataset.name, ids, ["fog"]).added
    assert client.images.search_by_tags(["fog", "night"], dataset=dataset.id) == []
    assert [each.id for each in client.images.list(dataset.name, tags=["night"])] == [ids[1], ids[0]]
    with pytest.raises(InvalidArgument):
        client.images.list(dataset.name, tags=[])
    assert done.operation_id is not None
    with pytest.raises(InvalidArgument):
        client.images.search_by_tags([])
    with pytest.raises(InvalidArgument):
        client.images.tag(dataset.name, ids, "night")


def test_images_are_reviewed_and_divided(client: Client, dataset: Dataset, images: list[Image]) -> None:
    asked = client.images.review(images[0].id, "request_changes", note="too loose")
    assert (asked.status, asked.review_note) == ("annotate", "too loose")
    assert client.images.get(images[0].id).review_note == "too loose"
    approved = client.images.review(images[0].id, "approve")
    assert (approved.id, approved.status, approved.review_note) == (images[0].id, "complete", None)
    split = client.images.set_split(images[0].id, "val")
    assert (split.id, split.split) == (images[0].id, "val")
    assert [each.id for each in client.images.list(dataset.name, split="val")] == [images[0].id]
    assert client.images.set_split(images[0].id, None).split is None
    divided = client.images.assign_splits(dataset.name, train=34, val=33, test=33, seed=7)
    assert (divided.processed, divided.train + divided.val + divided.test) == (3, 3)
    with pytest.raises(ValidationError):
        client.images.set_split(images[0].id, "training")


def test_images_are_listed_by_name(client: Client, dataset: Dataset, images: list[Image]) -> None:
    assert [each.id for each in client.images.list(dataset.name, filename="b.png")] == [images[1].id]
    assert [each.id for each in client.images.iter(dataset.id, filename="none.png")] == []


def test_an_image_comes_with_all_that_belongs_to_it(
    client: Client, images: list[Image], tmp_path: Path
) -> None:
    client.annotations.save(images[0].id, [a_box()])
    path = client.images.download_bundle(images[0].id, tmp_path / "a.zip")
    with zipfile.ZipFile(path) as bundle:
        assert {"a.png", "annotations.json", "manifest.json"} <= set(bundle.namelist())
        assert json.loads(bundle.read("annotations.json"))


def test_annotations_of_many_images_are_saved(
    client: Client, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stackroom.client.saves.MOST_SAVES_AT_ONCE", 2)
    saves = {each.id: [a_box()] for each in images}
    done = client.annotations.bulk_save({**saves, images[2].id: [a_box("nobody")], "gone": []})
    assert [(each.image_id, each.new_count) for each in done.saved] == [
        (images[0].id, 1),
        (images[1].id, 1),
    ]
    assert [each.image_id for each in done.failed] == [images[2].id, "gone"]
    assert not done.success
    assert client.annotations.bulk_save({}).success


def test_annotations_are_talked_about(client: Client, images: list[Image]) -> None:
    box = a_box()
    client.annotations.save(images[0].id, [box])
    said = client.comments.create(images[0].id, box.id, "too loose")
    assert (said.body, said.annotation_id, said.is_mine, said.resolved) == ("too loose", box.id, True, False)
    answered = client.comments.create(images[0].id, box.id, "better?", parent_comment_id=said.id)
    assert answered.parent_comment_id == said.id
    assert client.comments.update(said.id, resolved=True).resolved
    assert client.comments.update(said.id, body="much too loose").body == "much too loose"
    assert [(each.reaction, each.count) for each in client.comments.react(said.id, "like").reactions] == [
        ("like", 1)
    ]
    assert client.comments.unreact(said.id, "like").reactions == []
    assert [each.id for each in client.comments.list(images[0].id)] == [said.id, answered.id]
    client.comments.delete(answered.id)
    assert [each.id for each in client.comments.list(images[0].id) if not each.is_deleted] == [said.id]


def test_keys_are_made_changed_and_deleted(client: Client, house: House) -> None:
    until = datetime(2099, 1, 1, tzinfo=UTC)
    made = client.api_keys.create("ci", role="viewer", rate_limit=500, expires_at=until)
    assert (made.role, made.rate_limit, made.expires_at) == ("viewer", 500, until)
    assert made.token not in repr(made)
    with Client(made.token, base_url=house.url, max_retries=0) as other:
        assert other.organizations.me() == client.organizations.me()
        found = client.api_keys.get(made.id)
        assert (found.name, found.key_prefix, found.is_active) == ("ci", made.key_prefix, True)
        changed = client.api_keys.update(made.id, name="deploy", rate_limit=None)
        assert changed.name == "deploy"
        assert changed.rate_limit > 500
        assert made.id in {each.id for each in client.api_keys.list()}
        assert not client.api_keys.update(made.id, is_active=False).is_active
        with pytest.raises(AuthError):
            other.organizations.me()
    client.api_keys.delete(made.id)
    with pytest.raises(NotFoundError):
        client.api_keys.get(made.id)


def test_the_organization_and_its_people(client: Client) -> None:
    before = client.organizations.me()
    changed = client.organizations.update(description="a harbour", is_public=True)
    assert (changed.id, changed.description, changed.is_public) == (before.id, "a harbour", True)
    assert client.organizations.update(description=None).description is None
    email = f"{uuid.uuid4().hex}@example.org"
    invited = client.organizations.invite(email, role="viewer")
    assert (invited.email, invited.role, invited.status) == (email, "viewer", "pending")
    assert invited.token
    assert invited.token not in repr(invited)
    assert invited.expires_at - invited.created_at > timedelta(hours=1)
    with pytest.raises(ConflictError):
        client.organizations.invite(email)
    assert invited.id in {each.id for each in client.organizations.list_invites(status="pending")}
    client.organizations.revoke_invite(invited.id)
    assert [each.status for each in client.organizations.list_invites() if each.id == invited.id] == [
        "revoked"
    ]
    assert client.organizations.list_members() == []
    for change in (
        lambda: client.organizations.update_member_role(invited.id, "admin"),
        lambda: client.organizations.remove_member(invited.id),
    ):
        with pytest.raises(NotFoundError):
            change()


def test_webhook_endpoints_are_kept(client: Client) -> None:
    url = f"https://hooks.example/{uuid.uuid4().hex}"
    kinds = client.webhooks.event_types()
    assert "asset.created" in kinds
    made = client.webhooks.create(
        url, description="d", event_types=["asset.created"], auth_headers={"X-Key": "s"}
    )
    endpoint = made.endpoint
    assert (endpoint.url, endpoint.event_types, endpoint.enabled) == (url, ["asset.created"], True)
    assert endpoint.auth_header_names == ["X-Key"]
    assert made.secret
    assert made.secret not in repr(made)
    changed = client.webhooks.update(endpoint.id, event_types=None, enabled=False, description=None)
    assert (changed.event_types, changed.enabled, changed.description) == ([], False, None)
    rotated = client.webhooks.rotate_secret(endpoint.id)
    assert (rotated.endpoint.secret_version, rotated.secret != made.secret) == (2, True)
    assert client.webhooks.get(endpoint.id) == rotated.endpoint
    assert endpoint.id in {each.id for each in client.webhooks.list()}
    assert isinstance(client.webhooks.test(endpoint.id).delivered, bool)
    assert list(client.webhooks.deliveries(endpoint_id=endpoint.id)) == []
    with pytest.raises(NotFoundError):
        client.webhooks.replay(str(uuid.uuid4()))
    client.webhooks.delete(endpoint.id)
    with pytest.raises(NotFoundError):
        client.webhooks.get(endpoint.id)


def test_images_are_copied_to_another_dataset(client: Client, dataset: Dataset, images: list[Image]) -> None:
    other = client.datasets.create(f"set {uuid.uuid4().hex}", classes=[{"name": "lorry"}])
    client.annotations.save(images[0].id, [a_box()])
    client.images.tag(dataset.name, [images[0].id], ["night"])
    result = client.batch.copy_to_dataset(
        dataset.name, [images[0].id, "gone"], other.name, target_folder_path="/in"
    )
    assert (len(result.succeeded), result.failed_count) == (1, 1)
    assert (result.target_dataset, result.classes_added) == (other.name, ["crane"])
    (copied,) = client.images.list(other.id, folder_path="/in")
    assert (copied.filename, copied.tags) == ("a.png", ["night"])
    assert [each.name for each in client.annotations.get(copied.id)] == ["crane"]


def test_it_is_all_there_without_blocking_as_well(house: House) -> None:
    """The two clients are one source; that the asynchronous one works at all is seen here."""

    async def work() -> list[str]:
        async with AsyncClient(house.keys["owner"], base_url=house.url) as client:
            made = await client.datasets.create(f"set {uuid.uuid4().hex}")
            await client.folders.create(made.id, "/a/b")
            await client.folders.rename(made.name, "/a", "z")
            found = [each.full_path for each in await client.folders.list(made.name)]
            assert (await client.datasets.insights(made.name)).total_images == 0
            assert [each async for each in client.webhooks.deliveries()] == []
            return found

    assert asyncio.run(work()) == ["/z", "/z/b"]
