"""How the client reaches the server, and what it may rely on whatever it asks."""

import asyncio
import os
import threading
import uuid
from typing import Any
from unittest.mock import patch

import httpx
from marks import since
from pictograph import (
    ApiError,
    AuthError,
    Client,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    ValidationError,
)
from world import World, asked, raises, recorded


def test_case_01_without_a_key_no_request_is_made(world: World) -> None:
    with recorded() as seen, raises(ConfigurationError):
        Client(base_url=world.url)
    assert seen == []


def test_case_02_the_environment_names_server_and_key(world: World) -> None:
    os.environ |= {"PICTOGRAPH_BASE_URL": world.url, "PICTOGRAPH_API_KEY": world.keys["viewer"]}
    try:
        with recorded() as seen:
            Client().datasets.list()
    finally:
        del os.environ["PICTOGRAPH_BASE_URL"], os.environ["PICTOGRAPH_API_KEY"]
    assert seen[0].headers["x-api-key"] == world.keys["viewer"]
    assert seen[0].headers["user-agent"] == f"pictograph-python/{world.version}"


def test_case_02_a_path_before_the_server_s_own_is_the_client_s_affair(world: World) -> None:
    """A server behind a proxy: the client puts its base before every address."""
    client = Client(api_key=world.keys["viewer"], base_url=world.url + "/", max_retries=0)
    with recorded() as seen:
        client.datasets.list()
    assert asked(seen) == ["GET /datasets/"]


def test_case_03_an_unknown_key_is_refused(world: World) -> None:
    client = Client(api_key="pk_live_nobody", base_url=world.url, max_retries=0)
    with raises(AuthError, status=401):
        client.datasets.get("D")


def test_case_61_a_retried_creation_makes_one_dataset(world: World) -> None:
    name = world.name()
    busy = [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "1"})]
    waits: list[float] = []
    with recorded(busy) as seen, patch("time.sleep", waits.append):
        world.user("owner", max_retries=2).create(name)
    assert len(waits) == 2
    assert waits[1] >= 1
    assert len({request.headers["idempotency-key"] for request in seen}) == 1
    assert len(seen) == 3
    replayed = httpx.request(
        seen[-1].method, seen[-1].url, headers=seen[-1].headers, content=seen[-1].content
    )
    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (201, "true")
    body = replayed.json()
    assert (body.get("project") or body["data"])["id"] == world.owner.find(name).id


def test_case_62_a_registration_sent_twice_is_one_image(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        image = world.image(made)
    register = next(request for request in seen if request.url.path.endswith("/register"))
    again = httpx.request("POST", register.url, headers=register.headers, content=register.content)
    assert again.status_code == 201
    assert again.json()["image_id"] == image.id
    assert len(world.owner.images(made)) == 1


def test_case_63_a_key_used_for_something_else_is_refused(world: World) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    names = [world.name() for _ in range(2)]
    first, second = (world.raw("POST", "/projects/", json={"name": name}, headers=key) for name in names)
    assert first.status_code == 201
    assert second.status_code == 422
    assert second.json()["error"]["code"] == "idempotency_key_reused"
    with raises(NotFoundError):
        world.owner.find(names[1])


def test_case_64_a_long_wait_is_left_to_the_user(world: World) -> None:
    busy = [httpx.Response(429, headers={"Retry-After": "121"}, json={"detail": "slow down"})]
    with recorded(busy) as seen, raises(RateLimitError, status=429) as caught:
        world.user("owner", max_retries=2).find("D")
    assert caught[0].retry_after == 121.0
    assert len(seen) == 1


def test_case_65_a_trailing_slash_makes_no_difference(world: World) -> None:
    made = world.dataset()
    for path in ("/projects", f"/datasets/{made.id}", f"/images?dataset_id={made.id}"):
        place, _, query = path.partition("?")
        for form in (place, place + "/"):
            assert world.raw("GET", f"{form}?{query}").status_code == 200


def test_case_66_an_error_names_its_request(world: World) -> None:
    with raises(NotFoundError) as caught:
        world.owner.find("nope")
    error = caught[0]
    assert error.request_id
    assert "nope" in error.message
    assert getattr(error, "code", "not_found") == "not_found"
    body = world.raw("GET", "/projects/nope", headers={"X-Request-Id": "mine-1"})
    assert body.headers["x-request-id"] == "mine-1"
    assert body.json()["error"]["code"] == "not_found"
    assert body.json()["detail"] == body.json()["error"]["message"]
    assert body.json()["error"]["hint"]


@since("1.61.3")
def test_case_66_a_refused_body_comes_with_the_field_that_is_wrong(world: World) -> None:
    with raises(ValidationError, status=422) as caught:
        world.owner.client.datasets.list(limit=-1)
    assert [each["loc"] for each in caught[0].field_errors] == [["query", "limit"]]


def test_case_67_what_was_written_is_read_by_everyone_at_once(world: World) -> None:
    made = world.dataset()
    world.image(made)
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(world.owner.find(made.name))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 16
    assert {each.image_count for each in seen} == {1}
    assert all(each == seen[0] for each in seen)


@since("1.16.0")
def test_case_73_the_async_client_is_served_alike(world: World) -> None:
    from pictograph import AsyncClient

    owner, path, name = world.owner, world.picture(), world.name()
    target, place = f"target_{owner.word}_path", f"{owner.word}_path"
    others = [str(uuid.uuid4()) for _ in range(9_999)]

    async def run() -> None:
        client = AsyncClient(api_key=world.keys["owner"], base_url=world.url, max_retries=0)
        try:
            sets = getattr(client, "projects", client.datasets)
            made = await sets.create(name)
            assert (await sets.get(name)).id == made.id
            with recorded() as seen:
                image = await client.images.upload(owner.called(made), path, **{place: "/cars"})
            assert seen[0].headers["user-agent"] == f"pictograph-python-async/{world.version}"
            on = owner.on(made, image)
            out = await client.images.download(*on, world.folder / "async" / name / "o.png")
            assert await asyncio.to_thread(out.read_bytes) == path.read_bytes()
            moved = await client.batch.move(name, [image.id], **{target: "/x"})
            assert owner.affected(moved) == ["/cars", "/x"]
            many = await client.batch.move(name, [image.id, *others], **{target: "/y"})
            assert (many.processed, len(many.failed)) == (1, 9_999)
            assert (await client.batch.delete(name, [image.id])).processed == 1
            assert (await client.images.get(*on)).is_archived
        finally:
            await client.aclose()

    asyncio.run(run())


def test_case_74_an_upload_is_answered_with_a_status_that_the_client_takes(world: World) -> None:
    """It takes 200 and 201 for success, and nothing else."""
    made, path = world.dataset(), world.picture()
    wanted = {"dataset_id": made.id, "filename": "a.png", "folder_path": "/", "content_type": "image/png"}
    place = world.raw("POST", "/images/upload-url", json=wanted).json()["upload_url"]
    answer = httpx.put(place, content=path.read_bytes(), headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_case_74_what_is_not_offered_says_so_and_is_not_tried_again(world: World) -> None:
    training = world.user("owner", max_retries=2).client.training
    with recorded() as seen, raises(ApiError, status=501, text="not offered"):
        training.list()
    assert len(seen) == 1
