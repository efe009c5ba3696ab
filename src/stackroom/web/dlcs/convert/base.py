"""Moments, and how a body is read."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from stackroom import clock
from stackroom.errors import Invalid
from stackroom.web.shared import requests
from stackroom.web.shared.shapes import each_of, shape_error

T = TypeVar("T")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A string, to its end or to that of the body, so that this never looks at anything twice; or a comma too many.
_STRING_OR_COMMA = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*[}\]])', re.DOTALL)


def moment(at: int) -> str:
    """UTC, with seven digits of a second."""
    return clock.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def body(raw: bytes, kind: type[T]) -> T:
    """A JSON body as `kind`: names in any case, null as absent, commas too many forgiven, nothing at all as `{}`.

    A byte order mark is passed over: clients on Windows send one. Raises `Invalid`: `malformed_json`, or which key is
    wrong and how.
    """
    raw = raw.removeprefix(BYTE_ORDER_MARK)
    value = _parsed(raw) if raw.strip() else {}
    shape: Any = kind
    try:
        return msgspec.convert(_canonical(value, _names(shape)), kind)
    except msgspec.ValidationError as error:
        raise shape_error(error, kind) from error
    except RecursionError as error:
        raise Invalid("the body is nested too deeply", code="malformed_json", hint="Nest less.") from error


def _parsed(raw: bytes) -> Any:
    try:
        return requests.decode(raw, Any)
    except Invalid as error:
        if error.code != "malformed_json":
            raise
        mended = _STRING_OR_COMMA.sub(lambda found: b"" if found[0] == b"," else found[0], raw)
        if mended == raw:
            raise
        return requests.decode(mended, Any)


def _canonical(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            names.get(key.lower(), key): _canonical(each, names)
            for key, each in value.items()
            if each is not None
        }
    if isinstance(value, list):
        return [_canonical(each, names) for each in value]
    return value


@cache
def _names(kind: Any) -> Mapping[str, str]:
    """The names on the wire of all structs in `kind`, by their spelling in lower case."""
    found: dict[str, str] = {}
    ahead, seen = [*each_of(inspect.type_info(kind))], set()
    while ahead:
        each = ahead.pop()
        if isinstance(each, inspect.StructType) and each.cls not in seen:
            seen.add(each.cls)
            for field in each.fields:
                found[field.encode_name.lower()] = field.encode_name
                ahead.extend(each_of(field.type))
    return found
