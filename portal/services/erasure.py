"""Erasing deleted users: thirty days after, nothing of the person is left; what they did, and to what, stays."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update
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
"""Mails about an account; those about documents and problems are the business of others too."""


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
    letters = _letters_to(user_id)
    with unit_of_work(SYSTEM) as record:
        still_due = select(User).where(User.id == user_id, User.erased_at.is_(None))
        still_due = still_due.where(User.deleted_at < clock.now() - RESTORABLE_FOR)
        user = db.session.scalars(still_due.with_for_update()).one_or_none()
        if user is None:
            return
        _take_name_away(user)
        db.session.execute(update(Mail).where(Mail.id.in_(letters)).values(recipient="", values={}))
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


def _take_name_away(user: User) -> None:
    for who, name in NAMES:
        db.session.execute(update(who.class_).where(who == user.id).values({name.key: DELETED_USER}))
    # The addresses of the browsers are the person's too.
    db.session.execute(update(AuditEntry).where(AuditEntry.actor_id == user.id).values(address=""))
    taken = update(Download).where(Download.centre_id == user.centre_id, Download.downloaded_by == user.full_name)
    db.session.execute(taken.values(downloaded_by=DELETED_USER))
    # A refused sign-in tells which account was tried, by the address or username that was typed.
    tried: ColumnElement[bool] = or_(AuditEntry.subject == user.email, AuditEntry.subject == user.username)
    for entry in db.session.scalars(select(AuditEntry).where(tried)):
        entry.subject = f"user {user.id}"
        entry.detail = {**entry.detail, "account": DELETED_USER} if "account" in entry.detail else entry.detail


def _letters_to(user_id: int) -> list[int]:
    """The settled mails about the account, read before anything is locked: the outbox is long."""
    address = db.session.scalar(select(User.email).where(User.id == user_id))
    settled = (MailState.SENT, MailState.FAILED)
    about = select(Mail.id).where(Mail.recipient == address, Mail.letter.in_(OWN_LETTERS), Mail.state.in_(settled))
    return list(db.session.scalars(about))
