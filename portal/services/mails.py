"""The outbox of mails: written with the change, sent once by a worker, never sent again when nobody knows."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from portal import clock, fault
from portal.access import scope
from portal.access.actor import SYSTEM, Actor
from portal.access.permissions import Permission
from portal.database import database_now, db
from portal.errors import Fenced, WrongMove
from portal.events.catalogue import MailDecided, MailQueued, MailSettled
from portal.models.mails import Mail
from portal.services import claims, ledger
from portal.unit_of_work import Record, unit_of_work
from portal.vocabulary import MailState

BACK_OFF = tuple(fault.wait("MAIL_BACK_OFF", seconds) for seconds in (5, 15, 60, 300, 900, 3600))
"""How long to wait after each failed try; the last one again and again."""

MOST_ATTEMPTS = 10
"""A mail whose worker died so often before DATA has failed: it is the mail that kills."""

GIVE_UP_AFTER = timedelta(hours=4)
"""A mail that could not be handed over for so long, and was tried with every wait, has failed.

Age alone says nothing: a mail may have waited for our own workers, and a server that keeps strangers waiting
(greylisting) always puts the first try off.
"""

LEASE = fault.wait("MAIL_LEASE", 150)
"""Longer than the longest SMTP session (``SmtpSettings.limit``), so that a slow server is not asked twice."""

UNKNOWN_AFTER = fault.wait("MAIL_UNKNOWN", 60)
"""How long a mail cut off after DATA waits before somebody asks whether it arrived."""


def queue(
    record: Record,
    letter: str,
    *,
    key: str,
    to: str,
    values: dict[str, Any],
    brand_id: int | None = None,
    centre_id: int | None = None,
    record_id: int | None = None,
    reply_to: str = "",
) -> Mail | None:
    """Write a mail into the outbox, inside the caller's unit of work; ``None`` when the key was used already.

    ``key`` names the intent: the same intent never makes a second mail. Values hold no secrets. ``reply_to`` is where
    an answer goes, empty for nobody.
    """
    if db.session.scalar(select(Mail.id).where(Mail.key == key)) is not None:
        return None
    mail = Mail(
        key=key,
        letter=letter,
        values=values,
        recipient=to,
        message_id=_new_message_id(),
        state=MailState.QUEUED,
        created_at=clock.now(),
        brand_id=brand_id,
        centre_id=centre_id,
        record_id=record_id,
        reply_to=reply_to,
    )
    try:
        with db.session.begin_nested():
            db.session.add(mail)
    except IntegrityError:
        return None
    record(MailQueued(mail_id=mail.id))
    return mail


def queue_many(letter: str, mails: Sequence[dict[str, Any]]) -> list[int]:
    """Write many mails of one kind into the outbox at once, inside the caller's unit of work; give their ids in order.

    Each has ``key``, ``recipient``, ``values``, ``brand_id``, ``centre_id``, ``record_id``. The caller knows that the
    keys are new, and tells a fact of its own, which rings once for all of them.
    """
    if not mails:
        return []
    moment = clock.now()
    rows = [
        mail | {"letter": letter, "message_id": _new_message_id(), "state": MailState.QUEUED, "created_at": moment}
        for mail in mails
    ]
    db.session.execute(insert(Mail), rows)
    # Asked by name afterwards: databases that give ids while inserting do so in an order of their own.
    names = [row["message_id"] for row in rows]
    made = dict(db.session.execute(select(Mail.message_id, Mail.id).where(Mail.message_id.in_(names))).all())
    return [made[name] for name in names]


def _new_message_id() -> str:
    """A name that nobody can guess: whoever knows it has seen the mail or carried it."""
    return f"<{secrets.token_hex(16)}@portal.invalid>"


def claim(mail_id: int) -> tuple[claims.Claim, Mail] | None:
    """Take a mail to send it; ``None`` when it is not due or somebody has it."""
    with unit_of_work(SYSTEM):
        taken = claims.take(Mail, Mail.id == mail_id, Mail.state == MailState.QUEUED, lease=LEASE)
        if taken is None:
            return None
        mail = db.session.get_one(Mail, mail_id, populate_existing=True)
        mail.state = MailState.SENDING
    return taken, mail


def begin_data(taken: claims.Claim) -> None:
    """Commit the mark that DATA is about to be said: from here on a lost connection means "unknown"."""
    with unit_of_work(SYSTEM):
        marked = db.session.execute(  # type: ignore[attr-defined]
            update(Mail).where(Mail.id == taken.ids[0], taken.holds()).values(data_begun_at=database_now())
        ).rowcount
        if not marked:
            raise Fenced("Somebody else has taken this mail over.")


def settle_sent(taken: claims.Claim) -> None:
    """The server has taken the mail."""
    _settle(taken, state=MailState.SENT, sent_at=clock.now(), failure="")


def settle_rejected(taken: claims.Claim, reason: str) -> None:
    """The server refused it for good."""
    _settle(taken, state=MailState.FAILED, failure=reason)


def settle_unknown(taken: claims.Claim, reason: str) -> None:
    """The connection was lost after DATA: look it up, or leave it to a person; never simply send again."""
    _settle(taken, state=MailState.UNKNOWN, failure=reason, next_attempt_at=database_now() + UNKNOWN_AFTER)


def settle_retry(taken: claims.Claim, reason: str) -> None:
    """Not handed over; try again later, or give up when it has been too long."""
    mail = db.session.get_one(Mail, taken.ids[0])
    moment = database_now()
    if moment - mail.created_at > GIVE_UP_AFTER and mail.attempts >= len(BACK_OFF):
        _settle(taken, state=MailState.FAILED, failure=reason)
        return
    wait = BACK_OFF[min(mail.attempts, len(BACK_OFF)) - 1]
    _settle(taken, state=MailState.QUEUED, failure=reason, data_begun_at=None, next_attempt_at=moment + wait)


def _settle(taken: claims.Claim, **values: Any) -> None:
    with unit_of_work(SYSTEM) as record:
        changed = db.session.execute(  # type: ignore[attr-defined]
            update(Mail)
            .where(Mail.id == taken.ids[0], taken.holds(), Mail.state == MailState.SENDING)
            .values(lease_until=None, **values)
        ).rowcount
        if not changed:
            raise Fenced("Somebody else has taken this mail over.")
        if values["state"] is not MailState.QUEUED:
            ledger.mail_settled(record, taken.ids[0], values["state"], reason=values["failure"])
        record(MailSettled(mail_id=taken.ids[0]))


def recover() -> list[int]:
    """Put mails of dead workers back: before DATA to be sent again, after it to "unknown". Give the former."""
    moment = database_now()
    with unit_of_work(SYSTEM) as record:
        dead = list(
            db.session.scalars(
                select(Mail).where(Mail.state == MailState.SENDING, Mail.lease_until < moment).with_for_update()
            )
        )
        for mail in dead:
            mail.claim_token = 0
            mail.lease_until = None
            if mail.data_begun_at is None and mail.attempts < MOST_ATTEMPTS:
                mail.state = MailState.QUEUED
            elif mail.data_begun_at is None:
                mail.state = MailState.FAILED
                mail.failure = "Writing this mail stopped the worker each time it was tried."
            else:
                mail.state = MailState.UNKNOWN
                mail.failure = "The connection was lost while the mail was being handed over."
                mail.next_attempt_at = moment + UNKNOWN_AFTER
            if mail.state is not MailState.QUEUED:
                db.session.flush()
                ledger.mail_settled(record, mail.id, mail.state, reason=mail.failure)
            record(MailSettled(mail_id=mail.id))
    return [mail.id for mail in dead if mail.state is MailState.QUEUED]


def resolve_unknown(mail_id: int, *, arrived: bool, actor: Actor = SYSTEM) -> None:
    """What the look-up or a person said about a mail whose fate was unknown: it arrived, or it is tried once more."""
    actor.require(Permission.CENTRES_MANAGE)
    with unit_of_work(actor) as record:
        mail = scope.load(scope.mails(actor), mail_id, lock=True)
        if mail.state is not MailState.UNKNOWN:
            raise WrongMove("The fate of this mail is known.")
        if arrived:
            mail.state, mail.sent_at, mail.failure = MailState.SENT, clock.now(), ""
        else:
            mail.state, mail.data_begun_at, mail.next_attempt_at = MailState.QUEUED, None, None
            # Its tries begin anew: those before were answered with silence, or were long ago.
            mail.failure, mail.attempts = "", 0
        db.session.flush()
        ledger.mail_settled(record, mail.id, mail.state)
        record(MailSettled(mail_id=mail_id))
        if actor is not SYSTEM:
            record(MailDecided(mail_id=mail_id, arrived=arrived))
        if not arrived:
            record(MailQueued(mail_id=mail_id))


class Bounced(StrEnum):
    """What a report of a bounce came to."""

    TAKEN = "taken"
    KNOWN = "known"
    """It was reported before, or there is no mail of this name: nothing changed."""
    TOO_EARLY = "too_early"
    """The mail is still being sent; read the report again in a while."""


def bounce(message_ids: Sequence[str], *, reason: str) -> Bounced:
    """A mail came back. Its Message-ID is the proof: only who saw the mail or carried it knows the name."""
    with unit_of_work(SYSTEM) as record:
        found = db.session.scalars(
            select(Mail).where(Mail.message_id.in_(message_ids)).order_by(Mail.id).limit(1).with_for_update()
        ).one_or_none()
        if found is None or found.state in (MailState.QUEUED, MailState.FAILED) or found.bounced_at is not None:
            return Bounced.KNOWN
        if found.state is MailState.SENDING:
            return Bounced.TOO_EARLY
        # It came back, so it had arrived where we sent it, also where nobody had said so.
        found.state, found.sent_at = MailState.SENT, found.sent_at or clock.now()
        found.failure, found.bounced_at = reason, clock.now()
        db.session.flush()
        ledger.mail_bounced(record, found.id, reason=reason)
        record(MailSettled(mail_id=found.id))
    return Bounced.TAKEN


def list_due(*, most: int = 100) -> list[int]:
    """Mails that wait to be sent now."""
    return list(
        db.session.scalars(
            select(Mail.id).where(Mail.state == MailState.QUEUED, claims.due(Mail)).order_by(Mail.id).limit(most)
        )
    )


def list_unknown(*, most: int = 200) -> list[tuple[int, str]]:
    """Mails whose fate is due to be looked up: id and Message-ID."""
    rows = db.session.execute(
        select(Mail.id, Mail.message_id)
        .where(Mail.state == MailState.UNKNOWN, Mail.next_attempt_at <= database_now())
        .order_by(Mail.id)
        .limit(most)
    )
    return [(row.id, row.message_id) for row in rows]
