"""What clients say of images, and all that may be wrong with it. Numbers are those of the protocol's test list."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from stackroom.errors import Invalid
from stackroom.library import channels
from stackroom.library.channels import Channel
from stackroom.library.registrations import Described
from stackroom.web.dlcs.convert import members
from stackroom.web.dlcs.convert.base import body
from stackroom.web.dlcs.convert.members import Named
from stackroom.web.dlcs.wire.members import Member, Posted

CUSTOMER, SPACE = 7, 12
IMAGE: dict[str, Any] = {
    "id": "foo",
    "space": SPACE,
    "origin": "https://o.example/1.jpg",
    "mediaType": "image/jpeg",
}
IIIF, THUMBS, AV, FILE, NONE = (
    Channel("iiif-img", "default"),
    Channel("thumbs", "default"),
    Channel("iiif-av", "default-video"),
    Channel("file", "none"),
    Channel("none", "none"),
)


def posted(*said: dict[str, Any], limit: int = 4, legacy: bool = False) -> list[Named]:
    raw = msgspec.json.encode({"@type": "Collection", "member": list(said)})
    return members.posted(body(raw, Posted), customer=CUSTOMER, limit=limit, legacy=legacy)


def told(*said: dict[str, Any], **options: Any) -> str:
    """What is refused, and how."""
    with pytest.raises(Invalid) as refused:
        posted(*said, **options)
    return refused.value.message


def an_image(**said: Any) -> dict[str, Any]:
    return {key: value for key, value in {**IMAGE, **said}.items() if value is not ...}


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b'{"member": null}', b'{"member": []}'], ids=["V1", "V1", "V1", "V2"]
)
def test_a_list_of_nothing_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid, match=r"^Members cannot be empty$"):
        members.posted(body(raw, Posted), customer=CUSTOMER, limit=4, legacy=False)


def test_p4_an_empty_list_is_taken_where_old_clients_are() -> None:
    assert posted(legacy=True) == []
    with pytest.raises(Invalid, match="Members cannot be empty"):
        members.posted(Posted(), customer=CUSTOMER, limit=4, legacy=True)


def test_v3_more_than_the_limit_is_refused_with_the_limit() -> None:
    assert told(*(an_image(id=f"{n}") for n in range(5))) == "Maximum assets in single batch is 4"


def test_a_hint_names_only_so_many_members() -> None:
    with pytest.raises(Invalid) as refused:
        posted(*(an_image(id=f"{n}", width=1) for n in range(12)), limit=12)
    assert refused.value.message == "Should not include width"
    assert refused.value.hint is not None
    assert refused.value.hint.endswith("member 10 ('9') and 2 more.")


def test_v4_exactly_the_limit_is_taken() -> None:
    assert len(posted(*(an_image(id=f"{n}") for n in range(4)))) == 4


def test_v5_two_members_of_one_name_are_refused_with_the_name() -> None:
    twice = [
        an_image(id=name, space=space) for name, space in [("foo", 2), ("bar", 2), ("foo", 2), ("foo", 3)]
    ]
    assert told(*twice) == "Members contains 1 duplicate Id(s): Id:foo,Space:2"


def test_v6_one_name_in_two_spaces_is_two_images() -> None:
    assert len(posted(*(an_image(id=n, space=s) for n, s in [("foo", 10), ("bar", 10), ("foo", 20)]))) == 3


def test_names_are_the_same_when_they_are_the_same_after_all() -> None:
    """The original looks before it takes the prefix away, and fails later."""
    uri = "https://elsewhere.example/customers/7/spaces/12/images/a"
    clashing = [an_image(id="a"), an_image(id="7/12/a"), {**an_image(id=...), "@id": uri}]
    assert told(*clashing) == "Members contains 1 duplicate Id(s): Id:a,Space:12"
    assert len(posted(an_image(id="a"), an_image(id="A"))) == 2


def test_v7_a_blank_name_is_refused_and_none_at_all_is_minted() -> None:
    assert told(an_image(id=" ")) == "Asset Id cannot be empty"
    minted = posted(an_image(id=...), an_image(id=""), an_image(id=None), an_image(id="someId"))
    assert len({each.key for each in minted}) == 4
    assert [len(each.key) for each in minted] == [36, 36, 36, 6]


@pytest.mark.parametrize("space", [0, None, ...], ids=["V8", "V8", "V8"])
def test_v8_a_member_without_a_space_is_refused(space: Any) -> None:
    assert told(an_image(space=space)) == "Space cannot be empty"


@pytest.mark.parametrize("media_type", [None, "", " ", ...])
def test_v9_a_member_without_a_media_type_is_refused(media_type: Any) -> None:
    assert told(an_image(mediaType=media_type)) == "Media type must be specified"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("batch", "https://x/queue/batches/4", id="V10"),
        pytest.param("width", 10, id="V11"),
        pytest.param("height", 10, id="V12"),
        pytest.param("duration", 10, id="V13"),
        pytest.param("finished", "2026-01-01T00:00:00Z", id="V14"),
        pytest.param("created", "2026-01-01T00:00:00Z", id="V15"),
        ("width", {"a": []}),
        ("DURATION", 1.5),
    ],
)
def test_what_only_the_server_says_is_refused(name: str, value: Any) -> None:
    assert told(an_image(**{name: value})) == f"Should not include {name.lower()}"


@pytest.mark.parametrize("name", members.READ_ONLY)
def test_what_only_the_server_says_may_be_said_to_be_nothing(name: str) -> None:
    assert posted(an_image(**{name: 0}), an_image(id="bar", **{name: None}))


@pytest.mark.parametrize(
    "name", [pytest.param("imageOptimisationPolicy", id="V16"), pytest.param("thumbnailPolicy", id="V17")]
)
def test_policies_of_old_are_refused(name: str) -> None:
    assert told(an_image(**{name: "x"})) == f"{name} is deprecated. Use 'deliveryChannels' instead."


def test_all_that_is_wrong_is_told_at_once_and_each_thing_once() -> None:
    wrong = an_image(space=0, mediaType="", width=3)
    assert told(wrong, {**wrong, "id": "bar"}, {**wrong, "id": "bar"}).split(". ") == [
        "Members contains 1 duplicate Id(s): Id:bar,Space:0",
        "Space cannot be empty",
        "Media type must be specified",
        "Should not include width",
    ]


@pytest.mark.parametrize(
    ("asked", "media_type", "about"),
    [
        ([], "image/jpeg", "'deliveryChannels' cannot be an empty array"),
        ([], ..., "'deliveryChannels' cannot be an empty array"),
        (["default", "thumbs"], "image/jpeg", "'default' stands alone"),
        (["none", "file"], "image/jpeg", "'none' stands alone"),
        (["file", {"channel": "file"}], "image/jpeg", "duplicate"),
        (["none", "file"], ..., "'none' stands alone"),
        (["iiif"], "image/jpeg", "'iiif' is not a valid delivery channel"),
        (["iiif-av"], "image/jpeg", "'iiif-av' is not a valid delivery channel for"),
        (["thumbs"], "video/mp4", "'thumbs' is not a valid"),
        (["iiif-img"], "application/pdf", "'iiif-img' is not a valid"),
    ],
)
def test_a8_channels_that_cannot_be_are_refused_and_the_member_is_named(
    asked: list[Any], media_type: Any, about: str
) -> None:
    said = told(an_image(id="bar"), an_image(deliveryChannels=asked, mediaType=media_type))
    assert about in said
    assert not asked or "member 2 ('foo')" in said


@pytest.mark.parametrize(
    "key",
    ["a/b", "7/13/a", "8/12/a", "x" * (220 - len("7/12/") + 1)],
    ids=["slash", "space", "customer", "long"],
)
def test_a_name_that_cannot_be_is_refused_and_the_member_is_named(key: str) -> None:
    assert f"member 2 ('{key}')" in told(an_image(), an_image(id=key))


def test_a_name_may_be_as_long_as_names_may_be() -> None:
    key = "x" * (220 - len("7/12/"))
    assert posted(an_image(id=key))[0].key == posted(an_image(id=f"7/12/{key}"))[0].key == key


def test_p5_a_name_may_be_an_address_on_any_host() -> None:
    uri = "https://any.example:81/prefix/customers/7/spaces/12/images/leaf%20001"
    for said in (
        {**an_image(id=..., space=...), "@id": uri},
        {**an_image(id="leaf 001"), "@id": uri},
        {**an_image(id="7/12/leaf 001", space=...), "@id": uri},
    ):
        assert [(each.space, each.key) for each in posted(said)] == [(12, "leaf 001")]


@pytest.mark.parametrize(
    "said",
    [
        {"@id": "https://x/customers/8/spaces/12/images/a"},
        {"@id": "https://x/customers/7/spaces/13/images/a"},
        {"@id": "https://x/customers/7/spaces/12/images/a", "id": "b"},
        {"@id": "https://x/customers/7/spaces/12/a"},
        {"@id": "http://[bad"},
        {"@id": "https://x/customers/7/spaces/99999999999999999999/images/a"},
        {"@id": "https://x/notcustomers/7/spaces/12/images/a"},
    ],
)
def test_an_address_that_is_another_images_is_refused(said: dict[str, Any]) -> None:
    assert told({**an_image(id=...), **said}).startswith(
        f"'@id' is '{said['@id']}', but must end in customers/7/"
    )


def test_the_other_spelling_of_a_collection_is_understood() -> None:
    raw = msgspec.json.encode(
        {"members": [an_image(id=..., modelId="foo", mediaType=..., MEDIATYPE="image/png")]}
    )
    (found,) = members.posted(body(raw, Posted), customer=CUSTOMER, limit=4, legacy=False)
    assert (found.key, found.said.media_type) == ("foo", "image/png")


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ({"space": "12"}, "member[0].space"),
        ({"number1": 2**63}, "member[0].number1"),
        ({"number1": "1.5"}, "member[0].number1"),
        ({"number2": ""}, "member[0].number2"),
        ({"maxUnauthorised": 2**31}, "member[0].maxUnauthorised"),
        ({"tags": "vol1"}, "member[0].tags"),
        ({"family": "X"}, "member[0].family"),
        ({"family": 1}, "member[0].family"),
        ({"deliveryChannels": [{"policy": "default"}]}, "member[0].deliveryChannels[0]"),
        ({"deliveryChannels": [7]}, "member[0].deliveryChannels[0]"),
    ],
)
def test_what_is_of_a_wrong_type_is_told_with_its_place(said: dict[str, Any], about: str) -> None:
    assert told(an_image(**said)).startswith(about)


@pytest.mark.parametrize(("number", "family"), [(73, "I"), (84, "T"), (70, "F")])
def test_a_family_may_be_the_number_that_generated_clients_have_for_it(number: int, family: str) -> None:
    """dlcs-py sends the values of the original's enumeration, which are the codes of the letters."""
    (found,) = posted(an_image(family=number))
    assert found.said.family == family
    assert members.registration(found, None, lambda _: (FILE,)).family == family


def test_a_number_may_be_in_a_text() -> None:
    """The DLCS's composite handler makes members of templates, such as "{:03d}" for a number."""
    (found,) = posted(an_image(number1="007", number2="-3", number3=5))
    said = members.registration(found, None, lambda _: (FILE,))
    assert (said.number1, said.number2, said.number3) == (7, -3, 5)


# --- clients of old --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "media_type"),
    [
        pytest.param({"family": "T", "origin": "https://o/1.mp4"}, "video/mp4", id="P3"),
        pytest.param({"origin": "https://o/1.TIF?x=1.png"}, "image/tiff", id="P16"),
        ({"origin": "https://o/1.jp2#page"}, "image/jp2"),
        ({"origin": "https://o/1.mp3", "family": "T"}, "audio/mpeg"),
        ({"origin": "https://o/1.pdf"}, "application/pdf"),
        ({"origin": "https://o/1.pdf", "family": "F"}, "application/pdf"),
        ({"origin": "https://o/1.jpg", "family": "F"}, "image/jpeg"),
        ({"origin": "https://o/1.mp4", "family": "I"}, "image/unknown"),
        ({"origin": "https://o/1", "family": "T"}, "video/unknown"),
        ({"origin": "https://o/1"}, "image/unknown"),
        ({"origin": ...}, "image/unknown"),
        ({"origin": "https://o/1.jpg", "mediaType": "image/png"}, "image/png"),
    ],
)
def test_a_media_type_is_guessed_for_clients_of_old(said: dict[str, Any], media_type: str) -> None:
    (found,) = posted(an_image(**{"mediaType": ..., **said}), legacy=True)
    assert found.said.media_type == media_type


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        pytest.param({"imageOptimisationPolicy": "fast-higher"}, [IIIF, THUMBS], id="P19"),
        pytest.param({"thumbnailPolicy": "default"}, [IIIF, THUMBS], id="P20"),
        pytest.param(
            {"imageOptimisationPolicy": "video-max", "family": "T", "origin": "x.mp4"}, [AV], id="P21"
        ),
        pytest.param(
            {"imageOptimisationPolicy": "audio-max", "origin": "x.mp3"},
            [Channel("iiif-av", "default-audio")],
            id="P22",
        ),
        (
            {"imageOptimisationPolicy": "https://x/imageOptimisationPolicies/use-original"},
            [Channel("iiif-img", "use-original"), THUMBS],
        ),
        ({"imageOptimisationPolicy": "none", "origin": "x.pdf"}, [FILE]),
    ],
)
def test_policies_of_old_become_channels(said: dict[str, Any], wanted: list[Channel]) -> None:
    (found,) = posted(an_image(**{"mediaType": ..., **said}), legacy=True)
    assert registered(found).channels == tuple(wanted)


@pytest.mark.parametrize(
    "said",
    [
        {"imageOptimisationPolicy": "video-max"},
        {"thumbnailPolicy": "huge"},
        {"imageOptimisationPolicy": "fast-higher", "mediaType": "video/mp4"},
    ],
)
def test_a_policy_of_old_that_means_nothing_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="of member 2") as refused:
        posted(an_image(), an_image(id="bar", **said), legacy=True)
    assert refused.value.details == {"title": "Failed to convert legacy asset"}


def test_who_knows_of_channels_may_not_speak_of_policies_even_among_clients_of_old() -> None:
    both = an_image(deliveryChannels=["file"], thumbnailPolicy="default")
    assert "deprecated" in told(both, legacy=True)


# --- with what there is ----------------------------------------------------------------------------------------------


def named(**said: Any) -> Named:
    raw = msgspec.json.encode(an_image(**said))
    return Named(
        customer=CUSTOMER, space=SPACE, key=said.get("id", "foo"), said=body(raw, Member), position=3
    )


def registered(what: Named, known: Described | None = None, **options: Any) -> Any:
    return members.registration(
        what, known, lambda kind: channels.defaults(channels.USUAL, 1, kind), **options
    )


def known(**there: Any) -> Described:
    plain: dict[str, Any] = {
        "id": 1,
        "uuid": b"",
        "dataset_id": 1,
        "space": SPACE,
        "key": "foo",
        "name": "foo",
        "kind": "image",
        "blob_id": 1,
        "size": 1,
        "width": 1,
        "height": 1,
        "duration": None,
        "ingesting": False,
        "error": "",
        "batch_id": None,
        "expires_at": None,
        "created_at": 0,
        "finished_at": 1,
        "version": 1,
        "registered": True,
        "origin": "https://o.example/0.jpg",
        "media_type": "image/jpeg",
        "family": "I",
        "channels": (IIIF,),
        "max_unauthorised": -1,
        "roles": (),
        "tags": (),
        "manifests": (),
        **dict.fromkeys(("string1", "string2", "string3"), ""),
        **dict.fromkeys(("number1", "number2", "number3"), 0),
    }
    return Described(**{**plain, **there})


@pytest.mark.parametrize(
    ("said", "family", "wanted"),
    [
        ({}, "I", [IIIF, THUMBS]),
        ({"mediaType": "video/mp4"}, "T", [AV]),
        ({"mediaType": "audio/mpeg"}, "T", [Channel("iiif-av", "default-audio")]),
        ({"mediaType": "application/pdf"}, "F", [FILE]),
        ({"deliveryChannels": ["file"]}, "F", [FILE]),
        ({"deliveryChannels": ["thumbs", "file"]}, "I", [THUMBS, FILE]),
        ({"deliveryChannels": ["default"]}, "I", [IIIF, THUMBS]),
        ({"deliveryChannels": ["none"], "mediaType": "video/mp4"}, "T", [NONE]),
        (
            {"deliveryChannels": [{"channel": "iiif-img", "policy": "https://x/iiif-img/use-original"}]},
            "I",
            [Channel("iiif-img", "use-original")],
        ),
        ({"family": "F"}, "F", [IIIF, THUMBS]),
    ],
)
def test_a_new_image_gets_its_channels_and_family(
    said: dict[str, Any], family: str, wanted: list[Channel]
) -> None:
    found = registered(named(**said))
    assert (found.family, found.channels) == (family, tuple(wanted))


def test_what_is_left_out_of_an_image_that_there_is_stays_as_it_is() -> None:
    found = registered(named(origin=..., mediaType=...), known())
    assert all(value is UNSET for value in msgspec.structs.asdict(found).values())


def test_what_is_said_of_an_image_that_there_is_replaces_what_was() -> None:
    said = named(
        deliveryChannels=["default"], tags=["b", "a", "b"], roles=[], manifests=[], string2="", number3=4
    )
    found = registered(said, known(tags=("x",)))
    assert (found.tags, found.roles, found.manifests) == (("b", "a"), (), ())
    assert (found.channels, found.family) == ((IIIF, THUMBS), UNSET)
    assert (found.string1, found.string2, found.number3) == (UNSET, "", 4)


@pytest.mark.parametrize(
    ("said", "there", "code"),
    [
        ({"origin": ...}, False, "origin_missing"),
        ({"origin": ""}, False, "origin_missing"),
        ({"id": "a b"}, False, "restricted_characters"),
        ({"id": "a\\b"}, False, "restricted_characters"),
        ({"id": "a\x1fb"}, False, "restricted_characters"),
        ({"id": "a\nb"}, False, "restricted_characters"),
        ({"id": "."}, False, "restricted_characters"),
        ({"id": ".."}, False, "restricted_characters"),
        ({"family": "T"}, True, "family_fixed"),
        ({"error": "x"}, True, "read_only_property"),
        ({"deliveryChannels": [{"channel": "thumbs", "policy": "x"}]}, False, "unknown_policy"),
        ({"deliveryChannels": ["iiif-av"], "mediaType": ...}, True, "unsuitable_channel"),
    ],
)
def test_what_does_not_suit_what_there_is_is_refused_and_the_member_named(
    said: dict[str, Any], there: bool, code: str
) -> None:
    with pytest.raises(Invalid, match=r"member 3 \('") as refused:
        registered(named(**said), known() if there else None)
    assert refused.value.code == code


def test_an_image_that_there_is_keeps_its_name_whatever_is_in_it() -> None:
    assert registered(named(id="a b"), known(key="a b"))


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ({"origin": "https://o.example/0.jpg"}, False),
        ({"origin": "https://o.example/2.jpg"}, True),
        ({"origin": ..., "deliveryChannels": ["iiif-img"]}, False),
        ({"origin": ..., "deliveryChannels": ["default"]}, True),
        ({"origin": ..., "maxUnauthorised": -1}, False),
        ({"origin": ..., "maxUnauthorised": 400}, True),
        ({"origin": ..., "deliveryChannels": ["none"]}, True),
        ({"origin": ..., "string1": "x", "tags": ["y"], "mediaType": "image/png"}, False),
    ],
)
def test_only_what_delivery_depends_on_is_reason_to_process_again(said: dict[str, Any], again: bool) -> None:
    assert members.needs_processing(registered(named(**said), known()), known()) is again


def test_the_priority_lane_is_for_images() -> None:
    for said in (
        {},
        {"mediaType": "x/y", "family": "I"},
        {"mediaType": "x/y", "deliveryChannels": ["iiif-img"]},
    ):
        assert members.is_image(named(**said))
    for said in ({"mediaType": "video/mp4"}, {"mediaType": "application/pdf", "deliveryChannels": ["file"]}):
        assert not members.is_image(named(**said))


# --- one image -------------------------------------------------------------------------------------------------------


def one(*, creating: bool = True, **said: Any) -> Named:
    given = body(msgspec.json.encode({**an_image(id=..., space=...), **said}), Member)
    return members.single(given, customer=CUSTOMER, space=SPACE, key="foo", creating=creating)


def test_the_body_of_one_image_may_say_again_which_one_it_is() -> None:
    uri = "https://x/customers/7/spaces/12/images/foo"
    assert one(**{"id": "7/12/foo", "space": 12, "@id": uri}).place == one().place == (12, "foo")


@pytest.mark.parametrize(
    "said",
    [{"id": "bar"}, {"id": "7/13/foo"}, {"space": 13}, {"@id": "https://x/customers/7/spaces/1/images/foo"}],
)
def test_the_body_of_one_image_may_not_be_about_another(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"(?i)foo|12"):
        one(**said)


def test_a_change_need_not_name_the_media_type() -> None:
    assert one(creating=False, mediaType=None, deliveryChannels=["thumbs"])
    with pytest.raises(Invalid, match="Media type must be specified"):
        one(creating=True, mediaType=None)
    with pytest.raises(Invalid, match="cannot be an empty array"):
        one(creating=False, mediaType=None, deliveryChannels=[])


def test_the_order_of_channels_is_no_reason_to_process_again() -> None:
    there = known(channels=(IIIF, THUMBS))
    turned = registered(named(origin=..., deliveryChannels=["thumbs", "iiif-img"]), there)
    assert turned.channels == (THUMBS, IIIF)
    assert not members.needs_processing(turned, there)
