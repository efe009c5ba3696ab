"""What the protocol limits by default. The numbers are those of the protocol's list of cases."""

import time

from stackroom import clock

from .house import House, refused
from .shelf import Shelf

SETTINGS = {"requests_per_minute": 100, "organization_requests_per_minute": 200, "failed_logins": 10}
QUARTER = 15 * 60 * clock.SECOND


def test_c99_one_request_too_many_is_told_to_wait(house: House, shelf: Shelf) -> None:
    house.put_forward += clock.HOUR  # nobody has asked for anything yet in this minute
    left = []
    for _ in range(100):
        answer = house.get("/folders", shelf.a)
        assert answer.status_code == 200, answer.text
        left.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert left == list(range(99, -1, -1))
    assert answer.headers["X-RateLimit-Limit"] == "100"
    ends = int(answer.headers["X-RateLimit-Reset"])
    assert 0 < ends - (house.now() // clock.SECOND) <= 60
    answer = house.get("/folders", shelf.a)
    said = refused(answer, 429, "RATE_LIMIT_EXCEEDED")
    assert said["recoverable"] is True
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    refused(house.get("/folders", shelf.b), 429, "RATE_LIMIT_EXCEEDED")  # from the same address
    assert house.http.get("/live").status_code == 200
    house.put_forward += 61 * clock.SECOND
    assert house.get("/folders", shelf.a).status_code == 200


def test_who_tries_many_keys_is_shut_out_for_a_while(house: House, shelf: Shelf) -> None:
    house.put_forward += clock.HOUR
    bad = {"Authorization": "Bearer mk_live_" + "0" * 40}
    for _ in range(9):
        refused(house.get("/folders", headers=bad), 401, "UNAUTHORIZED")
    tenth = house.get("/folders", headers=bad)
    refused(tenth, 429, "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(tenth.headers["Retry-After"]) <= 900
    refused(house.get("/folders", shelf.a), 429, "RATE_LIMIT_EXCEEDED")
    house.put_forward += QUARTER + clock.SECOND
    assert house.get("/folders", shelf.a).status_code == 200


def test_a_batch_counts_once(house: House, shelf: Shelf) -> None:
    house.put_forward += clock.HOUR
    before = int(house.get("/folders", shelf.a).headers["X-RateLimit-Remaining"])
    answer = house.batch_delete([shelf.unknown for _ in range(50)], shelf.a)
    assert answer.status_code == 200
    assert int(answer.headers["X-RateLimit-Remaining"]) == before - 1
    assert time.time() > 0
