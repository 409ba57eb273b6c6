"""A storm: many learners are told at once through a mail server that misbehaves, while workers are killed."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from sqlalchemy import func, select, update

from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import ledger, notices
from portal.unit_of_work import unit_of_work
from portal.vocabulary import MailState, NoticeState, Production
from tests.machine import Machine
from tests.servers.ports import listens, wait_until
from tests.services.people import as_actor

FATES = {
    "refuse": 5,
    "4xx": 5,
    "4xx_rcpt": 3,
    "5xx": 2,
    "5xx_data": 2,
    "slow": 3,
    "drop_before_data": 3,
    "drop_after_data": 4,
    "drop_before_store": 3,
}
"""Of a hundred sessions, how many end how; the other seventy go well."""

MAILS, SWEEPER = "workermails", "workersweeper"


@dataclass
class Outcome:
    """What a storm came to."""

    notices: int
    accepted: int
    refused: int
    """Answered with a 5xx: never to be tried again."""
    kills: int
    seconds: float
    tries: int


def bad_weather(seed: int) -> list[str]:
    """The fates of a hundred sessions, thirty of them bad."""
    fates = [fate for fate, times in FATES.items() for _ in range(times)]
    fates += ["ok"] * (100 - len(fates))
    random.Random(seed).shuffle(fates)
    return fates


def learners(machine: Machine, count: int) -> list[int]:
    """A job with a record for each of so many learners, its documents as if drawn; the ids of the records."""
    ids: list[int] = []
    while len(ids) < count:
        job_id = machine.publish_here(min(count - len(ids), 5_000), kinds="certificate")
        with machine.here(), unit_of_work(SYSTEM):
            db.session.execute(
                update(Document).where(Document.job_id == job_id).values(production=Production.COMPLETED)
            )
            db.session.execute(update(Job).where(Job.id == job_id).values(pending=0, completed=Job.requested))
            email = func.lower(Record.enrolment_number) + "@home.org.uk"
            db.session.execute(update(Record).where(Record.job_id == job_id).values(email=email))
            ids += db.session.scalars(select(Record.id).where(Record.job_id == job_id))
    return ids


def start_sink(machine: Machine, fates: list[str], *, delay: float = 1.0) -> None:
    """The mail server of the storm."""
    machine.odd.add("mail")
    folder = str(machine.data / "mail")
    arguments = ["--port", str(machine.mail_port), "--maildir", folder, "--delay", str(delay)]
    machine._spawn("mail", "-m", "portal.demo.mail_catcher", *arguments, "--fault", ",".join(fates))
    wait_until(lambda: listens(machine.mail_port), seconds=20, what="the sink")


def tell(machine: Machine, record_ids: list[int]) -> float:
    """Have the learners told; how long the click took."""
    with machine.here():
        began = time.monotonic()
        made = notices.notify(record_ids, actor=as_actor(machine.people.michael))
        took = time.monotonic() - began
        assert len(made.tell) == len(record_ids), {why: len(some) for why, some in made.skipped.items()}
    return took


def unsettled(machine: Machine) -> int:
    """How many mails still wait, are being sent, or are a riddle."""
    with machine.here():
        db.session.rollback()
        open_states = (MailState.QUEUED, MailState.SENDING, MailState.UNKNOWN)
        return db.session.scalar(select(func.count(Mail.id)).where(Mail.state.in_(open_states))) or 0


def rage(machine: Machine, record_ids: list[int], *, kills: int, patience: float, seed: int = 7) -> Outcome:
    """Tell everybody, kill the mail worker so many times meanwhile, and wait until every mail has its end."""
    chance = random.Random(seed)
    before = len(list((machine.data / "mail" / "new").glob("*")))
    machine.start_worker("sweeper")
    machine.start_worker("mails")
    began = time.monotonic()
    tell(machine, record_ids)
    done = 0
    while (left := unsettled(machine)) and time.monotonic() - began < patience:
        # The kills are spread over the work, not over the clock: each meets a worker that is sending.
        if done < kills and left < len(record_ids) * (1 - done / (kills + 1)):
            time.sleep(chance.uniform(0.01, 0.2))
            machine.kill_below(MAILS)
            machine.start_worker("mails")
            done += 1
        else:
            time.sleep(0.1)
    seconds = time.monotonic() - began
    assert not left, f"{left} of {len(record_ids)} mails have no end after {patience} s"
    machine.kill_below(MAILS)
    machine.kill_below(SWEEPER)
    with machine.here():
        refused = db.session.scalar(select(func.count(Mail.id)).where(Mail.state == MailState.FAILED)) or 0
        tries = db.session.scalar(select(func.sum(Mail.attempts))) or 0
    accepted = len(list((machine.data / "mail" / "new").glob("*"))) - before
    return Outcome(len(record_ids), accepted, refused, done, seconds, tries)


def check(machine: Machine) -> None:
    """Each mail was accepted exactly once, or refused for good and never accepted; and the ledger says so."""
    accepted: Counter[str] = Counter()
    for path in (machine.data / "mail" / "new").iterdir():
        with path.open("rb") as file:
            accepted[str(BytesHeaderParser().parse(file)["Message-ID"])] += 1
    assert not [name for name, times in accepted.items() if times > 1], "a learner was written to twice"
    with machine.here():
        db.session.rollback()
        for mail in db.session.execute(select(Mail.message_id, Mail.state, Mail.failure)):
            assert mail.state in (MailState.SENT, MailState.FAILED), mail
            assert (mail.state is MailState.SENT) == (mail.message_id in accepted), mail
            assert mail.state is MailState.SENT or "55" in mail.failure, mail
        ledger_is_true()


def ledger_is_true() -> None:
    """Every notice says what its mail says, every record what its notices say, every job what its records say."""
    of_mail = {MailState.SENT: NoticeState.SENT, MailState.FAILED: NoticeState.FAILED}
    pairs = select(Notice.id, Notice.state, Mail.state, Mail.bounced_at).join(Mail, Mail.id == Notice.mail_id)
    for ident, state, mail, bounced_at in db.session.execute(pairs):
        wanted = NoticeState.BOUNCED if bounced_at else of_mail.get(mail, NoticeState.QUEUED)
        assert state is wanted, f"notice {ident} is {state}, its mail {mail}"
    states: dict[int, NoticeState] = dict(
        db.session.execute(select(Notice.record_id, Notice.state).order_by(Notice.id)).all()
    )
    for ident, notice, registered, viewed in db.session.execute(
        select(Record.id, Record.notice, Record.registered_at, Record.viewed_at)
    ):
        if registered is None and viewed is None:
            assert notice is states.get(ident, NoticeState.NONE), f"record {ident} says {notice}"
    told = (
        select(func.count(Document.id))
        .join(Record, Record.id == Document.record_id)
        .where(Document.job_id == Job.id, ledger.TOLD)
        .correlate(Job)
        .scalar_subquery()
    )
    for ident, kept, counted in db.session.execute(select(Job.id, Job.notified, told)):
        assert kept == counted, f"job {ident} counts {kept} as notified, its records {counted}"


def say(outcome: Outcome) -> None:
    """Keep the figures for whoever reads on."""
    sys.stdout.write(f"measured: {outcome}\n")
