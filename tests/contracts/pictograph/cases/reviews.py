"""Reviews, splits and bundles, by id in the older versions and by path in the newer."""

import asyncio
import json
import uuid
import zipfile
from typing import Any

from marks import since
from pictograph import ConflictError, NotFoundError, ValidationError
from world import World, asked, box, raises, recorded


@since("1.47.0")
def test_case_72_an_image_is_sent_back_with_a_note_and_approved(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder="/x/y")
    on, images = world.owner.on(made, image), world.owner.client.images
    images.review(*on, "request_changes", note="box too loose")
    shown = world.shown(image)
    assert (shown["status"], shown["review_note"]) == ("annotate", "box too loose")
    images.review(*on, "approve")
    shown = world.shown(image)
    assert (shown["status"], shown["review_note"]) == ("complete", None)
    with raises(NotFoundError, status=404):
        images.review(*world.owner.on(made, str(uuid.uuid4())), "approve")


@since("1.48.0")
def test_case_72_a_split_is_set_and_cleared(world: World) -> None:
    made = world.dataset()
    image = world.image(made, folder="/x")
    for split in ("train", "val", "test", None):
        world.owner.client.images.set_split(*world.owner.on(made, image), split)
        assert world.shown(image)["split"] == split


@since("1.50.0")
def test_case_72_a_whole_dataset_is_divided(world: World) -> None:
    made, images = world.dataset(), world.owner.client.images
    for number in range(5):
        world.image(made, f"{number}.png")
    about = world.owner.called(made)
    done = images.assign_splits(about, train=60, val=20, test=20, seed=7)
    assert done == {"processed": 5, "train": 3, "val": 1, "test": 1}
    with raises(ValidationError, status=422, text="100"):
        images.assign_splits(about, train=60, val=20, test=30)


@since("1.69.146")
def test_case_72_there_is_no_map_to_divide_by(world: World) -> None:
    made = world.dataset()
    world.image(made)
    with raises(ConflictError, status=409, text="embedding map"):
        world.owner.client.images.assign_splits(made.name, mode="embedding")


def bundled(path: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@since("1.69.63")
def test_case_72_a_bundle_is_fetched_by_path_and_by_id(world: World) -> None:
    made = world.dataset()
    image = world.image(made, "ä b.png", "/x")
    world.owner.save(made, image, [box()])
    for number, name in enumerate(("x/ä b.png", image.id)):
        path = world.folder / uuid.uuid4().hex / f"{number}.zip"
        held = bundled(world.owner.client.images.download_bundle(made.name, name, path))
        assert held["ä b.png"] == world.bytes_of(made, image)
        assert len(json.loads(held["annotations.json"])["annotations"]) == 1
        assert json.loads(held["manifest.json"])["image"]["id"] == image.id
    with raises(NotFoundError, status=404):
        world.owner.client.images.download_bundle(made.name, "x/none.png", world.folder / "none.zip")


@since("1.69.146")
def test_case_72_an_async_client_reviews_by_path(world: World) -> None:
    from pictograph import AsyncClient

    made = world.dataset()
    called = {"filename": "review", "content_type": "image/png"}  # like parts of an address
    image = world.owner.upload(made, world.picture(), "/metadata", **called)

    async def work() -> None:
        async with AsyncClient(api_key=world.keys["owner"], base_url=world.url, max_retries=0) as client:
            await client.images.review(made.name, "metadata/review", "approve")
            await client.images.set_split(made.name, "metadata/review", "val")

    with recorded() as seen:
        asyncio.run(work())
    assert f"POST /images/{made.name}/metadata/review/review" in asked(seen)
    shown = world.shown(image)
    assert (shown["status"], shown["split"]) == ("complete", "val")
