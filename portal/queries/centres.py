"""Reading centres."""

from __future__ import annotations

from sqlalchemy.orm import joinedload

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.errors import NotFound
from portal.models.centres import Centre


def get_centre(centre_id: int, *, actor: Actor) -> Centre:
    """A centre that the actor may see, with its brand."""
    return scope.load(scope.centres(actor).options(joinedload(Centre.brand)), centre_id)


def get_by_number(number: str, *, actor: Actor) -> Centre:
    """A centre that the actor may see, by its number."""
    found = db.session.scalars(scope.centres(actor).where(Centre.number == number.strip())).one_or_none()
    if found is None:
        raise NotFound("There is nothing here.")
    return found


def list_choices(*, actor: Actor) -> list[tuple[int, str]]:
    """All centres that the actor may see, as choices: id and ``Riverside College (10042)``."""
    rows = db.session.execute(
        scope.centres(actor).with_only_columns(Centre.id, Centre.name, Centre.number).order_by(Centre.name)
    )
    return [(row.id, f"{row.name} ({row.number})") for row in rows]
