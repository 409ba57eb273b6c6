"""What the documents share: ink, margins, type styles, the QR code, the reference, the signature."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.documents import art, qr
from portal.documents.pdf import HEIGHT, WIDTH, Page, numbers
from portal.documents.sheets import Sheet
from portal.documents.typesetting import Block, Style, fit

INK = "#16181d"
SOFT = "#565b66"
HAIR = "#c9ccd3"

LOGO_ROOM = 132.0  # Points that the letterhead keeps for a logo, left of the organisation's name.
EMBLEM_ROOM = 62.0  # And for the emblem of a brand that has none.
EMBLEMS = {
    "certificate": (WIDTH / 2, HEIGHT - 104, 31),
    "transcript": (80, HEIGHT - 80, 24),
    "letter": (100, HEIGHT - 80, 24),
}

SERIF = Style("serif", ("lnum",))
SERIF_BOLD = Style("serif-600", ("lnum",))
ITALIC = Style("serif-italic", ("lnum",))
NAME = Style("serif", ("lnum",))
CAPS = Style("serif", ("smcp", "c2sc", "lnum"), 70.0)
CAPS_BOLD = Style("serif-600", ("smcp", "lnum"), 50.0)
SANS = Style("sans", ("tnum",))
SANS_BOLD = Style("sans-600", ("tnum",))

# The styles whose common letters are embedded ready-made.
USUAL = {
    "serif": (SERIF, CAPS),
    "serif-600": (SERIF_BOLD,),
    "serif-italic": (ITALIC,),
    "sans": (SANS,),
    "sans-600": (SANS_BOLD,),
}


def shade(sheet: Sheet, form: str) -> str:
    """The colour of headings: the brand's on a digital document, black on paper that brings its own colours."""
    return sheet.brand.primary if form == "digital" else INK


def accent(sheet: Sheet, form: str) -> str:
    """The colour of fine ornament."""
    return sheet.brand.accent if form == "digital" else SOFT


def draw_qr(page: Page, sheet: Sheet, x: float, y: float, side: float) -> None:
    """The code in a white square of ``side`` points (quiet zone and all) whose lower left corner is (x, y)."""
    modules, dark = qr.drawn(sheet.verify_url)
    unit = side / (modules + 2 * qr.QUIET)
    top = y + side - qr.QUIET * unit
    left = x + qr.QUIET * unit
    parts = [f"1 1 1 rg {numbers(x, y, side, side)} re f 0 0 0 rg"]
    for column, row, width, height in dark:
        parts.append(f"{numbers(left + column * unit, top - (row + height) * unit, width * unit, height * unit)} re")
    page.draw(" ".join(parts) + " f")
    page.link = (x, y, x + side, y + side, sheet.verify_url)


def draw_check(page: Page, sheet: Sheet, x: float, y: float, side: float, width: float) -> None:
    """The code with, to its right, the reference and where to check it."""
    draw_qr(page, sheet, x, y, side)
    left = x + side + 4
    top = y + side * 0.86
    page.text("Reference", left, top - 8, 8.5, SOFT, CAPS)
    foot = page.block(
        fit(sheet.reference, SANS_BOLD, width=width, height=24, largest=9, smallest=6.5, one_line_from=7.2),
        left,
        top - 13,
        INK,
    )
    page.text("Check that it is genuine", left, foot - 11, 8.5, SOFT, CAPS)
    address = urlsplit(sheet.verify_url).netloc
    page.block(
        fit(
            f"Scan the code, or type the reference at {address}/verify",
            SERIF,
            width=width,
            height=24,
            largest=9,
            smallest=7,
        ),
        left,
        foot - 15,
        INK,
    )


def draw_signature(page: Page, sheet: Sheet, x: float, y: float, width: float, *, align: str = "centre") -> None:
    """A line to sign on with the signatory's name and post beneath."""
    middle = x + width / 2 if align == "centre" else x
    page.rule(x, y, x + width, y, shade=INK, thick=0.5)
    brand = sheet.brand
    foot = page.block(
        fit(brand.signatory_name, SERIF_BOLD, width=width, height=26, largest=11.5, smallest=8),
        middle,
        y - 5,
        INK,
        align,
    )
    page.block(
        fit(brand.signatory_title, ITALIC, width=width, height=24, largest=10, smallest=7.5),
        middle,
        foot - 1,
        SOFT,
        align,
    )


def draw_initials(page: Page, sheet: Sheet, form: str) -> float:
    """The letters in the emblem of a brand without a logo; returns the room that emblem or logo takes on the left.

    The emblem itself lies in the background. A certificate has it in its middle, so nothing is taken there.
    """
    if form != "digital":
        return 0.0
    if sheet.brand.logo:
        return LOGO_ROOM
    x, y, radius = EMBLEMS[sheet.kind]
    initials, size = art.initials(sheet.brand.name, radius)
    page.text(initials, x, y - size * 0.325, size, "#ffffff", SERIF_BOLD, "centre", role="Span")
    return EMBLEM_ROOM


def organisation(sheet: Sheet, width: float) -> Block:
    """The awarding organisation's full name at the head of a transcript or a letter."""
    name = sheet.awarding_organisation
    return fit(name, SERIF_BOLD, width=width, height=40, largest=17, smallest=11, one_line_from=13)


def replacement_words(sheet: Sheet) -> str:
    """The sentence that Condition I3 asks for on a replacement; empty on an original."""
    if not sheet.replaces:
        return ""
    return f"This {sheet.kind} is a replacement. It replaces the {sheet.kind} with reference {sheet.replaces}."
