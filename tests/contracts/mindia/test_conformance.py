"""Every case of the protocol's list is held by a test, and the page says by which."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def tool(name: str) -> ModuleType:
    """A script as a module; it is no part of any package."""
    where = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert where is not None
    assert where.loader is not None
    module = importlib.util.module_from_spec(where)
    sys.modules[name] = module
    where.loader.exec_module(module)
    return module


conformance = tool("generate_mindia_conformance")
HELD = conformance.tests()


@pytest.mark.parametrize("number", range(1, 106))
def test_a_case_is_held_by_a_test(number: int) -> None:
    assert HELD[number]


def test_all_numbers_are_of_the_list() -> None:
    assert set(range(1, 106)) == conformance.KNOWN
    assert set(conformance.NOTES) <= conformance.KNOWN


def test_the_page_is_fresh() -> None:
    assert conformance.PAGE.read_text() == conformance.page()
