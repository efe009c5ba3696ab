"""`stackroom bench`: where the benchmarks are."""

from stackroom.cli.console import say

EXAMPLE = "stackroom bench"


def bench() -> None:
    """Say how to run the benchmarks. They compare with bare databases and nginx, and live in the source tree."""
    say(
        "The benchmarks need a clone of the source, where `make bench` runs them and writes bench/RESULTS.md."
    )
