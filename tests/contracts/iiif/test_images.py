"""The Image API over the wire: pictures, their headers, and every way to ask wrongly."""

import io
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from .conftest import Site
from .world import STRANGE, quarters

SMALL, LARGE, MASTER = "/iiif-img/1/1/small", "/iiif-img/1/1/large", "/iiif-img/1/1/master"
TWO = "/iiif-img/v2/1/1/small"
UPRIGHT = ["R", "G", "B", "Y"]


def size_of(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        return image.size


@pytest.mark.parametrize(
    ("path", "size", "colours"),
    [
        (f"{SMALL}/full/max/0/default.jpg", (600, 400), UPRIGHT),
        (f"{TWO}/full/full/0/default.jpg", (600, 400), UPRIGHT),
        (f"{SMALL}/square/100,/0/default.png", (100, 100), UPRIGHT),
        (f"{SMALL}/300,200,300,200/max/0/default.webp", (300, 200), ["Y"] * 4),
        (f"{SMALL}/pct:0,50,50,50/pct:50/0/default.png", (150, 100), ["B"] * 4),
        (f"{SMALL}/full/!90,90/!90/default.png", (60, 90), ["Y", "G", "B", "R"]),
        (f"{SMALL}/full/^1200,/180/color.jpg", (1200, 800), ["Y", "B", "G", "R"]),
        (f"{TWO}/full/1200,/180/color.jpg", (1200, 800), ["Y", "B", "G", "R"]),
        (f"{LARGE}/0,0,1024,1024/512,/0/default.jpg", (512, 512), ["R", "R", "R", "R"]),
        (f"{LARGE}/2048,1024,552,676/276,338/0/default.jpg", (276, 338), ["Y"] * 4),
        (f"{LARGE}/full/max/0/default.jpg", (2600, 1700), UPRIGHT),
        (f"{LARGE}/full/,50/0/default.png", (76, 50), UPRIGHT),
        (f"{MASTER}/full/max/0/default.jpg", (2600, 1700), UPRIGHT),
        (f"{MASTER}/2048,1024,552,676/276,338/0/default.jpg", (276, 338), ["Y"] * 4),
        (f"{MASTER}/full/!90,90/0/default.webp", (90, 59), UPRIGHT),
        (f"{LARGE}/full/^3000,/90/default.jpg", (1962, 3000), ["B", "R", "Y", "G"]),
        (f"/iiif-img/city-archive/1/{quote(STRANGE, safe='')}/full/30,/0/default.png", (30, 20), UPRIGHT),
    ],
)
def test_pictures(site: Site, path: str, size: tuple[int, int], colours: list[str]) -> None:
    answer = site.get(path)
    assert answer.status_code == 200, answer.text
    assert size_of(answer.content) == size
    assert quarters(answer.content) == colours
    kinds = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
    assert answer.headers["content-type"] == kinds[path.rpartition(".")[2]]
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_large_image_gets_its_pyramid_when_somebody_zooms_in(site: Site) -> None:
    for each in (LARGE, MASTER, SMALL):
        site.get(f"{each}/100,100,300,300/max/0/default.jpg")
    pyramids = list((site.data_dir / "storage" / "renditions").rglob("*.pyramid"))
    assert len(pyramids) == 2  # and the small one has none


@pytest.mark.parametrize(
    "rest",
    [
        *[
            "full/601,/0/default.jpg",
            "full/full/0/default.jpg",
            "full/0,/0/default.jpg",
            "full/ /0/default.jpg",
        ],
        *["600,0,5,5/max/0/default.jpg", "nothing/max/0/default.jpg", "0,0,0,0/max/0/default.jpg"],
        *[
            "full/max/361/default.jpg",
            "full/max/x/default.jpg",
            "full/max/0/lovely.jpg",
            "full/max/0/default.exe",
        ],
        *[
            "full/max/0/default",
            "full/^70000,/0/default.jpg",
            "full/^9000,9000/0/default.jpg",
            "%00/max/0/default.jpg",
        ],
        *["full/max/0/%2Fdefault.jpg", "full/%FF,/0/default.jpg"],
    ],
)
def test_a_bad_request_is_told_what_is_wrong_with_it(site: Site, rest: str) -> None:
    answer = site.get(f"{SMALL}/{rest}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_image_request")
    assert answer.json()["error"]["hint"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("service", ["iiif-img", "thumbs", "file", "iiif-manifest"])
@pytest.mark.parametrize(
    "named",
    [
        *[
            "1/1/unknown",
            "1/2/page",
            "1/3/small",
            "2/1/small",
            "elsewhere/1/small",
            "nobody/1/small",
            "1/x/small",
        ],
        *[
            "1/1/archived",
            "1/1/ingesting",
            "1/1/broken",
            "1/1/nothing",
            "1/0/small",
            "99999999999999/1/small",
        ],
        *[
            "1/99999999999999/small",
            "1/1/01890000-0000-7000-8000-000000000000",
            "1/1/a%2Fb",
            "1/1/%5Bfrob%5D",
        ],
    ],
)
def test_what_is_not_delivered_is_unknown_however_that_came_to_be(
    site: Site, service: str, named: str
) -> None:
    prefixes = [service] if service == "file" else [service, f"{service}/v2", f"{service}/v3"]
    rests = [""] if service in {"file", "iiif-manifest"} else ["", "/info.json"]
    for prefix, rest in product(prefixes, rests):
        answer = site.get(f"/{prefix}/{named}{rest}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), prefix
        assert answer.headers["access-control-allow-origin"] == "*"


def test_what_has_no_address_here_is_told_so(site: Site) -> None:
    for path in ("/iiif-img", "/iiif-img/1/1", f"{SMALL}/full/max/0", f"{SMALL}/full/max/0/default.jpg/more"):
        answer = site.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_path"), path
    answer = site.ask("DELETE", f"{SMALL}/info.json")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    av = site.get("/iiif-av/1/1/film/full/full/max/max/0/default.mp4")
    assert (av.status_code, av.json()["error"]["message"]) == (404, "sound and video are not delivered yet")


def test_a_file_that_has_gone_bad_on_the_disk_harms_nothing_else(site: Site) -> None:
    for rest in ("0,0,512,512/max/0/default.jpg", "full/max/0/default.jpg", "full/300,/0/default.png"):
        answer = site.get(f"/iiif-img/1/1/spoilt/{rest}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "damaged_image")
        assert answer.headers["cache-control"] == "no-store"
    assert site.get("/iiif-img/1/1/spoilt/info.json").status_code == 200
    assert site.get(f"{SMALL}/full/max/0/default.jpg").status_code == 200


def test_the_links_say_what_this_is_and_where_it_belongs(site: Site) -> None:
    link = site.get(f"{SMALL}/pct:0,0,100,100/!300,300/360/color.jpg").headers["link"]
    assert f'<{site.url}{SMALL}/full/300,200/0/default.jpg>;rel="canonical"' in link
    assert '<http://iiif.io/api/image/3/level2.json>;rel="profile"' in link
    link = site.get(f"{TWO}/full/!300,300/0/default.jpg").headers["link"]
    assert f'<{site.url}{TWO}/full/300,/0/default.jpg>;rel="canonical"' in link
    assert '<http://iiif.io/api/image/2/level2.json>;rel="profile"' in link
    strange = quote(STRANGE, safe="")
    link = site.ask("HEAD", f"/iiif-img/1/1/{strange}/full/^max/0/default.jpg").headers["link"]
    assert f"<{site.url}/iiif-img/1/1/{strange}/full/%5Emax/0/default.jpg>" in link


def test_what_a_client_has_is_not_sent_again(site: Site) -> None:
    path = f"{SMALL}/full/200,/0/default.jpg"
    first = site.get(path)
    assert first.headers["cache-control"] == "public, max-age=2592000"
    again = site.get(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert "canonical" in again.headers["link"]
    assert site.get(path, if_none_match='"another"').status_code == 200
    tags = {site.get(f"{SMALL}/{rest}").headers["etag"] for rest in _KINDS}
    assert len(tags) == len(_KINDS)
    assert site.get("/iiif-img/1/1/clear/full/200,/0/default.jpg").headers["etag"] != first.headers["etag"]


_KINDS = [
    *[
        "full/200,/0/default.jpg",
        "full/200,/0/default.png",
        "full/200,/0/gray.jpg",
        "full/200,/!0/default.jpg",
    ],
    *["full/200,/1/default.jpg", "square/200,/0/default.jpg", "full/201,/0/default.jpg"],
]


def test_a_picture_is_the_same_the_second_time(site: Site) -> None:
    path = f"{SMALL}/full/123,/7/gray.png"
    assert site.get(path).content == site.get(path).content


def test_head_says_what_get_would(site: Site) -> None:
    for path in (f"{SMALL}/full/max/0/default.jpg", f"{SMALL}/info.json"):
        whole, head = site.get(path), site.ask("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers.get("content-length") in {None, whole.headers["content-length"]}
        kept = {"content-type", "etag", "link", "cache-control", "access-control-allow-origin"}
        assert {name: head.headers[name] for name in kept} == {name: whole.headers[name] for name in kept}


def test_pages_of_any_origin_may_ask(site: Site) -> None:
    asked: dict[str, Any] = {
        "origin": "https://viewer.example",
        "access_control_request_method": "GET",
        "access_control_request_headers": "x-api-key",
    }
    answer = site.ask("OPTIONS", f"{SMALL}/info.json", **asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "x-api-key"
    assert "GET" in answer.headers["access-control-allow-methods"]


def test_a_large_picture_is_sent_whole(site: Site) -> None:
    answer = site.get(f"{LARGE}/full/^4000,/0/default.png")
    assert size_of(answer.content) == (4000, 2615)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert list((site.data_dir / "storage.staging").iterdir()) == []
