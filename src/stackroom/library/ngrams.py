"""The embedder that is there without any model or network: the same words, and words spelled alike, bring two texts
together. It knows nothing of what words mean.

Every word is a feature, and so are the groups of three letters in it, which together count as much. Each feature
adds to or takes from a few of the numbers, as its hash says: so features that have nothing to do with each other
cancel out. All of it is arithmetic on the text alone, the same on every machine.
"""

import hashlib
import math
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from stackroom.library.embeddings import Said

DIM: Final = 768
_LETTERS: Final = 1.0
"""How much all groups of letters of a word count, where the word counts 1."""
_SHARES: Final = {"name": 1.0, "metadata": 1.0, "technical": 0.15, "text": 1.0}
"""How much each part counts, however long it is."""
_LONGEST: Final = 40
_PLACES: Final = 3
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+")
_ENDING: Final = re.compile(r"\.\w{1,5}(?=\s|$)")
"""Of a file's name, which says nothing that its type does not."""
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class NGrams:
    """The built-in embedder (`embeddings.Embedder`)."""

    model = "stackroom-ngrams-1"
    dim = DIM

    def of_asset(self, said: Said) -> list[float]:
        whole = [0.0] * DIM
        parts = msgspec.structs.asdict(said) | {"name": _ENDING.sub(" ", said.name)}
        for part, share in _SHARES.items():
            numbers = _numbers(parts[part])
            length = math.hypot(*numbers.values())
            for place, value in numbers.items():
                whole[place] += value * share / (length or 1.0)
        return whole

    def of_query(self, query: str) -> list[float]:
        numbers = _numbers(query)
        return [numbers.get(place, 0.0) for place in range(DIM)]

    def likeness(self, cosine: float) -> float:
        """One word of several, rightly spelled, is more alike than the angle between the two says."""
        return math.sqrt(max(0.0, min(1.0, cosine)))


def words(text: str) -> Iterator[str]:
    """The words of a text, in small letters without accents. `HarbourDawn_2.jpg` has four."""
    spelled = unicodedata.normalize("NFKD", _HUMP.sub(" ", text))
    plain = "".join(letter for letter in spelled if not unicodedata.combining(letter)).casefold()
    for word in _WORDS.findall(plain):
        yield word[:_LONGEST]


def _numbers(text: str) -> dict[int, float]:
    """Those of the numbers of a text that are not zero: a few hundred at most, of a name some dozens."""
    numbers: dict[int, float] = {}
    for word, times in Counter(words(text)).items():
        much = 1 + math.log(times)
        for place, weight in _features(word).items():
            numbers[place] = numbers.get(place, 0.0) + weight * much
    return numbers


@lru_cache(maxsize=4096)
def _features(word: str) -> Mapping[int, float]:
    """What one word adds to which numbers."""
    padded = f" {word} "
    groups = [padded[at : at + 3] for at in range(len(padded) - 2)]
    features = [(word, 1.0), *((f"~{group}", math.sqrt(_LETTERS / len(groups))) for group in groups)]
    added: dict[int, float] = {}
    for feature, weight in features:
        for place, sign in _places(feature):
            added[place] = added.get(place, 0.0) + sign * weight
    return added


def _places(feature: str) -> Iterator[tuple[int, int]]:
    """Which numbers a feature adds to, or takes from: several, so that no two features are much alike by accident."""
    digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=2 * _PLACES).digest()
    for number in struct.unpack(f">{_PLACES}H", digest):
        yield (number >> 1) % DIM, 1 if number & 1 else -1
