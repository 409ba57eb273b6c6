"""An export is packed whatever Redis forgets and whatever a document does to its worker."""

import secrets
import signal

import pytest
from sqlalchemy import select

from portal.database import db
from portal.grid.selection import read_selection
from portal.models.documents import Document
from portal.models.downloads import Download, DownloadItem
from portal.queries.jobs import JOB_DOCUMENTS
from portal.redis_door import door
from portal.services import downloads
from portal.vocabulary import DownloadState, ItemState
from tests.faults import invariants
from tests.machine import Machine
from tests.servers.ports import wait_until
from tests.services.people import as_actor

pytestmark = pytest.mark.patient


def ask(machine: Machine, job: int) -> int:
    with machine.here():
        return downloads.request(
            JOB_DOCUMENTS,
            read_selection(JOB_DOCUMENTS, [("selection", "all")]),
            within={"job_id": job},
            name="Autumn",
            key=secrets.token_hex(8),
            days=7,
            actor=as_actor(machine.people.michael),
        )


def state_of(machine: Machine, ident: int) -> DownloadState:
    with machine.here():
        db.session.rollback()
        return db.session.scalars(select(Download.state).where(Download.id == ident)).one()


def test_a_poison_document_is_left_out_and_the_rest_is_delivered(machine: Machine):
    """Redis forgets the ring, and one document kills its worker every time: two exports, one of them harmed by it."""
    job, other = machine.publish_here(2, kinds="letter"), machine.publish_here(2, kinds="letter")
    for one in (job, other):
        machine.wait_drawn(one, seconds=60)
    with machine.here():
        poison = db.session.scalars(select(Document.id).where(Document.job_id == job).order_by(Document.id)).first()
    machine.kill("worker", signal.SIGTERM)
    harmed, sound = ask(machine, job), ask(machine, other)
    with machine.here():
        door.client.flushall()
    machine.start_worker(PORTAL_FAULT=f"export_after_item:{poison}:kill")
    wait_until(
        lambda: (
            state_of(machine, sound) is DownloadState.COMPLETED
            and state_of(machine, harmed) in (DownloadState.COMPLETED, DownloadState.FAILED)
        ),
        seconds=60,
        what="both exports",
        every=0.3,
    )
    with machine.here():
        left = db.session.execute(
            select(DownloadItem.document_id, DownloadItem.reason).where(
                DownloadItem.download_id == harmed, DownloadItem.state == ItemState.LEFT_OUT
            )
        ).all()
        assert [tuple(one) for one in left] == [(poison, downloads.POISON)]
    assert state_of(machine, harmed) is DownloadState.COMPLETED
    invariants.check(machine)
