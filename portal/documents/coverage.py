"""Which characters the embedded fonts can show. Read from a list made beforehand, so that preflight needs no fonts.

``python -m portal.documents.measure_coverage`` writes the list again; a test tells when ``fonts.json`` has outgrown it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

LIST = Path(__file__).with_name("coverage.json")

# Marks that show nothing of their own but say how others are written: joiners, Han and Arabic direction marks.
SILENT = frozenset({0x00AD, 0x034F, 0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060})
SILENT |= frozenset(range(0xFE00, 0xFE0F)) | frozenset(range(0xE0100, 0xE01F0))


def unsupported_characters(text: str) -> set[str]:
    """The characters of ``text`` that no embedded font shows, or that cannot be printed at all (controls, emoji)."""
    if text.isascii() and text.isprintable():
        return set()
    return {character for character in set(text) if not _shown(character)}


@lru_cache(maxsize=16384)
def _shown(character: str) -> bool:
    codepoint = ord(character)
    if codepoint in SILENT:
        return True
    starts, ends = _ranges()
    place = bisect_right(starts, codepoint) - 1
    return place >= 0 and codepoint <= ends[place]


@lru_cache(maxsize=1)
def _ranges() -> tuple[list[int], list[int]]:
    flat = json.loads(LIST.read_text(encoding="ascii"))
    return flat[0::2], flat[1::2]
