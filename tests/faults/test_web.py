"""The web process dies with pages open and forms under way."""

import signal
import subprocess
import sys
import time

import pytest

from portal.services import users
from tests.faults import invariants
from tests.faults.work import Clerk, begun, measured
from tests.machine import ROOT, Machine
from tests.servers.ports import wait_until
from tests.services.people import as_actor

pytestmark = pytest.mark.patient


def test_a_killed_web_process_loses_nothing_and_open_pages_come_right(machine: Machine, chromium):
    job = machine.publish_here(8)
    context = chromium.new_context()
    name, _, value = machine.sign_in(machine.people.michael).cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": machine.url}])
    page = context.new_page()
    page.goto(f"{machine.url}/centre/jobs/{job}")
    wait_until(lambda: page.evaluate("document.documentElement.dataset.live") == "live", seconds=20, what="a live page")
    page.evaluate("window.unrefreshed = true")

    with Clerk(machine, "W") as clerk:
        wait_until(lambda: len(clerk.acknowledged) >= 5, seconds=20, what="some centres")
        begun(machine, job, 1)
        machine.kill("web")
        killed_at = len(clerk.statuses)
        machine.wait_drawn(job, seconds=60)
        later = machine.publish_here(1)
        machine.wait_drawn(later, seconds=60)
        machine.start_web()
        back = time.monotonic()
        wait_until(
            lambda: (
                page.locator("[data-figure=completed]").first.inner_text() == "24"
                and page.locator("td[data-column=status]", has_text="Completed").count() == 24
            ),
            seconds=10,
            what="an open page that equals the database",
        )
        measured("open_page_right_seconds_after_the_web_was_back", round(time.monotonic() - back, 1))
        assert page.evaluate("window.unrefreshed") is True
        wait_until(lambda: 302 in clerk.statuses[killed_at + 1 :], seconds=10, what="a form that is taken again")
    assert set(clerk.statuses) <= {302, 0}, clerk.statuses
    assert clerk.lost() == set()
    shown = page.locator("tbody tr").all_inner_texts()
    page.reload()
    assert page.locator("tbody tr").all_inner_texts() == shown
    context.close()
    invariants.check(machine)


LOCK = """
import sys
from datetime import timedelta
from portal import clock
from portal.app import create_app
from portal.services import users
from tests.services.people import as_actor

who, admin = map(int, sys.argv[1:])
with create_app(role="cli").app_context():
    day = clock.today() + timedelta(days=3)
    users.lock(who, until=day, reason=users.LOCK_REASONS[0], actor=as_actor(admin))
"""


def test_sockets_end_though_whoever_locked_dies_before_telling_anybody(machine: Machine):
    """The lock is committed and nobody is rung: the web processes find it in the database."""
    anew, michael = machine.people.anew, machine.people.michael
    cookie = machine.sign_in(anew).cookie
    with machine.socket(anew) as desk, machine.socket(michael) as another:
        environment = machine.environment | {"PYTHONPATH": str(ROOT), "PORTAL_FAULT": "after_commit:AccessChanged:kill"}
        command = [sys.executable, "-c", LOCK, str(anew), str(michael)]
        assert subprocess.run(command, cwd=ROOT, env=environment).returncode == -signal.SIGKILL
        died = time.monotonic()
        assert desk.ended.wait(5), "the socket of somebody who is locked is still open"
        measured("socket_of_the_locked_ended_after_seconds", round(time.monotonic() - died, 1))
        assert not another.ended.is_set()
    assert machine.get("/healthz", cookie)[0] == 200
    assert b"/centre/login" in machine.get("/centre/jobs", cookie)[1]
    invariants.check(machine)
    with machine.here():
        users.unlock(anew, actor=as_actor(michael))
