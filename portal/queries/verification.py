"""Smart Verify: what a reference number is worth at this moment, and as much about it as its brand makes public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, bindparam, select

from portal import clock, reference
from portal.database import db
from portal.events import rooms
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.facts import Room
from portal.models.records import Record
from portal.queries.brands import FACE, IS_DEFAULT, WORN, Face, face_in
from portal.vocabulary import Form, Kind, Production, Validity, VerifyStatus


@dataclass(frozen=True, slots=True)
class Answer:
    """What everybody may know about a document, read at ``checked_at``; absent facts are ``None``."""

    reference: str
    status: VerifyStatus
    checked_at: datetime
    note: str = ""
    """A sentence where the status alone would mislead (too old to be validated here)."""
    kind: Kind | None = None
    learner: str | None = None
    qualification_title: str | None = None
    qualification_number: str | None = None
    level: str | None = None
    grade: str | None = None
    awarding_organisation: str | None = None
    brand_slug: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    cancelled_on: date | None = None
    replaced_on: date | None = None
    reason: str | None = None
    replaced_by: str | None = None
    replacement_drawn: bool = False
    """Whether the newer document can be looked at already; a moment after a replacement it cannot."""
    sha256: str | None = None
    language: str | None = None
    centre: str | None = None
    units: tuple[tuple[Any, ...], ...] = ()
    pages: tuple[dict[str, Any], ...] = ()
    seq: int = 0
    """The step of the document's room that this was read at."""
    face: Face | None = None
    """What the page wears that shows this: the default brand, as it was at the same moment."""

    def as_json(self) -> dict[str, Any]:
        """The answer as CONTRACT.md names its parts; dates as yyyy-mm-dd, the reference in groups."""
        return {
            "reference": reference.formatted(self.reference) if self.reference else None,
            "status": self.status.value,
            "checked_at": self.checked_at.isoformat(timespec="seconds"),
            "document_type": self.kind.value if self.kind else None,
            "learner": self.learner,
            "qualification_title": self.qualification_title,
            "qualification_number": self.qualification_number,
            "level": self.level,
            "grade": self.grade,
            "awarding_organisation": self.awarding_organisation,
            "issued_on": _iso(self.issued_on),
            "expires_on": _iso(self.expires_on),
            "cancelled_on": _iso(self.cancelled_on),
            "reason": self.reason or (self.note or None),
            "replaced_by": reference.formatted(self.replaced_by) if self.replaced_by else None,
            "sha256": self.sha256,
        }


def _look() -> Select[Any]:
    """All that one look at a document needs, of one moment: what the document is worth, the step of its room, the face.

    It is made once and of plain columns, since making it costs several times what the database takes to answer it.
    """
    document, record, centre = Document.__table__, Record.__table__, Centre.__table__
    brand, room, successor = Brand.__table__, Room.__table__, Document.__table__.alias("successor")
    return (
        select(
            document.c.kind,
            document.c.validity,
            document.c.issued_on,
            document.c.expires_on,
            document.c.cancelled_at,
            document.c.replaced_at,
            document.c.reason,
            document.c.files,
            successor.c.reference.label("replaced_by"),
            successor.c.production.label("successor"),
            record.c.first_name,
            record.c.middle_name,
            record.c.last_name,
            record.c.qualification_title,
            record.c.qualification_number,
            record.c.level,
            record.c.grade,
            record.c.language,
            centre.c.name.label("centre"),
            record.c.units,
            brand.c.name.label("brand"),
            brand.c.slug,
            brand.c.validate_from,
            brand.c.public_document,
            room.c.seq,
            *FACE,
        )
        .join(record, record.c.id == document.c.record_id)
        .join(brand, brand.c.id == record.c.brand_id)
        .join(centre, centre.c.id == record.c.centre_id)
        .outerjoin(successor, successor.c.id == document.c.replaced_by_id)
        .outerjoin(room, room.c.name == bindparam("room"))
        .outerjoin(WORN, IS_DEFAULT)
        .where(document.c.reference == bindparam("reference"), document.c.production == Production.COMPLETED)
    )


LOOK = _look()


def unavailable(text: str) -> Answer:
    """The answer when the status cannot be read now: never "valid"."""
    return Answer(reference.normalise(text) or "", VerifyStatus.UNAVAILABLE, clock.now())


def check(text: str) -> Answer:
    """What a reference, as typed or scanned, is worth now. One query; none for what cannot be a reference.

    Documents that are not drawn yet are unknown to the public.
    """
    canonical = reference.normalise(text)
    moment = clock.now()
    if canonical is None:
        return Answer("", VerifyStatus.UNKNOWN, moment)
    row = db.session.execute(LOOK, {"reference": canonical, "room": rooms.verify(canonical)}).one_or_none()
    if row is None:
        return Answer(canonical, VerifyStatus.UNKNOWN, moment)
    status, note = _status(row)
    digital = row.files.get(Form.DIGITAL.value, {}) if row.public_document else {}
    return Answer(
        reference=canonical,
        status=status,
        checked_at=moment,
        note=note,
        kind=row.kind,
        learner=" ".join(part for part in (row.first_name, row.middle_name, row.last_name) if part),
        qualification_title=row.qualification_title,
        qualification_number=row.qualification_number,
        level=row.level,
        grade=row.grade,
        awarding_organisation=row.brand,
        brand_slug=row.slug,
        issued_on=row.issued_on,
        expires_on=row.expires_on,
        cancelled_on=_uk_day(row.cancelled_at) if status is VerifyStatus.CANCELLED else None,
        replaced_on=_uk_day(row.replaced_at),
        reason=row.reason if status is VerifyStatus.CANCELLED else None,
        replaced_by=row.replaced_by,
        replacement_drawn=row.successor is Production.COMPLETED,
        sha256=digital.get("sha256"),
        language=row.language,
        centre=row.centre,
        units=tuple(tuple(unit) for unit in row.units) if row.kind is Kind.TRANSCRIPT else (),
        pages=tuple(digital.get("pages", ())),
        seq=row.seq or 0,
        face=face_in(row),
    )


def _status(row: Any) -> tuple[VerifyStatus, str]:
    if row.validity is not Validity.VALID:
        return VerifyStatus(row.validity.value), ""
    if row.validate_from is not None and row.issued_on <= row.validate_from:
        return VerifyStatus.UNAVAILABLE, (
            f"Documents of {row.brand} can be validated here only when they were issued after "
            f"{row.validate_from.day} {row.validate_from:%B %Y}."
        )
    if row.expires_on is not None and row.expires_on < clock.today():
        return VerifyStatus.EXPIRED, ""
    return VerifyStatus.VALID, ""


def _uk_day(moment: datetime | None) -> date | None:
    return clock.as_uk(moment).date() if moment else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
