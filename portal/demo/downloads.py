"""The downloads of the demo: one that is ready to be fetched, one whose time is over.

Each step carries a key of its own, so asking again asks for nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.demo import cast, people
from portal.grid.selection import read_selection
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.models.jobs import Job
from portal.queries.jobs import JOB_DOCUMENTS
from portal.services import downloads
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Arrival, DownloadState, ItemState, Production

DAYS = 7
READY_KEY, OLD_KEY = (f"story-of-the-demo-{word}" for word in ("ready", "old"))


def ask(ready: str, old: str, *, draw: Callable[[int], None], pack: Callable[[int], None]) -> None:
    """Have documents of two jobs exported, named by the files that the jobs were made of.

    Of the first job as many documents as are drawn in one turn of a worker are packed at once, so that there is a file
    to fetch from the first moment on.
    """
    michael = people.acting(cast.MICHAEL)
    _grow_old(_export(_job(old), "Licences for the 2025 audit", OLD_KEY, people.acting(cast.ANEW)), michael)
    job = _job(ready)
    draw(job.id)
    drawn = (Document.job_id == job.id, Document.production == Production.COMPLETED)
    chosen = db.session.scalars(select(Document.id).where(*drawn).order_by(Document.id)).all()
    pack(_export(job, "Moderation sample, autumn", READY_KEY, michael, chosen))


def _job(file_name: str) -> Any:
    return db.session.execute(select(Job.id, Job.reference).where(Job.file_name == file_name)).one()


def _export(job: Any, name: str, key: str, actor: Actor, chosen: Sequence[int] = ()) -> int:
    fields = [("ids", ",".join(map(str, chosen)))] if chosen else [("selection", "all")]
    words = f"{len(chosen)} documents, ticked" if chosen else "All documents"
    return downloads.request(
        JOB_DOCUMENTS,
        read_selection(JOB_DOCUMENTS, fields),
        within={"job_id": job.id},
        name=name,
        key=key,
        description=f"{words} (job {job.reference})",
        days=DAYS,
        actor=actor,
    )


def _grow_old(download_id: int, by: Actor) -> None:
    """Make an export one that was packed, fetched and forgotten weeks ago, and let it expire as all do."""
    weeks_ago = clock.now() - timedelta(days=30)
    old = (Download.id == download_id, Download.state == DownloadState.PENDING)
    with unit_of_work(SYSTEM):
        if db.session.scalar(select(Download.id).where(*old)) is None:
            return
        db.session.execute(
            update(DownloadItem).where(DownloadItem.download_id == download_id).values(state=ItemState.INCLUDED)
        )
        db.session.execute(
            update(Download)
            .where(*old)
            .values(
                state=DownloadState.COMPLETED,
                created_at=weeks_ago,
                finished_at=weeks_ago,
                expires_at=weeks_ago + timedelta(days=DAYS),
                done=Download.total,
                size=61_440 * Download.total,
                arrival=Arrival.WHOLE,
                downloads=1,
                downloaded_at=weeks_ago + timedelta(minutes=4),
                downloaded_by_id=by.user_id,
                downloaded_by=by.name,
            )
        )
    while downloads.expire_next():
        pass
