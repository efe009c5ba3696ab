"""What runs inside a studio's worker process: one task after another, until the pipe closes.

Workers are started as programs of their own (not forked: libvips hangs for ever after that), end with their
parent however it ends, and are bounded in memory. The server imports this module for the names of the tasks;
the decoders are loaded only when a task, or `main`, runs.
"""

import ctypes
import functools
import gc
import os
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from stackroom.errors import StackroomError
from stackroom.media.examined import Converted, Examined, Thumbnail, VideoInfo
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.memory import holds_too_much
from stackroom.media.rendering import Rendering
from stackroom.media.transformations import Acceptable, Transformation

if TYPE_CHECKING:
    from stackroom.media.pyramids import Shelf

ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",  # each further arena takes address space, which is what is bounded
    "VIPS_CONCURRENCY": "1",
    "VIPS_WARNING": "0",  # a damaged file is reported to its sender and need not fill the log
}
_PR_SET_PDEATHSIG = 1
_FIRST_FOR_THE_OOM_KILLER = "500"
_IDLE = 10.0  # seconds


def examine(path: Path, out_dir: Path, max_pixels: int, thumbnail_sizes: Sequence[int]) -> Examined:
    """Run `images.examine` here, in the worker."""
    from stackroom.media import images  # noqa: PLC0415 - decoders are loaded in workers only

    return images.examine(path, out_dir, max_pixels=max_pixels, thumbnail_sizes=thumbnail_sizes)


def examine_media(kind: Kind, path: Path) -> MediaInfo:
    """Run the `examine` of a video, a recording or a document here, in the worker."""
    from stackroom.media import audio, documents, video  # noqa: PLC0415 - decoders are loaded in workers only

    examiners = {Kind.VIDEO: video.examine, Kind.AUDIO: audio.examine, Kind.DOCUMENT: documents.examine}
    return examiners[kind](path)


def probe_video(path: Path) -> VideoInfo:
    """Run `video.probe_video` here, in the worker."""
    from stackroom.media import video  # noqa: PLC0415 - decoders are loaded in workers only

    return video.probe_video(path)


def poster(path: Path, out: Path) -> None:
    """Run `video.poster` here, in the worker."""
    from stackroom.media import video  # noqa: PLC0415 - decoders are loaded in workers only

    video.poster(path, out)


def thumbnail(path: Path, out_dir: Path, box: int, max_pixels: int) -> Thumbnail:
    """Run `images.thumbnail` here, in the worker."""
    from stackroom.media import images  # noqa: PLC0415 - decoders are loaded in workers only

    return images.thumbnail(path, out_dir, box, max_pixels=max_pixels)


def fingerprint(path: Path, max_pixels: int) -> bytes:
    """Run `images.fingerprint` here, in the worker."""
    from stackroom.media import images  # noqa: PLC0415 - decoders are loaded in workers only

    return images.fingerprint(path, max_pixels=max_pixels)


def upright(path: Path, out_dir: Path) -> Converted | None:
    """Run `upright.upright` here, in the worker."""
    from stackroom.media.upright import upright as make  # noqa: PLC0415 - decoders are loaded in workers only

    return make(path, out_dir)


def render(path: Path, wanted: Rendering, max_pixels: int) -> bytes:
    """Run `derivatives.render` here, in the worker."""
    from stackroom.media import derivatives  # noqa: PLC0415 - decoders are loaded in workers only

    return derivatives.render(path, wanted, _shelf(), max_pixels=max_pixels)


def render_to(path: Path, wanted: Rendering, out: Path, max_pixels: int) -> None:
    """Run `derivatives.render_to` here, in the worker."""
    from stackroom.media import derivatives  # noqa: PLC0415 - decoders are loaded in workers only

    derivatives.render_to(path, wanted, out, _shelf(), max_pixels=max_pixels)


def transform(  # noqa: PLR0917 - a task is handed its arguments in order
    path: Path,
    wanted: Transformation,
    out_dir: Path,
    acceptable: Acceptable | None,
    watermark: Path | None,
    max_pixels: int,
) -> str:
    """Run `transforming.transform` here, in the worker; the name of the file it has written."""
    from stackroom.media import transforming  # noqa: PLC0415 - decoders are loaded in workers only

    done = transforming.transform(
        path, wanted, out_dir, acceptable=acceptable, watermark=watermark, max_pixels=max_pixels
    )
    return done.path.name


def pyramid(path: Path, out: Path, max_pixels: int) -> bool:
    """Run `pyramids.make` here, in the worker."""
    from stackroom.media import pyramids  # noqa: PLC0415 - decoders are loaded in workers only

    return pyramids.make(path, out, max_pixels=max_pixels)


@functools.cache
def _shelf() -> "Shelf":
    """The pyramids that this process has open."""
    from stackroom.media.pyramids import Shelf  # noqa: PLC0415 - decoders are loaded in workers only

    return Shelf()


def main(descriptor: int, parent: int, memory: int) -> None:
    """Serve tasks from a pipe that was inherited under this number, until its other end is closed."""
    _end_with(parent)
    _limit_to(memory)
    from stackroom.media.libraries import set_up_libraries  # noqa: PLC0415 - under the limits from here on

    set_up_libraries()
    pipe = Connection(descriptor)
    pipe.send("ready")
    while True:
        try:
            if not pipe.poll(_IDLE):
                _shelf().clear()  # a file that was removed keeps its room on the disk as long as it is open
            task, arguments = pipe.recv()
        except EOFError:
            return
        result, error = _done(task, arguments)
        pipe.send((result, error, holds_too_much()))


def _done(task: Callable[..., object], arguments: tuple[object, ...]) -> tuple[object, Exception | None]:
    """What came of a task. Nothing else is left of it: a picture that cannot be read may hold a gigabyte."""
    try:
        return task(*arguments), None
    except Exception as error:  # noqa: BLE001 - every error is the caller's, who is in another process
        if not isinstance(error, StackroomError):  # somebody will want to know where it came from
            error.add_note(traceback.format_exc())
        failure = error.with_traceback(None)
        failure.__cause__ = failure.__context__ = None  # their frames hold the picture
    gc.collect()
    return None, failure


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, even by SIGKILL and in mid-task."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could ask
        os._exit(1)


def _limit_to(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash on a hostile file is expected, not a mystery
    os.umask(0o077)
    Path("/proc/self/oom_score_adj").write_text(_FIRST_FOR_THE_OOM_KILLER)
