"""Signed URLs: good for one method, one path and some time; worthless when anything about them is changed."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.clock import DAY, SECOND
from stackroom.errors import Forbidden
from stackroom.web.shared.signing import Signer

NOW = 20_000 * DAY + 5 * SECOND


def signer(secret: bytes = b"secret", now: int = NOW) -> Signer:
    return Signer(secret, lambda: now)


def check(url: str, *, method: str = "GET", by: Signer | None = None) -> None:
    """As a server does that has decoded the path."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    (by or signer()).check(method, unquote(parts.path), query.get("expires"), query.get("signature"))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_any_path_comes_back_as_it_was_signed(name: str) -> None:
    check(signer().sign("GET", f"/storage/{name}", expires_at=NOW + SECOND))


def test_head_is_as_good_as_get() -> None:
    check(signer().sign("GET", "/a", expires_at=NOW + SECOND), method="HEAD")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_another_method_is_refused(method: str) -> None:
    url = signer().sign("GET", "/a", expires_at=NOW + SECOND)
    with pytest.raises(Forbidden) as refused:
        check(url, method=method)
    assert refused.value.code == "invalid_signature"


@pytest.mark.parametrize(
    ("old", "new"), [("/a", "/b"), ("expires=", "expires=9"), ("signature=", "signature=x"), ("&", "")]
)
def test_any_change_is_refused(old: str, new: str) -> None:
    url = signer().sign("GET", "/a", expires_at=NOW + SECOND)
    with pytest.raises(Forbidden) as refused:
        check(url.replace(old, new, 1))
    assert refused.value.code == "invalid_signature"


def test_another_library_signs_differently() -> None:
    with pytest.raises(Forbidden):
        check(signer(b"other").sign("GET", "/a", expires_at=NOW + SECOND))


def test_a_url_ends_at_its_time() -> None:
    url = signer().sign("GET", "/a", expires_at=NOW + 2 * SECOND)
    check(url, by=signer(now=NOW + SECOND))
    with pytest.raises(Forbidden) as refused:
        check(url, by=signer(now=NOW + 2 * SECOND))
    assert refused.value.code == "url_expired"


@given(st.integers(min_value=0, max_value=DAY - 1))
def test_a_lasting_url_is_the_same_all_day_and_lasts_a_month(moment: int) -> None:
    midnight = 20_000 * DAY
    assert signer(now=midnight + moment).lasting() == signer(now=midnight).lasting()
    assert signer(now=midnight + moment).lasting() - (midnight + moment) >= 30 * DAY
