"""Sending a mail of the outbox: claim, fill the letter, hand it over, and say honestly how it ended."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import current_app
from flask_babel import gettext, ngettext
from sqlalchemy.exc import SQLAlchemyError

from portal import fault
from portal.database import Busy, db
from portal.errors import Fenced
from portal.mail import letters, maildir, message, transport
from portal.mail.transport import OutcomeKind
from portal.queries.mails import letter_of
from portal.services import mails, tokens

log = logging.getLogger(__name__)


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
    """Send one mail, if it waits and nobody else has it."""
    claimed = mails.claim(mail_id)
    if claimed is None:
        return
    taken, mail = claimed
    try:
        try:
            secret = current_app.config["SECRET_KEY"]
            letter = letter_of(
                mail,
                token_text=lambda token_id: tokens.text_of(token_id, secret),
                public_url=current_app.config["PUBLIC_URL"],
                environment=letters.environment(gettext, ngettext),
            )
            if letter is None:
                mails.settle_rejected(taken, "The link in this mail is no longer good, so it was not sent.")
                return
            smtp = settings()
            data = message.build(letter, message_id=mail.message_id, sender=smtp.sender, date=mail.created_at)
        except Fenced:
            raise
        except (SQLAlchemyError, Busy):
            # The database was away for a moment: that says nothing about the mail.
            db.session.rollback()
            mails.settle_retry(taken, "The database did not answer.")
            return
        except Exception as error:
            log.exception("mail %s could not be written", mail_id)
            mails.settle_rejected(taken, f"The mail could not be written ({type(error).__name__}).")
            return
        outcome = transport.send(smtp, data, recipient=letter.to, before_data=lambda: mails.begin_data(taken))
        if outcome.kind is OutcomeKind.SENT:
            fault.point("mail_sent", mail_id)
        settle = {
            OutcomeKind.SENT: lambda: mails.settle_sent(taken),
            OutcomeKind.RETRY: lambda: mails.settle_retry(taken, outcome.reason),
            OutcomeKind.REJECTED: lambda: mails.settle_rejected(taken, outcome.reason),
            OutcomeKind.UNKNOWN: lambda: mails.settle_unknown(taken, outcome.reason),
        }
        settle[outcome.kind]()
    except Fenced:
        log.warning("mail %s was taken over by another worker", mail_id)


def look_up(message_id: str) -> bool | None:
    """Ask the mail server's side whether a mail arrived; ``None`` when nobody can say (no look-up configured)."""
    folder = current_app.config["MAIL_LOOKUP"]
    return maildir.lookup(Path(folder), message_id) if folder else None
