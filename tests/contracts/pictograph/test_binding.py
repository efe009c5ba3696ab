"""Every method of every official client meets an address of ours, or the list of what is not offered.

What the clients send is in `recorded`; the tools that write it down and make a page of it are tried here as well.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stackroom.testing.environments import EnvironmentUnavailable
from stackroom.web.pictograph.app import PARTS_NOT_OFFERED

from .house import House

TOOLS = Path(__file__).parents[3] / "tools"


def tool(name: str) -> ModuleType:
    """A script as a module; it is no part of any package."""
    where = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert where is not None
    assert where.loader is not None
    module = importlib.util.module_from_spec(where)
    sys.modules[name] = module
    where.loader.exec_module(module)
    return module


coverage = tool("generate_pictograph_coverage")
recorder = tool("record_pictograph_clients")
VERSIONS: list[str] = coverage.versions()
# A record of each request of each version, once, that is answered here.
SENT: dict[str, dict[str, Any]] = {
    json.dumps(each, sort_keys=True): each
    for version in VERSIONS
    for name in coverage.recording(version)["sync"]
    for each in coverage.requests(coverage.recording(version), name)
    if coverage.answered(each["method"], each["path"], coverage.all_routes()).offered
    and not each["path"].startswith("/storage/")
}
# How a request that is understood may end, when what it is about is not there, or in the way.
UNDERSTOOD = {200, 201, 404, 409}
# Refusals that are about what was asked, not about how.
FOR_A_REASON = {"upload_missing", "empty_update"}


def test_every_client_that_has_a_lock_was_recorded() -> None:
    assert recorder.versions() == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recording_is_what_the_client_sends(version: str) -> None:
    """If not: `python tools/record_pictograph_clients.py`."""
    try:
        recorded = recorder.record(version)
    except EnvironmentUnavailable as unavailable:
        pytest.skip(str(unavailable))
    assert recorder.place(version).read_text() == recorder.text(recorded)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_meets_an_address(version: str) -> None:
    found = coverage.methods(version, coverage.all_routes())
    assert len(found) > 70
    assert {method.fate for method in found.values()} <= set(coverage.Fate)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_method_that_is_offered_was_followed_to_its_end(version: str) -> None:
    """Otherwise there may be requests that nobody has seen."""
    recorded = coverage.recording(version)
    found = coverage.methods(version, coverage.all_routes())
    offered = [name for name, method in found.items() if method.fate is coverage.Fate.OFFERED]
    assert len(offered) > 40
    assert [name for name in offered if not recorded["sync"][name]["whole"]] == []


def test_a_request_that_nobody_answers_is_not_passed_over() -> None:
    for method, path in (("GET", "/nothing"), ("PUT", "/projects/"), ("GET", "/api/v1/elsewhere")):
        with pytest.raises(coverage.Unanswered, match=f"{method} {path}"):
            coverage.answered(method, path, coverage.all_routes())


def test_what_is_not_offered_is_what_clients_ask_for_in_vain() -> None:
    """Not a word more: a part that was filled in since then is taken off the list."""
    routes = coverage.all_routes()
    asked = {
        coverage.answered(each["method"], each["path"], routes).address.split(" ")[1]
        for version in VERSIONS
        for name in coverage.recording(version)["sync"]
        for each in coverage.requests(coverage.recording(version), name)
        if not coverage.answered(each["method"], each["path"], routes).offered
    }
    assert {address.strip("/").partition("/")[0] for address in asked} == set(PARTS_NOT_OFFERED)
    assert set(PARTS_NOT_OFFERED) == set(coverage.NOT_HERE)


def test_what_is_said_of_a_method_is_said_of_one_that_there_is() -> None:
    found = [coverage.methods(version, coverage.all_routes()) for version in VERSIONS]
    offered = {
        name for each in found for name, method in each.items() if method.fate is coverage.Fate.OFFERED
    }
    assert set(coverage.DIFFERENT) <= offered
    own = {name for each in found for name, method in each.items() if method.fate is coverage.Fate.BY_ITSELF}
    assert set(coverage.BY_ITSELF) == own


def test_the_page_is_current() -> None:
    """If not: `make generate`."""
    assert coverage.PAGE.read_text() == coverage.page()


@pytest.mark.parametrize(
    "sent", SENT.values(), ids=[f"{each['method']} {each['path']}" for each in SENT.values()]
)
def test_what_a_client_sends_is_understood(house: House, sent: dict[str, Any]) -> None:
    """As it was recorded, but for whose it is: nothing in it is refused, though what it is about may not be there."""
    mine = house.get("/organizations/me").json()["organization"]["id"]
    query = [(key, mine if key == "organization_id" else value) for key, value in sent.get("query", [])]
    options: dict[str, Any] = {}
    if "json" in sent:
        own = {"organization_id": mine} if "organization_id" in sent["json"] else {}
        options["json"] = {**sent["json"], **own}
    if "form" in sent:
        options["content"] = sent["form"].encode()
        options["headers"] = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = house.ask(sent["method"], sent["path"], params=query, **options)
    if answer.status_code not in UNDERSTOOD:
        assert answer.json()["error"]["code"] in FOR_A_REASON, answer.text
    if answer.status_code == 404:
        assert answer.json()["error"]["code"] != "unknown_path"
