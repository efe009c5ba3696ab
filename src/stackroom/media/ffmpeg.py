"""FFmpeg as a program of its own: bounded in time and memory, last in line for the processor, and never left behind.

It reads one file, by a demuxer that it is told, and nothing else: neither the network nor what a playlist names.
"""

import asyncio
import functools
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from stackroom.errors import Unavailable, UnsupportedMedia
from stackroom.media.containers import DEMUXERS
from stackroom.media.examined import VideoInfo
from stackroom.media.ladder import SOUND, Rung
from stackroom.threads import to_its_end

PRESET: Final = "fast"
SEGMENT_SECONDS: Final = 6
MEMORY: Final = 6 * 1024**3
"""Of address space: 1080 lines in four sizes take two gigabytes of it, with a video of 4320 lines more."""
STILL: Final = 300.0
"""Seconds after which FFmpeg is ended that has not come any further. No picture takes so long."""
_LOOKS: Final = 1.0  # seconds between two words of how far it is
_FAR: Final = b"out_time_us="
_LEAST_SIDE: Final = 3  # of what can be made progressive
_MOST_SAID: Final = 4096
_PACKET: Final = 188  # bytes: a segment is made of whole ones
_CRUMBS: Final = 2**20  # bytes: a disk with so few left is full
_FULL: Final = ("No space left on device", "Disk quota exceeded")
_MOST_FRAMES: Final = 60  # in a second

# Each further arena takes address space, which is what is bounded.
_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "2"}

# What becomes FFmpeg ends with us, however we end; and it yields to whoever answers requests.
_PROGRAM: Final = """
import ctypes, os, resource, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != {parent}:
    os._exit(1)
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.nice(5)
os.umask(0o077)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """How FFmpeg works. `program` is where it is; empty means the one that was installed with this package."""

    program: str = ""
    threads: int = 1
    preset: str = PRESET
    segment_seconds: int = SEGMENT_SECONDS
    memory: int = MEMORY
    still: float = STILL


async def make_renditions(
    path: Path, found: VideoInfo, rungs: Sequence[Rung], out: Path, how: Encoding, *, seconds: float
) -> None:
    """Leave in `out/<rung>/` a playlist `index.m3u8` and the segments it lists, `segment_000.ts` and so on.

    The pictures are decoded once for all. Every segment begins with a picture that needs no other, at the same moments
    in all rungs. Raises UnsupportedMedia `video_not_transcoded` with what FFmpeg said, `video_took_too_long`, or
    `video_stood_still` where it came no further for `how.still` seconds; Unavailable `storage_full`, or
    `ffmpeg_unavailable` where there is none. Ended or cancelled, it leaves no process.
    """
    for rung in rungs:
        (out / rung.name).mkdir()
    arguments = [await asyncio.to_thread(_program, how.program), *command(path, found, rungs, out, how)]
    program = _PROGRAM.format(parent=os.getpid(), memory=how.memory)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-ISc",
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | _ENVIRONMENT,
        start_new_session=True,  # Ctrl-C in a terminal is for the server, which then ends it
    )
    words = asyncio.ensure_future(_last_words(process))
    try:
        async with asyncio.timeout(seconds):
            await _watch(process, how.still)
            said, exit_code = await words, await process.wait()
    except TimeoutError as error:
        raise _took_too_long(seconds) from error
    finally:
        words.cancel()
        await _end(process)
    if exit_code:
        raise _failed(exit_code, said.replace(f"{path}", "the video").replace(f"{out}/", ""))
    if not await to_its_end(lambda: all(_is_whole(out / rung.name) for rung in rungs)):
        raise _not_whole(out)


def command(path: Path, found: VideoInfo, rungs: Sequence[Rung], out: Path, how: Encoding) -> list[str]:
    """What FFmpeg is told, but for its name."""
    read = [
        "-protocol_whitelist",
        "file",
        "-f",
        DEMUXERS[found.content_type],
        "-threads",
        f"{how.threads}",
        "-i",
        f"file:{path}",
    ]
    written = [word for n, rung in enumerate(rungs) for word in _output(n, rung, found, out, how)]
    quiet = ["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error", "-y"]
    return [
        *quiet,
        *("-progress", "pipe:1", "-stats_period", f"{_LOOKS}"),
        *read,
        "-i",
        f"file:{path}",
        "-filter_complex_threads",
        "1",
        "-filter_complex",
        _filters(found, rungs),
        *written,
    ]


def _filters(found: VideoInfo, rungs: Sequence[Rung]) -> str:
    """Decoded once, made progressive if need be, the last picture held while there is still sound, and scaled for each:
    segments are cut at pictures alone."""
    split = "".join(f"[s{n}]" for n in range(len(rungs)))
    scaled = (
        f"[s{n}]scale={rung.width}:{rung.height}:flags=bicubic,setsar=1,format=yuv420p[v{n}]"
        for n, rung in enumerate(rungs)
    )
    first = [
        *(["yadif=deint=interlaced"] if min(found.width, found.height) >= _LEAST_SIDE else []),
        *([f"tpad=stop_mode=clone:stop_duration={found.held:.3f}"] if found.held else []),
        f"split={len(rungs)}{split}",
    ]
    return ";".join([f"[0:V:0]{','.join(first)}", *scaled])


def _output(n: int, rung: Rung, found: VideoInfo, out: Path, how: Encoding) -> list[str]:
    folder = out / rung.name
    pictures = [
        *("-map", f"[v{n}]", "-c:v", "libx264", "-profile:v", "main", "-preset", how.preset),
        *("-b:v", f"{rung.bitrate}k", "-maxrate", f"{rung.bitrate * 12 // 10}k"),
        *("-bufsize", f"{rung.bitrate * 2}k", "-fpsmax", f"{_MOST_FRAMES}", "-threads", f"{how.threads}"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{how.segment_seconds})"),
    ]
    sound = ["-map", "0:a:0", "-c:a", "aac", "-b:a", f"{SOUND}k", "-ac", "2", "-ar", "48000"]
    return [
        *pictures,
        *(sound if found.has_audio else ()),
        *("-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-f", "hls"),
        *("-hls_time", f"{how.segment_seconds}", "-hls_playlist_type", "vod", "-hls_segment_filename"),
        *(f"{folder}/segment_%03d.ts", f"{folder}/index.m3u8"),
    ]


@functools.cache
def _program(chosen: str) -> str:
    if chosen:
        return chosen
    import imageio_ffmpeg  # noqa: PLC0415 - only where there are videos

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise Unavailable(
            "There is no FFmpeg for this machine.",
            code="ffmpeg_unavailable",
            hint="The operator names one in STACKROOM_FFMPEG.",
        ) from error


def _is_whole(folder: Path) -> bool:
    """Whether all is there that a playlist names, up to its end. FFmpeg ends well also where the disk was full, and
    leaves out what it could not write."""
    index = folder / "index.m3u8"
    said = index.read_text() if index.is_file() else ""
    sizes = [
        (folder / line).stat().st_size for line in said.splitlines() if line and not line.startswith("#")
    ]
    packets = all(size and not size % _PACKET for size in sizes)
    return said.endswith("#EXT-X-ENDLIST\n") and bool(sizes) and packets


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The end of what it says, however much that is."""
    assert process.stderr is not None
    said = b""
    while piece := await process.stderr.read(_MOST_SAID):
        said = (said + piece)[-_MOST_SAID:]
    return said.decode(errors="replace").replace("\0", "").strip()  # which PostgreSQL has no room for


async def _watch(process: asyncio.subprocess.Process, most: float) -> None:
    """Read how far it has come, until it says no more. Raises UnsupportedMedia `video_stood_still`."""
    assert process.stdout is not None
    far, since = b"", time.monotonic()
    while True:
        try:
            async with asyncio.timeout(since + most - time.monotonic()):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise _stood_still(most) from error
        if not line:
            return
        if line.startswith(_FAR) and line != far:
            far, since = line, time.monotonic()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it is left when this returns, also if that is cancelled once more."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        # With all of its session: an operator's FFmpeg may be a script that runs another.
        os.killpg(process.pid, signal.SIGKILL)
    waiting = asyncio.ensure_future(process.communicate())  # its pipes are closed then as well
    while not waiting.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([waiting])


def _failed(exit_code: int, said: str) -> Unavailable | UnsupportedMedia:
    if any(full in said for full in _FULL):
        return _full()
    last = re.sub(r"^(\[[^\]]*\] *)+", "", said.splitlines()[-1]) if said else f"it ended with {exit_code}"
    return UnsupportedMedia(
        f"The video could not be made ready for players: {last[:500]}",
        code="video_not_transcoded",
        hint="Play it to its end to see whether it is whole, export it again, and send that.",
        details={"exit_code": exit_code},
    )


def _not_whole(out: Path) -> Unavailable | UnsupportedMedia:
    if shutil.disk_usage(out).free < _CRUMBS:
        return _full()
    return UnsupportedMedia(
        "Not all of what was made of the video could be written.",
        code="video_not_transcoded",
        hint="It is tried again by itself; the operator looks whether there is room for it.",
    )


def _full() -> Unavailable:
    return Unavailable(
        "The disk is full; nothing was stored.",
        code="storage_full",
        hint="Free some space or raise the quota.",
    )


def _took_too_long(seconds: float) -> UnsupportedMedia:
    return UnsupportedMedia(
        f"The video could not be made ready for players within {seconds:g} seconds.",
        code="video_took_too_long",
        hint="Send it shorter, or at a lower resolution.",
    )


def _stood_still(seconds: float) -> UnsupportedMedia:
    return UnsupportedMedia(
        f"FFmpeg came no further with the video for {seconds:g} seconds.",
        code="video_stood_still",
        hint="Play it to its end to see whether it is whole, export it again, and send that.",
    )
