"""Reading all brands, for the back office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.records import Record


def get_brand(brand_id: int, *, actor: Actor) -> Brand:
    """A brand, for those who manage them. Raises ``NotFound``."""
    return scope.load(scope.brands(actor), brand_id)


def list_brands(*, actor: Actor) -> Sequence[Any]:
    """All brands by name as ``(brand, centres, records)``: how many centres wear it, how many awards carry it."""
    centres = select(func.count(Centre.id)).where(Centre.brand_id == Brand.id).correlate(Brand).scalar_subquery()
    records = select(func.count(Record.id)).where(Record.brand_id == Brand.id).correlate(Brand).scalar_subquery()
    return db.session.execute(
        scope.brands(actor).add_columns(centres.label("centres"), records.label("records")).order_by(Brand.name)
    ).all()


def list_choices(*, actor: Actor, including: int = 0) -> list[tuple[int, str]]:
    """The brands that a centre may wear, as choices; ``including`` the one it wears, archived or not."""
    rows = db.session.execute(
        scope.brands(actor)
        .where(or_(Brand.archived.is_(False), Brand.id == including))
        .with_only_columns(Brand.id, Brand.name)
        .order_by(Brand.name)
    )
    return [(row.id, row.name) for row in rows]
