"""The sweeper: every few seconds it rings for work that nobody has, and tidies what time has decided."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from portal import fault
from portal.access.actor import SYSTEM
from portal.database import Busy, db
from portal.documents.storage import Store
from portal.events import outbox
from portal.queries import documents as drawn
from portal.queries import pictures as faces
from portal.queries import uploads as batches
from portal.services import (
    audit,
    documents,
    downloads,
    erasure,
    leadership,
    mails,
    pictures,
    sign_in_upkeep,
    uploads,
    users,
)
from portal.tasks import batches as batch_tasks
from portal.tasks import downloads as download_tasks
from portal.tasks import mails as mail_tasks
from portal.tasks import pictures as picture_tasks
from portal.tasks import queue
from portal.unit_of_work import unit_of_work

log = logging.getLogger(__name__)

EVERY = fault.wait("SWEEP", 5).total_seconds()
"""Seconds between two rounds."""

TIDY_EVERY = 600.0
"""Seconds between two rounds of deleting what is too old to be asked for."""


HALVES_STAY = 3600.0
"""Seconds after which a half-written file is nobody's any more."""


def sweep() -> None:
    """One round. A step that fails is logged and does not keep the others from their turn."""
    for step in (
        documents.give_up_on_poison,
        uploads.give_up_on_poison,
        downloads.give_up_on_poison,
        picture_tasks.give_up_on_poison,
        _mails,
        _bounces,
        _ring_documents,
        _ring_rest,
        _expire,
        downloads.settle_silent,
        download_tasks.expire,
        users.end_locks,
    ):
        _guarded(step)


def _guarded(step: Callable[[], object]) -> None:
    try:
        step()
    except (SQLAlchemyError, Busy) as error:
        log.warning("%s waits for the next round: %s", step.__name__, type(error).__name__)
    except Exception:
        log.exception("%s failed", step.__name__)
    finally:
        db.session.remove()


def _ring_documents() -> None:
    waiting = queue.waiting(queue.DOCUMENTS)
    due = documents.jobs_to_draw()
    fault.point("sweep_after_select", queue.DOCUMENTS)
    # More rings than work would only queue up while the workers are busy.
    if waiting is not None and waiting < max(2, len(due)):
        for job_id in due:
            queue.ring(queue.DOCUMENTS, job_id)
            fault.point("sweep_after_ring", queue.DOCUMENTS)


def _ring_rest() -> None:
    for name, due in (
        (queue.BATCHES, uploads.list_due),
        (queue.DOWNLOADS, downloads.list_due),
        (queue.PICTURES, pictures.list_due),
    ):
        idents = due()
        fault.point("sweep_after_select", name)
        waiting = queue.waiting(name)
        if waiting is not None and waiting < max(2, len(idents)):
            for ident in idents:
                queue.ring(name, ident)
                fault.point("sweep_after_ring", name)


def _mails() -> None:
    mails.recover()
    unknown = mails.list_unknown()
    arrived = mail_tasks.look_up([message_id for _, message_id in unknown]) if unknown else None
    if arrived is not None:
        for mail_id, message_id in unknown:
            mails.resolve_unknown(mail_id, arrived=message_id in arrived)
    # One ring sends what waits; a second worker that is idle joins in.
    if mails.list_due(most=1) and queue.waiting(queue.MAILS) == 0:
        queue.ring(queue.MAILS, queue.WHATEVER_WAITS)


def _bounces() -> None:
    mail_tasks.read_bounces()


def _expire() -> None:
    while documents.expire_passed():
        pass


def _erase() -> None:
    while erasure.erase_due():
        pass


def tidy() -> None:
    """Delete what nobody can ask for any more."""
    with unit_of_work(SYSTEM):
        outbox.forget_old()
        sign_in_upkeep.forget_old()
    for root in (drawn.store_root, batches.store_root, faces.store_root):
        Store(root(current_app.config["PORTAL_DATA"])).forget_halves(seconds=HALVES_STAY)
    picture_tasks.forget_unused()
    batch_tasks.forget_unused(seconds=HALVES_STAY)
    while audit.forget_old(days=current_app.config["AUDIT_DAYS"]):
        pass
    download_tasks.clear_away(seconds=HALVES_STAY)


def run(stopped: Callable[[], bool]) -> None:
    """Sweep until told to stop; of several sweepers only the one that leads does anything."""
    tidied = time.monotonic() - TIDY_EVERY + 30
    while not stopped():
        begun = time.monotonic()
        leads = False
        try:
            leads = leadership.lead("sweeper")
        except (SQLAlchemyError, Busy) as error:
            log.warning("the sweeper waits for the database: %s", type(error).__name__)
        finally:
            db.session.remove()
        if leads:
            sweep()
            if time.monotonic() - tidied > TIDY_EVERY:
                _guarded(tidy)
                _guarded(_erase)
                tidied = time.monotonic()
        while not stopped() and time.monotonic() - begun < EVERY:
            time.sleep(0.2)
