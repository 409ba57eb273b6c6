"""The letter to the learner about an award, in our words."""

from __future__ import annotations

from portal.documents import furniture as of
from portal.documents.furniture import CAPS, INK, ITALIC, SERIF, SERIF_BOLD, SOFT
from portal.documents.pdf import HEIGHT, WIDTH, Page
from portal.documents.sheets import Form, Sheet, written_date
from portal.documents.typesetting import fit, paragraph

LEFT, RIGHT = 76.0, WIDTH - 76.0
WIDE = RIGHT - LEFT
FOOT = 184.0  # The letter ends above the code.
SIZES = (12.0, 11.3, 10.6, 10.0, 9.4, 8.8, 8.2)


def draw(sheet: Sheet, form: Form) -> list[Page]:
    """One page: letterhead, the award, the signature, how to check it. A long letter is set a little smaller."""
    for size in SIZES:
        page = Page()
        if _write(page, sheet, form, size) >= FOOT:
            break
    of.draw_check(page, sheet, LEFT - 10, 84, 84, 220)
    return [page]


def _write(page: Page, sheet: Sheet, form: Form, size: float) -> float:
    """The letter itself with a text of ``size`` points; returns how far down it reaches."""
    space = size / 12
    y = _head(page, sheet, form)
    y = page.block(paragraph(written_date(sheet.awarded_on), SERIF, width=WIDE, size=size), LEFT, y, INK)
    name = fit(sheet.learner_name, SERIF_BOLD, width=WIDE, height=60, largest=size + 1, smallest=8.2, leading=1.25)
    y = page.block(name, LEFT, y - 15 * space, INK)
    y = _say(page, f"Dear {sheet.learner_name}", y - 20 * space, size)
    y = _say(page, "Congratulations. We are pleased to confirm that you have been awarded:", y, size)
    top = y - 2
    title = fit(sheet.qualification_title, SERIF_BOLD, width=WIDE - 18, height=84, largest=size + 2.5, smallest=8.2)
    y = page.block(title, LEFT + 18, top, of.shade(sheet, form), role="H1")
    facts = [sheet.level, f"Qualification number {sheet.qualification_number}", f"Grade: {sheet.grade}"]
    line = paragraph("  ·  ".join(filter(None, facts)), SERIF, width=WIDE - 18, size=size - 1)
    y = page.block(line, LEFT + 18, y - 3, INK)
    page.rule(LEFT + 4, top + 2, LEFT + 4, y - 1, shade=of.accent(sheet, form), thick=1.6)
    y -= 16 * space
    for sentence in _sentences(sheet):
        y = _say(page, sentence, y, size)
    y = page.block(paragraph("Yours sincerely", SERIF, width=WIDE, size=size), LEFT, y - 4, INK) - 46 * space
    y = page.block(paragraph(sheet.brand.signatory_name, SERIF_BOLD, width=WIDE, size=size), LEFT, y, INK)
    post = f"{sheet.brand.signatory_title}, {sheet.awarding_organisation}"
    return page.block(paragraph(post, ITALIC, width=WIDE, size=size - 1), LEFT, y - 2, SOFT)


def _head(page: Page, sheet: Sheet, form: Form) -> float:
    heading = of.shade(sheet, form)
    top = HEIGHT - 58
    left = LEFT + of.draw_initials(page, sheet, form)
    foot = page.block(of.organisation(sheet, RIGHT - left), left, top - 4, heading)
    page.text(f"Recognition number {sheet.recognition_number}", left, foot - 9, 9, SOFT, CAPS)
    page.rule(LEFT, top - 60, RIGHT, top - 60, shade=of.accent(sheet, form), thick=0.8)
    return top - 86


def _sentences(sheet: Sheet) -> list[str]:
    sentences = [
        f"You achieved this through {sheet.centre_name} (centre {sheet.centre_number}).",
        "Your achievement is held on our register. Anyone to whom you show your documents can check them there.",
    ]
    if sheet.units:
        units = "1 unit" if len(sheet.units) == 1 else f"{len(sheet.units)} units"
        sentences.append(
            f"The award is made up of {units} with {sheet.total_credits} credits in all; your transcript lists them."
        )
    if sheet.foreign_language:
        sentences.append(f"You were assessed in {sheet.foreign_language}.")
    if sheet.expires_on:
        sentences.append(f"The award is valid until {written_date(sheet.expires_on)}.")
    if sheet.replaces:
        sentences.append(of.replacement_words(sheet))
    sentences.append(
        f"Please keep this letter. If anything in it is not right, tell your centre or write to {sheet.brand.contact}."
    )
    return sentences


def _say(page: Page, words: str, y: float, size: float) -> float:
    """A paragraph of the letter; returns where the next one begins."""
    return page.block(paragraph(words, SERIF, width=WIDE, size=size, leading=1.4), LEFT, y, INK) - 0.9 * size
