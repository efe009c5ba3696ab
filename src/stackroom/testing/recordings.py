"""Small real recordings and documents, made on the spot, so that no test needs a file of its own."""

import io
import math
from array import array
from collections.abc import Sequence
from functools import cache
from types import MappingProxyType
from typing import Final, cast

import av
from av import AudioStream

_WRITERS: Final = MappingProxyType(
    {
        "mp3": ("mp3", "libmp3lame", "s16p"),
        "m4a": ("ipod", "aac", "fltp"),
        "wav": ("wav", "pcm_s16le", "s16"),
        "flac": ("flac", "flac", "s16"),
        "ogg": ("ogg", "flac", "s16"),
    }
)
RECORDINGS: Final = tuple(_WRITERS)
_PORTION: Final = 1024


@cache
def recording(
    kind: str = "mp3", *, seconds: float = 1.0, rate: int = 22_050, channels: int = 1, pitch: float = 440.0
) -> bytes:
    """A tone, encoded. With no seconds: a file of its kind with nothing to hear in it."""
    container, codec, sample_format = _WRITERS[kind]
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(file, "w", format=container) as out:
        stream = cast("AudioStream", out.add_stream(codec, rate=rate, layout=layout, format=sample_format))
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate)
        out.start_encoding()
        for at in range(0, round(seconds * rate), _PORTION):
            count = min(_PORTION, round(seconds * rate) - at)
            frame = av.AudioFrame(format="s16", layout=layout, samples=count)
            frame.sample_rate, frame.pts = rate, at
            frame.planes[0].update(_tone(at, count, channels, pitch / rate))
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue()


def document(pages: Sequence[str] = ("Hello.",), *, locked: bool = False) -> bytes:
    """A PDF with a line of text on each page; a `locked` one opens to nobody without its password."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
    parts = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for n, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 20 100 Td ({_escaped(text)}) Tj ET"
        parts.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * n} 0 R >>"
        )
        parts.append(f"<< /Length {len(drawn.encode('cp1252'))} >>\nstream\n{drawn}\nendstream")
    trailer = f"/Size {len(parts) + 1} /Root 1 0 R"
    if locked:  # the marks of no password at all, which therefore fit none
        mark = "00" * 32
        trailer += (
            f" /Encrypt << /Filter /Standard /V 1 /R 2 /O <{mark}> /U <{mark}> /P -4 >> /ID [<00> <00>]"
        )
    return _written(parts, trailer)


def _tone(at: int, count: int, channels: int, turns: float) -> bytes:
    wave = (round(8_000 * math.sin(2 * math.pi * turns * n)) for n in range(at, at + count))
    return array("h", [value for value in wave for _ in range(channels)]).tobytes()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _written(parts: Sequence[str], trailer: str) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for n, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{n} 0 obj\n{part}\nendobj\n".encode("cp1252")
    begin = len(out)
    out += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += f"trailer\n<< {trailer} >>\nstartxref\n{begin}\n%%EOF\n".encode()
    return bytes(out)
