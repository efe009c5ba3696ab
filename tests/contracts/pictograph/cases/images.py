"""Images one by one: uploaded, listed, downloaded, deleted."""

import os
import uuid
from pathlib import Path

import httpx
from marks import since, until
from pictograph import (
    ApiError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
)
from PIL import Image as Picture
from PIL.Image import Exif
from world import World, asked, box, raises, recorded

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
    return root, world.name()


def sent_to(seen: list[httpx.Request], place: str) -> httpx.Request:
    return next(request for request in seen if place in request.url.path)


def test_case_10_an_uploaded_image_is_as_it_was_sent(world: World) -> None:
    made = world.dataset()
    image = world.image(made, "lorry.png", "/cars")
    assert (image.filename, image.width, image.height, image.status) == ("lorry.png", 8, 6, "new")
    assert world.shown(image)["folder_path"] == "/cars"
    assert world.owner.place(image) in {"/cars", None}


@until("1.60.0")
def test_case_10_an_upload_is_four_requests(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        image = world.image(made)
    assert asked(seen)[0] == "POST /images/upload-url"
    assert asked(seen)[1].startswith("PUT /storage/")
    assert asked(seen)[2:] == ["POST /images/register", f"GET /images/{image.id}/metadata"]


@since("1.61.0")
def test_case_69_an_upload_is_three_requests(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        world.image(made)
    uploading = [each for each in asked(seen) if not each.startswith("GET /datasets/")]
    assert uploading[0] == "POST /images/upload-url"
    assert uploading[1].startswith("PUT /storage/")
    assert uploading[2:] == ["POST /images/register"]


def test_case_11_the_signed_put_carries_no_key(world: World) -> None:
    made, path = world.dataset(), world.picture()
    with recorded() as seen:
        world.owner.upload(made, path)
    put = sent_to(seen, "/storage/").headers
    assert "x-api-key" not in put
    assert put["content-type"] == "image/png"
    assert put["content-length"] == str(path.stat().st_size)


def test_case_12_a_registration_is_sent_with_a_key_of_its_own(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        world.image(made)
    register = sent_to(seen, "/register")
    forms = "application/x-www-form-urlencoded" if world.owner.has_projects else "application/json"
    assert register.headers["content-type"] == forms
    assert len(register.headers["idempotency-key"]) == 32


def test_case_13_a_taken_name_is_refused_before_any_byte_is_sent(world: World) -> None:
    made = world.dataset()
    world.image(made)
    with recorded() as seen, raises(ConflictError, status=409, text="already exists"):
        world.image(made)
    assert "PUT" not in {request.method for request in seen}


def test_case_14_the_same_name_is_free_in_another_folder(world: World) -> None:
    made = world.dataset()
    images = [world.image(made, folder=folder) for folder in ("/a", "/b")]
    assert [world.shown(image)["folder_path"] for image in images] == ["/a", "/b"]


def test_case_15_an_unknown_suffix_never_reaches_the_server(world: World) -> None:
    made = world.dataset()
    path = world.folder / "x.bogus"
    path.write_bytes(b"x")
    with recorded() as seen, raises(ValueError):
        world.owner.upload(made, path)
    assert [each for each in asked(seen) if not each.startswith("GET ")] == []


def test_case_16_a_type_that_is_not_kept_is_415(world: World) -> None:
    made = world.dataset()
    path = world.folder / "x.bogus"
    path.write_bytes(b"<svg/>")
    with raises(ApiError, status=415) as caught:
        world.owner.upload(made, path, content_type="image/svg+xml")
    assert type(caught[0]) is ApiError


def test_case_17_a_file_past_the_limit_is_413_and_not_listed(world: World) -> None:
    made = world.dataset()
    path = world.folder / "large.png"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)
    with raises(ApiError, status=413):
        world.owner.upload(made, path)
    assert world.owner.images(made) == []


def test_case_18_an_upload_to_an_unknown_dataset_is_not_found(world: World) -> None:
    with raises(NotFoundError, status=404):
        world.owner.client.images.upload(str(uuid.uuid4()), world.picture())


def test_case_19_a_viewer_cannot_upload(world: World) -> None:
    made = world.dataset()
    with raises(ForbiddenError, status=403):
        world.user("viewer").upload(made, world.picture())


def test_case_20_bytes_that_are_no_image_are_415(world: World) -> None:
    made = world.dataset()
    path = world.folder / "noise.png"
    path.write_bytes(os.urandom(500))
    with raises(ApiError, status=415):
        world.owner.upload(made, path)
    assert world.owner.images(made) == []


def test_case_21_sizes_are_those_seen_after_rotation(world: World) -> None:
    made = world.dataset()
    path = world.folder / "turned.jpg"
    exif = Exif()
    exif[ORIENTATION] = 6
    Picture.new("RGB", (40, 20)).save(path, exif=exif)
    image = world.owner.upload(made, path)
    listed = world.owner.images(made)[0]
    assert (image.width, image.height) == (listed.width, listed.height) == (20, 40)


def test_case_22_an_image_is_found_by_its_id(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    assert world.owner.image(made, image) == image
    with raises(NotFoundError, status=404):
        world.owner.image(made, str(uuid.uuid4()))


def test_case_23_a_download_is_the_bytes_that_were_uploaded(world: World) -> None:
    made, path = world.dataset(), world.picture()
    image = world.owner.upload(made, path, "/deep/er")
    out = world.owner.download(made, image, world.folder / made.id / "er" / "o.png")
    assert out.read_bytes() == path.read_bytes()
    assert [each.name for each in out.parent.iterdir()] == ["o.png"]


def test_case_24_a_download_of_nothing_leaves_nothing(world: World) -> None:
    made = world.dataset()
    out = world.folder / made.id / "o.png"
    with raises(NotFoundError, status=404):
        world.owner.download(made, str(uuid.uuid4()), out)
    assert not out.parent.exists() or list(out.parent.iterdir()) == []


@since("1.36.0")
def test_case_25_lists_are_newest_first_and_filtered(world: World) -> None:
    made, owner = world.dataset(), world.owner
    first = world.image(made, "first.png", "/a")
    second = world.image(made, "second.png", "/a/b")
    third = world.image(made, "third.png")
    assert [each.id for each in owner.images(made)] == [third.id, second.id, first.id]
    assert owner.names(made, "/a") == ["first.png"]
    assert owner.names(made, "/") == ["third.png"]
    assert owner.names(made, "/nowhere") == []
    owner.set(made.name, [first.id], status="review")
    assert owner.names(made, status="review") == ["first.png"]
    owner.delete(made, second)
    assert owner.names(made) == ["first.png", "third.png"]
    assert owner.names(made, include_archived=True) == ["first.png", "second.png", "third.png"]
    owner.save(made, first, [box().model_copy(update={"confidence": 0.4})])
    assert owner.names(made, min_confidence_lt=0.5) == ["first.png"]
    assert owner.names(made, split="train") == []


@since("1.69.21")
def test_case_25_a_list_can_be_of_one_name(world: World) -> None:
    made = world.dataset()
    for name, folder in (("a.png", "/x"), ("a.png", "/y"), ("b.png", "/x")):
        world.image(made, name, folder)
    assert world.owner.names(made, filename="a.png") == ["a.png", "a.png"]
    assert world.owner.names(made, "/x", filename="a.png") == ["a.png"]


@since("1.14.0")
def test_case_26_walking_all_images_sees_each_once(world: World) -> None:
    made, owner = world.dataset(), world.owner
    ids = [world.image(made).id]
    while len(ids) < 250:
        owner.copy(made.name, ids[: 250 - len(ids)])
        ids = [each.id for each in owner.images(made, limit=1000)]
    with recorded() as seen:
        walked = [each.id for each in owner.client.images.iter(owner.called(made), page_size=100).all()]
    assert len(walked) == len(set(walked)) == 250
    assert len([each for each in asked(seen) if each == "GET /images/"]) == 3


def test_case_27_to_30_a_folder_is_uploaded_by_class(world: World) -> None:
    root, name = a_tree(world)
    owner = world.owner
    options = {"organize_by_class": True, "parallel": True, "max_workers": 8}
    with raises(NotFoundError):  # 30
        owner.upload_tree(name, root, create_if_missing=False, **options)
    report = owner.upload_tree(name, root, **options)
    assert (report.images_uploaded, report.failures, report.success) == (3, [], True)
    made = owner.find(name)
    places = {each.filename: world.shown(each)["folder_path"] for each in owner.images(made)}
    assert places == {"root.png": "/", "a.png": "/cars", "b.png": "/cars"}
    again = owner.upload_tree(name, root, **options)  # 28
    counts = (again.images_uploaded, again.images_skipped, again.failures, again.success)
    assert counts == (0, 3, [], False)
    refused = owner.upload_tree(name, root, skip_existing=False, **options)  # 29
    assert len(refused.failures) == 3
    assert all(each.reason.startswith("conflict:") for each in refused.failures)


@since("1.69.14")
def test_case_27_a_folder_is_uploaded_with_its_whole_tree(world: World) -> None:
    root, name = a_tree(world)
    report = world.owner.upload_tree(name, root, preserve_structure=True)
    assert (report.images_uploaded, report.success) == (3, True)
    made = world.owner.find(name)
    places = {each.filename: world.owner.place(each) for each in world.owner.images(made)}
    assert places == {"root.png": "/", "a.png": "/cars", "b.png": "/cars/red"}


def test_case_53_a_deleted_image_is_archived_then_purged(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder="/x")
    world.owner.delete(made, image)
    assert world.shown(image)["is_archived"]
    world.owner.delete(made, image, permanent=True)
    for attempt in (world.owner.image, world.owner.delete):
        with raises(NotFoundError):
            attempt(made, image)


def test_case_54_a_member_may_purge_one_image(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    world.user("member").delete(made, image, permanent=True)
    with raises(NotFoundError):
        world.owner.image(made, image)


def test_case_56_another_organization_has_no_images(world: World) -> None:
    made = world.dataset()
    image = world.image(made)
    stranger = world.user("stranger")
    for attempt in (
        lambda: stranger.image(made, image),
        lambda: stranger.download(made, image, world.folder / "stolen"),
        lambda: stranger.find(made.name),
        lambda: stranger.archive(made.name, [image.id]),
        lambda: stranger.delete(made, image),
        lambda: stranger.save(made, image, [box()]),
        lambda: stranger.annotations(made, image),
    ):
        with raises(NotFoundError, status=404):
            attempt()
    assert not (world.folder / "stolen").exists()
    assert world.owner.image(made, image) == image


@since("1.7.11")
def test_case_27_several_files_are_uploaded_at_once(world: World) -> None:
    made = world.dataset()
    world.image(made, "b.png", "/x")
    files = [world.picture(name) for name in ("a.png", "b.png", "c.png")]
    assert world.owner.upload_many(made, files, "/x") == (["a.png", "c.png"], ["b.png"])
    assert world.owner.names(made, "/x") == ["a.png", "b.png", "c.png"]


@since("1.69.44")
def test_case_69_an_image_is_addressed_by_its_place(world: World) -> None:
    made, path = world.dataset(), world.picture("f 1%.jpg")
    image = world.owner.upload(made, path, "/x/y z")
    images = world.owner.client.images
    assert images.get(made.name, "f 1%.jpg").id == image.id
    with recorded() as seen:
        out = images.download(made.name, "x/y z/f 1%.jpg", world.folder / made.id / "o.jpg")
    assert len(seen) == 1
    assert out.read_bytes() == path.read_bytes()
    with raises(NotFoundError, status=404):
        images.download(made.name, "x/nothing.jpg", world.folder / made.id / "n.jpg")
    images.delete(made.name, "x/y z/f 1%.jpg")
    assert images.get(made.name, image.id).is_archived
    images.delete(made.name, "x/y z/f 1%.jpg", permanent=True)
    with raises(NotFoundError):
        images.get(made.name, image.id)


@since("1.69.94")
def test_case_70_an_id_is_not_found_in_another_dataset(world: World) -> None:
    made, other = world.dataset(), world.dataset()
    image = world.image(made)
    for attempt in (world.owner.image, world.owner.delete, world.owner.annotations):
        with raises(NotFoundError):
            attempt(other, image)
    assert world.owner.image(made, image) == image
