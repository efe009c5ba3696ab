"""Operations: every verb and every selection, dry runs, undo, and what is refused."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from .conftest import Face

pytestmark = pytest.mark.every_database


@pytest.fixture
def face(shared_face: "Face") -> "Face":
    return shared_face


PHOTOS = ["a.jpg", "b.jpg", "c.png"]
EVERYTHING = {"filter": {"dataset": "photos"}}


def outcomes_of(face: "Face", operation: dict[str, Any]) -> list[str]:
    items = face.get(f"/operations/{operation['id']}/items").json()["items"]
    assert [item["position"] for item in items] == list(range(len(items)))
    return [item["outcome"] for item in items]


def test_a_move_answers_with_an_outcome_for_every_item(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg", "b.jpg"])
    asked = [*photos.ids, "nonsense", str(uuid4()), photos.ids[0]]
    answer = face.operate(
        "move", selection={"ids": asked, "dataset": "photos"}, to={"folder": "sorted//cars/"}
    )
    assert answer.status_code == 200
    moved = answer.json()
    assert {
        key: moved[key] for key in ("verb", "state", "dry_run", "total", "succeeded", "failed", "pending")
    } == {
        "verb": "move",
        "state": "finished",
        "dry_run": False,
        "total": 4,
        "succeeded": 2,
        "failed": 2,
        "pending": 0,
    }
    assert moved["outcomes"] == {"done": 2, "not_found": 2}
    assert moved["dataset"] == {"id": photos.id, "name": "photos"}
    assert moved["undoable"]
    assert moved["rate"] is moved["estimated_completion"] is moved["plan"] is moved["samples"] is None
    assert set(face.places("photos").values()) == {"/sorted/cars/a.jpg", "/sorted/cars/b.jpg"}


def test_items_tell_what_was_and_what_became_of_it(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    moved = face.operate("move", selection={"ids": [*photos.ids, "nonsense"]}, to={"folder": "/x"}).json()
    first, second = face.get(f"/operations/{moved['id']}/items").json()["items"]
    assert first == {
        "position": 0,
        "id": photos.ids[0],
        "outcome": "done",
        "reason": None,
        "before": {"folder": "/", "name": "a.jpg", "status": "new"},
        "after": {"folder": "/x"},
        "new_id": None,
    }
    assert second["id"] == "nonsense"
    assert second["outcome"] == "not_found"
    assert second["reason"]


def test_moments_in_items_are_told_like_all_others(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    archived = face.operate("archive", selection={"ids": photos.ids}).json()
    (item,) = face.get(f"/operations/{archived['id']}/items").json()["items"]
    asset = face.get(f"/assets/{photos.ids[0]}").json()
    assert item["after"]["archived_at"] == asset["archived_at"]
    assert asset["archived_at"].endswith("Z")
    assert len(asset["archived_at"]) == len("2026-01-31T12:00:00.000000Z")


def test_what_was_cleared_is_told_as_null(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    selection = {"ids": photos.ids}

    def after(operation: dict[str, Any]) -> object:
        (item,) = face.get(f"/operations/{operation['id']}/items").json()["items"]
        return item["after"]

    face.operate("update", selection=selection, changes={"split": "val", "display_name": "One"})
    cleared = face.operate("update", selection=selection, changes={"split": None, "status": "review"}).json()
    assert after(cleared) == {"split": None, "status": "review"}
    face.operate("archive", selection=selection)
    restored = face.operate("restore", selection=selection).json()
    assert after(restored) == {"archived_at": None}
    undone = face.post(f"/operations/{restored['id']}/undo").json()
    assert undone["outcomes"] == {"done": 1}
    assert str(after(undone)).startswith("{'name': 'a.jpg', 'archived_at': '20")


def test_a_move_finds_the_dataset_of_its_items_by_itself(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    moved = face.operate("move", selection={"ids": photos.ids}, to={"folder": "/x"}).json()
    assert moved["outcomes"] == {"done": 3}
    assert moved["dataset"]["name"] == "photos"


def test_a_move_of_items_in_several_datasets_is_refused(face: "Face") -> None:
    ids = [*face.a_dataset("one", ["a.jpg"]).ids, *face.a_dataset("two", ["a.jpg"]).ids]
    answer = face.operate("move", selection={"ids": ids}, to={"folder": "/x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "several_datasets")
    assert list(face.places("one").values()) == ["/a.jpg"]


def test_a_move_of_nothing_that_exists_fails_item_by_item(face: "Face") -> None:
    for verb in ("move", "copy"):
        answer = face.operate(verb, selection={"ids": [str(uuid4()), "nonsense"]}, to={"folder": "/x"})
        assert answer.status_code == 200
        assert answer.json()["outcomes"] == {"not_found": 2}


def test_ids_of_another_dataset_are_not_found_when_one_is_named(face: "Face") -> None:
    face.a_dataset("one")
    two = face.a_dataset("two", ["a.jpg"])
    archived = face.operate("archive", selection={"ids": two.ids, "dataset": "one"}).json()
    assert archived["outcomes"] == {"not_found": 1}


@pytest.mark.parametrize(
    ("narrowed", "matched"),
    [
        ({}, {"a.jpg", "b.jpg", "c.png", "d.jpg", "[e].jpg"}),
        ({"folder": "/"}, {"a.jpg", "b.jpg", "c.png", "d.jpg", "[e].jpg"}),
        ({"folder": "/", "recursive": False}, {"a.jpg", "b.jpg", "c.png"}),
        ({"folder": "sub/"}, {"d.jpg", "[e].jpg"}),
        ({"name": "*.jpg"}, {"a.jpg", "b.jpg", "d.jpg", "[e].jpg"}),
        ({"name": "?.jpg"}, {"a.jpg", "b.jpg", "d.jpg"}),
        ({"name": "[e]*"}, {"[e].jpg"}),
        ({"name": "A*"}, set()),
        ({"status": "complete"}, set()),
        ({"kind": "video"}, set()),
        ({"created_after": "2001-01-01T00:00:00Z"}, {"a.jpg", "b.jpg", "c.png", "d.jpg", "[e].jpg"}),
        ({"created_before": "2001-01-01T00:00:00.5+02:00"}, set()),
        ({"archived": True}, {"f.jpg"}),
        ({"archived": None, "name": "[af]*"}, set()),
        ({"archived": None, "name": "?.jpg"}, {"a.jpg", "b.jpg", "d.jpg", "f.jpg"}),
        ({"folder": "/nowhere"}, set()),
    ],
)
def test_a_filter_takes_what_matches_all_of_it(
    face: "Face", narrowed: dict[str, Any], matched: set[str]
) -> None:
    photos = face.add(face.a_dataset(names=PHOTOS), ["d.jpg", "[e].jpg"], folder="/sub")
    hidden = face.add(photos, ["f.jpg"]).ids[-1:]
    face.operate("archive", selection={"ids": hidden})
    seen = face.operate(
        "update",
        selection={"filter": {"dataset": "photos", **narrowed}},
        changes={"status": "review"},
        dry_run=True,
    ).json()
    assert {item["before"]["name"] for item in seen["samples"]} == matched
    assert seen["total"] == len(matched)


def test_exceptions_and_the_expected_count_narrow_and_guard_a_filter(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    selection = {**EVERYTHING, "except": photos.ids[:1], "expect_count": 3}
    answer = face.operate("archive", selection=selection)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "count_mismatch"
    assert answer.json()["error"]["details"] == {"matched": 2, "expected": 3}
    answer = face.operate("archive", selection={**selection, "expect_count": 2})
    assert answer.json()["outcomes"] == {"done": 2}
    assert list(face.places("photos")) == photos.ids[:1]


def test_what_failed_can_be_tried_again(face: "Face") -> None:
    photos = face.add(face.a_dataset(names=PHOTOS), ["a.jpg"], folder="/x")
    first = face.operate(
        "move", selection={"ids": photos.ids[:3]}, to={"folder": "/x"}, on_collision="skip"
    ).json()
    assert first["outcomes"] == {"done": 2, "skipped": 1}
    again = face.operate("move", selection={"failed_of": first["id"]}, to={"folder": "/x"}).json()
    assert (again["total"], again["outcomes"]) == (1, {"done": 1})
    assert face.places("photos")[photos.ids[0]] == "/x/a-1.jpg"


def test_trying_again_looks_no_further_than_the_first_time(face: "Face") -> None:
    face.a_dataset("one")
    elsewhere = face.a_dataset("two", ["a.jpg"])
    first = face.operate("archive", selection={"ids": elsewhere.ids, "dataset": "one"}).json()
    again = face.operate("archive", selection={"failed_of": first["id"]}).json()
    assert again["outcomes"] == {"not_found": 1}


def test_a_copy_into_another_dataset_names_each_new_asset(face: "Face") -> None:
    photos = face.a_dataset(names=["a.jpg"])
    face.a_dataset("archive")
    copied = face.operate(
        "copy",
        selection={"ids": photos.ids},
        to={"folder": "/in", "dataset": "archive"},
        copy_annotations=True,
    ).json()
    (item,) = face.get(f"/operations/{copied['id']}/items").json()["items"]
    assert face.places("archive") == {item["new_id"]: "/in/a.jpg"}
    assert face.places("photos") == {photos.ids[0]: "/a.jpg"}


def test_an_update_sets_what_is_given_and_clears_what_is_null(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    face.operate("update", selection=EVERYTHING, changes={"split": "val", "display_name": "One of them"})
    again = face.operate("update", selection=EVERYTHING, changes={"split": "val"}).json()
    assert again["outcomes"] == {"unchanged": 3}
    assert again["succeeded"] == 3
    face.operate("update", selection=EVERYTHING, changes={"status": "review", "display_name": None})
    asset = face.get(f"/assets/{photos.ids[0]}").json()
    assert (asset["status"], asset["split"], asset["display_name"]) == ("review", "val", None)


def test_restoring_by_filter_means_what_is_archived(face: "Face") -> None:
    face.a_dataset(names=PHOTOS)
    face.operate("archive", selection=EVERYTHING)
    assert face.places("photos") == {}
    assert face.operate("restore", selection=EVERYTHING).json()["outcomes"] == {"done": 3}
    assert len(face.places("photos")) == 3


def test_a_purge_says_that_it_is_final_before_it_runs(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    seen = face.operate("purge", selection=EVERYTHING, dry_run=True).json()
    assert (seen["outcomes"], seen["undoable"], seen["bytes"]) == ({"done": 3}, False, 30)
    face.services.sweep_soon.clear()
    purged = face.operate("purge", selection=EVERYTHING).json()
    assert purged["undoable"] is False
    assert face.services.sweep_soon.is_set()
    assert face.get(f"/assets/{photos.ids[0]}").status_code == 404
    answer = face.post(f"/operations/{purged['id']}/undo")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "irreversible")


@pytest.mark.parametrize(
    ("verb", "parts"),
    [
        ("move", {"to": {"folder": "/x"}}),
        ("copy", {"to": {"folder": "/x"}}),
        ("update", {"changes": {"status": "complete"}}),
        ("archive", {}),
    ],
)
def test_every_verb_but_purge_can_be_undone(face: "Face", verb: str, parts: dict[str, Any]) -> None:
    face.a_dataset(names=PHOTOS)
    before = [_known(each) for each in face.get("/assets", dataset="photos").json()["assets"]]
    done = face.operate(verb, selection=EVERYTHING, **parts).json()
    answer = face.post(f"/operations/{done['id']}/undo", {"dry_run": False})
    undone = answer.json()
    assert (answer.status_code, undone["verb"], undone["undo_of"]) == (200, "undo", done["id"])
    assert undone["outcomes"] == {"done": 3}
    assert undone["undoable"] is (verb != "copy")
    after = [_known(each) for each in face.get("/assets", dataset="photos").json()["assets"]]
    assert after == before
    known = face.get(f"/operations/{done['id']}").json()
    assert (known["undone_by"], known["undoable"]) == (undone["id"], False)
    again = face.post(f"/operations/{done['id']}/undo")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_undone")


def _known(asset: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asset.items() if key not in {"updated_at", "version"}}


def test_an_undo_can_be_tried_dry(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    done = face.operate("move", selection=EVERYTHING, to={"folder": "/x"}).json()
    face.operate("update", selection={"ids": photos.ids[:1]}, changes={"status": "review"})
    face.operate("move", selection={"ids": photos.ids[1:2]}, to={"folder": "/y"})
    seen = face.post(f"/operations/{done['id']}/undo", {"dry_run": True}).json()
    assert seen["dry_run"]
    assert seen["outcomes"] == {"done": 2, "changed_since": 1}
    assert len(seen["samples"]) == 3
    assert sorted(face.places("photos").values()) == ["/x/a.jpg", "/x/c.png", "/y/b.jpg"]
    assert len(face.get("/operations").json()["operations"]) == 3


def test_a_dry_run_changes_nothing_and_makes_a_plan(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    request = {"selection": EVERYTHING, "to": {"folder": "/new"}}
    seen = face.operate("move", **request, dry_run=True).json()
    assert (seen["dry_run"], seen["outcomes"], seen["bytes"]) == (True, {"done": 3}, 30)
    assert [item["id"] for item in seen["samples"]] == photos.ids
    assert seen["samples"][0]["after"] == {"folder": "/new"}
    assert face.get("/operations").json() == {"operations": [], "next": None}
    assert len(face.get("/datasets/photos/folders").json()["folders"]) == 1
    run = face.operate("move", **request, plan=seen["plan"])
    assert (run.status_code, run.json()["outcomes"]) == (200, {"done": 3})


def test_a_plan_is_refused_once_the_matched_set_has_changed(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    request = {"selection": EVERYTHING, "to": {"folder": "/new"}}
    plan = face.operate("move", **request, dry_run=True).json()["plan"]
    face.add(photos, ["d.jpg"])
    answer = face.operate("move", **request, plan=plan)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "plan_outdated")
    assert all(place.count("/") == 1 for place in face.places("photos").values())


def test_a_dry_run_shows_at_most_a_hundred_samples(face: "Face") -> None:
    face.a_dataset(names=[f"{number}.jpg" for number in range(120)])
    seen = face.operate("archive", selection=EVERYTHING, dry_run=True).json()
    assert (seen["total"], len(seen["samples"])) == (120, 100)


def test_all_or_nothing_changes_nothing_when_a_name_is_taken(face: "Face") -> None:
    face.add(face.a_dataset(names=PHOTOS), ["b.jpg"], folder="/x")
    root = {"filter": {"dataset": "photos", "folder": "/", "recursive": False}}
    answer = face.operate("move", selection=root, to={"folder": "/x"}, on_collision="fail")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "name_taken")
    assert answer.json()["error"]["details"] == {"count": 1, "names": ["b.jpg"]}
    assert sorted(face.places("photos").values()) == ["/a.jpg", "/b.jpg", "/c.png", "/x/b.jpg"]


def test_an_identical_retry_is_given_the_first_answer(face: "Face") -> None:
    face.a_dataset(names=PHOTOS)
    request = {"verb": "copy", "selection": EVERYTHING, "to": {"folder": "/x"}}
    first = face.post("/operations", request, once="copy them")
    again = face.post("/operations", request, once="copy them")
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(face.places("photos")) == 6
    other = face.post("/operations", {**request, "to": {"folder": "/y"}}, once="copy them")
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def test_an_undo_is_done_once_however_often_it_is_asked_for(face: "Face") -> None:
    face.a_dataset(names=PHOTOS)
    done = face.operate("archive", selection=EVERYTHING).json()
    first = face.post(f"/operations/{done['id']}/undo", once="undo it")
    again = face.post(f"/operations/{done['id']}/undo", once="undo it")
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()


def test_operations_are_listed_newest_first_page_by_page(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    made = [face.operate("archive", selection={"ids": [each]}).json()["id"] for each in photos.ids]
    first = face.get("/operations", limit=2).json()
    assert [each["id"] for each in first["operations"]] == [made[2], made[1]]
    assert first["next"] == made[1]
    second = face.get("/operations", limit=2, before=first["next"]).json()
    assert [each["id"] for each in second["operations"]] == [made[0]]
    assert second["next"] is None
    assert face.get(f"/operations/{made[0]}").json() == second["operations"][0]


def test_items_come_in_pages_and_by_outcome(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    ids = [photos.ids[0], "x", photos.ids[1], "y", photos.ids[2]]
    done = face.operate("archive", selection={"ids": ids}).json()
    path = f"/operations/{done['id']}/items"
    first = face.get(path, limit=2).json()
    assert (len(first["items"]), first["next"]) == (2, 1)
    rest = face.get(path, limit=3, after=first["next"]).json()
    assert [item["position"] for item in rest["items"]] == [2, 3, 4]
    assert rest["next"] is None
    assert [item["id"] for item in face.get(path, outcome="failed").json()["items"]] == ["x", "y"]
    assert [item["id"] for item in face.get(path, outcome="not_found").json()["items"]] == ["x", "y"]
    assert [item["id"] for item in face.get(path, outcome="succeeded").json()["items"]] == photos.ids
    assert face.get(path, outcome="skipped").json() == {"items": [], "next": None}
    assert outcomes_of(face, done) == ["done", "not_found", "done", "not_found", "done"]


def test_a_finished_operation_is_neither_paused_nor_cancelled(face: "Face") -> None:
    face.a_dataset(names=PHOTOS)
    done = face.operate("archive", selection=EVERYTHING).json()
    for word in ("pause", "resume", "cancel"):
        answer = face.post(f"/operations/{done['id']}/{word}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_finished")


BAD = [
    ({"verb": "explode", "selection": EVERYTHING}, "verb"),
    ({"verb": "undo", "selection": EVERYTHING}, "verb"),
    ({"verb": "archive"}, "selection"),
    ({"selection": EVERYTHING}, "verb"),
    ({"verb": "archive", "selection": {}}, "exactly one"),
    ({"verb": "archive", "selection": {"dataset": "photos"}}, "exactly one"),
    ({"verb": "archive", "selection": {"ids": [], "dataset": "photos"}}, "at least one"),
    ({"verb": "archive", "selection": {"ids": "all"}}, "selection.ids"),
    ({"verb": "archive", "selection": {"filter": {}}}, "dataset"),
    ({"verb": "archive", "selection": {"filter": {"dataset": ""}}}, "dataset"),
    ({"verb": "archive", "selection": {"filter": {"folder": "/"}}}, "dataset"),
    ({"verb": "archive", "selection": {**EVERYTHING, "ids": ["x"]}}, "exactly one"),
    ({"verb": "archive", "selection": {**EVERYTHING, "dataset": "photos"}}, "selection.dataset"),
    ({"verb": "archive", "selection": {"ids": ["x"], "expect_count": 1}}, "expect_count"),
    ({"verb": "archive", "selection": {"ids": ["x"], "except": ["x"]}}, "except"),
    ({"verb": "archive", "selection": {**EVERYTHING, "except": ["x"]}}, "except"),
    ({"verb": "archive", "selection": {**EVERYTHING, "expect_count": -1}}, "expect_count"),
    ({"verb": "archive", "selection": {"filter": {"dataset": "photos", "staus": "new"}}}, "staus"),
    ({"verb": "archive", "selection": {"filter": {"dataset": "photos", "status": "odd"}}}, "status"),
    ({"verb": "archive", "selection": {"filter": {"dataset": "photos", "folder": "/../x"}}}, "/../x"),
    (
        {"verb": "archive", "selection": {"filter": {"dataset": "photos", "created_after": "monday"}}},
        "created_after",
    ),
    (
        {
            "verb": "archive",
            "selection": {"filter": {"dataset": "photos", "created_after": "2026-01-01T00:00:00"}},
        },
        "created_after",
    ),
    ({"verb": "archive", "selection": EVERYTHING, "colision": "skip"}, "colision"),
    ({"verb": "archive", "selection": EVERYTHING, "to": {"folder": "/x"}}, "to"),
    ({"verb": "purge", "selection": EVERYTHING, "on_collision": "skip"}, "on_collision"),
    ({"verb": "archive", "selection": EVERYTHING, "changes": {"status": "new"}}, "changes"),
    (
        {"verb": "move", "selection": EVERYTHING, "to": {"folder": "/x"}, "copy_annotations": True},
        "copy_annotations",
    ),
    ({"verb": "move", "selection": EVERYTHING}, "target folder"),
    ({"verb": "move", "selection": EVERYTHING, "to": {}}, "folder"),
    ({"verb": "move", "selection": EVERYTHING, "to": {"folder": "/x", "dataset": "photos"}}, "to.dataset"),
    ({"verb": "move", "selection": EVERYTHING, "to": {"folder": "a\\b"}}, "folder path"),
    (
        {"verb": "move", "selection": EVERYTHING, "to": {"folder": "/x"}, "on_collision": "maybe"},
        "on_collision",
    ),
    ({"verb": "update", "selection": EVERYTHING}, "changes"),
    ({"verb": "update", "selection": EVERYTHING, "changes": {}}, "nothing to change"),
    ({"verb": "update", "selection": EVERYTHING, "changes": {"status": None}}, "status"),
    ({"verb": "update", "selection": EVERYTHING, "changes": {"split": "odd"}}, "split"),
    ({"verb": "archive", "selection": EVERYTHING, "dry_run": True, "plan": "x"}, "plan"),
]


@pytest.mark.parametrize(("body", "named"), BAD, ids=range(len(BAD)))
def test_a_request_that_makes_no_sense_is_refused_and_says_where(
    face: "Face", body: dict[str, Any], named: str
) -> None:
    face.a_dataset(names=["a.jpg"])
    answer = face.post("/operations", body)
    error = answer.json()["error"]
    assert answer.status_code == 422, error
    assert named in error["message"]
    assert error["hint"]
    assert face.get("/operations").json()["operations"] == []


def test_unknown_datasets_and_operations_are_not_found(face: "Face") -> None:
    for selection in (
        {"filter": {"dataset": "none"}},
        {"failed_of": str(uuid4())},
        {"ids": ["x"], "dataset": "none"},
    ):
        answer = face.operate("archive", selection=selection)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(("verb", "role"), [("archive", "viewer"), ("purge", "member")])
def test_a_role_that_does_not_reach_the_verb_is_refused(face: "Face", verb: str, role: str) -> None:
    photos = face.a_dataset(names=PHOTOS)
    answer = face.ask("POST", "/operations", role=role, json={"verb": verb, "selection": EVERYTHING})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert len(face.places("photos")) == len(photos.ids)


def test_what_is_another_organizations_does_not_exist(face: "Face") -> None:
    photos = face.a_dataset(names=PHOTOS)
    done = face.operate("archive", selection={"ids": photos.ids[:1]}).json()["id"]
    stranger = face.a_tenant()
    face.a_dataset("theirs", ["x.jpg"], of=stranger)
    for method, path in [
        ("GET", f"/operations/{done}"),
        ("GET", f"/operations/{done}/items"),
        ("GET", f"/operations/{done}/report"),
        ("GET", f"/operations?before={done}"),
        ("POST", f"/operations/{done}/undo"),
        ("POST", f"/operations/{done}/pause"),
        ("POST", f"/operations/{done}/resume"),
        ("POST", f"/operations/{done}/cancel"),
    ]:
        unknown = path.replace(done, str(uuid4()))
        answers = [face.ask(method, each, of=stranger) for each in (path, unknown)]
        assert [each.status_code for each in answers] == [404, 404]
        assert [each.json()["error"]["code"] for each in answers] == ["not_found", "not_found"]
    selections = [{"ids": photos.ids}, {"ids": photos.ids, "dataset": "theirs"}]
    for selection in selections:
        body = {"verb": "purge", "selection": selection}
        assert face.ask("POST", "/operations", of=stranger, json=body).json()["outcomes"] == {"not_found": 3}
    for selection in (
        {"failed_of": done},
        {"filter": {"dataset": photos.id}},
        {"ids": ["x"], "dataset": photos.id},
    ):
        body = {"verb": "archive", "selection": selection}
        assert face.ask("POST", "/operations", of=stranger, json=body).status_code == 404
    assert len(face.places("photos", archived="all")) == 3
