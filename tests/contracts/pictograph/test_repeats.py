"""A retry is safe: a write that is sent twice with one key happens once, and both are given the same answer."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from stackroom import clock
from stackroom.access import Actor
from stackroom.database.schema import answer
from stackroom.ingest.uploads import Prepared, Uploads, Wanted

from .house import House, a_picture


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def batch(dataset: dict[str, Any], ids: list[str], **rest: Any) -> dict[str, Any]:
    return {"dataset_name": dataset["name"], "image_ids": ids, **rest}


def assert_given_again(first: httpx.Response, second: httpx.Response) -> None:
    assert first.status_code < 300, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


def annotated(house: House, image: str) -> str:
    """The image, with a lorry on it."""
    point = {"id": "a", "name": "lorry", "type": "keypoint", "keypoint": {"x": 1, "y": 1}}
    assert house.post(f"/annotations/{image}", {"annotations": [point]}).status_code == 200
    return image


WRITES: dict[str, Callable[[House, dict[str, Any], str], tuple[str, str, Any]]] = {
    "create": lambda _, __, ___: ("POST", "/projects", {"name": f"set {uuid.uuid4().hex}"}),
    "change": lambda _, dataset, __: (
        "PATCH",
        f"/projects/{dataset['name']}",
        {"name": f"new {uuid.uuid4().hex}"},
    ),
    "archive a dataset": lambda _, dataset, __: ("POST", f"/projects/{dataset['name']}/archive", None),
    "remove": lambda _, dataset, __: ("DELETE", f"/projects/{dataset['name']}", None),
    "ask for a URL": lambda _, dataset, __: (
        "POST",
        "/images/upload-url",
        {"dataset_id": dataset["id"], "filename": "n.png", "content_type": "image/png"},
    ),
    "move": lambda _, dataset, image: (
        "POST",
        "/batch/images/move",
        batch(dataset, [image], target_folder_path="/x"),
    ),
    "copy": lambda _, dataset, image: ("POST", "/batch/images/copy", batch(dataset, [image])),
    "copy to a dataset": lambda _, dataset, image: (
        "POST",
        "/batch/images/copy-to-dataset",
        batch(dataset, [image], target_dataset_name=dataset["name"]),
    ),
    "tag": lambda _, dataset, image: ("POST", "/images/bulk-tag", batch(dataset, [image], tags=["night"])),
    "archive": lambda _, dataset, image: ("POST", "/batch/images/delete", batch(dataset, [image])),
    "purge": lambda _, dataset, image: (
        "POST",
        "/batch/images/delete",
        batch(dataset, [image], permanent=True),
    ),
    "purge one": lambda _, __, image: ("DELETE", f"/images/{image}?permanent=true", None),
    "update": lambda _, dataset, image: (
        "PATCH",
        "/batch/images/update",
        batch(dataset, [image], updates={"status": "review"}),
    ),
    "review": lambda _, __, image: (
        "POST",
        f"/images/{image}/review",
        {"action": "request_changes", "note": "dark"},
    ),
    "set a split": lambda _, dataset, __: ("POST", f"/images/{dataset['id']}/a.png/split", {"split": "val"}),
    "divide": lambda _, dataset, __: ("POST", "/images/assign-splits", {"dataset": dataset["id"]}),
    "purge one by its path": lambda _, dataset, __: (
        "DELETE",
        f"/images/{dataset['id']}/a.png?permanent=true",
        None,
    ),
    "annotate": lambda _, __, image: ("POST", f"/annotations/{image}", {"annotations": []}),
    "annotate many": lambda _, __, image: (
        "POST",
        "/annotations/bulk",
        {"saves": [{"image_id": image, "annotations": []}]},
    ),
    "rename a class": lambda house, dataset, image: (
        "POST",
        "/annotations/rename-class",
        {"dataset": dataset["name"], "old_name": "lorry", "new_name": annotated(house, image)},
    ),
    "comment": lambda house, _, image: (
        "POST",
        "/annotation-comments",
        {"image_id": annotated(house, image), "annotation_id": "a", "body": "?"},
    ),
    "remove annotations": lambda _, __, image: ("DELETE", f"/annotations/{image}", None),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_second_call_is_given_the_first_answer(house: House, write: str) -> None:
    dataset = house.a_dataset()
    method, path, body = WRITES[write](house, dataset, house.an_image(dataset)["id"])
    once = key()
    first, second = (house.ask(method, path, json=body, headers=once) for _ in range(2))
    assert_given_again(first, second)


@pytest.mark.parametrize("write", WRITES)
def test_two_calls_at_the_same_time_happen_once(house: House, write: str) -> None:
    """The second waits for the first, and does not find what the first has used up."""
    dataset = house.a_dataset()
    method, path, body = WRITES[write](house, dataset, house.an_image(dataset)["id"])
    once = key()
    requests = [house.request(method, path, json=body, headers=once) for _ in range(4)]
    answers = house.at_once(*requests)
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", *["true"] * 3]


@pytest.mark.parametrize("form", [True, False])
def test_a_registration_is_one_image_however_often_it_is_sent(house: House, *, form: bool) -> None:
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    house.put(ticket, content)
    wanted = house.registration(dataset, ticket, content)
    encoded = {"data": {**wanted, "image_width": "", "image_height": ""}} if form else {"json": wanted}
    once = key()
    requests = [house.request("POST", "/images/register", headers=once, **encoded) for _ in range(4)]
    answers = house.at_once(*requests)
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json()["image_id"] for answer in answers}) == 1
    assert house.names(dataset) == ["a.png"]


def test_many_registrations_are_each_one_image(house: House) -> None:
    dataset = house.a_dataset()
    files = []
    for name in ("a.png", "b.png"):
        content = a_picture()
        house.put(house.ticket(dataset, name), content)
        files.append({"filename": name, "file_size": len(content)})
    requests = [
        house.request(
            "POST",
            "/images/bulk-register",
            headers=once,
            json={"dataset_id": dataset["id"], "images": files},
        )
        for once in [key()]
        for _ in range(3)
    ]
    answers = house.at_once(*requests)
    assert len({answer.content for answer in answers}) == 1, [answer.text for answer in answers]
    assert answers[0].json()["data"]["count"] == 2
    assert house.names(dataset) == ["a.png", "b.png"]


def test_a_repeat_that_comes_too_early_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of looking at all the bytes a second time, just when the server is slow."""
    looked: list[str] = []
    look = Uploads.prepare

    async def watched(self: Uploads, actor: Actor, dataset_ref: str, wanted: Wanted) -> Prepared:
        looked.append(wanted.name)
        return await look(self, actor, dataset_ref, wanted)

    monkeypatch.setattr(Uploads, "prepare", watched)
    dataset = house.a_dataset()
    ticket, content = house.ticket(dataset), a_picture()
    house.put(ticket, content)
    once, wanted = key(), house.registration(dataset, ticket, content)
    answers = house.at_once(
        *(house.request("POST", "/images/register", headers=once, json=wanted) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert looked == ["a.png"]


def test_a_copy_sent_twice_without_a_key_is_two_copies(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    for _ in range(2):
        house.post("/batch/images/copy", batch(dataset, [image]))
    assert house.names(dataset) == ["a-2.png", "a-3.png", "a.png"]


def test_a_key_belongs_to_one_request(house: House) -> None:
    dataset, once = house.a_dataset(), key()
    image = house.an_image(dataset)["id"]
    house.post("/batch/images/move", batch(dataset, [image], target_folder_path="/x"), headers=once)
    answer = house.post("/batch/images/move", batch(dataset, [image], target_folder_path="/y"), headers=once)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert house.get(f"/images/{image}/metadata").json()["image"]["folder_path"] == "/x"


def test_a_key_counts_at_one_address(house: House) -> None:
    dataset, once = house.a_dataset(), key()
    image = house.an_image(dataset)["id"]
    for verb in ("move", "copy"):
        answer = house.post(f"/batch/images/{verb}", batch(dataset, [image]), headers=once)
        assert answer.status_code == 200
        assert "idempotent-replayed" not in answer.headers


def test_a_key_may_be_255_characters_long(house: House) -> None:
    once = {"Idempotency-Key": "k" * 255}
    body = {"name": f"set {uuid.uuid4().hex}"}
    assert [house.post("/projects", body, headers=once).status_code for _ in range(2)] == [201, 201]


def test_a_key_belongs_to_who_used_it(house: House) -> None:
    once, name = key(), f"set {uuid.uuid4().hex}"
    made = [
        house.post("/projects", {"name": name}, role=role, headers=once) for role in ("owner", "stranger")
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["project"]["id"] != made[1].json()["project"]["id"]


def test_a_refusal_is_not_kept(house: House) -> None:
    """It changed nothing, so when the reason is gone the same call may succeed."""
    once, dataset = key(), house.a_dataset()
    taken = {"name": dataset["name"]}
    assert house.post("/projects", taken, headers=once).status_code == 409
    house.ask("DELETE", f"/projects/{dataset['name']}")
    assert house.post("/projects", taken, headers=once).status_code == 201


def test_an_answer_is_kept_for_a_day(house: House) -> None:
    dataset, once = house.a_dataset(), key()
    body = batch(dataset, [house.an_image(dataset)["id"]])
    first = house.post("/batch/images/copy", body, headers=once)
    house.put_forward += clock.DAY - clock.HOUR
    assert_given_again(first, house.post("/batch/images/copy", body, headers=once))
    house.put_forward += 2 * clock.HOUR
    assert "idempotent-replayed" not in house.post("/batch/images/copy", body, headers=once).headers


@pytest.mark.parametrize("verb", ["move", "copy", "copy-to-dataset", "delete", "update"])
def test_a_batch_is_told_again_as_it_was_told_whatever_has_changed_since(house: House, verb: str) -> None:
    """Its lists stand in the request and in the journal, which outlives it."""
    dataset, other, once = house.a_dataset(), house.a_dataset(), key()
    images = [house.an_image(dataset, name=f"{n}.png")["id"] for n in range(4)]
    house.an_image(dataset, name="1.png", folder="/there")  # a name that is taken
    asked = [
        images[2],
        images[0].upper(),
        "no id",
        images[1],
        uuid.uuid4().hex,
        images[3],
        images[0],
        "no id",
    ]
    into = {"target_folder_path": "/there"}
    more = {
        "move": into,
        "copy": {**into, "duplicate_handling": "rename"},
        "copy-to-dataset": {**into, "target_dataset_name": other["name"]},
        "delete": {"permanent": True},
        "update": {"updates": {"status": "complete"}},
    }[verb]
    how = "PATCH" if verb == "update" else "POST"

    def send() -> httpx.Response:
        return house.ask(how, f"/batch/images/{verb}", json=batch(dataset, asked, **more), headers=once)

    first = send()
    said = first.json()
    assert (said["processed"], said["failed_count"]) == (4, 2)
    assert said["succeeded"] == [images[2], images[0].upper(), images[1], images[3]]
    assert [each["source_id"] for each in said.get("created", ())] == said["succeeded"] * verb.startswith(
        "copy"
    )

    for each in (dataset, other):
        house.ask("PATCH", f"/folders/{each['name']}/there/rename", json={"new_name": "elsewhere"})
    gone = [*images, *(each["id"] for each in said.get("created", ()))]
    for each in (dataset, other):
        house.post("/batch/images/delete", batch(each, gone, permanent=True))
        house.ask("DELETE", f"/projects/{each['name']}")
    assert_given_again(first, send())


def test_what_is_kept_of_an_answer_does_not_grow_with_the_batch(house: House) -> None:
    dataset, sizes = house.a_dataset(), []
    images = [house.an_image(dataset, name=f"{n}.png")["id"] for n in range(30)]
    for count in (3, 30):
        assert house.post("/batch/images/copy", batch(dataset, images[:count]), headers=key()).is_success
        newest = select(func.length(answer.c.body)).order_by(answer.c.created_at.desc()).limit(1)
        sizes.append(house.read(lambda conn, newest=newest: conn.scalar(newest)))
    assert 0 < sizes[1] <= sizes[0] + 10


@pytest.mark.parametrize("bad", ["", "x" * 300])
def test_a_key_of_no_use_is_refused(house: House, bad: str) -> None:
    answer = house.post("/projects", {"name": f"set {uuid.uuid4().hex}"}, headers={"Idempotency-Key": bad})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_idempotency_key")
