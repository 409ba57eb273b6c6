"""Figures of the whole portal, without names: how much work waits."""

from __future__ import annotations

from sqlalchemy import func, select

from portal.database import db
from portal.models.documents import Document
from portal.models.mails import Mail
from portal.models.uploads import Upload
from portal.vocabulary import MailState, Production, UploadState


def work() -> list[tuple[str, str, int]]:
    """Name, meaning and value of each figure."""
    counts = [
        ("documents_pending", "Documents waiting to be drawn.", Document.production == Production.PENDING),
        ("mails_queued", "Mails waiting to be sent.", Mail.state == MailState.QUEUED),
        ("mails_unknown", "Mails whose fate nobody knows.", Mail.state == MailState.UNKNOWN),
        ("uploads_waiting", "Batch files waiting to be checked.", Upload.state == UploadState.UPLOADED),
    ]
    return [
        (name, meaning, db.session.scalar(select(func.count()).where(condition)) or 0)
        for name, meaning, condition in counts
    ]
