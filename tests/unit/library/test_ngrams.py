"""The embedder that needs no model: the same on every machine, and near where words are."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.errors import Invalid
from stackroom.library import embeddings
from stackroom.library.embeddings import Said, cosines, packed
from stackroom.library.ngrams import DIM, NGrams, words

BUILTIN = NGrams()
HARBOUR = Said(name="HarbourDawn_2.jpg", metadata="campaign: spring", technical="image, jpeg, 4x3")


class Mine:
    model, dim = "mine-1", 2

    def of_asset(self, said: Said) -> list[float]:
        return [3.0 * bool(said.name), 4.0]

    def of_query(self, query: str) -> list[float]:
        return [1.0 * bool(query), 0.0]

    def likeness(self, cosine: float) -> float:
        return cosine


ready = Mine()
nothing = object()


def near(query: str, said: Said) -> float:
    return float(cosines(packed(BUILTIN.of_query(query), DIM), [packed(BUILTIN.of_asset(said), DIM)])[0])


def test_a_name_is_read_as_words() -> None:
    assert list(words("HarbourDawn_2.jpg")) == ["harbour", "dawn", "2", "jpg"]
    assert list(words("Café-ÉTÉ №5 東京")) == ["cafe", "ete", "no", "5", "東京"]
    assert list(words("… !!")) == []


def test_the_same_words_give_the_same_vector_for_ever() -> None:
    """A vector is kept, and compared with one that is made years later: this must not change with the code."""
    kept = packed(BUILTIN.of_asset(HARBOUR), DIM)
    rounded = struct.pack(f">{DIM}h", *(round(it * 1000) for it in struct.unpack(f"<{DIM}f", kept)))
    assert BUILTIN.model == "stackroom-ngrams-1"
    assert hashlib.sha256(rounded).hexdigest()[:16] == "2494f6501dc7afc7"


def test_what_shares_words_is_nearer_than_what_shares_letters_and_that_than_nothing() -> None:
    assert near("harbour", HARBOUR) > near("harbur", HARBOUR) > 0.1 > abs(near("zeppelin", HARBOUR))
    assert near("jpeg", HARBOUR) < near("dawn", HARBOUR), "what can be measured counts little"


@given(st.text(), st.text(max_size=200), st.floats(-1, 1))
def test_any_text_has_a_vector_of_length_one_or_none(name: str, query: str, cosine: float) -> None:
    for made in (BUILTIN.of_asset(Said(name=name, text=query)), BUILTIN.of_query(query)):
        vector = packed(made, DIM)
        assert len(vector) == 4 * DIM
        assert cosines(vector, [vector])[0] == pytest.approx(1.0, abs=1e-4) or not any(vector)
    assert 0 <= BUILTIN.likeness(cosine) <= 1


def test_an_embedder_is_loaded_by_its_name() -> None:
    here = __name__
    assert embeddings.load("none") is None
    assert isinstance(embeddings.load("builtin"), NGrams)
    for name in (f"{here}:Mine", f"{here}:ready"):
        found = embeddings.load(name)
        assert found is not None
        assert (found.model, packed(found.of_asset(HARBOUR), 2)) == ("mine-1", struct.pack("<2f", 0.6, 0.8))


@pytest.mark.parametrize("name", ["", "nowhere", "nowhere.at.all:Mine", "json:nothing", "json:dumps", ":x"])
def test_an_embedder_that_cannot_be_had_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        embeddings.load(name)
    assert refused.value.code == "bad_setting"
    assert repr(name) in refused.value.message


@pytest.mark.parametrize("vector", [[1.0], [1.0, 2.0, 3.0], [float("inf"), 0.0], [[1.0, 2.0]]])
def test_what_is_no_vector_of_the_models_length_is_never_kept(vector: list[float]) -> None:
    with pytest.raises(ValueError, match="an embedder made a vector"):
        packed(vector, 2)
