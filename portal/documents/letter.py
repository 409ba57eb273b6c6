"""The letter to the learner about an award, in our words."""

from __future__ import annotations

from portal.documents import furniture as of
from portal.documents.furniture import CAPS, INK, ITALIC, SERIF, SERIF_BOLD, SOFT
from portal.documents.pdf import HEIGHT, WIDTH, Page
from portal.documents.sheets import Form, Sheet, written_date
from portal.documents.typesetting import fit, paragraph

LEFT, RIGHT = 76.0, WIDTH - 76.0
SIZE = 12.0


def draw(sheet: Sheet, form: Form) -> list[Page]:
    """One page: letterhead, the award, how to check it, the signature."""
    page = Page()
    y = _head(page, sheet, form)
    y = page.block(paragraph(written_date(sheet.awarded_on), SERIF, width=RIGHT - LEFT, size=SIZE), LEFT, y, INK)
    y = page.block(
        fit(sheet.learner_name, SERIF_BOLD, width=RIGHT - LEFT, height=60, largest=13, smallest=9), LEFT, y - 14, INK
    )
    y = page.block(
        paragraph(f"Learner number {sheet.enrolment_number}", SERIF, width=RIGHT - LEFT, size=10.5), LEFT, y, SOFT
    )
    y = page.block(
        fit("Your award", SERIF_BOLD, width=RIGHT - LEFT, height=30, largest=18, smallest=12),
        LEFT,
        y - 22,
        of.shade(sheet, form),
        role="H1",
    )
    y = _say(page, "Congratulations. We are pleased to confirm that you have been awarded:", y - 8)
    page_top = y - 8
    y = page.block(
        fit(sheet.qualification_title, SERIF_BOLD, width=RIGHT - LEFT - 16, height=84, largest=14, smallest=10, even=False),
        LEFT + 16, page_top, INK, role="H2",
    )  # fmt: skip
    facts = [sheet.level, f"qualification number {sheet.qualification_number}", f"grade: {sheet.grade}"]
    y = page.block(
        paragraph("  ·  ".join(filter(None, facts)), SERIF, width=RIGHT - LEFT - 16, size=11), LEFT + 16, y - 2, INK
    )
    page.rule(LEFT + 3, page_top + 1, LEFT + 3, y, shade=of.accent(sheet, form), thick=1.6)
    y -= 10
    for sentence in _sentences(sheet):
        y = _say(page, sentence, y)
    y = page.block(paragraph("Yours sincerely", SERIF, width=RIGHT - LEFT, size=SIZE), LEFT, y - 6, INK)
    y -= 46
    brand = sheet.brand
    y = page.block(paragraph(brand.signatory_name, SERIF_BOLD, width=RIGHT - LEFT, size=SIZE), LEFT, y, INK)
    page.block(paragraph(brand.signatory_title, ITALIC, width=RIGHT - LEFT, size=11), LEFT, y, SOFT)
    of.draw_check(page, sheet, LEFT - 10, 84, 84, 220)
    return [page]


def _head(page: Page, sheet: Sheet, form: Form) -> float:
    heading = of.shade(sheet, form)
    top = HEIGHT - 58
    left = LEFT
    if form == "digital" and not sheet.brand.logo:
        of.draw_emblem(page, sheet, LEFT + 24, top - 22, 24)
        left = LEFT + 62
    foot = page.block(
        fit(sheet.awarding_organisation, SERIF_BOLD, width=RIGHT - left, height=40, largest=17, smallest=11, one_line_from=13),
        left, top - 4, heading,
    )  # fmt: skip
    page.text(f"Recognition number {sheet.recognition_number}", left, foot - 9, 9, SOFT, CAPS)
    page.rule(LEFT, top - 60, RIGHT, top - 60, shade=of.accent(sheet, form), thick=0.8)
    return top - 86


def _sentences(sheet: Sheet) -> list[str]:
    sentences = [
        f"You achieved this through {sheet.centre_name} (centre {sheet.centre_number}). "
        "Your achievement is held on our register, and anyone to whom you show your documents can check them there.",
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


def _say(page: Page, words: str, y: float) -> float:
    return page.block(paragraph(words, SERIF, width=RIGHT - LEFT, size=SIZE, leading=1.4), LEFT, y, INK) - 8
