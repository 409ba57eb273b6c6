"""PostgreSQL crashes under pages, forms and drawing, and is started again."""

import time

import pytest

from tests.faults import invariants
from tests.faults.work import Clerk, begun, measured
from tests.machine import Looks
from tests.servers.ports import wait_until

pytestmark = pytest.mark.patient


def test_postgresql_crashes_and_comes_back(new_machine, own_postgres):
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
        measured("service_back_seconds_after_postgresql", round(time.monotonic() - back, 1))
        machine.wait_drawn(job, seconds=60)
        measured("drawn_seconds_after_postgresql", round(time.monotonic() - back, 1))
        time.sleep(1)
    assert looks.others_than(200, 503) == []
    assert set(clerk.statuses) <= {302, 503}
    assert machine.get("/centre/jobs", michael.cookie)[0] == 200
    assert clerk.lost() == set()
    assert machine.figures(job)["completed"] == 36
    invariants.check(machine)
    machine.close()
