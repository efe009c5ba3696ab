"""Servers as they are: most do as they should, and none of the others gets anywhere."""

import asyncio
import re
import resource
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stackroom import __version__
from stackroom.errors import Unavailable
from stackroom.ingest.origins import Fail, Origins, Retry, shown
from stackroom.ingest.origins.web import MAX_RETRY_AFTER, _retry_after
from stackroom.library.origin_strategies import Approach, Credentials, Strategy
from stackroom.settings import Settings
from stackroom.storage.staging import Arrival, Staging
from stackroom.testing.origins import OriginServer

Fetch = Callable
ADA = Approach(strategy=Strategy.BASIC, credentials=Credentials("ada", "s3cret"))


def test_a_file_is_fetched_with_what_is_said_of_it(
    fetch: Fetch, origin: OriginServer, content: bytes
) -> None:
    said, got = fetch(origin.url("a.jpg"))
    assert got == content
    assert (said.size, said.content_type, said.name) == (len(content), "image/jpeg", "a.jpg")
    headers = origin.requests[-1].headers
    assert headers["user-agent"] == f"Stackroom/{__version__}"
    assert headers["accept-encoding"] == "identity"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("path", "content_type", "name"),
    [
        ("type/image/png/a.jpg", "image/png", "a.jpg"),
        ("type/application/octet-stream/a.jpg", "image/jpeg", "a.jpg"),
        ("type/nonsense,/;/a.jpg", "image/jpeg", "a.jpg"),
        ("named/größe 1.tif/data", "image/tiff", "größe 1.tif"),
        ("named/..\\..\\evil.png/data", "image/png", "evil.png"),
        ("redirect/1/a.jpg", "image/jpeg", "a.jpg"),
        ("data", None, "data"),
        ("html", "text/html", "html"),
    ],
)
def test_type_and_name_are_what_the_origin_says_or_else_a_guess(
    fetch: Fetch, origin: OriginServer, path: str, content_type: str | None, name: str
) -> None:
    said, _ = fetch(origin.url(path))
    if path == "data":
        assert said.content_type in {None, "application/octet-stream"}
    else:
        assert said.content_type == content_type
    assert said.name == name


def test_a_body_in_chunks_is_whole(fetch: Fetch, origin: OriginServer, content: bytes) -> None:
    assert fetch(origin.url("chunked/a.jpg"))[1] == content


REFUSED = {
    "nothing.jpg": "origin_not_found",
    "status/404": "origin_not_found",
    "status/410": "origin_not_found",
    "status/401": "origin_denied",
    "status/403": "origin_denied",
    "status/400": "origin_refused",
    "status/418": "origin_refused",
    "status/204": "origin_refused",
    "status/206": "origin_refused",
    "status/304": "origin_refused",
    "long/a.jpg": "origin_length",
    "packed/a.jpg": "origin_encoded",
    "bomb": "origin_encoded",
    "redirect/9/a.jpg": "origin_redirects",
    "loop": "origin_redirects",
    "login/ada/s3cret/a.jpg": "origin_denied",
}
PASSING = {
    "status/500": "origin_unavailable",
    "status/503": "origin_unavailable",
    "status/408": "origin_unavailable",
    "status/425": "origin_unavailable",
    "status/429": "origin_unavailable",
    "hang": "origin_timeout",
    "silent/a.jpg": "origin_timeout",
    "short/a.jpg": "origin_incomplete",
    "cut/a.jpg": "origin_unreachable",
    "close": "origin_incomplete",
    "garbage": "origin_incomplete",
    "badchunks/a.jpg": "origin_incomplete",
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_will_not_work_is_refused(fetch: Fetch, origin: OriginServer, path: str) -> None:
    with pytest.raises(Fail) as failed:
        fetch(origin.url(path))
    assert failed.value.code == REFUSED[path]
    assert f"http://{origin.host}/" in failed.value.reason
    assert failed.value.reason.endswith(".")


@pytest.mark.parametrize("path", PASSING)
def test_what_may_pass_is_tried_again(fetch: Fetch, origin: OriginServer, path: str) -> None:
    patience = {"silence": 0.2} if PASSING[path] == "origin_timeout" else {}
    with pytest.raises(Retry) as retry:
        fetch(origin.url(path), **patience)
    assert (retry.value.code, retry.value.after) == (PASSING[path], None)
    assert f"http://{origin.host}/" in retry.value.reason


def test_an_origin_that_is_in_order_again_gives_the_file(
    fetch: Fetch, origin: OriginServer, content: bytes
) -> None:
    with pytest.raises(Retry):
        fetch(origin.url("fail/1/a.jpg"))
    assert fetch(origin.url("fail/1/a.jpg"))[1] == content


def test_a_drip_ends_when_the_time_for_all_of_it_is_over(fetch: Fetch, origin: OriginServer) -> None:
    with pytest.raises(Retry, match=r"longer than 0\.3 seconds altogether") as retry:
        fetch(origin.url("drip/a.jpg"), seconds=0.3)
    assert retry.value.code == "origin_timeout"


def test_nobody_there_may_pass(fetch: Fetch) -> None:
    with pytest.raises(Retry) as retry:
        fetch("http://127.0.0.1:1/a.jpg")
    assert retry.value.code == "origin_unreachable"


def test_an_origin_may_ask_to_be_left_alone_within_reason(fetch: Fetch, origin: OriginServer) -> None:
    with pytest.raises(Retry) as retry:
        fetch(origin.url("busy/120"))
    assert retry.value.after == 120
    with pytest.raises(Retry) as retry:
        fetch(origin.url("busy/99999999999999999999"))
    assert retry.value.after == MAX_RETRY_AFTER


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("in ten minutes", 500, 600),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER, MAX_RETRY_AFTER),
        ("Fri, 31 Dec 2999 23:59:59", MAX_RETRY_AFTER, MAX_RETRY_AFTER),
    ],
)
def test_when_to_come_back_may_be_a_date(said: str, least: float, most: float) -> None:
    if said == "in ten minutes":
        said = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    after = _retry_after(httpx.Response(503, headers={"Retry-After": said}))
    assert after is not None
    assert least <= after <= most


@pytest.mark.parametrize("said", ["", "soon", "-5", "1.5", "٣"])
def test_when_to_come_back_may_be_nonsense(said: str) -> None:
    headers = [(b"Retry-After", said.encode())]
    after = _retry_after(httpx.Response(503, headers=headers))
    assert after is None or 0 <= after <= MAX_RETRY_AFTER


@pytest.mark.parametrize("path", ["a.jpg", "chunked/a.jpg"])
def test_a_file_past_the_limit_is_refused_announced_or_not(
    fetch: Fetch, origin: OriginServer, content: bytes, path: str
) -> None:
    with pytest.raises(Fail) as failed:
        fetch(origin.url(path), limit=len(content) - 1)
    assert failed.value.code == "origin_too_large"
    assert fetch(origin.url(path), limit=len(content))[1] == content


def test_a_file_without_an_end_costs_no_memory(fetch: Fetch, origin: OriginServer) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Fail, match="larger than 67,108,864 bytes"):
        fetch(origin.url("endless"), max_origin_mb=64)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


@pytest.mark.parametrize("path", ["a.jpg", "chunked/a.jpg"])
def test_a_disk_that_is_full_is_no_fault_of_the_origin(
    fetch: Fetch, origin: OriginServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("The disk is full.", code="storage_full")

    monkeypatch.setattr(Arrival, "write", full)
    with pytest.raises(Unavailable):
        fetch(origin.url(path))


def test_redirects_are_followed_and_named(fetch: Fetch, origin: OriginServer, content: bytes) -> None:
    assert fetch(origin.url("redirect/8/a.jpg"))[1] == content
    with pytest.raises(Fail, match=r"redirect/1/b\.jpg, which leads on to .*/b\.jpg, answered 404"):
        fetch(origin.url("redirect/1/b.jpg"))


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://10.0.0.1/latest", "origin_not_allowed"),
        ("http://169.254.169.254/latest/meta-data/", "origin_not_allowed"),
        ("http://[::1]/", "origin_not_allowed"),
        ("http://[::ffff:10.0.0.1]/", "origin_not_allowed"),
        ("//10.0.0.1/", "origin_not_allowed"),
        ("file:///etc/passwd", "origin_not_offered"),
        ("ftp://files.example/a.jpg", "origin_not_offered"),
        ("s3://bucket/key", "origin_not_offered"),
        ("http://files.example:99999/", "bad_origin"),
    ],
)
def test_a_redirect_is_a_new_question(fetch: Fetch, origin: OriginServer, target: str, code: str) -> None:
    with pytest.raises(Fail) as failed:
        fetch(origin.url_to(target))
    assert failed.value.code == code


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/", "http://localhost/", "http://192.168.0.1/a.jpg", "https://[fd00::1]/"]
)
def test_without_leave_nothing_private_is_asked(fetch: Fetch, target: str) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1", "::1"]

    with pytest.raises(Fail, match="STACKROOM_ORIGIN_ALLOW") as failed:
        fetch(target, origin_allow="", lookup=lookup)
    assert failed.value.code == "origin_not_allowed"


def test_credentials_are_sent_to_their_own_host_only(
    fetch: Fetch, origin: OriginServer, originals: Path, content: bytes
) -> None:
    assert fetch(origin.url("login/ada/s3cret/a.jpg"), ADA)[1] == content
    own = origin.url("login/ada/s3cret/a.jpg").replace("//", "//ada:s3cret@")
    assert fetch(own)[1] == content
    with pytest.raises(Fail) as failed:
        fetch(own, Approach(strategy=Strategy.BASIC, credentials=Credentials("ada", "wrong")))
    assert failed.value.code == "origin_denied"
    assert fetch(origin.url_to(origin.url("login/ada/s3cret/a.jpg")), ADA)[1] == content
    with OriginServer(originals) as other:
        assert fetch(origin.url_to(other.url("a.jpg")), ADA)[1] == content
        assert fetch(origin.url_to(other.url("a.jpg").replace("//", "//eve:x@")), ADA)[1] == content
        assert all("authorization" not in each.headers for each in other.requests)


def test_reasons_keep_secrets(fetch: Fetch, origin: OriginServer) -> None:
    url = origin.url("status/404").replace("//", "//ada:s3cret@") + "?signature=s3cret#s3cret"
    with pytest.raises(Fail) as failed:
        fetch(url, ADA)
    assert "s3cret" not in failed.value.reason
    assert f"http://{origin.host}/status/404?… answered" in failed.value.reason


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        ("https://u:p@files.example:81/a b/c@d.jpg?x#y", "https://files.example:81/a b/c@d.jpg?…"),
        ("https://u:p/w@files.example/a", "https://…"),
        ("https://u:p?w@files.example/a", "https://…?…"),
        ("https://u:p#w@files.example/a", "https://…"),
        ("https://u:@/p@files.example/a", "https://…"),
        ("https://u@d:p@[::1]:80/a", "https://[::1]:80/a"),
        ("u:p@files.example/a", "files.example/a"),
        ("file:///srv/a@b//c.jpg", "file:///srv/a@b//c.jpg"),
        ("/srv/u:p@b//c.jpg", "/srv/u:p@b//c.jpg"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("/srv/a.jpg", "/srv/a.jpg"),
        ("https://files.example/\x1b[31m", "https://files.example/\N{REPLACEMENT CHARACTER}[31m"),
        ("https://files.example/" + "a" * 900, "https://files.example/" + "a" * 278 + "…"),
    ],
)
def test_an_origin_is_shown_without_what_may_be_secret(origin: str, text: str) -> None:
    assert shown(origin) == text


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_password_is_shown_however_it_is_written(before: str, after: str) -> None:
    password = f"{before}S3CR3T{after}"
    # A port and a path, or a host and a path, for all that anybody can tell.
    assume(not re.match(r"(\d+|[^/?#]*@[^@/?#]+)[/?#]", password))
    for origin in (
        f"https://ada:{password}@files.example/a.jpg",
        f"https://files.example/a.jpg?key={password}",
    ):
        assert "S3CR3T" not in shown(origin)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_origin"),
        ("http://", "bad_origin"),
        ("http://[::1", "bad_origin"),
        ("http://files.example:99999/", "bad_origin"),
        ("http://files.example:0/", "bad_origin"),
        ("http://files.example/\r\nX: y", "bad_origin"),
        ("http://\x00/", "bad_origin"),
        ("a.jpg", "origin_not_offered"),
        ("ftp://files.example/a.jpg", "origin_not_offered"),
        ("sftp://files.example/a.jpg", "origin_not_offered"),
        ("data:image/png;base64,AAAA", "origin_not_offered"),
        ("gopher://127.0.0.1/", "origin_not_offered"),
    ],
)
def test_what_is_no_origin_is_refused(fetch: Fetch, url: str, code: str) -> None:
    with pytest.raises(Fail) as failed:
        fetch(url)
    assert failed.value.code == code


def test_a_host_that_does_not_exist_is_told_from_one_that_cannot_be_found_now(fetch: Fetch) -> None:
    import socket

    def says(error: int) -> Callable[[str, int], object]:
        async def lookup(_host: str, _port: int) -> Sequence[str]:
            raise socket.gaierror(error, "…")

        return lookup

    with pytest.raises(Fail) as failed:
        fetch("http://files.example/", lookup=says(socket.EAI_NONAME))
    assert failed.value.code == "origin_unknown_host"
    with pytest.raises(Retry) as retry:
        fetch("http://files.example/", lookup=says(socket.EAI_AGAIN))
    assert retry.value.code == "origin_unreachable"


def test_a_certificate_that_does_not_hold_is_no_passing_trouble(fetch: Fetch, originals: Path) -> None:
    pem = Path(__file__).parents[2] / "unit" / "network" / "files.example.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with OriginServer(originals, tls=context) as secure, pytest.raises(Fail) as failed:
        fetch(secure.url("a.jpg"))
    assert failed.value.code == "origin_certificate"


def test_a_fetch_that_is_cancelled_leaves_nothing(origin: OriginServer, tmp_path: Path) -> None:
    async def run() -> None:
        origins = Origins(Settings(origin_allow="127.0.0.1"))
        staging = Staging(tmp_path / "staging", 10**9)

        async def fetch_it() -> None:
            with staging.receive() as arrival:
                await origins.fetch(origin.url("endless"), arrival)

        task = asyncio.create_task(fetch_it())
        while not list((tmp_path / "staging").glob("*")):  # noqa: ASYNC110 - there is no event for a file
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await origins.close()

    asyncio.run(run())
    assert list((tmp_path / "staging").iterdir()) == []


def test_many_are_fetched_at_once(origin: OriginServer, tmp_path: Path, content: bytes) -> None:
    async def run() -> list[int]:
        origins = Origins(Settings(origin_allow="127.0.0.1"))
        staging = Staging(tmp_path / "staging", 10**9)

        async def one() -> int:
            with staging.receive() as arrival:
                return (await origins.fetch(origin.url("a.jpg"), arrival)).size

        sizes = await asyncio.gather(*(one() for _ in range(50)))
        await origins.close()
        return sizes

    assert asyncio.run(run()) == [len(content)] * 50
