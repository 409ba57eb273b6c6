"""What must be true after every fault, whatever it was: each is a query that finds nothing."""

from __future__ import annotations

from collections import Counter
from email import message_from_bytes

from sqlalchemy import func, select

from portal.database import db
from portal.documents.storage import Store
from portal.models.documents import Document
from portal.models.facts import Room, RoomChange
from portal.models.jobs import Job
from portal.models.mails import Mail
from portal.queries.documents import store_root
from portal.services import documents
from portal.vocabulary import MailState, Production
from tests.machine import Machine


def check(machine: Machine) -> None:
    """Fail with what is wrong."""
    with machine.here():
        db.session.rollback()
        _figures_add_up()
        _files_are_whole(machine)
        _steps_have_no_holes()
        _nothing_is_held()
    _mails_once(machine)


def _figures_add_up() -> None:
    for job in db.session.scalars(select(Job).execution_options(populate_existing=True)):
        kept = {name: getattr(job, name) for name in ("requested", "pending", "failed", "completed")}
        assert kept == documents.figures(job.id), f"the figures of job {job.id} do not add up"
        assert job.requested == job.pending + job.failed + job.completed


def _files_are_whole(machine: Machine) -> None:
    store = Store(store_root(machine.data))
    for document in db.session.scalars(select(Document).where(Document.production == Production.COMPLETED)):
        for form in ("print", "digital"):
            kept = document.files[form]
            assert store.verify(kept["sha256"], ".pdf"), f"the {form} of document {document.id} is damaged"
            for page in kept["pages"]:
                assert store.verify(page["sha256"], ".jpg")
    # A writer that is killed leaves half a file, under a name that nobody asks for and that the sweeper removes.
    store.forget_halves(seconds=0)
    assert not list(store.root.rglob("*.part")), "half a file was left behind for good"


def _steps_have_no_holes() -> None:
    for room, seq in db.session.execute(select(Room.name, Room.seq)):
        steps = db.session.execute(select(func.count(), func.max(RoomChange.seq)).where(RoomChange.room == room)).one()
        assert steps == (seq, seq), f"room {room} is at {seq} but has {steps}"


def _nothing_is_held() -> None:
    held = db.session.scalar(
        select(func.count()).where(Document.production != Production.PENDING, Document.lease_until.is_not(None))
    )
    assert held == 0, "finished documents are still claimed"


def _mails_once(machine: Machine) -> None:
    accepted = Counter(message_from_bytes(data)["Message-ID"] for data in machine.mails())
    assert not [ident for ident, times in accepted.items() if times > 1], "a mail arrived twice"
    with machine.here():
        db.session.rollback()
        known = dict(db.session.execute(select(Mail.message_id, Mail.state)).all())
    sent = {ident for ident, state in known.items() if state is MailState.SENT}
    assert sent <= set(accepted), "a mail counts as sent that nobody received"
    assert set(accepted) <= set(known), "a mail was sent that nobody wrote"
