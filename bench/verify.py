"""Smart Verify under load: pages and JSON a second, beside an empty Flask view on the same server in the same run."""

from __future__ import annotations

import http.client
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select

from portal.database import db
from portal.models.documents import Document
from tests.machine import Machine, batch_of

CONNECTIONS = 20
SECONDS = 4.0
TURNS = 3


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        # Each request comes from an address of its own, so that the throttle is measured but does not bite.
        machine.environment["PORTAL_TRUSTED_PROXIES"] = "1"
        try:
            machine.start("redis", "worker", "web")
            job = int(machine.publish(batch_of(Path(folder) / "batch.csv", 10))["job"])
            machine.wait_drawn(job, seconds=300)
            machine.kill("worker")
            with machine.here():
                references = list(db.session.scalars(select(Document.reference)))
            paths = {
                "empty Flask view": ["/healthz"],
                "page": [f"/v/{one}" for one in references],
                "JSON": [f"/v/{one}.json" for one in references],
                "unknown": ["/v/00000000000000000000.json"],
            }
            rates: dict[str, list[float]] = {name: [] for name in paths}
            times: dict[str, list[float]] = {name: [] for name in paths}
            for _ in range(TURNS):
                for name, wanted in paths.items():
                    answers = _load(machine.port, wanted)
                    rates[name].append(len(answers) / SECONDS)
                    times[name] += answers
        finally:
            machine.close()
    empty = statistics.median(rates["empty Flask view"])
    rows = []
    for name in ("page", "JSON", "unknown"):
        rate = statistics.median(rates[name])
        rows.append(_row(f"Smart Verify, {name}, 20 connections", rate, "requests/s", "empty Flask view", empty))
    slowest = sorted(times["page"])
    for share, most in ((95, 100.0), (99, 200.0)):
        took = slowest[len(slowest) * share // 100] * 1000
        rows.append(_row(f"Smart Verify, page, p{share} at 20 connections", took, "ms", "limit", most))
    return rows


def _row(figure: str, value: float, unit: str, peer: str, peer_value: float) -> dict[str, object]:
    return {
        "figure": figure,
        "value": value,
        "unit": unit,
        "peer": peer,
        "peer_value": peer_value,
        "ratio": value / peer_value,
    }


def _load(port: int, paths: list[str]) -> list[float]:
    """Ask for a few seconds on some connections; the seconds that each good answer took."""
    took: list[float] = []
    end = time.monotonic() + SECONDS

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        own: list[float] = []
        while time.monotonic() < end:
            began = time.monotonic()
            address = ".".join(str(random.randrange(1, 255)) for _ in range(4))
            connection.request("GET", random.choice(paths), headers={"X-Forwarded-For": address})
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (200, 404):
                raise RuntimeError(f"an answer was {answer.status}")
            own.append(time.monotonic() - began)
        took.extend(own)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took
