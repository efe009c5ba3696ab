"""Which media are taken, and by what they must be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stackroom.errors import Invalid
from stackroom.ingest.accepted import Accepted, check, check_bytes, clean_filename, content_types, extensions
from stackroom.media.kinds import Kind


@pytest.mark.parametrize("kind", Kind)
def test_every_type_goes_with_an_extension(kind: Kind) -> None:
    taken = set()
    for extension in extensions(kind):
        for content_type in content_types(kind):
            try:
                taken.add(
                    check(kind, f"name.{extension.upper()}", f" {content_type.upper()}; q=1").content_type
                )
            except Invalid:
                continue
    assert taken == set(content_types(kind))


@pytest.mark.parametrize(
    ("kind", "name", "content_type"),
    [
        (Kind.AUDIO, "a.mp3", "audio/mp3"),
        (Kind.AUDIO, "a.wav", "audio/x-wav"),
        (Kind.AUDIO, "a.m4a", "audio/x-m4a"),
        (Kind.AUDIO, "a.ogg", "application/ogg"),
        (Kind.IMAGE, "a.b.JPEG", "image/jpeg"),
    ],
)
def test_what_a_type_is_called_elsewhere_is_known(kind: Kind, name: str, content_type: str) -> None:
    assert check(kind, name, content_type) == Accepted(name, content_type)


@pytest.mark.parametrize(
    ("name", "content_type", "why"),
    [
        ("x.png", "image/jpeg", "cannot be"),
        ("x.png", None, "octet-stream"),
        ("x.png", "image/svg+xml", "svg"),
        (None, "image/png", "Extension"),
        ("png", "image/png", "Extension"),
        ("x.exe", "image/png", "exe"),
        ("x.mp4", "video/mp4", "video/mp4"),
        ("a..png", "image/png", "'..'"),
    ],
)
def test_what_does_not_agree_is_refused_and_said_why(
    name: str | None, content_type: str | None, why: str
) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        check(Kind.IMAGE, name, content_type)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("../../etc/x.png", "x.png"),
        ("C:\\photos\\x.png", "x.png"),
        ("a b(1)!.png", "a_b_1__.png"),
        ("härbør.png", "härbør.png"),
        ("a", "file"),
        ("", "file"),
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
    ],
)
def test_a_name_is_the_last_part_of_a_path_in_plain_characters(raw: str, clean: str) -> None:
    assert clean_filename(raw) == clean


@given(some.text(max_size=400))
def test_whatever_a_file_is_called_its_name_can_be_kept(raw: str) -> None:
    try:
        name = clean_filename(raw)
    except Invalid:
        assert ".." in raw
        return
    assert 3 <= len(name) <= 255
    assert all(it.isalnum() or it in "._-" for it in name)


@pytest.mark.parametrize(
    ("said", "found", "taken"),
    [
        ("image/png", "image/png", True),
        ("image/png", "image/jpeg", False),
        ("image/png", None, False),
        ("video/mp4", "video/quicktime", True),
        ("video/x-matroska", "video/webm", True),
        ("video/mp4", "video/webm", False),
        ("audio/x-wav", "audio/wav", True),
        ("audio/mpeg", "audio/wav", False),
    ],
)
def test_the_bytes_must_be_what_they_are_said_to_be(said: str, found: str | None, taken: bool) -> None:
    if taken:
        check_bytes(Accepted("x", said), found)
    else:
        with pytest.raises(Invalid):
            check_bytes(Accepted("x", said), found)
