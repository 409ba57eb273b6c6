"""Exports from the click to the zip that is ready, beside copying the same bytes into one file and hashing them."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.documents.storage import Store
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.queries.documents import store_root
from portal.unit_of_work import unit_of_work
from portal.vocabulary import DownloadState, Production
from tests.machine import Machine, children_of, descendants_of

SIZES = {268: 3.0, int(os.environ.get("BENCH_EXPORT", "10000")): 60.0}
"""Documents of an export, with the seconds that it may take."""

BYTES = 60_000
"""Of a document, as our own are: between 40 and 80 kB."""

TIMES = 3
PATIENCE = 300


def run() -> list[dict[str, object]]:
    """Rows of the table: figure, value, unit, peer, peer_value, ratio."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        try:
            machine.start("redis", "web")
            machine.start_worker("downloads")
            for number, limit in SIZES.items():
                rows += _measure(machine, number, limit)
        finally:
            machine.close()
    return rows


def _measure(machine: Machine, number: int, limit: float) -> list[dict[str, object]]:
    job = machine.publish_here(number, kinds="letter")
    files = _put_files(machine, job)
    watch = _Memory(machine.processes["workerdownloads"].pid)
    exports, copies = [], []
    for _ in range(TIMES):
        copies.append(_copied(files, machine.data / "copy"))
        exports.append(_exported(machine, job, number))
    # The best of each: what else this machine does slows both down, but not at the same moment.
    export, copied = min(exports), min(copies)
    name = f"export of {number:,} documents: click to ready"
    return [
        _row(name, export, "s", "limit", limit),
        _row(name, export, "s", "the same bytes copied and hashed", copied),
        _row(f"memory of its worker, {number:,} documents", watch.end() / 1e6, "MB", "limit", 300.0),
    ]


def _row(figure: str, value: float, unit: str, peer: str, peer_value: float) -> dict[str, object]:
    ratio = value / peer_value
    return {"figure": figure, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value, "ratio": ratio}


def _put_files(machine: Machine, job: int) -> list[Path]:
    """Give every document of a job a file, as if it had been drawn: bytes of no meaning, of the usual size."""
    chance = random.Random(7)
    store = Store(store_root(machine.data))
    files = []
    with machine.here(), unit_of_work(SYSTEM):
        for ident in db.session.scalars(select(Document.id).where(Document.job_id == job)).all():
            data = chance.randbytes(chance.randint(BYTES - 20_000, BYTES + 20_000))
            sha256 = hashlib.sha256(data).hexdigest()
            path = store.path(sha256, ".pdf")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            files.append(path)
            kept = {"sha256": sha256, "size": len(data), "pages": []}
            values = {"production": Production.COMPLETED, "drawn_at": clock.now(), "files": {"digital": kept}}
            db.session.execute(update(Document).where(Document.id == ident).values(**values))
    os.sync()
    return files


def _copied(files: list[Path], target: Path) -> float:
    """Seconds for what any packing must do at least: read each file, hash it, write it, and have it on the disk."""
    began = time.monotonic()
    with target.open("wb") as copy:
        for path in files:
            data = path.read_bytes()
            hashlib.sha256(data).hexdigest()
            copy.write(data)
        copy.flush()
        os.fsync(copy.fileno())
    took = time.monotonic() - began
    target.unlink()
    return took


def _exported(machine: Machine, job: int, number: int) -> float:
    """Seconds from sending the form to the row that says Completed."""
    holder = machine.sign_in(machine.people.michael)
    form: dict[str, Any] = {"selection": "all", "query": "", "upto": "", "decided": "1", "shown": number}
    form |= {"name": "Bench", "key": secrets.token_hex(8)}
    with machine.here():
        before = db.session.scalar(select(Download.id).order_by(Download.id.desc()).limit(1)) or 0
    began = time.monotonic()
    assert machine.post(f"/centre/jobs/{job}/export", form, holder) == 302
    with machine.here():
        wanted = select(Download.state).where(Download.id > before)
        while db.session.scalar(wanted) is not DownloadState.COMPLETED:
            db.session.rollback()
            assert time.monotonic() - began < PATIENCE, "the export did not come to its end"
            time.sleep(0.02)
        took = time.monotonic() - began
        assert db.session.scalar(select(Download.done - Download.left_out).where(Download.id > before)) == number
    return took


class _Memory:
    """The most memory that a worker's tasks took, in bytes, looked at all the time."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(pid,), daemon=True)
        self._thread.start()

    def _look(self, pid: int) -> None:
        while not self._over.wait(0.02):
            for horse in {*children_of(pid), *descendants_of(pid)}:
                try:
                    text = Path(f"/proc/{horse}/status").read_text()
                except OSError:
                    continue
                found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")]
                self.most = max(self.most, int(found[0]) * 1024 if found else 0)

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return float(self.most)
