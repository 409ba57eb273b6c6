"""Notices: who is told and who is not, one mail for one intent, and a ledger that moves with the mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.errors import Invalid, NotAllowed, NotFound
from portal.models.audit import AuditEntry
from portal.models.brands import Brand
from portal.models.documents import Document
from portal.models.facts import RoomChange
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.models.users import User
from portal.queries.chase import Chasing
from portal.queries.notices import count_to_chase, list_to_chase
from portal.services import documents, ledger, mails, notices
from portal.services.notices import Skip
from portal.unit_of_work import unit_of_work
from portal.vocabulary import MailState, NoticeState
from tests.conftest import Batch
from tests.services.people import People, as_actor
from tests.world import World

NONE, QUEUED, SENT, FAILED, BOUNCED, REGISTERED, VIEWED = NoticeState

ADDRESS = "learner@home.org.uk"


class Office:
    """Riverside's office: what Michael does, what the mail worker does, and what the rows say then."""

    def __init__(self, people: People, batch: Batch) -> None:
        self.people, self.batch = people, batch
        self.michael = as_actor(people.michael)
        self.record_ids = list(
            db.session.scalars(select(Record.id).where(Record.job_id == batch.job_id).order_by(Record.id))
        )
        self.one, self.two = self.record_ids[:2]
        self.all_of_it = db.session.scalar(select(func.count()).where(Document.record_id == self.one))

    def record(self, ident: int | None = None) -> Record:
        db.session.close()
        return db.session.get_one(Record, ident or self.one)

    def notified(self) -> int:
        db.session.close()
        kept = db.session.get_one(Job, self.batch.job_id).notified
        counted = db.session.scalar(
            select(func.count(Document.id))
            .join(Record, Record.id == Document.record_id)
            .where(Document.job_id == self.batch.job_id, ledger.TOLD)
        )
        assert kept == counted, "the figure of the job and its records disagree"
        return kept

    def mails(self) -> list[Mail]:
        db.session.close()
        return list(db.session.scalars(select(Mail).where(Mail.letter == notices.LETTER).order_by(Mail.id)))

    def settle(self, how: Callable[..., None], *words: str, mail: Mail | None = None) -> None:
        """Let the newest mail (or this one) end."""
        taken, _ = mails.claim((mail or self.mails()[-1]).id) or pytest.fail("the mail cannot be claimed")
        mails.begin_data(taken)
        how(taken, *words)

    def tell(self, ident: int | None = None, email: str = ADDRESS, **options: Any) -> None:
        notices.notify_one(ident or self.one, email, actor=self.michael, **options)


@pytest.fixture
def office(app: Flask, cast: People, drawn: Batch) -> Iterator[Office]:
    with app.app_context():
        yield Office(cast, drawn)
        db.session.close()


# ── The address ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_save_keeps_the_address_and_sends_nothing(office: Office) -> None:
    assert notices.save_address(office.one, f" {ADDRESS} ", actor=office.michael)
    assert office.record().email == ADDRESS
    assert office.record().notice is NONE
    assert not office.mails()
    assert not notices.save_address(office.one, ADDRESS, actor=office.michael), "the same address is no change"


@pytest.mark.parametrize(
    "text",
    [
        "no address",
        "a@b.example, c@d.example",
        "a@b.example;c@d.example",
        "a@b.example c@d.example",
        f"{'a' * 65}@home.example",
        f"a@{'b' * 250}.example",
        "a@home.example\r\nBcc: everyone@home.example",
        "a@home.example\nBcc: x@y.example",
        '"a b"@home.example',
        "Bob <bob@home.example>",
        "a@@home.example",
        "a@home..example",
        "@home.example",
    ],
)
def test_what_is_no_address_is_refused_and_nothing_changes(office: Office, text: str) -> None:
    before = office.record().email
    for act in (notices.save_address, notices.notify_one):
        with pytest.raises(Invalid) as refused:
            act(office.one, text, actor=office.michael)
        assert refused.value.field == "email"
    assert office.record().email == before
    assert not office.mails()


def test_a_domain_in_another_script_is_written_as_the_internet_knows_it(office: Office) -> None:
    office.tell(email="anna@bücher.example")
    assert office.mails()[0].recipient == "anna@xn--bcher-kva.example"


# ── One intent, one mail ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_notice_covers_all_documents_of_the_record(office: Office) -> None:
    office.tell()
    (mail,) = office.mails()
    assert mail.recipient == ADDRESS and mail.record_id == office.one and mail.brand_id == office.record().brand_id
    assert office.record().notice is QUEUED
    assert office.record().notices == 1
    assert office.notified() == 0, "asked for is not yet told"
    office.settle(mails.settle_sent)
    record = office.record()
    assert record.notice is SENT and record.notified_at is not None
    assert office.notified() == office.all_of_it == 2


def test_five_clicks_are_one_mail(office: Office) -> None:
    office.tell()
    for _ in range(4):
        with pytest.raises(Invalid) as refused:
            office.tell()
        assert refused.value.field == "email"
    assert len(office.mails()) == 1
    office.settle(mails.settle_sent)
    with pytest.raises(Invalid) as refused:
        office.tell()
    assert refused.value.field == "again"
    with pytest.raises(Invalid):
        office.tell(email=ADDRESS.upper().replace("HOME.ORG.UK", "home.org.uk"))
    assert len(office.mails()) == 1, "an address in capitals is the same address"


def test_again_is_for_what_the_person_saw_and_once(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_sent)
    seen = notices.plan([office.one], actor=office.michael).seen
    office.tell(again=True, seen=seen)
    for _ in range(3):
        with pytest.raises(Invalid):
            office.tell(again=True, seen=seen)
    assert [mail.key.rpartition(":")[2] for mail in office.mails()] == ["0", "1"]
    assert office.record().notices == 2
    assert office.record().notice is QUEUED
    assert office.notified() == office.all_of_it, "a resend makes nobody untold"


def test_a_confirmation_speaks_of_no_notice_that_nobody_could_see_yet(office: Office) -> None:
    # A lower number may become visible after a higher one: PostgreSQL gives them before the commit.
    office.tell(office.two, email="other@home.org.uk")
    with unit_of_work(SYSTEM):
        db.session.execute(update(Notice).values(id=1_000))
    office.settle(mails.settle_sent)
    office.tell()
    office.settle(mails.settle_sent)
    with unit_of_work(SYSTEM):
        db.session.execute(update(Notice).where(Notice.record_id == office.one).values(id=800))
    seen = notices.plan([office.one], actor=office.michael).seen
    assert seen == {office.one: 1}
    office.tell(again=True, seen=seen)
    with unit_of_work(SYSTEM):
        late = select(Mail.id).where(Mail.record_id == office.one).order_by(Mail.id.desc()).limit(1).scalar_subquery()
        db.session.execute(update(Notice).where(Notice.mail_id == late).values(id=900))
    office.settle(mails.settle_sent)
    assert not notices.notify([office.one], again=True, seen=seen, actor=office.michael).tell
    assert not notices.notify([office.one], again=True, seen={}, actor=office.michael).tell
    assert len(office.mails()) == 3


def test_while_one_is_on_its_way_no_confirmation_sends_another(office: Office) -> None:
    office.tell()
    for how, *words in ((mails.settle_retry, "The mail server cannot be reached."), (mails.settle_unknown, "Silence.")):
        with unit_of_work(SYSTEM):
            db.session.execute(update(Mail).values(next_attempt_at=None))
        office.settle(how, *words)
        with pytest.raises(Invalid, match="on its way"):
            office.tell(again=True)
        made = notices.notify([office.one], again=True, actor=office.michael)
        assert list(made.skipped) == [Skip.ON_ITS_WAY]
    assert len(office.mails()) == 1
    office.tell(email="other@home.org.uk")


def test_another_address_is_another_notice(office: Office) -> None:
    office.tell()
    office.tell(email="other@home.org.uk")
    assert [mail.recipient for mail in office.mails()] == [ADDRESS, "other@home.org.uk"]
    assert office.record().email == "other@home.org.uk"


def test_nobody_is_flooded(office: Office) -> None:
    office.tell()
    for number in range(1, notices.MOST_A_DAY):
        office.tell(email=f"learner{number}@home.org.uk")
    with pytest.raises(Invalid, match="within a day"):
        office.tell(email="one.more@home.org.uk")
    assert len(office.mails()) == notices.MOST_A_DAY
    with unit_of_work(SYSTEM):
        db.session.execute(update(Notice).values(requested_at=clock.now() - timedelta(days=2)))
    office.tell(email="one.more@home.org.uk")


def test_a_rivals_record_is_not_there_and_a_learner_may_not(office: Office) -> None:
    rita, connor = as_actor(office.people.rita), as_actor(office.people.connor)
    for act in (notices.notify_one, notices.save_address):
        with pytest.raises(NotFound):
            act(office.one, ADDRESS, actor=rita)
        with pytest.raises(NotAllowed):
            act(office.one, ADDRESS, actor=connor)
    with pytest.raises(NotFound):
        notices.notify([office.one], actor=rita)
    with pytest.raises(NotFound):
        notices.plan([office.one, 987_654], actor=office.michael)
    assert not office.mails()


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_preview_says_who_is_left_out_and_why_and_changes_nothing(
    office: Office, publish: Callable[..., Batch]
) -> None:
    db.session.close()
    more = publish(rows=6)
    ids = list(db.session.scalars(select(Record.id).where(Record.job_id == more.job_id).order_by(Record.id)))
    no_address, already, cancelled, undrawn, waiting = ids[:5]
    with unit_of_work(SYSTEM):
        db.session.execute(update(Document).where(Document.job_id == more.job_id).values(production="completed"))
        db.session.execute(update(Record).where(Record.id.in_(ids)).values(email=ADDRESS))
        db.session.execute(update(Record).where(Record.id == no_address).values(email=""))
        db.session.execute(update(Document).where(Document.record_id == undrawn).values(production="pending"))
    office.tell(already)
    office.settle(mails.settle_sent)
    office.tell(waiting)
    doomed = list(db.session.scalars(select(Document.id).where(Document.record_id == cancelled)))
    documents.cancel(doomed, reason="In error.", actor=SYSTEM)
    before = db.session.scalar(select(func.count(Notice.id)))

    made = notices.plan(ids, actor=office.michael)
    assert {why: [one.record_id for one in found] for why, found in made.skipped.items()} == {
        Skip.NO_ADDRESS: [no_address],
        Skip.ALREADY: [already],
        Skip.CANCELLED: [cancelled],
        Skip.NOT_DRAWN: [undrawn],
        Skip.ON_ITS_WAY: [waiting],
    }
    assert [one.record_id for one in made.tell] == ids[5:]
    assert made.passed_over == 5
    assert db.session.scalar(select(func.count(Notice.id))) == before

    done = notices.notify(ids, actor=office.michael)
    assert [one.record_id for one in done.tell] == ids[5:]
    assert notices.notify(ids, actor=office.michael).tell == [], "a second click tells nobody twice"
    assert [one.record_id for one in notices.notify(ids, again=True, seen=made.seen, actor=office.michael).tell] == [
        already
    ], "those told since the preview were not part of it"


def test_ten_thousand_are_told_with_a_handful_of_statements(office: Office, world: World) -> None:
    from tests.security.conftest import statements

    source = db.session.execute(select(Record.__table__).where(Record.id == office.one)).one()._mapping
    many = 1_000
    with unit_of_work(SYSTEM):
        rows = [{key: value for key, value in source.items() if key != "id"} for _ in range(many)]
        for number, row in enumerate(rows):
            row["email"] = f"learner{number}@home.org.uk"
        fresh = list(
            db.session.scalars(Record.__table__.insert().returning(Record.id, sort_by_parameter_order=True), rows)
        )
        paper = db.session.execute(select(Document.__table__).where(Document.record_id == office.one)).first()._mapping
        db.session.execute(
            Document.__table__.insert(),
            [
                {key: value for key, value in paper.items() if key != "id"}
                | {"record_id": ident, "reference": f"T{ident:019d}"}
                for ident in fresh
            ],
        )
        db.session.execute(update(Job).values(requested=Job.requested + many, completed=Job.completed + many))
    with statements() as said:
        made = notices.notify(fresh, actor=office.michael)
    assert len(made.tell) == many
    # Databases take values by the thousand; what must not happen is a statement for each learner.
    assert len(said) < 60, f"{len(said)} statements for {many} learners"
    assert db.session.scalar(select(func.count(Mail.id)).where(Mail.letter == notices.LETTER)) == many
    assert db.session.scalar(select(func.count(func.distinct(Mail.message_id)))) == many
    line = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "NoticesQueued")).one()
    assert line.detail["records"] == many and "record_ids" not in line.detail
    pairs = db.session.execute(select(Notice.address, Mail.recipient).join(Mail, Mail.id == Notice.mail_id)).all()
    assert all(address == recipient for address, recipient in pairs), "a notice points at somebody else's mail"


# ── The ledger ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_address_fails_with_the_servers_reason(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_rejected, "The mail server refused the address: 550 5.1.1 No such user.")
    notice = db.session.scalars(select(Notice)).one()
    assert notice.state is FAILED and "No such user" in notice.reason
    assert office.record().notice is FAILED
    assert office.notified() == 0
    with pytest.raises(Invalid, match="could not be sent"):
        office.tell()
    made = notices.plan([office.one], actor=office.michael)
    assert list(made.skipped) == [Skip.FAILED]
    assert notices.notify([office.one], again=True, seen=made.seen, actor=office.michael).tell
    office.settle(mails.settle_sent)
    assert office.record().notice is SENT
    assert office.notified() == office.all_of_it


def test_a_riddle_stays_queued_until_somebody_knows(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_unknown, "No answer came after the letter was handed over.")
    notice = db.session.scalars(select(Notice)).one()
    assert (notice.state, office.record().notice, office.notified()) == (QUEUED, QUEUED, 0)
    assert "No answer came" in notice.reason
    with pytest.raises(NotAllowed):
        mails.resolve_unknown(office.mails()[0].id, arrived=True, actor=office.michael)
    mails.resolve_unknown(office.mails()[0].id, arrived=True, actor=as_actor(office.people.issuer))
    assert (office.record().notice, office.notified()) == (SENT, office.all_of_it)
    db.session.close()
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.action == "MailDecided")).one().detail["arrived"]


def test_a_riddle_that_did_not_arrive_is_sent_once_more(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_unknown, "No answer came.")
    mails.resolve_unknown(office.mails()[0].id, arrived=False)
    assert db.session.scalars(select(Notice)).one().reason == ""
    office.settle(mails.settle_sent)
    assert (office.record().notice, len(office.mails())) == (SENT, 1)


def test_a_worker_that_died_after_data_leaves_the_ledger_true(office: Office) -> None:
    office.tell()
    taken, mail = mails.claim(office.mails()[0].id)
    mails.begin_data(taken)
    with unit_of_work(SYSTEM):
        db.session.execute(update(Mail).values(lease_until=clock.now() - timedelta(minutes=1)))
    mails.recover()
    assert office.mails()[0].state is MailState.UNKNOWN
    assert "lost" in db.session.scalars(select(Notice)).one().reason
    mails.resolve_unknown(mail.id, arrived=True)
    assert office.record().notice is SENT


def test_a_mail_that_came_back_untells(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_sent)
    (mail,) = office.mails()
    assert mails.bounce([mail.message_id], reason="The mailbox is full.") is mails.Bounced.TAKEN
    record = office.record()
    assert (record.notice, record.notified_at, office.notified()) == (BOUNCED, None, 0)
    notice = db.session.scalars(select(Notice)).one()
    assert notice.reason == "The mailbox is full." and notice.bounced_at
    assert mails.bounce([mail.message_id], reason="Another story.") is mails.Bounced.KNOWN
    assert office.mails()[0].failure == "The mailbox is full."
    with pytest.raises(Invalid, match="came back") as refused:
        office.tell()
    assert refused.value.field == "again"
    made = notices.plan([office.one], again=True, actor=office.michael)
    assert list(made.skipped) == [Skip.BOUNCED], "among many, nobody looks at an address that came back"
    office.tell(again=True)
    office.settle(mails.settle_sent)
    assert (office.record().notice, office.notified()) == (SENT, office.all_of_it)


def test_a_report_of_a_mail_that_is_still_being_sent_waits(office: Office) -> None:
    office.tell()
    taken, mail = mails.claim(office.mails()[0].id)
    mails.begin_data(taken)
    assert mails.bounce([mail.message_id], reason="Gone.") is mails.Bounced.TOO_EARLY
    mails.settle_unknown(taken, "No answer came.")
    assert mails.bounce([mail.message_id], reason="Gone.") is mails.Bounced.TAKEN
    assert office.mails()[0].state is MailState.SENT, "what came back had arrived, so it is not looked up any more"
    assert office.record().notice is BOUNCED
    assert mails.bounce(["<0123456789abcdef0123456789abcdef@portal.invalid>"], reason="Lies.") is mails.Bounced.KNOWN


def test_the_second_mail_decides_where_the_first_came_back(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_sent)
    office.tell(email="other@home.org.uk")
    office.settle(mails.settle_sent)
    mails.bounce([office.mails()[0].message_id], reason="Gone.")
    assert (office.record().notice, office.notified()) == (SENT, office.all_of_it)
    mails.bounce([office.mails()[1].message_id], reason="Gone too.")
    assert (office.record().notice, office.notified()) == (BOUNCED, 0)


def test_registered_and_viewed_are_further_than_any_mail(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_sent)
    learner_id = office.record().learner_id
    with unit_of_work(SYSTEM) as tell:
        notices.learner_registered(tell, learner_id)
    assert office.record().notice is REGISTERED
    office.tell(again=True)
    assert office.record().notice is REGISTERED
    mails.bounce([office.mails()[0].message_id], reason="Gone.")
    assert (office.record().notice, office.notified()) == (REGISTERED, office.all_of_it)
    with unit_of_work(SYSTEM) as tell:
        notices.first_view(tell, office.one)
    first = office.record().viewed_at
    assert office.record().notice is VIEWED
    with unit_of_work(SYSTEM) as tell:
        notices.first_view(tell, office.one)
    assert office.record().viewed_at == first
    assert office.notified() == office.all_of_it


def test_whoever_has_an_account_is_registered_when_the_mail_is_sent_and_not_before(office: Office) -> None:
    with unit_of_work(SYSTEM):
        learner_id = db.session.get_one(Record, office.one).learner_id
        db.session.execute(update(User).where(User.id == office.people.connor).values(learner_id=learner_id))
    with unit_of_work(SYSTEM) as tell:
        notices.learner_registered(tell, learner_id)
    assert office.record().notice is NONE, "they were told nothing of this award"
    office.tell()
    assert office.record().notice is QUEUED
    office.settle(mails.settle_sent)
    assert office.record().notice is REGISTERED
    office.tell(office.two, email="somebody@home.org.uk")
    office.settle(mails.settle_sent)
    assert office.record(office.two).notice is SENT


def test_a_view_without_a_notice_counts_as_told(office: Office) -> None:
    with unit_of_work(SYSTEM) as tell:
        notices.first_view(tell, office.one)
    assert (office.record().notice, office.notified()) == (VIEWED, office.all_of_it)


def test_a_replacement_begins_with_nobody_told(office: Office) -> None:
    office.tell()
    office.settle(mails.settle_sent)
    old = db.session.scalars(select(Document.id).where(Document.record_id == office.one).order_by(Document.id)).first()
    new = documents.replace(old, corrections={"grade": "Merit"}, actor=SYSTEM)
    db.session.close()
    fresh = db.session.get_one(Record, db.session.get_one(Document, new).record_id)
    assert (fresh.notice, fresh.notices, fresh.notified_at, fresh.viewed_at) == (NONE, 0, None, None)
    assert office.notified() == office.all_of_it


def test_every_step_is_told_to_the_rooms_of_job_and_records(office: Office) -> None:
    def steps() -> dict[tuple[str, int], Any]:
        db.session.close()
        rows = db.session.execute(select(RoomChange.room, RoomChange.seq, RoomChange.ids)).all()
        return {(row.room, row.seq): row.ids for row in rows}

    for act in (lambda: office.tell(), lambda: office.settle(mails.settle_sent)):
        before = steps()
        act()
        heard = {room: ids for (room, seq), ids in steps().items() if (room, seq) not in before}
        of_one = list(db.session.scalars(select(Document.id).where(Document.record_id == office.one)))
        assert heard[f"job:{office.batch.job_id}"] == of_one
        assert heard[f"centre:{office.people.riverside}:records"] == [office.one]
        assert heard[f"centre:{office.people.riverside}:jobs"] == [office.batch.job_id]
        assert not any(room.startswith(f"centre:{office.people.hillside}") for room in heard)


# ── Whom to chase ────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_was_told_a_while_ago_and_has_not_come_is_chased(office: Office, monkeypatch) -> None:
    for ident in (office.one, office.two):
        office.tell(ident, email=f"learner{ident}@home.org.uk")
        office.settle(mails.settle_sent)
    with unit_of_work(SYSTEM):
        db.session.execute(
            update(Record).where(Record.id == office.one).values(notified_at=clock.now() - timedelta(days=15))
        )
    assert list_to_chase(actor=office.michael) == [office.one]
    assert count_to_chase(actor=office.michael) == 1
    assert count_to_chase(actor=as_actor(office.people.rita)) == 0
    monkeypatch.setattr(Chasing, "days", 16)
    assert list_to_chase(actor=office.michael) == []
    monkeypatch.setattr(Chasing, "days", 14)
    with unit_of_work(SYSTEM) as tell:
        notices.learner_registered(tell, db.session.get_one(Record, office.one).learner_id)
    assert list_to_chase(actor=office.michael) == []


# ── The brand's words ────────────────────────────────────────────────────────────────────────────────────────────


WORDS = {"subject": "", "text": "", "sign_off": "", "guide_url": ""}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("subject", "For {learner_name}", "no placeholders"),
        ("sign_off", "{", "no placeholders"),
        ("subject", "x" * 201, "At most 200"),
        ("text", "{portal_link} {enrolment_number} {password}", r"\{password\} is no placeholder"),
        ("text", "{portal_link} {enrolment_number} {{7*7}}", "is no placeholder"),
        ("text", "{portal_link} and no more", r"Without \{enrolment_number\}"),
        ("text", "Nothing at all", r"Without \{portal_link\} and \{enrolment_number\}"),
        ("text", "{portal_link} {enrolment_number}" + "x" * 4_000, "At most 4,000"),
        ("guide_url", "javascript:alert(1)", "whole address"),
        ("guide_url", "www.guide.example", "whole address"),
    ],
)
def test_words_that_would_not_do_are_refused_at_their_field(
    office: Office, field: str, value: str, sentence: str
) -> None:
    brand_id = office.record().brand_id
    with pytest.raises(Invalid, match=sentence) as refused:
        notices.set_words(brand_id, actor=as_actor(office.people.issuer), **(WORDS | {field: value}))
    assert refused.value.field == field
    with pytest.raises(NotAllowed):
        notices.set_words(brand_id, actor=office.michael, **WORDS)


def test_a_brands_words_are_in_the_mail(office: Office, app: Flask) -> None:
    from portal.queries.mails import letter_of

    text = (
        "Dear {learner_name},\n\nlook: {portal_link}\nNumber {enrolment_number}\n\nNote: {notice_line}\n\n{guide_link}"
    )
    notices.set_words(
        office.record().brand_id,
        subject="News for you",
        text=text,
        sign_off="The Office",
        guide_url="https://guide.example/a?b=1&c=2",
        actor=as_actor(office.people.issuer),
    )
    office.tell()
    record = office.record()
    (mail,) = office.mails()
    letter = letter_of(mail, token_text=lambda _: None, public_url="https://p.example")
    assert letter.subject == "News for you"
    assert f"Dear {record.learner_name}," in letter.text
    assert f"look: https://p.example/learner/login\nNumber {record.enrolment_number}" in letter.text
    assert "Note:" not in letter.text, "without a line of the brand there is no paragraph for it"
    assert "https://guide.example/a?b=1&c=2" in letter.text
    assert "https://guide.example/a?b=1&amp;c=2" in letter.html
    assert "Thank you,\n\nThe Office" in letter.text
    with unit_of_work(SYSTEM):
        db.session.execute(update(Brand).values(notice_line="Paper follows."))
    assert "Note: Paper follows." in letter_of(mail, token_text=lambda _: None, public_url="https://p.example").text
