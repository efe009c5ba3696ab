#!/usr/bin/env python3
"""Write docs/faces/dlcs-conformance.md: which test holds each case that the original's own tests are about.

python tools/generate_dlcs_conformance.py            write it
python tools/generate_dlcs_conformance.py --check    only say whether it is stale; status 1 if it is

A test names the cases that it holds: in its own name (`test_q5_q6_active_is_…`) or in the id of a set of its
parameters (`id="P11 T"`). What is held by a test of something else, and what does not apply, is said here.
"""

import ast
import re
import sys
from typing import Final

from conformance import ROOT, gathered, ids_of, keep, tables

PAGE: Final = ROOT / "docs" / "faces" / "dlcs-conformance.md"
TESTS: Final = (
    *sorted((ROOT / "tests" / "contracts" / "dlcs").glob("test_*.py")),
    ROOT / "tests" / "unit" / "web" / "test_dlcs_members.py",
)
HEAD: Final = """# Conformance to the DLCS protocol

<!-- Made by tools/generate_dlcs_conformance.py from the names of the tests: `make generate` writes it anew. -->

The tests of the original server, distilled to cases, and the test here that holds each of them. Where this server
differs on purpose, a note says how.
"""
# Each case in a few words. The numbers are those that the tests here are named by.
CASES: Final = {
    "Reading the queue and its batches": {
        "Q1": "a customer without a queue",
        "Q2": "a queue without batches",
        "Q3": "what waits, with batches that are open, full and superseded",
        "Q4": "no active batches",
        "Q5": "active ones are neither finished nor superseded",
        "Q6": "a page of them",
        "Q7": "no recent batches",
        "Q8": "recent ones, the last finished first",
        "Q9": "the last page of them",
        "Q10": "no batches",
        "Q11": "all batches by number",
        "Q12": "a page of them",
        "Q13": "a batch that is not there",
        "Q14": "one that is",
        "Q15": "a customer without a priority queue",
        "Q16": "a priority queue without batches",
        "Q17": "what waits in the priority queue",
        "Q18": "everybody's queue, without a key",
        "Q19": "images of a batch that is not there",
        "Q20": "images of a batch",
        "Q21": "a page of them",
        "Q22": "those that a query asks for",
        "Q23": "assets of a batch that is not there",
        "Q24": "assets of another customer's batch",
        "Q25": "assets of a batch",
        "Q26": "a page of them",
        "Q27": "those that a query asks for",
    },
    "Posting to a queue": {
        "P1": "no media type",
        "P2": "no origin",
        "P3": "no media type, from a client of old: a video",
        "P4": "an empty list, from a client of old",
        "P5": "`@id` instead of `id`, from a client of old",
        "P6": "a blank id",
        "P7": "no id: it gets one",
        "P8": "characters that an id cannot have",
        "P9": "an empty list",
        "P10": "a space that is not there",
        "P11": "`thumbnailPolicy`",
        "P12": "`imageOptimisationPolicy`",
        "P13": "a video, an image and a file together",
        "P14": "an asset that is not for delivery",
        "P15": "no images, to the priority queue",
        "P16": "no media type, to the priority queue, from a client of old",
        "P17": "no id, to the priority queue",
        "P18": "images that are known by any of three signs",
        "P19": "the policy `fast-higher`, from a client of old",
        "P20": "a thumbnail policy, from a client of old",
        "P21": "`video-max`, from a client of old",
        "P22": "`audio-max`, from a client of old",
    },
    "What is checked of the members": {
        "V1": "no list",
        "V2": "an empty list",
        "V3": "more than the limit",
        "V4": "exactly the limit",
        "V5": "an id twice in a space",
        "V6": "an id in two spaces",
        "V7": "no id, or a blank one",
        "V8": "no space",
        "V9": "no media type, or a blank one",
        "V10": "`batch`",
        "V11": "`width`",
        "V12": "`height`",
        "V13": "`duration`",
        "V14": "`finished`",
        "V15": "`created`",
        "V16": "`imageOptimisationPolicy`",
        "V17": "`thumbnailPolicy`",
    },
    "Testing a batch": {
        "T1": "one that is not there",
        "T2": "without images, not finished",
        "T3": "without images, finished",
        "T4": "all of its images done",
        "T5": "an image not done",
        "T6": "finished, with other counts",
        "T7": "its images done before it was submitted",
    },
    "Processing": {
        "E1": "an asset that is not there",
        "E2": "a job of a batch that the asset is not a member of",
        "E3": "an asset in two batches",
        "E4": "an image that fails counts as an error",
        "E5": "one that does not counts as completed",
        "E6": "one that is transcoded elsewhere counts as neither yet",
        "E7": "the last one, completed, finishes the batch and tells it once",
        "E8": "the last one, failed, as well",
        "E9": "a finished batch stays as it is",
        "E10": "an asset in no batch",
        "E11": "a result that nobody waits for",
        "E12": "what several workers say together",
        "E13": "a worker that fails",
        "E14": "a worker that queues",
        "E15": "a result that cannot be saved",
        "E16": "after a worker that fails, no other works",
        "E17": "each worker that began cleans up",
        "E18": "nothing to do",
        "E19": "the channel `none`",
        "E20": "a message that cannot be read",
        "E21": "the queue is shorter by what was done, however it ended",
    },
    "Images from end to end": {
        "I1": "an image from its origin to its thumbnails",
        "I2": "in a batch",
        "I3": "processing again replaces its size",
        "I4": "`image/unknown` becomes what it is",
        "I5": "more bytes than may be stored",
        "I6": "the same, of an image that is there",
        "I7": "an origin that has nothing",
    },
    "One image, and many": {
        "A1": "PUT a new one",
        "A2": "PUT one whose processing fails",
        "A3": "PUT a video that cannot be queued",
        "A4": "PUT without an origin",
        "A5": "PUT with policies of old",
        "A6": "PUT with characters that an id cannot have",
        "A7": "PUT without a media type",
        "A8": "PUT with channels that cannot be",
        "A9": "PUT one that has failed",
        "A10": "PUT without channels, with `default`, with `none`",
        "A11": "PUT without manifests, with none, with some",
        "A12": "PUT more than may be",
        "A13": "PUT counts",
        "A14": "POST a file",
        "A15": "PATCH what delivery does not depend on",
        "A16": "PATCH the origin of an image",
        "A17": "PATCH the origin of a video",
        "A18": "PATCH one that is not there",
        "A19": "PATCH to no channels",
        "A20": "PATCH the images of a space",
        "A21": "PATCH them with what cannot be changed there",
        "A22": "PATCH them without ids",
        "A23": "DELETE one",
        "A24": "reingest what is not there, or no image",
        "A25": "reingest one that has failed",
        "A26": "reingest one that fails",
        "A27": "GET what is not there",
        "A28": "pages, by their links",
        "A29": "orders",
        "A30": "queries",
        "A31": "those of a list of ids",
        "A32": "DELETE those of a list of ids",
        "A33": "add, replace and remove manifests",
        "A34": "an order of all images, in the links as well",
        "A35": "images of manifests",
    },
    "The rest": {
        "S1": "POST a space",
        "S2": "POST one with defaults",
        "S3": "GET spaces, paged and in order",
        "S4": "PATCH and PUT a space",
        "S5": "PUT a new space",
        "S6": "DELETE a space",
        "S7": "the number of a deleted space",
        "K1": "POST a key",
        "K2": "GET keys",
        "K3": "DELETE a key",
        "ST1": "GET what is stored",
        "C1": "GET the entry point",
        "C2": "GET customers",
        "C3": "POST a customer",
        "C4": "PATCH a customer",
        "C5": "POST `/setup`",
    },
}
# Held by tests of what does it.
ELSEWHERE: Final = {
    "E1": "tests/core/test_batches.py::test_an_image_deleted_while_it_waits_leaves_its_item_behind",
    "E3": "tests/core/test_batches.py::test_a_later_batch_takes_an_image_over_and_both_finish",
    "E11": "tests/core/test_queue_claims.py::test_a_worker_past_its_lease_settles_nothing",
    "E15": "tests/core/test_queue_dispatcher.py::test_nothing_is_lost_or_done_twice_while_the_database_comes_and_goes",
    "E21": "tests/core/test_batches.py::test_the_queue_says_how_much_there_is_to_do",
}
DOES_NOT_APPLY: Final = {
    "Q1": "every customer has a queue from its first day: what waits is counted, not kept",
    "Q15": "every customer has that queue, too",
    "P14": "no asset is marked so; what nobody may see has the channel `none`",
    "E2": "a member's job is its membership: there is none without the other",
    "E6": "sound and video are kept as they come; nothing is transcoded yet",
    "E12": "one pipeline does all that an asset needs",
    "E14": "nothing is transcoded yet",
    "E16": "one pipeline does all that an asset needs; its first failure is its end",
    "E17": "what a step leaves behind is nobody's, and swept",
    "E18": "a file is kept at least",
    "E20": "jobs are rows, written in the transaction that accepts their batch",
    "A3": "a job is queued in the transaction that registers the asset: there is never one without the other",
    "C5": "`stackroom serve` makes the first organization and its key",
}
NOTES: Final = {
    "Q3": "each lane has its own counts, and what failed waits no longer",
    "Q17": "each lane has its own counts",
    "P18": "all four count: none is lost between the batch and the queue",
    "A2": "the status is 500 for whatever the origin or the bytes are to blame for, and 507 past a limit",
    "A25": "the answer comes when the image has been processed: it is not `ingesting` any more",
    "A26": "400 comes from an engine of its own, which there is not",
    "A34": "the order is kept in the links",
    "S7": "it is never given again",
}
_IN_A_NAME: Final = re.compile(r"_([a-z]{1,2}[1-9][0-9]*)(?=_)")
_IN_AN_ID: Final = re.compile(r"\b([A-Z]{1,2}[1-9][0-9]*)\b")
KNOWN: Final = {number for group in CASES.values() for number in group}


def held_by(test: ast.FunctionDef) -> set[str]:
    """The cases that a test says it holds."""
    named = [each.upper() for each in _IN_A_NAME.findall(f"{test.name}_")]
    return {*named, *_IN_AN_ID.findall("\n".join(ids_of(test)))} & KNOWN


def tests() -> dict[str, list[str]]:
    """The tests that hold each case, as pytest names them."""
    found = gathered(TESTS, KNOWN, held_by)
    for number, test in ELSEWHERE.items():
        found[number].append(test)
    return found


def page() -> str:
    lines = [HEAD, *tables(CASES, tests(), NOTES, named="[a-z]{1,2}[0-9]+", excused=DOES_NOT_APPLY)]
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.exit(keep(PAGE, page(), __doc__.partition("\n")[0]))
