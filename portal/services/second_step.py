"""The second step of signing in: time-based codes (RFC 6238), and recovery codes for when the telephone is lost.

Between the right password and the right code there is no session: only a one-time token in the cookie of that browser.
Doors hand ``SECRET_KEY`` in; the secret shared with the telephone is kept encrypted, of recovery codes only hashes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import delete, update

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.access.roles import door_of, permissions_of
from portal.access.sessions import actor_of
from portal.database import db
from portal.errors import Expired, Invalid, NotAllowed, WrongMove
from portal.events.catalogue import SecondStepChanged, SignInRefused
from portal.models.second_step import RecoveryCode, SecondStep
from portal.models.users import User
from portal.services import accounts, mails, throttles, tokens
from portal.services.accounts import Entry
from portal.unit_of_work import Record, unit_of_work
from portal.vocabulary import Door, TokenPurpose

PERIOD = 30
"""Seconds that a code is shown for."""

DIGITS = 6

DRIFT = 1
"""So many codes before and after the present one are taken: clocks differ, and typing takes time."""

RECOVERY_CODES = 10
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nothing that looks like something else."""

RECOVERY_LENGTH = 10
FORGIVEN = str.maketrans("OIL", "011")

WRONG = "This code is not right. Type the six digits that your app shows now, or one of your recovery codes."


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whose password was right, before the second step."""

    user_id: int
    username: str
    door: Door
    enrol: bool
    """The second step has to be set up first."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What a telephone has to know."""

    secret: str
    """In base 32, for typing."""
    uri: str
    """The same for a camera (Key URI format)."""


def find_shared(user_id: int, begun: object, *, portal: str, secret_key: str) -> Shared | None:
    """The secret of a second step that no code has proved yet; of a proved one nobody learns it again.

    ``begun`` is the mark that ``begin`` gave: only the browser that began has it.
    """
    step = db.session.get(SecondStep, user_id)
    if step is None or step.confirmed_at is not None or not _is_of(step, begun):
        return None
    secret = _opened(step, secret_key)
    user = db.session.get_one(User, user_id)
    if secret is None:
        return None
    return Shared(secret, pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=portal))


def begin_own(password: str, *, secret_key: str, actor: Actor) -> str:
    """``begin`` for somebody who is signed in: by the password once more, as a session may be in other hands.

    Raises ``Invalid`` at ``current``, ``Throttled``, ``Crowded``.
    """
    user_id = _entitled(actor)
    accounts.check_password(password, actor=actor)
    return begin(user_id, secret_key=secret_key, actor=actor)


def begin(user_id: int, *, secret_key: str, actor: Actor) -> str:
    """Make a secret for a user whose password was right a moment ago; it counts for nothing until ``confirm``.

    Gives the mark of this secret, for the session of the browser that asked: another one neither reads nor confirms it.
    """
    with unit_of_work(actor):
        user = db.session.get_one(User, user_id, with_for_update=True)
        if Permission.SECOND_STEP not in permissions_of(user.role):
            raise NotAllowed("A second step is for the awarding body and for centre admins.")
        step = db.session.get(SecondStep, user_id)
        if step is not None and step.confirmed_at is not None:
            raise WrongMove("The second step is switched on already.")
        if step is None:
            step = SecondStep(user_id=user_id, secret="")
            db.session.add(step)
        step.secret = _locker(secret_key).encrypt(pyotp.random_base32().encode()).decode()
        step.last_counter = 0
        return _mark(step)


def confirm(code: str, *, begun: object, session_id: int, secret_key: str, actor: Actor) -> list[str]:
    """Switch the own second step on by a first code; give the recovery codes, which nobody can read again.

    ``begun`` is the mark that ``begin`` gave. Every session but ``session_id`` ends.
    """
    user_id = _entitled(actor)
    code = _readable(code)
    own = _spend(user_id, actor)
    with unit_of_work(actor) as record:
        user = db.session.get_one(User, user_id, with_for_update=True)
        throttles.clear(*own)
        return _switch_on(record, user, code, secret_key, begun=begun, session_id=session_id)


def renew_codes(code: str, *, secret_key: str, actor: Actor) -> list[str]:
    """Make new recovery codes; the older ones are worth nothing from now."""
    user_id = _signed_in(actor)
    code = _readable(code)
    own = _spend(user_id, actor)
    with unit_of_work(actor) as record:
        user = db.session.get_one(User, user_id, with_for_update=True)
        _require_on(user_id)
        if not _take(record, user, code, secret_key):
            raise Invalid(WRONG, field="code")
        throttles.clear(*own)
        record(_changed(user, "made new recovery codes"))
        return _new_codes(user_id, secret_key)


def switch_off(*, password: str, code: str, secret_key: str, compulsory: bool, actor: Actor) -> None:
    """Switch the own second step off: by the password and a code. Raises ``WrongMove`` where it is compulsory."""
    user_id = _signed_in(actor)
    if compulsory:
        raise WrongMove("Your role needs a second step, so it cannot be switched off.")
    code = _readable(code)
    accounts.check_password(password, actor=actor)
    own = _spend(user_id, actor)
    with unit_of_work(actor) as record:
        user = db.session.get_one(User, user_id, with_for_update=True)
        _require_on(user_id)
        if not _take(record, user, code, secret_key):
            raise Invalid(WRONG, field="code")
        throttles.clear(*own)
        _switch_off(record, user, "switched it off", by_others=False)


def take_off(user_id: int, *, actor: Actor) -> None:
    """Take the second step off somebody who lost everything: the awarding body's right, for anybody but oneself."""
    actor.require(Permission.CENTRES_MANAGE)
    if user_id == actor.user_id:
        raise WrongMove("You cannot do this to your own account. Switch it off on your profile, or ask a colleague.")
    with unit_of_work(actor) as record:
        user = scope.load(scope.users(actor), user_id, lock=True)
        _require_on(user.id)
        _switch_off(record, user, "taken off by the awarding body", by_others=True)


def waiting(text: str, *, secret_key: str) -> Waiting:
    """Whose sign-in waits for its second step. Raises ``Expired``."""
    token = tokens.peek(text, TokenPurpose.SECOND_STEP, secret_key)
    user = db.session.get(User, token.user_id)
    if user is None or token.detail.get("epoch") != user.auth_epoch:
        raise Expired
    return Waiting(user.id, user.username, door_of(user.role), bool(token.detail.get("enrol")))


def enter(text: str, code: str, *, secret_key: str, actor: Actor, agent: str = "") -> Entry:
    """Finish a sign-in by a code; the token is used up. Raises ``Expired``, ``Throttled``, ``Invalid``."""
    entry, _codes = _enter(text, code, secret_key=secret_key, actor=actor, agent=agent, enrol=False)
    return entry


def set_up_and_enter(
    text: str, code: str, *, begun: object, secret_key: str, actor: Actor, agent: str = ""
) -> tuple[Entry, list[str]]:
    """Finish the first sign-in of somebody who has to have a second step: it is switched on by this code."""
    return _enter(text, code, secret_key=secret_key, actor=actor, agent=agent, enrol=True, begun=begun)


def readable_codes(user_id: int, codes: list[str], *, secret_key: str) -> list[str]:
    """Of some texts those that are recovery codes of this user: what may be handed out as a file."""
    hashes = {_hash(user_id, _plain(code), secret_key): code for code in codes[:RECOVERY_CODES]}
    known = db.session.query(RecoveryCode.code_hash).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None), RecoveryCode.code_hash.in_(hashes)
    )
    found = {row.code_hash for row in known}
    return [code for code_hash, code in hashes.items() if code_hash in found]


def _enter(
    text: str, code: str, *, secret_key: str, actor: Actor, agent: str, enrol: bool, begun: object = None
) -> tuple[Entry, list[str]]:
    code = _readable(code)
    found = waiting(text, secret_key=secret_key)
    own = _spend(found.user_id, actor)
    codes: list[str] = []
    user = db.session.get_one(User, found.user_id)
    with unit_of_work(actor_of(user, address=actor.address)) as record:
        user = db.session.get_one(User, found.user_id, with_for_update=True)
        token = tokens.peek(text, TokenPurpose.SECOND_STEP, secret_key)
        if token.detail.get("epoch") != user.auth_epoch or bool(token.detail.get("enrol")) is not enrol:
            raise Expired
        if (refusal := accounts.refusal_of(user, door_of(user.role))) is not None:
            raise refusal
        if enrol:
            codes = _switch_on(record, user, code, secret_key, begun=begun, session_id=None)
            right = True
        else:
            right = _take(record, user, code, secret_key)
        if right:
            tokens.use(text, TokenPurpose.SECOND_STEP, secret_key)
            throttles.clear(*own)
            entry = accounts.open_session(record, user, address=actor.address, agent=agent)
        else:
            record(SignInRefused(door=door_of(user.role).value, account=user.username[:120], user_id=user.id))
    if not right:
        raise Invalid(WRONG, field="code")
    return entry, codes


def _switch_on(
    record: Record, user: User, code: str, secret_key: str, *, begun: object, session_id: int | None
) -> list[str]:
    step = db.session.get(SecondStep, user.id, with_for_update=True, populate_existing=True)
    if step is not None and step.confirmed_at is not None:
        raise WrongMove("The second step is switched on already.")
    if step is None or not _is_of(step, begun):
        raise WrongMove("Begin with setting up the second step.")
    if not _take_time_code(step, code, secret_key):
        raise Invalid("This code is not right. Type the six digits that your app shows now.", field="code")
    step.confirmed_at = clock.now()
    record(_changed(user, "switched it on"))
    # A session that was opened by the password alone is worth no more than the password alone.
    accounts.end_other_sessions(record, user.id, but=session_id)
    _tell(record, user, "second_step_set")
    return _new_codes(user.id, secret_key)


def _switch_off(record: Record, user: User, what: str, *, by_others: bool) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    db.session.execute(delete(SecondStep).where(SecondStep.user_id == user.id))
    tokens.void(TokenPurpose.SECOND_STEP, user.id)
    record(_changed(user, what))
    _tell(record, user, "second_step_removed", by_others=by_others)


def _take(record: Record, user: User, code: str, secret_key: str) -> bool:
    """Whether a code is right, and was not used before; from now it is."""
    step = db.session.get(SecondStep, user.id, with_for_update=True, populate_existing=True)
    if step is None or step.confirmed_at is None:
        return False
    if len(code) == DIGITS and code.isdigit():
        return _take_time_code(step, code, secret_key)
    used = db.session.scalars(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == _hash(user.id, code, secret_key),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    ).one_or_none()
    if used is not None:
        record(_changed(user, "used a recovery code"))
    return used is not None


def _take_time_code(step: SecondStep, code: str, secret_key: str) -> bool:
    secret = _opened(step, secret_key)
    if secret is None:
        return False
    now = int(clock.now().timestamp()) // PERIOD
    shown = pyotp.TOTP(secret)
    right = [
        counter
        for counter in range(now - DRIFT, now + DRIFT + 1)
        if hmac.compare_digest(shown.generate_otp(counter).encode(), code.encode())
    ]
    # Whoever looked over a shoulder, or broke into the line, has a code that was used already.
    fresh = [counter for counter in right if counter > step.last_counter]
    if not fresh:
        return False
    step.last_counter = fresh[-1]
    db.session.flush()
    return True


def _new_codes(user_id: int, secret_key: str) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    plain = ["".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    db.session.add_all([RecoveryCode(user_id=user_id, code_hash=_hash(user_id, code, secret_key)) for code in plain])
    return [f"{code[:5]}-{code[5:]}" for code in plain]


def _hash(user_id: int, code: str, secret_key: str) -> str:
    # A recovery code has 50 bits: without the key a copy of the database cannot be searched for it.
    return hmac.new(secret_key.encode(), f"recovery-code:{user_id}:{code}".encode(), hashlib.sha256).hexdigest()


def _locker(secret_key: str) -> Fernet:
    key = hmac.new(secret_key.encode(), b"portal.second-step", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _opened(step: SecondStep, secret_key: str) -> str | None:
    """The secret; ``None`` when it was locked with another key, and then no code is right."""
    try:
        return _locker(secret_key).decrypt(step.secret.encode()).decode()
    except InvalidToken:
        return None


def _mark(step: SecondStep) -> str:
    # What is kept is encrypted with a new nonce each time, so no two secrets have one mark.
    return hashlib.sha256(step.secret.encode()).hexdigest()


def _is_of(step: SecondStep, begun: object) -> bool:
    return isinstance(begun, str) and hmac.compare_digest(_mark(step).encode(), begun.encode())


def _readable(code: str) -> str:
    """A code as it was typed: spaces, dashes and small letters forgiven. Raises ``Invalid`` for what is none."""
    if not code.strip():
        raise Invalid("Enter the code.", field="code")
    plain = _plain(code[:100])
    is_time_code = len(plain) == DIGITS and plain.isascii() and plain.isdigit()
    if not is_time_code and not (len(plain) == RECOVERY_LENGTH and set(plain) <= set(ALPHABET)):
        raise Invalid(WRONG, field="code")
    return plain


def _plain(code: str) -> str:
    return "".join(character for character in code.upper() if character not in " -\u2013\u00a0\t").translate(FORGIVEN)


def _spend(user_id: int, actor: Actor) -> list[throttles.Spent]:
    own = [(limit, str(user_id)) for limit in throttles.SECOND_STEP]
    throttles.spend(*own, actor=actor)
    return own


def _entitled(actor: Actor) -> int:
    actor.require(Permission.SECOND_STEP)
    return _signed_in(actor)


def _signed_in(actor: Actor) -> int:
    # Not the right to have one: whoever lost the admin right may still manage the one that is on.
    actor.require(Permission.PROFILE_CHANGE)
    if actor.user_id is None:
        raise NotAllowed("Sign in first.")
    return actor.user_id


def _require_on(user_id: int) -> None:
    step = db.session.get(SecondStep, user_id)
    if step is None or step.confirmed_at is None:
        raise WrongMove("The second step is not switched on.")


def _changed(user: User, what: str) -> SecondStepChanged:
    return SecondStepChanged(user_id=user.id, centre_id=user.centre_id, what=what)


def _tell(record: Record, user: User, letter: str, **more: bool) -> None:
    moment = clock.now().isoformat()
    mails.queue(
        record,
        letter,
        key=f"{letter}:{user.id}:{moment}",
        to=user.email,
        values={"name": user.full_name, "changed_at": moment, **more},
        brand_id=accounts.brand_of(user),
        centre_id=user.centre_id,
    )
