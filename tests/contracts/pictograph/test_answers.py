"""What clients of either generation look for in an answer, and how numbers and lists hang together."""

from typing import Any

import pytest

from .house import House, a_picture

SEED = {"success", "succeeded", "failed_count", "failures"}
REFERENCE = {"success", "processed", "failed", "affected_folders"}
NEW = {"affected_directories", "renamed", "operation"}


def batch(dataset: dict[str, Any], ids: list[str], **rest: Any) -> dict[str, Any]:
    return {"dataset_name": dataset["name"], "image_ids": ids, **rest}


def test_an_image_is_described_in_every_spelling(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset, folder="/a/b")
    shown = house.get(f"/images/{image['id']}/metadata").json()
    assert shown["image"] == shown["data"] == image
    same = [
        ("width", "image_width"),
        ("height", "image_height"),
        ("content_type", "mime_type"),
        ("folder_path", "directory_path", "virtual_folder_path", "virtual_directory_path"),
    ]
    for names in same:
        assert len({image[name] for name in names}) == 1
    assert (image["width"], image["height"], image["folder_path"]) == (200, 8, "/a/b")
    assert image["dataset_id"] == dataset["id"]
    assert image["annotation_url"].startswith(house.url)


def test_a_list_of_images_is_paged_and_counted(house: House) -> None:
    dataset = house.a_dataset()
    for name in ("a.png", "b.png", "c.png"):
        house.an_image(dataset, name)
    for key, value in (
        ("dataset_id", dataset["id"]),
        ("dataset_name", dataset["name"]),
        ("dataset", dataset["id"]),
    ):
        shown = house.get("/images", params={key: value, "limit": 2}).json()
        assert shown.setdefault("images", shown["data"]) == shown["data"]
        assert shown["pagination"] == {"limit": 2, "offset": 0, "total": 3, "has_more": True}
        assert [each["filename"] for each in shown["images"]] == ["c.png", "b.png"]
    last = house.get("/images", params={"dataset": dataset["id"], "limit": 2, "offset": 2}).json()
    assert last["pagination"] == {"limit": 2, "offset": 2, "total": 3, "has_more": False}
    filtered = house.get("/images", params={"dataset": dataset["id"], "directory_path": "/none"}).json()
    assert (filtered["data"], filtered["pagination"]["total"]) == ([], 0)


def test_a_dataset_is_given_as_project_dataset_and_data(house: House) -> None:
    dataset = house.a_dataset()
    paths = [f"/projects/{dataset['name']}", f"/datasets/{dataset['id']}", f"/datasets/{dataset['name']}"]
    for path in [*paths, f"/datasets/by-name/{dataset['name']}"]:
        shown = house.get(path).json()
        assert shown["project"] == shown["dataset"] == shown["data"] == dataset
    listed = house.get("/datasets?limit=1000").json()
    assert listed["datasets"] == listed["projects"] == listed["data"]
    assert dataset in listed["data"]


def test_a_move_answers_for_every_generation(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    answer = house.post("/batch/images/move", batch(dataset, [image, "x"], target_folder_path="/s")).json()
    assert set(answer) == SEED | REFERENCE | NEW | {"operation_id"}
    assert answer["failed"] == answer["failures"]
    assert answer["processed"] == len(answer["succeeded"]) == 1
    assert (answer["success"], answer["failed_count"], answer["operation"]) == (False, 1, None)
    assert answer["affected_folders"] == answer["affected_directories"] == ["/", "/s"]
    assert answer["failures"][0] == {
        "id": "x",
        "image_id": "x",
        "reason": "Image not found in this dataset",
        "code": "not_found",
    }


def test_every_batch_leaves_an_operation_that_can_be_looked_up(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    answer = house.post("/batch/images/move", batch(dataset, [image], target_folder_path="/s")).json()
    found = house.ask("GET", f"{house.url}/library/v1/operations/{answer['operation_id']}").json()
    assert (found["verb"], found["total"], found["succeeded"]) == ("move", 1, 1)


def test_a_copy_names_what_it_made(house: House) -> None:
    dataset = house.a_dataset()
    first, second = house.an_image(dataset)["id"], house.an_image(dataset, "b.png")["id"]
    answer = house.post("/batch/images/copy", batch(dataset, [second, first, "x"])).json()
    assert [(each["source_id"], each["filename"]) for each in answer["created"]] == [
        (second, "b-2.png"),
        (first, "a-2.png"),
    ]
    for made in answer["created"]:
        assert house.get(f"/images/{made['id']}/metadata").json()["image"]["filename"] == made["filename"]
    assert (answer["renamed"], answer["affected_folders"]) == (0, ["/"])


def test_a_delete_says_which_it_was(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset, folder="/f")["id"]
    for permanent, word in ((False, "archived"), (False, "archived"), (True, "deleted")):
        answer = house.post("/batch/images/delete", batch(dataset, [image], permanent=permanent)).json()
        assert (answer["operation"], answer["processed"]) == (word, 1)
        assert answer["affected_folders"] == ["/f"]
    assert house.post("/batch/images/delete", batch(dataset, [image])).status_code == 404


def test_a_display_name_is_set_and_cleared(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    for name in ("Lorry at the quay", None):
        answer = house.ask(
            "PATCH", "/batch/images/update", json=batch(dataset, [image], updates={"display_name": name})
        )
        assert answer.json()["processed"] == 1
        assert house.get(f"/images/{image}/metadata").json()["image"]["display_name"] == name


def test_an_image_whose_name_was_taken_meanwhile_stays_archived(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    house.ask("DELETE", f"/images/{image}")
    house.an_image(dataset)
    answer = house.ask(
        "PATCH", "/batch/images/update", json=batch(dataset, [image], updates={"is_archived": False})
    )
    assert answer.status_code == 200
    (failure,) = answer.json()["failures"]
    assert (failure["code"], "a.png" in failure["reason"]) == ("skipped", True)
    assert house.get(f"/images/{image}/metadata").json()["image"]["is_archived"]


def test_all_that_match_failing_is_no_404(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    house.an_image(dataset, folder="/x")
    skip = batch(dataset, [image, "nope"], target_folder_path="/x", duplicate_handling="skip")
    answer = house.post("/batch/images/copy", skip)
    assert answer.status_code == 200
    assert (answer.json()["processed"], answer.json()["failed_count"]) == (0, 2)
    assert answer.json()["affected_folders"] == []


def test_a_batch_takes_the_dataset_by_name_or_id(house: House) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset)["id"]
    for key, value in (
        ("dataset_name", dataset["id"]),
        ("dataset_id", dataset["id"]),
        ("dataset", dataset["name"]),
    ):
        assert house.post("/batch/images/move", {key: value, "image_ids": [image]}).status_code == 200


def test_an_upload_url_is_given_to_both_generations(house: House) -> None:
    dataset = house.a_dataset()
    old = house.ticket(dataset, folder="/x")
    assert {"upload_url", "gcs_bucket", "gcs_path", "gcs_uri"} <= set(old)
    assert old["data"]["upload_url"] == old["upload_url"]
    assert old["upload_url"].startswith(house.url)
    assert (old["folder_path"], old["directory_path"], old["expires_in_minutes"]) == ("/x", "/x", 15)
    asked = {
        "dataset": dataset["name"],
        "filename": "b.png",
        "directory_path": "/y",
        "content_type": "image/png",
    }
    new, content = house.post("/images/upload-url", asked).json()["data"], a_picture()
    house.put(new, content)
    said = {"file_size": len(content), "content_type": "image/png", "width": 1, "height": None}
    made = house.post("/images/register", {**asked, **said})
    assert made.status_code == 201
    image = made.json()["data"]
    assert (image["directory_path"], image["width"], image["height"]) == (
        "/y",
        200,
        8,
    )  # measured, not believed


def test_a_public_url_is_what_addresses_begin_with(house: House) -> None:
    image = house.an_image(house.a_dataset())
    elsewhere = house.get(f"/images/{image['id']}/metadata", headers={"Host": "media.example:81"}).json()[
        "image"
    ]
    assert elsewhere["image_url"].startswith("http://media.example:81/storage/")


def test_several_uploads_keep_their_order_and_fail_one_by_one(house: House) -> None:
    dataset = house.a_dataset()
    house.an_image(dataset, "taken.png", folder="/x")
    names = ["a.png", "taken.png", "broken.png", "never-sent.png", "b.png"]
    files = [{"filename": name, "folder_path": "/x", "content_type": "image/png"} for name in names]
    asked = {"dataset_id": dataset["id"], "images": files}
    urls = house.post("/images/bulk-upload-url", asked).json()
    assert urls["upload_urls"] == urls["data"]["upload_urls"]
    assert [each["filename"] for each in urls["upload_urls"]] == names
    sizes = {}
    for ticket in urls["upload_urls"]:
        if ticket["filename"] != "never-sent.png":
            content = b"no image" if ticket["filename"] == "broken.png" else a_picture()
            sizes[ticket["filename"]] = len(content)
            house.put(ticket, content)
    files = [{"filename": name, "folder_path": "/x", "file_size": sizes.get(name, 5)} for name in names]
    done = house.post("/images/bulk-register", {"dataset_id": dataset["id"], "images": files}).json()
    assert [each["filename"] for each in done["registered"]] == ["a.png", "b.png"]
    assert [each["filename"] for each in done["data"]["succeeded"]] == ["a.png", "b.png"]
    assert [(each["filename"], each["code"]) for each in done["failed"]] == [
        ("taken.png", "conflict"),
        ("broken.png", "not_an_image"),
        ("never-sent.png", "upload_missing"),
    ]
    assert done["data"]["failed"] == done["failed"]
    assert "already exists" in done["failed"][0]["error"]


def test_two_files_of_one_name_in_one_registration_are_one_image(house: House) -> None:
    dataset, content = house.a_dataset(), a_picture()
    house.put(house.ticket(dataset), content)
    file = {"filename": "a.png", "file_size": len(content)}
    done = house.post("/images/bulk-register", {"dataset_id": dataset["id"], "images": [file, file]}).json()
    assert (len(done["registered"]), len(done["failed"])) == (1, 1)
    assert house.names(dataset) == ["a.png"]


@pytest.mark.parametrize("mode", ["full", "images_only", "annotations_only"])
def test_a_download_listing_gives_what_was_asked_for(house: House, mode: str) -> None:
    dataset = house.a_dataset()
    image = house.an_image(dataset, folder="/x")
    listed = house.get(
        f"/datasets/by-name/{dataset['name']}/download", params={"mode": mode, "limit": 10_000}
    ).json()
    assert listed["items"] == listed["data"]["items"]
    assert (listed["dataset_id"], listed["data"]["id"], listed["total_items"]) == (
        dataset["id"],
        dataset["id"],
        1,
    )
    (item,) = listed["items"]
    assert ("image_url" in item, "annotation_url" in item) == (
        mode != "annotations_only",
        mode != "images_only",
    )
    if mode == "full":
        assert house.http.get(item["image_url"]).status_code == 200
        assert house.http.get(item["annotation_url"]).status_code == 401
        assert house.ask("GET", item["annotation_url"]).json() == {"image": "a.png", "annotations": []}
        assert item["directory_path"] == image["folder_path"] == "/x"


def test_a_download_listing_may_be_of_one_status(house: House) -> None:
    dataset = house.a_dataset()
    images = {
        status: house.an_image(dataset, f"{status}.png")["id"] for status in ("new", "annotate", "review")
    }
    for status, image in images.items():
        house.ask("PATCH", "/batch/images/update", json=batch(dataset, [image], updates={"status": status}))
    for wanted, names in (("review", {"review.png"}), ("in_progress", {"annotate.png", "review.png"})):
        items = house.get(f"/datasets/{dataset['id']}/download", params={"status_filter": wanted}).json()[
            "items"
        ]
        assert {each["filename"] for each in items} == names


def test_classes_are_changed_by_what_differs_from_what_was_read(house: House) -> None:
    """Two people edit the list at once; neither loses what the other did."""
    red, blue, green = ({"name": name, "color": None} for name in ("red", "blue", "green"))
    dataset = house.a_dataset(classes=[red, blue])
    path = f"/datasets/{dataset['id']}"
    house.ask("PATCH", path, json={"classes": [red, blue, green], "classes_base": [red, blue]})
    house.ask("PATCH", path, json={"classes": [red | {"color": "#f00"}], "classes_base": [red, blue]})
    classes = house.get(path).json()["data"]["classes"]
    assert [(each["name"], each["color"]) for each in classes] == [("red", "#f00"), ("green", None)]


def test_an_empty_change_is_refused(house: House) -> None:
    dataset = house.a_dataset()
    for body in ({}, {"unknown": 1}, {"classes_base": []}):
        assert house.ask("PATCH", f"/projects/{dataset['name']}", json=body).status_code == 422
    other = house.a_dataset()
    taken = house.ask("PATCH", f"/projects/{dataset['name']}", json={"name": other["name"]})
    assert taken.status_code == 409
    same = house.ask("PATCH", f"/projects/{dataset['name']}", json={"name": dataset["name"], "readme": "# R"})
    assert (same.status_code, same.json()["data"]["readme"]) == (200, "# R")


def test_the_balance_is_nothing_and_says_that_the_key_is_good(house: House) -> None:
    balance = house.get("/credits/balance", role="viewer").json()
    assert set(balance.values()) == {0}
