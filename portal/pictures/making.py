"""Making a small clean picture of any: decoded, turned upright, cut square, written anew. In the worker only."""

from __future__ import annotations

import io
import struct
import warnings
from contextlib import suppress

from PIL import Image, ImageOps

from portal.pictures.header import BROKEN, Unusable, check_size, read_header

SIDE = 256
"""Pixels of each side."""

QUALITY = 84

FAULTS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error)
"""What Pillow's decoders raise for broken files, besides its warnings of bombs."""

SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")

MOST_MEMORY = 512 * 1024 * 1024
"""Bytes that a process may take for one picture, above what it has when it begins."""

MOST_SECONDS = 30
"""Seconds of processor time for one picture."""


def make_picture(data: bytes) -> bytes:
    """A square WebP of 256 pixels a side of the first frame of any picture, without anything else that was in the file.

    Raises ``NotAPicture`` and ``Unusable`` with a sentence for people.
    """
    header = read_header(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=[header.kind]) as opened:
                return _written(_square(opened))
        except (*FAULTS, Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise Unusable(BROKEN, field="picture") from None
        except MemoryError:
            raise Unusable("This picture needs too much memory. Choose a smaller one.", field="picture") from None


def _square(opened: Image.Image) -> Image.Image:
    # The first frame of a GIF may be larger than its header says.
    check_size(*opened.size)
    # JPEG is decoded at a half, a quarter or an eighth of its size where that is enough.
    opened.draft("RGB", (2 * SIDE, 2 * SIDE))
    opened.load()
    picture: Image.Image = opened
    with suppress(*FAULTS):
        # What a camera wrote about itself may be nonsense; then the picture stays as it lies.
        picture = ImageOps.exif_transpose(opened)
    return ImageOps.fit(_in_colours(picture), (SIDE, SIDE), Image.Resampling.LANCZOS)


def _in_colours(picture: Image.Image) -> Image.Image:
    """Red, green and blue of eight bits, on white where it was transparent."""
    if picture.mode in SIXTEEN_BITS:
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    transparent = picture.convert("RGBA")
    ground = Image.new("RGBA", transparent.size, "white")
    return Image.alpha_composite(ground, transparent).convert("RGB")


def _written(square: Image.Image) -> bytes:
    # A new picture holds the pixels and nothing else: no place, no camera, no colour profile.
    clean = Image.new("RGB", square.size)
    clean.paste(square)
    kept = io.BytesIO()
    clean.save(kept, "WEBP", quality=QUALITY, method=4)
    return kept.getvalue()


def limit_this_process() -> None:
    """Bound the memory and the time of this process, which a picture made to harm would use up otherwise."""
    import resource
    from pathlib import Path

    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return
    used = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, used + MOST_MEMORY))
    spent = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(spent.ru_utime + spent.ru_stime) + MOST_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
