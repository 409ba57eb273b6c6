"""Reading brands: the face of a portal."""

from sqlalchemy import select

from portal.database import db
from portal.models.brands import Brand


def find_default() -> Brand | None:
    """The brand that pages wear where no centre decides: the first one."""
    return db.session.scalars(select(Brand).where(Brand.archived.is_(False)).order_by(Brand.id).limit(1)).one_or_none()


def find_by_slug(slug: str) -> Brand | None:
    """A brand by the name in its address; public, since its face is."""
    return db.session.scalars(select(Brand).where(Brand.slug == slug)).one_or_none()
