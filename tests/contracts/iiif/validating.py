"""Runs in the validator's own environment: `colours` prints those of its test image, `run VERSION LEVEL SERVER PREFIX
IDENTIFIER` the outcome of each of its tests, as JSON."""

import json
import sys
from types import ModuleType

try:
    import magic  # noqa: F401 - by tests of formats that we do not have, and by nothing else
except ImportError:  # it needs a library of the system
    sys.modules["magic"] = ModuleType("magic")

from iiif_validator.validator import ImageAPI, TestSuite, ValidationInfo


def outcome(suite: TestSuite, name: str, asked: ImageAPI) -> str:
    """What went wrong with a test of theirs; empty if it passed."""
    try:
        suite.run_test(name, asked)
    except Exception as error:  # noqa: BLE001 - whatever its tests do is an outcome
        return f"{asked.urls[-1:]} {error!r}"
    failed = asked.exception
    return (
        f"{asked.urls[-1:]} got {failed.got}, expected {failed.expected}: {failed.message}" if failed else ""
    )


def main(what: str, *rest: str) -> object:
    if what == "colours":
        return ValidationInfo().colorInfo
    version, level, server, prefix, identifier = rest
    suite = TestSuite(ValidationInfo())
    names = [name for name, known in suite.list_tests(version).items() if known["level"] <= int(level)]

    def asked() -> ImageAPI:
        return ImageAPI(identifier, server, prefix, "http", "", version, debug=False)

    return {name: outcome(suite, name, asked()) for name in names}


sys.stdout.write(f"\n{json.dumps(main(*sys.argv[1:]))}")  # its tests print as well
