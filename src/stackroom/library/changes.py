"""What a request wants changed: structs in which UNSET leaves a field alone, and None clears it."""

from typing import Any

import msgspec
from msgspec import UNSET

from stackroom.errors import Invalid


def given(wanted: msgspec.Struct) -> dict[str, Any]:
    """The fields that are to change, by their names; none is no error."""
    return {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not UNSET}


def some(wanted: msgspec.Struct) -> dict[str, Any]:
    """`given`, of which there must be one at least. Raises `Invalid` (`empty_update`)."""
    values = given(wanted)
    if not values:
        raise Invalid("nothing to change", code="empty_update", hint="Give at least one field to change.")
    return values
