"""Drawing goes on whatever dies: nothing lost, nothing twice, the figures right, within 40 seconds."""

import os
import signal
import time

import pytest

from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Production
from tests.faults import invariants
from tests.machine import batch_of
from tests.servers.ports import wait_until

pytestmark = pytest.mark.alone

RESUME = 40
"""Seconds within which work goes on after its process died (ARCHITECTURE.md, Engine 2)."""


def begun(machine, job_id, at_least=5):
    wait_until(lambda: machine.figures(job_id)["completed"] >= at_least, seconds=60, what="the first documents")


def test_a_killed_horse_and_a_killed_worker(machine, tmp_path):
    job = int(machine.publish(batch_of(tmp_path / "batch.csv", 20))["job"])
    begun(machine, job)
    for pid in machine.horses_of("documents")[:1]:
        os.kill(pid, signal.SIGKILL)
    for pid in machine.workers_of("documents"):
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    done = machine.figures(job)["completed"]
    wait_until(lambda: machine.figures(job)["completed"] > done, seconds=RESUME, what="drawing going on")
    assert time.monotonic() - killed <= RESUME
    machine.wait_drawn(job, seconds=120)
    assert machine.figures(job) == {"requested": 60, "pending": 0, "failed": 0, "completed": 60}
    invariants.check(machine)


def test_everything_queued_survives_a_flushed_redis(machine, tmp_path):
    machine.kill("worker", signal.SIGTERM)
    jobs = [int(machine.publish(batch_of(tmp_path / f"{number}.csv", 1, first=number))["job"]) for number in range(8)]
    with machine.here():
        from portal.redis_door import door

        door.client.flushall()
    machine.start("worker")
    for job in jobs:
        machine.wait_drawn(job, seconds=60)
    assert all(machine.figures(job)["completed"] == 3 for job in jobs)
    invariants.check(machine)


def test_a_job_published_while_redis_is_dead_is_drawn_when_it_is_back(machine, tmp_path):
    machine.redis.kill()
    began = time.monotonic()
    job = int(machine.publish(batch_of(tmp_path / "batch.csv", 3))["job"])
    assert time.monotonic() - began < 30
    assert machine.get("/readyz")[0] == 200
    time.sleep(3)
    assert machine.figures(job)["pending"] == 9
    machine.redis.start()
    machine.wait_drawn(job, seconds=RESUME)
    invariants.check(machine)


def test_redis_killed_while_drawing(machine, tmp_path):
    job = int(machine.publish(batch_of(tmp_path / "batch.csv", 20))["job"])
    begun(machine, job)
    machine.redis.kill()
    time.sleep(5)
    machine.redis.start()
    machine.wait_drawn(job, seconds=RESUME + 90)
    assert machine.figures(job)["completed"] == 60
    invariants.check(machine)


def test_a_full_disk_is_waited_for(new_machine, tmp_path):
    """The store is a tiny disk of its own; what does not fit waits, and goes on when there is space."""
    import subprocess

    machine = new_machine(drawers=1)
    store = machine.data / "documents"
    store.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(store)], capture_output=True)
    if mounted.returncode:
        pytest.fail("this machine does not let the tests mount a small disk: " + mounted.stderr.decode())
    try:
        machine.start()
        job = int(machine.publish(batch_of(tmp_path / "batch.csv", 5))["job"])

        def waiting():
            with machine.here():
                db.session.rollback()
                found = db.session.query(Document).filter(Document.failure.like("%no space left%")).count()
            return found

        wait_until(waiting, seconds=60, what="documents that wait for space", every=0.3)
        assert machine.figures(job)["failed"] == 0
        subprocess.run(["mount", "-o", "remount,size=64m", str(store)], check=True)
        machine.wait_drawn(job, seconds=RESUME + 60)
        assert machine.figures(job)["completed"] == 15
        invariants.check(machine)
    finally:
        machine.close()
        subprocess.run(["umount", "-l", str(store)], check=False)


def test_a_poison_document_fails_alone(machine, tmp_path):
    """A document whose drawing kills its horse every time: after three tries it fails, and nothing else does."""
    machine.kill("worker", signal.SIGTERM)
    job = int(machine.publish(batch_of(tmp_path / "batch.csv", 2))["job"])
    with machine.here(), unit_of_work(SYSTEM):
        poison = db.session.query(Document.id).filter_by(job_id=job).order_by(Document.id).first()[0]
    machine.environment["PORTAL_FAULT"] = f"draw:{poison}:kill"
    machine.start("worker")
    machine.wait_drawn(job, seconds=4 * RESUME)
    assert machine.figures(job) == {"requested": 6, "pending": 0, "failed": 1, "completed": 5}
    with machine.here():
        document = db.session.get_one(Document, poison)
        assert document.production is Production.FAILED
        assert "stopped the worker" in document.failure
    invariants.check(machine)
