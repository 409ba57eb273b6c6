"""Erasing deleted users: thirty days after, nothing of the person is left; what they did, and to what, stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from portal import clock, fault
from portal.access.actor import SYSTEM
from portal.database import db
from portal.events.catalogue import UserErased
from portal.models.audit import AuditEntry
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.models.notices import Notice
from portal.models.pictures import Picture
from portal.models.problems import Problem, ProblemMessage
from portal.models.second_step import RecoveryCode, SecondStep
from portal.models.sign_in import OneTimeToken, UserSession
from portal.models.users import RESTORABLE_FOR, User
from portal.unit_of_work import unit_of_work
from portal.vocabulary import MailState

DELETED_USER = "Deleted user"
"""The name that stands wherever an erased user did something. Who it was is still one and the same number."""

NAMES: tuple[tuple[Any, Any], ...] = (
    (AuditEntry.actor_id, AuditEntry.actor_name),
    (Job.created_by_id, Job.created_by),
    (Download.created_by_id, Download.created_by),
    (Download.downloaded_by_id, Download.downloaded_by),
    (Notice.requested_by_id, Notice.requested_by),
    (Problem.reporter_id, Problem.reporter),
    (Problem.owner_id, Problem.owner),
    (ProblemMessage.author_id, ProblemMessage.author),
)
"""Every copy of a user's name: the column of who it is, and that of the name."""

OWN_ROWS: tuple[Any, ...] = (
    UserSession.user_id,
    OneTimeToken.user_id,
    RecoveryCode.user_id,
    SecondStep.user_id,
    Picture.user_id,
)
"""Rows that are about nothing but the user."""

OWN_LETTERS = (
    "account_created",
    "email_changed",
    "email_confirmation",
    "invitation",
    "password_changed",
    "password_reset",
    "second_step_removed",
    "second_step_set",
)
"""Mails about an account, of which nothing stays; those about problems lose the person and keep what was said."""

CUT = 120
"""Characters of what was typed that the line of a refused sign-in keeps."""

UNDER_WAY = (MailState.QUEUED, MailState.SENDING)

NOT_KNOWN = "Nobody knows whether it arrived, and whom it was for is erased since."
"""Why a mail has failed whose fate was unknown: there is nobody left to send it to again."""


def erase_due(*, most: int = 20) -> int:
    """Erase those who were deleted long enough ago; gives how many. Called by the sweeper.

    One who cannot be erased keeps nobody else from it: the error is raised when all others had their turn.
    """
    due = select(User.id).where(User.deleted_at < clock.now() - RESTORABLE_FOR, User.erased_at.is_(None))
    erased, trouble = 0, None
    for ident in db.session.scalars(due.order_by(User.deleted_at.desc()).limit(most)).all():
        try:
            _erase(ident)
            erased += 1
        except SQLAlchemyError as error:
            trouble = error
    if trouble is not None:
        raise trouble
    return erased


def _erase(user_id: int) -> None:
    """Erase one user whose time is over, in one transaction; somebody restored meanwhile is left alone."""
    traces = _traces_of(user_id)
    with unit_of_work(SYSTEM) as record:
        still_due = select(User).where(User.id == user_id, User.erased_at.is_(None))
        still_due = still_due.where(User.deleted_at < clock.now() - RESTORABLE_FOR)
        user = db.session.scalars(still_due.with_for_update()).one_or_none()
        if user is None:
            return
        _take_name_away(user, traces)
        _empty_letters(traces)
        for column in OWN_ROWS:
            db.session.execute(delete(column.class_).where(column == user.id))
        fault.point("erase", user.id)
        # A username has no spaces and an address an @, so nobody can ever be refused, or come in, by these.
        user.username = user.email = f"deleted user {user.id}"
        user.first_name, user.middle_name, user.last_name = "Deleted", "", "user"
        user.phone = user.password_hash = user.picture_sha256 = user.lock_reason = user.lock_information = ""
        user.email_confirmed_at = user.password_expires_at = user.locked_until = user.last_sign_in_at = None
        user.learner_id = None
        user.auth_epoch += 1
        user.erased_at = clock.now()
        record(UserErased(user_id=user.id, centre_id=user.centre_id))


def _take_name_away(user: User, traces: _Traces) -> None:
    for who, name in NAMES:
        db.session.execute(update(who.class_).where(who == user.id).values({name.key: DELETED_USER}))
    # The addresses of the browsers are the person's too.
    db.session.execute(update(AuditEntry).where(AuditEntry.actor_id == user.id).values(address=""))
    # A refused sign-in tells which account was tried, by the address or username that was typed, and from where.
    for entry in db.session.scalars(select(AuditEntry).where(AuditEntry.id.in_(traces.refusals))):
        entry.subject, entry.address = f"user {user.id}", ""
        entry.detail = {**entry.detail, "account": DELETED_USER} if "account" in entry.detail else entry.detail


def _empty_letters(traces: _Traces) -> None:
    of_all = [*traces.letters, *traces.answers]
    unknown = update(Mail).where(Mail.id.in_(of_all), Mail.state == MailState.UNKNOWN)
    db.session.execute(unknown.values(state=MailState.FAILED, failure=NOT_KNOWN, next_attempt_at=None))
    settled = (Mail.id.in_(traces.letters), Mail.state.not_in(UNDER_WAY))
    db.session.execute(update(Mail).where(*settled).values(recipient="", values={}))
    about_problems = select(Mail).where(Mail.id.in_([*traces.answers, *traces.reports]), Mail.state.not_in(UNDER_WAY))
    for mail in db.session.scalars(about_problems):
        if mail.id in traces.answers:
            mail.recipient, mail.values = "", {**mail.values, "name": DELETED_USER}
        else:
            mail.reply_to, mail.values = "", {**mail.values, "reporter": DELETED_USER}


@dataclass(frozen=True, slots=True)
class _Traces:
    """Rows that name a user without being theirs, by id."""

    letters: list[int]
    """Mails about the account, to the present address or an earlier one."""
    answers: list[int]
    """Mails with the answer to a problem that the user reported."""
    reports: list[int]
    """Mails to the awarding body about such a problem."""
    refusals: list[int]
    """Audit lines of refused sign-ins."""


def _traces_of(user_id: int) -> _Traces:
    """What names the user, read before anything is locked: the outbox and the trail are long."""
    user = db.session.get_one(User, user_id)
    # An address that was given up may be somebody else's since, so it counts for the time before only.
    given_up = select(Mail.recipient, Mail.created_at)
    given_up = given_up.where(Mail.key.startswith(f"email_changed:{user_id}:", autoescape=True))
    earlier = db.session.execute(given_up).all()
    to_them: list[ColumnElement[bool]] = [Mail.recipient == user.email]
    tried: list[ColumnElement[bool]] = [AuditEntry.subject.in_([user.email[:CUT], user.username[:CUT]])]
    for address, until in earlier:
        to_them.append(and_(Mail.recipient == address, Mail.created_at <= until))
        tried.append(and_(AuditEntry.subject == address[:CUT], AuditEntry.at <= until))
    letters = select(Mail.id).where(
        or_(*to_them),
        Mail.created_at >= user.created_at,
        Mail.letter.in_(OWN_LETTERS),
        Mail.state.not_in(UNDER_WAY),
    )
    numbers = set(db.session.scalars(select(Problem.id).where(Problem.reporter_id == user_id)))
    reports = select(Mail.id).where(Mail.key.in_([f"problem:{number}" for number in numbers]))
    answers = select(Mail.id, Mail.values).where(
        Mail.letter == "problem_answered", Mail.centre_id == user.centre_id, Mail.created_at >= user.created_at
    )
    whose = cast(AuditEntry.detail["user_id"].as_string(), BigInteger)
    refused = (AuditEntry.action == "SignInRefused", AuditEntry.at >= user.created_at)
    by_name = db.session.execute(select(AuditEntry.id, AuditEntry.detail).where(or_(*tried))).all()
    return _Traces(
        letters=list(db.session.scalars(letters)),
        answers=[mail.id for mail in db.session.execute(answers) if numbers and mail.values.get("number") in numbers],
        reports=list(db.session.scalars(reports)),
        refusals=[
            *(entry.id for entry in by_name if entry.detail.get("user_id") in (None, user_id)),
            *db.session.scalars(select(AuditEntry.id).where(*refused, whose == user_id)),
        ],
    )
