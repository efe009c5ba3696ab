#!/usr/bin/env python3
"""Write `client/_sync/` from `client/_async/`, so that the two clients cannot drift apart.

    python tools/generate_sync_client.py            write
    python tools/generate_sync_client.py --check    only say which files are stale; status 1 if any is

It reads tokens, not text: `async` and `await` go, `Awaitable[X]` becomes `X`, names lose their `Async`. In
strings and comments the same words change, so that documentation speaks of the client it stands in. `seam.py`
is where the two really differ; it is written by hand on both sides. ruff sorts and formats the result.
"""

import argparse
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

CLIENT = Path(__file__).resolve().parent.parent / "src" / "stackroom" / "client"
SOURCE, TARGET = CLIENT / "_async", CLIENT / "_sync"
BY_HAND = {"__init__.py", "seam.py"}
NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aread": "read",
    "upload_dataset_from_folder_async": "upload_dataset_from_folder",
}
HEADER = """\
# Made from ../_async/{name} by tools/generate_sync_client.py: change it there.
# ruff: noqa: SIM117, UP028 - shorter forms that the async side does not have
"""

Edit = tuple[int, int, str]


def sync_name(name: str) -> str:
    """`AsyncClient` is `Client`, `aclose` is `close`; a name without a sync side stays."""
    return NAMES.get(name) or re.sub(r"^(_?)Async(?=[A-Z])", r"\1", name)


def sync_text(text: str) -> str:
    """The same for words inside a string or comment."""
    return re.sub(r"\w+", lambda word: sync_name(word[0]), re.sub(r"\b(await|async) ", "", text))


def edits(source: str) -> Iterator[Edit]:
    """What to replace: start, end, replacement."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    spans = [(starts[t.start[0] - 1] + t.start[1], starts[t.end[0] - 1] + t.end[1]) for t in tokens]
    for index, token in enumerate(tokens):
        start, end = spans[index]
        if token.type in TEXTS:
            yield start, end, sync_text(token.string)
        elif token.string in {"async", "await"}:
            yield start, spans[index + 1][0], ""
        elif token.string == "Awaitable" and tokens[index + 1].string == "[":
            closing = matching(tokens, index + 1)
            yield start, spans[index + 1][1], ""
            yield *spans[closing], ""
        elif token.type == tokenize.NAME:
            yield start, end, sync_name(token.string)


# From Python 3.12 on an f-string comes in pieces.
TEXTS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def matching(tokens: list[tokenize.TokenInfo], opening: int) -> int:
    """The index of the bracket that closes this one."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"[": 1, "]": -1}.get(tokens[index].string, 0)
        if depth == 0:
            return index
    raise SyntaxError("a bracket does not close")


def to_sync(source: str, name: str) -> str:
    """The sync side of a source file, not yet formatted."""
    for start, end, new in sorted(edits(source), reverse=True):
        source = source[:start] + new + source[end:]
    return HEADER.format(name=name) + source


def formatted(source: str, path: Path) -> str:
    """Sorted and without the imports that nobody needs any more."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--quiet", "--fix", "--exit-zero"], ["format"]):
        source = subprocess.run(  # noqa: S603 - our own linter over our own source
            [*ruff, *command, f"--stdin-filename={path}", "-"],
            input=source,
            text=True,
            check=True,
            capture_output=True,
        ).stdout
    return source


def stale() -> dict[Path, str | None]:
    """What the sync files should hold, where they do not; None for one that should not be."""
    wanted = {
        TARGET / path.name: formatted(to_sync(path.read_text(), path.name), TARGET / path.name)
        for path in sorted(SOURCE.glob("*.py"))
        if path.name not in BY_HAND
    }
    different = {path: text for path, text in wanted.items() if not path.exists() or path.read_text() != text}
    left_over = {path for path in TARGET.glob("*.py") if path.name not in BY_HAND} - set(wanted)
    return different | dict.fromkeys(left_over)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write client/_sync/ from client/_async/.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a file is stale")
    only_check = parser.parse_args().check
    changes = stale()
    for path, text in changes.items():
        sys.stdout.write(f"{'stale' if only_check else 'written'}: {path.relative_to(CLIENT)}\n")
        if only_check:
            continue
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    return 1 if only_check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
