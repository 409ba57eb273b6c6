"""The transcript: the units of an award as a table, over as many pages as it takes."""

from __future__ import annotations

from portal.documents import furniture as of
from portal.documents.furniture import CAPS, INK, ITALIC, SANS, SANS_BOLD, SERIF, SERIF_BOLD, SOFT
from portal.documents.pdf import HEIGHT, WIDTH, Page, tint
from portal.documents.sheets import Form, Sheet, Unit, written_date
from portal.documents.typesetting import Block, fit, paragraph

LEFT, RIGHT = 56.0, WIDTH - 56.0
FOOT = 82.0  # Nothing of the table stands below this.
COLUMNS = (("Code", 68.0), ("Unit", 0.0), ("Level", 56.0), ("Credits", 44.0), ("Grade", 76.0))
TITLE, NUMERIC = 1, 3
PADDING = 5.0


def draw(sheet: Sheet, form: Form) -> list[Page]:
    """The pages of a transcript: the award on the first, the table's head on each, the total after the last unit."""
    rows = [_row(unit) for unit in sheet.units]
    page = Page()
    pages = [page]
    y = _award(page, sheet, form)
    y = _table_head(page, sheet, form, y)
    for index, row in enumerate(rows):
        last = index == len(rows) - 1
        height = _height(row)
        if y - height - (30 if last else 0) < FOOT:
            page = Page()
            pages.append(page)
            y = _table_head(page, sheet, form, _continued(page, sheet, form))
        y = _draw_row(page, row, index + 1, y, height)
    _total(page, sheet, form, y)
    for index, each in enumerate(pages):
        _small_print(each, sheet, index + 1, len(pages))
    return pages


def _award(page: Page, sheet: Sheet, form: Form) -> float:
    """Whose award, of what; returns where the table may begin."""
    heading, fine = of.shade(sheet, form), of.accent(sheet, form)
    top = HEIGHT - 58
    side = 84.0
    width = RIGHT - LEFT
    of.draw_qr(page, sheet, RIGHT - side + 8, top - side + 14, side)
    left = LEFT + of.draw_initials(page, sheet, form)
    room = width - side - (left - LEFT) - 8
    foot = page.block(of.organisation(sheet, room), left, top - 4, heading)
    page.text(f"Recognition number {sheet.recognition_number}", left, foot - 9, 9, SOFT, CAPS)
    y = top - side - 4
    y = page.block(
        fit("Transcript of achievement", SERIF, width=width, height=40, largest=26, smallest=20),
        LEFT,
        y,
        heading,
        role="H1",
    )
    page.rule(LEFT, y - 4, RIGHT, y - 4, shade=fine, thick=0.8)
    y = page.block(
        fit(sheet.learner_name, SERIF_BOLD, width=width, height=64, largest=18, smallest=10, one_line_from=14),
        LEFT,
        y - 16,
        INK,
        role="H2",
    )
    y = page.block(
        fit(sheet.qualification_title, SERIF, width=width, height=60, largest=13.5, smallest=9),
        LEFT,
        y - 5,
        INK,
    )
    y = _facts(page, sheet, y - 12)
    for sentence in (
        f"Language of assessment: {sheet.foreign_language}" if sheet.foreign_language else "",
        of.replacement_words(sheet),
    ):
        if sentence:
            y = page.block(paragraph(sentence, ITALIC, width=width, size=10.5), LEFT, y - 5, INK)
    return y - 12


def _facts(page: Page, sheet: Sheet, y: float) -> float:
    """The facts of the award in three columns, label over value; returns the foot."""
    facts = [
        ("Qualification number", sheet.qualification_number),
        ("Level", sheet.level),
        ("Grade", sheet.grade),
        ("Date of issue", written_date(sheet.awarded_on)),
        ("Centre", f"{sheet.centre_name} ({sheet.centre_number})"),
        ("Reference", sheet.reference),
    ]
    if sheet.expires_on:
        facts.append(("Valid until", written_date(sheet.expires_on)))
    width = (RIGHT - LEFT) / 3
    for start in range(0, len(facts), 3):
        lowest = y
        for column, (label, value) in enumerate(facts[start : start + 3]):
            x = LEFT + column * width
            style = SANS if label == "Reference" else SERIF
            page.text(label, x, y - 9, 8.5, SOFT, CAPS)
            room = width * (2 if label == "Reference" and column == 1 and not sheet.expires_on else 1) - 12
            block = fit(
                value,
                style,
                width=room,
                height=34,
                largest=11 if style is SERIF else 9,
                smallest=7,
                one_line_from=8,
                even=False,
            )
            lowest = min(lowest, page.block(block, x, y - 22.5 + sum(block.steps[:1]), INK))
        y = lowest - 5
    return y


def _continued(page: Page, sheet: Sheet, form: Form) -> float:
    """The head of every page after the first: whose transcript this is, so that a loose sheet can be put back."""
    y = HEIGHT - 56
    page.text("Transcript of achievement, continued", LEFT, y - 8, 9.5, SOFT, CAPS)
    block = fit(sheet.learner_name, SERIF_BOLD, width=RIGHT - LEFT, height=40, largest=12, smallest=8)
    y = page.block(block, LEFT, y - 13, INK)
    block = fit(sheet.qualification_title, SERIF, width=RIGHT - LEFT, height=30, largest=10, smallest=8, even=False)
    return page.block(block, LEFT, y - 1, INK) - 10


def _columns() -> list[tuple[str, float, float]]:
    """Name, left edge and width of each column; the unit's title takes what the others leave."""
    free = RIGHT - LEFT - sum(width for _, width in COLUMNS)
    x = LEFT
    placed = []
    for name, width in COLUMNS:
        placed.append((name, x, width or free))
        x += width or free
    return placed


def _table_head(page: Page, sheet: Sheet, form: Form, y: float) -> float:
    ground = tint(sheet.brand.primary, 0.1) if form == "digital" else "#eeeff1"
    page.fill(LEFT, y - 20, RIGHT - LEFT, 20, ground)
    page.row = 0
    for index, (name, x, width) in enumerate(_columns()):
        align, at = ("right", x + width - PADDING) if index == NUMERIC else ("left", x + PADDING)
        page.text(name, at, y - 13.5, 9.5, of.shade(sheet, form), CAPS, align, role="TH")
    page.row = None
    page.rule(LEFT, y - 20, RIGHT, y - 20, shade=of.accent(sheet, form), thick=0.8)
    return y - 20


def _row(unit: Unit) -> list[Block]:
    values = (unit.code, unit.title, unit.level, str(unit.credits), unit.grade)
    blocks = []
    for index, (value, (_, _, width)) in enumerate(zip(values, _columns(), strict=True)):
        exact = index in (0, NUMERIC)
        style, largest = (SANS, 8.4) if exact else (SERIF, 10.5)
        smallest = 10.5 if index == TITLE else 7.5
        room = width - 2 * PADDING
        blocks.append(
            fit(value, style, width=room, height=150, largest=largest, smallest=smallest, leading=1.2, even=False)
        )
    return blocks


def _height(row: list[Block]) -> float:
    return max(block.height for block in row) + 7.5


def _draw_row(page: Page, row: list[Block], index_of: int, y: float, height: float) -> float:
    page.row = index_of
    baseline = max((block.steps[0] for block in row if block.steps), default=0.0)
    for index, (block, (_, x, width)) in enumerate(zip(row, _columns(), strict=True)):
        align, at = ("right", x + width - PADDING) if index == NUMERIC else ("left", x + PADDING)
        shift = baseline - block.steps[0] if block.steps else 0.0
        page.block(block, at, y - 4 - shift, INK, align, role="TD")
    page.row = None
    page.rule(LEFT, y - height, RIGHT, y - height, shade=of.HAIR, thick=0.4)
    return y - height


def _total(page: Page, sheet: Sheet, form: Form, y: float) -> None:
    page.row = len(sheet.units) + 1
    columns = _columns()
    _, x, width = columns[NUMERIC]
    page.text("Total credits", columns[NUMERIC][1] - PADDING, y - 15, 10.5, INK, SERIF_BOLD, "right", role="TD")
    page.text(str(sheet.total_credits), x + width - PADDING, y - 15, 8.8, INK, SANS_BOLD, "right", role="TD")
    page.row = None
    page.rule(LEFT, y - 22, RIGHT, y - 22, shade=of.accent(sheet, form), thick=0.8)


def _small_print(page: Page, sheet: Sheet, number: int, count: int) -> None:
    page.rule(LEFT, 66, RIGHT, 66, shade=of.HAIR, thick=0.4)
    page.text(f"Reference {sheet.reference}", LEFT, 55, 7, SOFT, SANS)
    page.text(f"Page {number} of {count}", RIGHT, 55, 7, SOFT, SANS, "right")
