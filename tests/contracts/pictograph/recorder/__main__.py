"""What a client of this version would send: every public method of every resource, called without a server.

Run by a client's own Python; prints one JSON document. A method is called with what it must be given, and again with
all that it may be; each request it makes is taken down and given an answer that fits as many models as possible, so
that the next one follows. Nothing here is random and nothing leaves the machine: two runs print the same.
"""

import asyncio
import inspect
import json
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pictograph
from answers import BASE, answer_to
from arguments import DATASET, IMAGE, MADE_UP, OTHER, arguments

warnings.simplefilter("ignore")  # a client warns of names that its next version drops
PREFIX = "/api/v1/developer"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OURS = (IMAGE, DATASET, OTHER)
Wire = dict[str, Any]


class Recorder:
    """Stands where the network would be."""

    def __init__(self) -> None:
        self.seen: list[Wire] = []
        httpx.HTTPTransport.handle_request = lambda _, request: self.take(request)
        httpx.AsyncHTTPTransport.handle_async_request = self._take_later

    async def _take_later(self, request: httpx.Request) -> httpx.Response:
        return self.take(request, await request.aread())

    def take(self, request: httpx.Request, content: bytes | None = None) -> httpx.Response:
        taken = taken_down(request, request.read() if content is None else content)
        if taken not in self.seen:
            self.seen.append(taken)
        return answer_to(request.method, taken["path"])


def taken_down(request: httpx.Request, content: bytes) -> Wire:
    """The parts of a request that a server looks at, as JSON has them."""
    path = request.url.raw_path.decode().partition("?")[0].removeprefix(PREFIX)
    taken: Wire = {"method": request.method, "path": path}
    if request.url.query:
        taken["query"] = [list(pair) for pair in request.url.params.multi_items()]
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        taken["json"] = json.loads(
            ID.sub(lambda found: found[0] if found[0] in OURS else MADE_UP, content.decode())
        )
    elif kind.startswith("application/x-www-form-urlencoded"):
        taken["form"] = content.decode()
    elif content or kind:
        taken["content_type"] = kind.partition(";")[0]
    return taken


def resources(client: Any) -> dict[str, Any]:
    return {name: each for name, each in sorted(vars(client).items()) if not name.startswith("_")}


def methods(resource: Any) -> dict[str, Callable[..., Any]]:
    members = inspect.getmembers(type(resource), callable)
    return {name: getattr(resource, name) for name, _ in members if not name.startswith("_")}


async def outcome(called: Any) -> None:
    """Wait for it, or walk it to its end."""
    if inspect.isawaitable(called):
        called = await called
    if hasattr(called, "__aiter__"):
        async for _ in called:
            pass
    elif hasattr(called, "__next__") or hasattr(called, "all"):
        list(called)


async def requests_of(method: Callable[..., Any], name: str, recorder: Recorder) -> Wire:
    """All that one method sends, and whether some way of calling it came to its end."""
    recorder.seen = []
    ways, others = arguments(method, name)
    ended = [await ends(method, given, name) for given in ways]
    if not all(ended):
        ended += [await ends(method, given, name) for given in others]
    return {"whole": any(ended), "requests": recorder.seen}


async def ends(method: Callable[..., Any], given: dict[str, Any], name: str) -> bool:
    try:
        await outcome(method(**given))
    except Exception as problem:  # noqa: BLE001 - it does not like our answer, or these arguments together
        said = f"{type(problem).__name__}: {str(problem)[:150]!r}"
        print(f"{pictograph.__version__} {name}({', '.join(given)}): {said}", file=sys.stderr)  # noqa: T201
        return False
    return True


async def everything(client: Any, recorder: Recorder) -> dict[str, Wire]:
    return {
        f"{resource}.{name}": await requests_of(method, f"{resource}.{name}", recorder)
        for resource, holder in resources(client).items()
        for name, method in methods(holder).items()
    }


async def main() -> None:
    recorder = Recorder()
    given = {"api_key": "pk_live_recorder", "base_url": BASE, "max_retries": 0}
    recorded = {"sync": await everything(pictograph.Client(**given), recorder)}
    if hasattr(pictograph, "AsyncClient"):
        both = await everything(pictograph.AsyncClient(**given), recorder)
        recorded["async"] = {name: once(said, recorded["sync"].get(name)) for name, said in both.items()}
    print(json.dumps({"version": pictograph.__version__, **recorded}, sort_keys=True))  # noqa: T201


def once(said: Wire, already: Wire | None) -> Wire | str:
    """Most methods send the same in either way, if not always in the same order: that is kept once."""
    return "as sync" if already and in_order(said) == in_order(already) else said


def in_order(said: Wire) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in said["requests"])


asyncio.run(main())
