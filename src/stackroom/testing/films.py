"""Small real films, made on the spot with the FFmpeg that the server uses, so that no test needs a file of its own."""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import imageio_ffmpeg

CODECS: Final = {
    "mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "mov": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"),
    "avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
}
CONTENT_TYPES: Final = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
}


@cache
def film(
    kind: str = "mp4",
    *,
    width: int = 320,
    height: int = 240,
    seconds: float = 2.0,
    sound: bool = True,
    rotation: int = 0,
    more: Sequence[str] = (),
) -> bytes:
    """A film of coloured bars, with a tone. Made once for each way of asking.

    `width` and `height` are those of the stored pictures, before a player turns them by `rotation` degrees against
    the clock. `more` are words for FFmpeg, such as `("-movflags", "+faststart")`.
    """
    pictures = ["-f", "lavfi", "-i", f"testsrc=size={width}x{height}:rate=10:duration={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"] if sound else []
    with TemporaryDirectory() as folder:
        made = Path(folder) / f"film.{kind}"
        _ffmpeg([*pictures, *tone, *CODECS[kind], *(() if sound else ("-an",)), *more, str(made)])
        if rotation:
            turned = Path(folder) / f"turned.{kind}"
            _ffmpeg(["-display_rotation", f"{rotation}", "-i", str(made), "-c", "copy", str(turned)])
            made = turned
        return made.read_bytes()


def _ffmpeg(words: Sequence[str]) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-nostdin", "-loglevel", "error", "-y", *words], check=True)
