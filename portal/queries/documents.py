"""Reading documents: where their bytes lie, and one with all that a page or a check needs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import joinedload

from portal import reference
from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.errors import NotFound
from portal.models.documents import Document
from portal.models.records import Record


def store_root(data: Path) -> Path:
    """The folder of the document store inside ``PORTAL_DATA``."""
    return data / "documents"


def get_document(document_id: int, *, actor: Actor) -> Document:
    """A document that the actor may see, with record, brand, centre, job and its neighbours in the chain."""
    return scope.load(
        scope.documents(actor).options(
            joinedload(Document.record).joinedload(Record.brand),
            joinedload(Document.record).joinedload(Record.centre),
            joinedload(Document.record).joinedload(Record.job),
            joinedload(Document.replaces),
            joinedload(Document.replaced_by),
        ),
        document_id,
    )


def get_by_reference(text: str, *, actor: Actor) -> Document:
    """A document that the actor may see, by its reference as people type it."""
    canonical = reference.normalise(text)
    found = None
    if canonical is not None:
        found = db.session.scalars(scope.documents(actor).where(Document.reference == canonical)).one_or_none()
    if found is None:
        raise NotFound("There is no document with this reference.")
    return found
