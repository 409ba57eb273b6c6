"""The web process dies with pages open and forms under way."""

import threading
import time

import pytest
from sqlalchemy import select

from portal.database import db
from portal.models.brands import Brand
from portal.models.centres import Centre
from tests.faults import invariants
from tests.faults.work import begun
from tests.machine import Machine
from tests.servers.ports import wait_until

pytestmark = pytest.mark.alone


class Clerk:
    """Somebody who creates one centre after the other and keeps the numbers of those that were acknowledged."""

    def __init__(self, machine: Machine, prefix: str) -> None:
        self.machine, self.prefix = machine, prefix
        self.holder = machine.sign_in(machine.people.issuer)
        with machine.here():
            self.brand = db.session.scalar(select(Brand.id))
        self.statuses: list[int] = []
        self.acknowledged: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self._over.wait(0.05):
            number = f"{self.prefix}{len(self.statuses)}"
            values = {"number": number, "name": f"College {number}", "brand": self.brand, "contact_email": ""}
            self.statuses.append(self.machine.post("/issuer/centres/new", values, self.holder))
            if self.statuses[-1] == 302:
                self.acknowledged.append(number)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(30)

    def lost(self) -> set[str]:
        """What was acknowledged and is not there."""
        with self.machine.here():
            return set(self.acknowledged) - set(db.session.scalars(select(Centre.number)))


def test_a_killed_web_process_loses_nothing_and_open_pages_come_right(machine: Machine, chromium, record_property):
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
        record_property("open_page_right_seconds_after_the_web_was_back", round(time.monotonic() - back, 1))
        assert page.evaluate("window.unrefreshed") is True
        wait_until(lambda: 302 in clerk.statuses[killed_at + 1 :], seconds=10, what="a form that is taken again")
    assert set(clerk.statuses) <= {302, 0}, clerk.statuses
    assert clerk.lost() == set()
    shown = page.locator("tbody tr").all_inner_texts()
    page.reload()
    assert page.locator("tbody tr").all_inner_texts() == shown
    context.close()
    invariants.check(machine)
