"""A server in production, which tells nobody more than it must. The numbers are those of the protocol's list."""

import uuid

import pytest

from .house import PREFIX, House, refused
from .shelf import Shelf

SETTINGS = {"environment": "Production"}


def test_c101_errors_say_nothing_that_only_developers_need(house: House, shelf: Shelf) -> None:
    answers = [
        house.get(f"/media/{shelf.unknown}", shelf.a),
        house.get("/media/xyz", shelf.a),
        house.get("/nowhere", shelf.a),
        house.get("/images"),
        house.batch_delete([""], shelf.a),
        house.batch_delete([shelf.a5] * 51, shelf.a),
        house.ask("PATCH", "/images", of=shelf.a),
        house.ask("POST", "/folders", of=shelf.a, content=b"{"),
    ]
    for answer in answers:
        said = refused(answer, answer.status_code, answer.json()["code"])
        assert said.keys() <= {"error", "code", "recoverable", "suggested_action"}
    assert "strict-transport-security" in answers[0].headers


@pytest.mark.parametrize("path", ["/images", "/nowhere", "/media/xyz"])
def test_c100_an_answer_carries_the_id_of_its_request(house: House, shelf: Shelf, path: str) -> None:
    given = house.get(path, shelf.a, headers={"X-Request-ID": "abc"})
    assert given.headers.get_list("X-Request-ID") == ["abc"]
    (made,) = house.get(path, shelf.a).headers.get_list("X-Request-ID")
    assert str(uuid.UUID(made)) == made


def test_answers_are_kept_out_of_frames_and_caches(house: House, shelf: Shelf) -> None:
    for answer in (house.get("/images", shelf.a), house.get("/images"), house.get("/nowhere", shelf.a)):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "no-store" in answer.headers["Cache-Control"]
        assert "Content-Security-Policy" in answer.headers
        assert "Permissions-Policy" in answer.headers
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"


def test_no_origin_is_let_in_that_is_not_named(house: House) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    answer = house.http.options(f"{PREFIX}/images", headers=asked)
    assert "access-control-allow-origin" not in answer.headers
