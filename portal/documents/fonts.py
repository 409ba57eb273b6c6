"""The typefaces that documents embed: where they lie, which one a piece of text takes, and their subsets.

``fonts.json`` lists the files; set-up copies them from their npm packages into ``fonts/``. The order of the list is the
order of preference. A face is opened once for each process and never changed, so a worker that forks shares it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import uharfbuzz as hb
from fontTools import unicodedata as scripts

HERE = Path(__file__).parent
FOLDER = HERE / "fonts"
LIST = HERE / "fonts.json"

# Marks, joiners and selectors that a face need not draw: HarfBuzz shows them as nothing.
UNSEEN = frozenset({0x00AD, 0x034F, 0x061C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF})
UNSEEN |= frozenset(range(0xFE00, 0xFE10)) | frozenset(range(0xE0100, 0xE01F0))

EASTERN = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo"})


class FontsMissing(RuntimeError):
    """A file of ``fonts.json`` is not there: set-up has not run."""


class Face:
    """One font file, opened. ``scale`` is what its letters are multiplied with to sit beside the Latin ones."""

    def __init__(self, number: int, listed: dict) -> None:
        self.number = number
        self.family: str = listed["family"]
        self.weight: int = listed["weight"]
        self.scripts = frozenset(listed["scripts"])
        self.scale: float = listed["scale"]
        path = FOLDER / Path(listed["file"]).name
        self.name = path.stem.replace("_", "-")
        if not path.is_file():
            raise FontsMissing(f"The font {path.name} is not in portal/documents/fonts: run the set-up (make demo).")
        self.hb_face = hb.Face(hb.Blob.from_file_path(str(path)))
        self.font = hb.Font(self.hb_face)
        self.upem: int = self.hb_face.upem
        self.em = 1000 / self.upem
        self._extents: dict[int, tuple[float, float, float, float]] = {}

    def has(self, codepoint: int) -> bool:
        """Whether this face has a glyph of its own for the character."""
        return bool(self.font.get_nominal_glyph(codepoint))

    def ink(self, glyph: int) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of the drawn glyph in thousandths of an em, before ``scale``."""
        box = self._extents.get(glyph)
        if box is None:
            found = self.font.get_glyph_extents(glyph)
            left, top = found.x_bearing * self.em, found.y_bearing * self.em
            box = (left, top + found.height * self.em, left + found.width * self.em, top)
            self._extents[glyph] = box
        return box

    def advance(self, glyph: int) -> float:
        """The width of the glyph in thousandths of an em, before ``scale``."""
        return self.font.get_glyph_h_advance(glyph) * self.em


@dataclass(frozen=True)
class Subset:
    """A font file that holds only some glyphs, and the new number of each."""

    data: bytes
    numbers: dict[int, int]


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """Every face of ``fonts.json`` in its order; opened at the first call, kept for the life of the process."""
    listed = json.loads(LIST.read_text(encoding="utf-8"))
    return tuple(Face(number, entry) for number, entry in enumerate(listed))


@lru_cache(maxsize=32)
def primary(family: str) -> Face:
    """The face of a style of ours: ``serif``, ``serif-600``, ``serif-italic``, ``sans``, ``sans-600``."""
    name, _, weight = family.rpartition("-") if family.endswith("00") else (family, "", "400")
    for face in faces():
        if face.family == name and face.weight == int(weight):
            return face
    raise LookupError(f"fonts.json lists no family {family!r}.")


@lru_cache(maxsize=512)
def chain(family: str, script: str, eastern: str) -> tuple[Face, ...]:
    """The faces to ask for a character of ``script``, best first.

    ``eastern`` says whose Han characters these are (Kana: Japanese, Hang: Korean, otherwise Chinese), for the same
    character is written differently in each.
    """
    first = primary(family)
    others = [face for face in faces() if face.family == "fallback"]
    wanted = [first] if script in first.scripts else []
    if script == "Hani" and eastern in ("Kana", "Hang"):
        wanted += [face for face in others if eastern in face.scripts]
    wanted += [face for face in others if script in face.scripts]
    return tuple(dict.fromkeys([*wanted, first, *others, *faces()]))


@lru_cache(maxsize=8192)
def script_of(character: str) -> str:
    """The ISO 15924 code of a character's script; Zyyy and Zinh for what belongs to every script."""
    return scripts.script(character)


@lru_cache(maxsize=8192)
def face_for(unit: str, family: str, script: str, eastern: str) -> Face | None:
    """The first face that can draw all of ``unit``, a letter with its marks; None where no face has all of them."""
    needed = [ord(c) for c in unit if ord(c) not in UNSEEN]
    composed = [ord(c) for c in unicodedata.normalize("NFC", unit) if ord(c) not in UNSEEN]
    for face in chain(family, script, eastern):
        if all(map(face.has, needed)) or all(map(face.has, composed)):
            return face
    return None


def subset(face: Face, glyphs: Iterable[int]) -> Subset:
    """Cut ``face`` down to ``glyphs`` (and .notdef, and parts of composed glyphs), without hints or layout tables."""
    wanted = hb.SubsetInput()
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.glyph_set.update(glyphs)
    wanted.drop_table_tag_set.update(int.from_bytes(tag.encode("ascii"), "big") for tag in DROPPED)
    plan = hb.SubsetPlan(face.hb_face, wanted)
    cut = plan.execute()
    return Subset(bytes(cut.blob.data), dict(plan.old_to_new_glyph_mapping))


# A PDF viewer takes glyphs by number: it needs outlines and widths, nothing else.
DROPPED = tuple(
    f"{tag:4}"
    for tag in (
        "GSUB GPOS GDEF BASE JSTF MATH name post OS/2 cmap meta STAT avar DSIG FFTM SVG "
        "prep fpgm cvt gasp kern hdmx VDMX LTSH PCLT vhea vmtx VORG"
    ).split()
)
