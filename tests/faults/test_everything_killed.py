"""The worst second: every background process dies in the middle of its work. Measured once with the waits of life."""

import os
import signal
import time

import pytest
from sqlalchemy import func, select

from portal.database import db
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.uploads import Upload
from portal.services import uploads
from portal.vocabulary import MailState, Production, UploadState
from tests.faults import invariants
from tests.faults.conftest import WAITS
from tests.faults.work import RESUME, arrived, begun, mail_of, measured, queue_mail, receive, upload_of
from tests.machine import Machine
from tests.servers.ports import wait_until
from tests.services.people import as_actor

pytestmark = pytest.mark.alone

# A mail waits longer than anything else; its own times are for test_mail.
LIFE = {f"PORTAL_WAIT_{name}": "" for name in WAITS if not name.startswith("MAIL")}
if os.environ.get("PORTAL_TEST_DB") == "postgresql":
    # How long the waits are does not depend on the database: they are measured once, the rest is done twice.
    LIFE |= {"PORTAL_WAIT_LEASE": "10", "PORTAL_WAIT_SWEEP": "2"}


def test_everything_killed_in_the_middle_goes_on_within_forty_seconds(machine: Machine):
    publishing = receive(machine, 2)
    wait_until(
        lambda: upload_of(machine, publishing).state is UploadState.CHECKED, seconds=40, what="the check", every=0.2
    )
    machine.kill("worker", signal.SIGTERM)

    # A file dies after its check was written and before the commit, another with its job published, a mail after the
    # server took it, and the drawing wherever it happens to be.
    with machine.here():
        uploads.request_publish(publishing, only_good_rows=False, actor=as_actor(machine.people.issuer))
    checking = receive(machine, 3)
    mail = queue_mail(machine)
    job = machine.publish_here(20)
    points = f"publish:{publishing}:kill,check:{checking}:kill,after_smtp_250:{mail}:kill"
    said = len(machine.log_of("worker"))
    machine.start_worker(PORTAL_FAULT=points, **LIFE)
    begun(machine, job)
    for pid in machine.horses_of("documents") + machine.workers_of("documents"):
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    orphans = claimed(machine, job)
    assert orphans, "the drawing was over before it could be killed"
    wait_until(
        lambda: machine.log_of("worker")[said:].count("signal 9") >= 3, seconds=40, what="three crashes", every=0.1
    )
    assert arrived(machine, mail) == 1
    assert mail_of(machine, mail).state is MailState.SENDING
    machine.kill_below("worker")
    all_killed = time.monotonic()
    assert jobs_of(machine, publishing) == 0

    machine.start_worker(**LIFE)
    wait_until(
        lambda: claimed(machine, job, *orphans, production=Production.COMPLETED),
        seconds=RESUME - (time.monotonic() - killed),
        what="documents of the dead being drawn",
        every=0.2,
    )
    measured("documents of the dead drawn after seconds", round(time.monotonic() - killed, 1))
    wait_until(
        lambda: (
            upload_of(machine, publishing).state is UploadState.PUBLISHED
            and upload_of(machine, checking).state is UploadState.CHECKED
        ),
        seconds=RESUME - (time.monotonic() - all_killed),
        what="the files going on",
        every=0.2,
    )
    measured("files of the dead done after seconds", round(time.monotonic() - all_killed, 1))
    wait_until(lambda: mail_of(machine, mail).state is MailState.SENT, seconds=30, what="the look-up", every=0.2)
    machine.wait_drawn(job, seconds=60)

    assert machine.figures(job) == {"requested": 60, "pending": 0, "failed": 0, "completed": 60}
    assert jobs_of(machine, publishing) == 1
    assert jobs_of(machine, checking) == 0
    assert (upload_of(machine, checking).rows, upload_of(machine, checking).fault_count) == (3, 0)
    assert arrived(machine, mail) == 1
    machine.wait_drawn(upload_of(machine, publishing).job_id, seconds=60)
    invariants.check(machine)


def claimed(machine: Machine, job_id: int, *of: int, production: Production = Production.PENDING) -> list[int]:
    """The documents of a job that somebody has claimed and not finished; or what of these has come to an end."""
    with machine.here():
        asked = select(Document.id).where(Document.job_id == job_id, Document.production == production)
        asked = asked.where(Document.id.in_(of)) if of else asked.where(Document.lease_until.is_not(None))
        return list(db.session.scalars(asked))


def jobs_of(machine: Machine, upload_id: int) -> int:
    """How many jobs came of an upload."""
    with machine.here():
        sha256 = db.session.get_one(Upload, upload_id).sha256
        handed_in = select(Upload.job_id).where(Upload.sha256 == sha256, Upload.job_id.is_not(None))
        named = db.session.scalar(select(func.count()).where(Job.id.in_(handed_in)))
        orphans = db.session.scalar(
            select(func.count()).where(
                Job.file_name == "handed-in.csv", Job.id.not_in(select(Upload.job_id).where(Upload.job_id.is_not(None)))
            )
        )
        return named + orphans
