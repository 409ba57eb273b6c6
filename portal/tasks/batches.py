"""Batch files: the preflight and the publishing, one after the other, out of the web process."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from flask import current_app

from portal import clock, fault
from portal.documents.coverage import unsupported_characters
from portal.errors import Fenced, PortalError
from portal.events import rooms
from portal.intake import preflight
from portal.queries.held import HeldOnFile
from portal.queries.uploads import SUFFIX, path_of, store_root
from portal.realtime import ring
from portal.services import claims, uploads
from portal.vocabulary import UploadState

log = logging.getLogger(__name__)


def run(upload_id: int) -> None:
    """Do the next step of a batch file: check it, or publish it."""
    claimed = uploads.claim(upload_id)
    if claimed is None:
        return
    taken, upload = claimed
    try:
        with path_of(current_app.config["PORTAL_DATA"], upload.sha256).open("rb") as stream:
            held = HeldOnFile(upload.centre_id)
            progress = _Progress(taken, upload_id)
            if upload.state is UploadState.PUBLISHING:
                uploads.publish_claimed(
                    taken, stream, held=held, unsupported=unsupported_characters, on_progress=progress
                )
            else:
                report = preflight(
                    stream,
                    held,
                    today=clock.today(),
                    unsupported=unsupported_characters,
                    on_progress=progress,
                )
                uploads.finish_check(taken, report)
    except Fenced:
        log.warning("upload %s was taken over by another worker", upload_id)
    except PortalError as error:
        uploads.fail(taken, error.message, final=True)
    except Exception as error:
        log.exception("upload %s did not work", upload_id)
        uploads.fail(taken, f"This did not work ({type(error).__name__}). It is tried up to three times.", final=False)


def forget_unused(*, seconds: float) -> int:
    """Delete files that no row names: their web process died before it noted what it had kept. Say how many.

    What is younger than so many seconds may be about to be noted.
    """
    folder = store_root(current_app.config["PORTAL_DATA"])
    old = [path for path in folder.glob(f"*/*{SUFFIX}") if _is_old(path, seconds)]
    named = uploads.list_files() if old else set()
    gone = 0
    for path in old:
        if path.stem not in named and _is_old(path, seconds):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _is_old(path: Path, seconds: float) -> bool:
    try:
        return clock.now().timestamp() - path.stat().st_mtime >= seconds
    except FileNotFoundError:
        return False


class _Progress:
    """Ticks to the open page, and the heartbeat of the claim."""

    def __init__(self, taken: claims.Claim, upload_id: int) -> None:
        self.taken = taken
        self.upload_id = upload_id
        self.ticker = ring.Ticker(rooms.upload(upload_id))
        self.beaten = time.monotonic()

    def __call__(self, rows: int) -> None:
        fault.point("import_mid_rows", self.upload_id)
        self.ticker({"rows": rows})
        if time.monotonic() - self.beaten > 5:
            uploads.beat(self.taken)
            self.beaten = time.monotonic()
