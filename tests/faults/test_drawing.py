"""Drawing goes on whatever happens to it: nothing lost, nothing twice, the figures right."""

import os
import signal
import sqlite3
import subprocess
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from portal.database import db
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.redis_door import door
from portal.vocabulary import MailState, Production
from tests.faults import invariants
from tests.faults.work import begun, mail_of, queue_mail
from tests.machine import Machine, children_of
from tests.servers.ports import wait_until

pytestmark = pytest.mark.patient


def test_everything_queued_survives_a_flushed_redis(machine: Machine):
    """200 documents and ten mails are queued when Redis forgets everything."""
    machine.kill("worker", signal.SIGTERM)
    jobs = [machine.publish_here(rows, kinds="letter") for rows in (120, 40, 20, 10, 10)]
    mails = [queue_mail(machine) for _ in range(10)]
    with machine.here():
        assert door.client.dbsize() > 0
        door.client.flushall()
    machine.start_worker()
    for job in jobs:
        machine.wait_drawn(job, seconds=90)
    assert sum(machine.figures(job)["completed"] for job in jobs) == 200
    wait_until(
        lambda: all(mail_of(machine, ident).state is MailState.SENT for ident in mails),
        seconds=20,
        what="all mails",
        every=0.3,
    )
    invariants.check(machine)


def test_a_frozen_worker_that_wakes_up_changes_nothing(machine: Machine):
    """Its documents were taken over and drawn meanwhile; what it still wants to write is not written."""
    machine.kill("worker", signal.SIGTERM)
    job = machine.publish_here(6)
    machine.start_worker("documents")
    begun(machine, job, 1)
    frozen = freeze_the_horse(machine)
    try:
        machine.start_worker()
        machine.wait_drawn(job, seconds=60)
    finally:
        os.kill(frozen, signal.SIGCONT)
    wait_until(
        lambda: "taken over by another worker" in machine.log_of("workerdocuments"),
        seconds=20,
        what="the waking of the frozen task",
    )
    assert machine.figures(job) == {"requested": 18, "pending": 0, "failed": 0, "completed": 18}
    invariants.check(machine)


def freeze_the_horse(machine: Machine) -> int:
    """Stop the one task in mid-air, at a moment when it has documents and no lock that others need."""
    for _ in range(200):
        for horse in children_of(machine.processes["workerdocuments"].pid):
            os.kill(horse, signal.SIGSTOP)
            if not is_locked(machine) and holds_documents(machine):
                return horse
            os.kill(horse, signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the task could not be frozen")


def is_locked(machine: Machine) -> bool:
    with machine.here():
        if db.engine.dialect.name == "sqlite":
            connection = sqlite3.connect(db.engine.url.database, timeout=0.3, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return True
            finally:
                connection.close()
            return False
        try:
            db.session.execute(select(Job.id).with_for_update(nowait=True)).all()
        except OperationalError:
            return True
        finally:
            db.session.rollback()
        return False


def holds_documents(machine: Machine) -> int:
    with machine.here():
        return db.session.scalar(select(func.count()).where(Document.lease_until.is_not(None)))


def test_a_poison_document_fails_alone(machine: Machine):
    """A document whose drawing kills its horse every time: after three tries it fails, and nothing else does."""
    machine.kill("worker", signal.SIGTERM)
    job = machine.publish_here(2)
    with machine.here():
        poison = db.session.scalar(select(func.min(Document.id)).where(Document.job_id == job))
    machine.start_worker(PORTAL_FAULT=f"draw:{poison}:kill")
    machine.wait_drawn(job, seconds=60)
    assert machine.figures(job) == {"requested": 6, "pending": 0, "failed": 1, "completed": 5}
    with machine.here():
        document = db.session.get_one(Document, poison)
        assert document.production is Production.FAILED
        assert document.attempts == 3
        assert "stopped the worker" in document.failure
    invariants.check(machine)


def test_a_full_disk_is_waited_for(new_machine):
    """The store is a tiny disk of its own; what does not fit waits, and goes on when there is space."""
    machine = new_machine(drawers=1)
    store = machine.data / "documents"
    store.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(store)], capture_output=True)
    if mounted.returncode:
        pytest.fail("this machine does not let the tests mount a small disk: " + mounted.stderr.decode())
    try:
        machine.start("redis")
        job = machine.publish_here(4)
        for name in ("documents", "sweeper"):
            machine.start_worker(name)

        def waiting() -> int:
            with machine.here():
                return db.session.query(Document).filter(Document.failure.like("%no space left%")).count()

        wait_until(waiting, seconds=40, what="documents that wait for space", every=0.3)
        assert machine.figures(job)["failed"] == 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)
        machine.wait_drawn(job, seconds=40)
        assert machine.figures(job)["completed"] == 12
        invariants.check(machine)
    finally:
        machine.close()
        subprocess.run(["umount", "-l", str(store)], check=False)
