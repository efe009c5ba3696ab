"""What is wrong with the shape of what was sent: where it stands, and what may stand there."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import inspect

from stackroom.errors import Invalid


def shape_error(error: msgspec.ValidationError, kind: object, place: str = "body") -> Invalid:
    """`Expected int, got str - at $.limit` becomes a message that begins with the place, and a location to point at.

    Where `kind` allows but some words, the message names them.
    """
    what, _, where = str(error).partition(" - at `")
    path = where.strip("`").removeprefix("$").lstrip(".")
    parts = [part for part in path.replace("[", ".").replace("]", "").split(".") if part]
    if what.startswith("Invalid enum value") and (words := _words_at(kind, parts)):
        what = f"{what}; it is one of {', '.join(words)}"
    message = f"{path}: {what}" if path else what
    details = {"errors": [{"loc": [place, *parts], "msg": what, "type": "validation_error"}]}
    return Invalid(message, details=details)


def each_of(kind: inspect.Type) -> Iterator[inspect.Type]:
    """The types that may stand where `kind` does: of a list those of its elements, of several types each."""
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from each_of(each)
    elif isinstance(kind, inspect.CollectionType):
        yield from each_of(kind.item_type)
    elif isinstance(kind, inspect.Metadata):
        yield from each_of(kind.type)
    else:
        yield kind


def _words_at(kind: object, parts: Sequence[str]) -> list[str]:
    """The values that may stand at this place of `kind`, if they are words."""
    there = list(each_of(inspect.type_info(kind)))
    for part in parts:
        there = [
            each
            for struct in there
            if isinstance(struct, inspect.StructType)
            for field in struct.fields
            if field.encode_name == part
            for each in each_of(field.type)
        ] or there  # a place in a list, which is each of its elements already
    values = [value for each in there if isinstance(each, inspect.LiteralType) for value in each.values]
    values += [value.value for each in there if isinstance(each, inspect.EnumType) for value in each.cls]
    return [str(value) for value in values]
