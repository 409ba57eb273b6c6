"""Whoever manages users may die at any moment: a lock holds, and half an email change does not exist."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.centres import Centre
from portal.models.mails import Mail
from portal.models.sign_in import UserSession
from portal.models.users import User
from portal.services import users
from portal.vocabulary import UserStatus
from tests.faults import invariants
from tests.machine import ROOT, Machine

pytestmark = pytest.mark.patient

DYING = """
import sys
from datetime import timedelta
from portal import clock
from portal.access.actor import SYSTEM
from portal.app import create_app
from portal.services import users

what, user_id = sys.argv[1], int(sys.argv[2])
with create_app(role="cli").app_context():
    if what == "lock":
        day = clock.today() + timedelta(days=3)
        users.lock(user_id, until=day, reason=users.LOCK_REASONS[0], actor=SYSTEM)
    else:
        users.change_email(user_id, email=f"new{user_id}@portal.example", actor=SYSTEM)
"""


def die(machine: Machine, what: str, user_ids: list[int]) -> None:
    """Do it to each in a process of its own, whose bell nobody hears, and which is killed at its point."""
    environment = machine.environment | {
        "PYTHONPATH": str(ROOT),
        "PORTAL_FAULT": ",".join(f"{what}:{user_id}:kill" for user_id in user_ids),
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    dying = [
        subprocess.Popen([sys.executable, "-c", DYING, what, str(user_id)], cwd=ROOT, env=environment)
        for user_id in user_ids
    ]
    assert [process.wait(60) for process in dying] == [-signal.SIGKILL] * len(user_ids)


def somebody(machine: Machine) -> int:
    with machine.here():
        centre_id = db.session.scalars(select(Centre.id).where(Centre.number == "10042")).one()
        name = f"victim{os.urandom(4).hex()}"
        made = users.create_centre_user(
            centre_id,
            users.Person(f"{name}@portal.example", "Vic", "Tim"),
            password="lantern orbit thimble 42",
            must_change=False,
            tell=False,
            actor=SYSTEM,
        )
        return made.user_id


def found(machine: Machine, user_id: int) -> User:
    with machine.here():
        db.session.rollback()
        return db.session.get_one(User, user_id, populate_existing=True)


def test_a_lock_whose_maker_dies_after_the_commit_holds_and_ends_every_socket(machine: Machine):
    victims = [somebody(machine) for _ in range(3)]
    holders = [machine.sign_in(victim) for victim in victims]
    with ExitStack() as stack:
        browsers = [stack.enter_context(machine.socket(victim)) for victim in victims]
        assert [machine.get("/centre/jobs", holder.cookie)[0] for holder in holders] == [200] * 3
        die(machine, "lock", victims)
        began = time.monotonic()
        for browser in browsers:
            assert browser.ended.wait(5), "the socket of a locked user stayed open"
        assert time.monotonic() - began < 5
    for victim, holder in zip(victims, holders, strict=True):
        assert b"Log in" in machine.get("/centre/jobs", holder.cookie)[1]
        assert found(machine, victim).status_at(clock.now()) is UserStatus.LOCKED
        with machine.here():
            assert db.session.scalar(select(func.count()).where(UserSession.user_id == victim)) == 0
    invariants.check(machine)


def test_an_email_change_that_dies_before_its_mails_did_not_happen(machine: Machine):
    victims = [somebody(machine) for _ in range(3)]
    before = {victim: found(machine, victim) for victim in victims}
    holders = [machine.sign_in(victim) for victim in victims]
    die(machine, "email_change", victims)
    for victim, holder in zip(victims, holders, strict=True):
        old, new = before[victim], f"new{victim}@portal.example"
        after = found(machine, victim)
        assert (after.email, after.auth_epoch) == (old.email, old.auth_epoch)
        assert after.email_confirmed_at is not None
        assert machine.get("/centre/jobs", holder.cookie)[0] == 200
        with machine.here():
            users.change_email(victim, email=new, actor=SYSTEM)
            to = select(Mail.letter).where(Mail.recipient.in_([old.email, new]))
            assert sorted(db.session.scalars(to)) == ["email_changed", "email_confirmation"]
    invariants.check(machine)
