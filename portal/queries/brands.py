"""Reading brands: the face of a portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from portal.database import db
from portal.models.brands import Brand

WORN = Brand.__table__.alias("worn")
"""For a statement that reads a face beside its own facts: ``.outerjoin(WORN, IS_DEFAULT)`` and the columns ``FACE``."""

IS_DEFAULT = WORN.c.id == (
    select(func.min(Brand.__table__.c.id)).where(Brand.__table__.c.archived.is_(False)).scalar_subquery()
)
FACE = [WORN.c[name].label(f"face_{name}") for name in ("slug", "name", "portal_name", "logo")]


@dataclass(frozen=True, slots=True)
class Face:
    """As much of a brand as the frame of every page shows."""

    slug: str
    name: str
    portal_name: str
    logo: str


def face_in(row: Any) -> Face | None:
    """The face in a row that holds the columns ``FACE``; ``None`` where there is no brand yet."""
    if row.face_slug is None:
        return None
    return Face(row.face_slug, row.face_name, row.face_portal_name, row.face_logo)


def find_default() -> Brand | None:
    """The brand that pages wear where no centre decides: the first one."""
    return db.session.scalars(select(Brand).where(Brand.archived.is_(False)).order_by(Brand.id).limit(1)).one_or_none()


def find_by_slug(slug: str) -> Brand | None:
    """A brand by the name in its address; public, since its face is."""
    return db.session.scalars(select(Brand).where(Brand.slug == slug)).one_or_none()
