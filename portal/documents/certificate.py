"""The certificate: one page, its front by Ofqual's General Condition I3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portal.documents import furniture as of
from portal.documents.furniture import CAPS, INK, ITALIC, NAME, SERIF, SERIF_BOLD, SOFT
from portal.documents.pdf import HEIGHT, WIDTH, Page, colour, numbers
from portal.documents.sheets import Form, Sheet, written_date
from portal.documents.typesetting import Block, Style, fit

LEFT, RIGHT = 78.0, WIDTH - 78.0
MIDDLE = WIDTH / 2
HEAD = HEIGHT - 147.0  # Above this stands the logo, printed by us or already on the paper.
FOOT = 226.0  # Below this stand the code, the signature and the small print.
LOOSEST = 3.0  # The gaps of a short certificate grow by this much; what is left goes above and below.


@dataclass(frozen=True)
class Part:
    """A piece of the column down the middle of the page: its height, what draws it from its top, the gap above it."""

    height: float
    draw: Callable[[float], None]
    gap: float


def draw(sheet: Sheet, form: Form) -> list[Page]:
    """The page of a certificate. Everything in the column moves with the length of the name and the title."""
    page = Page()
    top = _head(page, sheet, form)
    parts = _column(page, sheet, form)
    total = sum(part.height for part in parts)
    gaps = sum(part.gap for part in parts)
    stretch = min((top - FOOT - total) / gaps, LOOSEST)
    y = top - max(0.0, (top - FOOT - total - gaps * stretch) * 0.35)
    for part in parts:
        y -= part.gap * stretch
        part.draw(y)
        y -= part.height
    _foot(page, sheet)
    return [page]


def _head(page: Page, sheet: Sheet, form: Form) -> float:
    """The emblem and the awarding organisation's full name; returns the foot."""
    of.draw_initials(page, sheet, form)
    name = fit(
        sheet.awarding_organisation,
        SERIF_BOLD,
        width=RIGHT - LEFT,
        height=54,
        largest=20,
        smallest=13,
        one_line_from=16,
    )
    y = page.block(name, MIDDLE, HEAD, of.shade(sheet, form), "centre")
    page.text(f"Recognition number {sheet.recognition_number}", MIDDLE, y - 10, 9.5, SOFT, CAPS, "centre")
    return y - 14


def _column(page: Page, sheet: Sheet, form: Form) -> list[Part]:
    width = RIGHT - LEFT
    heading, fine = of.shade(sheet, form), of.accent(sheet, form)

    def set_(block: Block, shade: str, gap: float, role: str = "P") -> Part:
        return Part(block.height, lambda y: _put(page, block, y, shade, role), gap)

    def words(text: str, style: Style, size: float, shade: str, gap: float) -> Part:
        return set_(fit(text, style, width=width, height=60, largest=size, smallest=8), shade, gap)

    name = fit(
        sheet.learner_name, NAME, width=width, height=104, largest=38, smallest=16, one_line_from=25, leading=1.1
    )
    title = fit(sheet.qualification_title, SERIF_BOLD, width=width, height=104, largest=22, smallest=13, leading=1.22)
    parts = [
        words("certifies that", ITALIC, 15, INK, 11),
        set_(name, INK, 10, "H1"),
        Part(6.0, lambda y: _flourish(page, y - 3, fine), 7),
        words("has been awarded", ITALIC, 15, INK, 7),
        set_(title, heading, 9, "H2"),
        _facts(page, sheet, fine),
    ]
    gap = 9.0
    for sentence in (
        f"Language of assessment: {sheet.foreign_language}" if sheet.foreign_language else "",
        f"Valid until {written_date(sheet.expires_on)}" if sheet.expires_on else "",
        of.replacement_words(sheet),
    ):
        if sentence:
            parts.append(words(sentence, ITALIC, 11.5, INK, gap))
            gap = 1.0
    return parts


def _put(page: Page, block: Block, y: float, shade: str, role: str) -> None:
    page.block(block, MIDDLE, y, shade, "centre", role)


def _facts(page: Page, sheet: Sheet, fine: str) -> Part:
    """Number, level, grade and date of issue, side by side."""
    facts = (
        ("Qualification number", sheet.qualification_number),
        ("Level", sheet.level),
        ("Grade", sheet.grade),
        ("Date of issue", written_date(sheet.awarded_on)),
    )
    shares = (0.27, 0.22, 0.24, 0.27)
    width = RIGHT - LEFT
    blocks = [
        fit(value, SERIF, width=share * width - 14, height=38, largest=13, smallest=8, one_line_from=11)
        for (_, value), share in zip(facts, shares, strict=True)
    ]
    baseline = max(block.steps[0] for block in blocks if block.steps)
    tallest = max(block.height + baseline - block.steps[0] for block in blocks if block.steps)
    height = 22 + tallest + 9

    def draw_from(y: float) -> None:
        page.rule(LEFT, y, RIGHT, y, shade=fine, thick=0.6)
        page.rule(LEFT, y - height, RIGHT, y - height, shade=fine, thick=0.6)
        x = LEFT
        for (label, _), block, share in zip(facts, blocks, shares, strict=True):
            middle = x + share * width / 2
            if x > LEFT:
                page.rule(x, y - 9, x, y - height + 9, shade=of.HAIR, thick=0.4)
            page.text(label, middle, y - 16, 8.8, SOFT, CAPS, "centre")
            shift = baseline - block.steps[0] if block.steps else 0.0
            page.block(block, middle, y - 22 - shift, INK, "centre")
            x += share * width

    return Part(height, draw_from, 12)


def _flourish(page: Page, y: float, shade: str) -> None:
    """A fine rule that thins out from a lozenge in its middle."""
    page.draw(
        f"{numbers(*colour(shade))} rg {numbers(MIDDLE - 92, y)} m {numbers(MIDDLE - 9, y + 0.55)} l "
        f"{numbers(MIDDLE - 9, y - 0.55)} l h {numbers(MIDDLE + 92, y)} m {numbers(MIDDLE + 9, y + 0.55)} l "
        f"{numbers(MIDDLE + 9, y - 0.55)} l h {numbers(MIDDLE - 4.4, y)} m {numbers(MIDDLE, y + 2.6)} l "
        f"{numbers(MIDDLE + 4.4, y)} l {numbers(MIDDLE, y - 2.6)} l h f"
    )


def _foot(page: Page, sheet: Sheet) -> None:
    side = 84.0
    of.draw_check(page, sheet, LEFT - 10, 116, side, 150)
    of.draw_signature(page, sheet, RIGHT - 158, 166, 158)
    small = f"Centre {sheet.centre_number}, {sheet.centre_name}"
    page.block(
        fit(small, SERIF, width=RIGHT - LEFT, height=22, largest=9, smallest=6.5, one_line_from=7.5),
        MIDDLE,
        103,
        SOFT,
        "centre",
    )
