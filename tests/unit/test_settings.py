"""Settings that cannot work are refused when they are read, by their names, and not by a traceback later."""

import pytest

from stackroom.database.connect import database_for
from stackroom.errors import Invalid
from stackroom.settings import load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("storage_url", "file://[x"),
        ("storage_url", "file://srv/media"),
        ("public_url", "https://[::1"),
        ("public_url", "https://media.example:x"),
        ("public_url", "https://media.example/?a=1"),
        ("s3_endpoint", "http://"),
        ("ffmpeg", "/"),
        ("batches_kept_days", "99999999999"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refused:
        load({name: value}, {})
    assert refused.value.code == "bad_setting"


def test_a_database_url_whose_port_is_no_number_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        database_for("postgresql://stackroom@db.example:x/stackroom")
    assert refused.value.code == "bad_database_url"
