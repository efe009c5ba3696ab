"""Who may do what: as the page says, for every address, and no less and no more.

The addresses come from the face's own table of routes, so that a new one cannot escape.
"""

import re

import pytest

from stackroom.access import Role

from .house import House
from .test_error_shape import ADDRESSES, assert_shape, filled
from .test_page import PAGE

ROLES = [role.word for role in sorted(Role)]
ROW = re.compile(r"^\| (`[A-Z].*?) \| (\w+) \|", re.MULTILINE)
# Where more is needed for some bodies than for others, which is told from the body.
DEPENDS_ON_THE_BODY = {("POST", "/batch/images/delete")}
NEEDED = {
    (method, path): role
    for names, role in ROW.findall(PAGE.read_text().partition("## What is offered")[2].partition("\n## ")[0])
    for method, path in re.findall(r"`([A-Z]+) (/[^`]*)`", names)
}
REFUSED = [
    (method, path, role)
    for method, path in ADDRESSES
    for role in ROLES[: ROLES.index(NEEDED[method, path])]
    if (method, path) in NEEDED
]


def test_the_page_says_of_every_address_who_may() -> None:
    assert set(NEEDED) == set(ADDRESSES)
    assert set(NEEDED.values()) <= set(ROLES)


@pytest.mark.parametrize(("method", "path", "role"), REFUSED)
def test_a_lower_role_is_refused_before_anything_is_looked_at(
    house: House, method: str, path: str, role: str
) -> None:
    answer = house.ask(method, filled(path), role=role, content=None if method == "GET" else b"{")
    assert_shape(answer, 403, "forbidden")
    details = answer.json()["error"]["details"]
    assert (details["role"], details["required_role"]) == (role, NEEDED[method, path])


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_the_role_that_the_page_names_is_enough(house: House, method: str, path: str) -> None:
    """There is nothing to be found, and the body is none: but that is what the answer is about."""
    answer = house.ask(
        method, filled(path), role=NEEDED[method, path], content=None if method == "GET" else b"{"
    )
    assert answer.status_code in {200, 400, 404, 422}, answer.text
