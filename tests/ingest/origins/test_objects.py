"""S3, against a server that is one."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import obstore
import pytest
from obstore.store import S3Store

from stackroom.errors import Unavailable
from stackroom.ingest.origins import Fail, Retry
from stackroom.ingest.origins.objects import Place, object_at_aws, object_of
from stackroom.library.origin_strategies import Approach, Strategy
from stackroom.storage.staging import Arrival
from stackroom.testing.s3 import RunningS3

Fetch = Callable[..., Any]
S3 = Approach(strategy=Strategy.S3)
LARGE = bytes(range(256)) * 12_000  # three pieces


@pytest.fixture(scope="module")
def scans(s3: RunningS3) -> Iterator[RunningS3]:
    """A server with something in the bucket `scans`, and the environment to reach it."""
    with patch.dict(os.environ, s3.environment):
        store = S3Store("scans", endpoint=s3.endpoint, client_options={"allow_http": True})
        obstore.put(store, "vol 1/a+b.tif", LARGE, attributes={"Content-Type": "image/x-tiff"})
        obstore.put(store, "plain/a.jpg", b"a", attributes={"Content-Type": "binary/octet-stream"})
        yield s3


@pytest.fixture
def fetch_object(fetch: Fetch, scans: RunningS3) -> Fetch:
    given = {"s3_endpoint": scans.endpoint, "origin_buckets": "scans;masters"}
    return lambda origin, approach=None, **more: fetch(origin, approach, **{**given, **more})


def test_an_object_is_fetched_with_what_is_said_of_it(fetch_object: Fetch) -> None:
    said, got = fetch_object("s3://scans/vol 1/a+b.tif")
    assert got == LARGE
    assert (said.size, said.content_type, said.name) == (len(LARGE), "image/x-tiff", "a+b.tif")
    said, got = fetch_object("s3://scans/plain/a.jpg", S3)
    assert (got, said.content_type) == (b"a", "image/jpeg")


def test_an_address_of_aws_is_an_object_where_the_strategy_says_so(fetch_object: Fetch) -> None:
    address = "https://scans.s3.eu-west-1.amazonaws.com/vol%201/a%2Bb.tif?x"
    assert fetch_object(address, S3)[1] == LARGE

    async def lookup(*_: object) -> list[str]:
        return ["127.0.0.1"]

    with pytest.raises(Fail) as failed:
        fetch_object(address, origin_allow="", lookup=lookup)
    assert failed.value.code == "origin_not_allowed"  # by https, to a host that here is a private one
    with pytest.raises(Fail, match="no address of an S3 bucket"):
        fetch_object("https://files.example/a.jpg", S3)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("s3://scans/nothing.jpg", "origin_not_found"),
        ("s3://masters/a.jpg", "origin_not_found"),
        ("s3://others/a.jpg", "origin_not_allowed"),
        ("s3://scans/../masters/a.jpg", "bad_origin"),
        ("s3://scans/a//b.jpg", "bad_origin"),
        ("s3://scans/", "bad_origin"),
        ("s3://scans", "bad_origin"),
        ("s3:///a.jpg", "bad_origin"),
        ("s3://SCANS/a.jpg", "bad_origin"),
        ("s3://u:p@scans/a.jpg", "bad_origin"),
    ],
)
def test_what_is_no_object_is_refused(fetch_object: Fetch, origin: str, code: str) -> None:
    with pytest.raises(Fail) as failed:
        fetch_object(origin)
    assert failed.value.code == code


def test_every_bucket_may_be_allowed_and_none_is_by_itself(fetch_object: Fetch) -> None:
    assert fetch_object("s3://scans/plain/a.jpg", origin_buckets="*")[1] == b"a"
    with pytest.raises(Fail, match="STACKROOM_ORIGIN_BUCKETS"):
        fetch_object("s3://scans/plain/a.jpg", origin_buckets="")


def test_an_object_past_the_limit_is_refused(fetch_object: Fetch) -> None:
    with pytest.raises(Fail) as failed:
        fetch_object("s3://scans/vol 1/a+b.tif", max_origin_mb=1)
    assert failed.value.code == "origin_too_large"


def test_a_disk_that_is_full_is_no_fault_of_the_store(
    fetch_object: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Unavailable("The disk is full.", code="storage_full")

    monkeypatch.setattr(Arrival, "write", full)
    with pytest.raises(Unavailable):
        fetch_object("s3://scans/vol 1/a+b.tif")


def test_other_credentials_are_denied(fetch_object: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(Fail) as failed:
        fetch_object("s3://scans/plain/a.jpg")
    assert failed.value.code == "origin_denied"


def test_a_store_that_is_not_there_may_come_back(fetch_object: Fetch) -> None:
    with pytest.raises(Retry) as retry:
        fetch_object("s3://scans/plain/a.jpg", s3_endpoint="http://127.0.0.1:1")
    assert retry.value.code == "origin_unreachable"


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("https://scans.s3.eu-west-1.amazonaws.com/a/b.jpg", Place("scans", "a/b.jpg", "eu-west-1")),
        ("https://my.scans.s3.us-gov-west-1.amazonaws.com/a", Place("my.scans", "a", "us-gov-west-1")),
        ("https://scans.s3.amazonaws.com/a%20b.jpg", Place("scans", "a b.jpg")),
        ("https://scans.s3-eu-west-1.amazonaws.com/a.jpg", Place("scans", "a.jpg", "eu-west-1")),
        ("https://scans.s3.dualstack.eu-west-1.amazonaws.com/a", Place("scans", "a", "eu-west-1")),
        ("http://s3.eu-west-1.amazonaws.com/scans/a/b.jpg", Place("scans", "a/b.jpg", "eu-west-1")),
        ("https://s3.amazonaws.com/scans/a.jpg", Place("scans", "a.jpg")),
        ("https://scans.s3.eu-west-1.amazonaws.com.evil.example/a", None),
        ("https://scans.s3.evil.example#.amazonaws.com/a", None),
        ("https://files.example/a.jpg", None),
        ("https://[::1", None),
        ("s3://scans/a.jpg", None),
    ],
)
def test_addresses_of_aws_say_bucket_key_and_region(origin: str, place: Place | None) -> None:
    assert object_at_aws(origin) == place


def test_a_key_stands_as_it_is_in_an_s3_address() -> None:
    assert object_of("S3://scans/a%20b?c#d") == Place("scans", "a%20b?c#d")
    assert object_of("https://scans/a") is None
