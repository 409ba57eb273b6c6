"""The web process dies with pages open and forms under way."""

import time

import pytest

from tests.faults import invariants
from tests.faults.work import Clerk, begun, measured
from tests.machine import Machine
from tests.servers.ports import wait_until

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
