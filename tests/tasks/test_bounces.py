"""The mailbox of bounces, as the sweeper reads it: each report once, forged ones change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from portal.access.actor import SYSTEM
from portal.database import db
from portal.mail import bounces, maildir
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import mails, notices
from portal.tasks import mails as tasks
from portal.tasks import sweeper
from portal.vocabulary import MailState, NoticeState


def report(message_id: str, *, status: str = "5.2.2", action: str = "failed") -> bytes:
    return f"""Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.home.org.uk

Final-Recipient: rfc822; learner@home.org.uk
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 552 Over quota

--b
Content-Type: text/rfc822-headers

Message-ID: {message_id}

--b--
""".encode()


@pytest.fixture
def mailbox(app, drawn, tmp_path, monkeypatch) -> Path:
    """The mailbox, after one learner was told."""
    maildir.make(tmp_path)
    monkeypatch.setitem(app.config, "MAIL_BOUNCES", str(tmp_path))
    with app.app_context():
        record_id = db.session.scalars(select(Record.id).where(Record.job_id == drawn.job_id).limit(1)).one()
        notices.notify_one(record_id, "learner@home.org.uk", actor=SYSTEM)
        mail_id = db.session.scalars(select(Notice.mail_id)).one()
        taken, _ = mails.claim(mail_id)
        mails.begin_data(taken)
        mails.settle_sent(taken)
        db.session.remove()
    return tmp_path


def name_of_mail(app) -> str:
    with app.app_context():
        return db.session.scalars(select(Mail.message_id).join(Notice, Notice.mail_id == Mail.id)).one()


def states(app) -> tuple[NoticeState, str]:
    with app.app_context():
        notice = db.session.scalars(select(Notice)).one()
        return notice.state, notice.reason


def test_a_report_is_read_once_and_put_aside(app, mailbox) -> None:
    maildir.deliver(mailbox, report(name_of_mail(app)))
    with app.app_context():
        sweeper._bounces()
    assert states(app) == (NoticeState.BOUNCED, "The mailbox is full (552 Over quota).")
    assert [len(list((mailbox / folder).iterdir())) for folder in ("new", "cur")] == [0, 1]
    with app.app_context():
        assert tasks.read_bounces() == 0


def test_what_is_forged_late_or_no_report_changes_nothing_and_is_put_aside(app, mailbox) -> None:
    maildir.deliver(mailbox, report("<00000000000000000000000000000000@portal.invalid>"))
    maildir.deliver(mailbox, report(name_of_mail(app), action="delayed", status="4.4.1"))
    maildir.deliver(mailbox, b"Subject: buy now\n\n" + name_of_mail(app).encode())
    maildir.deliver(mailbox, b"\xff\x00" * 100)
    with app.app_context():
        assert tasks.read_bounces() == 0
    assert states(app) == (NoticeState.SENT, "")
    assert not list((mailbox / "new").iterdir())


def test_one_report_that_cannot_be_read_does_not_keep_the_next(app, mailbox, monkeypatch) -> None:
    maildir.deliver(mailbox, b"poison")
    maildir.deliver(mailbox, report(name_of_mail(app)))
    plain = bounces.read

    def read(raw: bytes):
        if raw == b"poison":
            raise RecursionError
        return plain(raw)

    monkeypatch.setattr(bounces, "read", read)
    with app.app_context():
        assert tasks.read_bounces() == 1
    assert states(app)[0] is NoticeState.BOUNCED


def test_a_report_about_a_mail_that_is_being_sent_waits_in_the_mailbox(app, mailbox) -> None:
    with app.app_context():
        mail = db.session.scalars(select(Mail)).one()
        mail.state = MailState.SENDING
        db.session.commit()
    maildir.deliver(mailbox, report(name_of_mail(app)))
    with app.app_context():
        assert tasks.read_bounces() == 0
    assert len(list((mailbox / "new").iterdir())) == 1


def test_without_a_mailbox_nothing_is_read(app, monkeypatch) -> None:
    monkeypatch.setitem(app.config, "MAIL_BOUNCES", "")
    with app.app_context():
        assert tasks.read_bounces() == 0
