"""Throttles: how often something may be tried. Counted in the database, so that a flushed Redis forgives nothing.

A try is counted before it is made and given back when it was a good one, so that many tries at the same moment
cannot all slip through.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from portal import clock
from portal.access.actor import Actor
from portal.database import db
from portal.errors import Throttled
from portal.models.sign_in import Throttle
from portal.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` tries within a window, for each subject (an account, an address)."""

    name: str
    most: int
    window: timedelta
    sentence: str = "That was tried too often."


SIGN_IN_ACCOUNT = (
    Limit("sign-in:account:1m", 5, timedelta(minutes=1), "There were too many tries for this account."),
    Limit("sign-in:account:15m", 10, timedelta(minutes=15), "There were too many tries for this account."),
    Limit("sign-in:account:1h", 20, timedelta(hours=1), "There were too many tries for this account."),
)
"""Each step makes the wait longer: a minute, a quarter of an hour, an hour."""

SIGN_IN_DEVICE = (
    Limit("sign-in:device:1m", 5, timedelta(minutes=1), "There were too many tries on this device."),
    Limit("sign-in:device:15m", 10, timedelta(minutes=15), "There were too many tries on this device."),
)
"""A device that the account has signed in on counts for itself: strangers cannot lock its owner out."""

SIGN_IN_ADDRESS = Limit("sign-in:address", 100, timedelta(hours=1), "There were too many tries from your network.")
FORGOT_ADDRESS = Limit("forgot:address", 30, timedelta(hours=1), "Too many links were asked for from your network.")
LINK_MAILS = Limit("mail:links", 3, timedelta(hours=1), "Several mails went to this address within the hour.")
"""So many mails with a one-time link go to one address."""

ACCOUNTS = Limit("account:user", 30, timedelta(hours=1), "You have entered many new addresses within the hour.")
"""So many invitations and changes of an address, or tries at them, one person makes: each tells whether it is taken."""

PICTURES = Limit("picture:user", 10, timedelta(minutes=1), "That were many pictures.")
"""So many profile pictures may be given."""

SECOND_STEP = (
    Limit("second-step:15m", 5, timedelta(minutes=15), "There were too many wrong codes for this account."),
    Limit("second-step:1d", 30, timedelta(days=1), "There were too many wrong codes for this account."),
)
"""Codes of the second step: one in 333,333 guesses is right, so that thirty a day lead nowhere."""

Spent = tuple[Limit, str]
"""A limit and whom it is counted for."""


def key_of(limit: Limit, subject: str) -> str:
    """The key of a counter; whom it counts is not to be read from it."""
    return f"{limit.name}:{hashlib.sha256(subject.encode(errors='replace')).hexdigest()}"


def network_of(address: str) -> str:
    """Whom a network address stands for: an IPv4 address, or the /64 that one IPv6 household has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def spend(*spent: Spent, actor: Actor) -> None:
    """Count a try under every limit, in a transaction of its own. Raises ``Throttled`` when one is used up.

    A refused try counts under no limit, so waiting always helps.
    """
    with unit_of_work(actor):
        for limit, subject in spent:
            wait = take(limit, subject)
            if wait:
                raise Throttled(f"{limit.sentence} {wait_sentence(wait)}", retry_after=wait)


def take(limit: Limit, subject: str) -> int:
    """Count one try, inside the caller's unit of work; give the seconds to wait, 0 when it may go on.

    One statement, so that nobody reads an old count: the row is made, begun again, or counted up.
    """
    moment = clock.now()
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    over = Throttle.window_start <= moment - limit.window
    statement = (
        dialect.insert(Throttle)
        .values(key=key_of(limit, subject), window_start=moment, count=1)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "count": case((over, 1), else_=Throttle.count + 1),
                "window_start": case((over, moment), else_=Throttle.window_start),
            },
        )
        .returning(Throttle.count, Throttle.window_start)
    )
    count, began = db.session.execute(statement).one()
    if count <= limit.most:
        return 0
    return max(1, math.ceil((began + limit.window - moment).total_seconds()))


def give_back(*spent: Spent) -> None:
    """Take one try back, inside the caller's unit of work: it was a good one."""
    for limit, subject in sorted(spent, key=lambda one: key_of(*one)):
        db.session.execute(
            update(Throttle)
            .where(Throttle.key == key_of(limit, subject), Throttle.count > 0)
            .values(count=Throttle.count - 1)
        )


def clear(*spent: Spent) -> None:
    """Forget all tries, inside the caller's unit of work: who signed in begins anew."""
    db.session.execute(delete(Throttle).where(Throttle.key.in_([key_of(*one) for one in spent])))


def wait_sentence(seconds: int) -> str:
    """How long to wait, for people to read."""
    if seconds <= 60:
        return "Please wait a minute and try again."
    return f"Please wait {math.ceil(seconds / 60)} minutes and try again."
