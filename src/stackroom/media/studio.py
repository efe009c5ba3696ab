"""The pool of processes in which pixels are touched.

Neither the standard library's pool nor Pebble's serves here. The first is broken for good by one crash; the
second by the death of an idle worker, and it ends a worker for every task that is cancelled while it waits.
One pipe and one thread for each process make it exact: it is always known whose task it was at when it ended.
"""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self, TypeVar, cast

from stackroom.errors import TooLarge, Unavailable, UnsupportedMedia
from stackroom.media import worker
from stackroom.media.examined import MAX_PIXELS, Converted, Examined, Thumbnail, VideoInfo
from stackroom.media.kinds import Kind, MediaInfo
from stackroom.media.rendering import Rendering
from stackroom.media.transformations import Acceptable, Transformation

T = TypeVar("T")

CRASHED = "image_crashed_decoder"
"""The code of what is said of an image whose decoder ended, whoever has ended it."""
_TOO_MUCH = "image_needs_too_much_memory"
_PROGRAM = "import sys; sys.path[:] = {path!r}; from stackroom.media.worker import main; main({arguments})"
# What decoding MAX_PIXELS can take, with little to spare. Measured for 100 megapixels: BMP 1.04 GB, a PNG of
# 16 bits, interlaced, 0.94, HEIC 0.61, progressive JPEG 0.44, and 0.22 for what is decoded line by line.
_MEMORY = 3 * 1024**3
_STARTING = 60.0  # seconds; a process needs a fifth of one on an idle machine
_PYRAMID_PATIENCE = 5.0  # 900 megapixels take 15 seconds on an idle machine
_BYTES_A_TURN = 100 * 2**20
_TASKS_EACH = 1000  # then a process is replaced, so that what a decoder leaks is bounded
# A tile is a hundredth of an image, and there are hundreds of them in a second.
_WEAR: dict[Callable[..., object], float] = {worker.render: 0.01}


class Studio:
    """Runs pixel work in processes of their own, each at one task; further callers wait their turn in order.

    A process that crashes or runs out of time or memory ends only its own task, and is replaced. Used as a
    context manager it is started and closed. No process outlives the studio or the server, however they end.
    """

    def __init__(
        self,
        *,
        processes: int | None = None,
        timeout: float = 60.0,
        memory: int = _MEMORY,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Set the bounds; nothing is started yet.

        `processes` is the number of cores unless given, `timeout` the seconds that one task may take, and
        `memory` the bytes of address space of each process.
        """
        count = processes or os.cpu_count() or 1
        self._max_pixels = max_pixels
        self._idle = [_Worker(timeout, memory) for _ in range(count)]
        self._workers = tuple(self._idle)
        self._turn = asyncio.Semaphore(count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="studio")
        self._closed = False

    async def start(self) -> None:
        """Start all processes, and return when each is ready. Without it, the first tasks wait for that.

        Raises Unavailable `studio_unavailable` if they do not start.
        """
        await asyncio.gather(*(self._run(os.getpid) for _ in self._workers))

    async def examine(
        self,
        path: Path,
        out_dir: Path,
        *,
        thumbnail_sizes: Sequence[int] = (200,),
        max_pixels: int | None = None,
    ) -> Examined:
        """Verify an image, convert it if need be, leave its thumbnails in `out_dir`: see `images.examine`.

        `max_pixels` is for who takes less than the studio does. Raises what that raises, and UnsupportedMedia
        `image_crashed_decoder` or `image_took_too_long`. When this returns or raises, also because it was
        cancelled, no process touches the files any more.
        """
        return await self._run(
            worker.examine,
            path,
            out_dir,
            self._max_pixels if max_pixels is None else min(max_pixels, self._max_pixels),
            tuple(thumbnail_sizes),
            patience=_patience_with(path),
        )

    async def examine_media(self, kind: Kind, path: Path) -> MediaInfo:
        """Verify a video, a recording or a document, and say what is known of it: `examine` is for images.

        Raises Invalid `empty_file`; UnsupportedMedia for a file that is of another kind, damaged or encrypted (see
        `video.examine`, `audio.examine` and `documents.examine`), `media_crashed_decoder` or `media_took_too_long`.
        """
        try:
            return await self._run(worker.examine_media, kind, path, patience=_patience_with(path))
        except UnsupportedMedia as error:
            raise _of_media(kind, error) from error

    async def probe_video(self, path: Path) -> VideoInfo:
        """What a video is, in more words than `examine_media` has: see `video.probe_video`. Raises as that does."""
        try:
            return await self._run(worker.probe_video, path, patience=_patience_with(path))
        except UnsupportedMedia as error:
            raise _of_media(Kind.VIDEO, error) from error

    async def poster(self, path: Path, out: Path) -> None:
        """Write one picture of a stored video into a file, as a JPEG: see `video.poster`. Raises as that does, and
        `examine_media`."""
        try:
            await self._run(worker.poster, path, out, patience=_patience_with(path))
        except UnsupportedMedia as error:
            raise _of_media(Kind.VIDEO, error) from error

    async def thumbnail(self, path: Path, out_dir: Path, box: int) -> Thumbnail:
        """Make one thumbnail of a stored image: see `images.thumbnail`. Raises as `examine` does."""
        return await self._run(worker.thumbnail, path, out_dir, box, self._max_pixels)

    async def fingerprint(self, path: Path) -> bytes:
        """Take the fingerprint of a stored image: see `images.fingerprint`. Raises as `examine` does."""
        return await self._run(worker.fingerprint, path, self._max_pixels)

    async def upright(self, path: Path, out_dir: Path) -> Converted | None:
        """Write an image as it is seen and without what its camera said of it; None if it is so: see
        `upright.upright`. Raises as `examine` does."""
        return await self._run(worker.upright, path, out_dir, patience=_patience_with(path))

    async def render(self, path: Path, wanted: Rendering) -> bytes:
        """A derivative of a stored image, encoded: see `derivatives.render`. Raises as that and `examine` do.

        A pyramid stays open in the process that read it, so that the next tile costs little.
        """
        return await self._run(worker.render, path, wanted, self._max_pixels)

    async def render_to(self, path: Path, wanted: Rendering, out: Path) -> None:
        """`render`, into a file: for what is too large to be handed on in memory."""
        await self._run(worker.render_to, path, wanted, out, self._max_pixels)

    async def transform(
        self,
        path: Path,
        wanted: Transformation,
        out_dir: Path,
        *,
        acceptable: Acceptable | None = None,
        watermark: Path | None = None,
    ) -> Path:
        """What an address asks to be made of a stored image, in a file: see `transforming.transform`."""
        name = await self._run(
            worker.transform, path, wanted, out_dir, acceptable, watermark, self._max_pixels
        )
        return out_dir / name

    async def pyramid(self, path: Path, out: Path) -> bool:
        """Make the pyramid of a stored image: see `pyramids.make`. It may take several times as long as other tasks.

        Raises as `examine` does. False if the image is a pyramid itself; then nothing is written.
        """
        return await self._run(worker.pyramid, path, out, self._max_pixels, patience=_PYRAMID_PATIENCE)

    async def close(self) -> None:
        """End every process, busy ones too. Their callers and those who wait get Unavailable `studio_closed`.

        May be called twice; a closed studio stays closed.
        """
        self._closed = True
        for each in self._workers:
            each.close()
        await asyncio.to_thread(self._bury)

    def _bury(self) -> None:
        self._threads.shutdown()  # quick: all they wait for is processes that have just been killed
        for each in self._workers:
            each.end()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, task: Callable[..., T], *arguments: object, patience: float = 1.0) -> T:
        """Run a module's function in a worker. Function, arguments and result are pickled on their way."""
        async with self._turn:
            self._refuse_if_closed()
            mine = self._idle.pop()
            try:
                return await self._run_in(mine, task, arguments, patience)
            except (UnsupportedMedia, Unavailable):
                self._refuse_if_closed()  # closing is what ended the process then, and not the file
                raise
            finally:
                self._idle.append(mine)

    async def _run_in(
        self, mine: "_Worker", task: Callable[..., T], arguments: tuple[object, ...], patience: float
    ) -> T:
        job = asyncio.get_running_loop().run_in_executor(self._threads, mine.run, task, arguments, patience)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            mine.give_up()
            while not job.done():  # a second cancellation must not lend out a worker that is still busy
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([job])
            job.exception()  # that of the process just killed: looked at, so that it is not logged as forgotten
            raise

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise Unavailable("The server is stopping.", code="studio_closed", hint="Try again in a minute.")


class _Worker:
    """One process and our end of its pipe. `run` belongs to one thread at a time, the rest to any."""

    def __init__(self, timeout: float, memory: int) -> None:
        self._timeout = timeout
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._tasks = 0.0
        self._given_up = False
        self._closed = False
        self._changing = threading.Lock()

    def run(self, task: Callable[..., T], arguments: tuple[object, ...], patience: float) -> T:
        """Have the process do this; return or raise what it does, or say how it failed.

        It may take `patience` times as long as tasks usually may. What a used process lacks the memory for is done by a
        new one, or refused by it: an image that was taken in must not be too large later.
        """
        used = self._process is not None
        try:
            return self._do(task, arguments, patience)
        except TooLarge as error:
            if not used or error.code != _TOO_MUCH:
                raise
        self.end()
        return self._do(task, arguments, patience)

    def _do(self, task: Callable[..., T], arguments: tuple[object, ...], patience: float) -> T:
        pipe = self._ready()
        try:
            pipe.send((task, arguments))
            if not pipe.poll(self._timeout * patience):
                self.end()
                raise _took_too_long(self._timeout * patience)
            result, error, holds_too_much = pipe.recv()
        except (EOFError, ConnectionError) as end:
            raise _crashed(self.end()) from end
        self._tasks += _WEAR.get(task, 1.0)
        if holds_too_much or self._tasks >= _TASKS_EACH:
            self.end()
        if error is not None:
            raise error
        return cast("T", result)

    def give_up(self) -> None:
        """End the process in the middle of its task; the next task gets a new one."""
        with self._changing:
            self._given_up = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process, and start no other."""
        with self._changing:
            self._closed = True
        self.give_up()

    def _ready(self) -> Connection:
        if self._process is not None and (self._given_up or self._process.poll() is not None):
            self.end()  # killed while idle, by the system perhaps: no task is to blame
        if self._pipe is None:
            pipe = self._pipe = self._start()
            try:
                if not pipe.poll(_STARTING):
                    raise _unavailable(self.end())
                pipe.recv()
            except (EOFError, ConnectionError) as end:
                raise _unavailable(self.end()) from end
        return self._pipe

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        # The process gets our import path, so that it finds the same Stackroom as we did.
        arguments = f"{theirs.fileno()}, {os.getpid()}, {self._memory}"
        program = _PROGRAM.format(path=sys.path, arguments=arguments)
        with self._changing, theirs:
            if self._closed:
                ours.close()
                raise _unavailable(None)
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C in a terminal is for the server, which then closes the studio
                env=os.environ | worker.ENVIRONMENT,
            )
            self._given_up = False
            self._tasks = 0
        return Connection(ours.detach())

    def end(self) -> int | None:
        """End the process if it is there, leave nothing of it, and tell its exit code."""
        with self._changing:
            process, self._process = self._process, None
            pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.kill()
        return process.wait()


def _patience_with(path: Path) -> float:
    """A large file may take longer. A bomb is small, and may not."""
    with suppress(OSError):
        return 1 + path.stat().st_size / _BYTES_A_TURN
    return 1.0


def _took_too_long(timeout: float) -> UnsupportedMedia:
    return UnsupportedMedia(
        f"The image could not be decoded within {timeout:g} seconds.",
        code="image_took_too_long",
        hint="Save it smaller, or in a simpler format such as JPEG or PNG.",
    )


def _crashed(exit_code: int | None) -> UnsupportedMedia:
    return UnsupportedMedia(
        "The decoder broke down over this image.",
        code=CRASHED,
        hint="Open it in a viewer to see whether it is whole, export it again, and send that.",
        details={"exit_code": exit_code},
    )


def _of_media(kind: Kind, error: UnsupportedMedia) -> UnsupportedMedia:
    """What is said of an image that ends its process, said of something else."""
    if error.code == "image_took_too_long":
        said, hint = (
            f"The {kind.value} could not be read in time.",
            "Send it shorter, or in a simpler format.",
        )
        return UnsupportedMedia(said, code="media_took_too_long", hint=hint)
    if error.code == CRASHED:
        said, hint = f"The decoder broke down over this {kind.value}.", "Export it again, and send that."
        return UnsupportedMedia(said, code="media_crashed_decoder", hint=hint, details=error.details)
    return error


def _unavailable(exit_code: int | None) -> Unavailable:
    return Unavailable(
        "The processes that decode images do not start.",
        code="studio_unavailable",
        hint="The operator finds the cause in the server's log.",
        details={"exit_code": exit_code},
    )
