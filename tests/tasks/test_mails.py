"""Sending: what the mail server said is written down, also when the database takes it only later."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.access.actor import SYSTEM
from portal.database import Busy, db
from portal.mail import transport
from portal.mail.transport import Outcome, OutcomeKind
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import ledger, mails, notices
from portal.tasks import mails as tasks
from portal.vocabulary import MailState, NoticeState

AWAY = OperationalError("COMMIT", {}, Exception("the server closed the connection"))


@pytest.fixture
def mail_id(app, drawn, monkeypatch) -> int:
    """A notice that waits, and a mail server that takes what it is given."""

    def take(settings, data, *, recipient, before_data, after_data) -> Outcome:
        before_data()
        after_data()
        return Outcome(OutcomeKind.SENT, "")

    monkeypatch.setattr(transport, "send", take)
    monkeypatch.setattr(tasks, "SETTLING", (0, 0, 0))
    with app.app_context():
        record_id = db.session.scalars(select(Record.id).where(Record.job_id == drawn.job_id).limit(1)).one()
        notices.notify_one(record_id, "learner@home.org.uk", actor=SYSTEM)
        return db.session.scalars(select(Notice.mail_id)).one()


def ends(app, mail_id: int) -> tuple[MailState, NoticeState]:
    with app.app_context():
        return db.session.get_one(Mail, mail_id).state, db.session.scalars(select(Notice.state)).one()


@pytest.mark.parametrize("error", [AWAY, Busy("locked")])
def test_what_the_server_took_is_sent_though_the_database_was_away_for_a_moment(app, mail_id, monkeypatch, error):
    plain, tries = ledger.mail_settled, []

    def settled(*given, **named) -> None:
        tries.append(given)
        if len(tries) < 4:
            raise error
        plain(*given, **named)

    monkeypatch.setattr(ledger, "mail_settled", settled)
    with app.app_context():
        tasks._send_one(mail_id)
    assert ends(app, mail_id) == (MailState.SENT, NoticeState.SENT)


def test_a_yes_that_was_written_down_unnoticed_is_not_written_twice(app, mail_id, monkeypatch):
    plain, tries = mails.settle_sent, []

    def settle(taken) -> None:
        tries.append(taken)
        plain(taken)
        raise AWAY

    monkeypatch.setattr(mails, "settle_sent", settle)
    with app.app_context():
        tasks._send_one(mail_id)
    assert len(tries) == 2
    assert ends(app, mail_id) == (MailState.SENT, NoticeState.SENT)


def test_a_database_that_stays_away_leaves_the_mail_to_be_looked_up(app, mail_id, monkeypatch):
    def settled(*given, **named) -> None:
        raise AWAY

    monkeypatch.setattr(ledger, "mail_settled", settled)
    with app.app_context(), pytest.raises(OperationalError):
        tasks._send_one(mail_id)
    assert ends(app, mail_id) == (MailState.SENDING, NoticeState.QUEUED)
