"""Names of files inside a zip: a person can sort by them, and every system can unpack them."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120
"""Characters of a name; old programs of Windows stop at 260 for the whole path."""

MOST_BYTES = 240
"""Bytes of a name in UTF-8; a file system of Linux takes 255."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*%]+')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")})
"""What Windows keeps for devices, whatever follows the first dot. Source: Microsoft, Naming Files."""


def entry_name(learner: str, kind: str, reference: str, *, ending: str = ".pdf") -> str:
    """``Duck, Donald - Certificate - 7Q4M-9XKD-….pdf``; the reference makes it unlike every other.

    Kind and reference are our own words; only the learner's name is ever cleaned and shortened.
    """
    rest = f" - {kind} - {reference}{ending}"
    name = safe_part(learner) or "Learner"
    name = name[: LONGEST - len(rest)]
    while len(f"{name}{rest}".encode()) > MOST_BYTES:
        name = name[:-1]
    name = name.rstrip(" .,") or "Learner"
    if name.split(".")[0].strip().lower() in _RESERVED:
        name = f"_{name}"
    return name + rest


def safe_part(text: str) -> str:
    """Text without anything that a file system, a terminal or a spreadsheet stumbles over."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in _INVISIBLE)
    return " ".join(_FORBIDDEN.sub("-", text).split()).strip(" .-~")
