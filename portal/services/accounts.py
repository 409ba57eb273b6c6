"""Coming in and going out: sign-in at every door, sessions, new passwords, confirmed addresses.

Somebody who does not know the password learns nothing: an unknown account, another door, an inactive or a deleted
account and a wrong password get one answer after one and the same time. Who manages accounts is in ``services.users``.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.roles import door_of
from portal.access.sessions import actor_of, token_hash
from portal.database import database_now, db
from portal.errors import Expired, Invalid, NotAllowed, NotFound
from portal.events.catalogue import (
    AccessChanged,
    PasswordResetRequested,
    SignedIn,
    SignedOut,
    SignInRefused,
    UserChanged,
)
from portal.models.centres import Centre
from portal.models.second_step import SecondStep
from portal.models.sign_in import OneTimeToken, UserSession
from portal.models.users import User
from portal.services import mails, passwords, throttles, tokens
from portal.unit_of_work import Record, unit_of_work
from portal.vocabulary import Door, Role, TokenPurpose, UserStatus

SESSION_LIFETIME = timedelta(hours=12)
"""However busy a session is, it ends after this."""

CHANGE_LIFETIME = timedelta(minutes=15)
"""How long somebody who signed in with a first password may take to choose an own one."""

HANDED_OVER_FOR = timedelta(hours=72)
"""How long a password that somebody else chose lets its user in, to choose an own one."""

SET_UP_LIFETIME = timedelta(minutes=30)
"""How long a sign-in waits where the second step has to be set up first: an app has to be found and installed."""

LONGEST_ACCOUNT = 254
"""Characters of an email address (RFC 5321 §4.5.3.1)."""


class Refused(Invalid):
    """The one answer to everybody who did not give the right password of an account of this door."""


class Locked(Refused):
    """The password is right and the account is locked; only its owner learns that, and why."""

    def __init__(self, until: datetime, reason: str = "") -> None:
        why = f": {reason}" if reason else ""
        super().__init__(
            f"Your account is locked until {clock.uk_date(until)}{why}. Please contact whoever manages your account."
        )
        self.until = until


class PasswordExpired(Refused):
    """The password is right, and was handed over too long ago; only whoever has it learns that."""

    def __init__(self) -> None:
        super().__init__(
            "The password you were given had to be changed within 72 hours and is no longer good. Ask whoever manages "
            "your account for another one, or choose your own through “Forgot my password”."
        )


class Unconfirmed(Refused):
    """The password is right and the email address waits to be confirmed; only its owner learns that."""

    def __init__(self, user_id: int) -> None:
        super().__init__("Please confirm your email address first. We have sent you a link for that.")
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that somebody signed in on before: its name, and the epoch of each account at that time."""

    name: str
    epochs: Mapping[int, int] = field(default_factory=dict)

    def knows(self, user: User) -> bool:
        """Whether this account signed in here, with the rights that it still has."""
        return self.epochs.get(user.id) == user.auth_epoch


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody may come in: with a session, or first of all to choose a password."""

    user_id: int
    role: Role
    auth_epoch: int
    token: str = ""
    """For the cookie; the database keeps its hash. Empty when a password has to be chosen first."""
    change_token_id: int | None = None
    """The one-time token that allows to choose a password."""
    second_step_token_id: int | None = None
    """The one-time token of a sign-in that waits for its second step: there is no session before."""


def sign_in(
    *,
    account: str,
    password: str,
    door: Door,
    actor: Actor,
    device: Device | None = None,
    agent: str = "",
    ending: int | None = None,
    second_step_for: Collection[Role] = (),
) -> Entry:
    """Sign in at a door with an email address or a username.

    ``actor`` is the visitor, ``ending`` the id of the session that this browser had; ``second_step_for`` are the roles
    that have to have a second step. Raises ``Refused`` (also as
    ``Locked`` or ``Unconfirmed``), ``Throttled``, ``Invalid`` for unreadable input, ``Crowded``.
    """
    account = readable_account(account)
    password = passwords.readable(password)
    found = _find(account)
    spent = _tries_of(account, found, device, actor)
    # Counting is a transaction of its own, so none is open while the password is hashed.
    throttles.spend(*spent, actor=actor)
    right = passwords.matches(found.password_hash if found else "", password)
    newer = passwords.hash_of(password) if right and found and passwords.is_outdated(found.password_hash) else ""

    who = actor_of(found, address=actor.address) if found and right else actor
    with unit_of_work(who) as record:
        user = db.session.get(User, found.id if found else 0, with_for_update=True)
        refusal = refusal_of(user, door) if right and found and _same_password(user, found) else Refused(WRONG)
        if refusal is None and user is not None:
            user.password_hash = newer or user.password_hash
            _forgive(spent)
            entry = _enter(
                record, user, address=actor.address, agent=agent, ending=ending, second_step_for=second_step_for
            )
        else:
            typed = account[:120] if found else "an unknown account"
            record(SignInRefused(door=door.value, account=typed, user_id=found.id if found else None))
    if refusal is not None:
        raise refusal
    return entry


WRONG = "The email address and the password do not belong to an account that can sign in here."


def readable_account(account: str) -> str:
    """What was typed as email address or username, as it is kept: trimmed, in lower case, nothing else folded."""
    account = account.strip().lower()
    if not account:
        raise Invalid("Enter your email address.", field="email")
    if len(account) > LONGEST_ACCOUNT or not account.isprintable():
        raise Invalid("This is not an email address.", field="email")
    return account


def _find(account: str) -> User | None:
    """The account of an email address or username."""
    statement = (
        select(User)
        .where(or_(User.email == account, User.username == account), User.deleted_at.is_(None))
        .order_by((User.email == account).desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def _tries_of(account: str, found: User | None, device: Device | None, actor: Actor) -> list[throttles.Spent]:
    network = throttles.network_of(actor.address)
    if found is not None and device is not None and device.knows(found):
        return [(limit, f"{device.name}:{found.id}") for limit in throttles.SIGN_IN_DEVICE]
    # Username and email address of one account are counted together.
    subject = str(found.id) if found else account
    return [*((limit, subject) for limit in throttles.SIGN_IN_ACCOUNT), (throttles.SIGN_IN_ADDRESS, network)]


def _forgive(spent: list[throttles.Spent]) -> None:
    """A good sign-in clears the account; of the network it takes back its own try only."""
    own = [one for one in spent if one[0] is not throttles.SIGN_IN_ADDRESS]
    throttles.clear(*own)
    throttles.give_back(*(one for one in spent if one[0] is throttles.SIGN_IN_ADDRESS))


def _same_password(user: User | None, found: User) -> bool:
    """Whether the password that was checked is still the one: it may have been changed while it was."""
    return user is not None and user.password_hash == found.password_hash


def refusal_of(user: User | None, door: Door) -> Refused | None:
    """Why somebody with the right password may not come in."""
    if user is None or user.deleted_at is not None or door_of(user.role) is not door:
        return Refused(WRONG)
    status = user.status_at(clock.now())
    if status is UserStatus.INACTIVE:
        return Refused(WRONG)
    if status is UserStatus.LOCKED and user.locked_until is not None:
        return Locked(user.locked_until, user.lock_reason)
    if user.email_confirmed_at is None:
        return Unconfirmed(user.id)
    if user.password_expires_at is not None and user.password_expires_at <= clock.now():
        return PasswordExpired()
    return None


def _enter(
    record: Record, user: User, *, address: str, agent: str, ending: int | None, second_step_for: Collection[Role]
) -> Entry:
    if ending is not None:
        _end(record, ending)
    if user.must_change_password:
        change = tokens.issue(TokenPurpose.RESET, user.id, detail={"must": True}, lifetime=CHANGE_LIFETIME)
        record(PasswordResetRequested(user_id=user.id))
        return Entry(user.id, user.role, user.auth_epoch, change_token_id=change.id)
    step = db.session.get(SecondStep, user.id)
    has_one = step is not None and step.confirmed_at is not None
    if has_one or user.role in second_step_for:
        if not has_one:
            # Whoever has only the password may have read a secret that was begun before: each sign-in makes its own.
            db.session.execute(delete(SecondStep).where(SecondStep.user_id == user.id))
        pending = tokens.issue(
            TokenPurpose.SECOND_STEP,
            user.id,
            detail={"epoch": user.auth_epoch, "enrol": not has_one},
            lifetime=None if has_one else SET_UP_LIFETIME,
        )
        return Entry(user.id, user.role, user.auth_epoch, second_step_token_id=pending.id)
    return open_session(record, user, address=address, agent=agent)


def open_session(record: Record, user: User, *, address: str, agent: str) -> Entry:
    """Let somebody in who proved all that is asked for, inside the caller's unit of work."""
    moment = clock.now()
    db.session.execute(delete(UserSession).where(UserSession.user_id == user.id, UserSession.expires_at <= moment))
    token = secrets.token_urlsafe(32)
    db.session.add(
        UserSession(
            token_hash=token_hash(token),
            user_id=user.id,
            auth_epoch=user.auth_epoch,
            created_at=moment,
            seen_at=moment,
            expires_at=moment + SESSION_LIFETIME,
            address=address[:64],
            agent="".join(character for character in agent if character.isprintable())[:200],
        )
    )
    user.last_sign_in_at = moment
    record(SignedIn(user_id=user.id))
    return Entry(user.id, user.role, user.auth_epoch, token=token)


def sign_out(session_id: int, *, actor: Actor) -> None:
    """End a session; its cookie is worth nothing from now, wherever a copy of it is."""
    with unit_of_work(actor) as record:
        _end(record, session_id)


def end_own_session(session_id: int, *, actor: Actor) -> None:
    """End one of one's own sessions, on whatever browser it is. Raises ``NotFound`` for anybody else's."""
    with unit_of_work(actor) as record:
        found = db.session.get(UserSession, session_id) if 0 < session_id <= scope.BIGGEST_ID else None
        if found is None or found.user_id != actor.user_id:
            raise NotFound("There is nothing here.")
        _end(record, session_id)


def end_other_sessions(record: Record, user_id: int, *, but: int | None) -> None:
    """End the sessions of a user, all of them or all but one, inside the caller's unit of work."""
    for session_id in db.session.scalars(select(UserSession.id).where(UserSession.user_id == user_id)).all():
        if session_id != but:
            _end(record, session_id)


def sign_out_everywhere(*, actor: Actor) -> None:
    """End every session and every socket of one's own, this browser's too."""
    with unit_of_work(actor) as record:
        user = db.session.get(User, actor.user_id or 0, with_for_update=True)
        if user is None:
            raise NotAllowed("Sign in first.")
        end_access(record, user, why="signed out everywhere")


def _end(record: Record, session_id: int) -> None:
    ended = db.session.scalars(
        delete(UserSession).where(UserSession.id == session_id).returning(UserSession.user_id)
    ).one_or_none()
    if ended is not None:
        record(SignedOut(user_id=ended, session_id=session_id))


def end_access(record: Record, user: User, *, why: str) -> None:
    """End every session and socket of a user, inside the caller's unit of work."""
    user.auth_epoch += 1
    db.session.execute(delete(UserSession).where(UserSession.user_id == user.id))
    record(AccessChanged(user_id=user.id, why=why))


def request_reset(*, account: str, actor: Actor) -> None:
    """Send a link to set a new password, if there is such an account; nobody learns whether there is.

    Raises ``Throttled`` only for a network that asks for very many.
    """
    account = readable_account(account)
    throttles.spend((throttles.FORGOT_ADDRESS, throttles.network_of(actor.address)), actor=actor)
    found = _find(account)
    with unit_of_work(actor) as record:
        if throttles.take(throttles.LINK_MAILS, found.email if found else account):
            return
        user = db.session.get(User, found.id if found else 0, with_for_update=True)
        if user is None or user.deleted_at is not None or not user.active:
            return
        if user.email_confirmed_at is None:
            # Whoever reads mail at an unproved address must not get the account: first the address, then the password.
            send_confirmation(record, user)
            return
        token = tokens.issue(TokenPurpose.RESET, user.id)
        mails.queue(
            record,
            "password_reset",
            key=f"password_reset:{token.id}",
            to=user.email,
            values={"name": user.full_name} | tokens.mail_values(token),
            brand_id=brand_of(user),
            centre_id=user.centre_id,
        )
        record(PasswordResetRequested(user_id=user.id))


def resend_confirmation(user_id: int, *, actor: Actor) -> None:
    """Send the link of an unconfirmed address again, at most a few times an hour; silent otherwise."""
    with unit_of_work(actor) as record:
        user = db.session.get(User, user_id, with_for_update=True)
        if user is None or user.deleted_at is not None or not user.active or user.email_confirmed_at is not None:
            return
        if not throttles.take(throttles.LINK_MAILS, user.email):
            send_confirmation(record, user)


def send_confirmation(record: Record, user: User) -> None:
    """Queue the mail that asks a user to confirm the present address, inside the caller's unit of work."""
    token = tokens.issue(TokenPurpose.CONFIRM, user.id, detail={"email": user.email})
    mails.queue(
        record,
        "email_confirmation",
        key=f"email_confirmation:{token.id}",
        to=user.email,
        values={"name": user.full_name} | tokens.mail_values(token),
        brand_id=brand_of(user),
        centre_id=user.centre_id,
    )


def confirm_email(link: str, *, secret: str, actor: Actor) -> Door:
    """Confirm the address that a link was sent to; give the door to sign in at. Raises ``Expired``."""
    with unit_of_work(actor) as record:
        token = tokens.use(link, TokenPurpose.CONFIRM, secret)
        user = _owner(token)
        if token.detail.get("email") != user.email:
            raise Expired
        user.email_confirmed_at = database_now()
        record(UserChanged(user_id=user.id, centre_id=user.centre_id))
        return door_of(user.role)


def choose_password(link: str, *, purpose: TokenPurpose, password: str, secret: str, actor: Actor) -> Door:
    """Set the password through a link of a mail (reset or invitation); give the door to sign in at.

    Every session of the user ends. Raises ``Expired``, ``Invalid`` for a password that breaks a rule; the link
    stays good then.
    """
    token = tokens.peek(link, purpose, secret)
    user = _owner(token, lock=False)
    must, old_hash = bool(token.detail.get("must")), user.password_hash
    passwords.check_rules(password, about=about(user))
    db.session.close()
    if must and passwords.matches(old_hash, password):
        raise Invalid("Choose a password other than the one you were given.", field="password")
    new_hash = passwords.hash_of(password)
    with unit_of_work(actor_of(user, address=actor.address)) as record:
        user = _owner(tokens.use(link, purpose, secret))
        if purpose is TokenPurpose.INVITE and user.email_confirmed_at is None:
            # The link came by mail to this address, so it is the owner of the address who is here.
            user.email_confirmed_at = database_now()
        set_password(record, user, new_hash, must_change=False, why="password chosen")
        return door_of(user.role)


def change_password(*, current: str, new: str, actor: Actor, agent: str = "") -> Entry:
    """Change the own password; every session ends, and the caller gets a new one for this browser."""
    user = db.session.get(User, actor.user_id or 0)
    if user is None:
        raise NotAllowed("Sign in first.")
    passwords.check_rules(new, about=about(user), field="new")
    passwords.readable(current, field="current")
    db.session.close()
    own = [(limit, str(user.id)) for limit in throttles.SIGN_IN_ACCOUNT]
    throttles.spend(*own, actor=actor)
    if not passwords.matches(user.password_hash, current):
        raise Invalid("This is not your current password.", field="current")
    new_hash = passwords.hash_of(new)
    old_hash = user.password_hash
    with unit_of_work(actor) as record:
        user = db.session.get_one(User, user.id, with_for_update=True)
        if user.password_hash != old_hash or not user.may_enter_at(clock.now()):
            raise NotAllowed("Sign in again first.")
        throttles.clear(*own)
        set_password(record, user, new_hash, must_change=False, why="password changed")
        return open_session(record, user, address=actor.address, agent=agent)


def check_password(password: str, *, actor: Actor) -> None:
    """Let go on who gives the own password once more. Raises ``Invalid`` at ``current``, ``Throttled``, ``Crowded``."""
    user = db.session.get(User, actor.user_id or 0)
    if user is None:
        raise NotAllowed("Sign in first.")
    passwords.readable(password, field="current")
    db.session.close()
    own = [(limit, str(user.id)) for limit in throttles.SIGN_IN_ACCOUNT]
    throttles.spend(*own, actor=actor)
    if not passwords.matches(user.password_hash, password):
        raise Invalid("This is not your current password.", field="current")
    with unit_of_work(actor):
        throttles.give_back(*own)


def set_password(record: Record, user: User, new_hash: str, *, must_change: bool, why: str) -> None:
    """Put a new hash in place, inside the caller's unit of work: links and sessions end, the owner hears of it."""
    had_one = bool(user.password_hash)
    user.password_hash = new_hash
    user.must_change_password = must_change
    user.password_expires_at = clock.now() + HANDED_OVER_FOR if must_change else None
    tokens.void(TokenPurpose.RESET, user.id)
    tokens.void(TokenPurpose.INVITE, user.id)
    end_access(record, user, why=why)
    if had_one:
        mails.queue(
            record,
            "password_changed",
            key=f"password_changed:{user.id}:{user.auth_epoch}",
            to=user.email,
            values={
                "name": user.full_name,
                "changed_at": clock.now().isoformat(),
                "path": f"/{door_of(user.role).value}/forgot",
            },
            brand_id=brand_of(user),
            centre_id=user.centre_id,
        )


def about(user: User) -> list[str]:
    """The words that a password of this user must not be made of."""
    return [user.email, user.username, user.first_name, user.middle_name, user.last_name]


def brand_of(user: User) -> int | None:
    """The brand whose face the mails to a user wear; none for the awarding body's own staff."""
    if user.centre_id is None:
        return None
    return db.session.scalar(select(Centre.brand_id).where(Centre.id == user.centre_id))


def username_of(token: OneTimeToken) -> str:
    """Whose link it is, so that a browser keeps the new password with the right name. Raises ``Expired``."""
    return _owner(token, lock=False).username


def _owner(token: OneTimeToken, *, lock: bool = True) -> User:
    """The user of a token; a deleted or inactive one has no good links."""
    user = db.session.get(User, token.user_id, with_for_update=lock or None)
    if user is None or user.deleted_at is not None or not user.active:
        raise Expired
    return user
