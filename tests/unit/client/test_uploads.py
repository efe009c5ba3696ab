"""Uploads: three steps in order, each file's fate, and nothing twice."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image as Pixels

from stackroom import ApiError, ConflictError, InvalidArgument, NetworkError, ServerError, ValidationError
from stackroom.client import files, uploads
from stackroom.ingest.uploads import ACCEPTED_TYPES
from stackroom.media.formats import Format

from .fake_server import FakeServer


@pytest.fixture
def dataset_id(server: FakeServer) -> str:
    return str(server.dataset("depot")["id"])


def test_an_upload_asks_sends_and_registers(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    seen: list[tuple[int, int]] = []
    image = client.images.upload(dataset_id, photo, folder_path="/cars", progress=lambda *it: seen.append(it))
    assert (image.filename, image.folder_path, image.file_size) == ("photo.jpg", "/cars", 2_100_000)
    assert server.bytes[image.id] == photo.read_bytes()
    assert seen == [(1_048_576, 2_100_000), (2_097_152, 2_100_000), (2_100_000, 2_100_000)]
    assert [(it.method, it.url.path) for it in server.requests] == [
        ("POST", "/api/v1/developer/images/upload-url"),
        ("PUT", "/storage/up-2"),
        ("POST", "/api/v1/developer/images/register"),
    ]
    asked, sent, registered = server.requests
    assert server.body(asked) == {
        "dataset_id": dataset_id,
        "filename": "photo.jpg",
        "folder_path": "/cars",
        "content_type": "image/jpeg",
    }
    assert server.body(registered) == server.body(asked) | {
        "file_size": 2_100_000,
        "width": None,
        "height": None,
    }
    assert sent.headers["Content-Type"] == "image/jpeg"
    assert sent.headers["Content-Length"] == "2100000"
    assert not {"X-API-Key", "Idempotency-Key", "Transfer-Encoding"} & set(sent.headers)


def test_the_dimensions_are_those_one_sees(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    exif = Pixels.Exif()
    exif[files.EXIF_ORIENTATION] = 6
    Pixels.new("RGB", (5, 3)).save(tmp_path / "turned.jpg", exif=exif)
    Pixels.new("RGB", (5, 3)).save(tmp_path / "plain.png")
    turned = client.images.upload(dataset_id, tmp_path / "turned.jpg")
    plain = client.images.upload(dataset_id, str(tmp_path / "plain.png"))
    assert (turned.width, turned.height) == (3, 5)
    assert (plain.width, plain.height) == (5, 3)


def test_without_pillow_the_server_measures(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(files.importlib, "import_module", absent)
    assert files.look_at(photo).width is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("A.JPG", "image/jpeg"), ("b.tif", "image/tiff"), ("c.heic", "image/heic"), ("d.heif", "image/heif")],
)
def test_the_type_follows_from_the_extension(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()
    assert files.look_at(tmp_path / name).content_type == kind


def test_every_format_that_is_kept_can_be_uploaded() -> None:
    kept = {each.content_type for each in Format} | {"image/heif"}
    assert set(files.CONTENT_TYPES.values()) == ACCEPTED_TYPES == kept


def test_an_unsupported_extension_is_refused_here(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValidationError) as caught:
        client.images.upload(dataset_id, tmp_path / "notes.txt")
    assert isinstance(caught.value, ValueError)
    assert server.requests == []
    image = client.images.upload(
        dataset_id, tmp_path / "notes.txt", filename="scan.img", content_type="image/png"
    )
    assert (image.filename, image.content_type) == ("scan.img", "image/png")


def test_a_missing_file_is_told_before_any_request(client: Any, server: FakeServer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.images.upload("ds", tmp_path / "nowhere.jpg")
    with pytest.raises(FileNotFoundError):
        client.images.upload("ds", tmp_path)
    assert server.requests == []


def test_a_taken_name_is_a_conflict_before_the_bytes_travel(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    client.images.upload(dataset_id, photo)
    with pytest.raises(ConflictError, match="already exists"):
        client.images.upload(dataset_id, photo)
    assert len(server.calls("PUT")) == 1
    assert client.images.upload(dataset_id, photo, folder_path="/elsewhere").folder_path == "/elsewhere"


def test_a_key_of_ones_own_makes_the_second_upload_the_first_again(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    first = client.images.upload(dataset_id, photo, idempotency_key="k" * 255)
    again = client.images.upload(dataset_id, photo, idempotency_key="k" * 255)
    assert again == first
    assert len(server.images) == 1
    asked, registered = (it.headers["Idempotency-Key"] for it in server.requests[:3] if it.method == "POST")
    assert registered == "k" * 255
    assert asked != registered


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines", " spaces ", "k" * 256])
def test_a_key_that_no_header_can_carry_is_told_before_any_request(
    client: Any, server: FakeServer, dataset_id: str, photo: Path, key: str
) -> None:
    with pytest.raises(InvalidArgument, match="no idempotency key"):
        client.images.upload(dataset_id, photo, idempotency_key=key)
    with pytest.raises(InvalidArgument, match="no idempotency key"):
        client.operations.move("/sorted", ids=["a"], idempotency_key=key)
    assert server.requests == []


def test_a_used_address_is_an_error_when_no_earlier_call_explains_it(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    server.script += [None, httpx.Response(403)]
    with pytest.raises(ApiError):
        client.images.upload(dataset_id, photo, idempotency_key="k")
    assert len(server.requests) == 2


def test_a_key_of_ones_own_is_good_for_another_try_when_the_address_of_the_first_is_not_any_more(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    server.script += [None, httpx.Response(413)]
    with pytest.raises(ApiError):
        client.images.upload(dataset_id, photo, idempotency_key="k")
    for address in server.signed.values():
        address["used_up"] = True
    image = client.images.upload(dataset_id, photo, idempotency_key="k")
    assert server.bytes[image.id] == photo.read_bytes()
    assert client.images.upload(dataset_id, photo, idempotency_key="k") == image


@pytest.mark.parametrize("failure", [lambda: httpx.Response(503), lambda: httpx.WriteError("reset")])
def test_the_bytes_are_sent_again_from_the_start(
    client: Any, server: FakeServer, dataset_id: str, photo: Path, failure: Any
) -> None:
    server.script += [None, failure()]
    image = client.images.upload(dataset_id, photo)
    assert server.bytes[image.id] == photo.read_bytes()
    assert len(server.calls("PUT")) == 2


@pytest.mark.parametrize(("status", "kind"), [(413, ApiError), (415, ValidationError)])
def test_a_file_that_is_too_big_or_of_the_wrong_kind_is_not_registered(
    client: Any, server: FakeServer, dataset_id: str, photo: Path, *, status: int, kind: type[ApiError]
) -> None:
    server.script += [None, httpx.Response(status)]
    with pytest.raises(ApiError) as caught:
        client.images.upload(dataset_id, photo)
    assert type(caught.value) is kind
    assert server.calls("POST", "register") == []


def test_a_file_that_shrinks_on_the_way_is_not_registered(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    with pytest.raises(InvalidArgument, match="shrunk"):
        client.images.upload(dataset_id, photo, progress=lambda *_: photo.write_bytes(b""))
    assert server.calls("POST", "register") == []


def test_an_empty_file_is_the_servers_to_judge(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    assert client.images.upload(dataset_id, tmp_path / "empty.png").file_size == 0
    assert server.calls("PUT")[0].headers["Content-Length"] == "0"


def test_a_relative_upload_address_is_understood_and_a_broken_one_is_the_servers_fault(
    client: Any, server: FakeServer, dataset_id: str, photo: Path
) -> None:
    server.script.append(httpx.Response(200, json={"data": {"upload_url": "/storage/x?sig=1"}}))
    server.signed["x"] = {
        "dataset_id": dataset_id,
        "filename": "photo.jpg",
        "folder_path": "/",
        "content_type": "image/jpeg",
    }
    assert client.images.upload(dataset_id, photo).filename == "photo.jpg"
    server.script.append(httpx.Response(200, json={"upload_url": "http://host:none/x"}))
    with pytest.raises(ServerError):
        client.images.upload(dataset_id, photo)


def pictures(folder: Path, number: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    made = [folder / f"{it:04}.png" for it in range(number)]
    for path in made:
        path.write_bytes(path.name.encode())
    return made


def test_more_files_than_fit_a_request_go_in_several(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uploads.MOST_FILES_AT_ONCE == 500
    for side in ("_sync", "_async"):
        monkeypatch.setattr(f"stackroom.client.{side}.images.MOST_FILES_AT_ONCE", 20)
    sent = pictures(tmp_path / "many", 41)
    seen: list[tuple[int, int, str]] = []
    report = client.images.bulk_upload(
        dataset_id, sent, folder_path="/many", progress=lambda *it: seen.append(it)
    )
    assert report.success
    assert [it.filename for it in report.images] == [it.name for it in sent]
    assert [len(server.body(it)["images"]) for it in server.calls("POST")] == [20, 20, 20, 20, 1, 1]
    assert [it[0] for it in seen] == list(range(1, 42))


def test_one_bad_file_does_not_stop_the_others(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    server.image("depot", "0001.png")
    a, taken, c = pictures(tmp_path / "a", 3)
    (twin, *_) = pictures(tmp_path / "b", 1)
    twin.write_bytes(b"of another picture")
    report = client.images.bulk_upload(dataset_id, [a, taken, c, twin, tmp_path / "nowhere.png"])
    assert [it.filename for it in report.images] == ["0000.png", "0002.png"]
    assert {it.path: it.reason for it in report.failures} == {
        tmp_path / "nowhere.png": f"{tmp_path / 'nowhere.png'} is no file",
        taken: "'0001.png' already exists in /",
        twin: "another of these files is named '0000.png', too",
    }
    assert not report.success
    assert server.bytes[report.images[0].id] == a.read_bytes()


def test_of_many_files_those_whose_names_no_image_can_have_are_not_asked_for(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    """The server refuses all of a request for one such name."""
    plain, bent, broken = (tmp_path / name for name in ("a.png", "b\\c.png", "d\ne.png"))
    for path in (plain, bent, broken):
        path.write_bytes(path.name.encode())
    report = client.images.bulk_upload(dataset_id, [bent, plain, broken])
    assert [it.filename for it in report.images] == ["a.png"]
    assert {it.path: it.reason.partition(": ")[2] for it in report.failures} == {
        bent: "the name holds a slash.",
        broken: "the name holds a control character.",
    }
    assert [len(server.body(it)["images"]) for it in server.calls("POST")] == [1, 1]


def test_a_file_that_cannot_be_sent_is_not_registered_but_the_rest_is(
    make_client: Callable[..., Any], server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    sent = pictures(tmp_path / "two", 2)
    server.script += [None, httpx.Response(413)]
    report = make_client().images.bulk_upload(dataset_id, sent, max_workers=1)
    assert [it.filename for it in report.images] == ["0001.png"]
    assert [(it.path, it.reason) for it in report.failures] == [(sent[0], "HTTP 413")]


def test_no_files_need_no_requests(client: Any, server: FakeServer) -> None:
    assert client.images.bulk_upload("ds", []).images == []
    with pytest.raises(InvalidArgument, match="one string"):
        client.images.bulk_upload("ds", "a.png")
    assert server.requests == []


def test_an_answer_with_too_few_addresses_is_the_servers_fault(
    client: Any, server: FakeServer, dataset_id: str, tmp_path: Path
) -> None:
    server.script.append(httpx.Response(200, json={"upload_urls": []}))
    with pytest.raises(ServerError):
        client.images.bulk_upload(dataset_id, pictures(tmp_path / "two", 2))


# --- a whole folder ----------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("top.jpg", "cars/a.JPG", "cars/red/b.png", "boats/c.heic", "notes.txt", "cars/readme.md"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "photos"


def places(server: FakeServer) -> dict[str, str]:
    return {it["filename"]: it["virtual_folder_path"] for it in server.images.values()}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"top.jpg": "/", "a.JPG": "/cars", "b.png": "/cars", "c.heic": "/boats"}),
        ({"organize_by_class": False}, dict.fromkeys(("top.jpg", "a.JPG", "b.png", "c.heic"), "/")),
        (
            {"preserve_structure": True},
            {"top.jpg": "/", "a.JPG": "/cars", "b.png": "/cars/red", "c.heic": "/boats"},
        ),
        ({"parallel": False}, {"top.jpg": "/", "a.JPG": "/cars", "b.png": "/cars", "c.heic": "/boats"}),
    ],
)
def test_a_folder_becomes_a_dataset(
    upload_folder: Any, server: FakeServer, tree: Path, options: dict[str, Any], expected: dict[str, str]
) -> None:
    seen: list[tuple[int, int, str]] = []
    report = upload_folder("depot", tree, progress=lambda *it: seen.append(it), **options)
    assert (report.dataset_name, report.images_attempted, report.images_uploaded) == ("depot", 4, 4)
    assert (report.success, report.failures) == (True, [])
    assert places(server) == expected
    assert [it[:2] for it in seen] == [(number, 4) for number in (1, 2, 3, 4)]
    assert {it[2] for it in seen} == set(expected)


def test_a_second_run_skips_what_is_there(upload_folder: Any, server: FakeServer, tree: Path) -> None:
    upload_folder("depot", tree)
    (tree / "new.png").touch()
    report = upload_folder("depot", tree)
    assert (report.images_uploaded, report.images_skipped, report.failures) == (1, 4, [])
    assert report.success
    assert not upload_folder("depot", tree).success, "nothing was uploaded"
    strict = upload_folder("depot", tree, skip_existing=False)
    assert (strict.images_skipped, len(strict.failures)) == (0, 5)
    assert strict.failures[0].reason.startswith("conflict: ")


def test_which_of_very_many_are_there_is_seen_in_a_list(
    upload_folder: Any, server: FakeServer, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    pictures(tree, 120)
    (tree / "caf\u00e9.png").touch()  # in one spelling, and then in the other
    assert upload_folder("depot", tree).images_uploaded == 121
    (tree / "caf\u00e9.png").rename(tree / "cafe\u0301.png")
    (tree / "new.png").touch()
    server.requests.clear()
    seen: list[str] = []
    report = upload_folder("depot", tree, progress=lambda *it: seen.append(it[2]))
    assert (report.images_attempted, report.images_uploaded, report.images_skipped) == (122, 1, 121)
    assert len(seen) == 122
    assert len(server.requests) < 10


@pytest.mark.parametrize("why", ["the dataset holds much else", "there is no list", "conflicts are wanted"])
def test_otherwise_each_of_them_is_asked_for(
    upload_folder: Any, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    pictures(tmp_path / "tree", 100)
    upload_folder("depot", tmp_path / "tree")
    server.requests.clear()
    if why == "the dataset holds much else":
        for side in ("_sync", "_async"):
            monkeypatch.setattr(f"stackroom.client.{side}.upload_folder.ROWS_PER_FILE", 0)
    if why == "there is no list":
        server.script += [None, None, httpx.Response(404)]
    report = upload_folder("depot", tmp_path / "tree", skip_existing=why != "conflicts are wanted")
    assert report.images_skipped + len(report.failures) == 100
    assert not report.images_skipped or not report.failures
    assert len([it for it in server.requests if it.url.path.endswith("/upload-url")]) == 100


def test_a_server_that_says_400_for_a_taken_name_is_understood(
    upload_folder: Any, server: FakeServer, tmp_path: Path
) -> None:
    pictures(tmp_path / "one", 1)
    server.dataset("depot")
    server.script += [None, httpx.Response(400, json={"detail": "File Already Exists"})]
    assert upload_folder("depot", tmp_path / "one").images_skipped == 1


def test_a_failing_file_is_reported_and_the_rest_goes_on(
    upload_folder: Any, server: FakeServer, tree: Path
) -> None:
    server.dataset("depot")
    (tree / "boats/c.heic").chmod(0)
    (tree / "dangling.png").symlink_to(tree / "nowhere")
    server.script += [None, httpx.Response(415)]
    report = upload_folder("depot", tree, parallel=False)
    reasons = {it.path.name: it.reason for it in report.failures}
    assert reasons.pop("c.heic", "HTTP 415") == "HTTP 415"
    assert report.images_uploaded == 3


def test_a_file_or_folder_whose_name_is_no_text_fails_alone(
    upload_folder: Any, server: FakeServer, tree: Path
) -> None:
    (tree / os.fsdecode(b"caf\xe9.png")).touch()
    folder = tree / os.fsdecode(b"\xfcbung")
    folder.mkdir()
    (folder / "in.png").touch()
    report = upload_folder("depot", tree)
    assert report.images_uploaded == 4
    assert {os.fsencode(it.path.name): it.reason for it in report.failures} == {
        b"caf\xe9.png": r"'caf\udce9.png': the name is no text.",
        b"in.png": r"'/\udcfcbung' is no text that can be sent.",
    }


def test_a_missing_dataset_is_made_unless_that_is_unwanted(
    upload_folder: Any, server: FakeServer, tree: Path
) -> None:
    with pytest.raises(ApiError) as caught:
        upload_folder("depot", tree, create_if_missing=False)
    assert caught.value.status_code == 404
    upload_folder("depot", tree)
    assert list(server.datasets) == ["depot"]


def test_a_dataset_that_somebody_makes_in_between_is_used(
    upload_folder: Any, server: FakeServer, tree: Path
) -> None:
    server.dataset("depot")
    server.script.append(httpx.Response(404))
    assert upload_folder("depot", tree).success


def test_a_folder_without_images_is_an_empty_report_and_a_missing_one_an_error(
    upload_folder: Any, server: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    report = upload_folder("depot", tmp_path / "empty")
    assert (report.images_attempted, report.success) == (0, False)
    before = len(server.requests)
    with pytest.raises(FileNotFoundError):
        upload_folder("depot", tmp_path / "nowhere")
    assert len(server.requests) == before


def test_a_mistake_in_the_callers_code_is_not_swallowed(
    upload_folder: Any, server: FakeServer, tree: Path
) -> None:
    def mistaken(*_: object) -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        upload_folder("depot", tree, progress=mistaken)


def test_a_connection_that_stays_away_fails_the_files_not_the_run(
    upload_folder: Any, server: FakeServer, tmp_path: Path
) -> None:
    pictures(tmp_path / "one", 1)
    server.dataset("depot")
    server.script += [None, *[httpx.ConnectError("refused")] * 4]
    (failure,) = upload_folder("depot", tmp_path / "one").failures
    assert "refused" in failure.reason
    assert issubclass(NetworkError, Exception)


def test_a_folder_that_may_not_be_read_is_a_failure_and_not_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / "a" / "x.jpg").touch()
    scan = os.scandir

    def scandir(path: str) -> Any:
        if Path(path) == locked:  # permissions do not hold root off, as whom tests may run
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "access", lambda path, _mode: path != locked)
    found = files.find_images(tmp_path, organize_by_class=True, preserve_structure=False)
    assert [each.path for each in found] == [tmp_path / "a" / "x.jpg", locked]
    with pytest.raises(PermissionError, match="may not be read"):
        files.look_at(locked)
