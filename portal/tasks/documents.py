"""Drawing the documents of a job: claim some, draw, keep the bytes, finish; the rest is rung for again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from io import BytesIO

from flask import current_app
from PIL import Image
from sqlalchemy.exc import OperationalError

from portal import documents as engine
from portal import fault
from portal.database import Busy, db
from portal.documents import sheets
from portal.documents.images import SUFFIX, page_images
from portal.documents.storage import OutOfSpace, Store
from portal.documents.typesetting import UndrawableText
from portal.errors import Fenced
from portal.queries.documents import store_root
from portal.services import documents
from portal.services.documents import Drawn, NotDrawn
from portal.tasks import queue
from portal.vocabulary import Form

log = logging.getLogger(__name__)

AT_ONCE = 25
"""Documents claimed together."""

TOLD_EVERY = 0.1
"""Seconds after which finished documents are committed, so that open pages see them."""

TURN = 3.0
"""Seconds of one task; afterwards the job goes to the end of the queue, so that no job waits for a long one."""

FULL = "There is no space left on the disk. Drawing goes on by itself when there is."


def draw(job_id: int) -> None:
    """Draw documents of a job for one turn; ring again when some are left."""
    end_of_turn = time.monotonic() + TURN
    store = Store(store_root(current_app.config["PORTAL_DATA"]))
    while time.monotonic() < end_of_turn:
        claim = documents.claim_to_draw(job_id, most=AT_ONCE)
        if claim is None:
            return
        try:
            _draw_claimed(claim, job_id, store)
        except Fenced:
            log.warning("documents of job %s were taken over by another worker", job_id)
    # The sweeper would ring for one turn every five seconds only.
    queue.ring(queue.DOCUMENTS, job_id)


def _draw_claimed(claim: documents.claims.Claim, job_id: int, store: Store) -> None:
    results: list[Drawn | NotDrawn] = []
    told = time.monotonic()
    try:
        for result in _results(claim, store):
            results.append(result)
            if time.monotonic() - told > TOLD_EVERY:
                _finish(claim, job_id, results)
                results, told = [], time.monotonic()
    finally:
        _finish(claim, job_id, results)


def _finish(claim: documents.claims.Claim, job_id: int, results: list[Drawn | NotDrawn]) -> None:
    """Commit what was drawn; a database that restarts is waited for, so that it costs no document a try."""
    for pause in (0.5, 1, 2, 4, 8):
        try:
            documents.finish(claim, job_id, results)
            return
        except (OperationalError, Busy) as error:
            log.warning("the database did not take what was drawn (%s); trying again", type(error).__name__)
            db.session.remove()
            time.sleep(pause)
    documents.finish(claim, job_id, results)


def _results(claim: documents.claims.Claim, store: Store) -> Iterator[Drawn | NotDrawn]:
    for document_id, sheet in documents.sheets_of(claim, public_url=current_app.config["PUBLIC_URL"]):
        fault.point("draw", document_id)
        try:
            yield Drawn(document_id, _files(sheet, store))
        except OutOfSpace:
            yield NotDrawn(document_id, FULL, counts=False)
        except UndrawableText as error:
            yield NotDrawn(document_id, str(error), final=True)
        except Exception as error:
            log.exception("document %s could not be drawn", document_id)
            yield NotDrawn(document_id, f"Drawing failed: {type(error).__name__}. It is tried up to three times.")


def _files(sheet: sheets.Sheet, store: Store) -> dict[str, object]:
    """Draw both forms and their page images, keep them; give what ``Document.files`` holds."""
    files: dict[str, object] = {}
    for form in Form:
        pdf = engine.draw(sheet, form.value)
        kept = store.put(pdf, ".pdf")
        pages = []
        for image in page_images(pdf):
            page = store.put(image, SUFFIX)
            width, height = Image.open(BytesIO(image)).size
            pages.append({"sha256": page.sha256, "width": width, "height": height})
        files[form.value] = {"sha256": kept.sha256, "size": kept.size, "pages": pages}
    return files
