"""Making and managing accounts: who is let in, as what, until when. Signing in itself is in ``services.accounts``."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.exc import IntegrityError

from portal import clock, fault
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.access.roles import door_of
from portal.database import db
from portal.errors import Invalid, NotAllowed, NotFound, Taken, Throttled, WrongMove
from portal.events.catalogue import LockEnded, UserChanged
from portal.mail import wording
from portal.models.centres import Centre
from portal.models.learners import Learner
from portal.models.users import RESTORABLE_FOR, User
from portal.services import accounts, mails, passwords, throttles, tokens
from portal.unit_of_work import Record, unit_of_work
from portal.vocabulary import Role, TokenPurpose

LOCK_REASONS = (
    "Staff member is on long term sick",
    "Learner has outstanding debt",
    "Staff member has been suspended",
)
"""What the User Lockout dialog offers where no list is configured (``USER_LOCK_REASONS``, SPEC §13)."""

LONGEST_LOCK = timedelta(days=3653)
LONGEST_NAME = 100
LONGEST_INFORMATION = 5_000
LONGEST_PHONE = 40
TAKEN = "This is used by another account already."
CHANGED_MEANWHILE = "Somebody changed this user while you had the page open. Check what you entered, and save again."
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Person:
    """Who an account is for. The username is the email address where none is given."""

    email: str
    first_name: str
    last_name: str
    middle_name: str = ""
    username: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """A new account, and the token of its invitation when it was made without a password."""

    user_id: int
    invitation_id: int | None


def create_issuer(
    person: Person, *, password: str = "", must_change: bool = True, tell: bool = True, actor: Actor
) -> Created:
    """Make an account for staff of the awarding body. Only the portal itself and other issuers may."""
    actor.require(Permission.CENTRES_MANAGE)
    return _create(person, Role.ISSUER, password=password, must_change=must_change, tell=tell, actor=actor)


def create_centre_admin(
    centre_id: int, person: Person, *, password: str = "", must_change: bool = True, tell: bool = True, actor: Actor
) -> Created:
    """Make an admin of a centre, the first one too: the issuer's right (SPEC §2)."""
    actor.require(Permission.CENTRES_MANAGE)
    return _create(
        person,
        Role.CENTRE_ADMIN,
        centre_id=centre_id,
        password=password,
        must_change=must_change,
        tell=tell,
        actor=actor,
    )


def create_centre_user(
    centre_id: int,
    person: Person,
    *,
    password: str = "",
    must_change: bool = True,
    admin: bool = False,
    tell: bool = True,
    actor: Actor,
) -> Created:
    """Make a user of a centre: by its admin, or by the issuer. Without a password an invitation is sent."""
    actor.require(Permission.USERS_MANAGE)
    return _create(
        person,
        Role.CENTRE_ADMIN if admin else Role.CENTRE_USER,
        centre_id=centre_id,
        password=password,
        must_change=must_change,
        tell=tell,
        actor=actor,
    )


def create_learner(learner_id: int, *, email: str, password: str, tell: bool = True, actor: Actor) -> Created:
    """Make the account of a learner who is on file. Registration by the learner's own hand comes with its own page."""
    actor.require(Permission.CENTRES_MANAGE)
    learner = db.session.get(Learner, learner_id)
    if learner is None:
        raise NotFound("There is nothing here.")
    person = Person(email, learner.first_name, learner.last_name, middle_name=learner.middle_name)
    return _create(
        person, Role.LEARNER, learner_id=learner_id, password=password, must_change=False, tell=tell, actor=actor
    )


def _create(
    person: Person,
    role: Role,
    *,
    centre_id: int | None = None,
    learner_id: int | None = None,
    password: str,
    must_change: bool,
    tell: bool,
    actor: Actor,
) -> Created:
    person = _checked(person)
    password_hash = ""
    if password:
        passwords.check_rules(
            password, about=(person.email, person.username, person.first_name, person.middle_name, person.last_name)
        )
    _count(actor)
    if password:
        db.session.close()
        password_hash = passwords.hash_of(password)
    with unit_of_work(actor) as record:
        centre = scope.load(scope.centres(actor), centre_id) if centre_id is not None else None
        _refuse_taken(person.email, person.username)
        moment = clock.now()
        user = User(
            username=person.username,
            email=person.email,
            # An account with a password is handed over by a person; an invitation proves the address by itself.
            email_confirmed_at=moment if password else None,
            password_hash=password_hash,
            must_change_password=bool(password) and must_change,
            password_expires_at=moment + accounts.HANDED_OVER_FOR if password and must_change else None,
            first_name=person.first_name,
            middle_name=person.middle_name,
            last_name=person.last_name,
            phone=person.phone,
            role=role,
            centre_id=centre_id,
            learner_id=learner_id,
            created_at=moment,
        )
        with _unique():
            db.session.add(user)
            db.session.flush()
        record(UserChanged(user_id=user.id, centre_id=user.centre_id))
        if password:
            # Nothing was sent to anybody who did not ask, and a whole staff may be entered in one morning.
            throttles.give_back(*_spent(actor))
            if tell:
                _tell_of_account(record, user)
            return Created(user.id, None)
        if tell:
            _take_mail(user.email)
        return Created(user.id, _invite(record, user, centre, tell=tell, actor=actor))


def invite_again(user_id: int, *, actor: Actor) -> None:
    """Send the invitation, or the link that confirms the address, once more; older links are void.

    Somebody who has not yet changed a password that was handed over is invited to choose one instead. Raises
    ``WrongMove`` when nothing is open, and for more than a few mails an hour.
    """
    with _managing(user_id, actor) as (record, user):
        if user.email_confirmed_at is not None and user.password_hash and not user.must_change_password:
            raise WrongMove("This address is confirmed already.")
        if throttles.take(throttles.LINK_MAILS, user.email):
            raise WrongMove("Several mails went to this address within the hour. Please wait before sending another.")
        if user.email_confirmed_at is not None:
            _invite(record, user, _centre_of(user), tell=True, actor=actor)
        else:
            _send_link(record, user, actor)


def lock(
    user_id: int,
    *,
    until: date,
    reason: str,
    information: str = "",
    reasons: Sequence[str] = LOCK_REASONS,
    actor: Actor,
) -> None:
    """Lock a user from now until the beginning of a day (UK time); every session and socket ends.

    Raises ``Invalid``, ``WrongMove`` for oneself and for the last admin.
    """
    today = clock.today()
    if not today < until <= today + LONGEST_LOCK:
        raise Invalid("The lockout date must be in the future, within ten years.", field="until")
    if reason not in reasons:
        raise Invalid("Choose one of the reasons.", field="reason")
    information = _text(information, field="information", most=LONGEST_INFORMATION)
    with _managing(user_id, actor) as (record, user):
        _refuse_self(user, actor)
        _refuse_last_admin(user, actor, for_good=False)
        user.locked_until = datetime.combine(until, time.min, tzinfo=clock.UK)
        user.lock_reason, user.lock_information = reason, information
        accounts.end_access(record, user, why="locked")
    # The row, the sessions and the step that closes the sockets are one commit; whoever dies here has locked.
    fault.point("lock", user_id)


def unlock(user_id: int, *, actor: Actor) -> None:
    """Free a locked user before the day; on one who is not locked it does nothing."""
    with _managing(user_id, actor) as (_record, user):
        _free(user)


def end_locks(*, most: int = 200) -> int:
    """Free those whose day has come, so that the open lists hear of it; the status itself follows from the date.

    Called by the sweeper; gives how many. Nothing is written while no lock ends.
    """
    due = select(User.id).where(User.locked_until <= clock.now()).limit(most)
    idents = list(db.session.scalars(due))
    if not idents:
        return 0
    with unit_of_work(SYSTEM) as record:
        # Read again: an admin may have locked one of them anew a moment ago.
        ended = select(User).where(User.id.in_(idents), User.locked_until <= clock.now()).order_by(User.id)
        for user in db.session.scalars(ended.with_for_update()):
            _free(user)
            record(LockEnded(user_id=user.id, centre_id=user.centre_id))
    return len(idents)


def _free(user: User) -> None:
    user.locked_until, user.lock_reason, user.lock_information = None, "", ""


def set_active(user_id: int, active: bool, *, actor: Actor) -> None:
    """Make a user inactive, or active again."""
    with _managing(user_id, actor) as (record, user):
        _set_active(record, user, active, actor)


def set_admin(user_id: int, admin: bool, *, actor: Actor) -> None:
    """Give or take the admin right of a centre's user; the pages open now are asked to sign in again."""
    with _managing(user_id, actor) as (record, user):
        _set_admin(record, user, admin, actor)


def _set_active(record: Record, user: User, active: bool, actor: Actor) -> None:
    if user.active == active:
        return
    if not active:
        _refuse_self(user, actor)
        _refuse_last_admin(user, actor, for_good=False)
        accounts.end_access(record, user, why="inactive")
    user.active = active


def _set_admin(record: Record, user: User, admin: bool, actor: Actor) -> None:
    if user.centre_id is None:
        raise WrongMove("Only users of a centre can be its admins.")
    role = Role.CENTRE_ADMIN if admin else Role.CENTRE_USER
    if user.role is role:
        return
    if not admin:
        _refuse_self(user, actor)
        _refuse_last_admin(user, actor, for_good=True)
    user.role = role
    accounts.end_access(record, user, why="role changed")


def remove(user_id: int, *, actor: Actor) -> None:
    """Delete a user; ``restore`` brings them back for 30 days. Deleting twice is ``NotFound``."""
    with _managing(user_id, actor) as (record, user):
        _refuse_self(user, actor)
        _refuse_last_admin(user, actor, for_good=True)
        user.deleted_at = clock.now()
        for purpose in TokenPurpose:
            tokens.void(purpose, user.id)
        accounts.end_access(record, user, why="deleted")


def restore(user_id: int, *, actor: Actor) -> None:
    """Bring a deleted user back, within 30 days."""
    with _managing(user_id, actor, deleted=True) as (_record, user):
        if user.deleted_at is None:
            return
        if user.deleted_at < clock.now() - RESTORABLE_FOR:
            raise NotFound("There is nothing here.")
        user.deleted_at = None


def change_details(
    user_id: int, *, first_name: str, last_name: str, middle_name: str = "", phone: str = "", actor: Actor
) -> None:
    """Change names and telephone number, of oneself or of somebody one manages."""
    first_name, last_name = _name(first_name, "first_name"), _name(last_name, "last_name")
    middle_name = _name(middle_name, "middle_name", needed=False)
    phone = _line(phone, field="phone", most=LONGEST_PHONE)
    with _managing(user_id, actor, own=True) as (_record, user):
        user.first_name, user.middle_name, user.last_name = first_name, middle_name, last_name
        user.phone = phone


def change_email(user_id: int, *, email: str, actor: Actor) -> None:
    """Change the address, of oneself or of somebody one manages; the username stays.

    Until the new address is confirmed by a link sent to it the user cannot sign in (SPEC §2). The old address is told.
    """
    email = _address(email)
    _count(actor)
    with _managing(user_id, actor, own=True) as (record, user):
        _set_email(record, user, email, actor)


def change_own(person: Person, *, current: str = "", actor: Actor) -> bool:
    """Change one's own names, telephone number and address, or nothing of it; say whether the address is another.

    Another address needs the ``current`` password. The username stays. Raises ``Invalid``, ``Taken``, ``Throttled``,
    ``Crowded``.
    """
    person = _checked(person)
    own = db.session.get(User, actor.user_id or 0)
    if own is None:
        raise NotAllowed("Sign in first.")
    moved = own.email != person.email
    if moved:
        if not current:
            raise Invalid("Enter your current password to change your email address.", field="current")
        accounts.check_password(current, actor=actor)
        _count(actor)
    with _managing(own.id, actor, own=True) as (record, user):
        _set_details(user, person)
        # Where an admin was quicker, the address of theirs is not taken back without the password.
        if moved:
            _set_email(record, user, person.email, actor)
    return moved


def _set_details(user: User, person: Person) -> None:
    user.first_name, user.middle_name, user.last_name = person.first_name, person.middle_name, person.last_name
    user.phone = person.phone


def _set_email(record: Record, user: User, email: str, actor: Actor) -> None:
    if user.email == email:
        return
    _refuse_taken(email, email, other_than=user.id)
    _take_mail(email)
    old, was_confirmed = user.email, user.email_confirmed_at is not None
    with _unique():
        user.email, user.email_confirmed_at = email, None
        db.session.flush()
    # A link that went to the old address must not open the account.
    for purpose in TokenPurpose:
        tokens.void(purpose, user.id)
    accounts.end_access(record, user, why="email changed")
    fault.point("email_change", user.id)
    _send_link(record, user, actor)
    if was_confirmed:
        mails.queue(
            record,
            "email_changed",
            key=f"email_changed:{user.id}:{user.auth_epoch}",
            to=old,
            values={"name": user.full_name, "changed_at": clock.now().isoformat()},
            brand_id=accounts.brand_of(user),
            centre_id=user.centre_id,
        )


def version_of(user: User) -> str:
    """A mark of everything that ``change`` may change: another mark, and somebody else was quicker."""
    facts = (user.username, user.email, user.first_name, user.middle_name, user.last_name, user.phone)
    return hashlib.sha256(repr((*facts, user.active, user.role.value)).encode()).hexdigest()[:16]


def change(user_id: int, person: Person, *, active: bool, admin: bool, seen: str = "", actor: Actor) -> None:
    """Change everything about a user that a page can change, or nothing of it.

    ``seen`` is the ``version_of`` what the page showed. Raises ``Invalid``, ``Taken``, and ``WrongMove`` for oneself,
    for the last admin, and where the user was changed meanwhile; ``Throttled`` after many new addresses.
    """
    person = _checked(person)
    actor.require(Permission.USERS_MANAGE)
    found = scope.load(scope.users(actor), user_id)
    if (found.email, found.username) != (person.email, person.username):
        _count(actor)
    with _managing(user_id, actor) as (record, user):
        if seen and seen != version_of(user):
            raise WrongMove(CHANGED_MEANWHILE)
        _refuse_own_sign_in(user, person, actor)
        if user.username != person.username:
            _refuse_taken(person.username, person.username, other_than=user.id, fields=("username", "username"))
            with _unique("username"):
                user.username = person.username
                db.session.flush()
        _set_details(user, person)
        _set_active(record, user, active, actor)
        if user.centre_id is not None:
            _set_admin(record, user, admin, actor)
        _set_email(record, user, person.email, actor)


def give_password(user_id: int, *, password: str, actor: Actor) -> None:
    """Set a first password for somebody one manages; at the next sign-in, within 72 hours, another has to be chosen.

    Raises ``WrongMove`` for oneself, and ``Throttled`` where the address has to be confirmed and had many mails.
    """
    actor.require(Permission.USERS_MANAGE)
    user = scope.load(scope.users(actor), user_id)
    if user.id == actor.user_id:
        raise WrongMove("Change your own password on your profile.")
    passwords.check_rules(password, about=accounts.about(user))
    db.session.close()
    password_hash = passwords.hash_of(password)
    with _managing(user_id, actor) as (record, user):
        accounts.set_password(record, user, password_hash, must_change=True, why="password given")
        if user.email_confirmed_at is None:
            # The invitation is void with the password, so the address is proved by a link of its own.
            _take_mail(user.email)
            accounts.send_confirmation(record, user)


@contextmanager
def _managing(user_id: int, actor: Actor, *, own: bool = False, deleted: bool = False) -> Iterator[tuple[Record, User]]:
    """A unit of work on one user whom the actor manages (or, with ``own``, is); told to the lists afterwards."""
    if not (own and user_id == actor.user_id):
        actor.require(Permission.USERS_MANAGE)
    with unit_of_work(actor) as record:
        user = scope.load(_visible(user_id, actor, own=own, deleted=deleted), user_id)
        _take_turns(user)
        user = db.session.get_one(User, user.id, with_for_update=True, populate_existing=True)
        yield record, user
        record(UserChanged(user_id=user.id, centre_id=user.centre_id))


def _visible(user_id: int, actor: Actor, *, own: bool, deleted: bool) -> Select[Any]:
    """Where to look for the user: oneself, or those of one's scope, or the deleted ones of it."""
    if own and user_id == actor.user_id:
        return select(User).where(User.deleted_at.is_(None))
    if not deleted:
        return scope.users(actor)
    return scope.deleted_users(actor)


def _take_turns(user: User) -> None:
    """Let two people who manage the same users go one after the other: else two admins could lock each other out.

    Whoever signs in has their own row already and then writes a line that points at the centre. That asks for the key
    of the centre only, which does not change here, so it has to wait for nobody (PostgreSQL: FOR NO KEY UPDATE).
    """
    if user.centre_id is not None:
        turn = select(Centre.id).where(Centre.id == user.centre_id)
    elif user.role is Role.ISSUER:
        turn = select(User.id).where(User.role == Role.ISSUER).order_by(User.id)
    else:
        return
    db.session.execute(turn.with_for_update(key_share=True))


def _refuse_self(user: User, actor: Actor) -> None:
    if user.id == actor.user_id:
        raise WrongMove("You cannot do this to your own account. Ask another admin.")


def _refuse_own_sign_in(user: User, person: Person, actor: Actor) -> None:
    """Whoever finds a browser open must not take the account over: the profile asks for the password."""
    if user.id != actor.user_id:
        return
    if user.email != person.email:
        raise WrongMove("Change your own email address on your profile.", field="email")
    if user.username != person.username:
        raise WrongMove("You cannot change your own username. Ask another admin.", field="username")


def _refuse_last_admin(user: User, actor: Actor, *, for_good: bool) -> None:
    """Nobody removes the last admin. The awarding body may shut one out for a while: it can let them in again."""
    if user.role not in (Role.CENTRE_ADMIN, Role.ISSUER):
        return
    if user.role is Role.CENTRE_ADMIN and not for_good and actor.may(Permission.CENTRES_MANAGE):
        return
    moment = clock.now()
    others = db.session.scalars(
        select(User).where(
            User.role == user.role,
            User.centre_id.is_(None) if user.centre_id is None else User.centre_id == user.centre_id,
            User.id != user.id,
            User.deleted_at.is_(None),
        )
    )
    if not any(other.may_enter_at(moment) for other in others):
        raise WrongMove("This is the last admin. Make somebody else an admin first.")


def _spent(actor: Actor) -> list[throttles.Spent]:
    return [(throttles.ACCOUNTS, str(actor.user_id))] if actor.user_id is not None else []


def _count(actor: Actor) -> None:
    """Count a new address, in a transaction of its own: also the try that is refused, for its answer is asked for."""
    spent = _spent(actor)
    if spent:
        throttles.spend(*spent, actor=actor)


def _take_mail(address: str) -> None:
    """Count a mail with a link to an address. Raises ``Throttled`` when it had several, whoever had them sent."""
    wait = throttles.take(throttles.LINK_MAILS, address)
    if wait:
        raise Throttled(f"{throttles.LINK_MAILS.sentence} {throttles.wait_sentence(wait)}", retry_after=wait)


def _refuse_taken(
    email: str, username: str, *, other_than: int = 0, fields: tuple[str, str] = ("email", "username")
) -> None:
    """An address or username belongs to one account, as either: so what is typed at the door names one account."""
    statement = select(func.count()).where(User.id != other_than)
    for name, value in zip(fields, (email, username), strict=True):
        if db.session.scalar(statement.where(or_(User.email == value, User.username == value))):
            raise Taken(TAKEN, field=name)


@contextmanager
def _unique(field: str = "email") -> Iterator[None]:
    """Two people may take the same address at the same moment; the database lets one."""
    try:
        yield
    except IntegrityError as error:
        raise Taken(TAKEN, field=field) from error


def _send_link(record: Record, user: User, actor: Actor) -> None:
    """The mail that proves the address: an invitation for somebody without a password, else a confirmation."""
    if user.password_hash:
        accounts.send_confirmation(record, user)
        return
    _invite(record, user, _centre_of(user), tell=True, actor=actor)


def _centre_of(user: User) -> Centre | None:
    return db.session.get(Centre, user.centre_id) if user.centre_id else None


def _invite(record: Record, user: User, centre: Centre | None, *, tell: bool, actor: Actor) -> int:
    token = tokens.issue(TokenPurpose.INVITE, user.id)
    if tell:
        mails.queue(
            record,
            "invitation",
            key=f"invitation:{token.id}",
            to=user.email,
            values={
                "name": user.full_name,
                "inviter": actor.name,
                "centre": centre.name if centre else "the awarding body",
            }
            | tokens.mail_values(token),
            brand_id=accounts.brand_of(user),
            centre_id=user.centre_id,
        )
    return token.id


def _tell_of_account(record: Record, user: User) -> None:
    mails.queue(
        record,
        "account_created",
        key=f"account_created:{user.id}",
        to=user.email,
        values={"name": user.full_name, "username": user.username, "path": f"/{door_of(user.role).value}/login"},
        brand_id=accounts.brand_of(user),
        centre_id=user.centre_id,
    )


def _checked(person: Person) -> Person:
    email = _address(person.email)
    username = _line(person.username, field="username", most=254).lower() or email
    if len(username) < 3 or " " in username:
        raise Invalid("A username has at least three characters and no spaces.", field="username")
    return Person(
        email=email,
        first_name=_name(person.first_name, "first_name"),
        last_name=_name(person.last_name, "last_name"),
        middle_name=_name(person.middle_name, "middle_name", needed=False),
        username=username,
        phone=_line(person.phone, field="phone", most=LONGEST_PHONE),
    )


def _address(email: str) -> str:
    if len(email) > 1_000:
        raise Invalid("This email address is too long.", field="email")
    address = wording.address(email).lower()
    if "." not in address.rpartition("@")[2]:
        raise Invalid("An email address looks like name@example.org.", field="email")
    return address


def _name(value: str, field: str, *, needed: bool = True) -> str:
    value = _line(value, field=field, most=LONGEST_NAME)
    if needed and not value:
        raise Invalid("Enter a name.", field=field)
    return value


def _line(value: str, *, field: str, most: int) -> str:
    """One line: trimmed, spaces single, in one spelling (NFC), nothing that cannot be seen or turns the text round."""
    value = _text(value, field=field, most=most)
    if "\n" in value or "\t" in value:
        raise Invalid("This must be one line.", field=field)
    return " ".join(value.split())


def _text(value: str, *, field: str, most: int) -> str:
    value = unicodedata.normalize("NFC", value[: most * 4]).replace("\r\n", "\n").strip()
    if len(value) > most:
        raise Invalid(f"At most {most} characters.", field=field)
    if any(c in BIDI_CONTROLS or unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in value):
        raise Invalid("This holds characters that cannot be shown.", field=field)
    return value
