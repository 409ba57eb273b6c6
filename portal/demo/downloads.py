"""The downloads of the demo: one that is packed as soon as its documents are drawn, one whose time is over.

Each step carries a key of its own, so asking again asks for nothing twice.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from portal import clock
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.demo import cast, people
from portal.grid.selection import read_selection
from portal.models.downloads import Download, DownloadItem
from portal.models.jobs import Job
from portal.queries.jobs import JOB_DOCUMENTS
from portal.services import downloads
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Arrival, DownloadState, ItemState

DAYS = 7
READY_KEY, OLD_KEY = (f"story-of-the-demo-{word}" for word in ("ready", "old"))

DRAWN_AFTER = timedelta(seconds=25)
"""The workers start after the story was told; a little later the first job is drawn, and its export can be packed."""


def ask(ready: str, old: str) -> None:
    """Have the documents of two jobs exported, named by the files that the jobs were made of."""
    michael = people.acting(cast.MICHAEL)
    expired = _export(old, "Licences for the 2025 audit", OLD_KEY, people.acting(cast.ANEW))
    fresh = _export(ready, "Moderation sample, autumn", READY_KEY, michael)
    with unit_of_work(SYSTEM):
        db.session.execute(
            update(Download)
            .where(Download.id == fresh, Download.state == DownloadState.PENDING)
            .values(next_attempt_at=clock.now() + DRAWN_AFTER)
        )
    _grow_old(expired, michael)


def _export(file_name: str, name: str, key: str, actor: Actor) -> int:
    job = db.session.execute(select(Job.id, Job.reference).where(Job.file_name == file_name)).one()
    return downloads.request(
        JOB_DOCUMENTS,
        read_selection(JOB_DOCUMENTS, [("selection", "all")]),
        within={"job_id": job.id},
        name=name,
        key=key,
        description=f"All documents (job {job.reference})",
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
                downloaded_by=by.name,
            )
        )
    while downloads.expire_next():
        pass
