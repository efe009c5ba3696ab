#!/usr/bin/env python3
"""Write docs/faces/mindia-conformance.md: which test holds each case of the Mindia protocol's list.

python tools/generate_mindia_conformance.py            write it
python tools/generate_mindia_conformance.py --check    only say whether it is stale; status 1 if it is

A test names the cases that it holds: in its own name (`test_c5_c6_what_is_…`) or in the id of a set of its parameters
(`id="C82"`). What differs from the original on purpose is said here, with the reason.
"""

import ast
import re
import sys
from typing import Final

from conformance import ROOT, gathered, ids_of, keep, tables

PAGE: Final = ROOT / "docs" / "faces" / "mindia-conformance.md"
TESTS: Final = tuple(sorted((ROOT / "tests" / "contracts" / "mindia").glob("test_*.py")))
HEAD: Final = """# Conformance to the Mindia protocol

<!-- Made by tools/generate_mindia_conformance.py from the names of the tests: `make generate` writes it anew. -->

What a media server of this protocol must do, case by case, and the test here that holds each of them, over HTTP against
a running server. Where this server differs on purpose, a note says how. What it offers is on
[the page of the face](mindia.md).
"""
# Each case in a few words. A, B are tenants; A1 and A5 images of A, A2 a sound, A3 a video with its renditions, A4 a
# document that is kept for a day, B1 an image of B.
CASES: Final = {
    "Deleting many": {
        1: "one is deleted",
        2: "and cannot be read in any way",
        3: "its bytes are gone",
        4: "one row in the audit log, with whose key it was",
        5: "one webhook, with the moment of deletion",
        6: "an unknown id",
        7: "leaves no trace",
        8: "another tenant's id is as unknown, and stays",
        9: "one that is missing between two that are not",
        10: "one that is named twice",
        11: "no ids",
        12: "fifty",
        13: "fifty-one",
        14: "fifty-one times the same",
        15: "fifty-one unknown ones",
        16: "fifty with a repetition",
        17: "what is no id",
        18: "what is no id after one that is",
        19: "what is no list of ids",
        20: "what is no JSON",
        21: "what is not said to be JSON",
        22: "more members than there are",
        23: "ids in other spellings",
        24: "no key",
        25: "keys that do not count",
        26: "a suspended tenant",
        27: "another method",
        28: "a video and what was made of it",
        29: "a video of 1,200 segments",
        30: "a video that is being processed",
        31: "a sound, its embedding and the search",
        32: "an image with an embedding",
        33: "a store that fails for one of two",
        34: "the same when the store is well again",
        35: "one whose bytes are gone already",
        36: "two batches at once",
        37: "a member of a group",
        38: "a repeat with the same idempotency key",
        39: "the same key of another tenant",
        40: "the same key with another body",
        41: "the same key without credentials",
    },
    "Copying many": {
        42: "one is copied",
        43: "the copy is the same, kept for good",
        44: "its bytes are the same",
        45: "so is what is said of it",
        46: "what is said of one later is not said of the other",
        47: "the source is deleted",
        48: "the copy is deleted",
        49: "one webhook of an upload, initiated by the copy",
        50: "nothing is said of a deletion, and the source is as it was",
        51: "an unknown id",
        52: "another tenant's id",
        53: "one that is named twice",
        54: "fifty-one",
        55: "none",
        56: "one that is kept for a day",
        57: "its copy outlives it",
        58: "one whose time is over",
        59: "a video is copied without its renditions",
        60: "deleting the copy leaves the source its renditions",
        61: "deleting the source leaves the copy",
        62: "the copy is processed itself",
        63: "a sound",
        64: "one whose bytes are gone",
        65: "the database refuses",
        66: "the folder of the source goes meanwhile",
    },
    "Whatever happens": {
        67: "the server dies after its answer to a deletion",
        68: "the server dies in the middle of a copy",
        69: "the client goes away",
    },
    "Webhooks": {
        70: "a receiver that fails twice",
        71: "the signature",
        72: "another tenant's hooks",
        73: "addresses that may not be reached",
        74: "two events in one request",
        75: "an event by its other names",
        76: "no event, or an unknown one",
        77: "the secret is not told",
    },
    "One by one": {
        78: "deleting one is as deleting many",
        79: "an unknown one, another tenant's",
        80: "what is no id",
        81: "an image of one pixel",
        82: "a type that is not that of the name",
        83: "more bytes than may be",
        84: "another word for `store`",
        85: "two files, no file",
        86: "a name with a path",
        87: "pages out of range",
        88: "metadata as a whole",
        89: "metadata by its key, on a new one",
        90: "keys and values that cannot be",
        91: "a key that is not there",
    },
    "Folders": {
        92: "a name twice in one place",
        93: "under its own child",
        94: "with items in it",
        95: "a tree of three levels",
        96: "an item is put in, and taken out",
        97: "another tenant's folder",
    },
    "The rest": {
        98: "another tenant's segments",
        99: "one request too many",
        100: "the id of a request",
        101: "errors in production",
        102: "a task of what is deleted while it waits",
        103: "the audit log of another tenant",
        104: "fifty videos with renditions",
        105: "what is stored when all is deleted",
    },
}
NOTES: Final = {
    33: "different on purpose: rows go in one transaction, bytes after it, so a store that fails fails no deletion; "
    "both answer 204, and the bytes are removed when the store is well again",
    34: "nothing is left to be repeated: see 33",
    25: "Basic with a key's id and the key is taken here as in the other protocols; anything else is not",
}
_IN_A_NAME: Final = re.compile(r"_c([1-9][0-9]*)(?=_)")
_IN_AN_ID: Final = re.compile(r"\bC([1-9][0-9]*)\b")
KNOWN: Final = {number for group in CASES.values() for number in group}


def held_by(test: ast.FunctionDef) -> set[int]:
    """The cases that a test says it holds."""
    said = [*_IN_A_NAME.findall(f"{test.name}_"), *_IN_AN_ID.findall("\n".join(ids_of(test)))]
    return {int(each) for each in said} & KNOWN


def tests() -> dict[int, list[str]]:
    """The tests that hold each case, as pytest names them."""
    return gathered(TESTS, KNOWN, held_by)


def page() -> str:
    lines = [HEAD, *tables(CASES, tests(), NOTES, named="c[0-9]+")]
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(keep(PAGE, page(), __doc__.partition("\n")[0]))
