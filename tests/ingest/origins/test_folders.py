"""Files of this machine: those of allowed folders, and no others, by whatever way."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.ingest.origins import Fail, Origins, Retry
from stackroom.ingest.origins import folders as folders_module
from stackroom.ingest.origins.folders import Folders
from stackroom.settings import Settings
from stackroom.testing.origins import OriginServer

Fetch = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with files in it, beside things that are out of bounds."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.jpg").write_bytes(b"a")
    (root / "sub" / "b c%.tif").write_bytes(b"b")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted" / "near.txt").write_bytes(b"secret")
    return root


def test_files_below_a_root_are_fetched(fetch: Fetch, root: Path) -> None:
    for origin in (f"{root}/a.jpg", f"file://{root}/a.jpg", f"file://localhost{root}//a.jpg?x#y"):
        said, got = fetch(origin, origin_roots=f"/nowhere;{root}")
        assert (got, said.size, said.content_type, said.name) == (b"a", 1, "image/jpeg", "a.jpg")
    assert fetch(f"{root}/sub/b c%.tif", origin_roots=str(root))[1] == b"b"
    assert fetch(f"file://{root}/sub/b%20c%25.tif", origin_roots=str(root))[1] == b"b"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("{root}/../secret.txt", "bad_origin"),
        ("file://{root}/%2e%2e/secret.txt", "bad_origin"),
        ("file://{root}/..%2fsecret.txt", "bad_origin"),
        ("file://{root}/a.jpg%00.txt", "bad_origin"),
        ("file://other{root}/a.jpg", "bad_origin"),
        ("file:///", "bad_origin"),
        ("/", "bad_origin"),
        ("{root}ed/near.txt", "origin_not_allowed"),
        ("/etc/passwd", "origin_not_allowed"),
        ("/proc/self/environ", "origin_not_allowed"),
        ("{root}/out", "origin_not_allowed"),
        ("{root}/far/passwd", "origin_not_allowed"),
        ("{root}/nothing.jpg", "origin_not_found"),
        ("{root}/a.jpg/b.jpg", "origin_not_found"),
        ("{root}/round/a.jpg", "origin_not_found"),
        ("{root}/" + "a" * 300, "origin_not_found"),
        ("{root}", "origin_not_a_file"),
        ("{root}/sub", "origin_not_a_file"),
        ("{root}/pipe", "origin_not_a_file"),
        ("{root}/socket", "origin_not_a_file"),
    ],
)
def test_everything_else_is_refused(
    fetch: Fetch, root: Path, path: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "out").symlink_to(root.parent / "secret.txt")
    (root / "far").symlink_to("/etc")
    (root / "round").symlink_to("round")
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)  # the name of a socket has few bytes
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(Fail) as failed:
            fetch(path.format(root=root), origin_roots=str(root))
    assert failed.value.code == code


def test_a_device_is_not_even_opened(fetch: Fetch) -> None:
    with pytest.raises(Fail) as failed:
        fetch("/dev/zero", origin_roots="/dev")
    assert failed.value.code == "origin_not_a_file"


def test_what_will_never_be_read_is_refused_before_anything_is_fetched(root: Path) -> None:
    origins = Origins(Settings(origin_roots=str(root)))
    origins.check([f"{root}/a.jpg", f"file://{root}/nothing.jpg", "https://files.example/", "s3://b/k", ""])
    for refused in ("/etc/passwd", "file:///etc/passwd", f"{root}/../secret.txt"):
        with pytest.raises(Fail):
            origins.check([f"{root}/a.jpg", refused])


def test_without_a_root_no_file_is_read(fetch: Fetch, root: Path) -> None:
    with pytest.raises(Fail, match="STACKROOM_ORIGIN_ROOTS"):
        fetch(f"{root}/a.jpg")


def test_links_within_the_roots_are_followed(fetch: Fetch, root: Path, tmp_path: Path) -> None:
    (root / "link.jpg").symlink_to("a.jpg")
    (root / "folder").symlink_to(root / "sub")
    (tmp_path / "door").symlink_to(root)
    (root / "across.txt").symlink_to(tmp_path / "rooted" / "near.txt")
    assert fetch(f"{root}/link.jpg", origin_roots=str(root))[1] == b"a"
    assert fetch(f"{root}/folder/b c%.tif", origin_roots=str(root))[1] == b"b"
    assert fetch(f"{tmp_path}/door/a.jpg", origin_roots=f"{tmp_path}/door")[1] == b"a"
    assert fetch(f"{root}/across.txt", origin_roots=f"{root};{tmp_path}/rooted")[1] == b"secret"


def test_a_link_put_in_the_way_after_the_look_leads_nowhere(
    fetch: Fetch, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.path.realpath

    def swapped(path: Any, **how: Any) -> str:
        found = str(real(path, **how))
        if found.endswith("b c%.tif"):
            (root / "sub").rename(root / "was")
            (root / "sub").symlink_to(root.parent / "rooted")
            (root.parent / "rooted" / "b c%.tif").write_bytes(b"secret")
        return found

    monkeypatch.setattr(folders_module.os.path, "realpath", swapped)
    with pytest.raises(Fail) as failed:
        fetch(f"{root}/sub/b c%.tif", origin_roots=str(root))
    assert failed.value.code == "origin_not_found"


def test_a_file_that_grows_while_it_is_read_is_fetched_again(
    fetch: Fetch, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = os.read

    def growing(descriptor: int, size: int) -> bytes:
        with (root / "a.jpg").open("ab") as file:
            if file.tell() < 3:
                file.write(b"b")
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(Retry) as retry:
        fetch(f"{root}/a.jpg", origin_roots=str(root))
    assert retry.value.code == "origin_incomplete"


def test_a_file_that_may_not_be_read_is_denied(
    fetch: Fetch, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refusing(path: Any, *rest: Any, **more: Any) -> int:
        if path == "a.jpg":  # root may read everything, so the system would not refuse it here
            raise PermissionError
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(Fail) as failed:
        fetch(f"{root}/a.jpg", origin_roots=str(root))
    assert failed.value.code == "origin_denied"


def test_a_disk_that_fails_may_recover(fetch: Fetch, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(Retry, match="Input/output error") as retry:
        fetch(f"{root}/a.jpg", origin_roots=str(root))
    assert retry.value.code == "origin_unreachable"


def test_a_file_past_the_limit_is_refused(fetch: Fetch, root: Path) -> None:
    with (root / "large.tif").open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(Fail) as failed:
        fetch(f"{root}/large.tif", origin_roots=str(root), max_origin_mb=1)
    assert failed.value.code == "origin_too_large"


def test_a_rewritten_origin_is_a_file_and_never_the_network(
    fetch: Fetch, root: Path, origin: OriginServer, content: bytes
) -> None:
    rewrites = f"{origin.url('pre fix/')}=/{str(root)[1:]}/;https://files.example/x/=/{root.parent}/rooted"
    before = len(origin.requests)
    assert fetch(origin.url("pre fix/a.jpg"), origin_rewrites=rewrites)[1] == b"a"
    assert fetch(origin.url("pre fix/sub/b c%.tif") + "?x=1#y", origin_rewrites=rewrites)[1] == b"b"
    assert fetch("HTTPS://u:p@FILES.example:443/x/near.txt", origin_rewrites=rewrites)[1] == b"secret"
    with pytest.raises(Fail) as failed:
        fetch(origin.url("pre fix/nothing.jpg"), origin_rewrites=rewrites)
    assert failed.value.code == "origin_not_found"
    for path in (
        "pre%20fix/%2e%2e/secret.txt",
        "pre%20fix/..%2fsecret.txt",
        "pre%20fix/../secret.txt",
        "pre%20fix/",
    ):
        with pytest.raises(Fail) as failed:
            fetch(origin.url() + path, origin_rewrites=rewrites)
        assert failed.value.code == "bad_origin"
    assert len(origin.requests) == before
    assert fetch(origin.url("a.jpg"), origin_rewrites=rewrites)[1] == content


MAP = Folders(
    [],
    [
        ("https://files.example/", Path("/all")),
        ("https://files.example/scans/", Path("/scans")),
        ("https://files.example/scans/old%20ones/", Path("/old")),
        ("http://files.example:8080/", Path("/other")),
    ],
)


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("https://files.example/a.jpg", "/all/a.jpg"),
        ("https://files.example/scansion/a.jpg", "/all/scansion/a.jpg"),
        ("https://files.example/scans/a.jpg", "/scans/a.jpg"),
        ("https://FILES.example:443//scans//a.jpg", "/scans/a.jpg"),
        ("https://files.example/%73cans/a%2B+b.jpg", "/scans/a++b.jpg"),
        ("https://files.example/scans/old ones/a.jpg?v=1", "/old/a.jpg"),
        ("https://files.example/Scans/a.jpg", "/all/Scans/a.jpg"),
        ("http://files.example:8080/a.jpg", "/other/a.jpg"),
        ("http://files.example/a.jpg", None),
        ("https://files.example:8443/a.jpg", None),
        ("https://files.example.org/a.jpg", None),
        ("https://files.example@evil.example/scans/a.jpg", None),
        ("https://evil.example/?https://files.example/scans/a.jpg", None),
        ("https://[::1", None),
        ("ftp://files.example/a.jpg", None),
    ],
)
def test_the_longest_prefix_says_where(origin: str, place: str | None) -> None:
    assert MAP.place(origin) == (Path(place) if place else None)


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in {".", ".."}
)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_any_path_stands_for_the_same_path_in_the_folder(names: list[str]) -> None:
    origin = "https://files.example/scans/" + "/".join(quote(name, safe="") for name in names)
    found = MAP.place(origin)
    assert found is not None
    assert (
        found.relative_to("/scans" if names[0] != "old ones" or len(names) == 1 else "/old").parts[-1]
        == names[-1]
    )


@given(st.text())
def test_no_path_leads_out_of_the_folder(tail: str) -> None:
    for origin in (
        f"https://files.example/scans/{tail}",
        "https://files.example/scans/" + quote(tail, safe="/%"),
    ):
        found = placed(origin)
        if found is not None:
            assert Path(os.path.normpath(found)) == found
            assert any(found.is_relative_to(folder) for folder in ("/scans", "/old", "/all"))


def placed(origin: str) -> Path | None:
    """Where it is, or None if it is refused; a refusal is one that says what is wrong with it."""
    try:
        found = MAP.place(origin)
    except Fail:
        return None
    assert found is not None  # it begins as the map says, so the network has nothing to do with it
    return found
