"""What assets are about, as numbers: made by an embedder, kept beside the asset, compared with those of a question.

A vector is kept with the model that made it, and only ever compared with vectors of that model and of its length: so
another embedder finds nothing until assets have been embedded by it, and never finds nonsense.
"""

import hashlib
import importlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, select

from stackroom.database import flavour
from stackroom.database.flavour import statement
from stackroom.database.schema import asset, asset_media, embedding
from stackroom.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUILTIN: Final = "builtin"
NONE: Final = "none"
MOST_TEXT: Final = 20_000
"""Characters of a document's text that count for what it is about."""
MOST_DESCRIBED: Final = 2_000
"""Characters of a description."""
COLUMNS: Final = "asset_id, organization_id, kind, model, dim, description, vector, made_at, said"
INSTEAD: Final = f"""ON CONFLICT (asset_id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[2:])}"""
"""Ends the statement that keeps vectors: each in place of the one that its asset has."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is known in words of an asset, the most telling first."""

    name: str
    metadata: str = ""
    technical: str = ""
    text: str = ""

    def whole(self) -> str:
        """All of it, each part on lines of its own: what a model is given."""
        return "\n".join(part for part in (self.name, self.metadata, self.technical, self.text) if part)


class Embedder(Protocol):
    """Makes vectors of words. Its methods run in threads, several at once, and may take their time.

    `model` names what makes the vectors: one that makes others must be called otherwise. `dim` is how many numbers each
    has. They need not be of length one, and are when they are kept.
    """

    @property
    def model(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def of_asset(self, said: Said) -> Sequence[float]: ...

    def of_query(self, query: str) -> Sequence[float]: ...

    def likeness(self, cosine: float) -> float:
        """How similar, from 0 to 1, what has this cosine is called. The greater the one, the greater the other."""
        ...


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """An asset to be embedded, as it is at one moment. Its vector is of `said` alone, which its name in a folder and
    its place are no part of."""

    id: int
    uuid: bytes
    version: int
    said: Said
    metadata: str | None
    display_name: str | None
    blob_id: int | None


def load(name: str) -> Embedder | None:
    """The embedder that a setting names: `builtin`, `none`, or `module:name` of one, or of what makes one.

    Raises `Invalid` (`bad_setting`) for one that cannot be had.
    """
    if name == NONE:
        return None
    if name == BUILTIN:
        from stackroom.library.ngrams import NGrams  # noqa: PLC0415 - which needs what is defined here

        return NGrams()
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
        made = cast("Embedder", found() if isinstance(found, type) else found)
        does = made.of_asset, made.of_query, made.likeness
        sound = bool(made.model) and made.dim > 0 and all(map(callable, does))
    except Exception as error:
        raise _refused(name, str(error)) from error
    if not sound:
        raise _refused(name, "it must have a model, a dim, of_asset, of_query and likeness")
    return made


def packed(vector: Sequence[float], dim: int) -> bytes:
    """A vector of length one in the direction of this one, as it is kept; of no direction, all zeros.

    Raises ValueError for one of another length, or with something in it that is no number.
    """
    import numpy  # noqa: PLC0415, ICN001 - starting up must not wait for it

    made = numpy.asarray(vector, dtype=numpy.float64)
    if made.shape != (dim,) or not numpy.isfinite(made).all():
        raise ValueError(f"an embedder made a vector of shape {made.shape}, and not {dim} numbers")
    length = math.sqrt(float(made @ made))
    return (made / length if length else made).astype("<f4").tobytes()


def cosines(query: bytes, vectors: Sequence[bytes]) -> "NDArray[Any]":
    """How near each of these vectors is to `query`; all are of one length, and normalised."""
    import numpy  # noqa: PLC0415, ICN001 - starting up must not wait for it

    wanted = numpy.frombuffer(query, dtype="<f4")
    given = numpy.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), len(wanted))
    # Not by `@`, which spreads a millisecond's work over all cores and waits for the busiest of them.
    near: NDArray[Any] = numpy.einsum("ij,j->i", given, wanted)
    return near


def digest(said: Said) -> bytes:
    """Sixteen bytes that stand for all of it: two assets of which the same is said have the same vector."""
    return hashlib.blake2b(msgspec.json.encode(msgspec.structs.astuple(said)), digest_size=16).digest()


def described(said: Said) -> str:
    """What is kept of it for people to read."""
    return said.whole()[:MOST_DESCRIBED].replace("\0", " ")  # PostgreSQL has no text with zeros in it


def subject(conn: Connection, asset_id: int, uuid: bytes) -> Subject | None:
    """What is to be said of an asset; None if it is gone."""
    row = conn.execute(_SUBJECT.where(asset.c.id == bindparam("asset")), {"asset": asset_id}).first()
    if row is None or bytes(row.uuid) != uuid:  # a row id may be another's by now
        return None
    return _subject(row)


def subjects(conn: Connection, asset_ids: Sequence[int]) -> list[Subject]:
    """What is to be said of these assets, by their row ids; of those that are gone, nothing. One statement."""
    query = _SUBJECT.where(asset.c.id.in_(asset_ids)).order_by(asset.c.id)
    return [_subject(row) for row in conn.execute(query)] if asset_ids else []


def _subject(row: Row[Any]) -> Subject:
    said = Said(
        name=row.original_name if not row.display_name else f"{row.original_name} {row.display_name}",
        metadata=_told(row.metadata),
        technical=_technical(row),
        text=(row.text or "")[:MOST_TEXT],
    )
    known = {field: getattr(row, field) for field in Subject.__struct_fields__ if field != "said"}
    return Subject(said=said, **known)


def put(conn: Connection, about: Subject, *, model: str, vector: bytes, now: int) -> bool:
    """Keep the vector of an asset, in place of the one it has; False if nothing was kept.

    That is so if the asset is gone, or other things are said of it by now: whoever said them has it embedded again.
    Repeating it changes nothing.
    """
    same = flavour.of(conn).same
    kept = conn.execute(
        statement(
            f"""INSERT INTO embedding ({COLUMNS})
                SELECT a.id, a.organization_id, a.kind, CAST(:model AS text), CAST(:dim AS integer),
                    CAST(:description AS text), :vector, CAST(:now AS bigint), :said
                FROM asset a WHERE a.id = :asset AND a.uuid = :uuid AND a.metadata {same} CAST(:metadata AS text)
                    AND a.display_name {same} CAST(:display_name AS text)
                    AND a.blob_id {same} CAST(:blob AS bigint)
                {INSTEAD}"""
        ),
        {
            "asset": about.id,
            "uuid": about.uuid,
            "metadata": about.metadata,
            "display_name": about.display_name,
            "blob": about.blob_id,
            "model": model,
            "dim": len(vector) // 4,
            "description": described(about.said),
            "vector": vector,
            "now": now,
            "said": digest(about.said),
        },
    )
    return kept.rowcount > 0


def remove(conn: Connection, asset_id: int) -> None:
    """Forget what an asset is about. Repeating it changes nothing; with the asset it goes by itself."""
    conn.execute(delete(embedding).where(embedding.c.asset_id == asset_id))


def _told(metadata: str | None) -> str:
    """User metadata as words: `campaign: spring, rank: 3`."""
    if metadata is None:
        return ""
    found = msgspec.json.decode(metadata)
    return ", ".join(f"{name}: {_worded(value)}" for name, value in found.items())


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _technical(row: Row[Any]) -> str:
    """What can be measured, in one line: `audio, mpeg, 3:24, 128 kbit/s, 44100 Hz, stereo`."""
    parts = [row.kind, row.content_type.rpartition("/")[2]]
    if row.width and row.height:
        parts.append(f"{row.width}x{row.height}")
    if row.duration is not None:
        parts.append(f"{int(row.duration) // 60}:{int(row.duration) % 60:02}")
    if row.bitrate:
        parts.append(f"{row.bitrate // 1000} kbit/s")
    if row.sample_rate:
        parts.append(f"{row.sample_rate} Hz")
    if row.channels:
        parts.append({1: "mono", 2: "stereo"}.get(row.channels, f"{row.channels} channels"))
    if row.page_count:
        parts.append("1 page" if row.page_count == 1 else f"{row.page_count} pages")
    return ", ".join(parts)


def _refused(name: str, why: str) -> Invalid:
    return Invalid(
        f"settings: embedder {name!r} cannot be had: {why}",
        code="bad_setting",
        hint="Say builtin, none, or module:name of an embedder that is installed.",
    )


_SUBJECT = select(
    *(
        asset.c[name]
        for name in ("id", "uuid", "version", "blob_id", "kind", "original_name", "display_name")
    ),
    *(asset.c[name] for name in ("content_type", "width", "height", "duration", "metadata")),
    *(asset_media.c[name] for name in ("bitrate", "sample_rate", "channels", "page_count", "text")),
).join_from(asset, asset_media, asset_media.c.asset_id == asset.c.id, isouter=True)
