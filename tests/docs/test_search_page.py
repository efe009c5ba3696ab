"""The embedder on docs/howto/search.md is one: it is loaded and asked as a server would."""

import re
import sys
from pathlib import Path

import pytest

from stackroom.library import embeddings
from stackroom.library.embeddings import Said

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "search.md").read_text()


def test_the_embedder_of_the_page_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "meaning.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        found = embeddings.load("meaning:Meaning")
    finally:
        sys.modules.pop("meaning", None)
    assert found is not None
    red, asked = found.of_asset(Said(name="Red boat.jpg")), found.of_query("red")
    near = embeddings.cosines(embeddings.packed(asked, found.dim), [embeddings.packed(red, found.dim)])
    assert found.likeness(float(near[0])) == 1.0
