"""Reading users: those whom an actor may see."""

from __future__ import annotations

from sqlalchemy.orm import joinedload

from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.models.centres import Centre
from portal.models.users import User


def get_user(user_id: int, *, actor: Actor) -> User:
    """One user with centre and brand, for somebody who manages users. Raises ``NotFound``."""
    actor.require(Permission.USERS_MANAGE)
    return scope.load(scope.users(actor).options(joinedload(User.centre).joinedload(Centre.brand)), user_id)


def get_deleted_user(user_id: int, *, actor: Actor) -> User:
    """One deleted user who can still be brought back. Raises ``NotFound``."""
    actor.require(Permission.USERS_MANAGE)
    return scope.load(scope.deleted_users(actor), user_id)


def list_of_centre(centre_id: int, *, actor: Actor) -> list[User]:
    """All users of a centre, by name."""
    actor.require(Permission.USERS_MANAGE)
    statement = scope.users(actor).where(User.centre_id == centre_id)
    return list(db.session.scalars(statement.order_by(User.last_name, User.first_name, User.id)))
