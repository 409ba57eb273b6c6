"""Telling learners that their documents wait: the address, who is told and who is not and why, and one mail for each.

What becomes of a notice afterwards is in ``ledger``.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import case, func, insert, select, update

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.errors import Invalid, NotFound
from portal.events.catalogue import BrandChanged, NoticeAddressSaved, NoticesQueued
from portal.mail import placeholders, wording
from portal.models.documents import Document
from portal.models.notices import Notice
from portal.models.records import Record
from portal.services import ledger, mails
from portal.unit_of_work import Record as Tell
from portal.unit_of_work import unit_of_work
from portal.vocabulary import NoticeState, Production, Validity

LETTER = "documents_waiting"
"""The letter that a notice is."""

DOOR = "/learner/login"
"""Where the letter leads: the learners' door, to sign in or to register."""

MOST_A_DAY = 5
"""So many notices one record causes in a day at most, however often somebody confirms."""

AT_ONCE = 5_000
"""Rows that one statement asks for or writes; databases have a limit to the values of a statement."""

LONGEST_SUBJECT = 200
LONGEST_TEXT = 4_000
LONGEST_SIGN_OFF = 120
LONGEST_GUIDE = 300


class Skip(StrEnum):
    """Why a learner is not told."""

    NO_ADDRESS = "no_address"
    ALREADY = "already"
    """A notice to this address was asked for before; again only if somebody confirms."""
    ON_ITS_WAY = "on_its_way"
    """One to this address waits to be sent, or nobody knows whether it was: another would be one too many."""
    FAILED = "failed"
    """The last one to this address could not be sent; again only if somebody confirms."""
    BOUNCED = "bounced"
    """The last one to this address came back; again only alone, and only if somebody confirms."""
    CANCELLED = "cancelled"
    """Every document is cancelled or replaced."""
    NOT_DRAWN = "not_drawn"
    """No document can be looked at yet."""
    TOO_OFTEN = "too_often"
    CAME = "came"
    """The learner was to be chased, and has registered meanwhile."""


SENTENCES = {
    Skip.NO_ADDRESS: "Enter the learner’s email address.",
    Skip.ALREADY: "This address was notified already. Tick “Send again” if the learner should get another email.",
    Skip.ON_ITS_WAY: "An email to this address is already on its way.",
    Skip.FAILED: "The last email to this address could not be sent. Tick “Send again” to try once more.",
    Skip.BOUNCED: "The last email to this address came back. Correct the address, or tick “Send again” to try it once "
    "more.",
    Skip.CANCELLED: "Every document of this record is cancelled or replaced, so there is nothing to tell.",
    Skip.NOT_DRAWN: "No document of this record is ready yet. Save the address now, and notify when one is.",
    Skip.TOO_OFTEN: f"This learner was written to {MOST_A_DAY} times within a day. Try again tomorrow.",
    Skip.CAME: "This learner has registered meanwhile.",
}

FIELDS = {
    Skip.NO_ADDRESS: "email",
    Skip.ON_ITS_WAY: "email",
    Skip.ALREADY: "again",
    Skip.FAILED: "again",
    Skip.BOUNCED: "again",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record whose learner might be told: its facts, and how often this address was written to before."""

    record_id: int
    job_id: int
    centre_id: int
    brand_id: int
    address: str
    learner: str
    qualification: str
    enrolment_number: str
    before: int = 0

    @property
    def intent(self) -> str:
        """The name of this intent: record, address, and how often it was asked for before."""
        known = hashlib.sha256(self.address.lower().encode()).hexdigest()[:32]
        return f"notify:{self.record_id}:{known}:{self.before}"


@dataclass(frozen=True)
class Plan:
    """What a notify of some records would do at this moment."""

    tell: list[Candidate] = field(default_factory=list)
    skipped: dict[Skip, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[int, int] = field(default_factory=dict)
    """How often each record was notified, where it was: a confirmation speaks of these, not of what others ask for.

    Counted, for a higher number of a notice may become visible before a lower one.
    """

    @property
    def passed_over(self) -> int:
        """How many are not told."""
        return sum(map(len, self.skipped.values()))


def plan(
    record_ids: Collection[int],
    *,
    again: bool = False,
    even_bounced: bool = False,
    chasing: bool = False,
    seen: Mapping[int, int] | None = None,
    actor: Actor,
) -> Plan:
    """Say who of these records would be told and who not, and why. Raises ``NotFound`` if one is not the actor's.

    ``again``: also those who were asked for at their address before, where that was as often as ``seen`` says of the
    record (``Plan.seen``); ``even_bounced``: also where the last one came back; ``chasing``: only those who have not
    come.
    """
    actor.require(Permission.NOTICES_SEND)
    made = Plan()
    for ids in _chunks(sorted(set(record_ids))):
        rows = _rows(ids, actor)
        ready, history, today = _readiness(ids), _history(ids), _asked_today(ids)
        for row in rows:
            earlier = history[row.id, row.email.lower()]
            one = Candidate(
                record_id=row.id,
                job_id=row.job_id,
                centre_id=row.centre_id,
                brand_id=row.brand_id,
                address=row.email,
                learner=" ".join(part for part in (row.first_name, row.middle_name, row.last_name) if part),
                qualification=row.qualification_title,
                enrolment_number=row.enrolment_number,
                before=len(earlier),
            )
            if row.notices:
                made.seen[row.id] = row.notices
            confirmed = again and (seen is None or seen.get(row.id, 0) == row.notices)
            why = _why_not(one, ready.get(row.id), earlier, confirmed, even_bounced)
            if chasing and row.notice in ledger.FURTHER:
                why = Skip.CAME
            if why is None and today[row.id] >= MOST_A_DAY:
                why = Skip.TOO_OFTEN
            (made.tell if why is None else made.skipped[why]).append(one)
    return made


def notify(
    record_ids: Collection[int],
    *,
    again: bool = False,
    chasing: bool = False,
    seen: Mapping[int, int] | None = None,
    actor: Actor,
) -> Plan:
    """Have the learners of these records told, one mail each; give what was done. Those with a reason are left out.

    The options are those of ``plan``.
    """
    actor.require(Permission.NOTICES_SEND)
    with unit_of_work(actor) as tell:
        _lock(record_ids)
        made = plan(record_ids, again=again, chasing=chasing, seen=seen, actor=actor)
        queue(tell, made.tell, actor)
    return made


def notify_one(
    record_id: int,
    email: str,
    *,
    again: bool = False,
    seen: Mapping[int, int] | None = None,
    actor: Actor,
) -> None:
    """Keep the address of a record's learner and have them told there, both or neither.

    Raises ``Invalid`` with the reason where they are not told; the address is then as it was.
    """
    actor.require(Permission.NOTICES_SEND)
    with unit_of_work(actor) as tell:
        _save(tell, record_id, email, actor)
        made = plan([record_id], again=again, even_bounced=again, seen=seen, actor=actor)
        for why in made.skipped:
            raise Invalid(SENTENCES[why], field=FIELDS.get(why))
        queue(tell, made.tell, actor)


def save_address(record_id: int, email: str, *, actor: Actor) -> bool:
    """Keep where the learner of a record would be told; empty for nowhere. Say whether that changed anything."""
    actor.require(Permission.NOTICES_SEND)
    with unit_of_work(actor) as tell:
        return _save(tell, record_id, email, actor)


def learner_registered(tell: Tell, learner_id: int) -> None:
    """A learner has an account now: every record of theirs knows it. Call inside the unit of work that makes it."""
    waiting = list(
        db.session.scalars(select(Record.id).where(Record.learner_id == learner_id, Record.registered_at.is_(None)))
    )
    if waiting:
        db.session.execute(
            update(Record)
            .where(Record.id.in_(waiting))
            .values(registered_at=clock.now())
            .execution_options(synchronize_session=False)
        )
        ledger.move(tell, waiting)


def first_view(tell: Tell, record_id: int) -> None:
    """The learner looked at a document of a record; only the first time is kept. Call inside a unit of work."""
    first = db.session.execute(
        update(Record)
        .where(Record.id == record_id, Record.viewed_at.is_(None))
        .values(viewed_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    if first.rowcount:  # type: ignore[attr-defined]
        ledger.move(tell, [record_id])


def set_words(brand_id: int, *, subject: str, text: str, sign_off: str, guide_url: str, actor: Actor) -> None:
    """Set a brand's own words of the notice; empty ones are the portal's. Raises ``Invalid`` at the field at fault."""
    actor.require(Permission.BRANDS_MANAGE)
    values = checked_words(subject=subject, text=text, sign_off=sign_off, guide_url=guide_url)
    with unit_of_work(actor) as tell:
        brand = scope.load(scope.brands(actor), brand_id, lock=True)
        brand.notice_subject, brand.notice_text = values["subject"], values["text"]
        brand.notice_sign_off, brand.guide_url = values["sign_off"], values["guide_url"]
        tell(BrandChanged(brand_id=brand.id))


def checked_words(*, subject: str, text: str, sign_off: str, guide_url: str) -> dict[str, str]:
    """The words of a notice as they would be kept. Raises ``Invalid`` at the first field at fault."""
    subject, sign_off = wording.line(subject, limit=1_000), wording.line(sign_off, limit=1_000)
    text, guide_url = wording.paragraphs(text), guide_url.strip()
    for name, value, longest in (
        ("subject", subject, LONGEST_SUBJECT),
        ("text", text, LONGEST_TEXT),
        ("sign_off", sign_off, LONGEST_SIGN_OFF),
        ("guide_url", guide_url, LONGEST_GUIDE),
    ):
        if len(value) > longest:
            raise Invalid(f"At most {longest:,} characters.", field=name)
    for name, value in (("subject", subject), ("sign_off", sign_off)):
        if placeholders.unknown(value, known=()):
            raise Invalid("This line takes no placeholders: write it without braces.", field=name)
    if strange := placeholders.unknown(text):
        known = ", ".join(f"{{{name}}}" for name in placeholders.NAMES)
        raise Invalid(f"{strange[0]} is no placeholder. There are {known}.", field="text")
    if text and (lacking := placeholders.missing(text)):
        raise Invalid(f"Without {' and '.join(lacking)} nobody could register. Put it in.", field="text")
    if guide_url:
        try:
            wording.link(guide_url)
        except Invalid:
            raise Invalid("Write the whole address, beginning with https://.", field="guide_url") from None
    return {"subject": subject, "text": text, "sign_off": sign_off, "guide_url": guide_url}


def _save(tell: Tell, record_id: int, email: str, actor: Actor) -> bool:
    record = scope.load(scope.records(actor), record_id, lock=True)
    address = wording.address(email) if email.strip() else ""
    if record.email == address:
        return False
    record.email = address
    documents = db.session.scalars(select(Document.id).where(Document.record_id == record.id).order_by(Document.id))
    tell(
        NoticeAddressSaved(
            job_id=record.job_id, centre_id=record.centre_id, record_ids=[record.id], document_ids=list(documents)
        )
    )
    db.session.flush()
    return True


def _lock(record_ids: Collection[int]) -> None:
    for ids in _chunks(sorted(set(record_ids))):
        db.session.execute(select(Record.id).where(Record.id.in_(ids)).order_by(Record.id).with_for_update()).all()


def queue(tell: Tell, candidates: Sequence[Candidate], actor: Actor) -> None:
    """Write notices and their mails, and say so once for each job. Call inside a unit of work, with those of a plan."""
    moment = clock.now()
    for some in _chunks(candidates):
        ids = mails.queue_many(LETTER, [_mail_of(one) for one in some])
        db.session.execute(
            insert(Notice),
            [
                {
                    "record_id": one.record_id,
                    "centre_id": one.centre_id,
                    "address": one.address,
                    "intent": one.intent,
                    "mail_id": mail_id,
                    "state": NoticeState.QUEUED,
                    "reason": "",
                    "requested_by_id": actor.user_id,
                    "requested_by": actor.name,
                    "requested_at": moment,
                }
                for one, mail_id in zip(some, ids, strict=True)
            ],
        )
        db.session.execute(
            update(Record)
            .where(Record.id.in_([one.record_id for one in some]))
            .values(
                notices=Record.notices + 1,
                notice=case((Record.notice.in_(ledger.FURTHER), Record.notice), else_=NoticeState.QUEUED.value),
            )
            .execution_options(synchronize_session=False)
        )
    db.session.expire_all()
    by_job: dict[tuple[int, int], list[int]] = defaultdict(list)
    for one in candidates:
        by_job[one.job_id, one.centre_id].append(one.record_id)
    for (job_id, centre_id), record_ids in sorted(by_job.items()):
        documents = [
            ident
            for ids in _chunks(record_ids)
            for ident in db.session.scalars(
                select(Document.id).where(Document.record_id.in_(ids)).order_by(Document.id)
            )
        ]
        tell(NoticesQueued(job_id=job_id, centre_id=centre_id, record_ids=record_ids, document_ids=documents))


def _mail_of(one: Candidate) -> dict[str, Any]:
    return {
        "key": one.intent,
        "recipient": one.address,
        "centre_id": one.centre_id,
        "record_id": one.record_id,
        "brand_id": one.brand_id,
        "values": {
            "learner": one.learner,
            "qualification": one.qualification,
            "enrolment_number": one.enrolment_number,
            "path": DOOR,
        },
    }


def _why_not(
    one: Candidate, ready: bool | None, earlier: Sequence[Any], confirmed: bool, even_bounced: bool
) -> Skip | None:
    """What stands against telling a learner; ``ready`` is None where no document is in force."""
    if ready is None:
        return Skip.CANCELLED
    if not one.address:
        return Skip.NO_ADDRESS
    if not ready:
        return Skip.NOT_DRAWN
    if not earlier:
        return None
    if any(each.state is NoticeState.QUEUED for each in earlier):
        return Skip.ON_ITS_WAY
    last = earlier[-1].state
    if last is NoticeState.BOUNCED:
        return None if confirmed and even_bounced else Skip.BOUNCED
    if confirmed:
        return None
    return Skip.FAILED if last is NoticeState.FAILED else Skip.ALREADY


def _rows(record_ids: Sequence[int], actor: Actor) -> Sequence[Any]:
    rows = db.session.execute(
        scope.records(actor)
        .where(Record.id.in_(record_ids))
        .with_only_columns(
            Record.id,
            Record.job_id,
            Record.centre_id,
            Record.brand_id,
            Record.email,
            Record.notice,
            Record.notices,
            Record.first_name,
            Record.middle_name,
            Record.last_name,
            Record.qualification_title,
            Record.enrolment_number,
        )
        .order_by(Record.id)
    ).all()
    if len(rows) != len(record_ids):
        raise NotFound("There is nothing here.")
    return rows


def _readiness(record_ids: Sequence[int]) -> dict[int, bool]:
    """Of each record with a document in force, whether one of those is drawn."""
    drawn = func.max(case((Document.production == Production.COMPLETED, 1), else_=0))
    rows = db.session.execute(
        select(Document.record_id, drawn.label("drawn"))
        .where(Document.record_id.in_(record_ids), Document.validity == Validity.VALID)
        .group_by(Document.record_id)
    )
    return {row.record_id: bool(row.drawn) for row in rows}


def _history(record_ids: Sequence[int]) -> dict[tuple[int, str], list[Any]]:
    """The notices of each record by address in lower case, oldest first."""
    found: dict[tuple[int, str], list[Any]] = defaultdict(list)
    rows = db.session.execute(
        select(Notice.record_id, Notice.address, Notice.state)
        .where(Notice.record_id.in_(record_ids))
        .order_by(Notice.id)
    )
    for row in rows:
        found[row.record_id, row.address.lower()].append(row)
    return found


def _asked_today(record_ids: Sequence[int]) -> Counter[int]:
    """How many notices each record caused within a day."""
    rows = db.session.execute(
        select(Notice.record_id, func.count())
        .where(Notice.record_id.in_(record_ids), Notice.requested_at > clock.now() - timedelta(days=1))
        .group_by(Notice.record_id)
    )
    return Counter(dict(rows.all()))


def _chunks(things: Iterable[Any]) -> Iterator[list[Any]]:
    every = list(things)
    for at in range(0, len(every), AT_ONCE):
        yield every[at : at + AT_ONCE]
