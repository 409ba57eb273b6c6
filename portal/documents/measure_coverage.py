"""Write ``coverage.json`` from the fonts themselves: ``python -m portal.documents.measure_coverage``."""

from __future__ import annotations

import unicodedata

from portal.documents import fonts
from portal.documents.coverage import LIST

# Controls, surrogates, private and unassigned characters have no shape that everybody agrees on.
REFUSED = frozenset({"Cc", "Cs", "Co", "Cn"})


def measure() -> list[int]:
    """The first and last code point of every stretch that some font of ``fonts.json`` shows. Needs the fonts."""
    shown = set()
    for face in fonts.faces():
        shown.update(face.hb_face.unicodes)
    wanted = sorted(c for c in shown if _has_a_shape(c))
    flat: list[int] = []
    for codepoint in wanted:
        if flat and codepoint == flat[-1] + 1:
            flat[-1] = codepoint
        else:
            flat += [codepoint, codepoint]
    return flat


def _has_a_shape(codepoint: int) -> bool:
    """Directional and other format controls are left out: in a name they can only deceive."""
    category = unicodedata.category(chr(codepoint))
    return category not in REFUSED and category != "Cf" and category not in ("Zl", "Zp")


def main() -> None:
    """Write ``coverage.json``."""
    flat = measure()
    rows = [", ".join(map(str, flat[start : start + 18])) for start in range(0, len(flat), 18)]
    LIST.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
