"""Draw a document: values in, the bytes of a PDF out. Worker only; the same values give the same bytes for ever."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from portal.documents import art, certificate, fonts, furniture, images, letter, letterhead, transcript
from portal.documents.pdf import Art, Page, Writer
from portal.documents.sheets import FORMS, Brand, Form, Sheet, Unit

LAYOUTS = {"certificate": certificate.draw, "transcript": transcript.draw, "letter": letter.draw}
TITLES = {"certificate": "Certificate", "transcript": "Transcript", "letter": "Letter"}


def draw(sheet: Sheet, form: Form) -> bytes:
    """The PDF of ``sheet`` as ``print`` (for pre-printed paper: no logo, no border) or ``digital`` (complete).

    Raises UndrawableText when no embedded font can show some character; ``unsupported_characters`` tells beforehand.
    """
    pages = compose(sheet, form)
    background = _background(sheet.kind, sheet.brand) if form == "digital" else None
    return Writer(furniture.USUAL).write(
        pages,
        [background if index == 0 else None for index in range(len(pages))],
        title=f"{TITLES[sheet.kind]} {sheet.reference}: {sheet.learner_name}, {sheet.qualification_title}",
        author=sheet.awarding_organisation,
        subject=f"Check it at {sheet.verify_url}",
        day=sheet.awarded_on,
    )


def compose(sheet: Sheet, form: Form) -> list[Page]:
    """The pages with everything placed, not yet written: for tests, and for whoever wants to know where words stand."""
    if form not in FORMS:
        raise ValueError(f"A form is print or digital, not {form!r}.")
    return LAYOUTS[sheet.kind](sheet, form)


def preload() -> None:
    """Open every font and draw a sample of everything, before a worker forks: its children share what this leaves.

    Without it, each child cuts the usual letters, shapes the labels and loads xhtml2pdf again: a fifth of a second.
    """
    for face in fonts.faces():
        face.has(0x20)
    for kind in LAYOUTS:
        for form in FORMS:
            images.page_images(draw(_sample(kind), form), width=100)


def _sample(kind: str) -> Sheet:
    """A sheet of nobody with every label on it, in black."""
    brand = Brand("A Board", "RN0", "#000000", "#000000", None, ("A street",), "a@b.example", "A Person", "A Post")
    return Sheet(
        kind=kind,  # type: ignore[arg-type]
        reference="0000-0000",
        verify_url="https://portal.example/v/00000000",
        learner_name="A Learner",
        awarding_organisation=brand.name,
        recognition_number=brand.recognition_number,
        qualification_number="000/0000/0",
        qualification_title="A Title",
        level="Level 1",
        grade="Pass",
        awarded_on=date(2026, 1, 1),
        expires_on=date(2027, 1, 1),
        language="Cymraeg",
        replaces="0000-0000",
        units=(Unit("A/000/0000", "A Unit", "Level 1", 1, "Pass"),),
        centre_name="A College",
        centre_number="00000",
        brand=brand,
    )


@lru_cache(maxsize=64)
def _background(kind: str, brand: Brand) -> Art:
    stationery = letterhead.objects(kind, brand)
    drawn = "" if brand.logo else art.emblem(*furniture.EMBLEMS[kind], brand.primary, brand.accent)
    if kind == "certificate":
        return art.border(brand.primary, brand.accent, stationery, drawn)
    return art.plain(stationery, drawn)
