"""SQLite has one lock for all who write; who reads must not notice."""

import sqlite3
import time

import pytest

from portal.database import db
from tests.faults.work import Clerk, measured
from tests.machine import Looks, Machine
from tests.servers.ports import wait_until

pytestmark = pytest.mark.alone


def test_a_held_write_lock_does_not_hold_up_those_who_read(machine: Machine):
    with machine.here():
        file = db.engine.url.database
    lock = sqlite3.connect(file, timeout=20, isolation_level=None)
    with Looks(machine, "/healthz", every=0.02) as looks, Clerk(machine, "L") as clerk:
        wait_until(lambda: len(clerk.acknowledged) >= 2, seconds=20, what="some centres")
        lock.execute("BEGIN IMMEDIATE")
        looks.answers.clear()
        done = len(clerk.statuses)
        time.sleep(2)
        assert len(clerk.statuses) <= done + 1
        lock.execute("ROLLBACK")
        wait_until(lambda: len(clerk.statuses) > done + 1, seconds=5, what="the form that waited")
    lock.close()
    measured("slowest_answer_while_the_write_lock_was_held", round(looks.slowest, 3))
    assert len(looks.answers) > 10
    assert looks.others_than(200) == []
    # Whoever had waited for the lock would have waited for twice as long.
    assert looks.slowest < 1
    assert set(clerk.statuses) == {302}
    assert clerk.lost() == set()
