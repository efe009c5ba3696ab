"""Settings that cannot work are refused when they are read, by their names, and not by a traceback later."""

from pathlib import Path

import pytest

from stackroom.database.connect import database_for
from stackroom.database.sqlite import SqliteDatabase
from stackroom.errors import Invalid
from stackroom.settings import Bucket, load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("storage_url", "file://[x"),
        ("storage_url", "file://srv/media"),
        ("storage_url", "gs://bucket/prefix"),
        ("storage_url", "s3:///prefix"),
        ("storage_url", "s3://key:secret@bucket"),
        ("storage_url", "s3://Bucket"),
        ("storage_url", "s3://bucket/a//b"),
        ("storage_url", "s3://bucket/../other"),
        ("storage_url", "s3://bucket?endpoint=minio:9000"),
        ("storage_url", "s3://bucket?user=me"),
        ("storage_cache_gb", "0"),
        ("public_url", "https://[::1"),
        ("public_url", "https://media.example:x"),
        ("public_url", "https://media.example/?a=1"),
        ("s3_endpoint", "http://"),
        ("ffmpeg", "/"),
        ("batches_kept_days", "99999999999"),
        ("storage_url", "file:media"),
        ("storage_url", "file:///srv/what?now"),
        ("storage_url", "file:///srv/no#1"),
        ("workers", "100000"),
        ("pixel_processes", "2000000000"),
        ("transcoders", "1025"),
        ("origin_seconds", "99999999999999999999"),
        ("cors_origins", "https://a.example/"),
        ("cors_origins", "a.example"),
        ("url_upload_allow", "https://a.example"),
        ("url_upload_allow", "*.a.example"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refused:
        load({name: value}, {})
    assert refused.value.code == "bad_setting"


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("", None),
        ("file:///srv/media", None),
        ("s3://bucket", Bucket("bucket", "", "https://s3.example", "here")),
        ("s3://bucket/a/b/", Bucket("bucket", "a/b", "https://s3.example", "here")),
        (
            "s3://my.bucket/a?endpoint=http://127.0.0.1:9000&region=eu-west-1",
            Bucket("my.bucket", "a", "http://127.0.0.1:9000", "eu-west-1"),
        ),
        ("s3://bucket?endpoint=&region=", Bucket("bucket", "", "", "")),
    ],
)
def test_a_bucket_is_named_by_its_url(url: str, bucket: Bucket | None) -> None:
    """What it does not say is as for the buckets of originals; what it leaves empty is AWS."""
    given = {"storage_url": url, "s3_endpoint": "https://s3.example", "s3_region": "here"}
    settings = load({**given, "data_dir": "/srv/data"}, {})
    assert settings.bucket == bucket
    arriving = "/srv/media.staging" if url.startswith("file") else "/srv/data/storage.staging"
    assert str(settings.staging_dir) == arriving


@pytest.mark.parametrize("port", ["x", "99999999"])
def test_a_database_url_whose_port_is_none_is_refused_without_saying_the_password(port: str) -> None:
    with pytest.raises(Invalid) as refused:
        database_for(f"postgresql://stackroom:s3cret@db.example:{port}/stackroom")
    assert refused.value.code == "bad_database_url"
    assert f"stackroom:***@db.example:{port}" in refused.value.message


def test_a_library_is_in_its_folder_whatever_that_is_called(tmp_path: Path) -> None:
    """In a URL `?` ends the path, and `%41` is an A: the database would be elsewhere, maybe another library's."""
    folder = tmp_path / "what?now #1 100%41 ü"
    database = database_for(load({"data_dir": folder}, {}).database)
    assert isinstance(database, SqliteDatabase)
    assert database.path == folder / "library.db"
    elsewhere = load({"storage_url": (folder / "storage").as_uri()}, {})
    assert elsewhere.storage_dir == folder / "storage"
