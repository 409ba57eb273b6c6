"""A large job from the command to the last Completed: documents a second, beside one process that only draws."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from tests.machine import Machine, batch_of

DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "10000"))
PATIENCE = 1800


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    rows = -(-DOCUMENTS // 3)
    with tempfile.TemporaryDirectory() as folder:
        cores = os.cpu_count() or 1
        machine = Machine(Path(folder), drawers=cores)
        try:
            machine.start("redis", "worker", "web")
            file = batch_of(Path(folder) / "batch.csv", rows)
            began = time.monotonic()
            published = machine.publish(file)
            committed = time.monotonic() - began
            machine.wait_drawn(int(published["job"]), seconds=PATIENCE)
            took = time.monotonic() - began
            assert machine.figures(int(published["job"]))["completed"] == published["documents"]
        finally:
            machine.close()
    made = int(published["documents"])
    alone = _drawn_alone()
    rate = made / (took - committed)
    return [
        {
            "figure": f"publish {made:,} documents: command to commit",
            "value": committed,
            "unit": "s",
            "peer": "limit",
            "peer_value": 30.0,
            "ratio": committed / 30,
        },
        {
            "figure": f"publish {made:,} documents: command to last Completed",
            "value": took,
            "unit": "s",
            "peer": f"the same drawn by {cores} bare processes",
            "peer_value": made / (alone * cores),
            "ratio": took / (made / (alone * cores)),
        },
        {
            "figure": "documents finished a second and core",
            "value": rate / cores,
            "unit": "documents/s",
            "peer": "drawn and pictured, nothing kept, one process",
            "peer_value": alone,
            "ratio": rate / cores / alone,
        },
    ]


def _drawn_alone(count: int = 40) -> float:
    """Documents a second of one process that draws both forms with their pictures and does nothing else."""
    from datetime import date

    from portal import documents

    brand = documents.Brand(
        "Skills and Education Group Awards", "RN5112", "#0f4c5c", "#b8863b", None, ("Street", "Town"), "", "A", "B"
    )
    values = {
        "reference": "7Q4M-9XKD-2FH8-WZ3C-0000",
        "verify_url": "http://localhost/v/7Q4M9XKD2FH8WZ3C0000",
        "awarding_organisation": brand.name,
        "recognition_number": brand.recognition_number,
        "qualification_number": "602/7438/9",
        "qualification_title": "SEG Awards ABC Level 3 Award In MOT Test Centre Management (VRQ)",
        "level": "Level 3",
        "grade": "Pass",
        "awarded_on": date(2026, 11, 2),
        "expires_on": None,
        "language": "English",
        "replaces": None,
        "units": (documents.Unit("A/501/1234", "First aid", "Level 2", 4, "Pass"),),
        "centre_name": "Riverside College",
        "centre_number": "10042",
        "brand": brand,
    }
    documents.preload()
    kinds = ("certificate", "transcript", "letter")
    began = time.process_time()
    for number in range(count):
        sheet = documents.Sheet(kind=kinds[number % 3], learner_name=f"Fay Number {number}", **values)  # type: ignore[arg-type]
        for form in ("print", "digital"):
            documents.page_images(documents.draw(sheet, form))  # type: ignore[arg-type]
    return count / (time.process_time() - began)
