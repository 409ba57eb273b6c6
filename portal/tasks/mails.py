"""Sending a mail of the outbox: claim, fill the letter, hand it over, and say honestly how it ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app
from flask_babel import gettext, ngettext
from sqlalchemy.exc import SQLAlchemyError

from portal import fault
from portal.database import Busy, db
from portal.errors import Fenced
from portal.mail import bounces, letters, maildir, message, transport
from portal.mail.transport import OutcomeKind
from portal.queries.mails import letter_of
from portal.services import mails, tokens
from portal.tasks import queue

if TYPE_CHECKING:
    from jinja2 import Environment

    from portal.mail.letters import Letter
    from portal.models.mails import Mail
    from portal.services.claims import Claim

log = logging.getLogger(__name__)

TURN = 5.0
"""Seconds in which one ring sends what waits."""

AT_ONCE = 50
"""Mails that are taken from the outbox at a time."""

BOUNCES = 100
"""Reports that are read in one round."""

SETTLING = (1.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds between the tries to write down how a mail ended: within what a lease leaves after the longest session."""


def settings() -> transport.SmtpSettings:
    """The mail server of this deployment, as Flask-Mail reads it from the settings.

    The session itself is ours (``portal.mail.transport``): it must know the moment of DATA, which Flask-Mail hides.
    """
    server = current_app.extensions["mail"]
    return transport.SmtpSettings(
        host=server.server,
        port=server.port,
        username=server.username or "",
        password=server.password or "",
        use_tls=server.use_tls,
        sender=server.default_sender,
    )


def send(mail_id: int) -> None:
    """Send one mail, if it waits and nobody else has it; then others that wait, for as long as a turn lasts.

    ``mail_id`` may be ``queue.WHATEVER_WAITS``. A turn is short, so that what was rung for since (a link for a new
    password) comes before the rest of a thousand notices, which this rings for again.
    """
    turn_ends = time.monotonic() + TURN
    if mail_id != queue.WHATEVER_WAITS:
        _send_one(mail_id)
    while time.monotonic() < turn_ends:
        waiting = mails.list_due(most=AT_ONCE)
        if not waiting:
            return
        for number in waiting:
            _send_one(number)
            if time.monotonic() >= turn_ends:
                break
    if mails.list_due(most=1) and not queue.waiting(queue.MAILS):
        queue.ring(queue.MAILS, queue.WHATEVER_WAITS)


def _send_one(mail_id: int) -> None:
    claimed = mails.claim(mail_id)
    if claimed is None:
        return
    fault.point("after_claim", mail_id)
    taken, mail = claimed
    try:
        written = _write(taken, mail)
        if written is None:
            return
        letter, data = written
        fault.point("before_connect", mail_id)

        def begin_data() -> None:
            fault.point("before_data", mail_id)
            mails.begin_data(taken)

        outcome = transport.send(
            settings(),
            data,
            recipient=letter.to,
            before_data=begin_data,
            after_data=lambda: fault.point("after_data", mail_id),
        )
        if outcome.kind is OutcomeKind.SENT:
            fault.point("after_smtp_250", mail_id)
        settle = {
            OutcomeKind.SENT: lambda: mails.settle_sent(taken),
            OutcomeKind.RETRY: lambda: mails.settle_retry(taken, outcome.reason),
            OutcomeKind.REJECTED: lambda: mails.settle_rejected(taken, outcome.reason),
            OutcomeKind.UNKNOWN: lambda: mails.settle_unknown(taken, outcome.reason),
        }
        _settle(settle[outcome.kind], mail_id)
        if outcome.kind is OutcomeKind.SENT:
            fault.point("after_sent_commit", mail_id)
    except Fenced:
        log.warning("mail %s was taken over by another worker", mail_id)


def _settle(settle: Callable[[], None], mail_id: int) -> None:
    """Write down how a mail ended; a database that is busy or away is waited for, so that what is known stays known.

    A try after one that went through unnoticed is ``Fenced``.
    """
    for pause in SETTLING:
        try:
            settle()
            return
        except (SQLAlchemyError, Busy) as error:
            log.warning(
                "the end of mail %s could not be written down (%s); trying again", mail_id, type(error).__name__
            )
            db.session.remove()
            time.sleep(pause)
    settle()


def _write(taken: Claim, mail: Mail) -> tuple[Letter, bytes] | None:
    """The letter of a mail and its bytes; ``None`` when there will be none for now, which is settled here."""
    try:
        secret = current_app.config["SECRET_KEY"]
        letter = letter_of(
            mail,
            token_text=lambda token_id: tokens.text_of(token_id, secret),
            public_url=current_app.config["PUBLIC_URL"],
            environment=_press(),
        )
        if letter is None:
            mails.settle_rejected(taken, "The link in this mail is no longer good, so it was not sent.")
            return None
        data = message.build(letter, message_id=mail.message_id, sender=settings().sender, date=mail.created_at)
    except Fenced:
        raise
    except (SQLAlchemyError, Busy):
        # The database was away for a moment: that says nothing about the mail.
        db.session.rollback()
        mails.settle_retry(taken, "The database did not answer.")
        return None
    except Exception as error:
        log.exception("mail %s could not be written", mail.id)
        mails.settle_rejected(taken, f"The mail could not be written ({type(error).__name__}).")
        return None
    return letter, data


@cache
def _press() -> Environment:
    """The templates of all letters, read once for each process."""
    return letters.environment(gettext, ngettext)


def look_up(message_ids: Sequence[str]) -> set[str] | None:
    """Ask the mail server's side which of these mails arrived; ``None`` when nobody can say (no look-up configured)."""
    folder = current_app.config["MAIL_LOOKUP"]
    return maildir.which(Path(folder), message_ids) if folder else None


def read_bounces() -> int:
    """Read the reports of mails that came back, each once; say how many mails they were about."""
    folder = current_app.config["MAIL_BOUNCES"]
    taken = 0
    for name, raw in maildir.list_unread(Path(folder), most=BOUNCES, largest=bounces.LARGEST) if folder else ():
        try:
            found = bounces.read(raw)
        except Exception as error:
            # Whatever a stranger sends is put aside, so that it cannot keep the next report from being read.
            log.warning("a report of a bounce could not be read: %s", type(error).__name__)
            found = None
        answer = mails.bounce(found.message_ids, reason=found.reason) if found else mails.Bounced.KNOWN
        if answer is mails.Bounced.TOO_EARLY:
            continue
        taken += answer is mails.Bounced.TAKEN
        # Only now: a worker that dies in between reads the report again, and the mail knows that it came back.
        maildir.put_aside(Path(folder), name)
    return taken
