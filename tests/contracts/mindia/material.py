"""Files of every kind that a tenant may send, small and whole; and what is wrong with those that are not."""

import io
import math
import struct
import subprocess
import wave
from functools import cache
from itertools import count

import imageio_ffmpeg

from stackroom.testing.pictures import picture

_seeds = count(1)


def an_image(width: int = 40, height: int = 30, kind: str = "png") -> bytes:
    """One like no other."""
    return picture(kind, width, height, seed=next(_seeds))


@cache
def a_sound(seconds: float = 0.5, rate: int = 8_000) -> bytes:
    """A mono WAV of 440 Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        samples = (int(9_000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(seconds * rate)))
        sound.writeframes(b"".join(struct.pack("<h", each) for each in samples))
    return file.getvalue()


def a_document(words: str = "harbour at dawn", pages: int = 2) -> bytes:
    """A PDF that says these words on each of its pages."""
    text = f"BT /F1 24 Tf 20 100 Td ({words}) Tj ET".encode()
    kids = " ".join(f"{4 + n} 0 R" for n in range(pages))
    content = 4 + pages
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % content
            for _ in range(pages)
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    ]
    return _pdf(objects)


def _pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    file = bytearray(b"%PDF-1.4\n")
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % each for each in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        table,
    )
    return bytes(file)


def a_locked_document() -> bytes:
    """A PDF that nobody can read without its password."""
    locked = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>" % (b"11" * 32, b"22" * 32)
    pages = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", locked]
    return _pdf(pages, b"/Encrypt 3 0 R /ID [<%s> <%s>] " % (b"33" * 16, b"33" * 16))


@cache
def a_video(width: int = 320, height: int = 180, seconds: float = 1.0, *, sound: bool = False) -> bytes:
    """An MP4 of a moving test picture; nothing is read or written beside it."""
    picture_in = ["-f", "lavfi", "-i", f"testsrc=size={width}x{height}:rate=10:duration={seconds}"]
    sound_in = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"] if sound else []
    coded = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        *(["-c:a", "aac"] if sound else []),
    ]
    # A pipe cannot be gone back in, so the index comes in fragments.
    out = ["-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-nostdin",
        *picture_in,
        *sound_in,
        *coded,
        *out,
    ]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
