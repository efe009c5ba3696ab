"""What may be fetched from is checked before anything is opened."""

from pathlib import Path

import pytest

from stackroom.errors import Invalid
from stackroom.settings import Settings, load


def test_without_a_word_nothing_private_may_be_fetched() -> None:
    settings = load({}, {})
    assert (settings.root_folders, settings.rewrites, settings.buckets) == ((), (), frozenset())
    assert not settings.allowed_origins.has_host("localhost", 80)
    assert settings.max_origin_bytes == 1024 * 2**20


def test_lists_are_read_from_the_environment() -> None:
    given = {
        "STACKROOM_ORIGIN_ROOTS": "/scans; /mnt/masters;",
        "STACKROOM_ORIGIN_REWRITES": "https://files.example/iiif/=/srv/mirror/;http://a:81/=/b;",
        "STACKROOM_ORIGIN_BUCKETS": "scans;masters",
        "STACKROOM_ORIGIN_ALLOW": "nas;10.0.0.0/8",
    }
    settings = load({}, given)
    assert settings.root_folders == (Path("/scans"), Path("/mnt/masters"))
    assert settings.rewrites == (
        ("https://files.example/iiif/", Path("/srv/mirror")),
        ("http://a:81/", Path("/b")),
    )
    assert settings.buckets == {"scans", "masters"}
    assert settings.allowed_origins.has_host("nas", 80)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin_allow", "10.0.0.1/8"),
        ("origin_allow", "https://files.example"),
        ("origin_roots", "scans"),
        ("origin_roots", "/scans/../etc"),
        ("origin_rewrites", "https://files.example/iiif=/srv/"),
        ("origin_rewrites", "https://files.example/iiif/"),
        ("origin_rewrites", "https://files.example/iiif/=srv"),
        ("origin_rewrites", "ftp://files.example/=/srv/"),
        ("origin_rewrites", "https:///=/srv/"),
        ("origin_rewrites", "https://[::1/=/srv/"),
        ("origin_rewrites", "https://files.example:x/=/srv/"),
        ("origin_rewrites", "https://files.example/?a=/srv/"),
        ("origin_rewrites", "https://files.example/=/srv/../etc"),
        ("max_origin_mb", "0"),
        ("origin_seconds", "0"),
        ("s3_endpoint", "s3.example.org"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refused:
        load({name: value}, {})
    assert refused.value.code == "bad_setting"
    assert name in Settings.__struct_fields__
