"""Notices: 5,000 through a mail server that fails thirty of a hundred sessions while workers die; and a calm day.

``BENCH_NOTICES`` and ``BENCH_KILLS`` make it smaller. What must hold is checked, not only measured: each learner is
written to exactly once, but those whom the server refused for good, and the ledger is true.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from tests.faults import storm
from tests.faults.conftest import WAITS
from tests.machine import Machine
from tests.servers.ports import wait_until

NOTICES = int(os.environ.get("BENCH_NOTICES", "5000"))
KILLS = int(os.environ.get("BENCH_KILLS", "20"))
CALM = int(os.environ.get("BENCH_CALM", "1000"))
PATIENCE = 1800
RATE = 50.0
"""Mails a second that one worker must reach on a calm day."""


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    return [*_calm(), *_storm()]


def _calm() -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        try:
            machine.start("redis", "mail")
            record_ids = storm.learners(machine, CALM)
            machine.start_worker("mails")
            # A worker that listens is what a click meets; one mail says that it does.
            storm.tell(machine, record_ids[:1])
            wait_until(lambda: not storm.unsettled(machine), seconds=60, what="the first mail")
            began = time.monotonic()
            click = storm.tell(machine, record_ids[1:])
            wait_until(lambda: not storm.unsettled(machine), seconds=PATIENCE, what="the last mail", every=0.1)
            took = time.monotonic() - began
            storm.check(machine)
        finally:
            machine.close()
    rate = (CALM - 1) / took
    return [
        _row(f"notify {CALM:,} learners: the click", click, "s", "limit", 5.0, click / 5),
        _row("notices sent a second by one worker, calm", rate, "mails/s", "at least", RATE, RATE / rate),
    ]


def _storm() -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder), waits=WAITS | {"MAIL_BACK_OFF": 2})
        try:
            machine.start("redis")
            storm.start_sink(machine, storm.bad_weather(seed=11), delay=0.2)
            record_ids = storm.learners(machine, NOTICES)
            outcome = storm.rage(machine, record_ids, kills=KILLS, patience=PATIENCE)
            storm.check(machine)
        finally:
            machine.close()
    wanted = NOTICES - outcome.refused
    title = f"storm of {NOTICES:,} notices, {outcome.kills} kills"
    return [
        _row(f"{title}: accepted", outcome.accepted, "mails", "written and not refused for good", wanted, 1.0),
        _row(f"{title}: lost or doubled", abs(wanted - outcome.accepted), "mails", "limit", 0, None),
        _row(f"{title}: tries", outcome.tries, "sessions", "mails", NOTICES, outcome.tries / NOTICES),
        _row(
            f"{title}: until the last has its end", outcome.seconds, "s", "limit", PATIENCE, outcome.seconds / PATIENCE
        ),
    ]


def _row(figure: str, value: float, unit: str, peer: str, limit: float, ratio: float | None) -> dict[str, object]:
    return {"figure": figure, "value": value, "unit": unit, "peer": peer, "peer_value": limit, "ratio": ratio}
