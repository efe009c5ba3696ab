"""What every conversion of the native face needs: moments, ids, and where a page goes on."""

import base64
import binascii
from datetime import datetime

from stackroom import clock
from stackroom.errors import Invalid


def cursor(row_id: int) -> str:
    return base64.urlsafe_b64encode(b"%d" % row_id).decode().rstrip("=")


def row_id(text: str | None) -> int | None:
    """What `cursor` stands for. Raises `Invalid` for one that was not given out here."""
    if text is None:
        return None
    try:
        digits = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if digits.isdigit() and len(digits) < 19:
            return int(digits)
    except (binascii.Error, ValueError):
        pass
    raise Invalid(
        f"cursor: {text[:80]!a} is not one of ours", code="bad_cursor", hint="Pass `next` as it was given."
    )


def moment(value: int) -> str:
    return clock.to_datetime(value).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment_out(value: int | None) -> str | None:
    return None if value is None else moment(value)


def moment_in(value: datetime | None) -> int | None:
    return None if value is None else clock.from_datetime(value)
