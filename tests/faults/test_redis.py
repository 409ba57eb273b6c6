"""Redis is a doorbell: dead for a second or a minute, or frozen, it costs nobody more than a little time."""

import os
import signal
import time
from datetime import datetime

import pytest

from portal.database import db
from portal.models.leadership import Leadership
from portal.vocabulary import MailState
from tests.faults import invariants
from tests.faults.work import RESUME, begun, mail_of, measured, queue_mail
from tests.machine import Looks, Machine, children_of, command_of
from tests.servers.ports import wait_until

pytestmark = pytest.mark.patient

# The longest absence is measured once; what follows from it does not depend on the database.
AWAY = (1, 20) if os.environ.get("PORTAL_TEST_DB") == "postgresql" else (1, 70)
PAGES = ("/centre/jobs", "/healthz", "/readyz")


@pytest.mark.parametrize("away", AWAY)
def test_redis_killed_and_back_after_seconds(machine: Machine, away: int):
    """Pages answer, what is committed is seen at once, and what was left is drawn as soon as Redis is back."""
    michael = machine.people.michael
    room = f"centre:{machine.people.riverside}:jobs"
    jobs = [machine.publish_here(10)]
    begun(machine, jobs[0], 1)
    seen: list[float] = []
    with machine.socket(michael) as anna, Looks(machine, *PAGES, cookie=machine.sign_in(michael).cookie) as looks:
        anna.watch(room)
        machine.redis.kill()
        died = time.monotonic()
        # Its worker has nothing to do when Redis dies: it is in the longest of waits when Redis is back.
        mail = queue_mail(machine)
        if away >= 20:
            another_sweeper_takes_over(machine)
        while not seen or time.monotonic() - died < away - 5:
            jobs.append(machine.publish_here(1))
            committed = time.monotonic()
            anna.hears(room, jobs[-1], seconds=5)
            seen.append(time.monotonic() - committed)
            time.sleep(min(5, away))
        time.sleep(max(0, away - (time.monotonic() - died)))
        machine.redis.start()
        back = time.monotonic()
        for job in jobs:
            machine.wait_drawn(job, seconds=RESUME - (time.monotonic() - back))
        wait_until(
            lambda: mail_of(machine, mail).state is MailState.SENT,
            seconds=RESUME - (time.monotonic() - back),
            what="the mail being sent",
            every=0.2,
        )
        measured(f"drawn_seconds_after_redis_was_back_from_{away}", round(time.monotonic() - back, 1))
        measured("slowest_commit_to_socket_without_redis", round(max(seen), 2))
    measured("slowest_page", round(looks.slowest, 2))
    assert looks.others_than(200) == []
    assert looks.slowest < 2
    invariants.check(machine)


def another_sweeper_takes_over(machine: Machine) -> None:
    """Of two sweepers one leads; when it dies the other one does. That is agreed upon in the database, not in Redis."""
    # The lead of an earlier process may still be written there; one that is renewed is somebody's.
    written = lead(machine)
    wait_until(lambda: lead(machine)[1] > written[1], seconds=10, what="a sweeper that leads", every=0.2)
    first = lead(machine)[0]
    machine.start_worker("sweeper")
    over = time.monotonic() + 5
    while time.monotonic() < over:
        assert lead(machine)[0] == first, "a second sweeper took the lead from a living one"
        time.sleep(0.2)
    for pid in children_of(machine.processes["worker"].pid):
        if command_of(pid).endswith("worker.py sweeper"):
            os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: lead(machine)[0] != first, seconds=16, what="another sweeper leading", every=0.1)
    measured("seconds_until_another_sweeper_led", round(time.monotonic() - killed, 1))


def lead(machine: Machine) -> tuple[str, datetime]:
    """Which sweeper leads, and until when without renewal."""
    with machine.here():
        db.session.rollback()
        row = db.session.get_one(Leadership, "sweeper", populate_existing=True)
        return row.holder, row.until


def test_a_frozen_redis_is_waited_for_by_nobody(machine: Machine):
    michael = machine.people.michael
    room = f"centre:{machine.people.riverside}:jobs"
    with machine.socket(michael) as anna, Looks(machine, *PAGES, cookie=machine.sign_in(michael).cookie) as looks:
        anna.watch(room)
        machine.redis.freeze()
        try:
            frozen = time.monotonic()
            job = machine.publish_here(2)
            anna.hears(room, job, seconds=5)
            time.sleep(8 - (time.monotonic() - frozen))
        finally:
            machine.redis.thaw()
        machine.wait_drawn(job, seconds=RESUME)
    measured("slowest_page_with_a_frozen_redis", round(looks.slowest, 2))
    assert looks.others_than(200) == []
    assert looks.slowest < 1.5
    invariants.check(machine)
