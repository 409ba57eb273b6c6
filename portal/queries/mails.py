"""From a row of the outbox to the letter: the words, the face of the brand, and the one-time link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jinja2 import Environment

from portal.database import db
from portal.mail import letters, wording
from portal.mail.letters import Letter, Letterhead
from portal.models.brands import Brand
from portal.models.mails import Mail
from portal.queries import brands

NOTICE = "documents_waiting"
"""The letter whose words are the brand's."""

GUIDE = "/learner/help"
"""The learner guide, where a brand has no other."""


def standard_notice_words(brand: Brand) -> tuple[str, str]:
    """The subject and text of the notice that a brand without words of its own sends."""
    return letters.notice_words(_letterhead(brand, "http://localhost"))


def sample_notice(
    brand: Brand, *, public_url: str, subject: str, text: str, sign_off: str, guide_url: str
) -> letters.Letter:
    """The notice to a learner who does not exist, with these words: what the issuer sees while writing them."""
    return letters.documents_waiting(
        to="donald.duck@learner.example",
        learner="Donald Duck",
        qualification="SEG Awards ABC Level 2 Award in MOT Testing (Classes 4 & 7)",
        link=f"{public_url}/learner/login",
        enrolment_number="AMS00009824708",
        guide_link=guide_url or f"{public_url}{GUIDE}",
        notice=brand.notice_line,
        subject=subject,
        text=text,
        letterhead=replace(_letterhead(brand, public_url), sign_off=sign_off),
    )


def letter_of(
    mail: Mail, *, token_text: Callable[[int], str | None], public_url: str, environment: Environment | None = None
) -> Letter | None:
    """The letter of an outbox row; ``None`` when its one-time link is no longer good.

    ``mail.values`` are the arguments of the letter's function in ``portal.mail.letters``, with these turned into real
    ones: ``token_id`` and ``path`` become ``link``; ``…_seconds`` a span of time; ``…_at`` a moment; a ``path`` without
    a token a link to that page.
    """
    values = dict(mail.values)
    path = values.pop("path", None)
    token_id = values.pop("token_id", None)
    if token_id is not None:
        text = token_text(token_id)
        if text is None:
            return None
        path = f"{path}/{text}"
    if path is not None:
        values["link"] = f"{public_url}{path}"
    for name in list(values):
        if name.endswith("_seconds"):
            values[name.removesuffix("_seconds")] = timedelta(seconds=values.pop(name))
        elif name.endswith("_at"):
            values[name] = datetime.fromisoformat(values[name])
        elif name.endswith("_path"):
            values[name.removesuffix("_path") + "_link"] = f"{public_url}{values.pop(name)}"
    brand = db.session.get(Brand, mail.brand_id) if mail.brand_id else brands.find_default()
    letterhead = _letterhead(brand, public_url)
    if mail.letter == NOTICE:
        letterhead = _with_words_of(brand, letterhead, values, public_url)
    write: Any = getattr(letters, mail.letter)
    letter: Letter = write(to=mail.recipient, letterhead=letterhead, environment=environment, **values)
    if mail.reply_to:
        letter = replace(letter, reply_to=wording.address(mail.reply_to))
    db.session.close()
    return letter


def _with_words_of(brand: Brand | None, letterhead: Letterhead, values: dict[str, Any], public_url: str) -> Letterhead:
    """Put the brand's words of the notice into the values, and its sign-off on the letterhead."""
    values["guide_link"] = (brand.guide_url if brand else "") or f"{public_url}{GUIDE}"
    if brand is None:
        return letterhead
    values |= {"subject": brand.notice_subject, "text": brand.notice_text, "notice": brand.notice_line}
    return replace(letterhead, sign_off=brand.notice_sign_off)


def _letterhead(brand: Brand | None, public_url: str) -> Letterhead:
    if brand is None:
        return Letterhead(brand="The awarding body", portal="Portal", home=public_url)
    return Letterhead(
        brand=brand.name,
        portal=brand.portal_name,
        home=public_url,
        contact=brand.support_email or brand.contact_email,
        colour=brand.primary_colour,
    )
