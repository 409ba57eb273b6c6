"""The doorbell: RQ queues that carry ids only. Everything rung for is a row that the sweeper finds too."""

from __future__ import annotations

import logging

from rq import Queue
from rq.serializers import JSONSerializer

from portal.redis_door import door

log = logging.getLogger(__name__)

DOCUMENTS = "documents"
BATCHES = "batches"
MAILS = "mails"
DOWNLOADS = "downloads"
PICTURES = "pictures"

WHATEVER_WAITS = 0
"""Rung instead of an id where many rows were written at once."""

QUEUES = (DOCUMENTS, BATCHES, MAILS, DOWNLOADS, PICTURES)
"""One worker process listens to one queue; drawing has several."""

TIMEOUTS = {DOCUMENTS: 120, BATCHES: 300, MAILS: 180, DOWNLOADS: 300, PICTURES: 60}
"""Seconds after which RQ kills a task that hangs; the lease then runs out and somebody else takes the work."""

TASKS = {
    DOCUMENTS: "portal.tasks.documents.draw",
    BATCHES: "portal.tasks.batches.run",
    MAILS: "portal.tasks.mails.send",
    DOWNLOADS: "portal.tasks.downloads.pack",
    PICTURES: "portal.tasks.pictures.make",
}


def ring(queue: str, ident: int) -> bool:
    """Ring for one piece of work; say whether Redis heard it. Never raises for a broken Redis."""

    def enqueue(client: object) -> None:
        Queue(queue, connection=client, serializer=JSONSerializer).enqueue(  # type: ignore[arg-type]
            TASKS[queue], ident, job_timeout=TIMEOUTS[queue], result_ttl=0, failure_ttl=3600
        )

    return door.attempt(f"a ring for {queue} {ident}", enqueue)


def waiting(queue: str) -> int | None:
    """How many rings nobody has answered yet; ``None`` when Redis cannot be asked."""
    found: list[int] = []
    heard = door.attempt("a question", lambda client: found.append(client.llen(f"rq:queue:{queue}")))
    return found[0] if heard else None
