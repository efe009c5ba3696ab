"""What decoding costs by itself: a process that makes four thumbnails of each photograph, and nothing else.

    python -m bench.bare OUT PHOTOGRAPH…

It says `ready`, waits for a line, and says `done`. Decoder, settings and sizes are those of the program.
"""

import os
import sys
from pathlib import Path

from stackroom.media.examined import THUMBNAIL_SIZES
from stackroom.media.worker import ENVIRONMENT

QUALITY = 80


def main() -> None:
    os.environ |= ENVIRONMENT
    import pyvips  # noqa: PLC0415 - it reads the environment when it is loaded

    pyvips.cache_set_max(0)
    out, *photographs = map(Path, sys.argv[1:])
    print("ready", flush=True)
    sys.stdin.readline()
    for path in photographs:
        largest = max(THUMBNAIL_SIZES)
        image = pyvips.Image.thumbnail(str(path), largest, height=largest, size="down", fail_on="error")
        image = image.copy_memory()
        for box in THUMBNAIL_SIZES:
            small = image.thumbnail_image(box, height=box, size="down")
            small.jpegsave(str(out / f"{path.stem}-{box}.jpg"), Q=QUALITY, keep="none")
    print("done", flush=True)


if __name__ == "__main__":
    main()
