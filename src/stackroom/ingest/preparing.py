"""What can be said of arrivals without a look at the library: how each is called, what its job and its event say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NoReturn
from urllib.parse import unquote

import msgspec
from msgspec import UNSET

from stackroom import ids
from stackroom.errors import Invalid
from stackroom.ingest.keeping import final_name
from stackroom.library.names import (
    MAX_NAME,
    ROOT,
    clean_name,
    clean_path,
    split_name,
)
from stackroom.library.registrations import Registration
from stackroom.media.media_types import by_extension

KIND = "ingest"
UNKNOWN = "image/unknown"
"""What is thought of an origin that does not say, in any way."""
_NO_NAMES = {"": "untitled", ".": "_", "..": "__"}


class Arriving(msgspec.Struct, frozen=True, kw_only=True):
    """Something to take in. `asset_id` names an asset that is there already; so does `key`, where the dataset has it.

    `folder` and `name` are for a new one, and need not be free: what is taken gets a number. Without a name it is
    called after its key, or else after its origin.
    """

    dataset_id: int
    origin: str
    key: str | None = None
    folder: str = ROOT
    name: str | None = None
    media_type: str | None = None
    registration: Registration | None = None
    asset_id: int | None = None


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a job says of its arrival. A worker takes the tasks of earlier versions as well, and leaves those of later
    ones to later workers."""

    v: int = 1
    asset: str
    origin: str
    media_type: str | None = None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals, and all that can be said of them without a look at the library: so nobody need wait for that.

    Every list is in their order.
    """

    arrivals: Sequence[Arriving]
    places: Sequence[tuple[int, str]]
    """The dataset and the folder in it, for those that are new."""
    names: Sequence[str]
    """What each is called if it is new."""
    refused: Mapping[int, Invalid]
    """Why some, by place, cannot be called so."""
    originals: Sequence[str]
    """What each was called where it comes from."""
    media_types: Sequence[str]
    uuids: bytes
    """Ids for those that are new, end to end."""
    tasks: Sequence[str]
    """What the jobs of those that are new say."""
    events: Sequence[str]
    """What is recorded of each if it gets this name."""
    keys: Mapping[tuple[int, str], int]
    """Where each (dataset, key) is that does not say which asset it is about."""
    ids: Sequence[tuple[int, bytes]]
    """Which of those keys, by place, are the ids of assets that may have no key."""


def prepare(arrivals: Sequence[Arriving]) -> Prepared:
    """What comes before `arriving.enter`, and takes longest of all that Python does. It needs no database.

    Raises `Invalid` for a bad path, and for two arrivals with one key.
    """
    cleaned = {folder: clean_path(folder) for folder in {each.folder for each in arrivals}}
    keyed = [n for n, each in enumerate(arrivals) if each.key is not None]
    keys = {(arrivals[n].dataset_id, str(arrivals[n].key)): n for n in keyed}
    if len(keys) < len(keyed):
        counted = Counter((arrivals[n].dataset_id, arrivals[n].key) for n in keyed)
        refuse_repeated(f"key {next(key for (_, key), count in counted.items() if count > 1)!r}")
    keys = {place: n for place, n in keys.items() if arrivals[n].asset_id is None}
    names: list[str] = []
    refused: dict[int, Invalid] = {}
    files = [_file_name(each.origin) for each in arrivals]
    for n, (each, file) in enumerate(zip(arrivals, files, strict=True)):
        try:
            names.append(_called(each, file))
        except Invalid as why:  # it matters only if the asset turns out to be new
            names.append("")
            refused[n] = why
    uuids = ids.new_block(len(arrivals))
    return Prepared(
        arrivals=arrivals,
        places=[(each.dataset_id, cleaned[each.folder]) for each in arrivals],
        names=names,
        refused=refused,
        originals=[each.name or _as_a_name(file) for each, file in zip(arrivals, files, strict=True)],
        media_types=[_media_type_of(each, file) for each, file in zip(arrivals, files, strict=True)],
        uuids=uuids,
        tasks=_lines([task_of(each, uuid) for each, uuid in zip(arrivals, ids.texts(uuids), strict=True)]),
        events=_lines([{"name": name} for name in names]),
        keys=keys,
        # What has no key goes by its id.
        ids=[(n, raw) for (_, key), n in keys.items() if (raw := ids.parse(key)) is not None],
    )


def refuse_repeated(what: str) -> NoReturn:
    raise Invalid(
        f"{what} is there more than once; nothing was accepted",
        code="duplicate_key",
        hint="Submit each image once; to take one in twice, submit it again later.",
    )


def read_task(task: str) -> Task:
    """What a job of this kind says. What a later version has added is passed over."""
    return msgspec.json.decode(task, type=Task)


def called(each: Arriving) -> str:
    """What a new asset is called if nobody minds: as asked for, or after its key, or else after its origin."""
    return _called(each, _file_name(each.origin))


def _called(each: Arriving, file: str) -> str:
    if each.name is not None:
        return final_name(clean_name(each.name))
    name = file
    if each.key is not None:
        extension = split_name(name)[1]
        name = each.key if split_name(each.key)[1] else each.key[: MAX_NAME - len(extension)] + extension
    return final_name(clean_name(_as_a_name(name)))


def _file_name(origin: str) -> str:
    """The last part of an origin, as a browser would call the download."""
    path = origin.partition("?")[0].partition("#")[0]
    last = path.rstrip("/").rpartition("/")[2]
    return unquote(last) if "%" in last else last


def _media_type_of(each: Arriving, file: str) -> str:
    """What is thought of a new asset until its bytes are there."""
    said = each.media_type
    if said is None and each.registration is not None and each.registration.media_type is not UNSET:
        said = each.registration.media_type
    return said or by_extension(file) or by_extension(each.name or "") or UNKNOWN


def _as_a_name(text: str) -> str:
    """Nobody chose this text as a name, so that nobody need be told that it is none."""
    if not text.isprintable() or "/" in text or "\\" in text:
        text = "".join("_" if it in "/\\" or not it.isprintable() else it for it in text)
    return _NO_NAMES.get(text, text[:MAX_NAME])


def task_of(each: Arriving, uuid: str) -> Task:
    return Task(asset=uuid, origin=each.origin, media_type=each.media_type)


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _lines(values: Sequence[object]) -> list[str]:
    """`as_json` of each of these, at once. No JSON has a line break in it."""
    return msgspec.json.Encoder().encode_lines(values).decode().split("\n")[:-1]
