"""Uploads, and files that are not what they say. The numbers are those of the protocol's list of cases."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from stackroom.database import schema
from stackroom.ingest.pieces import Pieces
from stackroom.storage.blobstore import MissingBytes
from stackroom.testing.origins import OriginServer
from stackroom.testing.pictures import picture
from stackroom.testing.processes import wait_until

from .house import House, refused
from .material import a_document, a_locked_document, a_sound, a_video, an_image
from .shelf import Shelf

SETTINGS = {"origin_allow": "127.0.0.1"}
MEBIBYTE = 2**20


@pytest.fixture(autouse=True)
def nothing_is_left_behind(house: House, shelf: Shelf) -> Iterator[None]:
    """Whatever was refused: no row, nothing staged, and every stored file somebody's."""
    yield
    of = schema.asset.c.organization_id == shelf.a.organization.id
    listed = house.get("/media", shelf.a, params={"limit": 100}).json()
    assert house.count(schema.asset, of) == len(listed)
    assert wait_until(lambda: not list(house.settings.staging_dir.iterdir()), seconds=10)


def test_c81_an_image_says_how_large_it_is(house: House, shelf: Shelf) -> None:
    content = picture("png", 1, 1)
    answer = house.upload(shelf.a, "image", "dot.png", content, "image/png")
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["width"], made["height"], made["media_type"]) == (1, 1, "image")
    assert made["id"] in made["url"]
    assert made["filename"] == made["original_filename"] == "dot.png"
    assert (made["content_type"], made["store_behavior"], made["expires_at"]) == ("image/png", "auto", None)
    assert not {"folder_id", "folder_name"} & made.keys()
    assert house.get(f"/images/{made['id']}", shelf.a).json() == made
    assert len(house.get(f"/images/{made['id']}/file", shelf.a).content) == made["file_size"]
    (row,) = house.audit(shelf.a, "file_uploaded")
    assert (row["details"]["file_id"], row["details"]["file_size"]) == (made["id"], made["file_size"])


def test_each_kind_says_what_is_known_of_it(house: House, shelf: Shelf) -> None:
    sound = shelf.sent("audio", "tone.wav", a_sound(), "audio/x-wav")
    assert (sound["sample_rate"], sound["channels"], sound["media_type"]) == (8_000, 1, "audio")
    assert sound["duration"] == pytest.approx(0.5, abs=0.1)
    document = shelf.sent("document", "two.pdf", a_document(pages=2), "application/pdf; charset=binary")
    assert (document["page_count"], document["media_type"]) == (2, "document")
    video = shelf.sent("video", "tour.mp4", a_video(), "video/mp4")
    assert (video["width"], video["height"], video["processing_status"]) == (320, 180, "pending")
    assert (video["hls_url"], video["variants"]) == (None, None) or video["hls_url"] is None
    listed = house.get("/media", shelf.a).json()
    assert [each["media_type"] for each in listed] == ["video", "document", "audio"]


def test_a_picture_that_lay_on_its_side_stands_up(house: House, shelf: Shelf) -> None:
    turned = picture("jpeg", 60, 40, orientation=6)
    made = shelf.sent("image", "phone.jpg", turned, "image/jpeg")
    assert (made["width"], made["height"]) == (40, 60)
    assert b"Exif" not in house.get(f"/images/{made['id']}/file", shelf.a).content[:400]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(("image", "x.png", picture("png", 9, 9), "image/jpeg"), id="C82"),
        pytest.param(
            ("image", "x.jpg", picture("png", 9, 9), "image/jpeg"), id="a PNG that says it is a JPEG"
        ),
        pytest.param(("image", "x.png", b"", "image/png"), id="nothing"),
        pytest.param(("image", "x.png", b"<script>", "image/png"), id="text"),
        pytest.param(("image", "x.png", picture("png", 90, 90)[:120], "image/png"), id="half an image"),
        pytest.param(("image", "x.svg", b"<svg/>", "image/svg+xml"), id="SVG"),
        pytest.param(("image", "x.tiff", picture("tiff"), "image/tiff"), id="TIFF"),
        pytest.param(("image", "x", picture("png"), "image/png"), id="no extension"),
        pytest.param(("image", "x.png.exe", picture("png"), "image/png"), id="another extension"),
        pytest.param(("image", "x.png", picture("png"), "application/octet-stream"), id="no type"),
        pytest.param(("image", "x.mp4", a_video, "video/mp4"), id="a video for an image"),
        pytest.param(("video", "x.mp4", b"once upon a time\n" * 100, "video/mp4"), id="text for a video"),
        pytest.param(("video", "x.mp4", lambda: a_video()[:600], "video/mp4"), id="the beginning of a video"),
        pytest.param(
            ("video", "x.mp4", b"\0\0\0\x18ftypisom" + bytes(500), "video/mp4"), id="only the magic"
        ),
        pytest.param(("video", "x.webm", a_video, "video/webm"), id="an MP4 that says it is WebM"),
        pytest.param(("video", "x.mp4", picture("png"), "video/mp4"), id="an image for a video"),
        pytest.param(("audio", "x.wav", b"RIFF\x24\0\0\0WAVE", "audio/wav"), id="a header without sound"),
        pytest.param(("audio", "x.wav", a_sound()[:44], "audio/wav"), id="sound of no length"),
        pytest.param(("audio", "x.mp3", a_sound(), "audio/mpeg"), id="a WAV that says it is an MP3"),
        pytest.param(("audio", "x.mp3", b"ID3" + bytes(3_000), "audio/mpeg"), id="an MP3 of nothing"),
        pytest.param(("audio", "x.flac", b"fLaC" + b"\xff" * 300, "audio/flac"), id="a broken FLAC"),
        pytest.param(("document", "x.pdf", a_locked_document(), "application/pdf"), id="an encrypted PDF"),
        pytest.param(
            ("document", "x.pdf", b"%PDF-1.4\nnothing more", "application/pdf"), id="a PDF of nothing"
        ),
        pytest.param(("document", "x.pdf", b"{\\rtf1}", "application/pdf"), id="RTF for a PDF"),
        pytest.param(("document", "x.doc", b"%PDF-1.4", "application/msword"), id="another document"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    house: House, shelf: Shelf, sent: tuple[str, str, bytes | Callable[[], bytes], str]
) -> None:
    kind, name, content, declared = sent
    whole = content() if callable(content) else content  # a video is not made while tests are collected
    said = refused(house.upload(shelf.a, kind, name, whole, declared), 400, "INVALID_INPUT")
    assert "Traceback" not in said["error"]
    assert str(house.settings.data_dir) not in str(said)


def test_who_sends_no_image_is_told_what_is_taken_here(house: House, shelf: Shelf) -> None:
    said = refused(house.upload(shelf.a, "image", "x.png", b"BM no", "image/png"), 400, "INVALID_INPUT")
    assert said["suggested_action"] == (
        "Taken are image/jpeg, image/png, image/gif, image/webp, image/avif"  # the library keeps BMP, too
    )


def test_c83_more_than_may_be_is_refused(house: House, shelf: Shelf) -> None:
    content = picture("png", 9, 9) + bytes(10 * MEBIBYTE)
    refused(house.upload(shelf.a, "image", "x.png", content, "image/png"), 413, "PAYLOAD_TOO_LARGE")
    wrong_as_well = house.upload(shelf.a, "image", "x.exe", content, "text/plain")
    refused(wrong_as_well, 413, "PAYLOAD_TOO_LARGE")  # its size is looked at first


def test_an_image_of_too_many_pixels_is_refused(house: House, shelf: Shelf) -> None:
    for side in (17_000, 60_000):  # also one that could be decoded, and would be if it were ingested
        bomb = _png_of_nothing(side, side)
        assert len(bomb) < 5_000_000
        said = refused(house.upload(shelf.a, "image", "bomb.png", bomb, "image/png"), 400, "INVALID_INPUT")
        assert said["error"] == f"The image is {side} by {side} pixels; the limit is 268435456 in all."


def _png_of_nothing(width: int, height: int) -> bytes:
    """A PNG whose header is all that there is of it."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("given", "permanent"), [("0", False), ("1", True), ("AUTO", True), ("auto", True)])
def test_how_long_it_is_kept_is_said_by_store(
    house: House, shelf: Shelf, given: str, permanent: bool
) -> None:
    answer = house.upload(shelf.a, "image", "x.png", an_image(), "image/png", store=given)
    assert (answer.json()["store_permanently"], answer.json()["expires_at"] is None) == (permanent, permanent)
    assert answer.json()["store_behavior"] == given


def test_c84_what_store_may_be_is_few_things(house: House, shelf: Shelf) -> None:
    for store in ("2", "yes", "", "-1"):
        answer = house.ask(
            "POST",
            "/images",
            of=shelf.a,
            params={"store": store},
            files={"file": ("x.png", an_image(), "image/png")},
        )
        refused(answer, 400, "INVALID_INPUT")


def test_c85_there_is_one_file(house: House, shelf: Shelf) -> None:
    part = ("x.png", an_image(), "image/png")
    refused(
        house.ask("POST", "/images", of=shelf.a, files=[("file", part), ("file", part)]), 400, "INVALID_INPUT"
    )
    none = refused(house.ask("POST", "/images", of=shelf.a, files={"other": part}), 400, "INVALID_INPUT")
    assert none["error"] == "No file provided"
    refused(house.ask("POST", "/images", of=shelf.a, data={"file": "a word"}), 400, "INVALID_INPUT")
    besides = house.ask("POST", "/images", of=shelf.a, data={"title": "x"}, files={"file": part})
    assert besides.status_code == 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/x.png", "x.png"),
        ("..\\..\\x.png", "x.png"),
        ("/absolute/path/to/x.png", "x.png"),
        ("a b&c<d>.png", "a_b_c_d_.png"),
        ("héllo wörld.png", None),
        ("x\x00y.png", None),
        ("." * 3 + "x.png", ...),
        ("a..b.png", ...),
        ("n" * 300 + ".png", None),
    ],
    ids=["C86", "windows", "absolute", "marks", "letters", "nul", "dots", "dots within", "long"],
)
def test_a_name_is_made_clean(house: House, shelf: Shelf, given: str, kept: Any) -> None:
    answer = house.upload(shelf.a, "image", given, an_image(), "image/png")
    if kept is ... or answer.status_code == 400:
        refused(answer, 400, "INVALID_INPUT")
        assert kept is not str
        return
    assert answer.status_code == 200, answer.text
    name = answer.json()["filename"]
    assert name == kept or kept is None
    assert "/" not in name
    assert "\x00" not in name
    assert len(name) <= 255


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "multipart/form-data"}, b"--x--", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--y\r\n\r\n--y--\r\n", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n" + b"H: " + b"h" * 100_000, 400),
        ({"Content-Type": "multipart/form-data; boundary=" + "b" * 5_000}, b"--b--", 400),
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "image/png"}, picture("png"), 415),
        ({}, b"", 415),
    ],
    ids=[
        "no boundary",
        "empty",
        "another boundary",
        "endless header",
        "long boundary",
        "json",
        "bare",
        "nothing",
    ],
)
def test_a_body_that_is_no_form_is_refused(
    house: House, shelf: Shelf, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = house.ask("POST", "/images", of=shelf.a, content=body, headers=headers)
    assert answer.status_code in {400, status}, answer.text
    refused(answer, answer.status_code, answer.json()["code"])


def test_a_file_that_is_cut_off_is_not_taken(house: House, shelf: Shelf) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for rest in (b"", an_image(), an_image() + b"\r\n--x"):
        answer = house.ask("POST", "/images", of=shelf.a, content=body + rest, headers=headers)
        refused(answer, 400, "INVALID_INPUT")
    whole = house.ask(
        "POST", "/images", of=shelf.a, content=body + an_image() + b"\r\n--x--\r\n", headers=headers
    )
    assert whole.status_code == 200, whole.text


def test_a_file_may_go_into_a_folder_at_once(house: House, shelf: Shelf) -> None:
    made = shelf.sent("image", "x.png", an_image(), "image/png", folder_id=shelf.folder)
    assert house.get(f"/images/{made['id']}", shelf.a).json()["folder_id"] == shelf.folder
    for folder in (shelf.unknown, "nope"):
        answer = house.upload(shelf.a, "image", "y.png", an_image(), "image/png", folder_id=folder)
        assert answer.status_code == 400


def test_a_file_is_fetched_from_its_address(house: House, shelf: Shelf, tmp_path: Any) -> None:
    (tmp_path / "harbour.png").write_bytes(content := an_image())
    (tmp_path / "words.png").write_bytes(b"no image at all")
    with OriginServer(tmp_path) as origin:

        def fetch(url: str) -> Any:
            return house.ask("POST", "/images/from-url", of=shelf.a, params={"url": url})

        answer = fetch(origin.url("harbour.png"))
        assert answer.status_code == 201, answer.text
        made = answer.json()["image"]
        assert (made["filename"], made["width"]) == ("harbour.png", 40)
        kept = house.get(f"/images/{made['id']}/file", shelf.a).content
        assert hashlib.sha256(kept).digest() == hashlib.sha256(content).digest()
        (row,) = house.audit(shelf.a, "file_uploaded")
        assert row["details"].get("initiator", "url_upload") == "url_upload"
        for path in (
            "words.png",
            "none.png",
            "status/500/harbour.png",
            "close/harbour.png",
            "short/harbour.png",
        ):
            refused(fetch(origin.url(path)), 400, "INVALID_INPUT")
        refused(fetch(origin.url_to("http://10.0.0.1/x.png")), 400, "INVALID_INPUT")
        refused(fetch(origin.url("endless/harbour.png")), 413, "PAYLOAD_TOO_LARGE")
    for url in ("http://10.0.0.1/x.png", "http://localhost/x.png", "ftp://h/x.png", "file:///etc/passwd", ""):
        refused(fetch(url), 400, "INVALID_INPUT")


def test_a_repeat_is_answered_though_neither_the_address_nor_the_folder_is_there_any_more(
    house: House, shelf: Shelf, tmp_path: Any
) -> None:
    (tmp_path / "harbour.png").write_bytes(an_image())
    once = {"Idempotency-Key": "fetched"}
    with OriginServer(tmp_path) as origin:
        wanted = {"url": origin.url("harbour.png"), "folder_id": shelf.folder}
        first = house.ask("POST", "/images/from-url", of=shelf.a, params=wanted, headers=once)
    assert first.status_code == 201, first.text
    assert house.delete(f"/images/{first.json()['image']['id']}", shelf.a).status_code == 204
    assert house.delete(f"/folders/{shelf.folder}", shelf.a).status_code == 204
    again = house.ask("POST", "/images/from-url", of=shelf.a, params=wanted, headers=once)
    assert (again.status_code, again.json()) == (201, first.json())


def start(house: House, shelf: Shelf, content: bytes, chunk: int, **said: Any) -> Any:
    body = {
        "filename": "pieces.png",
        "content_type": "image/png",
        "file_size": len(content),
        "media_type": "image",
        "chunk_size": chunk,
        **said,
    }
    return house.post("/uploads/chunked/start", body, shelf.a)


def test_a_file_may_come_in_pieces_in_any_order(house: House, shelf: Shelf) -> None:
    content = picture("png", 300, 200, seed=5)
    size = len(content) // 3 + 1
    begun = start(house, shelf, content, size, metadata={"k": "v"})
    assert begun.status_code == 200, begun.text
    session, count = begun.json()["session_id"], begun.json()["chunk_count"]
    assert (count, begun.json()["chunk_size"], len(begun.json()["chunk_urls"])) == (3, size, 3)
    base = f"/uploads/chunked/{session}"

    def put(index: int, of: Any = None, piece: bytes | None = None) -> Any:
        body = content[index * size : (index + 1) * size] if piece is None else piece
        kind = {"Content-Type": "application/octet-stream"}
        return house.ask("PUT", f"{base}/chunk/{index}", of=of or shelf.a, content=body, headers=kind)

    progress = house.get(f"{base}/progress", shelf.a).json()
    assert (progress["status"], progress["chunks_uploaded"], progress["total_chunks"]) == ("pending", 0, 3)
    for index in (2, 0, 0):
        assert put(index).status_code == 200
    seen = house.get(f"{base}/progress", shelf.a).json()
    assert (seen["chunks_uploaded"], seen["status"]) == (2, "uploading")
    assert seen["uploaded_size"] == size + len(content) - 2 * size
    refused(house.post(f"{base}/complete", {"upload_id": session}, shelf.a), 400, "INVALID_INPUT")
    assert put(1, of=shelf.b).status_code == 404
    assert put(3).status_code == 400
    assert put(-1).status_code in {400, 404}
    assert put(1).status_code == 200
    for wrong in ({"upload_id": shelf.unknown}, {}, {"upload_id": 3}):
        assert house.post(f"{base}/complete", wrong, shelf.a).status_code == 400
    assert house.post(f"{base}/complete", {"upload_id": session}, shelf.b).status_code == 404
    done = house.post(f"{base}/complete", {"upload_id": session}, shelf.a)
    assert done.status_code == 200, done.text
    media = done.json()["id"]
    shown = house.get(f"/images/{media}", shelf.a).json()
    assert (shown["width"], shown["height"], shown["filename"]) == (300, 200, "pieces.png")
    assert house.get(f"/media/{media}/metadata", shelf.a).json()["metadata"]["user"] == {"k": "v"}
    assert house.get(f"{base}/progress", shelf.a).json()["status"] == "completed"
    again = house.post(f"{base}/complete", {"upload_id": session}, shelf.a)
    assert (again.status_code, again.json()) == (200, done.json())
    assert len(house.get("/images", shelf.a).json()) == 1
    prefix = house.read(lambda conn: conn.scalars(select(schema.upload_session.c.prefix)).all())[-1]
    house.services.sweep_soon.set()
    assert wait_until(lambda: not house.stored(prefix), seconds=20)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"chunk_size": 0}, 400),
        ({"chunk_size": 2**63}, 400),
        ({"chunk_size": 10**30}, 400),
        ({"chunk_size": 1, "file_size": 10_001}, 400),
        ({"file_size": -1}, 400),
        ({"file_size": 11 * MEBIBYTE, "chunk_size": MEBIBYTE}, 413),
        ({"media_type": "cake"}, 400),
        ({"content_type": "text/plain"}, 400),
        ({"filename": "x.exe"}, 400),
        ({"filename": "../.."}, 400),
        ({"store": "2"}, 400),
        ({"metadata": {"plugin_x": 1}}, 400),
        ({"metadata": []}, 400),
        ({"file_size": "many"}, 400),
    ],
)
def test_what_cannot_come_in_pieces_is_refused_at_the_start(
    house: House, shelf: Shelf, said: dict[str, Any], status: int
) -> None:
    answer = start(house, shelf, b"x" * 100, 10, **said)
    refused(answer, status, answer.json()["code"])


def test_completing_is_retried_with_the_same_key(house: House, shelf: Shelf) -> None:
    session, once = in_one_piece(house, shelf), {"Idempotency-Key": "once"}

    def complete(**more: Any) -> Any:
        path = f"/uploads/chunked/{session}/complete"
        return house.post(path, {"upload_id": session, **more}, shelf.a, headers=once)

    done, again = complete(), complete()
    assert (done.status_code, again.status_code, again.json()) == (200, 200, done.json())
    assert again.headers["X-Idempotent-Replayed"] == "true"
    refused(complete(metadata={"k": "another"}), 422, "IDEMPOTENCY_KEY_REUSED")


def test_who_completes_a_moment_later_is_told_of_the_same_item(
    house: House, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = in_one_piece(house, shelf)
    told: list[Any] = []

    def complete() -> Any:
        return house.post(f"/uploads/chunked/{session}/complete", {"upload_id": session}, shelf.a)

    async def after_another(_: Any, chunks: Any, __: Any) -> None:
        monkeypatch.undo()
        told.append(await asyncio.to_thread(complete))
        raise MissingBytes(f"{chunks[0].storage_key} is not here any more")

    monkeypatch.setattr(Pieces, "assemble", after_another)
    late = complete()
    assert (late.status_code, late.json()) == (200, told[0].json())
    assert len(house.get("/images", shelf.a).json()) == 1


def test_a_folder_that_is_gone_is_not_the_fault_of_the_file(house: House, shelf: Shelf) -> None:
    session = in_one_piece(house, shelf, folder_id=shelf.folder)
    assert house.delete(f"/folders/{shelf.folder}", shelf.a).status_code == 204
    base = f"/uploads/chunked/{session}"
    refused(house.post(f"{base}/complete", {"upload_id": session}, shelf.a), 400, "INVALID_INPUT")
    assert house.get(f"{base}/progress", shelf.a).json()["status"] == "uploading"


def in_one_piece(house: House, shelf: Shelf, **said: Any) -> str:
    """An upload that only wants to be completed."""
    content = picture("png", 30, 20)
    session: str = start(house, shelf, content, 10_000, **said).json()["session_id"]
    kind = {"Content-Type": "application/octet-stream"}
    path = f"/uploads/chunked/{session}/chunk/0"
    assert house.ask("PUT", path, of=shelf.a, content=content, headers=kind).status_code == 200
    return session


def test_pieces_that_are_no_image_make_none(house: House, shelf: Shelf) -> None:
    content = b"once upon a time" * 10
    session = start(house, shelf, content, 1_000).json()["session_id"]
    kind = {"Content-Type": "application/octet-stream"}
    base = f"/uploads/chunked/{session}"
    too_much = house.ask("PUT", f"{base}/chunk/0", of=shelf.a, content=content + b"!", headers=kind)
    assert too_much.status_code == 400
    assert house.ask("PUT", f"{base}/chunk/0", of=shelf.a, content=content, headers=kind).status_code == 200
    refused(house.post(f"{base}/complete", {"upload_id": session}, shelf.a), 400, "INVALID_INPUT")
    assert house.get("/images", shelf.a).json() == []
