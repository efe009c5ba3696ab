"""Images one by one: uploaded, listed, downloaded, deleted."""

import os
import uuid
from pathlib import Path

from pictograph import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
)
from PIL import Image as Picture
from PIL.Image import Exif
from world import World, box, raises, recorded

ORIENTATION = 0x0112


def a_tree(world: World) -> tuple[Path, str]:
    root = world.folder / uuid.uuid4().hex
    for name in ("root.png", "cars/a.png", "cars/red/b.png", "notes.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".png"):
            world.picture(path.name).rename(path)
        else:
            path.write_text("no image")
    return root, f"set {uuid.uuid4().hex}"


def test_case_10_an_upload_is_four_requests(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        image = world.image(made, "lorry.png", "/cars")
    shown = (image.filename, image.width, image.height, image.virtual_folder_path, image.status)
    assert shown == ("lorry.png", 8, 6, "/cars", "new")
    paths = [(request.method, request.url.path.removeprefix("/api/v1/developer")) for request in seen]
    assert [method for method, _ in paths] == ["POST", "PUT", "POST", "GET"]
    assert [path for method, path in paths if method != "PUT"] == [
        "/images/upload-url",
        "/images/register",
        f"/images/{image.id}/metadata",
    ]


def test_case_11_the_signed_put_carries_no_key(world: World) -> None:
    made = world.dataset()
    path = world.picture("a.png")
    with recorded() as seen:
        world.owner.images.upload(dataset_id=made.id, file_path=path)
    put = seen[1].headers
    assert "x-api-key" not in put
    assert put["content-type"] == "image/png"
    assert put["content-length"] == str(path.stat().st_size)


def test_case_12_a_registration_is_a_form_with_a_key(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        world.image(made)
    assert seen[2].headers["content-type"] == "application/x-www-form-urlencoded"
    assert len(seen[2].headers["idempotency-key"]) == 32


def test_case_13_a_taken_name_is_refused_before_any_byte_is_sent(world: World) -> None:
    made = world.dataset()
    world.image(made)
    with recorded() as seen, raises(ConflictError, status=409, text="already exists"):
        world.image(made)
    assert [request.method for request in seen] == ["POST"]


def test_case_14_the_same_name_is_free_in_another_folder(world: World) -> None:
    made = world.dataset()
    world.image(made, folder_path="/a")
    assert world.image(made, folder_path="/b").virtual_folder_path == "/b"


def test_case_15_an_unknown_suffix_never_reaches_the_server(world: World) -> None:
    made = world.dataset()
    path = world.folder / "x.bogus"
    path.write_bytes(b"x")
    with recorded() as seen, raises(ValueError):
        world.owner.images.upload(dataset_id=made.id, file_path=path)
    assert seen == []


def test_case_16_a_type_that_is_not_kept_is_415(world: World) -> None:
    made = world.dataset()
    path = world.folder / "x.bogus"
    path.write_bytes(b"<svg/>")
    with raises(ApiError, status=415) as caught:
        world.owner.images.upload(dataset_id=made.id, file_path=path, content_type="image/svg+xml")
    assert type(caught[0]) is ApiError


def test_case_17_a_file_past_the_limit_is_413_and_not_listed(world: World) -> None:
    made = world.dataset()
    path = world.folder / "large.png"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)
    with raises(ApiError, status=413):
        world.owner.images.upload(dataset_id=made.id, file_path=path)
    assert world.owner.images.list(made.id) == []


def test_case_18_an_upload_to_an_unknown_dataset_is_not_found(world: World) -> None:
    with raises(NotFoundError, status=404):
        world.owner.images.upload(dataset_id=str(uuid.uuid4()), file_path=world.picture("a.png"))


def test_case_19_a_viewer_cannot_upload(world: World) -> None:
    made = world.dataset()
    with raises(ForbiddenError, status=403):
        world.client("viewer").images.upload(dataset_id=made.id, file_path=world.picture("a.png"))


def test_case_20_bytes_that_are_no_image_are_415(world: World) -> None:
    made = world.dataset()
    path = world.folder / "noise.png"
    path.write_bytes(os.urandom(500))
    with raises(ApiError, status=415):
        world.owner.images.upload(dataset_id=made.id, file_path=path)
    assert world.owner.images.list(made.id) == []


def test_case_21_sizes_are_those_seen_after_rotation(world: World) -> None:
    made = world.dataset()
    path = world.folder / "turned.jpg"
    exif = Exif()
    exif[ORIENTATION] = 6
    Picture.new("RGB", (40, 20)).save(path, exif=exif)
    image = world.owner.images.upload(dataset_id=made.id, file_path=path)
    listed = world.owner.images.list(made.id)[0]
    assert (image.width, image.height) == (listed.width, listed.height) == (20, 40)


def test_case_22_an_image_is_found_by_its_id(world: World) -> None:
    image = world.image(world.dataset())
    assert world.owner.images.get(image.id) == image
    with raises(NotFoundError, status=404):
        world.owner.images.get(str(uuid.uuid4()))


def test_case_23_a_download_is_the_bytes_that_were_uploaded(world: World) -> None:
    made = world.dataset()
    path = world.picture("a.png")
    image = world.owner.images.upload(dataset_id=made.id, file_path=path)
    out = world.owner.images.download(image.id, output_path=world.folder / "deep" / "er" / "o.png")
    assert out.read_bytes() == path.read_bytes()
    assert [each.name for each in out.parent.iterdir()] == ["o.png"]


def test_case_24_a_download_of_nothing_leaves_nothing(world: World) -> None:
    out = world.folder / "nothing" / "o.png"
    with raises(NotFoundError, status=404):
        world.owner.images.download(str(uuid.uuid4()), output_path=out)
    assert not out.parent.exists() or list(out.parent.iterdir()) == []


def test_case_25_lists_are_newest_first_and_filtered(world: World) -> None:
    made = world.dataset()
    first = world.image(made, "first.png", "/a")
    second = world.image(made, "second.png", "/a/b")
    third = world.image(made, "third.png")
    images = world.owner.images
    assert [each.id for each in images.list(made.id)] == [third.id, second.id, first.id]
    assert world.names(made, folder_path="/a") == ["first.png"]
    assert world.names(made, folder_path="/") == ["third.png"]
    assert world.names(made, folder_path="/nowhere") == []
    world.owner.batch.update(made.name, [first.id], status="review")
    assert world.names(made, status="review") == ["first.png"]
    images.delete(second.id)
    assert world.names(made) == ["first.png", "third.png"]
    assert world.names(made, include_archived=True) == ["first.png", "second.png", "third.png"]
    world.owner.annotations.save(first.id, [box().model_copy(update={"confidence": 0.4})])
    assert world.names(made, min_confidence_lt=0.5) == ["first.png"]
    assert world.names(made, split="train") == []


def test_case_26_walking_all_images_sees_each_once(world: World) -> None:
    made = world.dataset()
    ids = [world.image(made).id]
    while len(ids) < 250:
        world.owner.batch.copy(made.name, ids[: 250 - len(ids)])
        ids = [each.id for each in world.owner.images.list(made.id, limit=1000)]
    with recorded() as seen:
        walked = [each.id for each in world.owner.images.iter(made.id, page_size=100).all()]
    assert len(walked) == len(set(walked)) == 250
    assert len(seen) == 3


def test_case_27_to_30_a_folder_is_uploaded_by_class(world: World) -> None:
    from pictograph.workflows import upload_dataset_from_folder

    root, name = a_tree(world)
    options = {"organize_by_class": True, "parallel": True, "max_workers": 8}
    with raises(NotFoundError):  # 30
        upload_dataset_from_folder(world.owner, name, root, create_if_missing=False, **options)
    report = upload_dataset_from_folder(world.owner, name, root, **options)
    assert (report.images_uploaded, report.failures, report.success) == (3, [], True)
    made = world.owner.projects.get(name)
    places = {each.filename: each.virtual_folder_path for each in world.owner.images.list(made.id)}
    assert places == {"root.png": "/", "a.png": "/cars", "b.png": "/cars"}
    again = upload_dataset_from_folder(world.owner, name, root, **options)  # 28
    counts = (again.images_uploaded, again.images_skipped, again.failures, again.success)
    assert counts == (0, 3, [], False)
    refused = upload_dataset_from_folder(world.owner, name, root, skip_existing=False, **options)  # 29
    assert len(refused.failures) == 3
    assert all(each.reason.startswith("conflict:") for each in refused.failures)


def test_case_53_a_deleted_image_is_archived_then_purged(world: World) -> None:
    image = world.image(world.dataset())
    world.owner.images.delete(image.id)
    assert world.owner.images.get(image.id).is_archived
    world.owner.images.delete(image.id, permanent=True)
    for attempt in (world.owner.images.get, world.owner.images.delete):
        with raises(NotFoundError):
            attempt(image.id)


def test_case_54_a_member_may_purge_one_image(world: World) -> None:
    image = world.image(world.dataset())
    world.client("member").images.delete(image.id, permanent=True)
    with raises(NotFoundError):
        world.owner.images.get(image.id)


def test_case_56_another_organization_has_no_images(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    stranger = world.client("stranger")
    with raises(NotFoundError, status=404):
        stranger.images.get(image.id)
    with raises(NotFoundError, status=404):
        stranger.images.download(image.id, output_path=world.folder / "stolen")
    with raises(NotFoundError, status=404):
        stranger.projects.get(made.name)
    with raises(NotFoundError, status=404):
        stranger.datasets.get_by_id(made.id)
    with raises(NotFoundError, status=404):
        stranger.batch.delete(made.name, [image.id])
    with raises(NotFoundError, status=404):
        stranger.images.delete(image.id)


def test_case_60_a_dataset_is_downloaded_without_giving_the_key_away(world: World) -> None:
    made = world.dataset()
    for name in ("a.png", "b #1?.png", "c.png"):
        world.image(made, name)
    archived = world.owner.images.list(made.id)[0]
    world.owner.images.delete(archived.id)
    out = world.folder / uuid.uuid4().hex
    with recorded() as seen:
        report = world.owner.datasets.download(made.name, out)
    assert (report.images_downloaded, report.annotations_downloaded, report.failures) == (2, 2, [])
    files = sorted(path.name for path in out.rglob("*") if path.is_file())
    assert [name for name in files if name.endswith(".png")] == ["a.png", "b #1?.png"]
    assert len(files) == 4
    gets = [request for request in seen if request.url.path.startswith("/storage/")]
    assert len(gets) == 2
    assert not any("x-api-key" in request.headers for request in gets)


def test_case_several_files_are_uploaded_at_once(world: World) -> None:
    made = world.dataset()
    world.image(made, "b.png", "/x")
    files = [world.picture(name) for name in ("a.png", "b.png", "c.png")]
    result = world.owner.images.bulk_upload(made.id, files, folder_path="/x")
    assert [each.filename for each in result.registered] == ["a.png", "c.png"]
    assert [each.filename for each in result.failed] == ["b.png"]
    assert world.names(made, folder_path="/x") == ["a.png", "b.png", "c.png"]
