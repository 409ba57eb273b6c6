"""References of documents: unguessable, and kind to people who type them from paper.

Here: how a reference is made, read back and written. Not here: which document it belongs to.

A reference is twenty symbols of Crockford's base 32 (no I, L, O, U): nineteen random ones, which are 95 bits, and a
check symbol at the end. Paper shows them in groups of four: ``7Q4M-9XKD-2FH8-WZ3C-05TB``.
"""

from __future__ import annotations

import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20
GROUP = 4
# Nobody types more than this, however many spaces and dashes are in it; longer text is refused unread.
LONGEST_TYPED = 120

VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
FORGIVEN = str.maketrans("OIL", "011")
MINUS = "\u2212"


def _powers() -> tuple[int, ...]:
    """The powers of the generator of GF(32), reduced by x^5 + x^2 + 1; the first 31 are all different."""
    powers = [1]
    while len(powers) < 31:
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0b100101 if doubled & 0b100000 else doubled)
    return tuple(powers)


POWERS = _powers()
LOGARITHMS = {power: exponent for exponent, power in enumerate(POWERS)}


def _checksum(values: list[int]) -> int:
    """The weighted sum over GF(32), zero for a whole reference.

    Each place weighs another power of the generator, and the last place weighs one. So one wrong symbol changes the
    sum, and so do two symbols that changed places, whether they are neighbours or not.
    """
    total = 0
    for place, value in enumerate(reversed(values)):
        if value:
            total ^= POWERS[(LOGARITHMS[value] + place) % 31]
    return total


def new() -> str:
    """A new reference in canonical form: twenty symbols, no dashes, 95 random bits."""
    values = [secrets.randbelow(32) for _ in range(LENGTH - 1)]
    values.append(_checksum([*values, 0]))
    return "".join(ALPHABET[value] for value in values)


def normalise(text: str) -> str | None:
    """The canonical form of what somebody typed, or None when that cannot be a reference.

    Forgives case, spaces, every kind of dash, full-width characters, O for 0 and I or L for 1 (SPEC.md, Validate).
    """
    if len(text) > LONGEST_TYPED:
        return None
    wide = unicodedata.normalize("NFKC", text)
    kept = "".join(character for character in wide if not _is_filler(character))
    if len(kept) != LENGTH or not kept.isascii():
        return None
    canonical = kept.upper().translate(FORGIVEN)
    values = [VALUES.get(symbol, -1) for symbol in canonical]
    if -1 in values or _checksum(values):
        return None
    return canonical


def formatted(reference: str) -> str:
    """A canonical reference as people see it: groups of four with dashes."""
    return "-".join(reference[start : start + GROUP] for start in range(0, len(reference), GROUP))


def _is_filler(character: str) -> bool:
    """Whether a character only stands between the symbols: a space, a dash, or something invisible from copying."""
    return character.isspace() or character == MINUS or unicodedata.category(character) in {"Pd", "Cf"}
