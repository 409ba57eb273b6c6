"""From commit to screen: how long after the commit two browsers of a centre show that a document was drawn."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from sqlalchemy import select

from portal.database import db
from portal.models.facts import RoomChange
from tests.journeys.people import Person
from tests.machine import Machine, batch_of
from tests.servers import browser

JOBS = 8
ROWS = 8
"""24 documents for each job: one page of its list, so that every row is on screen."""

OBSERVE = """() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll("tr[data-id]")) {
      const done = row.querySelector("td[data-column=status]")?.innerText.includes("Completed");
      if (done && !(row.dataset.id in window.seen)) window.seen[row.dataset.id] = Date.now();
    }
  };
  look();
  window.already = Object.keys(window.seen);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        machine = Machine(Path(folder), drawers=1)
        chromium = playwright.chromium.launch(executable_path=str(browser.get()), args=["--no-sandbox"])
        try:
            machine.start("redis", "web", "worker")
            people = [Person(chromium, machine).sign_in("centre", name) for name in ("michael.white", "anew.user")]
            for number in range(JOBS):
                machine.kill("worker")
                time.sleep(0.5)
                job = int(machine.publish(batch_of(Path(folder) / "batch.csv", ROWS, first=number * ROWS))["job"])
                for person in people:
                    person.open(f"/centre/jobs/{job}")
                    person.is_live()
                    person.page.evaluate(OBSERVE)
                machine.start("worker")
                machine.wait_drawn(job, seconds=120)
                people[0].page.wait_for_timeout(1500)
                told = _commits(machine, job)
                for person in people:
                    already = set(person.page.evaluate("window.already"))
                    seen = person.page.evaluate("window.seen")
                    took += [at - told[ident] for ident, at in seen.items() if ident in told and ident not in already]
        finally:
            chromium.close()
            machine.close()
    took.sort()
    rows = []
    for name, value, limit in (
        ("median", statistics.median(took), 150.0),
        ("p99", took[int(len(took) * 0.99)], 1000.0),
    ):
        rows.append(
            {
                "figure": f"commit to screen, {name} of {len(took)} rows in two browsers",
                "value": value,
                "unit": "ms",
                "peer": "limit",
                "peer_value": limit,
                "ratio": value / limit,
            }
        )
    return rows


def _commits(machine: Machine, job: int) -> dict[str, float]:
    """When each document of a job was told to be drawn: milliseconds since 1970, a moment before the commit."""
    with machine.here():
        db.session.rollback()
        steps = db.session.execute(
            select(RoomChange.ids, RoomChange.created_at).where(RoomChange.room == f"job:{job}")
        ).all()
    return {str(ident): step.created_at.timestamp() * 1000 for step in steps for ident in step.ids or ()}
