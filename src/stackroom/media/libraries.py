"""How the decoding libraries are set up, in whatever process uses them."""

import functools

import pillow_heif
import pyvips


@functools.cache
def set_up_libraries() -> None:
    """Keep the decoders from caching, from formats nobody has hardened, and from threads of their own.

    libvips would remember a picture by its path, and show it again after the file has changed.
    """
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.concurrency_set(1)
    pillow_heif.options.DECODE_THREADS = 1
