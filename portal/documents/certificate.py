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
TOP = HEIGHT - 150.0  # Above this stands the logo, printed by us or already on the paper.
FOOT = 214.0  # Below this stand the code, the signature and the small print.


@dataclass(frozen=True)
class Part:
    """A piece of the column down the middle of the page: its height, what draws it from its top, the gap above it."""

    height: float
    draw: Callable[[float], None]
    gap: float


def draw(sheet: Sheet, form: Form) -> list[Page]:
    """The page of a certificate. Everything in the column moves with the length of the name and the title."""
    page = Page()
    if form == "digital" and not sheet.brand.logo:
        of.draw_emblem(page, sheet, MIDDLE, HEIGHT - 103, 30)
    parts = _column(page, sheet, form)
    total = sum(part.height for part in parts)
    gaps = sum(part.gap for part in parts)
    stretch = min((TOP - FOOT - total) / gaps, 1.55)
    y = TOP - max(0.0, (TOP - FOOT - total - gaps * stretch) / 2)
    for part in parts:
        y -= part.gap * stretch
        part.draw(y)
        y -= part.height
    _foot(page, sheet)
    return [page]


def _column(page: Page, sheet: Sheet, form: Form) -> list[Part]:
    width = RIGHT - LEFT
    heading, fine = of.shade(sheet, form), of.accent(sheet, form)

    def set_(block: Block, shade: str, gap: float, role: str = "P") -> Part:
        return Part(block.height, lambda y: _put(page, block, y, shade, role), gap)

    def words(text: str, style: Style, size: float, shade: str, gap: float) -> Part:
        return set_(fit(text, style, width=width, height=60, largest=size, smallest=8), shade, gap)

    organisation = fit(
        sheet.awarding_organisation, SERIF_BOLD, width=width, height=54, largest=21, smallest=13, one_line_from=16
    )
    name = fit(
        sheet.learner_name, NAME, width=width, height=104, largest=38, smallest=16, one_line_from=25, leading=1.1
    )
    title = fit(sheet.qualification_title, SERIF_BOLD, width=width, height=104, largest=22, smallest=13, leading=1.22)
    parts = [
        set_(organisation, heading, 0.0),
        words(f"Recognition number {sheet.recognition_number}", CAPS, 9.5, SOFT, 3),
        words("certifies that", ITALIC, 15, INK, 17),
        set_(name, INK, 11, "H1"),
        Part(8.0, lambda y: _flourish(page, y - 4, fine), 7),
        words("has been awarded", ITALIC, 15, INK, 7),
        set_(title, heading, 11, "H2"),
        _facts(page, sheet, fine),
    ]
    gap = 14.0
    for sentence in (
        f"Language of assessment: {sheet.foreign_language}" if sheet.foreign_language else "",
        f"Valid until {written_date(sheet.expires_on)}" if sheet.expires_on else "",
        of.replacement_words(sheet),
    ):
        if sentence:
            parts.append(words(sentence, ITALIC, 11.5, INK, gap))
            gap = 3.0
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
    tallest = max(block.height for block in blocks)
    height = 15 + tallest + 8

    def draw_from(y: float) -> None:
        page.rule(LEFT, y, RIGHT, y, shade=fine)
        page.rule(LEFT, y - height - 8, RIGHT, y - height - 8, shade=fine)
        x = LEFT
        for (label, _), block, share in zip(facts, blocks, shares, strict=True):
            middle = x + share * width / 2
            if x > LEFT:
                page.rule(x, y - 8, x, y - height, shade=of.HAIR, thick=0.4)
            page.text(label, middle, y - 16, 8.8, SOFT, CAPS, "centre")
            page.block(block, middle, y - 21, INK, "centre")
            x += share * width

    return Part(height + 8, draw_from, 20)


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
    of.draw_check(page, sheet, LEFT - 10, 106, side, 148)
    of.draw_signature(page, sheet, RIGHT - 158, 158, 158)
    small = f"Centre {sheet.centre_number}, {sheet.centre_name}  ·  Learner {sheet.enrolment_number}"
    page.block(
        fit(small, SERIF, width=RIGHT - LEFT, height=22, largest=9, smallest=6.5, one_line_from=7.5),
        MIDDLE,
        86,
        SOFT,
        "centre",
    )
