"""The demonstration, from a fresh server to a library that the doctor finds healthy."""

from pathlib import Path

from stackroom.testing.live import LiveServer

from .conftest import QuickShell


def test_the_demonstration_makes_its_own_key_and_leaves_a_healthy_library(server: LiveServer) -> None:
    run = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))
    shown = run("demo", "--count", "24")
    assert shown.code == 0
    for word in ("upload", "move", "copy", "undo", "archive", "purge", "items/s", "stackroom ls demo"):
        assert word in shown.out
    told = run("demo", "--count", "12", "--json").json
    assert told["dataset"] == "demo-2"  # the first one is left alone
    assert (told["base_url"], told["api_key"][:8]) == (server.url, "pk_live_")
    steps = {each["step"].split(",")[0]: each for each in told["steps"]}
    assert (steps["upload photographs"]["items"], steps["upload photographs"]["failed"]) == (12, 0)
    assert (steps["move half of them"]["succeeded"], steps["move half of them"]["failed"]) == (6, 3)
    assert [
        each["step"] for each in told["steps"] if each["items"] != each["succeeded"] + each["failed"]
    ] == []
    assert run("doctor", "--deep").code == 0


def test_photographs_of_ones_own_take_part(server: LiveServer, tmp_path: Path) -> None:
    import stackroom.cli

    (tmp_path / "mine.jpg").write_bytes(
        (Path(stackroom.cli.__file__).parent / "demo_photos" / "cat.jpg").read_bytes()
    )
    key = server.create_organization("Own")["api_key"]
    run = QuickShell(STACKROOM_API_KEY=key, STACKROOM_BASE_URL=server.url)
    told = run("demo", "--photos", tmp_path, "--count", "10", "--keep", "--json")
    assert told.json["api_key"] is None  # it was told a key, and does not say it again
    listed = run("ls", "demo", "-r", "--json").json["items"]
    assert {each["name"].partition("-")[0].removesuffix(".jpg") for each in listed} == {"mine"}
    assert run("ls", "demo", "-r", "--archived", "--json").json["items"] != []


def test_without_a_key_and_a_server_it_says_what_to_start(tmp_path: Path) -> None:
    said = QuickShell()("demo", "--data-dir", tmp_path)
    assert said.code == 2
    assert "stackroom serve" in said.err


def test_an_empty_folder_of_photographs_is_refused(server: LiveServer, tmp_path: Path) -> None:
    said = QuickShell(STACKROOM_DATA_DIR=str(server.data_dir))("demo", "--photos", tmp_path)
    assert said.code == 2
    assert "no photographs" in said.err
