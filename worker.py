"""The worker process: the same application without green threads. Tasks by queue, and the sweeper.

``python worker.py`` runs everything in the background: one process for each queue (several for drawing) and one
sweeper, restarted when they die. ``python worker.py documents`` runs one of them alone.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

SWEEPER = "sweeper"


def main(arguments: list[str]) -> int:
    """Run what is named, or all."""
    if not os.environ.get("SECRET_KEY"):
        sys.stderr.write("SECRET_KEY is not set. Set it to the same long random text as for the web process.\n")
        return 1
    # Libraries speak up only when something is wrong.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("portal", "worker"):
        logging.getLogger(name).setLevel(logging.INFO)
    if not arguments:
        return run_all()
    if arguments[0] == SWEEPER:
        return run_sweeper()
    return run_queue(arguments[0])


def run_queue(name: str) -> int:
    """Answer one queue until told to stop; a task that runs is finished first (warm shutdown)."""
    from portal.embedded_redis import die_with_parent

    die_with_parent()

    from redis import RedisError
    from rq import Queue, Worker
    from rq.serializers import JSONSerializer

    from portal.app import create_app
    from portal.redis_door import door
    from portal.tasks import queue

    if name not in queue.QUEUES:
        sys.stderr.write(f"There is no queue {name}; there are {', '.join(queue.QUEUES)} and {SWEEPER}.\n")
        return 1
    app = create_app(role="worker")
    # Each task runs in a fork of this process: what is loaded here is loaded once.
    import portal.tasks.batches
    import portal.tasks.downloads
    import portal.tasks.mails
    import portal.tasks.pictures

    if name == queue.DOCUMENTS:
        import portal.tasks.documents
        from portal import documents

        documents.preload()

    class AppWorker(Worker):
        """Runs each task inside the application's context."""

        # RQ would wait up to a minute between two tries to reach a Redis that is gone.
        max_connection_wait_time = 2.0

        def perform_job(self, *args: object, **kwargs: object) -> bool:
            if name == queue.DOCUMENTS:
                # Pages come before pictures where one machine does both.
                os.nice(5)
            if name == queue.PICTURES:
                # Anybody who is signed in sends files here; one made to harm must not take the machine along.
                portal.tasks.pictures.limit_this_process()
            with app.app_context():
                from portal.database import db

                # The fork must not share its parent's connections.
                db.engine.dispose(close=False)
                return super().perform_job(*args, **kwargs)  # type: ignore[arg-type]

    stop = Stop()
    while not stop.asked:
        connection = door.connect(timeout=None)
        try:
            connection.ping()
            worker = AppWorker(
                [Queue(name, connection=connection, serializer=JSONSerializer)],
                connection=connection,
                serializer=JSONSerializer,
                worker_ttl=30,
                job_monitoring_interval=5,
                maintenance_interval=30,
            )
            worker.work(logging_level="WARNING")
            return 0
        except (RedisError, OSError) as error:
            logging.getLogger("worker").warning("Redis is away (%s); trying again", type(error).__name__)
            time.sleep(1)
    return 0


def run_sweeper() -> int:
    """Sweep until told to stop."""
    from portal.app import create_app
    from portal.embedded_redis import die_with_parent
    from portal.tasks import sweeper

    die_with_parent()
    app = create_app(role="worker")
    stop = Stop()
    with app.app_context():
        sweeper.run(lambda: stop.asked)
    return 0


class Stop:
    """Set by SIGTERM or Ctrl-C."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def run_all() -> int:
    """One process for each queue and the sweeper; what dies is started again, a little later each time."""
    import config
    from portal.tasks.queue import DOCUMENTS, QUEUES

    drawers = config.load("worker")["DRAWERS"]
    wanted = [SWEEPER, *(name for name in QUEUES for _ in range(drawers if name == DOCUMENTS else 1))]
    log = logging.getLogger("worker")
    stop = Stop()
    children: list[tuple[str, subprocess.Popen[bytes] | None, float]] = [(name, None, 0.0) for name in wanted]
    while not stop.asked:
        for index, (name, child, not_before) in enumerate(children):
            if child is not None and child.poll() is not None:
                log.warning("%s stopped (exit %s) and is started again", name, child.returncode)
                children[index] = (name, None, time.monotonic() + 1)
            elif child is None and time.monotonic() >= not_before:
                started = subprocess.Popen([sys.executable, str(Path(__file__).resolve()), name])  # noqa: S603
                children[index] = (name, started, 0.0)
        time.sleep(0.3)
    running = [child for _, child, _ in children if child is not None]
    for child in running:
        child.terminate()
    deadline = time.monotonic() + 15
    for child in running:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
