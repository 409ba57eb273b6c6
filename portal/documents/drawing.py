"""Draw a document: values in, the bytes of a PDF out. Worker only; the same values give the same bytes for ever."""

from __future__ import annotations

from functools import lru_cache

from portal.documents import art, certificate, fonts, furniture, letter, letterhead, transcript
from portal.documents.pdf import Art, Page, Writer
from portal.documents.sheets import Brand, Form, Sheet

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
    if form not in ("print", "digital"):
        raise ValueError(f"A form is print or digital, not {form!r}.")
    return LAYOUTS[sheet.kind](sheet, form)


def preload() -> None:
    """Open every font once, before a worker forks: the children share them."""
    for face in fonts.faces():
        face.has(0x20)


@lru_cache(maxsize=64)
def _background(kind: str, brand: Brand) -> Art:
    stationery = letterhead.objects(kind, brand)
    drawn = "" if brand.logo else art.emblem(*furniture.EMBLEMS[kind], brand.primary, brand.accent)
    if kind == "certificate":
        return art.border(brand.primary, brand.accent, stationery, drawn)
    return art.plain(stationery, drawn)
