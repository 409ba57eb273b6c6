"""Text as it is searched: without case, accents and apostrophes, so that a name is found however it is typed."""

from __future__ import annotations

import unicodedata

_ACCENTS = dict.fromkeys(range(0x0300, 0x0370))
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2018\u2019\u201b\u02bb\u02bc\u0060\u00b4\u2032"))
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def folded(text: str) -> str:
    """The text in the form that is kept and asked: "O’Brien-Núñez" is "obrien-nunez", "Żółkiewski" "zolkiewski".

    Only accents of Latin, Greek and Cyrillic letters go; the vowel signs of other scripts are letters and stay.
    """
    apart = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).casefold()
    return unicodedata.normalize("NFC", apart.translate(_ACCENTS)).translate(_LETTERS).translate(_DASHES)
