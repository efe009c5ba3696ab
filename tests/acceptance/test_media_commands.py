"""Media of all kinds from the command line, and by the SDK that it uses."""

import json
import wave
from pathlib import Path

import pytest

from stackroom import Client, InvalidArgument, NotFoundError, ValidationError
from stackroom.testing.live import LiveServer
from stackroom.testing.pictures import picture

from .conftest import QuickShell, Shell

UNKNOWN = "019f3c1e-7a4b-7c53-9d21-5f0c2a6b8e14"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """`photo.png`, `tone.wav` and `words.png`, which is none."""
    (tmp_path / "photo.png").write_bytes(picture("png", 40, 30))
    (tmp_path / "words.png").write_text("no picture at all")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(8_000))
    return tmp_path


def test_files_are_sent_listed_brought_copied_and_removed(shell: Shell, files: Path) -> None:
    sent = shell("media", "upload", files / "photo.png", files / "tone.wav", "--json")
    assert sent.code == 0, sent.err
    image, sound = (each["id"] for each in sent.json["media"])
    assert [each["kind"] for each in sent.json["media"]] == ["image", "audio"]
    listed = shell("media", "ls", "--json").json["media"]
    assert [(each["id"], each["filename"]) for each in listed] == [(sound, "tone.wav"), (image, "photo.png")]
    assert shell("media", "ls", "--kind", "audio", "--ids").out.split() == [sound]
    brought = shell("media", "get", image, "-o", files / "here.png", "--json").json
    assert brought["bytes"] == (files / "here.png").stat().st_size > 0
    copied = shell("media", "cp", sound, "--json").json["results"]
    assert [each["status"] for each in copied] == [201]
    removed = shell("media", "rm", image, copied[0]["new_id"], UNKNOWN, "--yes", "--json")
    assert (removed.code, [each["status"] for each in removed.json["results"]]) == (1, [204, 204, 404])
    assert shell("media", "ls", "--ids").out.split() == [sound]
    assert shell("media", "rm", sound, stdin="n\n").code == 2
    assert shell("media", "get", image).code == 4


def test_what_is_no_medium_does_not_stop_the_rest(shell: Shell, files: Path) -> None:
    sent = shell(
        "media",
        "upload",
        files / "words.png",
        files / "none.mp4",
        files / "photo.png",
        "--for-a-day",
        "--json",
    )
    assert (sent.code, sent.json["uploaded"], sent.json["failed"]) == (1, 1, 2)
    made = sent.json["media"][2]["id"]
    (listed,) = (each for each in shell("media", "ls", "--json").json["media"] if each["id"] == made)
    assert listed["store_permanently"] is False
    (files / "notes.txt").write_text("x")
    assert shell("media", "upload", files / "notes.txt").code == 1
    assert shell("media", "ls", "--kind", "cake").code == 2
    assert json.loads(shell("media", "get", UNKNOWN, "--json").err)["error"]["exit_code"] == 4


def test_the_sdk_takes_any_number_and_goes_on_where_it_broke_off(server: LiveServer, files: Path) -> None:
    key = server.create_organization("Many")["api_key"]
    with Client(key, base_url=server.url) as client:
        seen: list[int] = []
        made = client.media.upload(files / "photo.png", progress=lambda sent, _total: seen.append(sent))
        assert seen[-1] == (files / "photo.png").stat().st_size
        assert client.media.set_metadata(made.id, {"k": [1]}) == {"k": [1]} == client.media.metadata(made.id)
        copies = client.media.batch_copy([made.id] * 60, idempotency_key="copies")
        assert [each.ok for each in copies] == [True] * 60
        assert client.media.batch_copy([made.id] * 60, idempotency_key="copies") == copies
        assert len(list(client.media.iter(kind="image"))) == 61
        gone = client.media.batch_delete([each.new_id or "" for each in copies])
        assert {each.status for each in gone} == {204}
        client.media.delete(made.id)
        with pytest.raises(NotFoundError) as missing:
            client.media.get(made.id)
        assert (missing.value.code, missing.value.fix) == ("NOT_FOUND", "Verify the resource ID exists")
        with pytest.raises(ValidationError):
            client.media.upload(files / "words.png")
        for wrong in (lambda: client.media.batch_delete([]), lambda: client.media.upload(files / "x.txt")):
            with pytest.raises((InvalidArgument, FileNotFoundError)):
                wrong()


def test_a_shell_needs_a_key(server: LiveServer) -> None:
    assert QuickShell(STACKROOM_BASE_URL=server.url)("media", "ls").code == 2
