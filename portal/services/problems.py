"""Problems: reporting one, the conversation about it, who looks after it, and how it ends.

A problem belongs to a centre; whoever sees it there may follow it and write. Not here: what is a wrong thing's cure,
which is a replacement (``portal.services.documents``) that a problem only points at.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal import clock, reference
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.errors import Invalid, NotFound, Throttled, WrongMove
from portal.events.catalogue import ProblemAnswered, ProblemChanged, ProblemReported
from portal.mail import wording
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.problems import Problem, ProblemMessage
from portal.models.records import Record
from portal.models.users import User
from portal.services import mails
from portal.services.throttles import Limit, give_back, take, wait_sentence
from portal.unit_of_work import Record as RecordFact
from portal.unit_of_work import unit_of_work
from portal.vocabulary import ProblemState, Role, Validity, may_move

LONGEST_TEXT = 5_000
LONGEST_SUBJECT = 200
KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""What a form carries so that sending it twice is sending it once."""

REPORTS = Limit("report:user", 5, timedelta(hours=1), "You have reported 5 issues within an hour.")
"""Each report is a mail to the awarding body, and nobody's account may be used to send many."""

REPLIES = Limit("reply:user", 30, timedelta(hours=1), "You have written 30 replies within an hour.")

NO_TEXT = "Write what is wrong, so that it can be put right."
NO_REPLY = "Write what you want to say."


@dataclass(frozen=True, slots=True)
class About:
    """What a problem is about, in words as they are now, and where it belongs."""

    subject: str
    centre_id: int
    brand_id: int
    record_id: int | None = None
    document_id: int | None = None
    download_id: int | None = None

    @property
    def mark(self) -> str:
        """The thing itself, as part of the key of a report."""
        return f"{self.record_id}:{self.document_id}:{self.download_id}"


Find = Callable[[int, Actor], About]

# ── The centre ───────────────────────────────────────────────────────────────────────────────────────────────────


def report_record(record_id: int, *, text: str, key: str, actor: Actor) -> tuple[int, bool]:
    """Report a problem with a record; give the id of the problem, and whether this call made it.

    The same form sent again gives the problem that it made. Raises ``NotFound``, ``Invalid`` (at ``text``), and
    ``Throttled`` after five in an hour.
    """
    return _report(record_id, _about_record, text=text, key=key, actor=actor)


def report_document(document_id: int, *, text: str, key: str, actor: Actor) -> tuple[int, bool]:
    """Report a problem with a document, as ``report_record`` does with a record."""
    return _report(document_id, _about_document, text=text, key=key, actor=actor)


def report_download(download_id: int, *, text: str, key: str, actor: Actor) -> tuple[int, bool]:
    """Report a problem with an export, as ``report_record`` does with a record."""
    return _report(download_id, _about_download, text=text, key=key, actor=actor)


def reply(problem_id: int, *, text: str, key: str, actor: Actor) -> None:
    """Write on in the centre's name. An answered or closed problem is open again."""
    actor.require(Permission.PROBLEMS_REPORT)
    text = clean(text, NO_REPLY)
    with unit_of_work(actor) as record:
        problem = scope.load(scope.problems(actor), problem_id, lock=True)
        if _said(problem, key, actor):
            return
        if wait := take(REPLIES, str(actor.user_id)):
            raise Throttled(f"{REPLIES.sentence} {wait_sentence(wait)}", retry_after=wait)
        _say(problem, text, key, actor, from_issuer=False)
        _move(problem, ProblemState.OPEN)
        record(ProblemChanged(problem_id=problem.id, centre_id=problem.centre_id, what="replied"))


# ── The awarding body ────────────────────────────────────────────────────────────────────────────────────────────


def answer(problem_id: int, *, text: str, key: str, actor: Actor) -> None:
    """Answer in the awarding body's name; the reporter gets the answer by mail too. Who answers looks after it.

    Raises ``WrongMove`` for a closed problem: it is opened again first, knowingly.
    """
    actor.require(Permission.PROBLEMS_ANSWER)
    text = clean(text, NO_REPLY)
    with unit_of_work(actor) as record:
        problem = scope.load(scope.problems(actor), problem_id, lock=True)
        if _said(problem, key, actor):
            return
        if problem.state is ProblemState.CLOSED:
            raise WrongMove("This problem is closed. Reopen it to answer.")
        _say(problem, text, key, actor, from_issuer=True)
        _move(problem, ProblemState.ANSWERED)
        if problem.owner_id is None:
            problem.owner_id, problem.owner = actor.user_id, actor.name
        _tell_reporter(record, problem, text, key=_key_of(key, actor, f"answer:{problem.id}"))
        record(ProblemAnswered(problem_id=problem.id, centre_id=problem.centre_id))


def assign(problem_id: int, *, owner_id: int | None, actor: Actor) -> None:
    """Say who looks after a problem; ``None`` for nobody. Only staff of the awarding body can."""
    actor.require(Permission.PROBLEMS_ANSWER)
    with unit_of_work(actor) as record:
        problem = scope.load(scope.problems(actor), problem_id, lock=True)
        owner = _staff(owner_id) if owner_id is not None else None
        if problem.owner_id == (owner.id if owner else None):
            return
        problem.owner_id, problem.owner = (owner.id, owner.full_name) if owner else (None, "")
        record(ProblemChanged(problem_id=problem.id, centre_id=problem.centre_id, what="taken"))


def link_replacement(problem_id: int, *, typed: str, actor: Actor) -> None:
    """Point at the corrected document by its reference as people type it.

    It must be in force, of the same centre, and where the problem is about a learner's award, of the same award of
    the same learner. Raises ``Invalid`` at ``reference``.
    """
    actor.require(Permission.PROBLEMS_ANSWER)
    canonical = reference.normalise(typed)
    if canonical is None:
        raise Invalid("This is no reference number. Check it for slips.", field="reference")
    with unit_of_work(actor) as record:
        problem = scope.load(scope.problems(actor).options(joinedload(Problem.record)), problem_id, lock=True)
        found = db.session.scalars(
            scope.documents(actor).where(Document.reference == canonical).options(joinedload(Document.record))
        ).one_or_none()
        if found is None or found.centre_id != problem.centre_id:
            raise Invalid("This centre has no document with this reference.", field="reference")
        if problem.record is not None and _award(found.record) != _award(problem.record):
            raise Invalid("This document is of another learner or another award.", field="reference")
        if found.id == problem.document_id:
            raise Invalid("This is the document that the problem is about.", field="reference")
        if found.validity_on(clock.today()) is not Validity.VALID:
            raise Invalid("This document is not valid itself. Link the newest one.", field="reference")
        if problem.replacement_id == found.id:
            return
        problem.replacement_id = found.id
        problem.moved_at = clock.now()
        record(ProblemChanged(problem_id=problem.id, centre_id=problem.centre_id, what="linked"))


def close(problem_id: int, *, actor: Actor) -> bool:
    """Close a problem; say whether it was not closed already."""
    return _set(problem_id, ProblemState.CLOSED, "closed", actor)


def reopen(problem_id: int, *, actor: Actor) -> bool:
    """Open a closed problem again; say whether it was closed."""
    return _set(problem_id, ProblemState.OPEN, "reopened", actor, only_from=ProblemState.CLOSED)


# ── What these share ─────────────────────────────────────────────────────────────────────────────────────────────


def clean(text: str, nothing: str) -> str:
    """What somebody wrote, 1 to 5,000 characters: line breaks stay, controls go. Raises ``Invalid`` at ``text``."""
    # More than any text may have is not worth cleaning.
    kept = wording.paragraphs(unicodedata.normalize("NFC", text[: LONGEST_TEXT * 2])).strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in kept):
        raise Invalid(nothing, field="text")
    if len(kept) > LONGEST_TEXT or len(text) > LONGEST_TEXT * 2:
        raise Invalid(f"Write at most {LONGEST_TEXT:,} characters.", field="text")
    return kept


def _report(ident: int, find: Find, *, text: str, key: str, actor: Actor) -> tuple[int, bool]:
    actor.require(Permission.PROBLEMS_REPORT)
    text = clean(text, NO_TEXT)
    with unit_of_work(actor) as record:
        about = find(ident, actor)
        request_key = _key_of(key, actor, about.mark)
        # Counting locks the counter of this user, so the same form sent twice at once is seen the second time.
        wait = take(REPORTS, str(actor.user_id))
        made = db.session.scalar(select(Problem.id).where(Problem.request_key == request_key))
        if made is not None:
            give_back((REPORTS, str(actor.user_id)))
            return made, False
        if wait:
            raise Throttled(f"{REPORTS.sentence} {wait_sentence(wait)}", retry_after=wait)
        moment = clock.now()
        problem = Problem(
            centre_id=about.centre_id,
            brand_id=about.brand_id,
            record_id=about.record_id,
            document_id=about.document_id,
            download_id=about.download_id,
            request_key=request_key,
            subject=about.subject,
            text=text,
            reporter_id=actor.user_id,
            reporter=actor.name,
            created_at=moment,
            moved_at=moment,
        )
        db.session.add(problem)
        db.session.flush()
        _tell_awarding_body(record, problem, actor)
        record(ProblemReported(problem_id=problem.id, centre_id=problem.centre_id))
        return problem.id, True


def _about_record(record_id: int, actor: Actor) -> About:
    found = scope.load(scope.records(actor), record_id)
    words = f"Record of {found.learner_name} ({found.enrolment_number}), {found.qualification_title}"
    return About(wording.line(words, limit=LONGEST_SUBJECT), found.centre_id, found.brand_id, record_id=found.id)


def _about_document(document_id: int, actor: Actor) -> About:
    found = scope.load(scope.documents(actor).options(joinedload(Document.record)), document_id)
    record = found.record
    words = (
        f"{found.kind.label} {reference.formatted(found.reference)} of {record.learner_name}, "
        f"{record.qualification_title}"
    )
    return About(
        wording.line(words, limit=LONGEST_SUBJECT),
        found.centre_id,
        record.brand_id,
        record_id=found.record_id,
        document_id=found.id,
    )


def _about_download(download_id: int, actor: Actor) -> About:
    found = scope.load(scope.downloads(actor), download_id)
    centre = db.session.get_one(Centre, found.centre_id)
    words = f"Download “{found.name}” of {clock.uk_text(found.created_at)}"
    return About(wording.line(words, limit=LONGEST_SUBJECT), centre.id, centre.brand_id, download_id=found.id)


def _tell_awarding_body(record: RecordFact, problem: Problem, actor: Actor) -> None:
    """Queue the mail to the support address of the brand; a brand without any address has the list alone."""
    brand = db.session.get_one(Brand, problem.brand_id)
    to = brand.support_email or brand.contact_email
    if not to:
        return
    centre = db.session.get_one(Centre, problem.centre_id)
    mails.queue(
        record,
        "problem_reported",
        key=f"problem:{problem.id}",
        to=to,
        values={
            "number": problem.id,
            "reporter": problem.reporter,
            "centre": f"{centre.name} ({centre.number})",
            "about": problem.subject,
            "text": problem.text,
            "path": f"/issuer/problems/{problem.id}",
        },
        brand_id=problem.brand_id,
        centre_id=problem.centre_id,
        record_id=problem.record_id,
        reply_to=_address_of(actor.user_id),
    )


def _tell_reporter(record: RecordFact, problem: Problem, text: str, *, key: str) -> None:
    """Queue the mail with the answer, unless the reporter may not come in any more: then it is not theirs to read."""
    user = db.session.get(User, problem.reporter_id) if problem.reporter_id else None
    if user is None or not user.may_enter_at(clock.now()):
        return
    mails.queue(
        record,
        "problem_answered",
        key=f"problem-answered:{key}",
        to=user.email,
        values={
            "name": user.first_name,
            "number": problem.id,
            "about": problem.subject,
            "text": text,
            "path": f"/centre/problems/{problem.id}",
        },
        brand_id=problem.brand_id,
        centre_id=problem.centre_id,
        record_id=problem.record_id,
    )


def _address_of(user_id: int | None) -> str:
    """The confirmed address of a user as mail servers take it; nothing where there is none."""
    user = db.session.get(User, user_id) if user_id is not None else None
    if user is None or user.email_confirmed_at is None:
        return ""
    try:
        return wording.address(user.email)
    except Invalid:
        return ""


def _said(problem: Problem, key: str, actor: Actor) -> bool:
    """Whether this form has written its line already."""
    key = _key_of(key, actor, f"message:{problem.id}")
    return db.session.scalar(select(ProblemMessage.id).where(ProblemMessage.request_key == key)) is not None


def _say(problem: Problem, text: str, key: str, actor: Actor, *, from_issuer: bool) -> None:
    """Add a line to the conversation, under the lock of the problem."""
    moment = clock.now()
    db.session.add(
        ProblemMessage(
            problem_id=problem.id,
            request_key=_key_of(key, actor, f"message:{problem.id}"),
            at=moment,
            author_id=actor.user_id,
            author=actor.name,
            from_issuer=from_issuer,
            text=text,
        )
    )
    problem.moved_at = moment


def _set(
    problem_id: int, state: ProblemState, what: str, actor: Actor, *, only_from: ProblemState | None = None
) -> bool:
    actor.require(Permission.PROBLEMS_ANSWER)
    with unit_of_work(actor) as record:
        problem = scope.load(scope.problems(actor), problem_id, lock=True)
        if problem.state is state or only_from not in (None, problem.state):
            return False
        _move(problem, state)
        problem.moved_at = clock.now()
        record(ProblemChanged(problem_id=problem.id, centre_id=problem.centre_id, what=what))
    return True


def _move(problem: Problem, state: ProblemState) -> None:
    if problem.state is state:
        return
    if not may_move(problem.state, state):
        raise WrongMove(f"This problem is {problem.state.label.lower()} and cannot become {state.label.lower()}.")
    problem.state = state
    problem.closed_at = clock.now() if state is ProblemState.CLOSED else None


def _staff(user_id: int) -> User:
    found = db.session.get(User, user_id) if 0 < user_id <= scope.BIGGEST_ID else None
    if found is None or found.role is not Role.ISSUER or not found.may_enter_at(clock.now()):
        raise NotFound("There is nobody like this at the awarding body.")
    return found


def _award(record: Record) -> tuple[int, str]:
    return record.learner_id, record.qualification_number


def _key_of(key: str, actor: Actor, what: str) -> str:
    """The key of one sending: of this user, this thing and this form, so that nobody meets another's by chance."""
    if not KEY.fullmatch(key):
        raise Invalid("This form was not complete. Please send it again.")
    return hashlib.sha256(f"{actor.user_id}:{what}:{key}".encode()).hexdigest()
