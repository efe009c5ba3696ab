"""What neither the documentation nor the client of the hosted service decides, and this server does.

Each has its row under "Decisions" on the page of this face. Names and spelling: `test_bad_input`, `test_paths`.
Idempotency keys: `test_repeats`. Keys, people and webhooks: `test_api_keys`, `test_organizations`, `test_webhooks`.
"""

from typing import Any

import pytest

from .house import House, a_picture

BOX = {
    "id": "a-1",
    "name": "lorry",
    "type": "bbox",
    "bounding_box": {"x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0},
    "confidence": 1.0,
    "attributes": [],
}


def batch(dataset: dict[str, Any], ids: list[str], **rest: Any) -> dict[str, Any]:
    return {"dataset_name": dataset["name"], "image_ids": ids, **rest}


def shown(house: House, image: str) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/images/{image}/metadata").json()["data"]
    return found


def update(house: House, dataset: dict[str, Any], ids: list[str], **updates: Any) -> dict[str, Any]:
    answer = house.ask("PATCH", "/batch/images/update", json=batch(dataset, ids, updates=updates))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def archived(house: House, dataset: dict[str, Any], name: str = "a.png", folder: str = "/") -> str:
    image: str = house.an_image(dataset, name, folder=folder)["id"]
    assert house.ask("DELETE", f"/images/{image}").status_code == 200
    return image


def test_an_archived_image_frees_its_name(house: House) -> None:
    """For an upload, a move and a copy alike."""
    dataset = house.a_dataset()
    for folder in ("/upload", "/move", "/copy"):
        archived(house, dataset, folder=folder)
    house.an_image(dataset, folder="/upload")
    image = house.an_image(dataset)["id"]
    copied = house.post("/batch/images/copy", batch(dataset, [image], target_folder_path="/copy")).json()
    assert [each["filename"] for each in copied["created"]] == ["a.png"]
    moved = house.post("/batch/images/move", batch(dataset, [image], target_folder_path="/move")).json()
    assert (moved["processed"], moved["renamed"]) == (1, 0)
    assert shown(house, image)["filename"] == "a.png"


def test_a_restore_onto_a_taken_name_stays_archived_and_the_others_come_back(house: House) -> None:
    dataset = house.a_dataset()
    taken, free = archived(house, dataset), archived(house, dataset, "b.png")
    house.an_image(dataset)
    done = update(house, dataset, [taken, free], is_archived=False, status="review")
    assert (done["succeeded"], done["processed"]) == ([free], 1)
    assert [(each["id"], each["reason"]) for each in done["failed"]] == [
        (taken, "Filename 'a.png' already exists (skipped)")
    ]
    assert (shown(house, taken)["is_archived"], shown(house, taken)["status"]) == (True, "new")
    assert (shown(house, free)["is_archived"], shown(house, free)["status"]) == (False, "review")


def test_the_reasons_of_failures_are_these(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    house.an_image(dataset, folder="/taken")

    def failed(verb: str, *ids: str, **rest: Any) -> list[tuple[str, str]]:
        answer = house.post(f"/batch/images/{verb}", batch(dataset, list(ids), **rest)).json()
        return [(each["code"], each["reason"]) for each in answer["failures"]]

    skip = {"target_folder_path": "/taken", "duplicate_handling": "skip"}
    assert failed("copy", image, "none", **skip) == [
        ("skipped", "Filename 'a.png' already exists (skipped)"),
        ("not_found", "Image not found in this dataset"),
    ]
    assert failed("copy", image, duplicate_handling="overwrite") == [
        ("itself", "'a.png' would have overwritten itself")
    ]
    assert house.names(dataset) == ["a.png", "a.png"]


@pytest.mark.parametrize("annotated", [True, False])
def test_what_belongs_to_an_image_comes_along_with_its_annotations_or_not_at_all(
    house: House, *, annotated: bool
) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    house.post(f"/annotations/{image}", {"annotations": [BOX]})
    house.post(f"/images/{image}/split", {"split": "val"})
    house.post(f"/images/{image}/review", {"action": "request_changes", "note": "dark"})
    tagged = house.post(
        "/images/bulk-tag", {"dataset": dataset["id"], "image_ids": [image], "tags": ["night"]}
    )
    assert tagged.status_code == 200, tagged.text
    update(house, dataset, [image], display_name="Lorry")
    wanted = batch(dataset, [image], target_folder_path="/copy", copy_annotations=annotated)
    (made,) = house.post("/batch/images/copy", wanted).json()["created"]
    copy = shown(house, made["id"])
    found = copy["annotation_count"], copy["split"], copy["status"], copy["tags"], copy["review_note"]
    assert found == ((1, "val", "annotate", ["night"], "dark") if annotated else (0, None, "new", [], None))
    assert len(house.get(f"/annotations/{made['id']}").json()["annotations"]) == int(annotated)


def test_archived_images_are_moved_updated_and_copied(house: House) -> None:
    dataset = house.a_dataset()
    image = archived(house, dataset)
    moved = house.post("/batch/images/move", batch(dataset, [image], target_folder_path="/m")).json()
    assert moved["processed"] == 1
    assert update(house, dataset, [image], status="complete")["processed"] == 1
    now = shown(house, image)
    assert (now["folder_path"], now["status"], now["is_archived"]) == ("/m", "complete", True)
    (made,) = house.post("/batch/images/copy", batch(dataset, [image])).json()["created"]
    assert not shown(house, made["id"])["is_archived"]
    assert house.post(f"/images/{image}/split", {"split": "test"}).json()["split"] == "test"
    review = house.post(f"/images/{image}/review", {"action": "request_changes"}).json()
    assert review["status"] == "annotate"
    assert house.get(f"/images/{image}").status_code == 200


def test_the_folders_of_an_update_and_a_delete_are_those_of_their_images(house: House) -> None:
    """Each once, in the order in which the images were named; those of images that failed are not among them."""
    dataset = house.a_dataset()
    ids = [house.an_image(dataset, folder=folder)["id"] for folder in ("/b", "/a", "/b/c")]
    more = house.an_image(dataset, "b.png", folder="/b")["id"]
    asked = [ids[0], ids[1], more, ids[2], "none"]
    for done in (
        update(house, dataset, asked, status="review"),
        update(house, dataset, asked, status="review"),  # nothing changes, and everything succeeds
        house.post("/batch/images/delete", batch(dataset, asked)).json(),
    ):
        assert done["affected_folders"] == done["affected_directories"] == ["/b", "/a", "/b/c"]
        assert (done["processed"], done["failed_count"]) == (4, 1)


def test_a_dataset_without_classes_takes_any_and_one_with_classes_no_other(house: House) -> None:
    any_class, listed = house.a_dataset(), house.a_dataset(classes=[{"name": "ship"}])
    for dataset, status in ((any_class, 200), (listed, 422)):
        image = house.an_image(dataset)["id"]
        answer = house.post(f"/annotations/{image}", {"annotations": [BOX]})
        assert answer.status_code == status
    assert answer.json()["error"]["code"] == "unknown_class"


def test_one_permanent_delete_is_for_members_and_many_are_for_admins(house: House) -> None:
    dataset = house.a_dataset()
    images = [house.an_image(dataset, name)["id"] for name in ("a.png", "b.png", "c.png")]
    place = f"/images/{dataset['name']}/a.png?permanent=true"
    assert house.ask("DELETE", place, role="viewer").status_code == 403
    assert house.ask("DELETE", place, role="member").status_code == 200
    many = batch(dataset, images[1:], permanent=True)
    assert house.post("/batch/images/delete", many, role="member").status_code == 403
    assert house.names(dataset) == ["b.png", "c.png"]
    assert house.post("/batch/images/delete", many, role="admin").json()["processed"] == 2


def test_an_archived_dataset_holds_its_name_and_its_images_stay_as_they_are(house: House) -> None:
    """Hiding is a flag of the dataset's own; a name that came free could not come back."""
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    for word in ("archive", "archive"):
        state = house.post(f"/datasets/{dataset['name']}/{word}").json()
        assert (state["is_archived"], state["data"]["is_archived"]) == (True, True)
    assert house.post("/datasets", {"name": dataset["name"]}).status_code == 409
    assert not shown(house, image)["is_archived"]
    for query, listed in (({}, False), ({"archived": "true"}, True)):
        names = [
            each["name"] for each in house.get("/projects", params={**query, "limit": 1000}).json()["data"]
        ]
        assert (dataset["name"] in names) is listed
    for word in ("unarchive", "restore"):
        assert not house.post(f"/datasets/by-name/{dataset['name']}/{word}").json()["data"]["is_archived"]


def test_several_files_are_sent_in_the_newer_words(house: House) -> None:
    """Neither a storage reference comes back, nor are sizes believed."""
    dataset = house.a_dataset()
    names = ["b.png", "a.png"]
    asked = [{"filename": name, "directory_path": "/new", "content_type": "image/png"} for name in names]
    tickets = house.post("/images/bulk-upload-url", {"dataset": dataset["name"], "images": asked}).json()[
        "data"
    ]
    assert [each["filename"] for each in tickets["upload_urls"]] == names
    sent = []
    for ticket, file in zip(tickets["upload_urls"], asked, strict=True):
        content = a_picture()
        assert house.put(ticket, content).status_code == 200
        sent.append({**file, "file_size": len(content), "width": None, "height": 1})
    done = house.post("/images/bulk-register", {"dataset": dataset["name"], "images": sent}).json()["data"]
    assert [(each["filename"], each["directory_path"], each["height"]) for each in done["succeeded"]] == [
        (name, "/new", 8) for name in names
    ]
    assert (done["failed"], done["count"]) == ([], 2)


def test_a_download_of_images_in_progress_goes_on_where_it_stopped(house: House) -> None:
    """Older texts speak of them as of one status; here they have two."""
    dataset = house.a_dataset()
    for number in range(5):
        image = house.an_image(dataset, f"{number}.png")["id"]
        update(house, dataset, [image], status="annotate" if number < 2 else "review")
    seen = []
    for offset in range(0, 6, 2):
        page = house.get(
            f"/datasets/{dataset['name']}/download",
            params={"status_filter": "in_progress", "limit": 2, "offset": offset},
        ).json()
        assert page["total_items"] == 5
        seen.append([each["filename"] for each in page["items"]])
    assert seen == [["1.png", "0.png"], ["4.png", "3.png"], ["2.png"]]
