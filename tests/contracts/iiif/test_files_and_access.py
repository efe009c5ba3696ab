"""Thumbnails and originals; who may see what is not for everybody."""

import io

import pytest
from PIL import Image

from .conftest import Site
from .world import corners, quarters

CONTENT = corners((600, 400))


def test_thumbnails_come_in_the_sizes_listed(site: Site) -> None:
    for service in ("/thumbs/1/1", "/thumbs/v2/1/1"):
        for key in ("small", "large", "clear", "tiny"):
            for size in site.get(f"{service}/{key}/info.json").json()["sizes"]:
                answer = site.get(f"{service}/{key}/full/{size['width']},{size['height']}/0/default.jpg")
                assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
                with Image.open(io.BytesIO(answer.content)) as image:
                    assert (image.size, image.format) == ((size["width"], size["height"]), "JPEG")
    assert quarters(site.get("/thumbs/1/1/clear/full/400,267/0/default.jpg").content)[1:] == ["G", "B", "Y"]
    largest = site.get("/thumbs/1/1/large/full/max/0/default.jpg")
    assert largest.content == site.get("/thumbs/1/1/large/full/1024,670/0/default.jpg").content
    assert largest.headers["cache-control"] == "public, max-age=2592000"
    again = site.get("/thumbs/1/1/large/full/max/0/default.jpg", if_none_match=largest.headers["etag"])
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        *[
            ("full/300,200/0/default.jpg", 404),
            ("full/400,267/90/default.jpg", 404),
            ("full/400,267/!0/default.jpg", 404),
        ],
        *[
            ("full/400,267/0/gray.jpg", 404),
            ("full/400,267/0/default.png", 404),
            ("square/max/0/default.jpg", 404),
        ],
        *[("full/401,/0/default.jpg", 404), ("full/x/0/default.jpg", 400), ("full/max/0/default.exe", 400)],
    ],
)
def test_other_thumbnails_than_those_there_are_not(site: Site, rest: str, status: int) -> None:
    answer = site.get(f"/thumbs/1/1/small/{rest}")
    assert answer.status_code == status
    if status == 404:
        assert "full/400,267/0/default.jpg" in answer.json()["error"]["hint"]


def test_an_original_comes_as_it_was_sent_in_ranges_too(site: Site) -> None:
    whole = site.get("/file/1/1/both")
    assert (whole.content, whole.headers["content-type"]) == (CONTENT, "image/png")
    assert whole.headers["cache-control"] == "public, max-age=2592000"
    assert whole.headers["access-control-allow-origin"] == "*"
    part = site.get("/file/1/1/both", range="bytes=10-19")
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    assert site.get("/file/1/1/both", range="bytes=999999-").status_code == 416
    assert site.get("/file/1/1/both", if_none_match=whole.headers["etag"]).status_code == 304
    head = site.ask("HEAD", "/file/1/1/both")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(CONTENT)))


@pytest.mark.parametrize(("key", "policy"), [("page", "sandbox"), ("text", None)])
def test_no_original_runs_a_script_with_the_keys_of_whoever_opens_it(
    site: Site, key: str, policy: str | None
) -> None:
    """A web page does not; a PDF is shown by the browser, which shows none in a sandbox."""
    answer = site.get(f"/file/1/1/{key}")
    assert (answer.status_code, answer.headers.get("content-security-policy")) == (200, policy)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/file/1/1/small", "/iiif-img/1/1/file/info.json", "/thumbs/1/1/both/info.json"]
)
def test_what_is_not_delivered_in_this_way_is_unknown(site: Site, path: str) -> None:
    assert site.get(path).status_code == 404


PRIVATE = [
    *["/iiif-img/1/1/closed/info.json", "/iiif-img/1/1/closed/full/max/0/default.jpg", "/file/1/1/closed"],
    *["/thumbs/1/1/closed/info.json", "/thumbs/1/1/closed/full/100,67/0/default.jpg"],
    *["/iiif-img/1/1/reduced/full/max/0/default.jpg", "/iiif-img/1/1/reduced/0,0,9,9/max/0/default.jpg"],
    *["/iiif-img/1/1/reduced/full/251,/0/default.jpg"],
]


@pytest.mark.parametrize("path", PRIVATE)
def test_what_is_not_for_everybody_needs_a_key_of_its_organization(site: Site, path: str) -> None:
    for refused in (site.get(path), site.get(path, x_api_key=site.world.stranger)):
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
        assert refused.headers["www-authenticate"].startswith("Basic")
    given = site.get(path, x_api_key=site.world.owner)
    assert given.status_code == 200
    assert given.headers["cache-control"].startswith("private, ")


def test_everybody_sees_as_much_as_is_said(site: Site) -> None:
    answer = site.get("/iiif-img/1/1/reduced/full/250,/0/default.jpg")
    assert answer.status_code == 200
    assert answer.headers["cache-control"].startswith("private, ")
    known = site.get("/iiif-img/1/1/reduced/info.json").json()
    assert (known["maxWidth"], "tiles" in known) == (250, False)
    assert all(size["width"] <= 250 for size in known["sizes"])
    thumbs = site.get("/thumbs/1/1/reduced/info.json").json()
    assert [size["width"] for size in thumbs["sizes"]] == [100, 200]
    whole = site.get("/iiif-img/1/1/reduced/info.json", x_api_key=site.world.owner).json()
    assert (whole["maxWidth"], "tiles" in whole) == (65500, True)
    assert site.get("/iiif-manifest/1/1/reduced").status_code == 200
