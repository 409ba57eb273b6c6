"""The database on a bad day: PostgreSQL that is restarted, SQLite whose one write lock everybody wants."""

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from portal.database import db
from portal.models.users import User
from tests.faults import invariants
from tests.faults.test_web import Clerk
from tests.faults.work import begun
from tests.machine import ROOT, Looks, Machine
from tests.servers.ports import wait_until

ON_POSTGRES = os.environ.get("PORTAL_TEST_DB") == "postgresql"
pytestmark = pytest.mark.alone
TIMES = 100

WRITER = """
import sys
from portal.access.actor import SYSTEM
from portal.app import create_app
from portal.database import db
from portal.events.catalogue import AccessChanged
from portal.models.users import User
from portal.unit_of_work import unit_of_work

user_id, times = int(sys.argv[1]), int(sys.argv[2])
with create_app(role="cli").app_context():
    for _ in range(times):
        with unit_of_work(SYSTEM) as record:
            user = db.session.get_one(User, user_id, with_for_update=True)
            user.auth_epoch += 1
            record(AccessChanged(user_id=user_id, why="test"))
"""


def test_four_processes_write_and_no_change_is_lost(machine: Machine, record_property):
    connor = machine.people.connor
    before = epoch(machine, connor)
    with Looks(machine, "/healthz") as looks:
        began = time.monotonic()
        command = [sys.executable, "-c", WRITER, str(connor), str(TIMES)]
        environment = machine.environment | {"PYTHONPATH": str(ROOT)}
        writers = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(4)]
        assert [writer.wait(90) for writer in writers] == [0, 0, 0, 0]
        record_property("four_writers_seconds", round(time.monotonic() - began, 1))
    assert epoch(machine, connor) == before + 4 * TIMES
    assert looks.others_than(200) == []
    invariants.check(machine)


@pytest.mark.skipif(ON_POSTGRES, reason="PostgreSQL has no lock that all writers share")
def test_a_held_write_lock_does_not_hold_up_those_who_read(machine: Machine, record_property):
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
    record_property("slowest_answer_while_the_write_lock_was_held", round(looks.slowest, 3))
    assert len(looks.answers) > 10
    assert looks.others_than(200) == []
    assert looks.slowest < 0.5
    assert set(clerk.statuses) == {302}
    assert clerk.lost() == set()


@pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has no server to restart")
def test_postgresql_crashes_and_comes_back(new_machine, own_postgres, record_property):
    machine = new_machine(database_url=own_postgres.url()).start("redis", "web", "worker")
    michael = machine.sign_in(machine.people.michael)
    job = machine.publish_here(12)
    begun(machine, job)
    with (
        Looks(machine, "/centre/jobs", f"/centre/jobs/{job}", "/healthz", cookie=michael.cookie) as looks,
        Clerk(machine, "P") as clerk,
    ):
        wait_until(lambda: len(clerk.acknowledged) >= 5, seconds=20, what="some centres")
        own_postgres.kill()
        wait_until(lambda: 503 in clerk.statuses, seconds=10, what="an answer without a database")
        time.sleep(2)
        own_postgres.start()
        back = time.monotonic()
        done, looked = len(clerk.statuses), len(looks.answers)
        wait_until(
            lambda: (
                302 in clerk.statuses[done:]
                and any(status == 200 for path, status, _ in looks.answers[looked:] if path != "/healthz")
            ),
            seconds=5,
            what="the service",
        )
        record_property("service_back_seconds_after_postgresql", round(time.monotonic() - back, 1))
        machine.wait_drawn(job, seconds=60)
        record_property("drawn_seconds_after_postgresql", round(time.monotonic() - back, 1))
        time.sleep(1)
    assert looks.others_than(200, 503) == []
    assert set(clerk.statuses) <= {302, 503}
    assert machine.get("/centre/jobs", michael.cookie)[0] == 200
    assert clerk.lost() == set()
    assert machine.figures(job)["completed"] == 36
    invariants.check(machine)
    machine.close()


def epoch(machine: Machine, user_id: int) -> int:
    with machine.here():
        db.session.rollback()
        return db.session.get_one(User, user_id, populate_existing=True).auth_epoch
