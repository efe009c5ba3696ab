"""What describes: info.json in both versions, of thumbnails too, and manifests; where addresses lead."""

from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Site
from .world import STRANGE

IMAGE_3, IMAGE_2 = (f"http://iiif.io/api/image/{n}/context.json" for n in (3, 2))
MANIFEST_3, MANIFEST_2 = (f"http://iiif.io/api/presentation/{n}/context.json" for n in (3, 2))


def document(site: Site, path: str, **headers: str) -> dict[str, Any]:
    answer = site.get(path, **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("service", ["iiif-img", "thumbs"])
def test_addresses_lead_to_info_and_the_canonical_version_has_none(site: Site, service: str) -> None:
    strange = quote(STRANGE, safe="")
    leads = {
        f"/{service}/1/1/small": f"/{service}/1/1/small/info.json",
        f"/{service}/v2/1/1/small": f"/{service}/v2/1/1/small/info.json",
        f"/{service}/v3/1/1/small": f"/{service}/1/1/small",
        f"/{service}/v3/1/1/small/info.json": f"/{service}/1/1/small/info.json",
        f"/{service}/v3/1/1/{strange}/full/%5Emax/0/default.jpg": f"/{service}/1/1/{strange}/full/%5Emax/0/default.jpg",
    }
    for path, to in leads.items():
        answer = site.get(path)
        assert (answer.status_code, answer.headers["location"]) == (
            302 if "/v3/" in path else 303,
            site.url + to,
        )
        assert answer.headers["access-control-allow-origin"] == "*"


def test_what_version_three_says_of_an_image(site: Site) -> None:
    known = document(site, "/iiif-img/1/1/large/info.json")
    assert known == {
        "@context": IMAGE_3,
        "id": f"{site.url}/iiif-img/1/1/large",
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": 2600,
        "height": 1700,
        "maxWidth": 65500,
        "maxHeight": 65500,
        "maxArea": 36_000_000,
        "sizes": [
            {"width": width, "height": height}
            for width, height in [(325, 212), (650, 425), (1300, 850), (2600, 1700)]
        ],
        "tiles": [{"width": 512, "height": 512, "scaleFactors": [1, 2, 4, 8]}],
        "preferredFormats": ["jpg"],
        "extraFormats": ["webp"],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": [
            *["canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary", "sizeUpscaling"]
        ],
    }


def test_what_version_two_says_of_an_image(site: Site) -> None:
    known = document(site, "/iiif-img/v2/1/1/large/info.json")
    assert (known["@context"], known["@id"]) == (IMAGE_2, f"{site.url}/iiif-img/v2/1/1/large")
    assert "type" not in known
    level, extra = known["profile"]
    assert level == "http://iiif.io/api/image/2/level2.json"
    assert extra["maxArea"] == 36_000_000
    assert {"sizeAboveFull", "regionSquare", "mirroring", "rotationArbitrary"} <= set(extra["supports"])
    assert {"bitonal", "color", "gray", "default"} == set(extra["qualities"])


@pytest.mark.parametrize("path", ["/iiif-img/1/1/small/info.json", "/iiif-manifest/1/1/small"])
def test_json_and_linked_json_are_negotiated(site: Site, path: str) -> None:
    context = IMAGE_3 if "img" in path else MANIFEST_3
    linked = f'application/ld+json;profile="{context}"'
    plain = "application/json"
    html = "text/html,application/xhtml+xml,*/*;q=0.8"
    wanted = [
        *[("*/*", linked), ("application/ld+json", linked), ("application/json", plain), (html, plain)],
        *[("application/json;q=0.9, application/ld+json;q=0.8", plain)],
        *[("application/json;q=0.8,application/ld+json;q=0.9", linked)],
        *[
            (f'application/ld+json;profile="{context}"', linked),
            ("application/json, application/ld+json", linked),
        ],
    ]
    for accept, kind in wanted:
        answer = site.get(path, accept=accept)
        assert answer.headers["content-type"] == kind, accept
        assert answer.headers["vary"] == "Accept"
        assert ("json-ld#context" in answer.headers.get("link", "")) == (kind == plain)
    two = site.get(path.replace("/1/1/", "/v2/1/1/"), accept="*/*")
    assert two.headers["content-type"] == plain


def test_the_other_version_can_be_asked_for_by_its_profile(site: Site) -> None:
    asked = f'application/ld+json;profile="{IMAGE_2}"'
    known = document(site, "/iiif-img/1/1/small/info.json", accept=asked)
    assert (known["@context"], known["@id"]) == (IMAGE_2, f"{site.url}/iiif-img/v2/1/1/small")
    known = document(site, "/iiif-manifest/1/1/small", accept=f'application/ld+json;profile="{MANIFEST_2}"')
    assert known["@type"] == "sc:Manifest"


@pytest.mark.parametrize(
    ("two", "three", "context"),
    [
        ("", "", IMAGE_3),
        (";q=0.5", "", IMAGE_3),
        (";q=0.5", ";q=0.9", IMAGE_3),
        (";q=0", ";q=0.1", IMAGE_3),
        ("", ";q=0.9", IMAGE_2),
        (";q=0.2", ";q=0.1", IMAGE_2),
    ],
)
def test_of_two_versions_that_are_asked_for_the_one_wanted_more_comes(
    site: Site, two: str, three: str, context: str
) -> None:
    parts = [
        f'application/ld+json;profile="{IMAGE_2}"{two}',
        f'application/ld+json;profile="{IMAGE_3}"{three}',
    ]
    for accept in (",".join(parts), ", ".join(reversed(parts))):
        assert document(site, "/iiif-img/1/1/small/info.json", accept=accept)["@context"] == context


def test_documents_are_asked_for_again_and_not_sent_again(site: Site) -> None:
    for path in ("/iiif-img/1/1/small/info.json", "/thumbs/1/1/small/info.json", "/iiif-manifest/1/1/small"):
        first = site.get(path)
        assert first.headers["cache-control"] == "public, no-cache"
        again = site.get(path, if_none_match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")


def test_addresses_are_those_by_which_the_client_came(site: Site) -> None:
    strange = quote(STRANGE, safe="")
    known = document(
        site,
        f"/iiif-img/City%20Archive/1/{strange}/info.json",
        x_forwarded_proto="https",
        x_forwarded_host="iiif.example",
    )
    assert known["id"] == f"https://iiif.example/iiif-img/City%20Archive/1/{strange}"
    answer = site.get("/iiif-img/1/1/small", x_forwarded_host="evil.example/path?")
    assert answer.headers["location"] == f"{site.url}/iiif-img/1/1/small/info.json"


def test_thumbnails_list_their_sizes_and_nothing_else(site: Site) -> None:
    known = document(site, "/thumbs/1/1/large/info.json")
    assert (known["profile"], known["id"]) == ("level0", f"{site.url}/thumbs/1/1/large")
    sizes = [(100, 65), (200, 131), (400, 262), (1024, 670)]
    assert known["sizes"] == [{"width": width, "height": height} for width, height in sizes]
    assert "tiles" not in known
    two = document(site, "/thumbs/v2/1/1/large/info.json")
    assert two["profile"][0] == "http://iiif.io/api/image/2/level0.json"


def test_the_manifest_of_an_image(site: Site) -> None:
    address = f"{site.url}/iiif-manifest/1/1/described"
    known = document(site, "/iiif-manifest/1/1/described")
    assert (known["@context"], known["id"], known["type"]) == (MANIFEST_3, address, "Manifest")
    facts = {each["label"]["none"][0]: each["value"]["none"] for each in known["metadata"]}
    assert list(facts) == [
        *(f"String {n}" for n in (1, 2, 3)),
        *(f"Number {n}" for n in (1, 2, 3)),
        "Tags",
        "Roles",
    ]
    assert (facts["String 1"], facts["Number 2"], facts["Tags"]) == (["vol 1"], ["7"], ["old, red"])
    (canvas,) = known["items"]
    assert (canvas["id"], canvas["width"], canvas["height"]) == (f"{address}/canvas/c/1", 600, 400)
    painting = canvas["items"][0]["items"][0]
    assert (painting["motivation"], painting["target"]) == ("painting", canvas["id"])
    body = painting["body"]
    assert body["id"] == f"{site.url}/iiif-img/1/1/described/full/400,267/0/default.jpg"
    services = {each.get("type") or each["@type"]: each.get("id") or each["@id"] for each in body["service"]}
    assert services == {
        "ImageService2": f"{site.url}/iiif-img/v2/1/1/described",
        "ImageService3": f"{site.url}/iiif-img/1/1/described",
    }
    for address in (
        body["id"],
        known["thumbnail"][0]["id"],
        *(f"{each}/info.json" for each in services.values()),
    ):
        assert site.get(address).status_code == 200


def test_the_manifest_in_version_two(site: Site) -> None:
    known = document(site, "/iiif-manifest/v2/1/1/described")
    assert (known["@context"], known["@type"]) == (MANIFEST_2, "sc:Manifest")
    (canvas,) = known["sequences"][0]["canvases"]
    assert (canvas["width"], canvas["height"]) == (600, 400)
    resource = canvas["images"][0]["resource"]
    assert site.get(resource["@id"]).status_code == 200
    assert resource["service"]["@id"] == f"{site.url}/iiif-img/v2/1/1/described"
    lead = site.get("/iiif-manifest/v3/1/1/described")
    assert (lead.status_code, lead.headers["location"]) == (302, f"{site.url}/iiif-manifest/1/1/described")


def test_what_is_only_a_file_has_a_canvas_to_stand_on(site: Site) -> None:
    (canvas,) = document(site, "/iiif-manifest/1/1/file")["items"]
    assert (canvas["width"], canvas["height"], canvas["items"][0]["items"]) == (1000, 1000, [])
    assert canvas["rendering"][0]["id"] == f"{site.url}/file/1/1/file"
    assert site.get(canvas["rendering"][0]["id"]).status_code == 200
    (film,) = document(site, "/iiif-manifest/1/1/film")["items"]
    assert (film["width"], film["items"][0]["items"]) == (1000, [])


def test_an_asset_without_a_key_goes_by_its_id(site: Site) -> None:
    known = document(site, f"/iiif-img/1/1/{site.world.unnamed}/info.json")
    assert (known["width"], known["height"]) == (500, 300)
