"""The two clients are one: made from one source, with the same methods and the same words."""

import inspect
import pickle
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

import stackroom
import stackroom.client
from stackroom import AsyncClient, Client
from stackroom.workflows import upload_dataset_from_folder, upload_dataset_from_folder_async

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = spec_from_file_location("generate_sync_client", ROOT / "tools" / "generate_sync_client.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sync_client_is_what_its_source_makes_of_it(generator: ModuleType) -> None:
    assert [path.name for path in generator.stale()] == [], "run tools/generate_sync_client.py"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f() -> None:\n    await g()\n", "def f() -> None:\n    g()\n"),
        ("async with a as b:\n    pass\n", "with a as b:\n    pass\n"),
        ("async for a in b:\n    pass\n", "for a in b:\n    pass\n"),
        ("x: AsyncClient = httpx.AsyncClient()\n", "x: Client = httpx.Client()\n"),
        ("f: Callable[[int], Awaitable[list[T]]]\n", "f: Callable[[int], list[T]]\n"),
        ("class A(_AsyncB):\n    pass\n", "class A(_B):\n    pass\n"),
        ('"""`await client.aclose()` ends an AsyncClient."""\n', '"""`client.close()` ends an Client."""\n'),
        ("asynchronous = 1  # awaited\n", "asynchronous = 1  # awaited\n"),
    ],
)
def test_the_generator_changes_words_and_nothing_else(
    generator: ModuleType, source: str, expected: str
) -> None:
    assert generator.to_sync(source, "x.py") == generator.HEADER.format(name="x.py") + expected


def public(thing: Any) -> dict[str, Any]:
    return {
        name: getattr(thing, name)
        for name in dir(thing)
        if not name.startswith("_") and name not in {"aclose", "close"}
    }


def shape(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(it.name, it.kind, it.default) for it in parameters if it.name not in {"transport", "clock"}]


def test_every_method_of_one_client_is_on_the_other_with_the_same_signature() -> None:
    mine, other = Client("k"), AsyncClient("k")
    assert public(mine).keys() == public(other).keys()
    assert shape(Client.__init__) == shape(AsyncClient.__init__)
    methods = 0
    for name, resource in public(mine).items():
        twin = getattr(other, name)
        if isinstance(resource, str):
            continue
        assert public(resource).keys() == public(twin).keys()
        for method, function in public(resource).items():
            assert shape(function) == shape(getattr(twin, method)), f"{name}.{method}"
            assert not inspect.iscoroutinefunction(function)
            methods += 1
    assert methods >= 45
    mine.close()


def test_the_workflow_has_the_same_signature_on_both_sides() -> None:
    assert shape(upload_dataset_from_folder) == shape(upload_dataset_from_folder_async)


def test_every_public_method_says_what_it_does() -> None:
    with Client("k") as client:
        silent = [
            f"{name}.{method}"
            for name, resource in public(client).items()
            for method, function in public(resource).items()
            if not isinstance(resource, str) and not function.__doc__
        ]
    assert silent == []


def test_the_package_offers_what_the_sdk_offers() -> None:
    assert set(stackroom.__all__) == {*stackroom.client.__all__, "__version__"}
    assert all(
        getattr(stackroom, name) is getattr(stackroom.client, name) for name in stackroom.client.__all__
    )
    assert set(stackroom.__all__) <= set(dir(stackroom))
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        stackroom.Cleint  # noqa: B018 - asking is the test


def test_the_names_are_loaded_only_when_asked_for() -> None:
    program = "import sys, stackroom.errors; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_results_survive_pickling() -> None:
    answer = {"succeeded": ["a"], "failures": [{"image_id": "b", "reason": "gone"}], "processed": 1}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with Client("k", transport=transport) as client:
        result = client.batch.move("d", ["a", "b"])
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(AttributeError):
        result.processed = 2  # type: ignore[misc] # that it cannot be set is the test
