"""How the client reaches the server, and what it may rely on whatever it asks."""

import asyncio
import os
import threading
import uuid
from typing import Any

import httpx
from pictograph import (
    AsyncClient,
    AuthError,
    Client,
    ConfigurationError,
    NotFoundError,
)
from world import World, raises, recorded


def test_case_01_without_a_key_no_request_is_made(world: World) -> None:
    with recorded() as seen, raises(ConfigurationError):
        Client(base_url=world.url)
    assert seen == []


def test_case_02_the_environment_names_server_and_key(world: World) -> None:
    os.environ |= {"PICTOGRAPH_BASE_URL": world.url, "PICTOGRAPH_API_KEY": world.keys["viewer"]}
    try:
        with recorded() as seen:
            Client().projects.list()
    finally:
        del os.environ["PICTOGRAPH_BASE_URL"], os.environ["PICTOGRAPH_API_KEY"]
    assert seen[0].headers["x-api-key"] == world.keys["viewer"]
    assert seen[0].headers["user-agent"] == "pictograph-python/1.60.0"


def test_case_03_an_unknown_key_is_refused(world: World) -> None:
    with raises(AuthError, status=401):
        Client(api_key="pk_live_nobody", base_url=world.url, max_retries=0).projects.get("D")


def test_case_61_a_retried_creation_makes_one_project(world: World) -> None:
    name = f"set {uuid.uuid4().hex}"
    busy = [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "1"})]
    with recorded(busy) as seen:
        world.client("owner", max_retries=2).projects.create(name)
    assert len({request.headers["idempotency-key"] for request in seen}) == 1
    assert len(seen) == 3
    replayed = httpx.request(
        seen[-1].method, seen[-1].url, headers=seen[-1].headers, content=seen[-1].content
    )
    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (201, "true")
    assert replayed.json()["project"]["id"] == world.owner.projects.get(name).id


def test_case_62_a_registration_sent_twice_is_one_image(world: World) -> None:
    made = world.dataset()
    with recorded() as seen:
        image = world.image(made)
    register = seen[2]
    again = httpx.request("POST", register.url, headers=register.headers, content=register.content)
    assert again.status_code == 201
    assert again.json()["image_id"] == image.id
    assert len(world.owner.images.list(made.id)) == 1


def test_case_63_a_key_used_for_something_else_is_refused(world: World) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    names = [f"set {uuid.uuid4().hex}" for _ in range(2)]
    first, second = (world.raw("POST", "/projects/", json={"name": name}, headers=key) for name in names)
    assert first.status_code == 201
    assert second.status_code == 422
    assert second.json()["error"]["code"] == "idempotency_key_reused"
    with raises(NotFoundError):
        world.owner.projects.get(names[1])


def test_case_65_a_trailing_slash_makes_no_difference(world: World) -> None:
    made = world.dataset()
    for path in ("/projects", f"/datasets/{made.id}", f"/images?dataset_id={made.id}"):
        place, _, query = path.partition("?")
        for form in (place, place + "/"):
            assert world.raw("GET", f"{form}?{query}").status_code == 200


def test_case_66_an_error_names_its_request(world: World) -> None:
    with raises(NotFoundError) as caught:
        world.owner.projects.get("nope")
    error = caught[0]
    assert error.request_id
    assert "nope" in error.message
    body = world.raw("GET", "/projects/nope", headers={"X-Request-Id": "mine-1"})
    assert body.headers["x-request-id"] == "mine-1"
    assert body.json()["error"]["code"] == "not_found"
    assert body.json()["detail"] == body.json()["error"]["message"]
    assert body.json()["error"]["hint"]


def test_case_67_what_was_written_is_read_by_everyone_at_once(world: World) -> None:
    made = world.dataset()
    world.image(made)
    seen: list[Any] = []
    threads = [
        threading.Thread(target=lambda: seen.append(world.owner.projects.get(made.name))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 16
    assert {each.image_count for each in seen} == {1}
    assert all(each == seen[0] for each in seen)


def test_case_73_the_async_client_is_served_alike(world: World) -> None:
    async def run() -> None:
        client = AsyncClient(api_key=world.keys["owner"], base_url=world.url, max_retries=0)
        try:
            made = await client.projects.create(f"set {uuid.uuid4().hex}")
            assert (await client.projects.get(made.name)).id == made.id
            path = world.picture("a.png")
            with recorded() as seen:
                image = await client.images.upload(dataset_id=made.id, file_path=path, folder_path="/cars")
            assert seen[0].headers["user-agent"] == "pictograph-python-async/1.60.0"
            out = await client.images.download(image.id, output_path=world.folder / "async" / "o.png")
            assert await asyncio.to_thread(out.read_bytes) == path.read_bytes()
            moved = await client.batch.move(made.name, [image.id], target_folder_path="/x")
            assert moved.affected_folders == ["/cars", "/x"]
            others = [str(uuid.uuid4()) for _ in range(9_999)]
            many = await client.batch.move(made.name, [image.id, *others], target_folder_path="/y")
            assert (many.processed, len(many.failed)) == (1, 9_999)
            assert (await client.batch.delete(made.name, [image.id])).processed == 1
            assert (await client.images.get(image.id)).is_archived
        finally:
            await client.aclose()

    asyncio.run(run())
