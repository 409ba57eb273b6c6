"""The letters: one function per mail, and the folder of the same name under ``templates/email/``.

A letter is finished text, without a message id, a date or a sender: those belong to the outbox row. How to add one
stands in ``docs/add-a-mail.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal import clock
from portal.mail import placeholders, wording

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

Gettext = Callable[[str], str]
Ngettext = Callable[[str, str, int], str]


@dataclass(frozen=True)
class Letter:
    """What one person is to read. ``to`` is a bare address as ``wording.address`` returns it, ``name`` goes with it.

    All fields are plain text, so an outbox row can hold them as they are.
    """

    to: str
    subject: str
    text: str
    html: str
    reply_to: str | None = None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """How the sender presents itself. It is configuration, not a person's input; words fit for a line.

    ``brand`` the awarding body; ``portal`` what the site is called; ``home`` its address; ``contact`` where people
    write to, may be empty; ``colour`` as ``#rrggbb``; ``sign_off`` empty for "The Digital Certificate Team".
    """

    brand: str
    portal: str
    home: str
    contact: str = ""
    colour: str = "#1f4e79"
    sign_off: str = ""
    language: str = "en-GB"


def password_reset(
    *,
    to: str,
    name: str,
    link: str,
    valid_for: timedelta,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """Somebody asked for a new password. ``link`` is the one-time link, ``valid_for`` how long it lives."""
    return _letter(
        "password_reset", to, name, letterhead, environment, link=wording.link(link), valid_for=_Duration(valid_for)
    )


def email_confirmation(
    *,
    to: str,
    name: str,
    link: str,
    valid_for: timedelta,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """An address has to be confirmed by the link before its user can sign in (SPEC §2). It goes to the new address."""
    return _letter(
        "email_confirmation", to, name, letterhead, environment, link=wording.link(link), valid_for=_Duration(valid_for)
    )


def documents_waiting(
    *,
    to: str,
    learner: str,
    qualification: str,
    link: str,
    enrolment_number: str,
    guide_link: str,
    letterhead: Letterhead,
    notice: str = "",
    subject: str = "",
    text: str = "",
    environment: Environment | None = None,
) -> Letter:
    """The notice to a learner (SPEC §7). ``link`` is the Learner Portal, ``notice`` an optional line of the brand.

    ``subject`` and ``text`` are the brand's own words, with the places of ``placeholders``; empty for the portal's.
    """
    standard_subject, standard_text = notice_words(letterhead, environment)
    values = {
        "learner_name": wording.line(learner),
        "qualification_title": wording.line(qualification),
        "portal_link": wording.link(link),
        "enrolment_number": wording.line(enrolment_number),
        "notice_line": wording.line(notice, limit=1_000),
        "guide_link": wording.link(guide_link),
    }
    return _letter(
        "documents_waiting",
        to,
        learner,
        letterhead,
        environment,
        subject=wording.line(subject or standard_subject, limit=200),
        paragraphs=placeholders.fill(wording.paragraphs(text or standard_text), values),
    )


def notice_words(letterhead: Letterhead, environment: Environment | None = None) -> tuple[str, str]:
    """The portal's own subject and text of the notice to a learner, with places for the values.

    The text is that of the user guide's section 7.
    """
    press = environment or _plain_environment()
    words = press.get_template("email/documents_waiting/words.txt").render(house=wording.line(letterhead.portal))
    subject, _gap, text = words.strip().partition("\n")
    return subject.strip(), text.strip()


def account_created(
    *,
    to: str,
    name: str,
    username: str,
    link: str,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """A centre admin made an account with a password. The mail never carries it; ``link`` is the sign-in page."""
    return _letter(
        "account_created", to, name, letterhead, environment, username=wording.line(username), link=wording.link(link)
    )


def invitation(
    *,
    to: str,
    name: str,
    inviter: str,
    centre: str,
    link: str,
    valid_for: timedelta,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """Somebody gets an account and sets the password through the one-time link. ``centre`` is shown as given."""
    return _letter(
        "invitation",
        to,
        name,
        letterhead,
        environment,
        inviter=wording.line(inviter),
        centre=wording.line(centre),
        link=wording.link(link),
        valid_for=_Duration(valid_for),
    )


def password_changed(
    *,
    to: str,
    name: str,
    changed_at: datetime,
    link: str,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """A warning after the fact. ``changed_at`` is aware and is shown in UK time; ``link`` is "Forgot my password"."""
    return _letter(
        "password_changed",
        to,
        name,
        letterhead,
        environment,
        changed_at=clock.uk_text(changed_at),
        link=wording.link(link),
    )


def email_changed(
    *,
    to: str,
    name: str,
    changed_at: datetime,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """A warning to the old address, which may be all its owner ever hears. It does not name the new address."""
    return _letter("email_changed", to, name, letterhead, environment, changed_at=clock.uk_text(changed_at))


def second_step_set(
    *,
    to: str,
    name: str,
    changed_at: datetime,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """A second step was switched on. ``changed_at`` is aware and is shown in UK time."""
    return _letter("second_step_set", to, name, letterhead, environment, changed_at=clock.uk_text(changed_at))


def second_step_removed(
    *,
    to: str,
    name: str,
    changed_at: datetime,
    by_others: bool,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """The second step is gone: switched off by its owner, or taken off by the awarding body (``by_others``)."""
    return _letter(
        "second_step_removed",
        to,
        name,
        letterhead,
        environment,
        changed_at=clock.uk_text(changed_at),
        by_others=by_others,
    )


def problem_reported(
    *,
    to: str,
    number: int,
    reporter: str,
    centre: str,
    about: str,
    text: str,
    link: str,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """ "Report an issue" to the awarding body (SPEC §14). Where an answer goes stands in the outbox row.

    ``about`` names what it is about in a line, ``text`` is what the person wrote, ``link`` the problem in the portal.
    """
    return _letter(
        "problem_reported",
        to,
        "",
        letterhead,
        environment,
        number=number,
        reporter=wording.line(reporter),
        centre=wording.line(centre),
        about=wording.line(about),
        text=wording.paragraphs(text),
        link=wording.link(link),
    )


def problem_answered(
    *,
    to: str,
    name: str,
    number: int,
    about: str,
    text: str,
    link: str,
    letterhead: Letterhead,
    environment: Environment | None = None,
) -> Letter:
    """The awarding body answered what somebody at a centre reported. ``text`` is the answer."""
    return _letter(
        "problem_answered",
        to,
        name,
        letterhead,
        environment,
        number=number,
        about=wording.line(about),
        text=wording.paragraphs(text),
        link=wording.link(link),
    )


def environment(gettext: Gettext | None = None, ngettext: Ngettext | None = None) -> Environment:
    """Make the Jinja environment of all letters. Without a catalogue the words stay as they are written: English.

    The callables are asked at every letter, so they may answer in the language of the moment.
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"], default=False, default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext or _as_written, ngettext or _as_counted, newstyle=True
    )
    made.filters["ink_on"] = wording.ink_on
    made.filters["quoted"] = _quoted
    return made


def _letter(
    folder: str,
    to: str,
    name: str,
    letterhead: Letterhead,
    given: Environment | None,
    *,
    reply_to: str | None = None,
    **values: Any,
) -> Letter:
    """Render the three files of ``templates/email/<folder>/`` with the same values."""
    press = given or _plain_environment()
    wording.colour(letterhead.colour)
    wording.link(letterhead.home)
    values |= {"name": wording.line(name, limit=120), "letterhead": letterhead}
    subject = wording.line(press.get_template(f"email/{folder}/subject.txt").render(values), limit=200)
    values["subject"] = subject
    return Letter(
        to=wording.address(to),
        subject=subject,
        text=press.get_template(f"email/{folder}/body.txt").render(values).strip() + "\n",
        html=press.get_template(f"email/{folder}/body.html").render(values).strip() + "\n",
        reply_to=reply_to,
        name=wording.line(name, limit=100),
    )


@cache
def _plain_environment() -> Environment:
    return environment()


class _Duration:
    """A span as a whole number of the largest unit that fits, for the templates to put into words."""

    def __init__(self, span: timedelta) -> None:
        minutes = max(1, round(span.total_seconds() / 60))
        if minutes % 1_440 == 0:
            self.number, self.unit = minutes // 1_440, "day"
        elif minutes % 60 == 0:
            self.number, self.unit = minutes // 60, "hour"
        else:
            self.number, self.unit = minutes, "minute"


def _as_written(message: str) -> str:
    return message


def _as_counted(one: str, many: str, number: int) -> str:
    return one if number == 1 else many


def _quoted(text: str) -> str:
    """Mark each line as somebody else's words, the way mail has always done it."""
    return "\n".join(f"> {each}" if each else ">" for each in text.split("\n"))
