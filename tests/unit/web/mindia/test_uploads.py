"""What an image is called that comes from an address."""

import pytest

from stackroom.ingest.origins import Fetched
from stackroom.web.mindia.uploads import _name_of


@pytest.mark.parametrize(
    ("name", "content_type", "called"),
    [
        ("harbour.png", "image/png", "harbour.png"),
        ("harbour.png", "image/jpeg", "harbour.png"),
        ("harbour", "image/webp", "harbour.webp"),
        ("harbour", "image/jpeg", "harbour.jpg"),
        ("harbour", "text/html", "harbour"),
        ("harbour", None, "harbour"),
        (None, "image/jpeg", "image.jpg"),
        (None, "image/png", "image.png"),
        ("", "image/avif", "image.avif"),
    ],
)
def test_an_address_that_says_nothing_of_the_type_is_no_reason_to_refuse_its_image(
    name: str | None, content_type: str | None, called: str
) -> None:
    assert _name_of(Fetched(size=1, content_type=content_type, name=name)) == called
