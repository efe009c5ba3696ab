"""What a dataset consists of, as people are shown it."""

import msgspec
import pytest

from stackroom.cli.insights import _show_dimensions
from stackroom.client.models import Insights


def test_a_size_has_its_share_of_all_images_and_not_of_those_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sizes = [{"w": 10 + n, "h": 20, "count": 5} for n in range(20)]
    dimensions = {"sizes": sizes, "distinct_size_count": 20, "images_with_dimensions": 100}
    _show_dimensions(msgspec.convert({"dimensions": dimensions}, Insights))
    shown = next(line for line in capsys.readouterr().out.splitlines() if "10x20" in line)
    assert " 5 % " in shown
