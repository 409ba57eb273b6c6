"""Sending: what the mail server said is written down, also when the database takes it only later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import Busy, db
from portal.mail import transport
from portal.mail.transport import Outcome, OutcomeKind
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import ledger, mails, notices
from portal.tasks import mails as tasks
from portal.unit_of_work import unit_of_work
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


def put_off(app, mail_id: int, *, attempts: int) -> tuple[MailState, int]:
    """Let the mail be put off by its server once more, having been tried so often before."""
    with app.app_context():
        with unit_of_work(SYSTEM):
            db.session.execute(update(Mail).values(attempts=attempts, next_attempt_at=None))
        taken, _ = mails.claim(mail_id)
        mails.settle_retry(taken, "The mail server asks to try later: 451 4.7.1 Greylisted.")
        mail = db.session.get_one(Mail, mail_id, populate_existing=True)
        return mail.state, mail.attempts


def test_an_old_mail_is_given_up_only_after_as_many_tries_as_there_are_waits(app, mail_id):
    most = len(mails.BACK_OFF)
    assert put_off(app, mail_id, attempts=most) == (MailState.QUEUED, most + 1), "a young mail is tried on and on"
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Mail).values(created_at=clock.now() - mails.GIVE_UP_AFTER - timedelta(minutes=1)))
    assert put_off(app, mail_id, attempts=0) == (MailState.QUEUED, 1)
    assert put_off(app, mail_id, attempts=most - 2) == (MailState.QUEUED, most - 1)
    assert put_off(app, mail_id, attempts=most - 1) == (MailState.FAILED, most)


def test_a_mail_that_did_not_arrive_is_tried_as_if_it_were_new(app, mail_id):
    with app.app_context():
        taken, _ = mails.claim(mail_id)
        mails.begin_data(taken)
        mails.settle_unknown(taken, "No answer came.")
        mails.resolve_unknown(mail_id, arrived=False)
        mail = db.session.get_one(Mail, mail_id, populate_existing=True)
        assert (mail.state, mail.attempts) == (MailState.QUEUED, 0)


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
