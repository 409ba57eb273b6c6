"""Two sweepers on two machines: one leads, and when it dies the other one does."""

import os
import signal
import time

import pytest

from portal.database import db
from portal.models.leadership import Leadership
from tests.faults.work import measured
from tests.machine import Machine, children_of, command_of
from tests.servers.ports import wait_until

pytestmark = pytest.mark.alone


def test_of_two_sweepers_one_leads_and_the_other_takes_over(machine: Machine):
    # The lead of a test before may still be written there; one that is renewed is somebody's.
    wait_until(lambda: lead(machine) is not None, seconds=30, what="a sweeper", every=0.2)
    written = lead(machine)
    wait_until(lambda: lead(machine)[1] > written[1], seconds=30, what="a sweeper that leads", every=0.2)
    first = lead(machine)[0]
    machine.start_worker("sweeper")
    over = time.monotonic() + 6
    while time.monotonic() < over:
        assert lead(machine)[0] == first, "a second sweeper took the lead from a living one"
        time.sleep(0.2)

    for pid in children_of(machine.processes["worker"].pid):
        if command_of(pid).endswith("worker.py sweeper"):
            os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: lead(machine)[0] != first, seconds=16, what="another sweeper leading", every=0.1)
    measured("seconds_until_another_sweeper_led", round(time.monotonic() - killed, 1))
    second = lead(machine)[0]
    job = machine.publish_here(1)
    machine.wait_drawn(job, seconds=30)
    assert lead(machine)[0] == second


def lead(machine: Machine):
    """Who leads, and until when without renewal."""
    with machine.here():
        db.session.rollback()
        row = db.session.get(Leadership, "sweeper", populate_existing=True)
        return (row.holder, row.until) if row else None
