"""Named instants at which a test may make this process die, to prove that nothing is half-done after it.

The core calls `reach("apply:before-commit")` where a crash would hurt most. It costs one comparison, unless
the process was started with `STACKROOM_FAULT="apply:before-commit"`: then the process ends there as hard as
`kill -9` would end it, without a handler, a rollback or a flush. `STACKROOM_FAULT="apply:before-commit:3"`
means the third time.
"""

import os
import re
from itertools import count
from typing import Final, Literal, cast, get_args

Point = Literal[
    "apply:between-statements",  # an operation has sent some of its statements
    "apply:before-commit",  # an operation has sent them all
    "apply:after-commit",  # a chunk of a large operation is durable, and the next has not begun
    "answer:after-commit",  # a write and the answer to it are durable, and nobody has been told
    "upload:after-receive",  # the bytes are in a temporary file
    "upload:after-store",  # they are in the store, and no blob owns them
    "upload:after-commit",  # their blob is durable, and the sender has not been told
    "register:after-examine",  # thumbnails, and what was converted, are in the store; there is no asset
    "register:before-commit",  # the asset's rows are written
    "render:before-store",  # a thumbnail is made and not kept
    "sweep:before-commit",  # rows of garbage are about to go
    "sweep:after-commit",  # the rows are gone, their bytes are not
    "sweep:after-remove",  # the bytes are gone, the note of them is not
    "export:after-page",  # some images of an export are in its zip, which nobody else knows of
    "export:after-store",  # the zip is in the store, and the export is not finished
    "export:before-commit",  # it is as good as finished
    "queue:after-submit",  # jobs are in their lane, as far as their submitter knows
    "queue:after-claim",  # a worker has taken jobs, as far as it knows
    "queue:after-take",  # they are durably its, and it has not begun them
    "queue:before-commit",  # they are as good as settled
    "queue:after-settle",  # they are durably settled, and nobody has been told
    "accept:before-commit",  # a batch's rows are written
    "ingest:after-fetch",  # an arrival's bytes are in a temporary file
    "ingest:after-store",  # they are in the store, and no blob owns them
    "ingest:after-render",  # thumbnails stand beside them
    "ingest:before-register",  # the asset is about to get them
    "tell:before-commit",  # events are as good as handed over to be delivered
    "deliver:before-send",  # a delivery is about to be sent
    "deliver:after-send",  # the receiver has answered, and nobody has noted it
    "transcode:after-make",  # a video's renditions are in a temporary folder
    "transcode:between-files",  # some of them are in the store, below a prefix that is loose
    "transcode:after-put",  # all of them are
    "transcode:before-commit",  # the video is as good as ready for players
    "embed:after-portion",  # some vectors of a round are durable, and it says nothing of them
    "migrate:before-commit",  # the tables have been changed
]
POINTS: Final[tuple[str, ...]] = get_args(Point)
VARIABLE: Final = "STACKROOM_FAULT"
EXIT_CODE: Final = 137  # what a shell reports for a process that was killed


def _armed(setting: str) -> tuple[Point | None, int]:
    """The point a setting names, and at which visit; `SystemExit` for one that could never be reached."""
    parts = re.fullmatch(r"(.+?)(?::([1-9]\d*))?", setting)
    if parts is None:
        return None, 0
    if parts[1] not in POINTS:
        raise SystemExit(f"{VARIABLE}={setting}: there is no such point; there are {', '.join(POINTS)}")
    return cast("Point", parts[1]), int(parts[2] or 1)


_point, _visit = _armed(os.environ.get(VARIABLE, ""))
_visits = count(1)  # next() on it is atomic, so two threads cannot share a visit


def reach(name: Point) -> None:
    """Say that execution has come to this point. Does nothing unless the process was started to die here."""
    if name == _point and next(_visits) == _visit:
        os._exit(EXIT_CODE)
