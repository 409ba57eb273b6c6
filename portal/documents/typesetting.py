"""Set text: choose faces, order right-to-left runs, shape, wrap, and shrink until it fits. Knows no page and no PDF.

Lengths inside a shaped line are thousandths of an em; a line has a size only when it is placed. Text is data: there is
no markup, so nothing that a person is called can mean anything here.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import uharfbuzz as hb
from bidi import algorithm as bidi

from portal.documents import fonts
from portal.documents.fonts import Face

RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
WITHOUT_DIRECTION = frozenset({"BN", "B", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", ""})
OPENING = frozenset("([{“‘«‹「『【〈《（")
NO_LINE_STARTS_WITH = frozenset(")]}”’»›」』】〉》）、。，．・：；！？ーぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;!?%")
BREAK_AFTER = frozenset(" \u200b\u3000-\u2010\u2013/")
BLANKS = " \u00a0\u3000"


class UndrawableText(ValueError):
    """No embedded face has a glyph for some character. Preflight asks ``coverage`` first, so this is the last gate."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A placed glyph: its number, the pen before it, and its own offset, in thousandths of an em of its run."""

    number: int
    pen: float
    across: float
    up: float


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Glyphs of one face, left to right as they are seen; ``start`` and ``width`` in thousandths of the line's em.

    ``clusters`` are (first glyph, last glyph + 1, text): which glyphs stand together for which characters, as seen.
    Runs and lines are compared by identity: shaping hands out the same ones again, and what is made of them is kept.
    """

    face: Face
    start: float
    width: float
    glyphs: tuple[Glyph, ...]
    clusters: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Shaped text without a size.

    ``advances[i]`` is the width of the cluster that begins at character ``i``, or -1 inside a cluster: a line may be
    cut only where a cluster begins. ``top`` and ``bottom`` are the ink above and below the baseline. ``plain`` says
    that all runs from left to right, so that the text can be given whole to whoever copies it.
    """

    text: str
    runs: tuple[Run, ...]
    width: float
    left: float
    right: float
    top: float
    bottom: float
    advances: tuple[float, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class Style:
    """A family of ``fonts.json``, OpenType features of the Latin face, and letter spacing in thousandths of an em."""

    family: str = "serif"
    features: tuple[str, ...] = ()
    tracking: float = 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """Wrapped lines at a size in points; ``steps[i]`` is the distance from baseline ``i - 1`` (from the top for 0)."""

    lines: tuple[Line, ...]
    size: float
    steps: tuple[float, ...]
    height: float

    @property
    def width(self) -> float:
        """The width of the widest line in points."""
        return max((line.width for line in self.lines), default=0.0) * self.size / 1000


def tidy(text: str) -> str:
    """Text as it can stand on paper: line breaks and tabs become spaces, nothing else is touched."""
    return text.replace("\r\n", " ").translate(_TIDY) if not text.isprintable() else text


_TIDY = {ord(c): " " for c in "\t\n\r\v\f\u2028\u2029"}


@lru_cache(maxsize=8192)
def shape(text: str, style: Style, base: int | None = None) -> Line:
    """Shape one line. ``base`` is the direction of the paragraph (0 or 1), read from the text when not given.

    Raises UndrawableText when a character has no glyph in any embedded face.
    """
    if not text.isprintable() and (controls := [c for c in text if unicodedata.category(c) in ("Cc", "Cs")]):
        raise UndrawableText(f"A control character, U+{ord(controls[0]):04X}, cannot be printed.")
    levels = _levels(text, base)
    pieces = _itemise(text, style, levels)
    advances = [-1.0] * len(text)
    shaped = []
    plain = True
    for start, end, face, script, level in pieces:
        shaped.append((level, *_shape_run(text, start, end, face, script, level, style, advances)))
        plain = plain and not level
    runs = []
    pen = 0.0
    left = top = bottom = math.inf
    right = top = -math.inf
    for _, face, glyphs, width, clusters in _reorder(shaped):
        runs.append(Run(face, pen, width, glyphs, clusters))
        for glyph in glyphs:
            box = face.ink(glyph.number)
            if box[2] > box[0]:
                x = pen + (glyph.pen + glyph.across) * face.scale
                left = min(left, x + box[0] * face.scale)
                right = max(right, x + box[2] * face.scale)
                bottom = min(bottom, (glyph.up + box[1]) * face.scale)
                top = max(top, (glyph.up + box[3]) * face.scale)
        pen += width
    if top < bottom:
        left = right = top = bottom = 0.0
    if style.tracking and runs:
        pen -= style.tracking
    return Line(text, tuple(runs), pen, left, right, top, bottom, tuple(advances), plain)


def _levels(text: str, base: int | None) -> list[int] | None:
    """The bidirectional level of each character, or None where all of it runs left to right (UAX #9, python-bidi).

    Joiners and directional controls take the level of the letter before them and order nothing: a control in a name
    could only deceive, and preflight has refused it already.
    """
    if base in (None, 0) and (text.isascii() or not _has_right_to_left(text)):
        return None
    kept = [c for c in text if unicodedata.bidirectional(c) not in WITHOUT_DIRECTION]
    storage = bidi.get_empty_storage()
    storage["base_level"] = bidi.get_base_level("".join(kept)) if base is None else base
    storage["base_dir"] = ("L", "R")[storage["base_level"]]
    bidi.get_embedding_levels("".join(kept), storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    resolved = iter([character["level"] for character in storage["chars"]])
    levels: list[int] = []
    for character in text:
        passed_over = unicodedata.bidirectional(character) in WITHOUT_DIRECTION
        levels.append((levels[-1] if levels else storage["base_level"]) if passed_over else next(resolved))
    for index in range(len(text) - 1, -1, -1):
        if text[index] not in BLANKS:
            break
        levels[index] = storage["base_level"]
    return levels


def _has_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in text)


def direction(text: str) -> int | None:
    """The base direction of a paragraph that holds right-to-left letters (0 or 1); None where none stand in it."""
    if text.isascii() or not _has_right_to_left(text):
        return None
    return bidi.get_base_level(text)


def _itemise(text: str, style: Style, levels: list[int] | None) -> list[tuple[int, int, Face, str, int]]:
    """Cut text into runs of one face, script and level, never between a letter and its marks."""
    if not text:
        return []
    first = fonts.primary(style.family)
    if levels is None and text.isascii():
        return [(0, len(text), first, "Latn", 0)]
    whose = _resolved_scripts(text)
    present = set(whose)
    eastern = "Kana" if present & {"Hira", "Kana"} else "Hang" if "Hang" in present else "Hani"
    pieces: list[tuple[int, int, Face, str, int]] = []
    for start, end, found in _faces(text, style.family, whose, eastern):
        script, level = whose[start], levels[start] if levels else 0
        unit = text[start:end]
        last = pieces[-1] if pieces else None
        face = last[2] if last and script == last[3] and not unit.strip() and last[2].has(ord(unit[0])) else found
        if last and last[2] is face and last[3] == script and last[4] == level:
            pieces[-1] = (last[0], end, face, script, level)
        else:
            pieces.append((start, end, face, script, level))
    return pieces


def _faces(text: str, family: str, whose: list[str], eastern: str) -> Iterator[tuple[int, int, Face]]:
    """The face of each letter with its marks; a mark that no face has together with its letter stands for itself."""
    for start, end in _units(text):
        face = fonts.face_for(text[start:end], family, whose[start], eastern)
        if face:
            yield start, end, face
            continue
        for index in range(start, end):
            face = fonts.face_for(text[index], family, fonts.script_of(text[index]), eastern)
            if not face:
                raise UndrawableText(f"No embedded font can show U+{ord(text[index]):04X}.")
            yield index, index + 1, face


def _units(text: str) -> list[tuple[int, int]]:
    """Letters with the marks, joiners and selectors that hang on them."""
    cuts = [0]
    for index in range(1, len(text)):
        character = text[index]
        joined = unicodedata.category(character)[0] == "M" or ord(character) in fonts.UNSEEN
        if not joined and text[index - 1] != "\u200d":
            cuts.append(index)
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True))


def _resolved_scripts(text: str) -> list[str]:
    """A script for each character: what belongs to every script takes that of the letter before it, else after it."""
    found: list[str] = []
    current = ""
    for character in text:
        script = fonts.script_of(character)
        if script in ("Zyyy", "Zinh", "Zzzz"):
            found.append(current)
        else:
            if not current:
                found = [script] * len(found)
            current = script
            found.append(script)
    return [script or "Latn" for script in found]


def _shape_run(
    text: str, start: int, end: int, face: Face, script: str, level: int, style: Style, advances: list[float]
) -> tuple[Face, tuple[Glyph, ...], float, tuple[tuple[int, int, str], ...]]:
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(c) for c in text], start, end - start)
    buffer.direction = "rtl" if level % 2 else "ltr"
    buffer.script = script
    buffer.language = "en"
    hb.shape(face.font, buffer, _features(style))
    em = face.em
    tracking = style.tracking / face.scale if script in ("Latn", "Grek", "Cyrl") else 0.0
    glyphs = []
    reached: dict[int, tuple[int, int]] = {}
    widths: dict[int, float] = defaultdict(float)
    pen = 0.0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if not info.codepoint:
            missing = text[info.cluster]
            raise UndrawableText(f"No embedded font can show U+{ord(missing):04X}.")
        glyphs.append(Glyph(info.codepoint, pen, position.x_offset * em, position.y_offset * em))
        width = position.x_advance * em + (tracking if position.x_advance else 0.0)
        reached[info.cluster] = (reached.get(info.cluster, (len(glyphs) - 1,))[0], len(glyphs))
        widths[info.cluster] += width
        pen += width
    order = sorted(widths)
    ends = dict(zip(order, [*order[1:], end], strict=True))
    for first in order:
        advances[first] = widths[first] * face.scale
    clusters = tuple((begin, last, text[first : ends[first]]) for first, (begin, last) in reached.items())
    return face, tuple(glyphs), pen * face.scale, clusters


@lru_cache(maxsize=64)
def _features(style: Style) -> dict[str, bool]:
    features = dict.fromkeys(style.features, True)
    if style.tracking:
        # Letters that are spaced out do not join, or the gaps would be uneven.
        features |= {"liga": False, "clig": False, "dlig": False}
    return features


def _reorder(runs: list) -> list:
    """The runs as they are seen, from left to right (UAX #9, rule L2)."""
    if not runs:
        return []
    highest = max(run[0] for run in runs)
    for level in range(highest, 0, -1):
        ordered: list = []
        reversed_part: list = []
        for run in runs:
            if run[0] >= level:
                reversed_part.insert(0, run)
            else:
                ordered += reversed_part
                reversed_part = []
                ordered.append(run)
        runs = ordered + reversed_part
    return runs


@lru_cache(maxsize=4096)
def _breaks(text: str, style: Style, base: int | None) -> tuple[tuple[int, float, float, bool], ...]:
    """Where the text may be cut: (end, width so far without trailing blanks, width so far, is a fair place)."""
    line = shape(text, style, base)
    places = []
    solid = reach = 0.0
    length = len(text)
    for index, character in enumerate(text):
        advance = line.advances[index]
        if advance >= 0:
            reach += advance
        if character not in BLANKS:
            solid = reach
        following = index + 1
        if following == length:
            places.append((following, solid, reach, True))
        elif line.advances[following] >= 0:
            places.append((following, solid, reach, _fair(character, text[following])))
    return tuple(places)


def _fair(before: str, after: str) -> bool:
    """Whether a careful typesetter would end a line between these two characters."""
    if after in NO_LINE_STARTS_WITH or before in OPENING or after in BLANKS:
        return False
    if before in BREAK_AFTER:
        return True
    return fonts.script_of(before) in _ANYWHERE and fonts.script_of(after) in _ANYWHERE


_ANYWHERE = frozenset({"Hani", "Hira", "Kana", "Bopo"})


def wrap(
    text: str, style: Style, limit: float, *, base: int | None = None, harsh: bool = False
) -> list[tuple[int, int]]:
    """Cut text into lines no wider than ``limit`` thousandths of an em, as (start, end) of each.

    Words stay whole; a word wider than the line is left too wide, or, when ``harsh``, cut between its letters.
    """
    lines = []
    start = 0
    origin = 0.0
    fair: tuple[int, float] | None = None
    any_: tuple[int, float] | None = None
    places = _breaks(text, style, base)
    position = 0
    while position < len(places):
        end, solid, reach, is_fair = places[position]
        if solid - origin > limit + 0.01:
            cut = fair or (any_ if harsh else None)
            if cut:
                lines.append((start, cut[0]))
                start, origin = cut
                fair = any_ = None
                # The places between the cut and here are looked at again, as part of the new line.
                position = _first_after(places, start)
                continue
        if is_fair:
            fair = (end, reach)
        any_ = (end, reach)
        position += 1
        if not harsh and fair == (end, reach) and solid - origin > limit + 0.01:
            lines.append((start, end))
            start, origin, fair, any_ = end, reach, None, None
    if start < len(text):
        lines.append((start, len(text)))
    return lines


def _first_after(places: tuple, start: int) -> int:
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if places[middle][0] <= start:
            low = middle + 1
        else:
            high = middle
    return low


def _balanced(
    text: str, style: Style, limit: float, count: int, base: int | None, harsh: bool
) -> list[tuple[int, int]]:
    """The same number of lines, made as even as they can be."""
    narrow, wide = limit / count, limit
    best = wrap(text, style, limit, base=base, harsh=harsh)
    for _ in range(7):
        middle = (narrow + wide) / 2
        tried = wrap(text, style, middle, base=base, harsh=harsh)
        if len(tried) <= count and _fits(text, style, tried, limit, base):
            best, wide = tried, middle
        else:
            narrow = middle
    return best


def _fits(text: str, style: Style, cuts: list[tuple[int, int]], limit: float, base: int | None) -> bool:
    return all(shape(text[a:b].rstrip(BLANKS), style, base).width <= limit + 0.5 for a, b in cuts)


@lru_cache(maxsize=4096)
def _hung(text: str, style: Style, base: int | None) -> Line:
    """A line of several. Its last blank is kept but hangs over the edge, so that copied words do not run together."""
    solid = shape(text.rstrip(BLANKS), style, base)
    if base is not None or solid.text == text:
        return solid
    whole = shape(solid.text + " ", style, base)
    return dataclasses.replace(whole, width=solid.width)


def stack(lines: tuple[Line, ...], size: float, leading: float) -> Block:
    """Set lines under each other: ``leading`` times the size apart, or further where tall letters would touch."""
    steps: list[float] = []
    below = 0.0
    for line in lines:
        above = max(line.top, 680.0) * size / 1000
        steps.append(max(leading * size, below + above + 0.06 * size) if steps else above)
        below = max(-line.bottom, 0.0) * size / 1000
    height = sum(steps) + max(below, 0.2 * size if lines else 0.0)
    return Block(lines, size, tuple(steps), height)


@lru_cache(maxsize=4096)
def fit(
    text: str,
    style: Style,
    *,
    width: float,
    height: float,
    largest: float,
    smallest: float,
    leading: float = 1.18,
    one_line_from: float | None = None,
    even: bool = True,
) -> Block:
    """Set ``text`` in a box of points: as large as may be, wrapped, never clipped.

    One line is kept down to the size ``one_line_from``; then it wraps, shrinking from ``largest`` to ``smallest``.
    What is still too long breaks inside words and at the very last goes on shrinking: small is better than cut.
    """
    text = tidy(text).strip(BLANKS)
    base = direction(text)
    whole = shape(text, style, base)
    if not text:
        return stack((), largest, leading)
    single = min(largest, width * 1000 / max(whole.width, whole.right - min(whole.left, 0.0), 1.0))
    if single >= (one_line_from or largest):
        block = stack((whole,), single, leading)
        if block.height <= height:
            return block
    size = largest
    while size > 1.0:
        harsh = size < smallest
        limit = width * 1000 / size
        cuts = wrap(text, style, limit, base=base, harsh=harsh)
        if len(cuts) * size <= height and _fits(text, style, cuts, limit, base):
            if even and len(cuts) > 1:
                cuts = _balanced(text, style, limit, len(cuts), base, harsh)
            block = stack(tuple(_hung(text[a:b], style, base) for a, b in cuts), size, leading)
            if block.height <= height:
                return block
        size *= 0.96 if not smallest * 0.96 < size * 0.96 < smallest else smallest / size * 0.999
    raise UndrawableText("The text is too long for its place.")


@lru_cache(maxsize=4096)
def paragraph(text: str, style: Style, *, width: float, size: float, leading: float = 1.35) -> Block:
    """Running text at one size: wrapped as it comes, words that are wider than the line cut between letters."""
    text = tidy(text).strip(BLANKS)
    base = direction(text)
    limit = width * 1000 / size
    cuts = wrap(text, style, limit, base=base, harsh=True)
    return stack(tuple(_hung(text[a:b], style, base) for a, b in cuts), size, leading)
